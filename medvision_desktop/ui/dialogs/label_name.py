"""Names a label of a reader's label map, and gives a new one its colour."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from medvision_desktop.domain.labelmap import RgbColour
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.colour_swatch import ColourSwatch
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label


class LabelNameSheet(Sheet):
    """`saved(name, colour)`; the colour is None for a label that has one."""

    saved = Signal(str, object)

    def __init__(
        self, window: QWidget, title: str, *, name: str = "", colour: RgbColour | None = None
    ) -> None:
        super().__init__(window, title, width=360)
        self._colour = colour
        self.name = QLineEdit(name)
        self.name.setAccessibleName("Name of the label")
        self.name.setMaxLength(64)
        self.swatch = ColourSwatch("the new label")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label("Name", "body", "t2"))
        row.addWidget(self.name, 1)
        if colour is not None:
            self.swatch.show_colour(colour)
            self.swatch.picked.connect(self._recolour)
            row.addWidget(self.swatch)
        self.body.addLayout(row)
        self.save = Button("Save", kind="primary", key="↵")
        self.save.clicked.connect(self._save)
        self.footer.addStretch(1)
        self.footer.addWidget(self.save)
        self.setFocusProxy(self.name)
        self.name.selectAll()
        self.name.textChanged.connect(lambda _text: self._check())
        self._check()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return saves."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._save()
            return
        super().keyPressEvent(event)

    def _check(self) -> None:
        self.save.setEnabled(bool(self.name.text().strip()))

    def _recolour(self, colour: RgbColour) -> None:
        self._colour = colour
        self.swatch.show_colour(colour)

    def _save(self) -> None:
        if self.save.isEnabled():
            self.saved.emit(self.name.text().strip(), self._colour)
            self.close()
