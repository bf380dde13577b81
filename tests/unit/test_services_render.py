"""`medvision render`: what is drawn, what is refused, and that a batch goes on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.errors import Cancelled, ExportFailed, InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import render, render_batch
from medvision_desktop.services.render import RenderOptions, encode_png, render_file, save
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken
from tests.helpers.dicom_files import SERIES_UID, ct, write
from tests.helpers.presentation_files import dataset, image_ref, state_for, voi_item

STUDY, SERIES, FRAME = generate_uid(), generate_uid(), generate_uid()


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def write_slice(path: Path, pixels: NDArray[np.int16], z: float = 0.0, **entries: Any) -> Path:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [1, 1]
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelData = pixels.astype("<i2").tobytes()
    for name, value in entries.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def ramp(offset: int = 0) -> NDArray[np.int16]:
    return (np.arange(8 * 10).reshape(8, 10) + offset).astype(np.int16)


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A folder of five slices whose values name their slice."""
    folder = tmp_path / "head"
    folder.mkdir()
    for k in range(5):
        write_slice(folder / f"{k}.dcm", ramp(100 * k), z=2.0 * k)
    return folder


def test_a_file_is_drawn_with_the_window_of_its_header(tmp_path: Path, decoder: Decoder) -> None:
    path = write_slice(tmp_path / "a.dcm", ramp(), WindowCenter=[40, 10], WindowWidth=[80, 20])
    rendered = render_file(path, decoder=decoder)
    assert rendered.window == {"center": 40, "width": 80, "function": "LINEAR", "source": "header"}
    expected = np.clip((ramp() - 39.5) / 79 + 0.5, 0, 1)
    assert np.allclose(rendered.values(), expected, atol=1e-6)
    assert np.abs(rendered.levels() - expected * 255).max() <= 0.5
    assert rendered.shape == (8, 10)


def test_an_alternative_of_the_header_is_picked_from_zero(tmp_path: Path, decoder: Decoder) -> None:
    path = write_slice(tmp_path / "a.dcm", ramp(), WindowCenter=[40, 10], WindowWidth=[80, 20])
    second = render_file(path, RenderOptions(voi=1), decoder=decoder).window
    assert second is not None
    assert (second["center"], second["width"], second["source"]) == (10, 20, "reader")
    with pytest.raises(InputRefused, match="no window 2"):
        render_file(path, RenderOptions(voi=2), decoder=decoder)


def test_a_window_of_ones_own_comes_first(tmp_path: Path, decoder: Decoder) -> None:
    path = write_slice(tmp_path / "a.dcm", ramp(), WindowCenter=40, WindowWidth=80)
    window = render_file(path, RenderOptions(window=(5, 10)), decoder=decoder).window
    assert window == {"center": 5, "width": 10, "function": "LINEAR", "source": "reader"}


@pytest.mark.parametrize("window", [(5, 0.5), (float("nan"), 10), (5, float("inf"))])
def test_a_window_that_means_nothing_is_refused(
    window: tuple[float, float], tmp_path: Path, decoder: Decoder
) -> None:
    path = write_slice(tmp_path / "a.dcm", ramp())
    with pytest.raises(InputRefused, match="window"):
        render_file(path, RenderOptions(window=window), decoder=decoder)


def test_a_folder_is_a_series_whose_frames_are_numbered_in_its_order(head: Path, decoder: Decoder) -> None:
    for number in (1, 3, 5):
        frame = render_file(head, RenderOptions(frame=number), decoder=decoder).plan.frame
        assert int(frame.stored[0, 0]) == 100 * (number - 1)


@pytest.mark.parametrize("window", [{"WindowCenter": 50.0, "WindowWidth": 100.0}, {}])
def test_frames_of_a_file_are_numbered_as_they_are_stored(
    window: dict[str, float], tmp_path: Path, decoder: Decoder
) -> None:
    places = [3.0, 0.0, 2.0, 1.0]
    pixels = np.stack([ramp(100 * number) for number in range(4)])
    positions = [
        dataset(PlanePositionSequence=[dataset(ImagePositionPatient=[0.0, 0.0, place])]) for place in places
    ]
    directions = dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    picture = ct(
        pixels[0],
        Modality="MR",
        NumberOfFrames=4,
        SharedFunctionalGroupsSequence=[dataset(PlaneOrientationSequence=[directions])],
        PerFrameFunctionalGroupsSequence=positions,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
        **window,
    )
    picture.PixelData = pixels.tobytes()
    path = write(picture, tmp_path / "enhanced.dcm")
    for number in range(1, 5):
        frame = render_file(path, RenderOptions(frame=number), decoder=decoder).plan.frame
        assert np.array_equal(frame.stored, pixels[number - 1])


