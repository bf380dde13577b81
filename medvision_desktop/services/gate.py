"""The header gate: may this image go to this model, as far as its header and plain pixels say.

It refuses what the header rules out (modality, body part, view), and passes with a doubt what the
model was not made for but may still read (an age outside its training, a silent header). What the
picture itself looks like is the pixel gate's question, asked in `inference`; its line is kept free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from medvision_desktop.domain.findings import GateCheck, GateReport
from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.modelkit.manifest import Manifest, Wanted

# Stable words: they stand in the record, in results and in documentation.
WRONG_MODALITY: Final = "wrong_modality"
WRONG_BODY_PART: Final = "wrong_body_part"
WRONG_VIEW: Final = "wrong_view"
PIXELS_UNREADABLE: Final = "pixels_unreadable"
AGE_OUTSIDE_TRAINING: Final = "age_outside_training"
AGE_UNKNOWN: Final = "age_unknown"
NO_HEADER: Final = "no_header"
MODALITY_UNKNOWN: Final = "modality_unknown"
BODY_PART_UNKNOWN: Final = "body_part_unknown"
CLIPPED: Final = "clipped"
COLOUR: Final = "colour"

REFUSING: Final = frozenset({WRONG_MODALITY, WRONG_BODY_PART, WRONG_VIEW, PIXELS_UNREADABLE})
LOOKS_LIKE: Final = "Looks like a chest film"

# Modalities that say nothing of what was imaged: scanned film, screens, other.
_SAY_NOTHING: Final = frozenset({"", "OT", "SC", "DOC", "XC"})
_MINIMUM_SIDE: Final = 64
_WORD: Final = re.compile(r"[A-Z]+")
# Body parts by the words of DICOM PS3.16 CID 4031 that descriptions use for what was imaged.
_PARTS: Final = frozenset(
    [
        "ABDOMEN",
        "ANKLE",
        "ARM",
        "BLADDER",
        "BRAIN",
        "BREAST",
        "CHEST",
        "CSPINE",
        "ELBOW",
        "EXTREMITY",
        "FEMUR",
        "FINGER",
        "FOOT",
        "FOREARM",
        "HAND",
        "HEAD",
        "HEART",
        "HIP",
        "HUMERUS",
        "KIDNEY",
        "KNEE",
        "LEG",
        "LIVER",
        "LSPINE",
        "MANDIBLE",
        "NECK",
        "PANCREAS",
        "PELVIS",
        "PROSTATE",
        "SACRUM",
        "SHOULDER",
        "SKULL",
        "SPINE",
        "SPLEEN",
        "THIGH",
        "THORAX",
        "THUMB",
        "TIBIA",
        "TOE",
        "TSPINE",
        "UTERUS",
        "WRIST",
    ]
)
_AGE: Final = re.compile(r"^(\d{1,3})([DWMY])$")
_YEARS: Final = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


@dataclass(frozen=True)
class Checked:
    """One line of the panel and the word it adds, if any."""

    check: GateCheck
    reason: str = ""


def header_gate(study: StudyRef, series: SeriesRef, frame: Frame, manifest: Manifest) -> GateReport:
    """What header and plain pixels say about giving `frame` to the model of `manifest`."""
    wanted = manifest.wanted
    header = series.kind is SourceKind.DICOM
    lines = [_readable(frame), _polarity(frame, header), _clipped(frame, wanted.clipped_share)]
    if wanted.modalities:
        lines.append(modality_line(series, wanted, header))
    if wanted.body_parts:
        lines.append(body_part_line(study, series, wanted, header))
    if wanted.pixel_gate:
        lines.append(Checked(GateCheck(LOOKS_LIKE, None, "not checked")))
    if wanted.views:
        lines.append(_view(series, wanted))
    if wanted.age_years is not None:
        lines.append(_age(study, wanted.age_years, header))
    reasons = tuple(dict.fromkeys(line.reason for line in lines if line.reason))
    if PIXELS_UNREADABLE in reasons:
        reasons = tuple(reason for reason in reasons if reason != CLIPPED)
    if not header:
        reasons = (*reasons, NO_HEADER)
    return GateReport(
        ok=not REFUSING.intersection(reasons),
        reasons=reasons,
        checks=tuple(line.check for line in lines),
        wanted=wanted.text,
        given=_given(series, frame, header),
    )


def age_years(study: StudyRef) -> float | None:
    """Age at the study in years: Patient's Age (0010,1010), else from the dates; None if silent."""
    match = _AGE.match(study.age.strip())
    if match:
        return int(match.group(1)) / _YEARS[match.group(2)]
    try:
        born, taken = date.fromisoformat(study.patient.birth_date), date.fromisoformat(study.date)
    except ValueError:
        return None
    return (taken - born).days / 365.25 if taken >= born else None


