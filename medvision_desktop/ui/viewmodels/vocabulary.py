"""Words that a reader picks from. Tables: every field that uses them also takes free text."""

from __future__ import annotations

from typing import Final

CHEST_LABELS: Final = (
    "Pneumonia",
    "Consolidation",
    "Atelectasis",
    "Effusion",
    "Pneumothorax",
    "Infiltration",
    "Nodule",
    "Mass",
    "Oedema",
    "Cardiomegaly",
    "Emphysema",
    "Fibrosis",
    "Pleural thickening",
    "Fracture",
    "Central line",
    "Normal",
)

LOCATIONS: Final = (
    "Not given",
    "Upper zone",
    "Middle zone",
    "Lower zone",
    "Apex",
    "Hilum",
    "Retrocardiac",
    "Costophrenic angle",
    "Pleura",
    "Mediastinum",
)
NO_LOCATION: Final = LOCATIONS[0]

OVERRIDE_REASONS: Final = (
    "Wrong label",
    "Wrong severity",
    "Artefact",
    "Wrong side",
    "Wrong location",
    "Other",
)

REJECT_REASONS: Final = (
    "Not seen on the image",
    "Artefact",
    "Normal variant",
    "Overlapping structures",
    "Known and unchanged",
    "Other",
)
OTHER: Final = "Other"