@pytest.mark.parametrize("number", [0, -1, 6])
def test_a_frame_that_is_not_there_is_refused(number: int, head: Path, decoder: Decoder) -> None:
    with pytest.raises(InputRefused, match="no frame"):
        render_file(head, RenderOptions(frame=number), decoder=decoder)


def test_a_plane_is_cut_from_the_volume_of_a_folder(head: Path, decoder: Decoder) -> None:
    coronal = render_file(head, RenderOptions(plane=Plane.CORONAL, slice_index=3), decoder=decoder)
    frame = coronal.plan.frame
    # Head on top: the last slice comes first; row 3 of every slice.
    expected = np.stack([ramp(100 * k)[3] for k in reversed(range(5))])
    assert np.array_equal(frame.stored, expected)
    middle = render_file(head, RenderOptions(plane=Plane.AXIAL), decoder=decoder)
    assert int(middle.plan.frame.stored[0, 0]) == 200


def test_a_slice_or_a_volume_that_is_not_there_is_refused(head: Path, decoder: Decoder) -> None:
    with pytest.raises(InputRefused, match="no axial slice 5"):
        render_file(head, RenderOptions(plane=Plane.AXIAL, slice_index=5), decoder=decoder)
    with pytest.raises(InputRefused, match="No plane"):
        render_file(head / "0.dcm", RenderOptions(plane=Plane.AXIAL), decoder=decoder)


def test_a_picture_file_is_drawn_as_it_is(tmp_path: Path, decoder: Decoder) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "photo.png")
    rendered = render_file(tmp_path / "photo.png", decoder=decoder)
    assert np.array_equal(rendered.levels(), colour)
    assert rendered.window is None
    assert rendered.shape == (6, 7, 3)
    with pytest.raises(InputRefused, match="no frame 2"):
        render_file(tmp_path / "photo.png", RenderOptions(frame=2), decoder=decoder)


def test_two_series_in_a_folder_need_a_name(head: Path, decoder: Decoder) -> None:
    write_slice(head / "other.dcm", ramp(), SeriesInstanceUID=generate_uid())
    with pytest.raises(InputRefused, match="2 series"):
        render_file(head, decoder=decoder)


def test_what_is_no_image_is_refused_with_why(tmp_path: Path, decoder: Decoder) -> None:
    note = tmp_path / "note.txt"
    note.write_text("not an image")
    with pytest.raises(InputRefused, match="not a kind of image"):
        render_file(note, decoder=decoder)
    with pytest.raises(InputRefused, match="not there"):
        render_file(tmp_path / "missing.dcm", decoder=decoder)


