"""What a header says for the corners of an image, made when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from pydicom.dataset import Dataset

from medvision_desktop.domain.geometry import PlaneGeometry
from medvision_desktop.io import dicom_space
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_values import iso_time, number, text, value_of

Remembered = Callable[[str, Callable[[], Any]], Any]


class CornerWords(Mapping[str, str]):
    """What a header says for the corners of the image, made when it is first looked at.

    Of a series of five hundred images one is looked at, at first. Safe to read from several threads.
    """

    def __init__(
        self, dataset: Dataset, index: int, geometry: PlaneGeometry | None, of: Remembered
    ) -> None:
        self._of = (dataset, index, geometry, of)

    def __getitem__(self, key: str) -> str:
        return self._words[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    @cached_property
    def _words(self) -> dict[str, str]:
        with quiet():
            return _corner(*self._of)


def _corner(dataset: Dataset, index: int, geometry: PlaneGeometry | None, of: Remembered) -> dict[str, str]:
    here = "" if geometry is None else _millimetres(geometry.position_mm)
    own = {
        "instance_number": text(dataset, "InstanceNumber"),
        "slice_location_mm": here or _millimetres(_location(dataset, index)),
        "acquisition_time": _moment(dataset, index),
    }
    said: dict[str, str] = of("corner", lambda: _said(dataset, index))
    return {**said, **{key: entry for key, entry in own.items() if entry}}


def _said(dataset: Dataset, index: int) -> dict[str, str]:
    """What most files of a series say alike."""
    measures = group_of(dataset, index, "PixelMeasuresSequence")
    entries = {
        "series_description": text(dataset, "SeriesDescription"),
        "series_number": text(dataset, "SeriesNumber"),
        "slice_thickness_mm": _millimetres(number(measures, "SliceThickness")),
        "manufacturer": text(dataset, "Manufacturer"),
        "model": text(dataset, "ManufacturerModelName"),
        "institution": text(dataset, "InstitutionName"),
        "kvp": _millimetres(number(dataset, "KVP")),
        "body_part": text(dataset, "BodyPartExamined"),
        "view": text(dataset, "ViewPosition"),
    }
    return {key: entry for key, entry in entries.items() if entry}


def _moment(dataset: Dataset, index: int) -> str:
    content = group_of(dataset, index, "FrameContentSequence")
    moment = str(value_of(content, "FrameAcquisitionDateTime") or "")
    return iso_time(dataset, "AcquisitionTime") or _clock(moment[8:14])


def _clock(digits: str) -> str:
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}" if len(digits) == 6 and digits.isdigit() else ""


def _location(dataset: Dataset, index: int) -> float | None:
    """Slice position along the normal where the plane is known, else Slice Location."""
    if dicom_space.is_mosaic(dataset):
        return None
    directions, origin = dicom_space.directions_of(dataset, index), dicom_space.origin_of(dataset, index)
    if directions is None or origin is None:
        return number(dataset, "SliceLocation")
    return dicom_space.position_of(dicom_space.normal_of(*directions), origin)


def _millimetres(value: float | None) -> str:
    return "" if value is None else f"{round(value, 3) + 0.0:g}"
