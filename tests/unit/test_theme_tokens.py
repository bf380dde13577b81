"""The tokens keep the contrast that the design promises; the style sheet uses nothing but tokens."""

from __future__ import annotations

import re

import pytest

from medvision_desktop import paths
from medvision_desktop.ui.theme.tokens import PAIRS, T, contrast


def wcag_ratio(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio, written out again as the oracle."""

    def luminance(colour: str) -> float:
        def channel(value: int) -> float:
            share = value / 255.0
            return share / 12.92 if share <= 0.04045 else pow((share + 0.055) / 1.055, 2.4)

        number = int(colour.lstrip("#"), 16)
        return (
            0.2126 * channel(number >> 16)
            + 0.7152 * channel((number >> 8) & 0xFF)
            + 0.0722 * channel(number & 0xFF)
        )

    high, low = max(luminance(one), luminance(other)), min(luminance(one), luminance(other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("mark", "ground", "least"), PAIRS, ids=lambda value: str(value))
def test_every_promised_pair_keeps_its_contrast(mark: str, ground: str, least: float) -> None:
    # The design rounds its ratios to one decimal place, so 2.95 is its "3.0".
    assert wcag_ratio(getattr(T, mark), getattr(T, ground)) >= least - 0.05


@pytest.mark.parametrize(
    ("mark", "ground", "promised"),
    [
        ("t1", "image", 16.9), ("t1", "bg1", 14.6), ("t1", "bg2", 13.5),
        ("t1", "bg3", 11.8), ("t1", "bg4", 10.0),
        ("t2", "image", 10.3), ("t2", "bg1", 8.9), ("t2", "bg2", 8.2),
        ("t2", "bg3", 7.2), ("t2", "bg4", 6.0),
        ("t3", "image", 7.0), ("t3", "bg1", 6.1), ("t3", "bg2", 5.6), ("t3", "bg3", 4.9),
        ("tdis", "bg1", 5.0), ("tdis", "bg2", 4.6), ("corner", "image", 12.6), ("onimage", "image", 15.1),
        ("accent", "bg1", 7.7), ("accent", "bg3", 6.2), ("accent", "accent_tint", 6.3),
        ("ai", "bg1", 8.3), ("ai", "bg3", 6.7), ("ai", "ai_tint", 7.3),
        ("ok", "bg1", 8.8), ("ok", "bg3", 7.1), ("ok", "ok_tint", 7.4),
        ("warn", "bg1", 9.5), ("warn", "bg3", 7.7), ("warn", "warn_tint", 8.0),
        ("bad", "bg1", 7.6), ("bad", "bg3", 6.2), ("bad", "bad_tint", 6.7),
        ("aidim", "track", 3.4), ("rej", "track", 3.5), ("accentfg", "accent", 7.9),
        ("ctl", "bg1", 3.3), ("ctl", "bg2", 3.0),
        ("ink", "paper", 17.3), ("ink2", "paper", 6.1), ("draft", "paper", 5.4),
    ],
)  # fmt: skip
def test_the_ratio_is_the_one_written_in_the_design(mark: str, ground: str, promised: float) -> None:
    assert contrast(getattr(T, mark), getattr(T, ground)) == pytest.approx(promised, abs=0.06)


@pytest.mark.parametrize(("mark", "ground", "least"), PAIRS, ids=lambda value: str(value))
def test_our_contrast_function_agrees_with_the_written_formula(
    mark: str, ground: str, least: float
) -> None:
    one, other = getattr(T, mark), getattr(T, ground)
    assert contrast(one, other) == pytest.approx(wcag_ratio(one, other), rel=1e-9)
    assert contrast(one, other) == pytest.approx(contrast(other, one), rel=1e-12)


def test_tokens_are_distinct_six_digit_colours() -> None:
    colours = [value for name, value in vars(T).items() if not name.startswith("_")]
    assert all(re.fullmatch(r"#[0-9A-F]{6}", colour) for colour in colours)
    assert len(set(colours)) == len(colours)


def test_the_style_sheet_names_no_colour_of_its_own() -> None:
    text = (paths.resources() / "stylesheet.qss").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9A-Fa-f]{3,8}\b", text) == []
    assert re.findall(r"\brgba?\(", text) == []


def test_the_baked_marks_of_controls_use_token_colours() -> None:
    tokens = {value for name, value in vars(T).items() if not name.startswith("_")}
    files = sorted((paths.resources() / "icons" / "controls").glob("*.svg"))
    assert files
    for file in files:
        found = re.findall(r"#[0-9A-Fa-f]{6}", file.read_text(encoding="utf-8"))
        assert found, file.name
        assert set(found) <= tokens, file.name
        assert getattr(T, file.stem.rpartition("-")[2]) in found, file.name
