"""Colour maps and curves: the tables of PS3.6 as pydicom ships them, closed forms, and what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvision_desktop.domain.display import (
    DisplayState,
    LutCurve,
    VoiFunction,
    VoiLut,
    VoiWindow,
)
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.layers import OverlayPlane
from medvision_desktop.pixels import pipeline, voi
from medvision_desktop.pixels.colour_maps import BY_ID, COLOUR_MAPS, coloured, table
from medvision_desktop.pixels.viewport import Viewport, draw

FILES = {
    "hot_iron": "hotiron.dcm",
    "pet": "pet.dcm",
    "hot_metal_blue": "hotmetalblue.dcm",
    "pet_20_step": "pet20step.dcm",
}
RAMP = Frame(np.arange(256, dtype=np.uint16).reshape(16, 16), bits_stored=8)
WINDOW = VoiWindow(128, 256)


@pytest.mark.parametrize("name", FILES)
def test_a_well_known_palette_is_the_standards_entry_by_entry(name: str) -> None:
    folder = Path(str(pydicom.__file__)).parent / "data" / "palettes"
    dataset = pydicom.dcmread(folder / FILES[name])
    wanted = [
        np.frombuffer(dataset[f"{colour}PaletteColorLookupTableData"].value, np.uint8)
        for colour in ("Red", "Green", "Blue")
    ]

    assert np.array_equal(table(name), np.stack(wanted, axis=1))
    assert dataset.SOPInstanceUID == BY_ID[name].uid


@pytest.mark.parametrize("name", [each.id for each in COLOUR_MAPS])
def test_every_map_has_256_colours_and_begins_and_ends_unlike(name: str) -> None:
    entries = table(name)

    assert entries.shape == (256, 3)
    assert not np.array_equal(entries[0], entries[255])
    assert not entries.flags.writeable


def test_inverse_grey_is_grey_upside_down() -> None:
    assert np.array_equal(table("inverse_grey"), table("")[::-1])


def test_levels_are_looked_up_whatever_their_shape() -> None:
    levels = np.random.default_rng(0).integers(0, 256, size=(7, 9)).astype(np.uint8)

    assert np.array_equal(coloured(levels, "pet"), table("pet")[levels])
    assert np.array_equal(coloured(levels[0], "pet"), table("pet")[levels[0]])


def test_a_coloured_image_is_the_map_of_the_grey_one() -> None:
    grey = pipeline.render(pipeline.resolve(DisplayState(voi=WINDOW), RAMP))
    plan = pipeline.resolve(DisplayState(voi=WINDOW, colours="hot_iron"), RAMP)

    assert np.array_equal(pipeline.render(plan), table("hot_iron")[grey])
    assert np.allclose(pipeline.render_float(plan) * 255, table("hot_iron")[grey])
    probe = pipeline.probe(plan, 3, 5)
    assert probe is not None
    assert probe.display == tuple(int(level) for level in table("hot_iron")[grey[3, 5]])


def test_a_pane_draws_the_colours_and_overlays_stay_white() -> None:
    bits = np.zeros((16, 16), np.bool_)
    bits[4, 4] = True
    frame = Frame(RAMP.stored.copy(), bits_stored=8, overlays=(OverlayPlane(bits, 0, 0),))
    plan = pipeline.resolve(DisplayState(voi=WINDOW, colours="rainbow"), frame)
    pane = draw(plan, Viewport(20, 18, zoom=1.0), interactive=False)

    assert np.array_equal(pane[1:17, 2:18], pipeline.render(plan))
    assert tuple(pane[5, 6]) == (255, 255, 255)
    assert tuple(pane[0, 0]) == (0, 0, 0)


def test_a_colour_image_keeps_its_own_colours() -> None:
    from medvision_desktop.domain.image import Photometric

    frame = Frame(np.full((4, 4, 3), 90, np.uint8), Photometric.RGB)
    plan = pipeline.resolve(DisplayState(colours="pet"), frame)

    assert plan.colours == ""
    assert np.all(pipeline.render(plan) == 90)


def test_the_sigmoid_curve_is_the_standards_sigmoid_of_the_same_window() -> None:
    plan = pipeline.resolve(DisplayState(voi=WINDOW, curve=LutCurve.SIGMOID), RAMP)
    wanted = 1 / (1 + np.exp(-4 * (RAMP.stored.astype(float) - 128) / 256))

    assert np.allclose(pipeline.render_float(plan), wanted, atol=1e-6)


def test_the_linear_curve_undoes_a_sigmoid_of_the_header() -> None:
    header = VoiWindow(128, 256, VoiFunction.SIGMOID)
    plan = pipeline.resolve(DisplayState(voi=header, curve=LutCurve.LINEAR), RAMP)

    assert plan.voi == WINDOW


def test_the_logarithm_goes_from_black_to_white_and_lifts_what_is_dark() -> None:
    plan = pipeline.resolve(DisplayState(voi=VoiWindow(128, 256), curve=LutCurve.LOGARITHMIC), RAMP)
    drawn = pipeline.render_float(plan).ravel()

    assert drawn[0] == 0
    assert drawn[255] == pytest.approx(1)
    assert drawn[int(0.1 * 255)] == pytest.approx(np.log10(1 + 9 * 25 / 255), abs=1e-6)
    assert plan.logarithmic


def test_a_curve_leaves_a_lut_of_the_header_as_it_is() -> None:
    lut = VoiLut(0, np.arange(256, dtype=np.uint16), 8)
    plan = pipeline.resolve(DisplayState(voi=lut, curve=LutCurve.LOGARITHMIC), RAMP)

    assert plan.voi is lut
    assert not plan.logarithmic


@given(st.floats(-1e4, 1e4), st.floats(1, 1e4), st.sampled_from(list(LutCurve)))
def test_every_curve_rises(center: float, width: float, curve: LutCurve) -> None:
    bent = voi.curved(VoiWindow(center, width), curve)
    values: NDArray[np.float64] = voi.apply(bent, np.linspace(center - width, center + width, 200))
    shown = voi.logarithmic(values) if curve is LutCurve.LOGARITHMIC else values

    assert np.all(np.diff(shown) >= 0)
    assert 0 <= shown[0] <= shown[-1] <= 1 + 1e-12


def test_inverse_grey_is_drawn_as_grey_upside_down() -> None:
    grey = pipeline.render(pipeline.resolve(DisplayState(voi=WINDOW), RAMP))
    plan = pipeline.resolve(DisplayState(voi=WINDOW, colours="inverse_grey"), RAMP)

    assert not plan.is_colour
    assert np.array_equal(pipeline.render(plan), 255 - grey)
    back = pipeline.resolve(DisplayState(voi=WINDOW, colours="inverse_grey", invert=True), RAMP)
    assert np.array_equal(pipeline.render(back), grey)
