"""Rows and bars as they are drawn: shapes that differ in grey, buttons that sit still, ticks in place."""

from __future__ import annotations

import dataclasses
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.findings import Finding, LabelScore
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.finding_rows import Row, RowState, Section
from medvision_desktop.ui.widgets.finding_list import FindingList
from medvision_desktop.ui.widgets.finding_row import FindingRow
from medvision_desktop.ui.widgets.probability_bar import BarStyle, ProbabilityBar

WIDTH = 368
NO_SCORE = (RowState.NOT_RUN, RowState.RUNNING, RowState.ABSTAINED, RowState.ADDED, RowState.FAILED)


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> None:
    stylesheet.apply(qapp)


@pytest.fixture
def ground(qtbot: QtBot) -> QWidget:
    made = QWidget()
    made.setStyleSheet(f"background: {T.bg1};")
    made.resize(WIDTH, 200)
    qtbot.addWidget(made)
    made.show()
    return made


def row(state: RowState, **fields: object) -> Row:
    score = None if state in NO_SCORE else LabelScore("Mass", 0.94, 0.9, 0.5, state is not RowState.BELOW)
    finding = None if score is None else Finding("f", "study", "Mass", 1, None, score)
    made = {"chip": "", "note": "A line of words", "finding": finding, "score": score, **fields}
    return Row("f", "Mass", state, Section.ABOVE, **made)  # type: ignore[arg-type]


def drawn(ground: QWidget, given_row: Row) -> FindingRow:
    widget = FindingRow(given_row, ground)
    widget.resize(WIDTH, widget.height())
    widget.show()
    return widget


def grey(image: QImage, area: QRect) -> NDArray[np.uint8]:
    part = image.copy(area).convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(part.constBits(), np.uint8).reshape(part.height(), part.bytesPerLine())
    return rows[:, : part.width()].copy()


def test_no_two_states_share_a_shape_even_without_colour(ground: QWidget) -> None:
    shapes = {}
    for state in RowState:
        widget = drawn(ground, row(state))
        pixels = grey(widget.grab().toImage(), QRect(16, 14, 16, 16))
        # Thresholded within its own range, so that only the shape is left and no brightness.
        low, high = int(pixels.min()), int(pixels.max())
        shapes[state] = pixels > low + 0.3 * (high - low)
        widget.hide()
    for one, other in combinations(RowState, 2):
        assert np.count_nonzero(shapes[one] != shapes[other]) >= 6, (one, other)


def test_the_four_buttons_have_the_same_places_in_every_state(ground: QWidget) -> None:
    places = set()
    for state in RowState:
        widget = drawn(ground, row(state))
        places.add(tuple((button.x(), button.y(), button.width()) for button in widget.buttons))
        widget.hide()
    [(eye, accept, reject, override)] = places
    assert [accept[0] - eye[0], reject[0] - accept[0], override[0] - reject[0]] == [30, 30, 30]
    assert override[0] + override[2] == WIDTH - 12


def test_rows_have_the_heights_of_the_design(ground: QWidget) -> None:
    assert drawn(ground, row(RowState.POSITIVE)).height() == 85
    assert drawn(ground, row(RowState.POSITIVE, note="")).height() == 66
    assert drawn(ground, row(RowState.BELOW, compact=True)).height() == 26


def test_a_click_tells_the_row_and_shows_only_what_the_record_says(ground: QWidget, qtbot: QtBot) -> None:
    widget = drawn(ground, row(RowState.POSITIVE, has_map=True))
    told: list[str] = []
    widget.picked.connect(lambda key: told.append(f"picked {key}"))
    widget.eyeClicked.connect(lambda key: told.append(f"eye {key}"))
    widget.acceptClicked.connect(lambda key: told.append(f"accept {key}"))
    widget.rejectClicked.connect(lambda key: told.append(f"reject {key}"))
    widget.overrideClicked.connect(lambda key: told.append(f"override {key}"))
    for button in widget.buttons:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert not button.isChecked()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(60, 70))
    assert [word for word in told if not word.startswith("picked")] == [
        "eye f",
        "accept f",
        "reject f",
        "override f",
    ]
    assert told[-1] == "picked f"


def test_a_row_without_a_score_cannot_be_accepted_or_rejected(ground: QWidget) -> None:
    widget = drawn(ground, row(RowState.NOT_RUN))
    assert not widget.eye.isEnabled()
    assert not widget.accept.isEnabled()
    assert not widget.reject.isEnabled()
    assert widget.override.isEnabled()


