"""Toasts: news that needs no answer. Lower left, six seconds, never over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPropertyAnimation, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from medvision_desktop.ui.notify import Toast
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.corner import MOVES, NEWS, lower_left, stands
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_GLYPHS: Final = {
    "ok": ("circle-check", T.ok),
    "ai": ("sparkles", T.ai),
    "warn": ("triangle-alert", T.warn),
    "info": ("info", T.t2),
}
_SPACING: Final = 8
_MOST: Final = 3
_WIDEST: Final = 520
_NARROW: Final = 400


class ToastCard(QFrame):
    """One piece of news. It waits while the mouse is on it or a part of it has the focus."""

    gone = Signal()

    def __init__(self, news: Toast, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.news = news
        self.setProperty("card", "raised")
        self.setFixedWidth(width)
        self.setAccessibleName(" ".join(part for part in (news.text, news.detail) if part))
        name, colour = _GLYPHS.get(news.kind, _GLYPHS["info"])
        glyph = QLabel()
        glyph.setPixmap(icons.pixmap(name, colour, M.row_icon, 2.0, self.devicePixelRatioF()))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(news.text, "value", wrap=True))
        if news.detail:
            words.addWidget(label(news.detail, "caption", "t2", wrap=True))
        close = IconButton("x", "Dismiss", kind="mini")
        close.clicked.connect(self.leave)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 8, 8)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(4)
        grid.addWidget(glyph, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(words, 0, 1)
        grid.addWidget(close, 0, 3, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 1)
        if news.action_text and news.action is not None:
            self._add_action(grid, below=width < _NARROW)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(M.toast_ms)
        self._timer.timeout.connect(self._leave_unless_watched)
        self._timer.start()

    def _add_action(self, grid: QGridLayout, *, below: bool) -> None:
        self.action = Button(self.news.action_text, kind="quiet", size="tiny")
        self.action.clicked.connect(self._act)
        if below:
            row = QHBoxLayout()
            # The word, not the button's edge, stands under the words above.
            row.setContentsMargins(M.row_icon + 10 - 9, 0, 0, 0)
            row.addWidget(self.action)
            row.addStretch(1)
            grid.addLayout(row, 1, 0, 1, 3)
        else:
            grid.addWidget(self.action, 0, 2)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Somebody reads: wait."""
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """They have read: the six seconds begin again."""
        self._timer.start()
        super().leaveEvent(event)

    def leave(self) -> None:
        """Go now."""
        self._timer.stop()
        self.gone.emit()

    def _leave_unless_watched(self) -> None:
        if any(child.hasFocus() for child in self.findChildren(QWidget)):
            self._timer.start()
        else:
            self.leave()

    def _act(self) -> None:
        action = self.news.action
        self.leave()
        if action is not None:
            action()


class ToastStack(QObject):
    """Shows toasts over the lower left of the first host with room; the newest is lowest.

    `homeless` carries news when no host has room, for the status bar to say.
    """

    homeless = Signal(object)

    def __init__(self, window: QWidget, hosts: Sequence[QWidget], *, reduced_motion: bool = False) -> None:
        super().__init__(window)
        self._window = window
        self._hosts = tuple(hosts)
        self._still = reduced_motion
        self._cards: list[ToastCard] = []
        window.installEventFilter(self)
        for host in self._hosts:
            host.installEventFilter(self)

    @property
    def cards(self) -> tuple[ToastCard, ...]:
        """What is shown, oldest first."""
        return tuple(self._cards)

    def show_toast(self, news: Toast) -> None:
        """Show news; the oldest leaves when there are more than three."""
        area = lower_left(self._window, self._hosts)
        if area is None:
            self.homeless.emit(news)
            return
        while len(self._cards) >= _MOST:
            self._remove(self._cards[0])
        card = ToastCard(news, min(_WIDEST, area.width()), self._window)
        card.gone.connect(lambda: self._remove(card))
        self._cards.append(card)
        card.show()
        self._place()
        if not self._still:
            _fade_in(card)

    def stop(self) -> None:
        """Watch nothing any more: a window that is being taken apart must not be measured."""
        for watched in (self._window, *self._hosts):
            watched.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when window or panels change."""
        if self._cards and event.type() in MOVES and stands(self._window):
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        area = lower_left(self._window, self._hosts)
        if area is None:
            for card in tuple(self._cards):
                self._remove(card)
            return
        bottom = self._floor(area)
        for card in reversed(self._cards):
            card.setFixedWidth(min(_WIDEST, area.width()))
            wanted = card.heightForWidth(card.width())
            card.resize(card.width(), max(wanted, card.minimumSizeHint().height()))
            card.move(area.left(), bottom - card.height() + 1)
            card.raise_()
            bottom -= card.height() + _SPACING
        for sheet in self._window.findChildren(Sheet, options=Qt.FindChildOption.FindDirectChildrenOnly):
            sheet.raise_()  # what the reader is doing stands above the news

    def _floor(self, area: QRect) -> int:
        """The lowest line for toasts: above an error sheet that stands in the same corner."""
        below = (
            child
            for child in self._window.children()
            if isinstance(child, QWidget) and child.property(NEWS) and child.isVisible()
        )
        tops = [child.y() - _SPACING for child in below if child.geometry().intersects(area)]
        return min([area.bottom(), *tops])

    def _remove(self, card: ToastCard) -> None:
        if card in self._cards:
            self._cards.remove(card)
            card.hide()
            card.deleteLater()
            self._place()


def _fade_in(card: QWidget) -> None:
    effect = QGraphicsOpacityEffect(card)
    card.setGraphicsEffect(effect)
    fade = QPropertyAnimation(effect, b"opacity", card)
    fade.setDuration(M.fade_ms)
    fade.setStartValue(0.0)
    fade.setEndValue(1.0)
    fade.setEasingCurve(QEasingCurve.Type.OutCubic)
    # An effect left in place would draw the card through a pixmap for good.
    fade.finished.connect(lambda: card.setGraphicsEffect(None))  # type: ignore[arg-type] # None removes it
    fade.start(QPropertyAnimation.DeletionPolicy.DeleteWhenStopped)
