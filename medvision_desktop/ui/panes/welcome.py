"""The welcome page: where to drop, what to open, the samples with what each is good for, a few keys."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.sample_words import covers_card, sample_words
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.widgets.button import Button, KeyHint
from medvision_desktop.ui.widgets.sample_card import SampleCard
from medvision_desktop.ui.widgets.text import elided, label

_HINTS: Final = (("help.keys", "All keys"), ("help.palette", "Every action"), ("ai.run", "Run AI"))
_WIDEST: Final = 912
_THREE_COLUMNS: Final = 780
_LOW: Final = 860


class DropTarget(QFrame):
    """Says where to drop; the whole window takes what is dropped. `actionAsked` as everywhere."""

    actionAsked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hot = False
        self._glyph = QLabel()
        self._glyph.setPixmap(icons.pixmap("folder-down", T.accent, 32, 1.5, self.devicePixelRatioF()))
        self._title = label("Drop a study anywhere in this window", "heading")
        detail = label("A folder, files, a zip or a DICOMDIR. DICOM, NIfTI, PNG and JPEG.", "body", "t2")
        self.open_files = Button("Open files", "file-plus", key=key_text("file.open"), kind="primary")
        self.open_folder = Button("Open folder", "folder-open")
        self.open_files.clicked.connect(partial(self.actionAsked.emit, "file.open"))
        self.open_folder.clicked.connect(partial(self.actionAsked.emit, "file.open_folder"))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.open_files)
        buttons.addWidget(self.open_folder)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(0)
        column.addStretch(1)
        for part, gap in ((self._glyph, 12), (self._title, 6), (detail, 16)):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            part.setMinimumWidth(0)
            column.addWidget(part)
            column.addSpacing(gap)
        column.addLayout(buttons)
        column.addStretch(1)

    def show_hot(self, hot: bool) -> None:
        """Files are above the window, or not."""
        self._hot = hot
        self._title.setText("Let go to open" if hot else "Drop a study anywhere in this window")
        self.update()

    def set_low(self, low: bool) -> None:
        """Lower in a low window."""
        self._glyph.setVisible(not low)
        self.setFixedHeight(152 if low else 232)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A broken edge: something can be put here."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(T.accent_tint if self._hot else T.bg1))
        pen = QPen(QColor(T.accent if self._hot else T.ctl), 2)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        place = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(place, M.radius_sheet, M.radius_sheet)
        painter.end()


class WelcomePane(QScrollArea):
    """Shown while nothing is open. `actionAsked` carries the id of an action of the table."""

    actionAsked = Signal(str)
    # On the class, because Qt filters events while the base is still being made.
    _watched: QWidget | None = None

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setStyleSheet(f"QScrollArea#welcome {{ background: {T.bg0}; }}")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Welcome")
        self._model = model
        self._columns = 0
        self.cards: dict[str, SampleCard] = {}
        self.drop = DropTarget()
        self.drop.actionAsked.connect(self.actionAsked)
        self.show_samples = Button("Show sample studies", "images", kind="quiet")
        self.show_samples.clicked.connect(partial(self.actionAsked.emit, "file.samples"))
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        self.setWidget(self._make_page())
        model.changed.connect(self._refresh)
        model.thumbnails.ready.connect(self._on_thumbnail)
        self._refresh()

    def _make_page(self) -> QWidget:
        page = QWidget()
        outer = QHBoxLayout(page)
        outer.setContentsMargins(32, 0, 32, 0)
        body = QWidget()
        body.setMaximumWidth(_WIDEST)
        outer.addStretch(1)
        outer.addWidget(body, 1000)
        outer.addStretch(1)
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(0, 40, 0, 24)
        self._column.setSpacing(0)
        self._column.addWidget(label("Welcome to the reading room", "display"))
        self._column.addSpacing(8)
        words = "Nothing leaves this computer. Open your own images or begin with a sample."
        self._column.addWidget(elided(words, "body", "t2"))
        self._column.addSpacing(20)
        self._column.addWidget(self.drop)
        self._gap = QSpacerItem(0, 32)
        self._column.addSpacerItem(self._gap)
        heads = QHBoxLayout()
        self._samples_title = label("Sample studies", "title")
        self._samples_note = label("Each one shows a different tool", "caption", "t3")
        heads.addWidget(self._samples_title)
        heads.addStretch(1)
        heads.addWidget(self._samples_note)
        heads.addWidget(self.show_samples)
        self._column.addLayout(heads)
        self._column.addSpacing(12)
        self._column.addLayout(self._grid)
        self._column.addSpacing(20)
        self._column.addStretch(1)
        self._column.addLayout(self._make_hints())
        return page

    def _make_hints(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for action_id, words in _HINTS:
            row.addWidget(KeyHint(key_text(action_id)))
            row.addWidget(label(words, "body", "t2"))
            row.addSpacing(16)
        row.addStretch(1)
        return row

    def _refresh(self) -> None:
        rows = self._model.samples
        keys = [row.key for row in rows]
        if keys != list(self.cards):
            for card in self.cards.values():
                self._grid.removeWidget(card)
                card.hide()
                card.deleteLater()
            self.cards = {}
            for row in rows:
                card = SampleCard(*sample_words(row), fill=covers_card(row.study))
                card.clicked.connect(partial(self._model.select, row.key))
                self.cards[row.key] = card
            self._columns = 0
            self._place_cards()
        for row in rows:
            if row.study.series:
                self.cards[row.key].show_picture(self._model.thumbnails.get(row.study, row.study.series[0]))
        self._samples_title.setVisible(bool(rows))
        self._samples_note.setVisible(bool(rows))
        self.show_samples.setVisible(not rows)

    def _on_thumbnail(self, study_key: str, series_uid: str) -> None:
        row = self._model.row(study_key)
        if row is None or study_key not in self.cards:
            return
        if row.study.series and row.study.series[0].uid == series_uid:
            self.cards[study_key].show_picture(self._model.thumbnails.get(row.study, row.study.series[0]))

    def _place_cards(self) -> None:
        width = min(self.viewport().width() - 64, _WIDEST)
        columns = 3 if width >= _THREE_COLUMNS else 2
        low = self.viewport().height() < _LOW
        self.drop.set_low(low)
        self._column.setContentsMargins(0, 24 if low else 40, 0, 16 if low else 24)
        self._gap.changeSize(0, 20 if low else 32)
        self._column.invalidate()
        for card in self.cards.values():
            card.set_picture_height(96 if low else 120)
        if columns == self._columns:
            return
        self._columns = columns
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for number, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, number // columns, number % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two or three columns, high or low."""
        super().resizeEvent(event)
        self._place_cards()

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the window for files that hover above it."""
        super().showEvent(event)
        window = self.window()
        if window is not self._watched:
            if self._watched is not None:
                self._watched.removeEventFilter(self)
            window.installEventFilter(self)
            self._watched = window

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Light the drop target while files are above the window."""
        if watched is self._watched:
            if event.type() == QEvent.Type.DragEnter:
                self.drop.show_hot(True)
            elif event.type() in (QEvent.Type.DragLeave, QEvent.Type.Drop):
                self.drop.show_hot(False)
        return super().eventFilter(watched, event)