def test_a_decision_on_its_way_holds_the_buttons(ground: QWidget) -> None:
    widget = drawn(ground, row(RowState.POSITIVE))
    widget.show_row(widget.row, saving=True)
    assert not any(button.isEnabled() for button in widget.buttons[1:])


def test_long_words_wrap_and_are_not_cut(ground: QWidget) -> None:
    note = (
        "The child process ran out of memory at the first image. Nothing was stored. Close other programs."
    )
    widget = drawn(ground, row(RowState.FAILED, note=note))
    one_line = drawn(ground, row(RowState.FAILED, note="Short."))
    assert widget.height() >= one_line.height() + 17


def test_a_row_tells_a_screen_reader_what_it_shows(ground: QWidget) -> None:
    spoken = drawn(ground, row(RowState.POSITIVE)).accessibleName()
    assert "Mass" in spoken
    assert "0.94" in spoken
    assert "threshold 0.50" in spoken


# The bar.


def bar(ground: QWidget, probability: float, threshold: float, style: BarStyle) -> QImage:
    made = ProbabilityBar(ground)
    made.resize(300, 16)
    made.show_score(probability, threshold, style)
    made.show()
    image = made.grab().toImage()
    made.hide()
    return image


def columns_of(image: QImage, colour: str) -> list[int]:
    wanted = QColor(colour).rgb()
    return [x for x in range(image.width()) if QColor(image.pixel(x, 8)).rgb() == wanted]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(probability=st.floats(0.1, 0.9), threshold=st.floats(0.05, 0.95))
def test_the_bar_is_as_long_as_the_probability_and_the_tick_stands_at_the_threshold(
    ground: QWidget, probability: float, threshold: float
) -> None:
    image = bar(ground, probability, threshold, BarStyle.ABOVE)
    tick = columns_of(image, T.t1)
    assert len(tick) == 2
    assert abs(tick[0] + 1 - 300 * threshold) <= 1
    fill = columns_of(image, T.ai)
    if abs(probability - threshold) > 0.02:
        assert abs(max(fill) + 1 - 300 * probability) <= 1


def test_without_a_score_there_is_a_broken_line_and_no_tick(ground: QWidget) -> None:
    made = ProbabilityBar(ground)
    made.resize(300, 16)
    made.show_no_score()
    made.show()
    image = made.grab().toImage()
    line = [image.pixelColor(x, 8).lightness() > QColor(T.bg2).lightness() + 20 for x in range(300)]
    changes = sum(one != other for one, other in pairwise(line))
    assert changes > 50
    assert columns_of(image, T.t1) == []
    assert made.accessibleName() == "No score"


def test_doubt_is_hatched_and_no_other_bar_is(ground: QWidget) -> None:
    def shades(style: BarStyle) -> int:
        image = bar(ground, 0.8, 0.9, style)
        return len({image.pixel(x, 8) for x in range(20, 220)})

    assert shades(BarStyle.UNCERTAIN) > 3
    assert shades(BarStyle.ABOVE) == shades(BarStyle.BELOW) == shades(BarStyle.REJECTED) == 1


def test_the_patterns_of_bars_differ_from_each_other(ground: QWidget) -> None:
    styles = [style for style in BarStyle if style is not BarStyle.NO_SCORE]
    pictures = [bar(ground, 0.6, 0.8, style) for style in styles]
    assert all(one != other for one, other in combinations(pictures, 2))


def test_rows_that_are_used_again_look_and_act_as_new_ones(ground: QWidget, qtbot: QtBot) -> None:
    def shown(before: int) -> tuple[FindingList, list[str]]:
        made, told = FindingList(), []
        qtbot.addWidget(made)
        made.resize(WIDTH, 400)
        made.acceptWanted.connect(told.append)
        made.keep_spare(before, row(RowState.NOT_RUN))
        for turn in range(2):
            rows = [
                dataclasses.replace(row(RowState.POSITIVE), key=f"{turn}{name}", label=name)
                for name in ("Mass", "Nodule", "Oedema")
            ]
            made.show_rows(rows, f"{turn}Nodule")
        made.show()
        return made, told

    fresh, again = shown(0), shown(5)
    for made, told in (fresh, again):
        assert [one.row.label for one in made.rows] == ["Mass", "Nodule", "Oedema"]
        qtbot.mouseClick(made.row("1Oedema").accept, Qt.MouseButton.LeftButton)
        assert told == ["1Oedema"]
    images = [made.grab().toImage() for made, _ in (fresh, again)]
    assert images[0] == images[1]
