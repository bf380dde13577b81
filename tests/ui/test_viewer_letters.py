"""Letters give way to corner text, and corner text never covers them."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from medvision_desktop.domain.geometry import EdgeLetters
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.corner_lines import CornerText, Line
from medvision_desktop.ui.widgets import corner_text, orientation_letters
from medvision_desktop.ui.widgets.edged_text import EdgedText

LETTERS = EdgeLetters("R", "L", "H", "F")
LONG = "Vandenbroucke-Larsen, Ingrid Margarethe"


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> None:
    stylesheet.apply(qapp)


def painted(width: int, corner: CornerText, *, letters: bool, words: bool) -> NDArray[np.bool_]:
    canvas = QImage(width, 400, QImage.Format.Format_RGB32)
    canvas.fill(QColor(0, 0, 0))
    painter = QPainter(canvas)
    room, text = QRectF(0, 0, width, 400), EdgedText()
    if words:
        corner_text.paint(painter, text, corner, room)
    if letters:
        lines = corner_text.lines_in_middle(text, corner, room, room.center().x())
        orientation_letters.paint(painter, text, LETTERS, room, room, lines)
    painter.end()
    pixels = np.frombuffer(bytes(canvas.constBits()), np.uint8).reshape(400, canvas.bytesPerLine())
    return pixels[:, : 4 * width].reshape(400, width, 4)[:, :, :3].any(axis=2)


def test_in_a_wide_pane_the_letter_stands_at_the_edge() -> None:
    corner = CornerText(top_left=(Line("Doe, Jane", strong=True), Line("4711")))
    assert corner_text.lines_in_middle(EdgedText(), corner, QRectF(0, 0, 800, 400), 400.0) == (0, 0)


def test_a_name_that_reaches_the_middle_moves_the_letter_below_it() -> None:
    corner = CornerText(top_left=(Line(LONG, strong=True), Line("4711")))
    assert corner_text.lines_in_middle(EdgedText(), corner, QRectF(0, 0, 360, 400), 180.0) == (1, 0)
    below = CornerText(bottom_right=(Line(LONG), Line("Zoom 1.0")))
    assert corner_text.lines_in_middle(EdgedText(), below, QRectF(0, 0, 360, 400), 180.0) == (0, 2)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(240, 700),
    st.lists(st.sampled_from(["4711", LONG, LONG[:25], "Prior 19 May 2002, 2 y 3 mo before"]), max_size=3),
    st.lists(st.sampled_from(["W 400  L 40", LONG, "Zoom 1.0"]), max_size=3),
)
def test_letters_and_corner_text_share_no_pixel(width: int, top: list[str], bottom: list[str]) -> None:
    corner = CornerText(
        top_left=tuple(Line(text, strong=True) for text in top),
        bottom_right=tuple(Line(text) for text in bottom),
    )
    middle = slice(width // 2 - 12, width // 2 + 12)
    letters = painted(width, corner, letters=True, words=False)[:, middle]
    words = painted(width, corner, letters=False, words=True)[:, middle]
    assert letters.any()
    assert not (letters & words).any()


_WORDS = st.sampled_from(["4711", LONG, LONG[:25], "Universitätsklinikum Eppendorf", "李" * 40])
_ROWS = st.lists(_WORDS, max_size=3).map(lambda rows: tuple(Line(text) for text in rows))


@settings(max_examples=40, deadline=None)
@given(st.integers(200, 900), _ROWS, _ROWS, _ROWS, _ROWS)
def test_lines_of_two_corners_never_run_into_each_other(
    width: int,
    top_left: tuple[Line, ...],
    top_right: tuple[Line, ...],
    bottom_left: tuple[Line, ...],
    bottom_right: tuple[Line, ...],
) -> None:
    text = EdgedText()
    corner = CornerText(top_left, top_right, bottom_left, bottom_right)
    cut = corner_text.fitted(text, corner, width)

    def fits(left: tuple[Line, ...], right: tuple[Line, ...]) -> None:
        for one, other in zip_longest(left, right, fillvalue=Line("")):
            between = 8 if one.text and other.text else 0
            assert text.width(one.text) + text.width(other.text) + between <= width + 1

    fits(cut.top_left, cut.top_right)
    fits(cut.bottom_left[::-1], cut.bottom_right[::-1])
    # Who the patient is, and what is done to the image, gives way to nothing but the edge of the pane.
    first = (*zip(top_left, cut.top_left, strict=True), *zip(bottom_right, cut.bottom_right, strict=True))
    for whole, shown in first:
        assert shown == whole or text.width(whole.text) > width