def test_png_holds_the_levels_and_npy_the_values(tmp_path: Path, decoder: Decoder) -> None:
    rendered = render_file(write_slice(tmp_path / "a.dcm", ramp()), decoder=decoder)
    save(rendered, tmp_path / "a.png")
    save(rendered, tmp_path / "a.npy")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), rendered.levels())
    values = np.load(tmp_path / "a.npy")
    assert values.dtype == np.float32
    assert np.array_equal(values, rendered.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dcm", "a.npy", "a.png"]


def test_colours_keep_their_order_in_a_png() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    with Image.open(io.BytesIO(encode_png(red))) as image:
        assert np.asarray(image)[0, 0].tolist() == [200, 0, 0]


def test_other_formats_and_places_that_cannot_be_written_are_refused(
    tmp_path: Path, decoder: Decoder
) -> None:
    rendered = render_file(write_slice(tmp_path / "a.dcm", ramp()), decoder=decoder)
    with pytest.raises(ExportFailed, match="not png or npy"):
        save(rendered, tmp_path / "a.tiff")
    with pytest.raises(ExportFailed, match="not written"):
        save(rendered, tmp_path / "nowhere" / "a.png")


def test_a_batch_goes_on_after_what_it_cannot_draw(tmp_path: Path, decoder: Decoder) -> None:
    good = write_slice(tmp_path / "good.dcm", ramp())
    bad = tmp_path / "bad.dcm"
    bad.write_bytes(good.read_bytes()[:-40])
    paths = [good, bad, tmp_path / "missing.dcm", good]
    lines = list(render_batch.batch(paths, decoder=decoder, out_dir=tmp_path / "out"))
    assert [line.state for line in lines] == ["ok", "refused", "refused", "ok"]
    assert [line.path for line in lines] == [str(path) for path in paths]
    assert all(line.why for line in lines if line.state == "refused")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good-2.png", "good.png"]
    assert set(lines[0].as_json()) == {
        "path",
        "state",
        "why",
        "shape",
        "window",
        "badges",
        "seconds",
        "out",
    }
    assert lines[0].as_json()["shape"] == [8, 10]
    assert lines[1].as_json()["window"] is None


def test_a_fault_of_ours_costs_one_file_of_a_batch(
    tmp_path: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch, expected_log: list[Any]
) -> None:
    paths = [write_slice(tmp_path / f"{n}.dcm", ramp()) for n in range(2)]
    real = render.pipeline.resolve
    calls = iter([True, False])

    def faulty(*arguments: Any, **options: Any) -> Any:
        if next(calls, False):
            raise ZeroDivisionError
        return real(*arguments, **options)

    monkeypatch.setattr(render.pipeline, "resolve", faulty)
    lines = list(render_batch.batch(paths, decoder=decoder))
    assert [line.state for line in lines] == ["refused", "ok"]
    assert "fault of this program" in lines[0].why
    assert expected_log


def test_a_batch_stops_between_files_when_asked(tmp_path: Path, decoder: Decoder) -> None:
    path = write_slice(tmp_path / "a.dcm", ramp())
    cancel = CancelToken()
    lines = render_batch.batch([path, path], decoder=decoder, cancel=cancel)
    assert next(lines).state == "ok"
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(lines)


def test_the_same_name_in_two_folders_is_written_twice(tmp_path: Path, decoder: Decoder) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_slice(tmp_path / name / "1.2.3", ramp())
    paths = [tmp_path / name / "1.2.3" for name in ("one", "two")]
    list(render_batch.batch(paths, decoder=decoder, out_dir=tmp_path / "out", kind="npy"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.2.3-2.npy", "1.2.3.npy"]


@pytest.fixture
def presented(tmp_path: Path) -> Path:
    """A folder with an image and two presentation states about it, the second one newer and turned."""
    picture = ct(np.arange(64 * 48, dtype=np.int16).reshape(64, 48), WindowCenter=0, WindowWidth=500)
    write(picture, tmp_path / "image.dcm")
    for number, center in enumerate((100.0, 900.0)):
        state = state_for(
            picture.SOPInstanceUID,
            SOPInstanceUID=f"1.2.3.{number}",
            ContentLabel=f"LOOK {number}",
            PresentationCreationDate=f"2024030{number + 1}",
            SoftcopyVOILUTSequence=[voi_item(center, 300.0)],
            ImageRotation=90 * number,
        )
        write(state, tmp_path / f"state{number}.dcm")
    return tmp_path


def test_the_newest_presentation_state_is_applied_as_in_the_window(
    presented: Path, decoder: Decoder
) -> None:
    found = render_file(presented, decoder=decoder)
    assert found.window is not None
    assert (found.window["center"], found.window["source"]) == (900.0, "presentation state")
    assert found.shape == found.levels().shape == found.values().shape == (48, 64)


@pytest.mark.parametrize(("name", "center"), [("LOOK 0", 100.0), ("1.2.3.1", 900.0), ("", 0.0)])
def test_a_presentation_state_is_chosen_by_name_or_left_out(
    presented: Path, decoder: Decoder, name: str, center: float
) -> None:
    found = render_file(presented, RenderOptions(presentation=name), decoder=decoder)
    assert found.window is not None
    assert found.window["center"] == center


def test_a_presentation_state_that_is_not_there_is_refused(presented: Path, decoder: Decoder) -> None:
    with pytest.raises(InputRefused, match="no such presentation state"):
        render_file(presented, RenderOptions(presentation="LOOK 7"), decoder=decoder)


def marks_of(folder: Path, *, turn: int = 0, flip: str = "N", **more: Any) -> Path:
    """A black image of 90 x 60 with a state beside it that draws an L of two lines and a word."""
    picture = ct(np.zeros((90, 60), np.int16), RescaleIntercept=0, WindowCenter=100, WindowWidth=10)
    write(picture, folder / "image.dcm")
    line = dataset(
        GraphicAnnotationUnits="PIXEL",
        GraphicType="POLYLINE",
        GraphicData=[10.5, 20.5, 10.5, 60.5, 30.5, 60.5],
    )
    state = state_for(
        picture.SOPInstanceUID,
        RescaleIntercept=0,
        SoftcopyVOILUTSequence=[voi_item(100.0, 10.0)],
        GraphicAnnotationSequence=[dataset(GraphicObjectSequence=[line], **more)],
        ImageRotation=turn,
        ImageHorizontalFlip=flip,
    )
    return write(state, folder / "state.dcm")


@pytest.mark.parametrize("flip", ["N", "Y"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_lines_of_a_state_are_drawn_when_asked_and_turn_with_the_image(
    degrees: int, flip: str, tmp_path: Path, decoder: Decoder
) -> None:
    marks_of(tmp_path, turn=degrees, flip=flip)
    plain = render_file(tmp_path, decoder=decoder)
    drawn = render_file(tmp_path, RenderOptions(overlays=True), decoder=decoder)
    assert not plain.levels().any()
    expected = np.zeros((90, 60), np.uint8)
    # Columns before rows, the first pixel's corner at 0: its centre is at 0.5.
    expected[20:61, 10] = expected[60, 10:31] = 255
    expected = np.rot90(expected, -degrees // 90)
    expected = expected[:, ::-1] if flip == "Y" else expected
    assert np.array_equal(drawn.levels() > 127, expected > 127)
    assert np.array_equal(drawn.levels(), np.rint(drawn.values() * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("kind", "data", "area"),
    [
        ("POLYLINE", [10.5, 20.5, 10.5, 60.5, 30.5, 60.5, 30.5, 20.5, 10.5, 20.5], 41 * 21),
        ("POLYLINE", [10.5, 20.5, 10.5, 60.5, 30.5, 60.5, 30.5, 20.5], 41 * 2 + 19),  # not closed
        ("ELLIPSE", [30.5, 20.5, 30.5, 60.5, 20.5, 40.5, 40.5, 40.5], np.pi * 20.5 * 10.5),
        ("CIRCLE", [30.5, 40.5, 30.5, 60.5], np.pi * 20.5**2),
    ],
)
def test_shapes_that_a_state_fills_are_filled(
    kind: str, data: list[float], area: float, tmp_path: Path, decoder: Decoder
) -> None:
    path = marks_of(tmp_path)
    state = pydicom.dcmread(path)
    graphic = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    graphic.GraphicType, graphic.GraphicData, graphic.GraphicFilled = kind, data, "Y"
    state.save_as(path)
    drawn = render_file(tmp_path, RenderOptions(overlays=True), decoder=decoder)
    assert drawn.plan.frame.not_faithful == ()
    assert np.count_nonzero(drawn.levels() > 127) == pytest.approx(area, rel=0.05)  # half a pixel around


def test_words_of_a_state_stand_upright_where_they_belong(tmp_path: Path, decoder: Decoder) -> None:
    word = dataset(UnformattedTextValue="LLLL", AnchorPoint=[5.0, 85.0], AnchorPointAnnotationUnits="PIXEL")
    marks_of(tmp_path, turn=180, TextObjectSequence=[word])
    drawn = render_file(tmp_path, RenderOptions(overlays=True), decoder=decoder).levels()
    # Turned about, the lower left corner is the upper right one; the words stay inside of the picture.
    rows, _ = np.nonzero(drawn[:20, 30:] > 127)
    assert len(rows) > 10
    # An upright L has its foot at the bottom: the lowest row of ink is the longest.
    inked = np.bincount(rows)
    assert int(inked.argmax()) >= int(rows.max()) - 1


def test_a_state_is_also_chosen_by_its_file(tmp_path: Path, decoder: Decoder) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    state = marks_of(tmp_path / "one")
    options = RenderOptions(presentation=str(state), overlays=True)
    assert render_file(tmp_path / "one" / "image.dcm", options, decoder=decoder).levels().any()
    elsewhere = write_slice(tmp_path / "other" / "a.dcm", ramp())
    with pytest.raises(InputRefused, match="about other images"):
        render_file(elsewhere, options, decoder=decoder)


def test_a_state_about_a_whole_series_windows_its_planes(tmp_path: Path, decoder: Decoder) -> None:
    pictures = [ct(z=float(z), number=z + 1, WindowCenter=0, WindowWidth=500) for z in range(4)]
    for number, picture in enumerate(pictures):
        write(picture, tmp_path / f"{number}.dcm")
    about = [image_ref(picture.SOPInstanceUID) for picture in pictures]
    whole = dataset(SeriesInstanceUID=SERIES_UID, ReferencedImageSequence=about)
    state = state_for("", ReferencedSeriesSequence=[whole], SoftcopyVOILUTSequence=[voi_item(333.0, 44.0)])
    write(state, tmp_path / "state.dcm")
    options = RenderOptions(plane=Plane.CORONAL)
    found = render_file(tmp_path, options, decoder=decoder)
    assert found.window is not None
    assert (found.window["center"], found.window["source"]) == (333.0, "presentation state")
    without = render_file(tmp_path, replace(options, presentation=""), decoder=decoder)
    assert without.window is not None
    assert without.window["center"] == 0.0


def test_a_state_about_one_image_says_nothing_of_planes(tmp_path: Path, decoder: Decoder) -> None:
    pictures = [ct(z=float(z), number=z + 1, WindowCenter=0, WindowWidth=500) for z in range(4)]
    for number, picture in enumerate(pictures):
        write(picture, tmp_path / f"{number}.dcm")
    state = state_for(pictures[1].SOPInstanceUID, SoftcopyVOILUTSequence=[voi_item(333.0, 44.0)])
    write(state, tmp_path / "state.dcm")
    found = render_file(tmp_path, RenderOptions(plane=Plane.CORONAL), decoder=decoder)
    assert found.window is not None
    assert found.window["center"] == 0.0
