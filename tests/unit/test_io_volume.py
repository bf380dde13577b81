"""Series to stacks and volumes: the grid is the one ITK sees, or there is a sentence why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.geometry import (
    PixelSpacing,
    Plane,
    PlaneGeometry,
    SpacingSource,
    edge_letters,
)
from medvision_desktop.domain.image import Frame, LoadedSeries, Rescale
from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.paged_shelf import PagedShelf
from medvision_desktop.io.volume import build_volume
from medvision_desktop.pixels import pipeline
from medvision_desktop.pixels.digest import series_digest
from medvision_desktop.pixels.oblique import ObliqueStack
from medvision_desktop.pixels.reslice import PlaneStack
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.dicom_files import ct, write, write_stack


def opened(folder: Path, decoder: Decoder) -> LoadedSeries:
    (study,) = index([folder], scratch=folder).studies
    return open_series(study, study.series[0], decoder=decoder)


def itk_volume(files: list[Path]) -> Any:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in files])
    return reader.Execute()


def assert_same_grid(loaded: LoadedSeries, image: Any) -> None:
    volume = loaded.volume
    assert volume is not None
    assert loaded.not_a_volume == ""
    assert np.array_equal(volume.values_kji, SimpleITK.GetArrayFromImage(image))
    for k, j, i in [(0, 0, 0), (1, 2, 3), (2, 11, 9)]:
        ours = volume.affine_kji_to_lps @ np.array([k, j, i, 1.0])
        assert ours[:3] == pytest.approx(image.TransformIndexToPhysicalPoint((i, j, k)), abs=1e-4)


@pytest.mark.parametrize(
    "cosines",
    [
        [1, 0, 0, 0, 1, 0],
        [1, 0, 0, 0, 0, -1],
        [0, 1, 0, 0, 0, -1],
        [0.8, 0.6, 0, 0, 0, -1],
        [-1, 0, 0, 0, 1, 0],
    ],
)
def test_the_grid_of_a_regular_series_is_the_one_itk_reads(
    cosines: list[float], tmp_path: Path, decoder: Decoder
) -> None:
    normal = np.cross(cosines[:3], cosines[3:])
    files = []
    for number in range(1, 5):
        position = (np.array([-50.0, 60.0, 7.0]) + 2.5 * number * normal).tolist()
        pixels = np.full((12, 10), number, np.int16)
        dataset = ct(pixels, number=number, ImageOrientationPatient=cosines, ImagePositionPatient=position)
        files.append(write(dataset, tmp_path / f"{number}"))
    assert_same_grid(opened(tmp_path, decoder), itk_volume(files))


def test_the_stack_and_the_volume_hold_the_same_slices(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0])
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is not None
    for k, frame in enumerate(loaded.stack.frames):
        assert frame.geometry is not None
        assert np.array_equal(loaded.volume.values_kji[k], frame.stored.astype(int) - 1024)
        corner = loaded.volume.affine_kji_to_lps @ np.array([k, 3, 4, 1.0])
        assert corner[:3] == pytest.approx(frame.geometry.point_lps_mm(3, 4))


@pytest.mark.parametrize(
    ("positions", "sentence"),
    [
        ([0.0, 2.0, 4.0, 8.0, 10.0], "A slice is missing, first after slice 3."),
        ([0.0, 2.0, 8.0, 10.0, 12.0, 14.0], "2 slices are missing, first after slice 2."),
        (
            [0.0, 2.5, 5.0, 10.0, 15.0, 17.5, 18.0],
            "Slice spacing varies: 0.5 to 5.0 mm, first after slice 3.",
        ),
        ([0.0, 2.0, 2.0, 4.0, 6.0], "Several images share one position, first images 2 and 3."),
        ([0.0, 2.0], "Planes need at least 3 slices; there are 2."),
    ],
)
def test_an_irregular_series_is_a_stack_and_says_why(
    positions: list[float], sentence: str, tmp_path: Path, decoder: Decoder
) -> None:
    write_stack(tmp_path, positions)
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is None
    assert loaded.not_a_volume == sentence
    assert len(loaded.stack.frames) == len(positions)


def test_a_drift_within_single_steps_is_still_found(tmp_path: Path, decoder: Decoder) -> None:
    steps = np.linspace(1.97, 2.03, 80)
    write_stack(tmp_path, [0.0, *np.cumsum(steps).round(4).tolist()])
    loaded = opened(tmp_path, decoder)
    assert loaded.not_a_volume.startswith("Slice spacing varies")


def test_rounding_of_positions_does_not_break_a_volume(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path, [round(0.7 * number, 2) + (0.005 if number % 2 else 0) for number in range(12)])
    assert opened(tmp_path, decoder).volume is not None


def test_a_tilted_gantry_makes_no_volume(tmp_path: Path, decoder: Decoder) -> None:
    cosines = [1, 0, 0, 0, float(np.cos(np.radians(20))), -float(np.sin(np.radians(20)))]
    write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0], ImageOrientationPatient=[round(c, 7) for c in cosines])
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is None
    assert loaded.not_a_volume == "The slices are sheared by 20.0 degrees, as with a tilted gantry."


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        ({"PixelSpacing": [0.6, 0.75]}, "The slices differ in pixel spacing, first at image 5."),
        (
            {"FrameOfReferenceUID": "1.2.3"},
            "The slices do not share a frame of reference, first at image 5.",
        ),
        ({"ImagePositionPatient": None}, "The header does not say where image 5 lies."),
        (
            {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
            "The slices are not parallel, first at image 5.",
        ),
        ({"Rows": 10, "Columns": 12}, "The slices differ in size, first at image 5."),
        ({"RescaleType": "OD"}, "The slices differ in what their values mean."),
    ],
)
def test_one_slice_that_does_not_fit_is_named(
    odd: dict[str, Any], sentence: str, tmp_path: Path, decoder: Decoder
) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0])
    write(ct(z=8.0, number=5, **odd), tmp_path / "odd")
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is None
    assert loaded.not_a_volume == sentence
    assert len(loaded.stack.frames) == 5


def test_slices_with_slopes_of_their_own_share_one_scale(tmp_path: Path, decoder: Decoder) -> None:
    for number, slope in enumerate([1.5, 0.25, 3.0], start=1):
        pixels = np.full((12, 10), 100, np.int16)
        write(
            ct(pixels, z=2.0 * number, number=number, RescaleSlope=slope, RescaleIntercept=0),
            tmp_path / f"{number}",
        )
    volume = opened(tmp_path, decoder).volume
    assert volume is not None
    assert volume.values_kji.dtype == np.float32
    assert volume.values_kji[:, 0, 0].tolist() == [150.0, 25.0, 300.0]


def test_a_single_radiograph_was_never_to_be_a_volume(tmp_path: Path, decoder: Decoder) -> None:
    write(ct(Modality="DX"), tmp_path / "a")
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is None
    assert loaded.not_a_volume == ""


def test_the_default_range_leaves_padding_out(tmp_path: Path, decoder: Decoder) -> None:
    pixels = np.full((100, 100), -2000, np.int16)
    pixels[:50] = np.linspace(0, 1000, 5000).reshape(50, 100)
    write(ct(pixels, PixelPaddingValue=-2000), tmp_path / "a")
    low, high = opened(tmp_path, decoder).stack.modality_range or (0.0, 0.0)
    assert low == pytest.approx(-1024 + 5, abs=1.5)
    assert high == pytest.approx(-1024 + 995, abs=1.5)


def test_the_first_image_arrives_before_the_rest_is_read(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    events: list[str] = []

    def note(loaded: LoadedSeries) -> None:
        assert [index for index, _ in faces_of(loaded.stack.frames)] == [0]
        assert len(loaded.stack.frames) == 3
        assert loaded.volume is None
        events.append("first")

    loaded = open_series(
        study,
        study.series[0],
        decoder=decoder,
        first=note,
        progress=lambda progress: events.append(f"{progress.done}/{progress.total}"),
    )
    assert events == ["first", "1/3", "2/3", "3/3"]
    assert len(loaded.stack.frames) == 3


def test_cancel_stops_between_files(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    cancel = CancelToken()
    seen: list[int] = []

    def stop(progress: Progress, /) -> None:
        seen.append(progress.done)
        cancel.cancel()

    with pytest.raises(Cancelled):
        open_series(study, study.series[0], decoder=decoder, progress=stop, cancel=cancel)
    assert seen == [1]


def test_a_slice_that_cannot_be_read_is_left_out_and_every_image_says_so(
    tmp_path: Path, decoder: Decoder
) -> None:
    files = write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    files[1].write_bytes(files[1].read_bytes()[:-100])
    loaded = open_series(study, study.series[0], decoder=decoder)
    assert len(loaded.stack.frames) == 3
    assert all("1 of 4 images not readable" in frame.badges for frame in loaded.stack.frames)
    assert loaded.not_a_volume == "A slice is missing, first after slice 1."


def test_a_file_that_changed_into_another_image_is_not_shown_in_its_place(
    tmp_path: Path, decoder: Decoder
) -> None:
    files = write_stack(tmp_path, [0.0])
    (study,) = index([tmp_path], scratch=tmp_path).studies
    write(ct(number=99, z=99.0), files[0])
    with pytest.raises(InputRefused, match="changed since"):
        open_series(study, study.series[0], decoder=decoder)


def test_a_series_larger_than_the_memory_for_images_is_read_slice_by_slice(tmp_path: Path) -> None:
    files = []
    for number in range(1, 36):
        pixels = np.full((2000, 2000), number, np.int16)
        files.append(write(ct(pixels, z=float(number), number=number), tmp_path / f"{number:02}"))
    (study,) = index([tmp_path], scratch=tmp_path).studies
    small = Decoder(Settings(image_memory_mb=256))
    loaded = open_series(study, study.series[0], decoder=small)
    shelf = loaded.stack.frames
    assert isinstance(shelf, PagedShelf)
    assert loaded.volume is None
    assert "larger than the memory" in loaded.not_a_volume
    assert len(shelf) == 35
    assert shelf.nbytes <= 256 << 20
    assert shelf.at(34) is None
    for at in (34, 0, 17):
        assert shelf[at].stored[0, 0] == at + 1
        assert shelf.nbytes <= 256 << 20
    assert shelf.want(34)
    shelf.fill(CancelToken())
    assert isinstance(shelf.at(34), Frame)
    assert isinstance(shelf.at(20), Frame)
    assert shelf.at(0) is None
    assert shelf.nbytes <= 256 << 20
    assert [number for number, _ in shelf.faces()] == list(range(35))
    files[0].unlink()
    shelf.want(0)
    shelf.fill(CancelToken())
    assert isinstance(shelf.at(0), InputRefused)
    assert isinstance(shelf.at(1), Frame)
    small.close()


def test_the_volume_lies_in_the_memory_of_the_frames(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path, [0.0, 2.0, 4.0, 6.0])
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is not None
    for k, frame in enumerate(loaded.stack.frames):
        assert np.shares_memory(loaded.volume.stored_kji[k], frame.stored)
    assert loaded.volume.modality == Rescale(1.0, -1024.0)


def test_frames_of_one_array_make_a_volume_backwards_too() -> None:
    together = np.arange(5 * 4 * 3, dtype=np.uint16).reshape(5, 4, 3).copy()
    pixel = PixelSpacing(1.0, 1.0, SpacingSource.PATIENT)
    planes = [PlaneGeometry((0.0, 0.0, 2.0 * k), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), pixel) for k in range(5)]
    frames = [Frame(together[4 - k], geometry=planes[k]) for k in range(5)]
    volume = build_volume(frames, None)
    assert np.shares_memory(volume.stored_kji, together)
    assert np.array_equal(volume.stored_kji, together[::-1])
    apart = build_volume([frames[0], frames[1], frames[3]], None)
    assert np.array_equal(apart.stored_kji, together[[4, 3, 1]])
    assert not np.shares_memory(apart.stored_kji, together)


def test_the_digest_names_the_pixels_and_their_order(tmp_path: Path, decoder: Decoder) -> None:
    write_stack(tmp_path / "a", [0.0, 2.0, 4.0])
    write_stack(tmp_path / "b", [0.0, 2.0, 4.0], PatientName="Other^Name")
    write_stack(tmp_path / "c", [4.0, 2.0, 0.0])
    one, same, turned = (series_digest(opened(tmp_path / name, decoder).stack.frames) for name in "abc")
    assert one == same
    assert len(one) == 64
    assert turned == one  # the slices run as they are numbered, so the order is the same


@pytest.mark.data
def test_the_phantom_head_is_a_volume_as_itk_reads_it(data_dir: Path, decoder: Decoder) -> None:
    folder = data_dir / "dicom" / "ct-head-philips-5mm"
    loaded = opened(folder, decoder)
    assert len(loaded.stack.frames) == 28
    files = [instance.path for instance in loaded.series.instances]
    assert_same_grid(loaded, itk_volume(files))


@pytest.mark.data
def test_the_tilted_uneven_head_is_a_stack_with_the_reason(data_dir: Path, decoder: Decoder) -> None:
    loaded = opened(data_dir / "dicom" / "ct-head-ge-tilted", decoder)
    assert len(loaded.stack.frames) == 28
    assert loaded.volume is None
    assert loaded.not_a_volume == "Slice spacing varies: 1.1 to 7.0 mm, first after slice 14."


@pytest.mark.data
def test_the_index_among_the_slices_is_not_complained_about(data_dir: Path) -> None:
    folder = data_dir / "dicom" / "ct-head-philips-5mm"
    assert (folder / "DIRFILE").is_file()
    assert index([folder], scratch=folder).refused == ()


def enhanced(path: Path, positions: list[float], places: Sequence[Sequence[int]] = ()) -> Path:
    """A multi-frame object: frames at these heights, in this order, with these dimension indices."""
    pixels = np.concatenate([np.full((12, 10), index, np.int16) for index in range(len(positions))])
    flat = dict.fromkeys(
        ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")
    )
    dataset = ct(
        pixels, Rows=12, NumberOfFrames=len(positions), RescaleSlope=None, RescaleIntercept=None, **flat
    )
    shared, measures, plane, values = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 2.0
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 1, -1024, "HU"
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [plane]
    shared.PixelValueTransformationSequence = [values]
    dataset.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for z in positions:
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [-50.0, -60.0, z]
        group.PlanePositionSequence = [position]
        if places:
            content = Dataset()
            content.DimensionIndexValues = list(places[len(groups)])
            group.FrameContentSequence = [content]
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    return write(dataset, path)


def test_frames_of_an_enhanced_object_are_put_in_order_of_position(
    tmp_path: Path, decoder: Decoder
) -> None:
    enhanced(tmp_path / "a", [4.0, 0.0, 2.0, 6.0])
    loaded = opened(tmp_path, decoder)
    assert [frame.frame_number for frame in loaded.stack.frames] == [2, 3, 1, 4]
    assert loaded.volume is not None
    assert loaded.volume.values_kji[:, 0, 0].tolist() == [-1023, -1022, -1024, -1021]
    assert loaded.volume.units == "HU"


def test_dimension_indices_say_which_end_of_a_stack_is_its_first(tmp_path: Path, decoder: Decoder) -> None:
    # Stored mostly downwards, counted upwards: the file's order says nothing.
    enhanced(tmp_path / "a", [4.0, 0.0, 6.0, 2.0], [(1, 3), (1, 1), (1, 4), (1, 2)])
    assert [frame.frame_number for frame in opened(tmp_path, decoder).stack.frames] == [2, 4, 1, 3]
    enhanced(tmp_path / "a", [4.0, 0.0, 6.0, 2.0], [(1, 2), (1, 4), (1, 1), (1, 3)])
    assert [frame.frame_number for frame in opened(tmp_path, decoder).stack.frames] == [3, 1, 4, 2]


def test_frames_of_a_loop_stay_as_they_are_stored(tmp_path: Path, decoder: Decoder) -> None:
    enhanced(tmp_path / "a", [2.0, 0.0, 2.0, 0.0])
    loaded = opened(tmp_path, decoder)
    assert [frame.frame_number for frame in loaded.stack.frames] == [1, 2, 3, 4]
    assert loaded.not_a_volume == "Several images share one position, first images 2 and 4."


def test_several_phases_are_ordered_by_dimension_index(tmp_path: Path, decoder: Decoder) -> None:
    # Stack, phase, position: the phases of one position are stored beside each other.
    places = [(1, 2, 1), (1, 1, 1), (1, 2, 2), (1, 1, 2)]
    enhanced(tmp_path / "a", [0.0, 0.0, 2.0, 2.0], places)
    loaded = opened(tmp_path, decoder)
    assert [frame.frame_number for frame in loaded.stack.frames] == [2, 4, 1, 3]


@pytest.mark.parametrize("places", [[(1,), (1,), (2,), (2,)], [(1, 1), (1,), (2,), (3,)]])
def test_dimension_indices_that_do_not_tell_frames_apart_count_for_nothing(
    places: list[tuple[int, ...]], tmp_path: Path, decoder: Decoder
) -> None:
    enhanced(tmp_path / "a", [2.0, 0.0, 2.0, 0.0], places)
    assert [frame.frame_number for frame in opened(tmp_path, decoder).stack.frames] == [1, 2, 3, 4]


def test_of_a_loop_that_is_cut_the_whole_frames_are_shown_and_the_rest_is_said(
    tmp_path: Path, decoder: Decoder
) -> None:
    path = write(ct(np.zeros((36, 10), np.int16), Rows=12, NumberOfFrames=3), tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-300])
    loaded = opened(tmp_path, decoder)
    assert len(loaded.stack.frames) == 1
    assert loaded.stack.frames[0].badges == ("2 of 3 images not readable",)


def test_padding_is_no_image_in_planes_either(tmp_path: Path, decoder: Decoder) -> None:
    for number, z in enumerate((0.0, 2.0, 4.0)):
        pixels = np.full((12, 10), 1000, np.int16)
        pixels[:, :3] = -2000
        write(ct(pixels, z=z, number=number, PixelPaddingValue=-2000), tmp_path / f"{number}")
    loaded = opened(tmp_path, decoder)
    assert loaded.volume is not None
    assert loaded.volume.padding == (-3024.0, -3024.0)
    frame = PlaneStack(loaded.volume, Plane.AXIAL).frame(1)
    image = pipeline.render(pipeline.resolve(DisplayState(invert=True), frame, modality="CT"))
    assert set(image[:, :3].ravel().tolist()) == {0}
    assert image[:, 4:].min() > 0


def test_what_one_slice_is_not_faithful_about_is_said_on_every_plane(
    tmp_path: Path, decoder: Decoder
) -> None:
    for number, z in enumerate((0.0, 2.0, 4.0)):
        shape = "HOURGLASS" if number == 1 else None
        write(ct(z=z, number=number, PresentationLUTShape=shape), tmp_path / f"{number}")
    volume = opened(tmp_path, decoder).volume
    assert volume is not None
    straight = PlaneStack(volume, Plane.SAGITTAL).frame(0)
    slanted = ObliqueStack(
        volume, Plane.AXIAL, (1.0, 0.0, 0.0), (0.0, 0.8, 0.6), (-46.0, -57.0, 2.0)
    ).frame(0)
    for frame in (straight, slanted):
        badges = pipeline.resolve(DisplayState(), frame, modality="CT").badges
        assert "Not faithful: its presentation LUT shape is not applied" in badges


@pytest.mark.parametrize(
    ("elements", "which", "sentence"),
    [
        ({"PixelSpacing": [0, 0]}, (0, 1, 2, 3), "The header does not say how large the pixels are."),
        ({"PixelSpacing": None}, (2,), "The header does not say how large the pixels of image 3 are."),
        ({"ImagePositionPatient": None}, (1,), "The header does not say where image 2 lies."),
        (
            {"ImageOrientationPatient": [0] * 6},
            (1, 3),
            "The header does not say where 2 of the slices lie, first image 2.",
        ),
        (
            {"ImagePositionPatient": None},
            (0, 1, 2, 3),
            "The header does not say where every slice lies.",
        ),
    ],
)
def test_it_is_said_what_of_the_place_of_which_image_is_missing(
    elements: dict[str, Any], which: tuple[int, ...], sentence: str, tmp_path: Path, decoder: Decoder
) -> None:
    for k in range(4):
        image = ct(z=2.0 * k, number=k + 1, **(elements if k in which else {}))
        write(image, tmp_path / f"{k}")
    assert opened(tmp_path, decoder).not_a_volume == sentence


def test_nothing_on_a_mosaic_of_slices_has_a_place_but_its_directions_and_lengths_hold(
    tmp_path: Path, decoder: Decoder
) -> None:
    for number in (1, 2, 3):
        kind = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        write(ct(z=5.0, number=number, Modality="MR", ImageType=kind), tmp_path / f"{number}")
    loaded = opened(tmp_path, decoder)
    frame = loaded.stack.frames[0]
    assert frame.geometry is None
    assert loaded.volume is None
    assert "Mosaic of slices" in frame.badges
    assert "slice_location_mm" not in frame.corner
    letters = edge_letters(frame.orientation)
    assert letters is not None
    assert (letters.right, letters.bottom) == ("L", "P")
    assert frame.spacing == PixelSpacing(0.5, 0.75, SpacingSource.PATIENT)
    assert [one.corner["instance_number"] for one in loaded.stack.frames] == ["1", "2", "3"]
