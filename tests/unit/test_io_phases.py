"""DICOM series with several volumes at the same place, written by pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage, generate_uid

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import open_study
from tests.helpers.dicom_files import ct, write


def opened(folder: Path, decoder: Decoder) -> LoadedSeries:
    study = open_study.index([folder], scratch=folder / "scratch").studies[0]
    assert len(study.series) == 1
    return open_study.open_series(study, study.series[0], decoder=decoder)


def series(folder: Path, volumes: list[dict[str, Any]], slices: int = 4, **more: Any) -> None:
    """Every slice of the first volume, then of the second; pixel values are 100 * volume + slice."""
    number = 0
    for at, elements in enumerate(volumes):
        for k in range(slices):
            number += 1
            pixels = np.full((12, 10), 100 * at + k, np.int16)
            own = {name: value(k) if callable(value) else value for name, value in elements.items()}
            said = {
                "Modality": "MR",
                "SOPClassUID": MRImageStorage,
                "SOPInstanceUID": generate_uid(),
                **more,
                **own,
            }
            write(ct(pixels, z=2.5 * k, number=number, **said), folder / f"{number:03d}.dcm")


def told(loaded: LoadedSeries, slices: int = 4) -> list[str]:
    """What the volumes are called, after each was found to hold its own pixels at its own place."""
    labels = [phase.label for phase in loaded.phases]
    for at in range(len(labels)):
        one = loaded.at_phase(at)
        assert one.volume is not None, one.not_a_volume
        assert one.volume.stored_kji.shape == (slices, 12, 10)
        for k in range(slices):
            assert np.all(one.volume.stored_kji[k] == 100 * at + k)
            assert np.all(one.stack.frames[k].stored == 100 * at + k)
        assert np.allclose(one.volume.affine_kji_to_lps[:3, 0], [0, 0, 2.5])
        assert f"volume {at + 1} of {len(labels)}" in one.phase_label
    return labels


def test_diffusion_weightings_are_volumes_of_their_own(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"DiffusionBValue": float(b)} for b in (0, 500, 1000)])
    assert told(opened(tmp_path, decoder)) == ["b = 0 s/mm²", "b = 500 s/mm²", "b = 1000 s/mm²"]


def signed_by(creators: dict[int, str], elements: dict[int, tuple[str, Any]]) -> Dataset:
    """Private elements with their creators at block 11 of each group."""
    dataset = Dataset()
    for group, creator in creators.items():
        dataset.add_new((group << 16) | 0x11, "LO", creator)
    for tag, (vr, value) in elements.items():
        dataset.add_new((tag & 0xFFFF0000) | 0x1100 | (tag & 0xFF), vr, value)
    return dataset


SIEMENS = {0x0019: "SIEMENS MR HEADER"}
GE = {0x0043: "GEMS_PARM_01", 0x0019: "GEMS_ACQU_01"}
PHILIPS = {0x2001: "Philips Imaging DD 001", 0x2005: "Philips MR Imaging DD 001"}
MAKERS: dict[str, tuple[dict[int, str], Any]] = {
    "Siemens": (SIEMENS, lambda b: {0x0019000C: ("IS", b)}),
    "GE": (GE, lambda b: {0x00430039: ("IS", [b, 8, 0, 0])}),
    "GE with its flag": (GE, lambda b: {0x00430039: ("IS", [1_000_000_000 + b, 8, 0, 0])}),
    "Philips": (PHILIPS, lambda b: {0x20010003: ("FL", float(b))}),
    "Siemens, type lost": (SIEMENS, lambda b: {0x0019000C: ("UN", f"{b} ".encode())}),
    "Philips, type lost": (PHILIPS, lambda b: {0x20010003: ("UN", np.float32(b).tobytes())}),
}


def private_series(folder: Path, parts: list[Dataset], slices: int = 4) -> None:
    for at, private in enumerate(parts):
        for k in range(slices):
            image = ct(
                np.full((12, 10), 100 * at + k, np.int16),
                z=2.5 * k,
                number=at * slices + k + 1,
                Modality="MR",
                SOPClassUID=MRImageStorage,
                SOPInstanceUID=generate_uid(),
            )
            image.update(private)
            write(image, folder / f"{at}-{k}.dcm")


@pytest.mark.parametrize("maker", list(MAKERS))
def test_private_diffusion_weightings_count_where_their_maker_is_named(
    maker: str, tmp_path: Path, decoder: Decoder
) -> None:
    creators, elements = MAKERS[maker]
    private_series(tmp_path, [signed_by(creators, elements(b)) for b in (0, 500, 1000)])
    assert told(opened(tmp_path, decoder)) == ["b = 0 s/mm²", "b = 500 s/mm²", "b = 1000 s/mm²"]


@pytest.mark.parametrize("maker", ["Siemens", "GE", "Philips"])
def test_private_elements_of_another_maker_mean_nothing(
    maker: str, tmp_path: Path, decoder: Decoder
) -> None:
    creators, elements = MAKERS[maker]
    others = dict.fromkeys(creators, "SOMEBODY ELSE")
    private_series(tmp_path, [signed_by(others, elements(b)) for b in (0, 500, 1000)])
    loaded = opened(tmp_path, decoder)
    assert loaded.phases == ()
    assert "share one position" in loaded.not_a_volume


def test_private_directions_tell_images_of_one_weighting_apart(tmp_path: Path, decoder: Decoder) -> None:
    ways = ([1.0, 0, 0], [0, 1.0, 0])
    private_series(
        tmp_path,
        [
            signed_by(SIEMENS, {0x0019000C: ("IS", 0)}),
            *(signed_by(SIEMENS, {0x0019000C: ("IS", 1000), 0x0019000E: ("FD", way)}) for way in ways),
        ],
    )
    labels = told(opened(tmp_path, decoder))
    assert labels == ["b = 0 s/mm²", "b = 1000 s/mm², direction 1", "b = 1000 s/mm², direction 2"]


def test_echoes_are_volumes_of_their_own(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"EchoNumbers": n, "EchoTime": 40.0 * n} for n in (1, 2)])
    assert told(opened(tmp_path, decoder)) == ["Echo 1, TE 40 ms", "Echo 2, TE 80 ms"]


def test_temporal_positions_are_named_by_their_times(tmp_path: Path, decoder: Decoder) -> None:
    volumes = [
        {"TemporalPositionIdentifier": n + 1, "AcquisitionTime": lambda k, n=n: f"1200{2 * n:02d}.{k}00000"}
        for n in range(3)
    ]
    series(tmp_path, volumes)
    loaded = opened(tmp_path, decoder)
    assert told(loaded) == ["t = 0.0 s", "t = 2.0 s", "t = 4.0 s"]
    assert [phase.time_ms for phase in loaded.phases] == [0.0, 2000.0, 4000.0]


def test_trigger_times_of_a_heart_are_volumes(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"TriggerTime": 40.0 * n} for n in range(5)])
    loaded = opened(tmp_path, decoder)
    assert told(loaded) == [f"trigger {40 * n} ms" for n in range(5)]
    assert loaded.phases[2].time_ms == 80.0


def test_acquisition_times_alone_are_enough(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"AcquisitionTime": lambda k, n=n: f"0800{10 * n + k:02d}"} for n in range(2)])
    assert told(opened(tmp_path, decoder)) == ["t = 0.0 s", "t = 10.0 s"]


def test_magnitude_and_phase_are_told_apart_by_their_kind(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"ImageType": ["ORIGINAL", "PRIMARY", kind]} for kind in ("M", "P")])
    assert told(opened(tmp_path, decoder)) == ["M", "P"]


def test_images_that_nothing_tells_apart_are_still_refused_as_planes(
    tmp_path: Path, decoder: Decoder
) -> None:
    series(tmp_path, [{}, {}])
    loaded = opened(tmp_path, decoder)
    assert loaded.phases == ()
    assert loaded.volume is None
    assert loaded.not_a_volume == "Several images share one position, first images 1 and 2."


def test_a_volume_with_a_missing_slice_says_so_and_the_others_stand(
    tmp_path: Path, decoder: Decoder
) -> None:
    series(tmp_path, [{"DiffusionBValue": float(b)} for b in (0, 1000)])
    (tmp_path / "006.dcm").unlink()
    loaded = opened(tmp_path, decoder)
    assert loaded.at_phase(0).volume is not None
    second = loaded.at_phase(1)
    assert second.volume is None
    assert "missing" in second.not_a_volume


def test_the_frames_of_all_volumes_stay_in_the_series(tmp_path: Path, decoder: Decoder) -> None:
    series(tmp_path, [{"DiffusionBValue": float(b)} for b in (0, 1000)])
    loaded = opened(tmp_path, decoder)
    assert len(loaded.stack.frames) == 8
    assert loaded.volume is loaded.phases[0].volume
    assert loaded.phase_label == ""


def enhanced(facts: list[dict[str, Any]], dimensions: tuple[int, ...] = ()) -> Dataset:
    """An enhanced MR object of three slices for each fact, slice by slice."""
    frames, stored = [], []
    for k in range(3):
        for at, sequences in enumerate(facts):
            item = Dataset()
            position = Dataset()
            position.ImagePositionPatient = [0.0, 0.0, 2.5 * k]
            item.PlanePositionSequence = [position]
            content = Dataset()
            content.DimensionIndexValues = [k + 1, at + 1]
            item.FrameContentSequence = [content]
            for name, elements in sequences.items():
                inner = item.FrameContentSequence[0] if name == "FrameContentSequence" else Dataset()
                for keyword, value in elements.items():
                    setattr(inner, keyword, value)
                setattr(item, name, [inner])
            frames.append(item)
            stored.append(np.full((12, 10), 100 * at + k, np.int16))
    shared = Dataset()
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.8], 2.5
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    dataset = ct(
        np.concatenate(stored),
        Rows=12,
        NumberOfFrames=len(frames),
        SOPClassUID=EnhancedMRImageStorage,
        Modality="MR",
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        PixelSpacing=None,
        PerFrameFunctionalGroupsSequence=frames,
        SharedFunctionalGroupsSequence=[shared],
    )
    if dimensions:
        pointers = []
        for tag in dimensions:
            pointer = Dataset()
            pointer.DimensionIndexPointer = tag
            pointers.append(pointer)
        dataset.DimensionIndexSequence = pointers
    return dataset


@pytest.mark.parametrize(
    ("facts", "labels"),
    [
        (
            [{"MRDiffusionSequence": {"DiffusionBValue": float(b)}} for b in (0, 1000)],
            ["b = 0 s/mm²", "b = 1000 s/mm²"],
        ),
        ([{"MREchoSequence": {"EffectiveEchoTime": float(t)}} for t in (20, 80)], ["TE 20 ms", "TE 80 ms"]),
        (
            [
                {
                    "FrameContentSequence": {
                        "TemporalPositionIndex": n,
                        "FrameAcquisitionDateTime": f"2020010112000{3 * n}.5",
                    }
                }
                for n in (1, 2)
            ],
            ["t = 0.0 s", "t = 3.0 s"],
        ),
        (
            [
                {"CardiacSynchronizationSequence": {"NominalCardiacTriggerDelayTime": 50.0 * n}}
                for n in (0, 1)
            ],
            ["trigger 0 ms", "trigger 50 ms"],
        ),
    ],
    ids=["diffusion", "echo", "time", "heart"],
)
def test_an_enhanced_object_is_split_by_its_functional_groups(
    facts: list[dict[str, Any]], labels: list[str], tmp_path: Path, decoder: Decoder
) -> None:
    write(enhanced(facts), tmp_path / "one.dcm")
    assert told(opened(tmp_path, decoder), slices=3) == labels


def test_dimension_indices_split_what_no_other_fact_does(tmp_path: Path, decoder: Decoder) -> None:
    in_stack, contrast = 0x00209057, 0x00189344
    write(enhanced([{}, {}], (in_stack, contrast)), tmp_path / "one.dcm")
    found = opened(tmp_path, decoder)
    assert len(told(found, slices=3)) == len(found.phases)
    assert [label.rsplit(" ", 1)[1] for label in (phase.label for phase in found.phases)] == ["1", "2"]
    assert "In-Stack" not in found.phases[0].label
