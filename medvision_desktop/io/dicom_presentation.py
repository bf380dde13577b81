"""Presentation states and key object selections: which images they name, and what they say of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.domain.display import Voi, VoiLut
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.layers import Annotation, Point, circle_through
from medvision_desktop.domain.presentation import (
    DisplayedArea,
    ImageRef,
    PresentationState,
    Scope,
)
from medvision_desktop.domain.study import PresentationRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_layers, dicom_tables
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_values import clean, items_of, number, numbers, text, value_of, whole

PRESENTATION_STATE: Final = "1.2.840.10008.5.1.4.1.1.11.1"
KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
_MOST_MARKS: Final = 2000
_MOST_POINTS: Final = 5000
_CURVE: Final = 64
_PLAIN: Final = PixelLayout(1, 1, 1, 1, 16, 16, 15, False, False, "MONOCHROME2", False)


@dataclass(frozen=True)
class KeyObjects:
    """Images that somebody marked, and under which title."""

    title: str
    images: Scope


def ref_of(path: Path) -> PresentationRef | None:
    """What a file without pixels is, if it is a presentation state or a key object selection."""
    header = read_header(path)
    with quiet():
        kind = text(header.dataset, "SOPClassUID")
        if kind not in (PRESENTATION_STATE, KEY_OBJECTS):
            return None
        uid, study = text(header.dataset, "SOPInstanceUID"), text(header.dataset, "StudyInstanceUID")
        return PresentationRef(path, uid, study, kind == KEY_OBJECTS)


def read_key_objects(path: Path) -> KeyObjects:
    """The images that a key object selection names. Raises `InputRefused`."""
    dataset = read_header(path).dataset
    with quiet():
        named = items_of(dataset, "ConceptNameCodeSequence")
        images = [
            reference
            for study in items_of(dataset, "CurrentRequestedProcedureEvidenceSequence")
            for series in items_of(study, "ReferencedSeriesSequence")
            for reference in _references(items_of(series, "ReferencedSOPSequence"))
        ]
        return KeyObjects(text(named[0], "CodeMeaning") if named else "", tuple(images))


def read_state(path: Path) -> PresentationState:
    """A presentation state. Raises `InputRefused` for one that names no image."""
    header = read_header(path)
    with quiet():
        return _state(header)


def _state(header: Header) -> PresentationState:
    dataset, little = header.dataset, header.little_endian
    images = tuple(
        reference
        for series in items_of(dataset, "ReferencedSeriesSequence")
        for reference in _references(items_of(series, "ReferencedImageSequence"))
    )
    if not images:
        raise InputRefused("The presentation state names no image.")
    said = "ModalityLUTSequence" in dataset or number(dataset, "RescaleSlope") is not None
    planes, doubts = dicom_layers.overlays_of(header, _PLAIN, 0)
    shown = [group for group in dicom_layers.GROUPS if _is_active(dataset, group)]
    bitmap = whole(dataset, "ShutterOverlayGroup")
    turn, turn_doubts = _turn(dataset)
    turn_doubts = (*turn_doubts, *_more_doubts(dataset))
    vois: list[tuple[Scope, Voi]] = []
    for item in items_of(dataset, "SoftcopyVOILUTSequence"):
        found = dicom_tables.voi_of(item, 0, _lut_layout(item), little=little)
        vois += [(_scope(item), voi) for voi in found]
    areas = [
        (_scope(item), area)
        for item in items_of(dataset, "DisplayedAreaSelectionSequence")
        if (area := _area(item)) is not None
    ]
    rows = max((plane.row + plane.bits.shape[0] for plane in planes if plane.group == bitmap), default=1)
    columns = max(
        (plane.column + plane.bits.shape[1] for plane in planes if plane.group == bitmap), default=1
    )
    lut = _presentation_lut(dataset, little=little)
    return PresentationState(
        uid=text(dataset, "SOPInstanceUID"),
        label=text(dataset, "ContentDescription") or text(dataset, "ContentLabel") or "unnamed",
        images=images,
        created=text(dataset, "PresentationCreationDate") + text(dataset, "PresentationCreationTime"),
        modality=dicom_tables.modality_of(dataset, 0, _PLAIN, little=little) if said else None,
        units=dicom_tables.units_of(dataset, 0) if said else "",
        vois=tuple(vois),
        lut=lut,
        inverse=lut is None and text(dataset, "PresentationLUTShape").upper() == "INVERSE",
        shutter=dicom_layers.shutter_of(dataset, planes, max(1, rows), max(1, columns)),
        turn=turn,
        areas=tuple(areas),
        annotations=tuple(_annotations(dataset)),
        groups=tuple(shown),
        planes=tuple(plane for plane in planes if plane.group in shown and plane.group != bitmap),
        doubts=(*doubts, *turn_doubts),
    )


def _references(items: Iterable[Dataset]) -> list[ImageRef]:
    found = []
    for item in items:
        uid = text(item, "ReferencedSOPInstanceUID")
        frames = tuple(int(entry) for entry in numbers(item, "ReferencedFrameNumber"))
        if uid:
            found.append(ImageRef(uid, frames))
    return found


def _scope(item: Dataset) -> Scope:
    return tuple(_references(items_of(item, "ReferencedImageSequence")))


def _turn(dataset: Dataset) -> tuple[ViewTurn, tuple[str, ...]]:
    """Quarter turns clockwise, then the flip (PS3.3 C.10.6)."""
    degrees = number(dataset, "ImageRotation") or 0.0
    flipped = text(dataset, "ImageHorizontalFlip") == "Y"
    if degrees % 90:
        return ViewTurn(flip_horizontal=flipped), ("a rotation of other than quarter turns is not applied",)
    return ViewTurn(round(degrees / 90) % 4, flip_horizontal=flipped), ()


def _more_doubts(dataset: Dataset) -> tuple[str, ...]:
    found = []
    areas = items_of(dataset, "DisplayedAreaSelectionSequence")
    sized = (item for item in areas if text(item, "PresentationSizeMode") in ("TRUE SIZE", "MAGNIFY"))
    if any(_magnification(item) is None for item in sized):
        found.append("the size that a presentation state asks for is not kept; its area is fitted")
    layers = items_of(dataset, "GraphicAnnotationSequence")
    if any(_has_compound_alone(layer) for layer in layers):
        found.append("compound graphics of a presentation state are not drawn")
    if items_of(dataset, "MaskSubtractionSequence"):
        found.append("the mask that a presentation state subtracts is not subtracted")
    return tuple(found)


def _has_compound_alone(layer: Dataset) -> bool:
    """Whether a compound graphic comes without the simple ones that draw the same (PS3.3 C.10.5.1.3.1)."""
    simple = (*items_of(layer, "GraphicObjectSequence"), *items_of(layer, "TextObjectSequence"))
    drawn = {whole(item, "CompoundGraphicInstanceID") for item in simple} - {None}
    compound = items_of(layer, "CompoundGraphicSequence")
    return any(whole(item, "CompoundGraphicInstanceID") not in drawn for item in compound)


def _area(item: Dataset) -> DisplayedArea | None:
    first = numbers(item, "DisplayedAreaTopLeftHandCorner")
    last = numbers(item, "DisplayedAreaBottomRightHandCorner")
    if len(first) != 2 or len(last) != 2:
        return None
    # Columns before rows, from 1; a turned image names its corners as it is seen.
    columns, rows = sorted((first[0] - 1, last[0] - 1)), sorted((first[1] - 1, last[1] - 1))
    shape = numbers(item, "PresentationPixelSpacing") or numbers(item, "PresentationPixelAspectRatio")
    aspect = shape[0] / shape[1] if len(shape) == 2 and min(shape) > 0 else None
    return DisplayedArea(rows[0], columns[0], rows[1], columns[1], aspect, _magnification(item))


def _magnification(item: Dataset) -> float | None:
    """Screen pixels a pixel of the image (PS3.3 C.10.4); None where its area is to be fitted."""
    ratio = number(item, "PresentationPixelMagnificationRatio") or 0.0
    wanted = text(item, "PresentationSizeMode") == "MAGNIFY" and math.isfinite(ratio) and ratio > 0
    return ratio if wanted else None


def _lut_layout(item: Dataset) -> PixelLayout:
    """A state has no pixels: whether a table begins below zero is in how its descriptor is written."""
    tables = items_of(item, "VOILUTSequence")
    signed = any("LUTDescriptor" in table and table["LUTDescriptor"].VR == "SS" for table in tables)
    return replace(_PLAIN, signed=signed)


def _presentation_lut(dataset: Dataset, *, little: bool) -> VoiLut | None:
    for item in items_of(dataset, "PresentationLUTSequence")[:1]:
        holder = Dataset()
        holder.VOILUTSequence = [item]
        found = dicom_tables.voi_of(holder, 0, _PLAIN, little=little)
        if found and isinstance(found[0], VoiLut):
            return found[0]
    return None


def _is_active(dataset: Dataset, group: int) -> bool:
    tag = Tag(group, 0x1001)
    return tag in dataset and bool(dataset[tag].value)


def _annotations(dataset: Dataset) -> list[tuple[Scope, Annotation]]:
    found: list[tuple[Scope, Annotation]] = []
    for item in items_of(dataset, "GraphicAnnotationSequence"):
        scope = _scope(item)
        marks = [_graphic(graphic) for graphic in items_of(item, "GraphicObjectSequence")]
        found += [(scope, mark) for mark in marks if mark is not None]
        found += [(scope, mark) for words in items_of(item, "TextObjectSequence") for mark in _words(words)]
    return found[:_MOST_MARKS]


def _graphic(item: Dataset) -> Annotation | None:
    """A graphic object as a line; `GraphicData` counts columns before rows, from the image's corner."""
    display = text(item, "GraphicAnnotationUnits") == "DISPLAY"
    values = numbers(item, "GraphicData")[: 2 * _MOST_POINTS]
    points = _points(values, display=display)
    kind, filled = text(item, "GraphicType"), text(item, "GraphicFilled") == "Y"
    if kind == "POINT" and points:
        return Annotation((points[0],), closed=True, in_display=display)
    if kind == "CIRCLE" and len(points) == 2:
        line = points if display else circle_through(points[0], points[1])
        return Annotation(line, closed=True, in_display=display, circle=display, filled=filled)
    if kind == "ELLIPSE" and len(points) == 4:
        return Annotation(_ellipse(points), closed=True, in_display=display, filled=filled)
    if kind in ("POLYLINE", "INTERPOLATED") and len(points) >= 2:
        line = points if kind == "POLYLINE" else _smooth(points)
        closed = len(points) > 2 and points[0] == points[-1]
        return Annotation(line, closed=closed, in_display=display, filled=closed and filled)
    return None


