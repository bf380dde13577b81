"""NIfTI: the grid nibabel reads, shown the radiological way, and nothing believed without a check."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import edge_letters
from medvision_desktop.domain.image import LoadedSeries, Photometric, Rescale
from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.io import nifti, nifti_header
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.pixels import pipeline
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.work import CancelToken


def opened(path: Path, decoder: Decoder) -> LoadedSeries:
    found = index([path], scratch=path.parent)
    assert found.refused == ()
    (study,) = found.studies
    return open_series(study, study.series[0], decoder=decoder)


def refusal(path: Path, decoder: Decoder) -> InputRefused:
    """The refusal of a file, by the scan or by the opening."""
    found = index([path], scratch=path.parent)
    if found.refused:
        return InputRefused(found.refused[0].why)
    with pytest.raises(InputRefused) as caught:
        open_series(found.studies[0], found.studies[0].series[0], decoder=decoder)
    return caught.value


def random_values(shape: tuple[int, ...], kind: str = "i2") -> NDArray[Any]:
    return np.random.default_rng(7).integers(0, 200, shape).astype(kind)


AXIAL = np.diag([-1.0, -1.0, 1.0, 1.0])
ORIENTATIONS = ["RAS", "LAS", "LPS", "RPI", "ASR", "PIL", "SAL", "IRP"]


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_every_voxel_lies_where_nibabel_puts_it(
    codes: str, ending: str, tmp_path: Path, decoder: Decoder
) -> None:
    values = random_values((5, 6, 7))
    turn = nibabel.orientations.inv_ornt_aff(nibabel.orientations.axcodes2ornt(codes), (5, 6, 7))
    affine = np.array([[0.8, 0, 0, -11], [0, 1.2, 0, 13], [0, 0, 2.5, -17], [0, 0, 0, 1]]) @ turn
    path = tmp_path / f"image.{ending}"
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    volume = opened(path, decoder).volume
    assert volume is not None
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine_kji_to_lps
    back = np.linalg.inv(nibabel.load(path).affine) @ to_ras
    for k, j, i in np.ndindex(volume.values_kji.shape):
        source = np.rint(back @ np.array([k, j, i, 1.0]))[:3].astype(int)
        assert volume.values_kji[k, j, i] == values[tuple(source)]


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_slices_are_axial_with_right_on_the_left_and_front_at_the_top(
    codes: str, tmp_path: Path, decoder: Decoder
) -> None:
    turn = nibabel.orientations.inv_ornt_aff(nibabel.orientations.axcodes2ornt(codes), (5, 6, 7))
    nibabel.save(nibabel.Nifti1Image(random_values((5, 6, 7)), turn), tmp_path / "a.nii")
    frames = opened(tmp_path / "a.nii", decoder).stack.frames
    letters = edge_letters(frames[0].orientation)
    assert letters is not None
    assert (letters.left, letters.right, letters.top, letters.bottom) == ("R", "L", "A", "P")
    positions = [frame.geometry.position_mm for frame in frames if frame.geometry is not None]
    assert len(positions) == len(frames)
    assert positions == sorted(positions)  # from the feet up


def test_an_oblique_affine_keeps_its_angles(tmp_path: Path, decoder: Decoder) -> None:
    angle = np.radians(12)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array([1.0, 2.0, 3.0])
    nibabel.save(nibabel.Nifti1Image(random_values((5, 6, 7)), affine), tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    assert loaded.volume is not None
    spacing = loaded.stack.frames[0].spacing
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == pytest.approx((2.0, 1.0))


def test_without_a_code_no_orientation_is_guessed(tmp_path: Path, decoder: Decoder) -> None:
    image = nibabel.Nifti1Image(random_values((5, 6, 7)), None)
    image.header.set_zooms((0.5, 0.5, 2.0))
    image.header.set_sform(None, code=0)
    image.header.set_qform(None, code=0)
    nibabel.save(image, tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    assert loaded.volume is None
    assert loaded.not_a_volume == "The header does not say where every slice lies."
    frame = loaded.stack.frames[0]
    assert frame.orientation is None
    assert frame.spacing is not None
    assert frame.spacing.row_mm == 0.5


def placed_twice(folder: Path, sform: Any, qform: Any, codes: tuple[int, int]) -> Path:
    image = nibabel.Nifti1Image(random_values((5, 6, 7)), None)
    image.header.set_sform(np.asarray(sform, float), code=codes[0])
    image.header.set_qform(np.asarray(qform, float), code=codes[1])
    nibabel.save(image, folder / "twice.nii")
    return folder / "twice.nii"


def moved(x: float, y: float = 0.0) -> NDArray[np.float64]:
    affine = np.diag([-2.0, 2.0, 3.0, 1.0])
    affine[:2, 3] = (x, y)
    return affine


@pytest.mark.parametrize(
    ("sform", "qform", "codes", "doubts"),
    [
        (moved(0), moved(0), (1, 1), ()),
        (moved(0), moved(0.4), (1, 1), ()),
        (moved(3, 4), moved(0), (1, 1), ("sform and qform lie 5 mm apart",)),
        (moved(3, 4), moved(0), (2, 1), ()),  # by design: another scan's coordinates
        (moved(3, 4), moved(0), (1, 0), ()),
        (moved(0), np.diag([2.0, 2, 3, 1]), (1, 1), ("sform and qform disagree on directions",)),
        (moved(0), np.diag([2.0, 2, 3, 1]), (4, 1), ("sform and qform disagree on directions",)),
    ],
)
def test_a_file_that_is_placed_twice_says_where_the_places_differ(
    sform: Any,
    qform: Any,
    codes: tuple[int, int],
    doubts: tuple[str, ...],
    tmp_path: Path,
    decoder: Decoder,
) -> None:
    loaded = opened(placed_twice(tmp_path, sform, qform, codes), decoder)
    assert {frame.not_faithful for frame in loaded.stack.frames} == {doubts}
    assert loaded.volume is not None
    assert loaded.volume.not_faithful == doubts  # and planes say it, too
    corner = np.asarray(loaded.volume.affine_kji_to_lps @ [0, 5, 4, 1])[:3]
    ends = np.asarray([np.diag([-1, -1, 1, 1]) @ sform @ [i, j, 0, 1] for i in (0, 4) for j in (0, 5)])
    assert np.min(np.abs(ends[:, :3] - corner).max(axis=1)) < 1e-5  # the sform counts


@pytest.mark.parametrize(
    ("code", "badges"), [(1, ()), (2, ()), (3, ("Talairach space",)), (4, ("MNI space",))]
)
def test_coordinates_that_are_not_the_patients_own_are_named(
    code: int, badges: tuple[str, ...], tmp_path: Path, decoder: Decoder
) -> None:
    loaded = opened(placed_twice(tmp_path, moved(0), moved(0), (code, 1)), decoder)
    assert loaded.stack.frames[0].badges == badges


def test_a_qform_that_is_no_rotation_does_not_keep_a_good_sform_from_being_used(
    tmp_path: Path, decoder: Decoder
) -> None:
    path = placed_twice(tmp_path, moved(0), moved(0), (1, 1))
    data = bytearray(path.read_bytes())
    data[256:260] = struct.pack("<f", 2.0)  # quatern_b
    path.write_bytes(data)
    assert opened(path, decoder).volume is not None


def test_the_qform_serves_where_there_is_no_sform(tmp_path: Path, decoder: Decoder) -> None:
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (10, -20, 30)
    image = nibabel.Nifti1Image(random_values((5, 6, 7)), None)
    image.header.set_qform(affine, code=1)
    image.header.set_sform(None, code=0)
    nibabel.save(image, tmp_path / "a.nii")
    volume = opened(tmp_path / "a.nii", decoder).volume
    assert volume is not None
    corners = {
        tuple(np.rint((volume.affine_kji_to_lps @ [k, j, i, 1])[:3]))
        for k in (0, 6)
        for j in (0, 5)
        for i in (0, 4)
    }
    wanted = {
        tuple(np.rint((np.diag([-1, -1, 1, 1]) @ affine @ [i, j, k, 1])[:3]))
        for k in (0, 6)
        for j in (0, 5)
        for i in (0, 4)
    }
    assert corners == wanted


def test_scaled_values_are_those_nibabel_gives(tmp_path: Path, decoder: Decoder) -> None:
    image = nibabel.Nifti1Image(random_values((5, 6, 7)), np.eye(4))
    image.header.set_slope_inter(2.5, -7.0)
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    loaded = opened(path, decoder)
    assert loaded.volume is not None
    wanted = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()[::-1, ::-1]
    assert np.allclose(loaded.volume.values_kji, wanted.transpose(2, 1, 0))
    assert loaded.stack.frames[0].modality == Rescale(2.5, -7.0)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8", ">i2", ">f4"])
def test_every_value_type_is_read(kind: str, tmp_path: Path, decoder: Decoder) -> None:
    values = (
        random_values((5, 6, 7)).astype(kind) if kind != "i1" else random_values((5, 6, 7)).astype("i1")
    )
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]), dtype=values.dtype), path)
    frames = opened(path, decoder).stack.frames
    stack = np.stack([frame.stored for frame in frames])
    assert stack.dtype.isnative
    assert np.array_equal(stack, values.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("kind", "top", "shown"),
    [
        ("i8", 2**31 - 1, "i4"),
        ("i8", 2**40, "f8"),
        (">i8", -(2**40), "f8"),
        ("u8", 2**32, "f8"),
        ("u8", 9, "i4"),
    ],
)
def test_wide_whole_numbers_keep_their_values(
    kind: str, top: int, shown: str, tmp_path: Path, decoder: Decoder
) -> None:
    values = random_values((5, 6, 7)).astype(kind)
    values[0, 0, 0] = top
    nibabel.save(nibabel.Nifti1Image(values, AXIAL, dtype=values.dtype), tmp_path / "a.nii")
    frames = opened(tmp_path / "a.nii", decoder).stack.frames
    stack = np.stack([frame.stored for frame in frames])
    assert stack.dtype == np.dtype(shown)
    assert np.array_equal(stack.astype(np.int64), values.transpose(2, 1, 0).astype(np.int64))


@pytest.mark.parametrize("kind", ["c8", "c16", ">c8"])
def test_of_complex_numbers_the_magnitude_is_shown_and_said(
    kind: str, tmp_path: Path, decoder: Decoder
) -> None:
    values = (random_values((5, 6, 7)) * (3 + 4j)).astype(kind)
    nibabel.save(nibabel.Nifti1Image(values, AXIAL, dtype=values.dtype), tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    stack = np.stack([frame.stored for frame in loaded.stack.frames])
    assert np.allclose(stack, random_values((5, 6, 7)).transpose(2, 1, 0) * 5.0)
    assert loaded.stack.frames[0].badges == ("Magnitude of complex values",)


def test_complex_numbers_out_of_range_are_no_numbers_and_raise_no_warning(
    tmp_path: Path, decoder: Decoder
) -> None:
    values = np.full((5, 6, 7), 3e38 + 3e38j, np.complex64)
    values[0, 0, 0] = complex(np.nan, np.inf)
    nibabel.save(nibabel.Nifti1Image(values, AXIAL), tmp_path / "a.nii")
    stored = opened(tmp_path / "a.nii", decoder).stack.frames[0].stored
    assert not np.isfinite(stored).any()


def test_colours_with_transparency_are_shown_without_it(tmp_path: Path, decoder: Decoder) -> None:
    values = np.zeros((5, 6, 7), dtype=[(name, "u1") for name in "RGBA"])
    for at, name in enumerate("RGBA"):
        values[name] = random_values((5, 6, 7), "u1") + at
    nibabel.save(nibabel.Nifti1Image(values, AXIAL), tmp_path / "a.nii")
    frame = opened(tmp_path / "a.nii", decoder).stack.frames[3]
    assert np.array_equal(frame.stored, np.stack([values[name][:, :, 3].T for name in "RGB"], axis=-1))
    assert frame.not_faithful == ("the transparency of its colours is not shown",)


def test_nifti_two_is_read(tmp_path: Path, decoder: Decoder) -> None:
    nibabel.save(nibabel.Nifti2Image(random_values((5, 6, 7)), np.eye(4)), tmp_path / "a.nii.gz")
    assert len(opened(tmp_path / "a.nii.gz", decoder).stack.frames) == 7


def test_colour_voxels_are_shown_in_colour(tmp_path: Path, decoder: Decoder) -> None:
    values = np.zeros((5, 6, 7), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    values["R"], values["B"] = random_values((5, 6, 7), "u1"), 9
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    frame = loaded.stack.frames[3]
    assert frame.photometric is Photometric.RGB
    assert np.array_equal(frame.stored[..., 0], values["R"][:, :, 3].T)
    assert np.all(frame.stored[..., 2] == 9)
    assert loaded.volume is None


def test_every_volume_of_a_time_series_is_read_and_named_by_its_time(
    tmp_path: Path, decoder: Decoder
) -> None:
    values = random_values((5, 6, 7, 3))
    image = nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_zooms((1.0, 1.0, 1.0, 2.5))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "a.nii.gz")
    loaded = opened(tmp_path / "a.nii.gz", decoder)
    assert [phase.label for phase in loaded.phases] == ["t = 0.0 s", "t = 2.5 s", "t = 5.0 s"]
    assert [phase.time_ms for phase in loaded.phases] == [0.0, 2500.0, 5000.0]
    for number in range(3):
        one = loaded.at_phase(number)
        assert one.volume is not None
        assert len(one.stack.frames) == 7
        assert np.array_equal(one.stack.frames[2].stored, values[:, :, 2, number].T)
        assert np.array_equal(one.volume.values_kji, values[..., number].T)
    assert len({frame.frame_number for frame in loaded.stack.frames}) == 21


def test_dimensions_beyond_time_are_named_as_the_header_says(tmp_path: Path, decoder: Decoder) -> None:
    values = random_values((5, 6, 7, 2, 3))
    image = nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_zooms((1.0, 1.0, 1.0, 400.0, 1.0))
    image.header.set_xyzt_units("mm", "msec")
    image.header["intent_name"] = b"shift"
    nibabel.save(image, tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    labels = [phase.label for phase in loaded.phases]
    assert labels[:3] == ["t = 0.0 s, shift 1", "t = 400 ms, shift 1", "t = 0.0 s, shift 2"]
    fifth = loaded.at_phase(5).volume
    assert fifth is not None
    assert np.array_equal(fifth.values_kji, values[..., 1, 2].T)


def test_a_fourth_dimension_that_is_no_time_has_no_times(tmp_path: Path, decoder: Decoder) -> None:
    image = nibabel.Nifti1Image(random_values((5, 6, 7, 2)), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_xyzt_units("mm", "unknown")
    nibabel.save(image, tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    assert [phase.time_ms for phase in loaded.phases] == [None, None]
    assert [phase.label for phase in loaded.phases] == ["", ""]
    assert loaded.at_phase(1).phase_label == "Volume 2 of 2"


def test_of_more_volumes_than_memory_holds_the_first_are_shown_and_said(tmp_path: Path) -> None:
    values = np.zeros((64, 64, 64, 9), np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "a.nii")
    header = nifti_header.read_header(tmp_path / "a.nii")
    read = nifti.read_volumes(tmp_path / "a.nii", header, limit_bytes=5 << 20)
    assert read.shape == (5, 64, 64, 64)
    assert nifti.frames_of_volumes(header, read, "key")[0].badges == ("First 5 of 9 volumes",)


def test_the_same_content_has_the_same_key_wherever_it_lies(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(random_values((5, 6, 7)), np.eye(4)), tmp_path / "a.nii")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.nii").write_bytes((tmp_path / "a.nii").read_bytes())
    found = index([tmp_path], scratch=tmp_path)
    assert len(found.studies) == 1
    assert [entry.path.name for entry in found.refused] == ["b.nii"]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.nii"
    nibabel.save(nibabel.Nifti1Image(random_values((5, 6, 7)), np.eye(4)), path)
    return path


def with_field(path: Path, offset: int, data: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("offset", "data", "sentence"),
    [
        (40, struct.pack("<8h", 4, 5, 6, 7, 32767, 1, 1, 1), "cut short"),
        (40, struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1), "cut short"),
        (40, struct.pack("<8h", 3, -5, 6, 7, 1, 1, 1, 1), "not counts"),
        (40, struct.pack("<8h", 3, 0, 6, 7, 1, 1, 1, 1), "not counts"),
        (40, struct.pack("<8h", 99, 5, 6, 7, 1, 1, 1, 1), "parse|not counts|not carry"),
        (70, struct.pack("<h", 12345), "data type"),
        (70, struct.pack("<h", 1536), "data type"),
        (108, struct.pack("<f", float("nan")), "out of range"),
        (108, struct.pack("<f", 1e30), "out of range"),
        (108, struct.pack("<f", -5.0), "out of range"),
        (344, b"ni1\0", "pixels of the image are missing"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused(
    offset: int, data: bytes, sentence: str, plain: Path, decoder: Decoder
) -> None:
    import re

    assert re.search(sentence, str(refusal(with_field(plain, offset, data), decoder)))


@pytest.mark.parametrize("zooms", [(0.0, 0.0, 0.0), (float("nan"), 1.0, 1.0), (float("inf"), 1.0, 1.0)])
def test_a_spacing_that_is_none_gives_no_millimetres(
    zooms: tuple[float, ...], plain: Path, decoder: Decoder
) -> None:
    with_field(plain, 76 + 4, struct.pack("<3f", *zooms))
    with_field(plain, 252, struct.pack("<2h", 0, 0))
    frame = opened(plain, decoder).stack.frames[0]
    assert frame.spacing is None
    assert frame.geometry is None


def test_the_first_bytes_of_a_nifti_two_header_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "short.nii"
    path.write_bytes(struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + bytes(20))
    assert "cut short" in str(refusal(path, decoder))


@pytest.mark.parametrize("huge", [3e38, 1e7])
def test_an_affine_of_kilometres_gives_no_geometry(huge: float, plain: Path, decoder: Decoder) -> None:
    with_field(plain, 280, struct.pack("<12f", huge, 0, 0, 0, 0, huge, 0, 0, 0, 0, huge, 0))
    assert opened(plain, decoder).stack.frames[0].geometry is None


def test_the_largest_of_doubles_are_drawn(tmp_path: Path, decoder: Decoder) -> None:
    values = np.where(np.arange(210).reshape(5, 6, 7) % 2, 1.7e308, -1.7e308)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "huge.nii")
    loaded = opened(tmp_path / "huge.nii", decoder)
    frame = loaded.stack.frames[0]
    plan = pipeline.resolve(DisplayState(), frame, modality_range=loaded.stack.modality_range)
    assert sorted(set(pipeline.render(plan).ravel().tolist())) == [0, 255]


def test_a_singular_affine_gives_no_geometry(plain: Path, decoder: Decoder) -> None:
    with_field(plain, 280, struct.pack("<12f", *([1, 0, 0, 0] * 3)))
    assert opened(plain, decoder).stack.frames[0].geometry is None


def test_a_cut_file_is_refused(plain: Path, decoder: Decoder) -> None:
    plain.write_bytes(plain.read_bytes()[:-1])
    assert "cut short" in str(refusal(plain, decoder))


def test_a_header_alone_is_refused(plain: Path, decoder: Decoder) -> None:
    plain.write_bytes(plain.read_bytes()[:348])
    assert "cut short" in str(refusal(plain, decoder))


def test_a_wrong_checksum_in_gzip_is_found(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(random_values((60, 60, 60)), np.eye(4)), path)
    packed = bytearray(path.read_bytes())
    packed[-8] ^= 0xFF
    path.write_bytes(packed)
    assert nibabel.load(path).get_fdata().shape == (60, 60, 60)  # nibabel says nothing
    assert "checksum" in str(refusal(path, decoder))


def test_a_wrong_checksum_behind_further_volumes_is_found(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(random_values((20, 20, 20, 40)), np.eye(4)), path)
    packed = bytearray(path.read_bytes())
    packed[-6] ^= 0x01
    path.write_bytes(packed)
    assert "checksum" in str(refusal(path, decoder))


def test_gzip_cut_short_is_refused(plain: Path, tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes())[:-30])
    assert "damaged" in str(refusal(path, decoder))


def test_a_gzip_bomb_behind_the_image_is_not_unpacked(
    plain: Path, tmp_path: Path, decoder: Decoder
) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes() + bytes(200 << 20), 1))
    assert "far more than it says" in str(refusal(path, decoder))


def test_an_image_over_the_memory_limit_is_refused_before_it_is_read(plain: Path) -> None:
    header = nifti_header.read_header(plain)
    with pytest.raises(InputRefused, match="larger than the memory"):
        nifti.read_volume(plain, header, limit_bytes=100)


def test_reading_can_be_cancelled(plain: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        nifti.read_volume(plain, nifti_header.read_header(plain), limit_bytes=1 << 30, cancel=cancel)


@pytest.mark.data
def test_the_angiogram_is_the_volume_itk_reads(data_dir: Path, decoder: Decoder) -> None:
    import SimpleITK

    path = data_dir / "nifti" / "CT_AVM.nii.gz"
    volume = opened(path, decoder).volume
    assert volume is not None
    image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(path)), "LPS")
    assert np.allclose(volume.values_kji, SimpleITK.GetArrayFromImage(image), atol=1e-3)
    corner = image.TransformIndexToPhysicalPoint((3, 5, 7))
    assert (volume.affine_kji_to_lps @ [7, 5, 3, 1])[:3] == pytest.approx(corner, abs=1e-3)


def test_a_film_of_one_slice_is_a_stack_to_scroll_through(tmp_path: Path, decoder: Decoder) -> None:
    values = random_values((5, 6, 1, 8))
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    assert loaded.phases == ()
    assert len(loaded.stack.frames) == 8
    assert np.array_equal(loaded.stack.frames[5].stored, values[:, :, 0, 5].T)


def test_more_volumes_than_the_file_can_hold_are_refused(tmp_path: Path, decoder: Decoder) -> None:
    image = nibabel.Nifti1Image(random_values((5, 6, 7, 2)), np.diag([-1.0, -1.0, 1.0, 1.0]))
    nibabel.save(image, tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[48:52] = np.asarray([32767, 32767], "<i2").tobytes()  # dim[4] and dim[5]
    data[40:42] = np.asarray([5], "<i2").tobytes()
    (tmp_path / "b.nii").write_bytes(data)
    (tmp_path / "a.nii").unlink()
    result = index([tmp_path / "b.nii"], scratch=tmp_path / "scratch")
    assert result.studies == ()
    assert "cut short" in result.refused[0].why


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("endings", [("hdr", "img"), ("hdr.gz", "img.gz"), ("HDR", "IMG")])
@pytest.mark.parametrize("named", ["folder", "header", "pixels"])
def test_an_image_in_two_files_is_one_whichever_is_opened(
    kind: Any, endings: tuple[str, str], named: str, tmp_path: Path, decoder: Decoder
) -> None:
    values = random_values((5, 6, 7))
    places = tmp_path / "a.hdr", tmp_path / "a.img"
    kind(values, AXIAL).to_filename(places[0])
    written = [tmp_path / f"a.{ending}" for ending in endings]
    for before, after in zip(places, written, strict=True):
        data = before.read_bytes()
        before.unlink()
        after.write_bytes(gzip.compress(data) if after.suffix == ".gz" else data)
    path = {"folder": tmp_path, "header": written[0], "pixels": written[1]}[named]
    volume = opened(path, decoder).volume
    assert volume is not None
    assert np.array_equal(volume.values_kji, values.transpose(2, 1, 0))


def test_two_images_with_one_header_are_two(tmp_path: Path) -> None:
    for name in "ab":
        values = random_values((5, 6, 7)) + ord(name)
        nibabel.Nifti1Pair(values.astype("i2"), AXIAL).to_filename(tmp_path / f"{name}.hdr")
    found = index([tmp_path], scratch=tmp_path)
    assert found.refused == ()
    assert len({study.key for study in found.studies}) == 2


def test_a_header_without_its_pixels_and_an_analyze_image_say_what_is_wrong(tmp_path: Path) -> None:
    nibabel.Nifti1Pair(random_values((5, 6, 7)), AXIAL).to_filename(tmp_path / "a.hdr")
    (tmp_path / "a.img").unlink()
    nibabel.AnalyzeImage(random_values((5, 6, 7)), AXIAL).to_filename(tmp_path / "old.img")
    reasons = {refused.path.name: refused.why for refused in index([tmp_path], scratch=tmp_path).refused}
    assert "ends in .img" in reasons["a.hdr"]
    assert "does not say which side is left" in reasons["old.hdr"]


def test_a_grid_that_is_sheared_within_its_slices_has_no_letters_and_says_so(
    tmp_path: Path, decoder: Decoder
) -> None:
    affine = AXIAL @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(random_values((5, 6, 7)), None)
    image.header.set_sform(affine, code=1)
    image.header.set_qform(None, code=0)
    nibabel.save(image, tmp_path / "a.nii")
    loaded = opened(tmp_path / "a.nii", decoder)
    frame = loaded.stack.frames[0]
    assert frame.orientation is None
    assert frame.not_faithful == ("sheared grid drawn with right angles",)
    assert loaded.volume is None


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("length", [12, 347, 348, 360, 539, 540])
def test_a_file_that_ends_within_its_header_is_refused_and_the_others_are_read(
    kind: Any, length: int, tmp_path: Path
) -> None:
    kind(random_values((5, 6, 7)), AXIAL).to_filename(tmp_path / "whole.nii")
    (tmp_path / "cut.nii").write_bytes((tmp_path / "whole.nii").read_bytes()[:length])
    found = index([tmp_path], scratch=tmp_path)
    assert [study.description for study in found.studies] == ["whole.nii"]
    assert [refused.path.name for refused in found.refused] == ["cut.nii"]
