"""The key images of a study in a list: Enter goes to one, Delete takes its mark away."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QWidget

from medvision_desktop.services.key_marks import KeyMark
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels.key_marks import KeyMarks
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_HEIGHT: Final = 220


class KeyMarksSheet(Sheet):
    """Follows the marks of one study while it is open."""

    def __init__(self, window: QWidget, marks: KeyMarks, study_key: str) -> None:
        super().__init__(window, "Key images of this study")
        self._marks, self._study = marks, study_key
        self._shown: tuple[KeyMark, ...] = ()
        self.list = _List(self)
        self.list.setAccessibleName("Key images of this study")
        self.list.setFont(fonts.font("body"))
        self.list.setFixedHeight(_HEIGHT)
        self.list.itemActivated.connect(lambda _item: self.go())
        self.note = label("", "caption", "t3", wrap=True)
        self.body.addWidget(self.list)
        self.body.addWidget(self.note)
        self.remove = Button("Take the mark away", "trash-2", key="Del", size="small")
        self.remove.clicked.connect(self.take)
        self.show_image = Button("Show the image", key="Enter", kind="primary", size="small")
        self.show_image.clicked.connect(self.go)
        self.footer.addWidget(self.remove)
        self.footer.addStretch(1)
        self.footer.addWidget(self.show_image)
        self.setFocusProxy(self.list)
        marks.changed.connect(self._fill)
        self.closed.connect(lambda: marks.changed.disconnect(self._fill))
        self._fill()

    def go(self) -> None:
        """Show the selected image; the sheet stays."""
        one = self._selected
        if one is not None and not self._marks.go_to(one):
            self.note.setText("Its series is not on screen.")

    def take(self) -> None:
        """Take the selected mark away."""
        one = self._selected
        if one is not None:
            self._marks.remove(one)

    @property
    def _selected(self) -> KeyMark | None:
        row = self.list.currentRow()
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def _fill(self) -> None:
        row = max(0, self.list.currentRow())
        self._shown = self._marks.of_study(self._study)
        self.list.clear()
        self.list.addItems([f"{number}  {one.words}" for number, one in enumerate(self._shown, 1)])
        self.list.setCurrentRow(min(row, len(self._shown) - 1))
        self.note.setText("" if self._shown else "K marks the image on screen.")
        for button in (self.remove, self.show_image):
            button.setEnabled(bool(self._shown))


class _List(QListWidget):
    """A list in which Enter goes to the image and Delete takes its mark away."""

    def __init__(self, sheet: KeyMarksSheet) -> None:
        super().__init__(sheet)
        self._sheet = sheet

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Delete; the rest is the list's, Esc the sheet's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._sheet.go()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._sheet.take()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)
