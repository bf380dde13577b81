"""DICOM Segmentation objects to label maps (PS3.3 A.51, C.8.20): BINARY, FRACTIONAL and LABELMAP.

Segments that overlap go to several label maps, because a voxel of one has one label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvision_desktop.domain.labelmap import (
    LabelMap,
    ParametricMap,
    RgbColour,
    Segment,
    VoxelLayer,
    label_colour,
)
from medvision_desktop.domain.study import LABEL_MAP_SEGMENTATION, InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_layout import PixelLayout, layout_of
from medvision_desktop.io.dicom_multiframe import (
    FrameGrid,
    FrameValues,
    check_memory,
    grid_or_images,
)
from medvision_desktop.io.dicom_sources import SourcePlaces
from medvision_desktop.io.dicom_values import items_of, numbers, text, whole
from medvision_desktop.work import CancelToken

CUT: Final = 0.5
_MOST_LABELS: Final = 255
_MOST_MAPS: Final = 32
_MOST_FRACTIONS: Final = 4
_NAMES: Final = {"PROBABILITY": "probability", "OCCUPANCY": "share of the voxel"}


@dataclass(frozen=True, eq=False)
class _Object:
    """One segmentation object, opened."""

    header: Header
    layout: PixelLayout
    grid: FrameGrid
    values: FrameValues
    kind: str
    segments: tuple[Segment, ...]  # numbered as in the maps that are made
    numbers: tuple[int, ...]  # and as in the file, in the same order
    badges: tuple[str, ...]

    @property
    def title(self) -> str:
        dataset = self.header.dataset
        return (
            text(dataset, "SeriesDescription")
            or text(dataset, "ContentDescription")
            or text(dataset, "ContentLabel")
            or "Segmentation"
        )

    def label_map(self, values: NDArray[np.uint8], part: int, parts: int) -> LabelMap:
        segments = self.segments
        if parts > 1:
            used = {int(number) for part_of in values for number in np.unique(part_of)}
            segments = tuple(one for one in segments if one.number in used)
        uid = text(self.header.dataset, "SOPInstanceUID")
        return LabelMap(
            values_kji=self.grid.spread(values),
            affine_kji_to_lps=self.grid.affine_kji_to_lps.copy(),
            segments=segments,
            uid=uid if part == 0 else f"{uid}#{part + 1}",
            title=self.title if parts == 1 else f"{self.title} ({part + 1} of {parts})",
            source="DICOM SEG",
            frame_of_reference=self.grid.frame_of_reference,
            badges=self.badges,
            images=self.grid.images,
        )


def load(
    instance: InstanceRef,
    decoder: Decoder,
    cancel: CancelToken | None = None,
    sources: SourcePlaces | None = None,
) -> tuple[VoxelLayer, ...]:
    """The label maps of one object; for FRACTIONAL also its values, if it has few segments.

    `sources`: places of the images that it was made from, for frames that do not say where they lie.
    Raises `InputRefused` in words for the reader, and `Cancelled`.
    """
    token = cancel or CancelToken()
    try:
        with quiet():
            opened = _opened(instance, decoder, sources)
            if opened.kind == "LABELMAP":
                return (_from_labels(opened, token),)
            maps = _separate(opened, decoder, token)
            fractions = _fractions(opened, decoder, token) if opened.kind == "FRACTIONAL" else ()
            found = tuple(opened.label_map(values, part, len(maps)) for part, values in enumerate(maps))
            return (*found, *fractions)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def _opened(instance: InstanceRef, decoder: Decoder, sources: SourcePlaces | None) -> _Object:
    header = read_header(instance.path)
    dataset = header.dataset
    layout = layout_of(header)
    kind = (
        "LABELMAP"
        if text(dataset, "SOPClassUID") == LABEL_MAP_SEGMENTATION
        else text(dataset, "SegmentationType")
    )
    wanted = {"BINARY": (1, 8), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}.get(kind)
    if wanted is None:
        raise InputRefused("The segmentation cannot be read.", "It does not say what its values mean.")
    if layout.bits_allocated not in wanted or layout.samples != 1:
        raise InputRefused(
            "The segmentation cannot be read.",
            f"It says {layout.bits_allocated} bits a voxel, which is not how a {kind} one is stored.",
        )
    grid = grid_or_images(header, layout, sources)
    check_memory(grid.voxels, decoder)
    segments, named = _segments(dataset)
    badges = list(grid.badges)
    if kind == "FRACTIONAL":
        badges.append(f"Fractional, cut at {CUT:g}")
    values = FrameValues(header, layout, instance, decoder)
    return _Object(header, layout, grid, values, kind, segments, named, tuple(badges))


def _segments(dataset: Dataset) -> tuple[tuple[Segment, ...], tuple[int, ...]]:
    """Segments with numbers of a byte, and their numbers in the file. Value 0 is background."""
    found: list[Segment] = []
    named: list[int] = []
    for item in items_of(dataset, "SegmentSequence"):
        number = whole(item, "SegmentNumber")
        if number is None or number < 1 or number in named:
            continue
        named.append(number)
        if len(named) > _MOST_LABELS:
            raise InputRefused(
                "The segmentation cannot be shown.", f"It has more than {_MOST_LABELS} segments."
            )
    renumbered = any(number > _MOST_LABELS for number in named)
    by_number = {
        whole(item, "SegmentNumber"): item for item in reversed(items_of(dataset, "SegmentSequence"))
    }
    for place, number in enumerate(named):
        item = by_number[number]
        found.append(
            Segment(
                number=place + 1 if renumbered else number,
                label=text(item, "SegmentLabel") or text(item, "SegmentDescription") or f"Segment {number}",
                colour=_colour(item, place),
                code=_code(item),
                algorithm=text(item, "SegmentAlgorithmType"),
            )
        )
    if not found:
        raise InputRefused("The segmentation cannot be read.", "It names no segments.")
    return tuple(found), tuple(named)


def _code(item: Dataset) -> tuple[str, str, str] | None:
    codes = items_of(item, "SegmentedPropertyTypeCodeSequence")
    if not codes:
        return None
    found = (
        text(codes[0], "CodeValue"),
        text(codes[0], "CodingSchemeDesignator"),
        text(codes[0], "CodeMeaning"),
    )
    return found if found[0] and found[1] else None


def _colour(item: Dataset, place: int) -> RgbColour:
    """Recommended Display CIELab Value as sRGB, else a colour of ours."""
    lab = numbers(item, "RecommendedDisplayCIELabValue")
    return rgb_of_lab(lab[0], lab[1], lab[2]) if len(lab) == 3 else label_colour(place)


def rgb_of_lab(lightness: float, a: float, b: float) -> RgbColour:
    """CIELab as DICOM scales it to 16 bits (PS3.3 C.10.7.1.1, white D50) to sRGB."""
    light, red, blue = lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128
    y = (light + 16) / 116
    xyz = np.asarray([_uncurved(y + red / 500) * 0.9642, _uncurved(y), _uncurved(y - blue / 200) * 0.8251])
    # D50 to D65 (Bradford) and to linear sRGB in one step (Lindbloom).
    linear = (
        np.asarray(
            [
                [3.1338561, -1.6168667, -0.4906146],
                [-0.9787684, 1.9161415, 0.0334540],
                [0.0719453, -0.2289914, 1.4052427],
            ]
        )
        @ xyz
    )
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    bytes_ = np.rint(curved * 255).astype(int)
    return int(bytes_[0]), int(bytes_[1]), int(bytes_[2])


def _uncurved(value: float) -> float:
    return float(value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29))


def _frames_of_segments(opened: _Object) -> dict[int, list[int]]:
    """Frames of each segment by its number in the map."""
    numbers_of = dict(zip(opened.numbers, opened.segments, strict=True))
    found: dict[int, list[int]] = {segment.number: [] for segment in opened.segments}
    for index in range(opened.layout.frames):
        group = group_of(opened.header.dataset, index, "SegmentIdentificationSequence")
        named = whole(group, "ReferencedSegmentNumber")
        if named is None or named not in numbers_of:
            raise InputRefused(
                "The segmentation cannot be read.", f"Frame {index + 1} belongs to none of its segments."
            )
        found[numbers_of[named].number].append(index)
    return found


def _threshold(opened: _Object) -> float:
    if opened.kind == "BINARY":
        return 1.0
    return CUT * _full(opened)


def _full(opened: _Object) -> float:
    most = whole(opened.header.dataset, "MaximumFractionalValue")
    return float(most) if most and most > 0 else 255.0


def _separate(opened: _Object, decoder: Decoder, token: CancelToken) -> list[NDArray[np.uint8]]:
    """One array for each set of segments that do not overlap; at least one."""
    maps = [np.zeros(opened.grid.shape_kji, np.uint8)]
    at_least = _threshold(opened)
    for number, frames in _frames_of_segments(opened).items():
        masks: dict[int, NDArray[np.bool_]] = {}
        for index, values in opened.values.read(frames, token):
            k = opened.grid.slice_of[index]
            mask = values >= at_least
            masks[k] = masks[k] | mask if k in masks else mask
        free = next((one for one in maps if not _meets(one, masks)), None)
        if free is None:
            if len(maps) == _MOST_MAPS:
                raise InputRefused("The segmentation cannot be shown.", "Too many of its segments overlap.")
            check_memory((len(maps) + 1) * opened.grid.voxels, decoder)
            free = np.zeros(opened.grid.shape_kji, np.uint8)
            maps.append(free)
        for k, mask in masks.items():
            free[k][mask] = number
    return maps


def _meets(values: NDArray[np.uint8], masks: dict[int, NDArray[np.bool_]]) -> bool:
    return any(bool(np.any(values[k][mask])) for k, mask in masks.items())


def _from_labels(opened: _Object, token: CancelToken) -> LabelMap:
    """Values are segment numbers; what names no segment is a fault, 0 is background."""
    values = np.zeros(opened.grid.shape_kji, np.uint8)
    table = np.full(1 << 16, 0, np.uint8)
    known = np.zeros(1 << 16, np.bool_)
    known[0] = True
    for number, segment in zip(opened.numbers, opened.segments, strict=True):
        if number < len(table):
            table[number], known[number] = segment.number, True
    for index, stored in opened.values.read(range(opened.layout.frames), token):
        whole_values = np.asarray(stored, np.uint16)
        if not bool(np.all(known[whole_values])):
            raise InputRefused("The segmentation cannot be read.", "It has labels that it does not name.")
        np.maximum(
            values[opened.grid.slice_of[index]],
            table[whole_values],
            out=values[opened.grid.slice_of[index]],
        )
    return opened.label_map(values, 0, 1)


def _fractions(opened: _Object, decoder: Decoder, token: CancelToken) -> tuple[ParametricMap, ...]:
    """What is lost by the cut: each segment's values as a map of 0 to 1."""
    if opened.grid.images:
        return ()
    by_segment = {number: frames for number, frames in _frames_of_segments(opened).items() if frames}
    if len(by_segment) > _MOST_FRACTIONS:
        return ()
    check_memory((4 * len(by_segment) + _MOST_FRACTIONS) * opened.grid.voxels, decoder)
    name = _NAMES.get(text(opened.header.dataset, "SegmentationFractionalType"), "")
    labels = {segment.number: segment.label for segment in opened.segments}
    uid, full = text(opened.header.dataset, "SOPInstanceUID"), _full(opened)
    maps = []
    for number, frames in by_segment.items():
        values = np.full(opened.grid.shape_kji, np.nan, np.float32)
        for index, stored in opened.values.read(frames, token):
            share = stored.astype(np.float32) / np.float32(full)
            values[opened.grid.slice_of[index]] = np.where(stored > 0, share, np.nan)
        maps.append(
            ParametricMap(
                values_kji=opened.grid.spread(values, np.nan),
                affine_kji_to_lps=opened.grid.affine_kji_to_lps.copy(),
                uid=f"{uid}#fraction{number}",
                shown=(0.0, 1.0),
                title=labels[number],
                units=name,
                source="DICOM SEG",
                frame_of_reference=opened.grid.frame_of_reference,
            )
        )
    return tuple(maps)