def _words(item: Dataset) -> list[Annotation]:
    """A text in the middle of its box, tied to an anchor that is to be seen; without one at the anchor."""
    value = value_of(item, "UnformattedTextValue")
    lines = tuple(line.strip()[:200] for line in str(value or "").splitlines() if line.strip())[:20]
    words = tuple(part for line in lines if (part := clean(line)))
    anchor, in_display = _place(item, "AnchorPoint", "AnchorPointAnnotationUnits")
    box, box_in_display = _place(item, "BoundingBoxTopLeftHandCorner", "BoundingBoxAnnotationUnits")
    end, _ = _place(item, "BoundingBoxBottomRightHandCorner", "BoundingBoxAnnotationUnits")
    if not words or not (box or anchor):
        return []
    if not box:
        return [Annotation(anchor, words=words, in_display=in_display)]
    (top, left), (bottom, right) = box[0], (end or box)[0]
    middle = ((top + bottom) / 2, (left + right) / 2)
    found = [Annotation((middle,), words=words, in_display=box_in_display)]
    if anchor and text(item, "AnchorPointVisibility") == "Y" and in_display == box_in_display:
        corners = ((row, column) for row in (top, bottom) for column in (left, right))
        nearest = min(corners, key=lambda corner: math.dist(corner, anchor[0]))
        found.append(Annotation((*anchor, nearest), in_display=in_display))
    return found


