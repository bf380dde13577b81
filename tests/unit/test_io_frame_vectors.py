"""Frames placed by vectors: RT dose as ITK reads it, nuclear medicine by hand, enhanced X-ray spacings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedXAImageStorage, NuclearMedicineImageStorage, RTDoseStorage

from medvision_desktop.domain.geometry import PixelSpacing, SpacingSource
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import open_study
from tests.helpers.dicom_files import ct, write


def opened(path: Path, decoder: Decoder) -> LoadedSeries:
    (study,) = open_study.index([path], scratch=path.parent).studies
    return open_study.open_series(study, study.series[0], decoder=decoder)


def with_frames(count: int, **elements: Any) -> Dataset:
    """One object of several frames, each of its own number."""
    dataset = ct(np.zeros((6, 5), np.uint16), z=100.0, **{"RescaleIntercept": 0, **elements})
    dataset.NumberOfFrames = count
    values = np.arange(count, dtype=np.uint16)[:, None, None] * np.ones((count, 6, 5), np.uint16)
    dataset.PixelData = values.tobytes()
    return dataset


def places(loaded: LoadedSeries) -> dict[int, tuple[float, ...] | None]:
    """Origin of each frame by the number that its pixels hold."""
    return {
        int(frame.stored[0, 0]): None if frame.geometry is None else frame.geometry.origin_lps_mm
        for frame in loaded.stack.frames
    }


def test_a_dose_grid_is_the_volume_that_itk_reads(decoder: Decoder) -> None:
    path = Path(str(get_testdata_file("rtdose.dcm")))
    volume = opened(path, decoder).volume
    image: Any = SimpleITK.ReadImage(str(path))
    assert volume is not None
    for k, j, i in ((0, 0, 0), (14, 9, 9), (7, 3, 5)):
        ours = volume.affine_kji_to_lps @ [k, j, i, 1.0]
        assert ours[:3] == pytest.approx(image.TransformIndexToPhysicalPoint((i, j, k)), abs=1e-6)
    scaling = float(pydicom.dcmread(path).DoseGridScaling)
    theirs = SimpleITK.GetArrayFromImage(image)
    assert volume.stored_kji.shape == theirs.shape
    assert np.allclose(volume.stored_kji * scaling, theirs, rtol=1e-5) or np.allclose(
        volume.stored_kji, theirs, rtol=1e-5
    )


def dose(offsets: Sequence[float], **more: Any) -> Dataset:
    said: dict[str, Any] = {"Modality": "RTDOSE", "SOPClassUID": RTDoseStorage, **more}
    return with_frames(
        len(offsets), GridFrameOffsetVector=list(offsets), FrameIncrementPointer=0x3004000C, **said
    )


def test_offsets_may_be_from_the_first_frame_or_places_in_the_patient(
    tmp_path: Path, decoder: Decoder
) -> None:
    for name, offsets in (("relative", [0, 3, 6, 9]), ("absolute", [100, 103, 106, 109])):
        path = write(dose(offsets), tmp_path / name)
        assert places(opened(path, decoder)) == {n: (-50.0, -60.0, 100.0 + 3 * n) for n in range(4)}


def test_offsets_of_a_tilted_grid_run_along_its_normal(tmp_path: Path, decoder: Decoder) -> None:
    tilted = [1, 0, 0, 0, 0.8, 0.6]
    loaded = opened(write(dose([0, 5, 10], ImageOrientationPatient=tilted), tmp_path / "d"), decoder)
    assert places(loaded)[2] == pytest.approx((-50.0, -60.0 - 6.0, 100.0 + 8.0))
    assert loaded.volume is not None


def test_offsets_that_are_missing_leave_later_frames_without_a_place(
    tmp_path: Path, decoder: Decoder
) -> None:
    found = places(opened(write(dose([7.0, 9.0]), tmp_path / "d"), decoder))
    assert found == {0: (-50.0, -60.0, 100.0), 1: None}


def nuclear(
    slices: Sequence[int], kind: str = "RECON TOMO", step: float | None = 4.0, **more: Any
) -> Dataset:
    dataset = with_frames(
        len(slices),
        Modality="NM",
        SOPClassUID=NuclearMedicineImageStorage,
        ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        SpacingBetweenSlices=step,
        SliceVector=list(slices),
        FrameIncrementPointer=0x00540080,
        **more,
    )
    detector = Dataset()
    detector.ImagePositionPatient = [-50, -60, 100]
    detector.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.DetectorInformationSequence = [detector]
    return dataset


@pytest.mark.parametrize("step", [4.0, -4.0])
def test_slices_of_reconstructed_nm_are_stacked_the_way_their_spacing_says(
    step: float, tmp_path: Path, decoder: Decoder
) -> None:
    loaded = opened(write(nuclear([1, 2, 3, 4], step=step), tmp_path / "n"), decoder)
    assert places(loaded) == {n: (-50.0, -60.0, 100.0 + step * n) for n in range(4)}
    assert loaded.volume is not None


def test_gated_nm_is_several_volumes(tmp_path: Path, decoder: Decoder) -> None:
    gated = nuclear([1, 2, 3] * 2, "RECON GATED TOMO", TimeSlotVector=[1, 1, 1, 2, 2, 2])
    loaded = opened(write(gated, tmp_path / "n"), decoder)
    assert [phase.label for phase in loaded.phases] == ["time slot 1", "time slot 2"]
    second = loaded.at_phase(1).volume
    assert second is not None
    assert second.stored_kji[:, 0, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(("kind", "step"), [("TOMO", 4.0), ("STATIC", 4.0), ("RECON TOMO", None)])
def test_projections_and_slices_without_a_spacing_have_no_place_but_the_first(
    kind: str, step: float | None, tmp_path: Path, decoder: Decoder
) -> None:
    found = places(opened(write(nuclear([1, 2, 3], kind, step), tmp_path / "n"), decoder))
    assert found[1] is found[2] is None


def test_frames_of_a_plane_over_time_all_lie_on_it(tmp_path: Path, decoder: Decoder) -> None:
    film = with_frames(3, Modality="MR", FrameTime=40, FrameIncrementPointer=0x00181063)
    assert set(places(opened(write(film, tmp_path / "m"), decoder)).values()) == {(-50.0, -60.0, 100.0)}


def angiogram(**groups: Dataset) -> Dataset:
    dataset = with_frames(
        2,
        Modality="XA",
        SOPClassUID=EnhancedXAImageStorage,
        PixelSpacing=None,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
    )
    shared = Dataset()
    for keyword, item in groups.items():
        setattr(shared, keyword, [item])
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    return dataset


def test_enhanced_angiograms_say_what_their_spacing_is_measured_on(
    tmp_path: Path, decoder: Decoder
) -> None:
    detector, beam = Dataset(), Dataset()
    detector.ImagerPixelSpacing = [0.3, 0.3]
    beam.ObjectPixelSpacingInCenterOfBeam = [0.25, 0.25]
    plain = angiogram(FramePixelDataPropertiesSequence=detector)
    assert opened(write(plain, tmp_path / "a"), decoder).stack.frames[1].spacing == PixelSpacing(
        0.3, 0.3, SpacingSource.DETECTOR
    )
    both = angiogram(FramePixelDataPropertiesSequence=detector, ProjectionPixelCalibrationSequence=beam)
    assert opened(write(both, tmp_path / "b"), decoder).stack.frames[1].spacing == PixelSpacing(
        0.25, 0.25, SpacingSource.CALIBRATED
    )
