"""Small controls: they answer to mouse and keys, say what they are, and never hide a state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QEnterEvent, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete, isValid

from medvision_desktop.ui.notify import ErrorNotice, Toast
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.chips import RING, Chip
from medvision_desktop.ui.viewmodels.finding_rows import RunState
from medvision_desktop.ui.widgets.badge import Badge, draw_chip
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.error_sheet import ErrorCorner
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.model_card import ModelCard
from medvision_desktop.ui.widgets.search_field import SearchField
from medvision_desktop.ui.widgets.segmented import Segmented
from medvision_desktop.ui.widgets.text import elided, label
from medvision_desktop.ui.widgets.text_field import TextField
from medvision_desktop.ui.widgets.thumbnail import framed, to_image
from medvision_desktop.ui.widgets.toast import ToastStack
from medvision_desktop.ui.widgets.toggle import Toggle

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> None:
    stylesheet.apply(qapp)


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    """A window with a panel of 288 px on the left and a picture on the right."""
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1200, 800)
    panel = QWidget(window)
    panel.setObjectName("panel")
    panel.setGeometry(0, 48, 288, 724)
    panel.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    with qtbot.waitActive(window):
        window.show()
    panel.setFocus()
    qtbot.mouseMove(window, QPoint(900, 100))  # a toast under the mouse waits
    yield window
    window.close()


def panel_of(window: QWidget) -> QWidget:
    return next(child for child in window.findChildren(QWidget) if child.objectName() == "panel")


def test_a_chip_is_drawn_differently_for_every_state_even_in_grey(qapp: QApplication) -> None:
    chips = [
        Chip("", glyph, "neutral")
        for glyph in ("sparkles", "circle-dashed", "ban", "circle-x", "check", "lock", "pencil", RING)
    ]
    drawn = []
    for chip in chips:
        image = QImage(40, 20, QImage.Format.Format_Grayscale8)
        image.fill(QColor(T.bg1))
        painter = QPainter(image)
        draw_chip(painter, QPointF(0, 0), chip)
        painter.end()
        drawn.append(bytes(image.constBits()))
    assert len(set(drawn)) == len(chips)


def test_a_badge_says_its_word_to_a_screen_reader(qtbot: QtBot) -> None:
    badge = Badge(Chip("AI refused", "ban", "warn"))
    qtbot.addWidget(badge)
    assert badge.accessibleName() == "AI refused"
    assert badge.sizeHint().height() == M.chip
    badge.show_chip(Chip("AI not run", "circle-dashed"))
    assert badge.accessibleName() == "AI not run"


def test_a_button_keeps_room_for_icon_words_and_key(qtbot: QtBot) -> None:
    plain, full = Button("Open files"), Button("Open files", "file-plus", key="Ctrl O")
    for button in (plain, full):
        qtbot.addWidget(button)
    assert full.sizeHint().width() > plain.sizeHint().width() + 40
    assert full.height() == M.control
    assert full.accessibleName() == "Open files"
    assert full.toolTip() == "Open files (Ctrl O)"


def test_an_icon_button_has_a_name_and_its_key_in_the_tooltip(qtbot: QtBot) -> None:
    button = IconButton("ruler", "Length", key="L")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Length"
    assert button.toolTip() == "Length (L)"
    assert button.size() == QSize(28, 28)


def test_a_toggle_turns_by_mouse_and_by_space(qtbot: QtBot) -> None:
    toggle = Toggle("Link scroll")
    qtbot.addWidget(toggle)
    toggle.show()
    qtbot.mouseClick(toggle, LEFT)
    assert toggle.isChecked()
    on = toggle.grab().toImage()
    qtbot.keyClick(toggle, Qt.Key.Key_Space)
    assert not toggle.isChecked()
    assert toggle.grab().toImage() != on


def test_segments_move_with_the_arrow_keys_and_tell_once(qtbot: QtBot) -> None:
    control = Segmented([("right", "Right"), ("left", "Left"), ("both", "Both")], "Side")
    qtbot.addWidget(control)
    with qtbot.waitActive(control):
        control.show()
    told: list[str] = []
    control.chosen.connect(told.append)
    control.choose("right")
    assert told == []
    control.button("right").setFocus()
    qtbot.keyClick(control.button("right"), Qt.Key.Key_Right)
    assert control.key == "left"
    qtbot.mouseClick(control.button("both"), LEFT)
    assert told == ["left", "both"]
    control.choose("")
    assert control.key == ""


def test_the_search_field_empties_with_esc_and_with_its_cross(qtbot: QtBot) -> None:
    field = SearchField("Name, ID, date or modality", "/")
    qtbot.addWidget(field)
    field.resize(260, 32)
    field.show()
    qtbot.keyClicks(field, "lar")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""
    qtbot.keyClicks(field, "lar")
    field.grab()
    qtbot.mouseClick(field._clear, LEFT)
    assert field.text() == ""


def test_labels_never_read_markup(qtbot: QtBot) -> None:
    for made in (label("<b>x</b>"), elided("<b>x</b>")):
        qtbot.addWidget(made)
        assert made.textFormat() is Qt.TextFormat.PlainText


def test_an_elided_label_tells_the_whole_in_its_tooltip(qtbot: QtBot) -> None:
    made = elided("A description that is far too long for its place", "caption")
    qtbot.addWidget(made)
    made.resize(60, 20)
    made.show()
    made.grab()
    assert made.toolTip().startswith("A description")
    made.resize(600, 20)
    made.grab()
    assert made.toolTip() == ""


def test_a_thumbnail_keeps_its_aspect_on_black(qapp: QApplication) -> None:
    tall = np.full((80, 20), 200, np.uint8)
    image = framed(tall, QSize(48, 48)).toImage()
    assert image.pixelColor(24, 24).red() == 200
    assert image.pixelColor(8, 24) == QColor(0, 0, 0)


def test_a_colour_thumbnail_keeps_red_red(qapp: QApplication) -> None:
    red = np.zeros((10, 14, 3), np.uint8)
    red[..., 0] = 250
    image = to_image(red[:, ::2])  # strided on purpose
    assert image.pixelColor(3, 3) == QColor(250, 0, 0)


def test_a_toast_stands_in_the_lower_left_of_the_panel_and_not_over_the_picture(window: QWidget) -> None:
    panel = panel_of(window)
    stack = ToastStack(window, [panel], reduced_motion=True)
    stack.show_toast(Toast("Pneumonia accepted", "Saved to the record at 08:43:12", "ok"))
    (card,) = stack.cards
    assert panel.geometry().contains(card.geometry())
    assert panel.geometry().bottom() - card.geometry().bottom() <= 9


def test_a_toast_without_a_panel_goes_to_the_status_bar(window: QWidget) -> None:
    panel = panel_of(window)
    stack = ToastStack(window, [panel], reduced_motion=True)
    homeless: list[Toast] = []
    stack.homeless.connect(homeless.append)
    panel.resize(56, 724)
    stack.show_toast(Toast("Saved"))
    assert [news.text for news in homeless] == ["Saved"]
    assert stack.cards == ()


def test_no_more_than_three_toasts_and_none_overlaps(window: QWidget) -> None:
    stack = ToastStack(window, [panel_of(window)], reduced_motion=True)
    for number in range(5):
        stack.show_toast(Toast(f"News {number}", "Some words about it that take more than one line here"))
    assert [card.news.text for card in stack.cards] == ["News 2", "News 3", "News 4"]
    areas = [card.geometry() for card in stack.cards]
    assert not any(one.intersects(other) for one in areas for other in areas if one is not other)


def test_a_toast_acts_and_goes(window: QWidget, qtbot: QtBot) -> None:
    done: list[str] = []
    stack = ToastStack(window, [panel_of(window)], reduced_motion=True)
    stack.show_toast(Toast("Accepted", "", "ok", "Undo", lambda: done.append("undone")))
    qtbot.mouseClick(stack.cards[0].action, LEFT)
    assert done == ["undone"]
    assert stack.cards == ()


def test_a_toast_leaves_by_itself_after_its_time(
    window: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert M.toast_ms == 6000
    monkeypatch.setattr(M, "toast_ms", 30)
    stack = ToastStack(window, [panel_of(window)], reduced_motion=True)
    stack.show_toast(Toast("Saved"))
    qtbot.waitUntil(lambda: stack.cards == (), timeout=3000)


def test_a_toast_waits_while_somebody_reads_it(
    window: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(M, "toast_ms", 30)
    stack = ToastStack(window, [panel_of(window)], reduced_motion=True)
    stack.show_toast(Toast("Saved"))
    (card,) = stack.cards
    qtbot.mouseMove(card, QPoint(40, 10))
    QApplication.sendEvent(card, QEnterEvent(QPointF(40, 10), QPointF(40, 10), QPointF(40, 10)))
    qtbot.wait(120)
    assert stack.cards == (card,)
    QApplication.sendEvent(card, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: stack.cards == (), timeout=3000)


def test_a_toast_follows_its_panel(window: QWidget, qapp: QApplication) -> None:
    panel = panel_of(window)
    stack = ToastStack(window, [panel])
    stack.show_toast(Toast("Saved"))
    panel.setGeometry(0, 48, 360, 600)
    qapp.processEvents()
    assert panel.geometry().contains(stack.cards[0].geometry())


NOTICE = ErrorNotice(
    "The report was not signed",
    "The record on disk is full.",
    "Free 20 MB, then sign again.",
    "The draft and all annotations.",
    "20261121-0852-7C",
)


def test_an_error_sheet_says_what_why_what_is_safe_and_what_now(window: QWidget) -> None:
    corner = ErrorCorner(window, [panel_of(window)])
    corner.show_error(NOTICE)
    assert corner.sheet is not None
    told = [child.text() for child in corner.sheet.findChildren(type(label()))]
    for words in (NOTICE.what, NOTICE.why, NOTICE.now, NOTICE.safe, f"Sheet {NOTICE.sheet}"):
        assert words in told
    assert not window.isModal()
    assert panel_of(window).geometry().contains(corner.sheet.geometry())


def test_nothing_is_cut_off_on_a_narrow_error_sheet(window: QWidget, qapp: QApplication) -> None:
    corner = ErrorCorner(window, [panel_of(window)])
    corner.show_error(NOTICE)
    qapp.processEvents()
    assert corner.sheet is not None
    for child in corner.sheet.findChildren(type(label())):
        if child.text():
            assert child.height() >= child.heightForWidth(child.width()), child.text()


def test_the_same_error_is_told_once_and_another_waits(window: QWidget, qtbot: QtBot) -> None:
    corner = ErrorCorner(window, [panel_of(window)])
    corner.show_error(NOTICE)
    corner.show_error(NOTICE)
    corner.show_error(ErrorNotice("Another error"))
    assert corner.sheet is not None
    qtbot.mouseClick(corner.sheet.close_button, LEFT)
    assert corner.sheet is not None
    assert corner.sheet.notice.what == "Another error"
    qtbot.keyClick(corner.sheet, Qt.Key.Key_Escape)
    assert corner.sheet is None


def test_trying_again_closes_the_sheet_and_tries(window: QWidget, qtbot: QtBot) -> None:
    tried: list[int] = []
    corner = ErrorCorner(window, [panel_of(window)])
    corner.show_error(ErrorNotice("Failed", retry=lambda: tried.append(1)))
    assert corner.sheet is not None
    qtbot.mouseClick(corner.sheet.retry, LEFT)
    assert tried == [1]
    assert corner.sheet is None


def test_the_details_of_an_error_can_be_copied(window: QWidget, qtbot: QtBot) -> None:
    corner = ErrorCorner(window, [panel_of(window)])
    corner.show_error(NOTICE)
    assert corner.sheet is not None
    qtbot.mouseClick(corner.sheet.copy, LEFT)
    text = QGuiApplication.clipboard().text()
    assert "What now: Free 20 MB" in text
    assert "Sheet: 20261121-0852-7C" in text


def test_an_error_sheet_does_not_take_the_caret_from_a_field(window: QWidget, qtbot: QtBot) -> None:
    field = SearchField("Name", "/", parent=window)
    field.show()
    field.setFocus()
    ErrorCorner(window, [panel_of(window)]).show_error(NOTICE)
    assert field.hasFocus()


def test_toasts_stand_above_an_error_sheet_and_come_down_when_it_goes(
    window: QWidget, qapp: QApplication
) -> None:
    panel = panel_of(window)
    stack = ToastStack(window, [panel], reduced_motion=True)
    corner = ErrorCorner(window, [panel])
    stack.show_toast(Toast("Saved"))
    low = stack.cards[0].geometry()
    corner.show_error(NOTICE)
    qapp.processEvents()
    assert corner.sheet is not None
    assert not stack.cards[0].geometry().intersects(corner.sheet.geometry())
    corner.sheet.leave()
    qapp.processEvents()
    assert stack.cards[0].geometry() == low


def test_news_in_a_window_that_is_taken_down_is_no_error(qtbot: QtBot, qapp: QApplication) -> None:
    window = QWidget()
    panel = QWidget(window)
    panel.resize(288, 400)
    window.resize(900, 500)
    window.show()
    ToastStack(window, [panel], reduced_motion=True).show_toast(Toast("Saved"))
    ErrorCorner(window, [panel]).show_error(NOTICE)
    delete(window)
    qapp.processEvents()
    assert not isValid(window)


def test_every_control_of_a_form_is_reached_by_tab(qtbot: QtBot) -> None:
    form = QWidget()
    column = QVBoxLayout(form)
    parts = [Button("Save"), Toggle("Blind mode"), SearchField("Name"), IconButton("x", "Close")]
    for part in parts:
        column.addWidget(part)
    qtbot.addWidget(form)
    form.show()
    reached = {parts[0]}
    parts[0].setFocus()
    for _ in range(4):
        form.focusNextPrevChild(True)
        reached.add(form.focusWidget())
    assert reached >= set(parts)


def test_a_model_card_never_cuts_its_lines_where_room_is_scarce(window: QWidget, qtbot: QtBot) -> None:
    card, rest = ModelCard(), QWidget()
    rest.setMinimumHeight(40)
    column = QVBoxLayout(panel_of(window))
    column.addWidget(card)
    column.addWidget(rest, 1)
    card.show_model("chest-pneumonia", "0.1.0", RunState.NOT_RUN)
    card.show_facts((("Trained on", "3584 images of 1979 people (children of one to five years)"),))
    card.show_limits("Research use only; not a medical device.")
    panel_of(window).resize(288, 120)
    card.show()
    rest.show()
    QApplication.processEvents()
    shown = [line for line in card.findChildren(QLabel) if line.isVisible() and line.wordWrap()]
    assert len(shown) == 2
    assert all(line.height() >= line.heightForWidth(line.width()) for line in shown)


def test_a_card_without_a_model_names_none(qtbot: QtBot) -> None:
    card = ModelCard()
    qtbot.addWidget(card)
    card.show_model("chest-pneumonia", "0.1.0", RunState.NO_MODEL)
    assert card.name.text() == card.accessibleName() == "No model for these images"
    assert card.version.text() == ""
    assert card.chip.isHidden()
    card.show_model("chest-pneumonia", "0.1.0", RunState.NOT_RUN)
    assert card.name.text() == "chest-pneumonia"
    assert not card.chip.isHidden()


def test_words_are_dropped_into_a_field_and_files_are_left_to_the_window(qapp: QApplication) -> None:
    field = TextField("Findings")
    taken = []
    for mime in (QMimeData(), QMimeData()):
        if taken:
            mime.setUrls([QUrl.fromLocalFile("/somewhere/image.dcm")])
        else:
            mime.setText("No effusion.")
        copy = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(QPoint(5, 5), copy, mime, LEFT, Qt.KeyboardModifier.NoModifier)
        enter.ignore()
        field.dragEnterEvent(enter)
        taken.append(enter.isAccepted())
    assert taken == [True, False]
