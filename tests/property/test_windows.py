"""What holds for every window, whatever its numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medvision_desktop.domain.display import DisplayState, VoiFunction, VoiWindow
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.pixels import histogram, pipeline, voi

centers = st.floats(-1e5, 1e5)
widths = st.floats(1, 1e5)
windows = st.builds(VoiWindow, centers, widths, st.sampled_from(VoiFunction))
stored = st.one_of(
    hnp.arrays(np.uint16, (4, 5)),
    hnp.arrays(np.int16, (4, 5)),
    hnp.arrays(np.uint8, (4, 5)),
    hnp.arrays(np.float32, (4, 5), elements=st.floats(-1e6, 1e6, width=32)),
)
values = hnp.arrays(np.float64, 30, elements=st.floats(-1e6, 1e6))


@given(windows, values)
def test_output_lies_in_0_to_1_and_never_falls_as_values_rise(
    window: VoiWindow, numbers: np.ndarray
) -> None:
    out = voi.apply(window, np.sort(numbers))
    assert out.min() >= 0
    assert out.max() <= 1
    assert (np.diff(out) >= 0).all()


@given(centers, widths, values)
def test_linear_is_the_standards_pseudo_code_word_for_word(
    center: float, width: float, numbers: np.ndarray
) -> None:
    out = voi.apply(VoiWindow(center, width), numbers)
    for x, y in zip(numbers.tolist(), out.tolist(), strict=True):
        if x <= center - 0.5 - (width - 1) / 2:
            expected = 0.0
        elif x > center - 0.5 + (width - 1) / 2:
            expected = 1.0
        else:
            expected = (x - (center - 0.5)) / (width - 1) + 0.5
        assert abs(y - expected) < 1e-6


@given(
    stored,
    windows,
    st.floats(0.01, 100).map(lambda s: round(s, 3)),
    st.integers(-2000, 2000),
    st.booleans(),
)
def test_eight_bits_are_the_rounded_display_values(
    pixels: np.ndarray, window: VoiWindow, slope: float, intercept: int, invert: bool
) -> None:
    frame = Frame(pixels, modality=Rescale(slope, float(intercept)), voi=(window,))
    plan = pipeline.resolve(DisplayState(invert=invert), frame)
    assert np.abs(pipeline.render(plan) - pipeline.render_float(plan).astype(float) * 255).max() <= 0.5001


@given(stored, windows)
def test_inverting_twice_and_monochrome1_inverted_are_the_plain_image(
    pixels: np.ndarray, window: VoiWindow
) -> None:
    plain = pipeline.resolve(DisplayState(), Frame(pixels, voi=(window,)))
    mono1 = Frame(pixels, Photometric.MONOCHROME1, voi=(window,))
    again = pipeline.resolve(DisplayState(invert=True), mono1)
    assert np.array_equal(pipeline.render(plain), pipeline.render(again))


@given(hnp.arrays(np.int16, (6, 7)), st.floats(0, 100), st.floats(0, 100))
def test_percentiles_are_numpys(pixels: np.ndarray, first: float, second: float) -> None:
    found = histogram.series_percentiles([Frame(pixels)], (first, second))
    assert found is not None
    # As float64: between int16 values numpy interpolates in int16, which overflows.
    exact = np.percentile(pixels.astype(np.float64), (first, second))
    assert np.allclose(found, exact, atol=1e-6)
