"""A refusal is an answer: what is wrong, that no score exists, and what to do now. Amber, not red."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.text import label


class GateCard(QFrame):
    """Title, why, and two ways on."""

    readWithout = Signal()
    chooseModel = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("card", "warn")
        glyph = QLabel()
        glyph.setPixmap(icons.pixmap("ban", T.warn, M.row_icon, 2.0, self.devicePixelRatioF()))
        self.title = label("", "title", wrap=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(glyph)
        head.addWidget(self.title, 1)
        self.why = label("", "body", "t2", wrap=True)
        self.nothing = label(
            "The model was not run. No score exists for this image.", "body", "t2", wrap=True
        )
        self.read = Button("Read without AI", "eye")
        self.choose = Button("Choose another model", "box")
        self.read.clicked.connect(self.readWithout)
        self.choose.clicked.connect(self.chooseModel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.why)
        layout.addWidget(self.nothing)
        layout.addWidget(label("What now", "section", "t2"))
        layout.addWidget(self.read)
        layout.addWidget(self.choose)

    def say(self, title: str, why: str) -> None:
        """Put the refusal into words."""
        self.title.setText(title)
        self.why.setText(why)
        self.why.setVisible(bool(why))
        self.setAccessibleName(f"Refused: {title}. {why}")
