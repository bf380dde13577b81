"""Asks who reads. A sheet, so that the samples can be looked at first."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from medvision_desktop.ui.viewmodels.reader import ReaderModel
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label


class FirstReaderSheet(Sheet):
    """Name and institution. Without a name images can be read, but nothing decided or signed."""

    def __init__(self, window: QWidget, model: ReaderModel) -> None:
        super().__init__(window, "Who is reading?" if not model.name else "Change the reader")
        self._model = model
        self.head.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.body.addWidget(
            label(
                "Your name stands beside every decision and on each report you sign. It stays on this"
                " computer. There is no password yet.",
                "body",
                "t2",
                wrap=True,
            )
        )
        self.name = self._field("Name", "Dr A. Reader", model.name)
        self.institution = self._field("Institution (may stay empty)", "", model.institution)
        self.fault = label("", "caption", "warn", wrap=True)
        self.body.addWidget(self.fault)
        self.later = Button("Later", kind="quiet", key="Esc")
        self.later.clicked.connect(self.close)
        self.save_button = Button("Save name", "check", kind="primary", key="Enter")
        self.save_button.clicked.connect(self.save)
        self.footer.addStretch(1)
        self.footer.addWidget(self.later)
        self.footer.addWidget(self.save_button)
        self.name.textChanged.connect(self._check)
        self.setFocusProxy(self.name)
        self._check()

    def save(self) -> None:
        """Keep the name and close, or say what is wrong with it."""
        fault = self._model.fault(self.name.text())
        if fault:
            self.fault.setText(fault)
            self.name.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._model.introduce(self.name.text(), self.institution.text())
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter saves; the rest is as on every sheet."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.save()
            event.accept()
            return
        super().keyPressEvent(event)

    def _field(self, name: str, hint: str, text: str) -> QLineEdit:
        column = QVBoxLayout()
        column.setSpacing(4)
        head = label(name, "section", "t2")
        field = QLineEdit(text)
        field.setPlaceholderText(hint)
        field.setMaxLength(64)
        field.setAccessibleName(name)
        head.setBuddy(field)
        column.addWidget(head)
        column.addWidget(field)
        self.body.addLayout(column)
        return field

    def _check(self) -> None:
        self.fault.clear()
        self.save_button.setEnabled(not self._model.fault(self.name.text()))