def _place(item: Dataset, keyword: str, units: str) -> tuple[tuple[Point, ...], bool]:
    """One point, or none, and whether it is given in shares of the display."""
    values, display = numbers(item, keyword), text(item, units) == "DISPLAY"
    return (_points(values, display=display) if len(values) == 2 else ()), display


def _points(values: tuple[float, ...], *, display: bool) -> tuple[Point, ...]:
    # The corner of the first pixel is 0 in the file (C.10.5.1.2), its centre is 0 here.
    shift = 0.0 if display else 0.5
    pairs = zip(values[::2], values[1::2], strict=False)
    return tuple((row - shift, column - shift) for column, row in pairs)


def _ellipse(ends: tuple[Point, ...]) -> tuple[Point, ...]:
    """From the ends of the major axis, then of the minor axis (PS3.3 C.10.5.1.2)."""
    one, other, top, bottom = (np.asarray(end) for end in ends)
    middle, half, across = (one + other) / 2, (other - one) / 2, (bottom - top) / 2
    turns = np.linspace(0, 2 * math.pi, _CURVE, endpoint=False)
    curve = [middle + half * math.cos(angle) + across * math.sin(angle) for angle in turns]
    return tuple((float(point[0]), float(point[1])) for point in curve)


def _smooth(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """A Catmull-Rom curve through the points; the standard leaves the kind of curve open."""
    if len(points) < 3 or len(points) * 8 > _MOST_POINTS:
        return points
    knots = [np.asarray(point) for point in (points[0], *points, points[-1])]
    curve: list[Point] = []
    for before, start, end, after in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        for share in np.linspace(0, 1, 8, endpoint=False):
            spot = 0.5 * (
                2 * start
                + (end - before) * share
                + (2 * before - 5 * start + 4 * end - after) * share**2
                + (3 * start - before - 3 * end + after) * share**3
            )
            curve.append((float(spot[0]), float(spot[1])))
    return (*curve, points[-1])
