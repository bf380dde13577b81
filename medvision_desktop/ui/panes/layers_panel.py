"""The layers panel: what lies over the images of the active pane, how it is drawn, and tools to edit it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QVBoxLayout, QWidget

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin
from medvision_desktop.domain.study import SeriesRef
from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layer_facts import LayerFacts
from medvision_desktop.ui.viewmodels.layer_files import LayerFiles
from medvision_desktop.ui.viewmodels.layer_style import LayerStyle
from medvision_desktop.ui.viewmodels.study_rows import series_detail, series_title
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.edit_bar import EditBar
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.layer_card import LayerCard
from medvision_desktop.ui.widgets.panel_head import PanelHead
from medvision_desktop.ui.widgets.text import elided, label

_EMPTY: Final = "No layers on these images. Open a label map, or draw one with the brush."


class LayersPanel(QFrame):
    """Mirrors the active pane. `wanted(action id)` asks for an action, `closeWanted` puts it away.

    `renameWanted(uid, number)`, `removeWanted(uid)` come from a layer's menu.
    """

    wanted = Signal(str)
    closeWanted = Signal()
    renameWanted = Signal(str, int)
    removeWanted = Signal(str)

    def __init__(self, viewer: ViewerModel, files: LayerFiles, facts: LayerFacts) -> None:
        super().__init__()
        self._viewer, self._files, self._facts = viewer, files, facts
        self.cards: dict[str, LayerCard] = {}
        self.offers: dict[str, Button] = {}
        self.setObjectName("layersPanel")
        self.setStyleSheet(
            f"QFrame#layersPanel {{ background: {T.bg1}; border: none; border-left: 1px solid {T.line};"
            f" border-top: 1px solid {T.line}; }}"
        )
        self.setMinimumWidth(M.findings_min)
        self.setMaximumWidth(M.findings_max)
        self.setAccessibleName("Layers")
        self.empty = label(_EMPTY, "body", "t2", wrap=True)
        self.edit = EditBar(viewer)
        self.edit.wanted.connect(self.wanted)
        self._offered = QVBoxLayout()
        self._stack = QVBoxLayout()
        self.head = self._head()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show_all)
        self._lay_out()
        viewer.layers.changed.connect(self.refresh)
        viewer.masks.changed.connect(self.refresh)
        viewer.activeChanged.connect(lambda _pane: self.refresh())
        viewer.loaded.connect(lambda _pane, _loaded: self.refresh())
        viewer.changed.connect(self.refresh)
        files.changed.connect(self.refresh)
        facts.known.connect(lambda _uid: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Show the layers over the active pane's images soon: many changes come at once."""
        if self.isVisible() and not self._soon.isActive():
            self._soon.start()

    def _show_all(self) -> None:
        """While a stroke is under way nothing moves; its end is a change, too."""
        if not self.isVisible() or self._viewer.masks.is_painting:
            return
        shown = self._viewer.layered_pane.shown
        entries = self._viewer.layers.over(shown.loaded) if shown is not None else ()
        wanted = {entry.uid for entry in entries}
        for uid in [uid for uid in self.cards if uid not in wanted]:
            gone = self.cards.pop(uid)
            gone.hide()
            gone.deleteLater()
        masks = self._viewer.masks
        drawn = sorted(entries, key=lambda entry: isinstance(entry.layer, LabelMap))
        for place, entry in enumerate(reversed(drawn)):  # what is drawn last stands first
            card = self.cards.get(entry.uid)
            if card is None:
                card = self.cards[entry.uid] = LayerCard(entry)
                card.styled.connect(self._style)
                card.picked.connect(masks.choose)
                card.menuWanted.connect(self._menu)
            if self._stack.indexOf(card) != place:
                self._stack.insertWidget(place, card)
            selected = masks.number if masks.uid == entry.uid else 0
            card.show_entry(entry, self._facts.of(entry.uid), selected=selected)
        offered = self._files.offered(shown.loaded) if shown is not None else ()
        self._show_offers(offered)
        self.empty.setVisible(not entries and not offered)
        self.edit.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened meanwhile."""
        super().showEvent(event)
        self._show_all()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing to show while nobody looks."""
        super().hideEvent(event)
        self._soon.stop()

    def _show_offers(self, series: tuple[SeriesRef, ...]) -> None:
        if [one.uid for one in series] != list(self.offers):
            while (item := self._offered.takeAt(0)) is not None:
                widget = item.widget()
                if widget is not None:
                    widget.hide()
                    widget.deleteLater()
            self.offers.clear()
            for one in series:
                self._offered.addWidget(self._offer(one))
        for one in series:
            reading = self._files.is_reading(one.uid)
            self.offers[one.uid].setEnabled(not reading)
            self.offers[one.uid].setText("Reading" if reading else "Show")

    def _offer(self, series: SeriesRef) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(M.pad_left, 6, M.pad_right, 6)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(elided(series_title(series), "label"))
        words.addWidget(elided(series_detail(series), "caption", "t2"))
        layout.addLayout(words, 1)
        button = Button("Show", size="small")
        button.setAccessibleName(f"Show {series_title(series)}")
        button.clicked.connect(lambda: self._show(series))
        layout.addWidget(button)
        self.offers[series.uid] = button
        return row

    def _show(self, series: SeriesRef) -> None:
        shown = self._viewer.layered_pane.shown
        if shown is not None:
            self._files.show(shown.loaded.study, series)

    def _style(self, uid: str, style: LayerStyle) -> None:
        self._viewer.layers.set_style(uid, style)

    def _menu(self, uid: str, at: QPoint) -> None:
        entry = self._viewer.layers.entry(uid)
        if entry is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if isinstance(entry.layer, LabelMap):
            menu.addAction("Edit this label map", lambda: self._viewer.masks.choose(uid))
        own = entry.layer.origin is LayerOrigin.READER
        if own:
            number = self._viewer.masks.number if self._viewer.masks.uid == uid else 0
            rename = menu.addAction("Rename the label in work", lambda: self.renameWanted.emit(uid, number))
            rename.setEnabled(number > 0)
        menu.addSeparator()
        menu.addAction("Take off the screen", lambda: self._viewer.layers.take(uid))
        if own:
            menu.addAction("Delete this label map", lambda: self.removeWanted.emit(uid))
        menu.popup(at)

    def _head(self) -> PanelHead:
        head = PanelHead(self)
        toggle = IconButton("eye-off", "Label maps on or off", key=key_text("layers.labels"))
        toggle.clicked.connect(lambda: self.wanted.emit("layers.labels"))
        add = IconButton("file-input", "Open a label map over this image", key=key_text("file.open_layer"))
        add.clicked.connect(lambda: self.wanted.emit("file.open_layer"))
        close = IconButton("x", "Close the panel", key=key_text("dock.layers"))
        close.clicked.connect(self.closeWanted)
        head.row.addWidget(label("Layers", "title"))
        head.row.addStretch(1)
        for button in (toggle, add, close):
            head.row.addWidget(button)
        return head

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(0)
        self.empty.setContentsMargins(M.pad_left, 8, M.pad_right, 8)
        column.addWidget(self.empty)
        self._stack.setSpacing(0)
        column.addLayout(self._stack)
        column.addLayout(self._offered)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addWidget(self.edit)
