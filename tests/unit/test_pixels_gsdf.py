"""The Grayscale Standard Display Function: the standard's table, DCMTK's curves, what corrections do."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.pixels import gsdf
from medvision_desktop.pixels.gsdf import MEASURED_LEVELS, Characteristic
from medvision_desktop.services import displays
from medvision_desktop.services.displays import MeasuredDisplay

# PS3.14 table B-1: JND index and luminance in cd/m2, to the digits printed there.
TABLE_B1 = [(1, 0.0500), (2, 0.0547), (3, 0.0594), (1023, 3993.4040)]


def display(gamma: float = 2.2, black: float = 0.4, white: float = 350.0) -> Characteristic:
    """A display of a power law."""
    levels = MEASURED_LEVELS
    return Characteristic(levels, tuple(black + (white - black) * (n / 255) ** gamma for n in levels))


@pytest.mark.parametrize(("index", "cd_per_m2"), TABLE_B1)
def test_the_closed_form_gives_the_standards_table(index: int, cd_per_m2: float) -> None:
    assert float(gsdf.luminance(index)) == pytest.approx(cd_per_m2, rel=5e-4)


def test_the_two_closed_forms_undo_each_other_over_the_whole_range() -> None:
    index = np.arange(1, 1024)

    assert np.abs(gsdf.jnd_index(gsdf.luminance(index)) - index).max() < 0.1


def by_dcmtk(measured: Characteristic, tmp_path: Path) -> NDArray[np.float64]:
    """DCMTK's table of a display: driving level, luminance, GSDF, and luminance after its correction."""
    tool = shutil.which("dcmdspfn")
    if tool is None:
        pytest.skip("dcmdspfn of DCMTK is not installed")
    lines = [f"{n} {value:.8f}" for n, value in enumerate(measured.at_levels())]
    given, out = tmp_path / "monitor.lut", tmp_path / "curve.txt"
    given.write_text("\n".join(["max 255", *lines]) + "\n")
    subprocess.run([tool, "-q", "+Im", str(given), "+Og", str(out)], check=True)
    rows = [line.split() for line in out.read_text().splitlines() if line[:1].isdigit()]
    return np.asarray(rows, np.float64)


@pytest.mark.parametrize(("gamma", "black", "white"), [(2.2, 0.4, 350), (1.8, 0.1, 1000), (2.6, 1.0, 120)])
def test_the_curve_that_is_wanted_is_that_of_dcmtk(
    tmp_path: Path, gamma: float, black: float, white: float
) -> None:
    measured = display(gamma, black, white)
    theirs = by_dcmtk(measured, tmp_path)

    assert np.allclose(gsdf.wanted(measured), theirs[:, 2], rtol=2e-3)


def test_the_corrected_display_is_as_near_to_the_standard_as_dcmtks(tmp_path: Path) -> None:
    measured = display()
    theirs = by_dcmtk(measured, tmp_path)
    ours = measured.at_levels()[gsdf.correction(measured)]
    wanted = gsdf.jnd_index(gsdf.wanted(measured))

    assert (
        np.abs(gsdf.jnd_index(ours) - wanted).max()
        <= np.abs(gsdf.jnd_index(theirs[:, 3]) - wanted).max() + 0.05
    )


def test_black_stays_black_white_stays_white_and_it_never_falls() -> None:
    table = gsdf.correction(display())

    assert (table[0], table[255]) == (0, 255)
    assert np.all(np.diff(table.astype(int)) >= 0)


def test_a_display_that_follows_the_standard_is_left_as_it_is() -> None:
    ends = gsdf.jnd_index([0.5, 400.0])
    curve = gsdf.luminance(np.linspace(ends[0], ends[1], 256))
    measured = Characteristic(tuple(range(256)), tuple(float(value) for value in curve))

    assert np.abs(gsdf.correction(measured).astype(int) - np.arange(256)).max() == 0


@given(st.floats(1.2, 3.0), st.floats(0.06, 2.0), st.floats(80.0, 2000.0))
def test_a_correction_makes_every_step_of_contrast_nearer_to_the_standards(
    gamma: float, black: float, white: float
) -> None:
    measured = display(gamma, black, white)
    table = gsdf.correction(measured)

    assert gsdf.worst_step(measured, table) <= gsdf.worst_step(measured, np.arange(256)) + 1e-9


@pytest.mark.parametrize(
    ("levels", "values", "why"),
    [
        ((0, 255), (1.0,), "one luminance for each level"),
        ((0, 254), (1.0, 2.0), "first level is 0 and the last is 255"),
        ((0, 100, 100, 255), (1.0, 2.0, 3.0, 4.0), "higher than the one before"),
        ((0, 100, 255), (1.0, 5.0, 4.0), "measure those again"),
        ((0, 255), (0.0, 100.0), "lie between"),
        ((0, 255), (float("nan"), 100.0), "is a number"),
        ((0, 255), (1.0, 5000.0), "lie between"),
    ],
)
def test_a_measurement_that_cannot_be_is_refused_in_words(
    levels: tuple[int, ...], values: tuple[float, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Characteristic(levels, values)


def test_a_table_of_displays_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / displays.FILE_NAME
    assert displays.load(path) == {}
    screens = [
        MeasuredDisplay('A "B" é', date(2026, 11, 22), display()),
        MeasuredDisplay("C", date(2025, 1, 2), display(2.0)),
    ]
    displays.save(path, screens)

    assert displays.load(path) == {one.name: one for one in screens}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", r"Each display is a \[\[screen\]\]"),
        ('[[screen]]\nname = "A"', "has name, measured, levels and luminance"),
        (
            '[[screen]]\nname = ""\nmeasured = 2026-01-01\nlevels = [0, 255]\nluminance = [1, 9]',
            "needs a name",
        ),
        (
            '[[screen]]\nname = "A"\nmeasured = "today"\nlevels = [0, 255]\nluminance = [1, 9]',
            "needs the day",
        ),
        (
            '[[screen]]\nname = "A"\nmeasured = 2026-01-01\nlevels = [0, 255]\nluminance = [9, 1]',
            "measure those again",
        ),
        ('[[screen]]\nname = "A"\nmeasured = 2026-01-01\nlevels = "x"\nluminance = [9, 1]', "needs lists"),
    ],
)
def test_a_fault_in_the_table_of_displays_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / displays.FILE_NAME
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=why):
        displays.load(path)
