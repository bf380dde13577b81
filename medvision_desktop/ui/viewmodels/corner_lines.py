"""What stands in the four corners of an image, from the header and the view, nothing invented.

Small panes keep what identifies the image and how it is windowed: name, id, series, window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from medvision_desktop.domain.display import RenderPlan, VoiFunction, VoiLut
from medvision_desktop.domain.geometry import Plane, Vector3
from medvision_desktop.domain.study import SourceKind, StudyRef
from medvision_desktop.pixels import colour_maps
from medvision_desktop.ui.viewmodels.first_look import colour_scale
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus, Shown

SEPARATOR: Final = "  ·  "
HIDDEN: Final = "Name hidden"
_AXES: Final = (("L", "R"), ("P", "A"), ("H", "F"))
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FUNCTIONS: Final = {VoiFunction.SIGMOID: "sigmoid"}
_LONGEST: Final = 64
# Badges that small panes keep as well: values that no scanner has measured, and what is not seen.
_ALWAYS: Final = ("Interpolated", "Resampled", "Lossy", "Shutter on")


@dataclass(frozen=True)
class Line:
    """One line of corner text. `strong` is semibold; `plane` puts the plane's colour before it.

    `key` says that the reader marked the image.
    """

    text: str
    strong: bool = False
    plane: Plane | None = None
    warn: bool = False
    key: bool = False


@dataclass(frozen=True)
class CornerText:
    """Lines of the four corners, each from top to bottom."""

    top_left: tuple[Line, ...] = ()
    top_right: tuple[Line, ...] = ()
    bottom_left: tuple[Line, ...] = ()
    bottom_right: tuple[Line, ...] = ()


def corner_text(
    study: StudyRef,
    shown: Shown,
    *,
    scale: float,
    interpolation: str,
    layers: tuple[str, ...] = (),
    status: PaneStatus = PaneStatus.SHOWN,
    small: bool = False,
    masked: bool = False,
    prior: str = "",
) -> CornerText:
    """The text of one pane. `layers` are words for what is drawn over the image ("AI overlay").

    `prior` says that the study is an earlier one, and by how much.
    """
    frame = shown.frame
    if small:
        return CornerText(
            top_left=(*_who(study, masked=masked)[:2], *_prior(prior)),
            bottom_left=_what(shown, status, small=True),
            bottom_right=(
                *((Line(SEPARATOR.join(layers)),) if layers else ()),
                *(Line(badge) for badge in shown.plan.badges if badge.startswith(_ALWAYS)),
                *_doubts(shown.plan),
                *_window(shown.plan),
                Line(f"Zoom {_zoom(scale)}"),
            ),
        )
    return CornerText(
        top_left=_who(study, masked=masked),
        top_right=(*_prior(prior), *_where(study, frame.corner)),
        bottom_left=_what(shown, status, small=False),
        bottom_right=(
            *_badges(shown.plan, layers),
            *_doubts(shown.plan),
            *_window(shown.plan),
            Line(_join(f"Zoom {_zoom(scale)}", interpolation)),
        ),
    )


def identity(study: StudyRef, *, masked: bool = False, prior: str = "") -> CornerText:
    """Who the patient is, for a pane whose image is not here yet or cannot be shown."""
    return CornerText(top_left=(*_who(study, masked=masked)[:2], *_prior(prior)))


def patient_name(name: str) -> str:
    """A DICOM person name (PS3.5 6.2.1) as people write it: `Larsen^Ingrid` is "Larsen, Ingrid"."""
    alphabetic = name.split("=", maxsplit=1)[0]
    family, *rest = [part.strip() for part in alphabetic.split("^")]
    given = " ".join(part for part in rest[:2] if part)
    return ", ".join(part for part in (family, given) if part) or "No name given"


def long_date(iso: str) -> str:
    """`2004-08-26` as "26 Aug 2004", the same in every language of the system; else as given."""
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day:02d} {_MONTHS[day.month - 1]} {day.year:04d}"


def age_text(study: StudyRef) -> str:
    """Age at the study: the header's, else from birth and study date, else nothing."""
    given = study.age.strip()
    if len(given) == 4 and given[:3].isdigit() and given[3] in "DWMY":
        return f"{int(given[:3])} {given[3].lower()}"
    try:
        born, then = date.fromisoformat(study.patient.birth_date), date.fromisoformat(study.date)
    except ValueError:
        return ""
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    return f"{years} y" if 0 <= years < 150 else ""


def window_text(plan: RenderPlan) -> str:
    """The window in use: `W 19000  L 10500  ·  sigmoid  ·  hot iron`; empty for colour."""
    if plan.voi is None:
        return ""
    if isinstance(plan.voi, VoiLut):
        return _join("VOI LUT", plan.voi.explanation)
    numbers = f"W {_number(plan.voi.width)}  L {_number(plan.voi.center)}"
    curve = "logarithmic" if plan.logarithmic else _FUNCTIONS.get(plan.voi.function, "")
    colours = colour_maps.BY_ID[plan.colours].name if plan.colours else ""
    return _join(numbers, curve, colours)


def position_text(point_lps_mm: Vector3, normal_lps: Vector3) -> str:
    """Where a slice lies along the axis it is most nearly normal to: "H 34.0 mm"."""
    axis = max(range(3), key=lambda a: abs(normal_lps[a]))
    value = point_lps_mm[axis]
    return f"{_AXES[axis][0 if value >= 0 else 1]} {abs(value):.1f} mm"


def point_text(point_lps_mm: Vector3) -> str:
    """Where a point lies in the patient: "L 34.0  A 12.0  H 34.0 mm"."""
    parts = (
        f"{letters[0 if value >= 0 else 1]} {abs(value):.1f}"
        for letters, value in zip(_AXES, point_lps_mm, strict=True)
    )
    return "  ".join(parts) + " mm"


