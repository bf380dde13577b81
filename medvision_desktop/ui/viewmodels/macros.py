"""Phrases that go into a report at a click. A table: the reader's own come with the settings page."""

from __future__ import annotations

from typing import Final

MACROS: Final[dict[str, tuple[str, ...]]] = {
    "indication": ("Cough and fever.", "Persistent cough and weight loss.", "Follow-up.", "Not given."),
    "technique": (
        "Single PA projection.",
        "Single AP projection, supine.",
        "Pixel spacing is not given; sizes are in pixels.",
    ),
    "comparison": ("None available.", "No change from the previous examination."),
    "findings": (
        "No consolidation, no effusion, no pneumothorax.",
        "Heart size within normal limits.",
        "Lungs clear.",
        "No pneumothorax.",
        "Bones and soft tissues without a finding.",
    ),
    "impression": (
        "No acute finding.",
        "Consolidation in keeping with pneumonia.",
        "CT of the chest is advised.",
        "Follow-up radiograph after treatment is advised.",
    ),
}
