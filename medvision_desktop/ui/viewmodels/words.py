"""How findings, reasons and times are put into words, the same on every panel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from medvision_desktop.domain.findings import (
    Decision,
    Finding,
    GateCheck,
    GateReport,
    Laterality,
    ReviewState,
    Severity,
)
from medvision_desktop.domain.study import StudyRef

# `inference.cam.RECONSTRUCTION`, as it stands in the record.
_RECONSTRUCTION: Final = "reconstruction error"

NOTHING: Final = "–"

# Stable words of the input gate -> what they mean to a reader. Unknown ones are shown as they are.
_REASONS: Final = {
    "wrong_modality": "Not a radiograph",
    "wrong_body_part": "Not a chest film",
    "wrong_view": "Not a frontal film",
    "pixels_unreadable": "The picture cannot be judged",
    "looks_unlike_chest_film": "Not a chest film",
    "age_unknown": "Age not given: this model saw only children",
    "no_header": "No header: only the picture was checked",
    "modality_unknown": "Modality not given",
    "body_part_unknown": "Body part not given",
    "clipped": "Much of the picture is clipped",
    "colour": "A colour picture, read as grey",
    "no_volume": "No volume: the slices make no regular grid",
    "wrong_size": "Not the part that this model knows: it covers too much or too little",
    "size_outside_training": "Larger or smaller than the images the model was trained on",
    "coarse_spacing": "Voxels more than twice as large as the model's",
    "channel_needed": "A sequence that the model needs is missing",
    "channels_missing": "Sequences are missing",
    "channels_apart": "The sequences do not show the same place",
    "background_unusual": "Not cut out as the training images were: the skull may be on it",
}
# The titles above speak of chest films; a model of something else is told by what it wants.
_FILM: Final = re.compile(r"chest|film|radiograph", re.IGNORECASE)
_OTHERWISE: Final = {"wrong_modality": "Another modality", "wrong_body_part": "Another part of the body"}
_REFUSING: Final = (
    "wrong_modality",
    "wrong_body_part",
    "wrong_view",
    "looks_unlike_chest_film",
    "pixels_unreadable",
    "no_volume",
    "wrong_size",
    "channel_needed",
    "channels_apart",
)
_HEADER_CHECKS: Final = frozenset({"Modality", "Body part", "View"})
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOOKS_LIKE: Final = "Looks like a chest film"
_AGE_CHECK: Final = "Age"
_ADULT_YEARS: Final = 18


def reason_words(reason: str, checks: Sequence[GateCheck] = ()) -> str:
    """A gate's stable word as a short phrase: `age_outside_training` becomes the plain fact.

    `checks` are those of the same gate; the age among them tells an adult from a child.
    """
    if reason == "age_outside_training":
        return _age_words(checks)
    if reason == "channels_missing":
        return _sequence_words(checks)
    known = _REASONS.get(reason)
    if known is not None:
        return known
    text = reason.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def refusal(gate: GateReport) -> tuple[str, str]:
    """Title and reason of a refusal, from the checks that failed: what header and picture say."""
    reason = next((word for word in _REFUSING if word in gate.reasons), next(iter(gate.reasons), ""))
    title = reason_words(reason, gate.checks) if reason else "Not a suitable image"
    if reason in _OTHERWISE and gate.wanted and not _FILM.search(gate.wanted):
        title = _OTHERWISE[reason]
    failed = [check for check in gate.checks if check.passed is False]
    header = [check.detail for check in failed if check.name in _HEADER_CHECKS]
    likeness = next((check.detail for check in failed if check.name == _LOOKS_LIKE), "")
    looks = f"chest likeness {likeness.replace(' of ', ', where the model needs ')}." if likeness else ""
    if header and looks:
        return title, f"The header says {', '.join(header)} and the picture agrees: {looks}"
    if header:
        return title, f"The header says {', '.join(header)}."
    if looks:
        return title, f"The picture does not look like one: {looks}"
    return title, " ".join(f"{check.name}: {check.detail}." for check in failed)


def _sequence_words(checks: Sequence[GateCheck]) -> str:
    """Which sequences are missing, by name."""
    detail = next((check.detail for check in checks if check.name == "Sequences"), "")
    gone = detail.rpartition("missing ")[2] if "missing " in detail else ""
    return f"Not given: {gone}" if gone else _REASONS["channels_missing"]


def _age_words(checks: Sequence[GateCheck]) -> str:
    detail = next((check.detail for check in checks if check.name == _AGE_CHECK), "")
    years = re.match(r"\d+", detail)
    if years is None or int(years.group()) >= _ADULT_YEARS:
        return "Adult: this model saw only children"
    return f"Age outside training: {detail}"


def clock(utc: str) -> str:
    """Local wall-clock time HH:MM of an ISO 8601 moment; empty when there is none."""
    moment = _local(utc)
    return moment.strftime("%H:%M") if moment else ""


def clock_seconds(utc: str) -> str:
    """Local wall-clock time HH:MM:SS of an ISO 8601 moment; empty when there is none."""
    moment = _local(utc)
    return moment.strftime("%H:%M:%S") if moment else ""


def day(utc_or_date: str) -> str:
    """A date as `26 Aug 2004`; empty when there is none."""
    moment = _local(utc_or_date)
    # Not strftime: Qt sets the process's locale, and with it the names of the months.
    return f"{moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year}" if moment else ""


def count(number: int) -> str:
    """A whole number with thin spaces between thousands: 86 524."""
    return f"{number:,}".replace(",", "\N{THIN SPACE}")


def duration(seconds: float) -> str:
    """How long something took: "52 ms", "11.7 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def map_name(method: str) -> str:
    """What a model's map of an image is called, by how it was made."""
    return "Reconstruction error" if method == _RECONSTRUCTION else "Model attention"


def map_meaning(name: str) -> str:
    """What such a map shows, and what it does not."""
    is_error = name == map_name(_RECONSTRUCTION)
    shows = "What the network could not draw" if is_error else "Where the network looked"
    return f"{shows}. Not a lesion outline."


def place(decision: Decision) -> str:
    """Side and location in one phrase: `left lower zone`, `both sides`, or an empty string."""
    location = decision.location.strip()
    location = location[:1].lower() + location[1:]
    if decision.laterality is Laterality.BOTH:
        return f"both sides, {location}" if location else "both sides"
    if decision.laterality is Laterality.NOT_GIVEN:
        return location
    side = decision.laterality.value
    return f"{side} {location}" if location else side


def described(decision: Decision) -> str:
    """Label, place and degree in one line: `Mass, left lower zone, severe`."""
    parts = [decision.label, place(decision)]
    if decision.severity is not Severity.NOT_GRADED:
        parts.append(decision.severity.value)
    return ", ".join(part for part in parts if part)


def finding_name(finding: Finding) -> str:
    """What a finding is called now: the reader's words once overridden, else the model's label."""
    if finding.decision.state in (ReviewState.OVERRIDDEN, ReviewState.ADDED):
        return described(finding.decision) or finding.label
    return finding.label


def study_title(study: StudyRef) -> str:
    """What a study is called in news: modality and description, never the patient."""
    return " ".join(part for part in (" ".join(study.modalities), study.description) if part) or "Study"


def _local(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone() if moment.tzinfo else moment
