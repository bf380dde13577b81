"""Presentation states, made by hand and by DCMTK, read and applied; DCMTK's renderer as oracle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvision_desktop.domain.display import DisplayState, FittedArea, VoiFunction, VoiWindow, WindowSource
from medvision_desktop.domain.geometry import ViewTurn
from medvision_desktop.domain.image import Frame, LoadedSeries, Photometric, Rescale
from medvision_desktop.domain.presentation import applied, chosen, fitted_area
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_presentation import KEY_OBJECTS, read_state
from medvision_desktop.pixels import pipeline
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.services.render import RenderOptions, render_file
from tests.helpers.dicom_files import SERIES_UID, STUDY_UID, ct, write
from tests.helpers.presentation_files import dataset, image_ref, state_for, voi_item

RAMP = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)


def opened(folder: Path, decoder: Decoder, *states: Dataset, **image: Any) -> LoadedSeries:
    picture = ct(RAMP, WindowCenter=0, WindowWidth=500, **image)
    write(picture, folder / "image.dcm")
    for number, state in enumerate(states):
        for series in getattr(state, "ReferencedSeriesSequence", []):
            series.ReferencedImageSequence[0].ReferencedSOPInstanceUID = picture.SOPInstanceUID
        write(state, folder / f"state{number}.dcm")
    found = index([folder], scratch=folder)
    assert found.refused == ()
    (study,) = found.studies
    return open_series(study, study.series[0], decoder=decoder)


def one(folder: Path, decoder: Decoder, **elements: Any) -> tuple[Frame, Frame]:
    """The frame as it is, and as the state presents it."""
    loaded = opened(folder, decoder, state_for("?", **elements))
    frame = loaded.stack.frames[0]
    state = chosen(loaded.states, frame, None)
    assert state is not None
    return frame, applied(state, frame)


def test_the_states_window_is_the_default_and_the_headers_stay_on_the_menu(
    tmp_path: Path, decoder: Decoder
) -> None:
    frame, shown = one(tmp_path, decoder, SoftcopyVOILUTSequence=[voi_item(300, 1200)])
    plan = pipeline.resolve(DisplayState(), shown, modality="CT")
    assert plan.voi == VoiWindow(300, 1200)
    assert plan.source is WindowSource.PRESENTATION
    assert shown.voi == (VoiWindow(300, 1200), *frame.voi)
    assert "Presentation: BONE" in plan.badges


def test_polarity_and_modality_are_the_states(tmp_path: Path, decoder: Decoder) -> None:
    elements = {
        "PresentationLUTShape": "INVERSE",
        "RescaleSlope": 2,
        "RescaleIntercept": -10,
        "RescaleType": "US",
    }
    frame, shown = one(tmp_path, decoder, **elements)
    assert frame.photometric is Photometric.MONOCHROME2
    assert shown.presentation_inverse
    assert shown.modality == Rescale(2.0, -10.0)
    plain = pipeline.resolve(DisplayState(), frame)
    turned = pipeline.resolve(DisplayState(), shown)
    assert plain.inverted != turned.inverted


def test_all_windows_of_a_state_are_on_the_menu_before_the_headers(
    tmp_path: Path, decoder: Decoder
) -> None:
    several = dataset(WindowCenter=[300, 40], WindowWidth=[1200, 80])
    frame, shown = one(tmp_path, decoder, SoftcopyVOILUTSequence=[several])
    assert shown.voi == (VoiWindow(300, 1200), VoiWindow(40, 80), *frame.voi)
    assert shown.presented_voi == VoiWindow(300, 1200)


WITHOUT_RESCALE: dict[str, Any] = {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}


def test_a_state_without_a_modality_table_windows_stored_values_and_says_so(
    tmp_path: Path, decoder: Decoder
) -> None:
    frame, shown = one(tmp_path, decoder, SoftcopyVOILUTSequence=[voi_item(1000, 2000)], **WITHOUT_RESCALE)
    plan = pipeline.resolve(DisplayState(), shown, modality="CT")
    expected = np.clip((frame.stored.astype(float) - 999.5) / 1999 + 0.5, 0, 1)
    assert np.allclose(pipeline.render_float(plan), expected, atol=1e-6)
    assert (frame.units, shown.units) == ("HU", "")
    assert "Presentation state windows stored values" in plan.badges


@pytest.mark.parametrize("rescale", [WITHOUT_RESCALE, {}])
def test_a_state_for_its_marks_alone_keeps_the_look_of_the_image_and_says_so(
    rescale: dict[str, Any], tmp_path: Path, decoder: Decoder
) -> None:
    frame, shown = one(tmp_path, decoder, **rescale)
    plain, marked = (pipeline.resolve(DisplayState(), each, modality="CT") for each in (frame, shown))
    assert np.array_equal(pipeline.render(plain), pipeline.render(marked))
    assert (shown.units, shown.voi) == (frame.units, frame.voi)
    said = "a presentation state without a window is shown with the image's own"
    assert (said in shown.not_faithful, said in frame.not_faithful) == (True, False)


def test_a_state_with_values_of_its_own_and_no_window_shows_all_of_them(
    tmp_path: Path, decoder: Decoder
) -> None:
    frame, shown = one(tmp_path, decoder, RescaleSlope=2, RescaleIntercept=0, RescaleType="US")
    plan = pipeline.resolve(DisplayState(), shown, modality="CT")
    assert plan.source is WindowSource.PRESENTATION
    # Signed words of 16 bits, whatever the window of the image says.
    expected = (frame.stored.astype(float) + 32768) / 65535
    assert np.allclose(pipeline.render_float(plan), expected, atol=1e-6)
    assert (shown.voi, shown.units) == ((), "")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("stage", ["modality", "VOI"])
def test_tables_of_a_state_begin_below_zero_where_the_image_does(
    stage: str, syntax: str, tmp_path: Path, decoder: Decoder
) -> None:
    table = Dataset()
    table.add_new("LUTDescriptor", "SS", [100, -50, 12])
    table.add_new("LUTData", "OW", (np.arange(100) * 41).astype("<u2").tobytes())
    window = voi_item(2048, 4096)
    if stage == "modality":
        said = {"ModalityLUTSequence": [table], "SoftcopyVOILUTSequence": [window]}
    else:
        said = {"SoftcopyVOILUTSequence": [dataset(VOILUTSequence=[table])]}
    values = np.arange(-60, 60, dtype=np.int16).reshape(10, 12)
    picture = ct(values, RescaleIntercept=0)
    write(picture, tmp_path / "image.dcm")
    state = state_for(picture.SOPInstanceUID, **WITHOUT_RESCALE, **said)
    write(state, tmp_path / "state.dcm", transfer_syntax=syntax)
    found = index([tmp_path], scratch=tmp_path)
    loaded = open_series(found.studies[0], found.studies[0].series[0], decoder=decoder)
    shown = applied(loaded.states[0], loaded.stack.frames[0])
    drawn = pipeline.render_float(pipeline.resolve(DisplayState(), shown))
    entries = np.clip(values.astype(float) + 50, 0, 99) * 41
    expected = (entries - 2047.5) / 4095 + 0.5 if stage == "modality" else entries / 4095
    assert np.allclose(drawn, np.clip(expected, 0, 1), atol=1e-6)


def test_a_presentation_lut_maps_what_the_window_gives(tmp_path: Path, decoder: Decoder) -> None:
    item = dataset(LUTData=[0, 0, 0, 4095, 4095], LUTExplanation="step")
    item.add_new("LUTDescriptor", "US", [5, 0, 12])
    item["LUTData"].VR = "US"
    state = {"PresentationLUTSequence": [item], "PresentationLUTShape": None}
    frame, shown = one(
        tmp_path,
        decoder,
        SoftcopyVOILUTSequence=[voi_item(1024, 2048)],
        **{k: v for k, v in state.items() if v},
    )
    image = pipeline.render(pipeline.resolve(DisplayState(), shown))
    values = frame.stored.astype(float) - 1024
    # Entries 0..4 share the window: the step lies at 5/8 of it.
    expected = np.where(np.clip((values - 1023.5) / 2047 + 0.5, 0, 1) > 0.625, 255, 0)
    assert np.mean(image != expected) < 0.001


def test_turn_shutter_and_annotations_are_read(tmp_path: Path, decoder: Decoder) -> None:
    graphic = dataset(
        GraphicAnnotationUnits="PIXEL",
        GraphicType="POLYLINE",
        GraphicData=[1.0, 2.0, 11.0, 2.0, 11.0, 22.0],
    )
    circle = dataset(
        GraphicAnnotationUnits="DISPLAY", GraphicType="CIRCLE", GraphicData=[0.5, 0.5, 0.75, 0.5]
    )
    words = dataset(
        UnformattedTextValue="look\r\nhere\x1b[31m",
        AnchorPoint=[4.0, 6.0],
        AnchorPointAnnotationUnits="PIXEL",
    )
    frame, shown = one(
        tmp_path,
        decoder,
        ImageRotation=90,
        ImageHorizontalFlip="Y",
        ShutterShape="CIRCULAR",
        CenterOfCircularShutter=[30, 40],
        RadiusOfCircularShutter=10,
        GraphicAnnotationSequence=[
            dataset(GraphicObjectSequence=[graphic, circle], TextObjectSequence=[words])
        ],
    )
    line, ring, text = shown.annotations
    assert line.points == ((1.5, 0.5), (1.5, 10.5), (21.5, 10.5))
    assert not line.closed
    # Shares of the display: the middle of 64 x 64 pixels, a quarter of their width away.
    distances = [np.hypot(row - 31.5, column - 31.5) for row, column in ring.points]
    assert np.allclose(distances, 16)
    assert text.words == ("look", "here[31m")
    assert text.points == ((5.5, 3.5),)
    assert shown.shutter is not None
    assert shown.shutter.circle == (29, 39, 10)
    assert frame.annotations == ()
    loaded_state = read_state(tmp_path / "state0.dcm")
    assert loaded_state.turn == ViewTurn(1, flip_horizontal=True)


@pytest.mark.parametrize("flip", ["N", "Y"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_shares_of_the_display_count_on_the_picture_as_it_is_turned(
    degrees: int, flip: str, tmp_path: Path, decoder: Decoder
) -> None:
    share = (0.25, 0.8125)  # a quarter from the left, lower down
    mark = dataset(GraphicAnnotationUnits="DISPLAY", GraphicType="POLYLINE", GraphicData=[*share, 0.5, 0.5])
    _, shown = one(
        tmp_path,
        decoder,
        ImageRotation=degrees,
        ImageHorizontalFlip=flip,
        GraphicAnnotationSequence=[dataset(GraphicObjectSequence=[mark])],
    )
    # The picture turned by numpy, each pixel knowing its row and column.
    turned = np.rot90(np.stack(np.mgrid[0:64, 0:64], axis=-1), -degrees // 90)
    turned = turned[:, ::-1] if flip == "Y" else turned
    # Pixels 16 and 52 begin at these shares of 64: the mark lies at the corner before them.
    beside = turned[51:53, 15:17].reshape(4, 2).mean(axis=0)
    assert shown.annotations[0].points[0] == pytest.approx(tuple(beside))


def test_a_circle_in_shares_of_an_oblong_area_is_round_in_pixels(tmp_path: Path, decoder: Decoder) -> None:
    ring = dataset(
        GraphicAnnotationUnits="DISPLAY", GraphicType="CIRCLE", GraphicData=[0.5, 0.5, 0.75, 0.5]
    )
    area = dataset(PresentationSizeMode="SCALE TO FIT")
    area.add_new("DisplayedAreaTopLeftHandCorner", "SL", [1, 1])
    area.add_new("DisplayedAreaBottomRightHandCorner", "SL", [40, 20])
    _, shown = one(
        tmp_path,
        decoder,
        DisplayedAreaSelectionSequence=[area],
        GraphicAnnotationSequence=[dataset(GraphicObjectSequence=[ring])],
    )
    distances = [np.hypot(row - 9.5, column - 19.5) for row, column in shown.annotations[0].points]
    assert distances == pytest.approx([10.0] * len(distances))


@pytest.mark.parametrize(
    ("visible", "units", "lines"), [("Y", "PIXEL", 1), ("N", "PIXEL", 0), ("Y", "DISPLAY", 0)]
)
def test_words_stand_in_their_box_and_are_tied_to_an_anchor_that_is_to_be_seen(
    visible: str, units: str, lines: int, tmp_path: Path, decoder: Decoder
) -> None:
    words = dataset(
        UnformattedTextValue="tip",
        BoundingBoxTopLeftHandCorner=[10.5, 20.5],
        BoundingBoxBottomRightHandCorner=[30.5, 28.5],
        BoundingBoxAnnotationUnits="PIXEL",
        AnchorPoint=[0.5, 0.5],
        AnchorPointAnnotationUnits=units,
        AnchorPointVisibility=visible,
    )
    _, shown = one(tmp_path, decoder, GraphicAnnotationSequence=[dataset(TextObjectSequence=[words])])
    assert shown.annotations[0].words == ("tip",)
    assert shown.annotations[0].points == ((24.0, 20.0),)
    assert [mark.points for mark in shown.annotations[1:]] == [((0.0, 0.0), (20.0, 10.0))] * lines


def overlay(dataset: Dataset, group: int, bits: NDArray[np.bool_]) -> Dataset:
    """The data set with an overlay plane."""
    dataset.add_new((group, 0x0010), "US", bits.shape[0])
    dataset.add_new((group, 0x0011), "US", bits.shape[1])
    dataset.add_new((group, 0x0040), "CS", "G")
    dataset.add_new((group, 0x0050), "SS", [1, 1])
    dataset.add_new((group, 0x0100), "US", 1)
    dataset.add_new((group, 0x0102), "US", 0)
    dataset.add_new((group, 0x3000), "OW", np.packbits(bits.ravel(), bitorder="little").tobytes())
    return dataset


def test_a_state_shows_the_planes_that_it_activates_and_its_own_in_place_of_the_images(
    tmp_path: Path, decoder: Decoder
) -> None:
    bits = [np.random.default_rng(seed).integers(0, 2, (64, 64)).astype(np.bool_) for seed in range(4)]
    picture = ct(RAMP)
    for group, plane in zip((0x6000, 0x6002, 0x6004), bits, strict=False):
        overlay(picture, group, plane)
    write(picture, tmp_path / "image.dcm")
    state = overlay(state_for(picture.SOPInstanceUID), 0x6004, bits[3])
    for group in (0x6002, 0x6004):
        state.add_new((group, 0x1001), "CS", "LAYER")
    write(state, tmp_path / "state.dcm")
    found = index([tmp_path], scratch=tmp_path)
    loaded = open_series(found.studies[0], found.studies[0].series[0], decoder=decoder)
    frame = loaded.stack.frames[0]
    shown = applied(loaded.states[0], frame)
    assert [plane.group for plane in frame.overlays] == [0x6000, 0x6002, 0x6004]
    assert [plane.group for plane in shown.overlays] == [0x6002, 0x6004]
    assert np.array_equal(shown.overlays[0].bits, bits[1])
    assert np.array_equal(shown.overlays[1].bits, bits[3])


@pytest.mark.parametrize("size", [64, 40])
def test_a_bitmap_of_a_state_is_its_shutter_and_no_plane(
    size: int, tmp_path: Path, decoder: Decoder
) -> None:
    bits = np.zeros((64, 64), np.bool_)
    bits[:size, :size] = np.random.default_rng(8).integers(0, 2, (size, size))
    picture = ct(RAMP)
    write(picture, tmp_path / "image.dcm")
    windows = {"SoftcopyVOILUTSequence": [voi_item(1000, 90000)]}
    state = overlay(state_for(picture.SOPInstanceUID, **windows), 0x6000, bits[:size, :size])
    state.ShutterShape, state.ShutterOverlayGroup, state.ShutterPresentationValue = "BITMAP", 0x6000, 65535
    write(state, tmp_path / "state.dcm")
    drawn = render_file(tmp_path, decoder=decoder).levels()
    # Nothing of the image itself is white under so wide a window.
    assert np.array_equal(drawn == 255, bits)


def test_parts_that_name_other_images_do_not_count(tmp_path: Path, decoder: Decoder) -> None:
    other = voi_item(5, 10, image_ref("1.2.3"))
    _, shown = one(tmp_path, decoder, SoftcopyVOILUTSequence=[other, voi_item(300, 1200)])
    assert shown.presented_voi == VoiWindow(300, 1200)


def test_the_displayed_area_is_what_is_fitted(tmp_path: Path, decoder: Decoder) -> None:
    area = dataset(PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=[1, 1])
    # Columns before rows, from 1.
    area.add_new("DisplayedAreaTopLeftHandCorner", "SL", [5, 9])
    area.add_new("DisplayedAreaBottomRightHandCorner", "SL", [64, 32])
    window = [voi_item(300, 1200)]
    frame, shown = one(
        tmp_path, decoder, DisplayedAreaSelectionSequence=[area], SoftcopyVOILUTSequence=window
    )
    assert shown.not_faithful == frame.not_faithful
    assert fitted_area(read_state(tmp_path / "state0.dcm"), frame) == FittedArea(8, 31, 4, 63)


@pytest.mark.parametrize(
    ("said", "area", "doubts"),
    [
        ({"PresentationSizeMode": "MAGNIFY", "PresentationPixelMagnificationRatio": 2.5}, 2.5, 0),
        ({"PresentationSizeMode": "MAGNIFY"}, None, 1),
        ({"PresentationSizeMode": "MAGNIFY", "PresentationPixelMagnificationRatio": -1}, None, 1),
        ({"PresentationSizeMode": "TRUE SIZE", "PresentationPixelMagnificationRatio": 2}, None, 1),
        ({"PresentationSizeMode": "SCALE TO FIT", "PresentationPixelMagnificationRatio": 2}, None, 0),
    ],
)
def test_a_state_magnifies_by_its_ratio_or_says_that_it_does_not(
    said: dict[str, Any], area: float | None, doubts: int, tmp_path: Path, decoder: Decoder
) -> None:
    item = dataset(**said)
    item.add_new("DisplayedAreaTopLeftHandCorner", "SL", [1, 1])
    item.add_new("DisplayedAreaBottomRightHandCorner", "SL", [64, 64])
    frame, shown = one(
        tmp_path,
        decoder,
        DisplayedAreaSelectionSequence=[item],
        SoftcopyVOILUTSequence=[voi_item(300, 1200)],
    )
    wanted = None if area is None else FittedArea(0, 63, 0, 63, area)
    assert fitted_area(read_state(tmp_path / "state0.dcm"), frame) == wanted
    assert len(shown.not_faithful) - len(frame.not_faithful) == doubts


@pytest.mark.parametrize(
    ("spacing", "said", "aspect"),
    [
        (None, {"PresentationPixelAspectRatio": [2, 1]}, 2.0),
        (None, {"PresentationPixelSpacing": [0.5, 1.0]}, 0.5),
        ([0.5, 0.75], {"PresentationPixelAspectRatio": [2, 1]}, 0.5 / 0.75),  # the image knows better
    ],
)
def test_pixels_are_as_high_as_the_state_says_where_the_image_does_not(
    spacing: list[float] | None, said: dict[str, Any], aspect: float, tmp_path: Path, decoder: Decoder
) -> None:
    area = dataset(PresentationSizeMode="SCALE TO FIT", **said)
    area.add_new("DisplayedAreaTopLeftHandCorner", "SL", [1, 1])
    area.add_new("DisplayedAreaBottomRightHandCorner", "SL", [64, 64])
    state = state_for("?", DisplayedAreaSelectionSequence=[area])
    loaded = opened(
        tmp_path,
        decoder,
        state,
        PixelSpacing=spacing,
        ImagePositionPatient=None,
        ImageOrientationPatient=None,
    )
    shown = applied(loaded.states[0], loaded.stack.frames[0])
    assert shown.pixel_aspect == pytest.approx(aspect)
    assert fitted_area(loaded.states[0], shown) is None


def test_the_newest_state_is_the_default_and_none_is_the_images_own_look(
    tmp_path: Path, decoder: Decoder
) -> None:
    older = state_for("?", SoftcopyVOILUTSequence=[voi_item(1, 2)])
    newer = state_for(
        "?",
        SOPInstanceUID="1.2.826.0.1.3680043.8.498.99.2",
        PresentationCreationDate="20240401",
        SoftcopyVOILUTSequence=[voi_item(3, 4)],
    )
    loaded = opened(tmp_path, decoder, older, newer)
    frame = loaded.stack.frames[0]
    assert [state.created[:8] for state in loaded.states] == ["20240401", "20240301"]
    first = chosen(loaded.states, frame, None)
    assert first is loaded.states[0]
    assert chosen(loaded.states, frame, older.SOPInstanceUID) is loaded.states[1]
    assert chosen(loaded.states, frame, "") is None


def test_a_state_without_its_images_is_listed_with_why(tmp_path: Path) -> None:
    write(state_for("1.2.3"), tmp_path / "alone.dcm")
    found = index([tmp_path], scratch=tmp_path)
    assert [refused.why for refused in found.refused] == ["It says how images are shown that are not here."]


def test_a_state_that_names_no_image_is_refused(tmp_path: Path) -> None:
    path = write(state_for("?", ReferencedSeriesSequence=[]), tmp_path / "none.dcm")
    with pytest.raises(InputRefused):
        read_state(path)


def test_images_of_a_key_object_selection_are_marked(tmp_path: Path, decoder: Decoder) -> None:
    picture = ct(RAMP)
    write(picture, tmp_path / "image.dcm")
    write(ct(RAMP, z=5, number=2), tmp_path / "other.dcm")
    series = dataset(
        SeriesInstanceUID=SERIES_UID, ReferencedSOPSequence=[image_ref(picture.SOPInstanceUID)]
    )
    evidence = dataset(StudyInstanceUID=STUDY_UID, ReferencedSeriesSequence=[series])
    title = dataset(CodeValue="113000", CodingSchemeDesignator="DCM", CodeMeaning="Of Interest")
    selection = dataset(
        SOPClassUID=KEY_OBJECTS,
        SOPInstanceUID="1.2.3.4",
        StudyInstanceUID=STUDY_UID,
        SeriesInstanceUID="1.2.3",
        Modality="KO",
        ConceptNameCodeSequence=[title],
        CurrentRequestedProcedureEvidenceSequence=[evidence],
    )
    write(selection, tmp_path / "key.dcm")
    found = index([tmp_path], scratch=tmp_path)
    (study,) = found.studies
    loaded = open_series(study, study.series[0], decoder=decoder)
    marked = {
        frame.sop_instance_uid: "Key image: Of Interest" in frame.badges for frame in loaded.stack.frames
    }
    assert marked[picture.SOPInstanceUID]
    assert sum(marked.values()) == 1


@pytest.mark.skipif(shutil.which("dcmp2pgm") is None, reason="DCMTK is not installed (apt install dcmtk)")
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_dcmtks_own_states_look_as_dcmtk_draws_them(
    photometric: str, tmp_path: Path, decoder: Decoder
) -> None:
    image = write(
        ct(
            RAMP,
            PhotometricInterpretation=photometric,
            WindowCenter=500,
            WindowWidth=2000,
            StudyID="1",
            AccessionNumber="",
            ReferringPhysicianName="",
            PatientBirthDate="",
            PatientSex="",
            Manufacturer="none",
        ),
        tmp_path / "image.dcm",
    )
    state = tmp_path / "state.dcm"
    subprocess.run(["dcmpsmk", "-q", str(image), str(state)], check=True)
    picture = tmp_path / "theirs.pgm"
    subprocess.run(["dcmp2pgm", "-q", "-p", str(state), str(image), str(picture)], check=True)
    with Image.open(picture) as theirs_image:
        theirs = np.asarray(theirs_image).astype(int)
    found = index([tmp_path / "image.dcm", state], scratch=tmp_path)
    (study,) = found.studies
    loaded = open_series(study, study.series[0], decoder=decoder)
    frame = loaded.stack.frames[0]
    ours = pipeline.render(pipeline.resolve(DisplayState(), applied(loaded.states[0], frame)))
    # DCMTK goes through its display function; the order of grey and its ends must be the same.
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98
    assert ours[theirs == theirs.min()].max() <= 2
    assert ours[theirs == theirs.max()].min() >= 250
    assert loaded.states[0].vois[0][1] == VoiWindow(500, 2000, VoiFunction.LINEAR)


def test_a_state_written_by_highdicom_is_the_image_with_its_marks(tmp_path: Path, decoder: Decoder) -> None:
    highdicom = pytest.importorskip("highdicom")
    usual = {
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
    }
    picture = ct(RAMP, WindowCenter=500, WindowWidth=2000, RescaleType="HU", **usual)
    write(picture, tmp_path / "image.dcm")
    layer = highdicom.pr.GraphicLayer(layer_name="MARKS", order=1)
    line = highdicom.pr.GraphicObject(
        graphic_type=highdicom.pr.GraphicTypeValues.POLYLINE,
        graphic_data=np.array([[10.5, 20.5], [30.5, 20.5]]),
        units=highdicom.pr.AnnotationUnitsValues.PIXEL,
    )
    marks = highdicom.pr.GraphicAnnotation([picture], layer, graphic_objects=[line])
    state = highdicom.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[picture],
        series_instance_uid=highdicom.UID(),
        series_number=9,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
        content_label="MARKS",
        graphic_annotations=[marks],
        graphic_layers=[layer],
    )
    state.save_as(tmp_path / "state.dcm")
    plain = render_file(tmp_path / "image.dcm", decoder=decoder)
    marked = render_file(tmp_path, RenderOptions(overlays=True), decoder=decoder)
    assert marked.plan.source is WindowSource.PRESENTATION
    assert marked.plan.frame.not_faithful == ()
    line_alone = np.zeros((64, 64), np.bool_)
    line_alone[20, 10:31] = True
    assert plain.levels()[line_alone].max() < 127 < marked.levels()[line_alone].min()
    around = np.zeros((64, 64), np.bool_)
    around[18:23, 8:33] = True  # a smooth line and its dark edge
    assert np.array_equal(marked.levels()[~around], plain.levels()[~around])