def _readable(frame: Frame) -> Checked:
    detail = f"{frame.columns} × {frame.rows}, {frame.bits_stored} bit"
    sampled = frame.stored[:: max(1, frame.rows // 256), :: max(1, frame.columns // 256)]
    flat = bool(np.all(sampled == sampled.flat[0]))
    small = min(frame.rows, frame.columns) < _MINIMUM_SIDE
    if small or flat:
        why = "too small" if small else "one value only"
        return Checked(GateCheck("Pixels readable", False, f"{detail}, {why}"), PIXELS_UNREADABLE)
    return Checked(GateCheck("Pixels readable", True, detail))


def _polarity(frame: Frame, header: bool) -> Checked:
    if frame.photometric is Photometric.MONOCHROME1:
        return Checked(GateCheck("Polarity", True, "MONOCHROME1, inverted"))
    if frame.is_colour:
        return Checked(GateCheck("Polarity", None, "colour, read as grey"), COLOUR)
    if not header:
        return Checked(GateCheck("Polarity", None, "not stated"))
    return Checked(GateCheck("Polarity", True, frame.photometric.value))


def _clipped(frame: Frame, most: float) -> Checked:
    """Share of pixels at the lowest or highest value that the frame has."""
    step = max(1, max(frame.rows, frame.columns) // 512)
    sampled = frame.stored[::step, ::step]
    share = float(np.mean((sampled == sampled.min()) | (sampled == sampled.max())))
    fine = share <= most
    check = GateCheck("Not clipped", fine, f"{100 * share:.1f} % at the limits")
    return Checked(check, "" if fine else CLIPPED)


def modality_line(series: SeriesRef, wanted: Wanted, header: bool) -> Checked:
    """Modality (0008,0060); one that says nothing is a doubt."""
    if series.modality in _SAY_NOTHING:
        check = GateCheck("Modality", None, series.modality or "not stated")
        return Checked(check, MODALITY_UNKNOWN if header else "")
    fine = series.modality in wanted.modalities
    return Checked(GateCheck("Modality", fine, series.modality), "" if fine else WRONG_MODALITY)


def body_part_line(study: StudyRef, series: SeriesRef, wanted: Wanted, header: bool) -> Checked:
    """Body Part Examined (0018,0015); makers write it freely, so a wanted word inside is enough.

    Where it is silent the descriptions may name a part. Where they are silent too and no network
    looks at the pixels, nothing has said what the image shows, and that is a doubt.
    """
    given = series.body_part.upper()
    if not given:
        told = f"{series.description} {study.description}".upper()
        named = tuple(word for word in _WORD.findall(told) if word in _PARTS or word in wanted.body_parts)
        if not named:
            silent = header and not wanted.pixel_gate
            return Checked(GateCheck("Body part", None, "not stated"), BODY_PART_UNKNOWN if silent else "")
        fine = any(word in wanted.body_parts for word in named)
        check = GateCheck("Body part", fine, f"{named[0]}, from the description")
        return Checked(check, "" if fine else WRONG_BODY_PART)
    fine = any(part in given for part in wanted.body_parts)
    return Checked(GateCheck("Body part", fine, series.body_part), "" if fine else WRONG_BODY_PART)


def _view(series: SeriesRef, wanted: Wanted) -> Checked:
    given = series.view_position.upper()
    if not given:
        return Checked(GateCheck("View", None, "not stated"))
    fine = given in wanted.views
    return Checked(GateCheck("View", fine, series.view_position), "" if fine else WRONG_VIEW)


def _age(study: StudyRef, limits: tuple[float, float], header: bool) -> Checked:
    years = age_years(study)
    low, high = limits
    if years is None:
        return Checked(GateCheck("Age", None, "not stated"), AGE_UNKNOWN if header else "")
    # Ages are told in whole years, so a child of five stays five until the next birthday.
    fine = low <= years < high + 1
    detail = f"{int(years)} y, trained on {low:g} to {high:g} y"
    return Checked(GateCheck("Age", fine, detail), "" if fine else AGE_OUTSIDE_TRAINING)


def _given(series: SeriesRef, frame: Frame, header: bool) -> str:
    if not header:
        kind = "colour picture" if frame.is_colour else "picture"
        return f"A {kind} without a header, {frame.columns} × {frame.rows}"
    words = (series.modality, series.body_part, series.view_position)
    return " ".join(word for word in words if word) or "An image whose header does not say what it shows"
