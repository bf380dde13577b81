"""Presets by key."""

from __future__ import annotations

import numpy as np
import pytest

from medvision_desktop.domain.display import DisplayState, VoiWindow
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.pixels import pipeline, presets, voi

EVERY_KIND = ["CT", "MR", "CR", "DX", "PT", "US", ""]


@pytest.mark.parametrize("modality", EVERY_KIND)
def test_presets_have_the_keys_one_to_nine_each_once(modality: str) -> None:
    keys = [preset.key for preset in presets.presets_for(modality)]
    assert keys == sorted(set(keys))
    assert set(keys) <= set(range(1, 10))


@pytest.mark.parametrize("modality", EVERY_KIND)
def test_the_first_preset_goes_back_to_the_default(modality: str) -> None:
    first = presets.presets_for(modality)[0]
    assert first.key == 1
    assert presets.window_of(first, Frame(np.zeros((2, 2), np.uint16))) is None


def test_ct_has_the_windows_that_readers_expect() -> None:
    names = [preset.name for preset in presets.presets_for("CT")[1:]]
    assert names == ["Brain", "Subdural", "Stroke", "Bone", "Lung", "Mediastinum", "Abdomen", "Liver"]
    brain = presets.window_of(presets.presets_for("CT")[1], Frame(np.zeros((2, 2), np.int16)))
    assert brain == VoiWindow(40, 80, explanation="Brain")


def test_colour_has_no_presets_to_apply() -> None:
    frame = Frame(np.zeros((2, 2, 3), np.uint8), Photometric.RGB)
    assert all(presets.window_of(preset, frame) is None for preset in presets.presets_for("US"))


def test_percentile_presets_are_of_what_is_dark_on_screen_whatever_the_photometric() -> None:
    stored = (np.random.default_rng(0).gamma(2.0, 300, (50, 50))).astype(np.uint16)
    mono2 = Frame(stored, bits_stored=12)
    mono1 = Frame(
        (4095 - np.minimum(stored, 4095)).astype(np.uint16), Photometric.MONOCHROME1, bits_stored=12
    )
    for preset in presets.presets_for("CR")[1:]:
        shown = [
            pipeline.render_float(
                pipeline.resolve(DisplayState(voi=presets.window_of(preset, frame)), frame)
            )
            for frame in (mono2, mono1)
        ]
        assert np.allclose(shown[0], shown[1], atol=1e-5)


def test_a_preset_of_a_frame_of_padding_leaves_the_default() -> None:
    frame = Frame(np.zeros((2, 2), np.uint16), padding=(0, 0))
    assert presets.window_of(presets.presets_for("MR")[1], frame) is None


def test_presets_of_pet_are_windows_in_suv_where_the_frame_has_it() -> None:
    frame = Frame(
        np.zeros((2, 2), np.uint16),
        modality=Rescale(2.0, 10.0),
        real=(RealValue("SUVbw", "g/ml", 0.001, 0.005),),
    )
    preset = next(one for one in presets.presets_for("PT") if one.name == "SUV 0–10")
    window = presets.window_of(preset, frame)
    assert window is not None
    # The stored value is half of what is above 10, and SUV a thousandth of it and 0.005: value by 2000.
    low, high = voi.window_span(window)
    assert (low, high) == (pytest.approx(0, abs=1e-6), pytest.approx(20_000))
    assert window.explanation == "SUV 0–10"
    bare = Frame(np.zeros((2, 2), np.uint16))
    assert presets.window_of(preset, bare) is None
    usable = [one.name for one in presets.presets_for("PT") if presets.means_something(one, bare)]
    assert usable == ["Default", "0.5–99.5 %", "All values"]
