"""DICOM Segmentation objects: written by highdicom, read by us."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.labelmap import LabelMap, ParametricMap
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_segmentation
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.pixels.labels import labels_on
from medvision_desktop.pixels.patient_grid import grid_of_plane
from medvision_desktop.services import layers, open_study
from medvision_desktop.settings import Settings
from tests.helpers.layer_files import saved, saved_series, segmentation, source_images


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def patient_points(found: LabelMap, number: int) -> set[tuple[float, ...]]:
    """Where the voxels of a label lie, rounded to a hundredth of a millimetre."""
    indices = np.argwhere(found.values_kji == number)
    homogeneous = np.column_stack([indices, np.ones(len(indices))])
    return {tuple(np.round(point[:3], 2)) for point in homogeneous @ found.affine_kji_to_lps.T}


def source_points(source: list[pydicom.Dataset], mask: np.ndarray) -> set[tuple[float, ...]]:
    """Where pixels of the source lie by the equation of PS3.3 C.7.6.2.1.1."""
    points = set()
    for k, row, column in np.argwhere(mask):
        image = source[k]
        along, down = np.asarray(image.ImageOrientationPatient).reshape(2, 3)
        place = (
            np.asarray(image.ImagePositionPatient)
            + along * column * image.PixelSpacing[1]
            + down * row * image.PixelSpacing[0]
        )
        points.add(tuple(np.round(place, 2)))
    return points


@pytest.mark.parametrize("columns", [8, 10, 7])
def test_frames_that_end_inside_of_a_byte_come_out_whole(
    tmp_path: Path, decoder: Decoder, columns: int
) -> None:
    source = source_images(rows=9, columns=columns)
    mask = np.random.default_rng(1).random((5, 9, columns)) > 0.5
    found = dicom_segmentation.load(
        saved(segmentation(source, mask.astype(np.uint8)), tmp_path / "s.dcm"), decoder
    )
    assert len(found) == 1
    layer = found[0]
    assert isinstance(layer, LabelMap)
    assert patient_points(layer, 1) == source_points(source, mask)


@pytest.mark.parametrize(
    "directions",
    [(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1), (0.8, 0.6, 0, 0, 0, -1)],
)
def test_labels_lie_where_the_pixels_of_the_source_lie(
    tmp_path: Path, decoder: Decoder, directions: tuple[float, ...]
) -> None:
    source = source_images(directions=directions)
    mask = np.random.default_rng(2).random((5, 12, 10)) > 0.7
    layer = dicom_segmentation.load(
        saved(segmentation(source, mask.astype(np.uint8)), tmp_path / "s.dcm"), decoder
    )[0]
    assert isinstance(layer, LabelMap)
    assert patient_points(layer, 1) == source_points(source, mask)
    assert layer.frame_of_reference == source[0].FrameOfReferenceUID


def test_slices_without_a_label_are_left_out_of_the_file_and_empty_in_the_map(
    tmp_path: Path, decoder: Decoder
) -> None:
    source = source_images(slices=9)
    mask = np.zeros((9, 12, 10), np.uint8)
    mask[1, 2:4, 3:6] = mask[5, 2:4, 3:6] = 1
    written = segmentation(source, mask, omit_empty_frames=True)
    assert written.NumberOfFrames == 2
    layer = dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)[0]
    assert isinstance(layer, LabelMap)
    assert layer.values_kji.shape == (5, 12, 10)
    assert patient_points(layer, 1) == source_points(source, mask)
    assert layer.volume_ml(1) == pytest.approx(12 * 0.8 * 0.6 * 2.5 / 1000)


def test_overlapping_segments_become_several_maps_and_lose_nothing(
    tmp_path: Path, decoder: Decoder
) -> None:
    source = source_images()
    mask = np.zeros((5, 12, 10, 3), np.uint8)
    mask[:, 1:6, 1:6, 0] = 1
    mask[:, 3:8, 3:8, 1] = 1  # over the first
    mask[:, 9:11, 1:6, 2] = 1  # apart from both
    written = segmentation(source, mask, labels=("Liver", "Lesion", "Spleen"))
    found = [
        one
        for one in dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)
        if isinstance(one, LabelMap)
    ]
    assert [[segment.label for segment in one.segments] for one in found] == [
        ["Liver", "Spleen"],
        ["Lesion"],
    ]
    for one in found:
        for segment in one.segments:
            wanted = source_points(source, mask[..., segment.number - 1])
            assert patient_points(one, segment.number) == wanted
    assert len({one.uid for one in found}) == 2


def test_a_segment_keeps_its_name_colour_and_code(tmp_path: Path, decoder: Decoder) -> None:
    source = source_images()
    written = segmentation(source, np.ones((5, 12, 10), np.uint8), colours=[(200, 50, 80)])
    layer = dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)[0]
    assert isinstance(layer, LabelMap)
    segment = layer.segments[0]
    assert segment.label == "Liver"
    assert (
        np.max(np.abs(np.asarray(segment.colour) - (200, 50, 80))) <= 4
    )  # highdicom goes by way of 8 bits
    assert segment.code == ("10200004", "SCT", "Liver")
    assert segment.algorithm == "MANUAL"


def test_a_fractional_one_is_cut_at_a_half_says_so_and_keeps_its_values(
    tmp_path: Path, decoder: Decoder
) -> None:
    source = source_images()
    share = np.random.default_rng(3).random((5, 12, 10)).astype(np.float32)
    written = segmentation(
        source, share, "FRACTIONAL", fractional_type="PROBABILITY", max_fractional_value=200
    )
    labels, values = dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)
    assert isinstance(labels, LabelMap)
    assert isinstance(values, ParametricMap)
    assert "Fractional, cut at 0.5" in labels.badges
    stored = written.pixel_array  # pydicom's own decoder is the oracle of what was written
    order = np.argsort(
        [
            float(f.PlanePositionSequence[0].ImagePositionPatient[2])
            for f in written.PerFrameFunctionalGroupsSequence
        ]
    )
    stored = stored[order]
    assert np.array_equal(labels.values_kji, (stored >= 100).astype(np.uint8))
    assert np.allclose(np.nan_to_num(values.values_kji), stored / 200, atol=1e-6)
    assert values.units == "probability"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_label_map_class_is_read_by_value(tmp_path: Path, decoder: Decoder, dtype: type) -> None:
    source = source_images()
    mask = np.random.default_rng(4).integers(0, 4, (5, 12, 10)).astype(dtype)
    written = segmentation(source, mask, "LABELMAP", labels=("A", "B", "C"))
    layer = dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)[0]
    assert isinstance(layer, LabelMap)
    assert [segment.label for segment in layer.segments] == ["A", "B", "C"]
    for number in (1, 2, 3):
        assert patient_points(layer, number) == source_points(source, mask == number)


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless])
def test_a_compressed_one_holds_the_same(tmp_path: Path, decoder: Decoder, syntax: str) -> None:
    source = source_images(rows=16, columns=16)
    mask = np.random.default_rng(5).random((5, 16, 16)) > 0.6
    if syntax == RLELossless:
        written = segmentation(
            source,
            mask.astype(np.float32),
            "FRACTIONAL",
            fractional_type="OCCUPANCY",
            transfer_syntax_uid=syntax,
        )
    else:
        written = segmentation(source, mask.astype(np.uint8))
        written.file_meta.TransferSyntaxUID = syntax
    layer = dicom_segmentation.load(saved(written, tmp_path / "s.dcm"), decoder)[0]
    assert isinstance(layer, LabelMap)
    assert patient_points(layer, 1) == source_points(source, mask)


def test_a_tilted_gantry_gives_a_sheared_grid_and_not_a_refusal(tmp_path: Path, decoder: Decoder) -> None:
    source = source_images(drift=(0, 0.7, 0))
    mask = np.random.default_rng(6).random((5, 12, 10)) > 0.5
    layer = dicom_segmentation.load(
        saved(segmentation(source, mask.astype(np.uint8)), tmp_path / "s.dcm"), decoder
    )[0]
    assert isinstance(layer, LabelMap)
    assert patient_points(layer, 1) == source_points(source, mask)


# What is wrong is refused in a sentence.


def refusal(dataset: pydicom.Dataset, tmp_path: Path, decoder: Decoder) -> InputRefused:
    instance = saved(dataset, tmp_path / "bad.dcm")
    with pytest.raises(InputRefused) as caught:
        dicom_segmentation.load(instance, decoder)
    return caught.value


def small() -> pydicom.Dataset:
    return segmentation(source_images(), np.ones((5, 12, 10), np.uint8))


def test_a_segment_that_is_not_listed_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    mask = np.zeros((5, 12, 10, 2), np.uint8)
    mask[:, 1:3, :, 0] = mask[:, 5:7, :, 1] = 1
    dataset = segmentation(source_images(), mask, labels=("Liver", "Spleen"))
    dataset.PerFrameFunctionalGroupsSequence[2].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9
    assert "Frame" in refusal(dataset, tmp_path, decoder).why


def test_frames_without_a_place_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    dataset = small()
    del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    assert "where each of its frames lies" in refusal(dataset, tmp_path, decoder).why


def uneven(places_mm: list[float], **more: Any) -> list[pydicom.Dataset]:
    source = source_images(slices=len(places_mm), **more)
    for image, place in zip(source, places_mm, strict=True):
        image.ImagePositionPatient = [-30.0, -20.0, place]
    return source


def on_image(found: LabelMap, image: pydicom.Dataset) -> NDArray[np.uint8]:
    """What the program shows over one source image."""
    along, down = np.asarray(image.ImageOrientationPatient, float).reshape(2, 3)
    spacing = PixelSpacing(*(float(side) for side in image.PixelSpacing), SpacingSource.PATIENT)
    x, y, z = (float(part) for part in image.ImagePositionPatient)
    plane = PlaneGeometry((x, y, z), (along[0], along[1], along[2]), (down[0], down[1], down[2]), spacing)
    picture = grid_of_plane(plane, image.Rows, image.Columns)
    return labels_on(found.values_kji, found.affine_kji_to_lps, picture)


@pytest.mark.parametrize(
    "places", [[0, 2.5, 6.1, 7.3, 14], [0, 5, 5.4, 11, 11.7], [100, 97.5, 91.3, 90, 81], [0, 1, 2.37, 3, 4]]
)
def test_labels_of_uneven_slices_lie_on_the_images_they_were_drawn_on(
    places: list[float], tmp_path: Path, decoder: Decoder
) -> None:
    source = uneven(places)
    mask = (np.random.default_rng(5).random((5, 12, 10)) > 0.5).astype(np.uint8)
    (found,) = dicom_segmentation.load(saved(segmentation(source, mask), tmp_path / "s.dcm"), decoder)
    assert isinstance(found, LabelMap)
    assert found.badges == ("Uneven slices",)
    for k, image in enumerate(source):
        assert np.array_equal(on_image(found, image), mask[k])


def test_uneven_slices_are_as_thick_as_they_say(tmp_path: Path, decoder: Decoder) -> None:
    source = uneven([0.0, 10.0, 24.3], step_mm=4.0)
    mask = np.ones((3, 12, 10), np.uint8)
    (found,) = dicom_segmentation.load(saved(segmentation(source, mask), tmp_path / "s.dcm"), decoder)
    assert isinstance(found, LabelMap)
    assert found.volume_ml(1) == pytest.approx(3 * 4.0 * 12 * 10 * 0.8 * 0.6 / 1000, rel=0.1)
    source[0].ImagePositionPatient = [-30.0, -20.0, 5.0]  # between two slices nothing was drawn
    assert not on_image(found, source[0]).any()


def test_slices_closer_than_a_grid_can_be_fine_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    dataset = segmentation(uneven([0.0, 0.02, 50.0, 300.0, 900.55]), np.ones((5, 12, 10), np.uint8))
    assert "very close" in refusal(dataset, tmp_path, decoder).why


def without_places(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """The same object, whose frames say only which images they were drawn on."""
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    shared = dataset.SharedFunctionalGroupsSequence[0]
    del shared.PlaneOrientationSequence, shared.PixelMeasuresSequence
    return dataset


@pytest.mark.parametrize("places", [[0, 2.5, 5, 7.5, 10], [0, 2.5, 6.1, 7.3, 14]])
def test_frames_without_a_place_lie_where_their_source_images_do(
    places: list[float], tmp_path: Path, decoder: Decoder
) -> None:
    source = uneven(places)
    mask = (np.random.default_rng(5).random((5, 12, 10)) > 0.5).astype(np.uint8)
    saved_series(source, tmp_path)
    saved(without_places(segmentation(source, mask)), tmp_path / "s.dcm")
    (study,) = open_study.index([tmp_path], scratch=tmp_path).studies
    (layer,) = (series for series in study.series if series.is_layer)
    (found,) = layers.load(layer, decoder=decoder, study=study)
    assert isinstance(found, LabelMap)
    assert "Placed as its source images" in found.badges
    assert found.frame_of_reference == source[0].FrameOfReferenceUID
    for k, image in enumerate(source):
        assert np.array_equal(on_image(found, image), mask[k])
    with pytest.raises(InputRefused, match="source images"):
        layers.load(layer, decoder=decoder)  # they are not at hand


def test_a_file_that_ends_early_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    instance = saved(small(), tmp_path / "cut.dcm")
    data = instance.path.read_bytes()
    instance.path.write_bytes(data[: len(data) - 60])
    with pytest.raises(InputRefused):
        dicom_segmentation.load(instance, decoder)


def test_a_grid_larger_than_the_memory_for_images_is_refused_before_it_is_made(tmp_path: Path) -> None:
    source = source_images(slices=2, rows=200, columns=200)
    dataset = segmentation(source, np.ones((2, 200, 200), np.uint8))
    place = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    far = [-30.0, -20.0, 10.0 + 2.5 * 9000]
    place.ImagePositionPatient = far
    instance = saved(dataset, tmp_path / "huge.dcm")
    decoder = Decoder(Settings(image_memory_mb=256))
    try:
        with pytest.raises(InputRefused, match="larger than the memory"):
            dicom_segmentation.load(instance, decoder)
    finally:
        decoder.close()


@pytest.mark.parametrize(
    "name", ["liver.dcm", "liver_expb.dcm", "liver_1frame.dcm", "liver_expb_1frame.dcm"]
)
def test_segmentations_of_another_maker_hold_what_pydicom_decodes(decoder: Decoder, name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    layer = dicom_segmentation.load(scan_file(path).instance, decoder)[0]
    assert isinstance(layer, LabelMap)
    dataset = pydicom.dcmread(path)
    wanted = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    frames = dataset.PerFrameFunctionalGroupsSequence[: len(wanted)]  # one file keeps those of three
    heights = [float(one.PlanePositionSequence[0].ImagePositionPatient[2]) for one in frames]
    assert np.array_equal(layer.values_kji, wanted[np.argsort(heights)])


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_damaged_files_are_refused_or_read_and_never_anything_else(
    tmp_path: Path, decoder: Decoder, kind: str
) -> None:
    more = {"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}
    source = source_images()
    mask = np.ones((5, 12, 10), np.float32 if kind == "FRACTIONAL" else np.uint8)
    good = saved(segmentation(source, mask, kind, **more), tmp_path / "good.dcm").path.read_bytes()
    rng = np.random.default_rng(7)
    refused = 0
    for turn in range(60):
        data = bytearray(good)
        for place in rng.integers(132, len(data), 8):
            data[place] = int(rng.integers(0, 256))
        path = tmp_path / f"{turn}.dcm"
        path.write_bytes(
            bytes(data[: int(rng.integers(len(data) // 2, len(data)))] if turn % 3 == 0 else data)
        )
        try:
            found = dicom_segmentation.load(scan_file(path).instance, decoder)
            assert all(one.values_kji.size < 1 << 28 for one in found)
        except InputRefused:
            refused += 1
    assert refused > 5


def test_frames_of_every_other_image_say_nothing_of_those_between(tmp_path: Path, decoder: Decoder) -> None:
    source = source_images(slices=5)
    mask = np.zeros((5, 12, 10), np.uint8)
    mask[::2] = 1
    dataset = segmentation(source, mask)
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices
    saved_series(source, tmp_path)
    saved(dataset, tmp_path / "s.dcm")
    (study,) = open_study.index([tmp_path], scratch=tmp_path).studies
    (layer,) = (series for series in study.series if series.is_layer)
    (found,) = layers.load(layer, decoder=decoder, study=study)
    assert isinstance(found, LabelMap)
    for k, image in enumerate(source):
        assert np.array_equal(on_image(found, image), mask[k])
    assert found.volume_ml(1) == pytest.approx(3 * 2.5 * 12 * 10 * 0.8 * 0.6 / 1000)
    assert found.badges == ()


def films_and_labels(folder: Path, mask: NDArray[np.uint8], kind: str = "BINARY", **more: Any) -> Any:
    """Images that nobody places in the patient, such as films, and a segmentation that names them."""
    source = source_images(slices=len(mask))
    dataset = without_places(segmentation(source, mask, kind, **more))
    for image in source:
        del image.ImagePositionPatient, image.ImageOrientationPatient, image.FrameOfReferenceUID
    saved_series(source, folder)
    saved(dataset, folder / "s.dcm")
    (study,) = open_study.index([folder], scratch=folder).studies
    (layer,) = (series for series in study.series if series.is_layer)
    return study, layer, source


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_labels_of_images_without_a_place_lie_on_those_images(
    kind: str, tmp_path: Path, decoder: Decoder
) -> None:
    mask = (np.random.default_rng(5).random((3, 12, 10)) > 0.5).astype(np.uint8)
    mask[1] = 0  # left out of the file
    values = mask.astype(np.float32) if kind == "FRACTIONAL" else mask
    study, layer, source = films_and_labels(tmp_path, values, kind)
    (found,) = layers.load(layer, decoder=decoder, study=study)
    assert isinstance(found, LabelMap)
    assert "On its own images alone" in found.badges
    by_image = {uid: found.values_kji[k] for k, (uid, _) in enumerate(found.images)}
    assert set(by_image) == {source[0].SOPInstanceUID, source[2].SOPInstanceUID}
    for at in (0, 2):
        assert np.array_equal(by_image[source[at].SOPInstanceUID], mask[at])
    with pytest.raises(InputRefused, match="source images"):
        layers.load(layer, decoder=decoder)


def test_frames_that_are_not_parallel_lie_on_the_images_they_name(tmp_path: Path, decoder: Decoder) -> None:
    source = source_images(slices=3)
    source[1].ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    mask = (np.random.default_rng(5).random((3, 12, 10)) > 0.5).astype(np.uint8)
    saved_series(source, tmp_path)
    dataset = segmentation(source_images_like(source), mask)
    for group, image in zip(dataset.PerFrameFunctionalGroupsSequence, source, strict=True):
        orientation = pydicom.Dataset()
        orientation.ImageOrientationPatient = image.ImageOrientationPatient
        group.PlaneOrientationSequence = [orientation]
    del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    saved(dataset, tmp_path / "s.dcm")
    (study,) = open_study.index([tmp_path], scratch=tmp_path).studies
    (layer,) = (series for series in study.series if series.is_layer)
    (found,) = layers.load(layer, decoder=decoder, study=study)
    assert isinstance(found, LabelMap)
    by_image = {uid: found.values_kji[k] for k, (uid, _) in enumerate(found.images)}
    assert len(by_image) == 3
    for k, image in enumerate(source):
        assert np.array_equal(by_image[image.SOPInstanceUID], mask[k])


def source_images_like(source: list[pydicom.Dataset]) -> list[pydicom.Dataset]:
    """The same images as if they were parallel, which is what highdicom wants to hear."""
    copies = [copy.deepcopy(image) for image in source]
    for image in copies:
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    return copies
