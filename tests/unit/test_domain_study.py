"""What can be told of a series before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from medvision_desktop.domain.study import SEGMENTATION, InstanceRef, SeriesRef, SourceKind


@pytest.mark.parametrize(
    ("kind", "modality", "frames", "sop_class", "expected"),
    [
        (SourceKind.DICOM, "CT", [1] * 8, "", True),
        (SourceKind.DICOM, "MR", [60], "", True),
        (SourceKind.DICOM, "CT", [1] * 7, "", False),
        (SourceKind.DICOM, "DX", [1] * 20, "", False),
        (SourceKind.DICOM, "US", [90], "", False),
        (SourceKind.DICOM, "CT", [40], SEGMENTATION, False),
        (SourceKind.NIFTI, "", [1], "", True),
        (SourceKind.RASTER, "", [1] * 30, "", False),
    ],
)
def test_a_series_of_slices_may_be_a_volume(
    kind: SourceKind, modality: str, frames: list[int], sop_class: str, expected: bool
) -> None:
    instances = tuple(
        InstanceRef(Path(f"{number}"), f"1.2.{number}", number_of_frames=count)
        for number, count in enumerate(frames)
    )
    series = SeriesRef("1.2", kind, instances, modality, sop_class_uid=sop_class)
    assert series.may_be_a_volume is expected