def series_title(shown: Shown) -> str:
    """The series' description, else body part and view ("Chest PA"), else its modality."""
    series = shown.loaded.series
    described = shown.frame.corner.get("series_description", "") or series.description
    region = " ".join(part for part in (series.body_part.capitalize(), series.view_position) if part)
    return _short(described or region or series.modality or "Image")


def caption(shown: Shown, layers: str = "") -> str:
    """What a key image shows, without the patient: view, image number, window, layers."""
    turned = " oblique" if shown.frame.corner.get("oblique") else ""
    which = f"{shown.plane.value}{turned} slice" if shown.plane is not None else "image"
    place = f"{which} {shown.index + 1} of {shown.count}" if shown.count > 1 else ""
    place = ", ".join(part for part in (shown.loaded.phase_label.replace(SEPARATOR, ", "), place) if part)
    window = window_text(shown.plan).replace(SEPARATOR, ", ").replace("  ", " ")
    spacing = "" if shown.frame.spacing is not None else "no pixel spacing"
    scale = colour_scale(shown.plan)
    colours = "" if scale is None else f"colours from {scale.low} to {scale.high} {scale.title}".rstrip()
    parts = (series_title(shown), place, window, colours, layers, spacing)
    return ", ".join(part for part in parts if part)


def _who(study: StudyRef, *, masked: bool) -> tuple[Line, ...]:
    if masked:
        return (Line(HIDDEN, strong=True),)
    patient = study.patient
    born = long_date(patient.birth_date) if patient.birth_date else ""
    lines = (_join(born, patient.sex, age_text(study)),)
    return (
        Line(_short(patient_name(patient.name)), strong=True),
        Line(_short(patient.id) or "No ID given"),
        *(Line(text) for text in lines if text),
    )


def _prior(words: str) -> tuple[Line, ...]:
    return (Line(words, strong=True),) if words else ()


def _where(study: StudyRef, corner: Mapping[str, str]) -> tuple[Line, ...]:
    time = study.time[:5]
    when = "  ".join(part for part in (long_date(study.date) if study.date else "", time) if part)
    texts = (study.institution, when, corner.get("model", ""))
    return tuple(Line(_short(text)) for text in texts if text)


def _what(shown: Shown, status: PaneStatus, *, small: bool) -> tuple[Line, ...]:
    frame, series, plane = shown.frame, shown.loaded.series, shown.plane
    place = _place(shown)
    if plane is not None:
        turned = frame.corner.get("oblique", "")
        title = f"{plane.value.capitalize()}, oblique {turned}" if turned else plane.value.capitalize()
        if small:
            return _lines(Line(title, strong=True, plane=plane), shown.loaded.phase_label, place)
        head = Line(_join(title, series_title(shown)), strong=True, plane=plane)
        which = f"Slice {shown.index + 1} of {shown.count}"
        return _lines(head, shown.loaded.phase_label, which, place)
    word = "file" if series.kind is SourceKind.RASTER else "Series"
    number = f"{word} {series.number}" if series.number is not None else ""
    image = f"image {shown.index + 1} of {shown.count}"
    if status is PaneStatus.PARTIAL:
        image = f"reading {series.frame_count} images"
    if small:
        several = shown.count > 1 or status is PaneStatus.PARTIAL
        spacing = "" if frame.spacing is not None else "No pixel spacing: px"
        image = image[:1].upper() + image[1:] if several else ""
        return _lines(Line(series_title(shown)), shown.loaded.phase_label, image, spacing)
    spacing = "" if frame.spacing is not None else "Pixel spacing not given: px"
    counted = _join(number, image)
    counted = counted[:1].upper() + counted[1:]
    return _lines(Line(series_title(shown)), shown.loaded.phase_label, counted, _join(place, spacing))


def _place(shown: Shown) -> str:
    frame = shown.frame
    if frame.geometry is None:
        return ""
    if shown.plane is None and shown.count == 1:
        return ""
    middle = frame.geometry.point_lps_mm((frame.rows - 1) / 2, (frame.columns - 1) / 2)
    thickness = frame.corner.get("slice_thickness_mm", "") if shown.plane is None else ""
    try:
        slice_text = f"slice {float(thickness):.1f} mm" if thickness else ""
    except ValueError:
        slice_text = ""
    slab = frame.corner.get("slab", "")
    return _join(position_text(middle, frame.geometry.normal_lps), slice_text, slab)


def _badges(plan: RenderPlan, layers: tuple[str, ...]) -> tuple[Line, ...]:
    plain = [badge for badge in plan.badges if not _is_doubt(badge)]
    text = _join(*plain, *layers)
    return (Line(text),) if text else ()


def _doubts(plan: RenderPlan) -> tuple[Line, ...]:
    return tuple(Line(_short(badge), warn=True) for badge in plan.badges if _is_doubt(badge))


def _is_doubt(badge: str) -> bool:
    return badge.startswith("Not faithful")


def _window(plan: RenderPlan) -> tuple[Line, ...]:
    text = window_text(plan)
    if not text:
        return ()
    return (Line(text),)


def _zoom(scale: float) -> str:
    return f"{scale:.2f}" if scale < 1 else f"{scale:.1f}"


def _number(value: float) -> str:
    """Whole numbers where the values are large, enough digits where they are small."""
    if abs(value) >= 10:
        return f"{value:.0f}"
    if abs(value) >= 1:
        return f"{value:.4g}"
    return f"{value:.3g}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _join(*parts: str) -> str:
    return SEPARATOR.join(part for part in parts if part)


def _lines(head: Line, *texts: str) -> tuple[Line, ...]:
    return (head, *(Line(text) for text in texts if text))
