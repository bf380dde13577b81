"""Fields that describe a finding in the reader's words, and the reasons for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from medvision_desktop.domain.findings import Decision, Laterality, ReviewState, Severity
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels.vocabulary import LOCATIONS, NO_LOCATION
from medvision_desktop.ui.widgets.segmented import Segmented
from medvision_desktop.ui.widgets.text import label
from medvision_desktop.ui.widgets.text_field import TextField

_COMMENT_PX: Final = 72
_REASON_COLUMNS: Final = 3
_LATERALITIES: Final = (
    (Laterality.RIGHT, "Right"),
    (Laterality.LEFT, "Left"),
    (Laterality.BOTH, "Both"),
    (Laterality.NOT_GIVEN, "Not given"),
)
_SEVERITIES: Final = (
    (Severity.MILD, "Mild"),
    (Severity.MODERATE, "Moderate"),
    (Severity.SEVERE, "Severe"),
    (Severity.NOT_GRADED, "Not graded"),
)


class FindingFields(QWidget):
    """Label, location, laterality and severity. `changed` follows every edit."""

    changed = Signal()

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self.label = _combo("Label", labels)
        self.location = _combo("Location", LOCATIONS)
        self.laterality = Segmented([(side.value, text) for side, text in _LATERALITIES], "Laterality")
        self.severity = Segmented([(degree.value, text) for degree, text in _SEVERITIES], "Severity")
        pair = QHBoxLayout()
        pair.setSpacing(16)
        pair.addLayout(titled("Label", self.label))
        pair.addLayout(titled("Location", self.location))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addLayout(pair)
        layout.addLayout(titled("Laterality", self.laterality))
        layout.addLayout(titled("Severity", self.severity))
        for combo in (self.label, self.location):
            combo.currentTextChanged.connect(self.changed)
        for choice in (self.laterality, self.severity):
            choice.chosen.connect(self.changed)

    def show_decision(self, decision: Decision) -> None:
        """Begin with these values."""
        self.label.setCurrentText(decision.label)
        self.location.setCurrentText(decision.location or NO_LOCATION)
        self.laterality.choose(decision.laterality.value)
        self.severity.choose(decision.severity.value)

    def decision(self, state: ReviewState, *, reason: str = "", comment: str = "") -> Decision:
        """What the fields say."""
        location = self.location.currentText().strip()
        return Decision(
            state=state,
            label=self.label.currentText().strip(),
            laterality=Laterality(self.laterality.key or Laterality.NOT_GIVEN.value),
            location="" if location == NO_LOCATION else location,
            severity=Severity(self.severity.key or Severity.NOT_GRADED.value),
            reason=reason,
            comment=comment,
        )


class Reasons(QWidget):
    """One of a few reasons. `chosen` carries it."""

    chosen = Signal(str)

    def __init__(self, reasons: Sequence[str], *, columns: int = _REASON_COLUMNS) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        for place, reason in enumerate(reasons):
            button = QRadioButton(reason)
            button.setFont(fonts.font("body"))
            button.clicked.connect(lambda _=False, text=reason: self.chosen.emit(text))
            self._group.addButton(button)
            self.buttons[reason] = button
            grid.addWidget(button, place // columns, place % columns)

    @property
    def reason(self) -> str:
        """The chosen reason, empty before there is one."""
        return next((text for text, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, reason: str) -> None:
        """Choose a reason; an unknown one is left alone."""
        button = self.buttons.get(reason)
        if button is not None:
            button.setChecked(True)


def comment_field(name: str = "Comment") -> TextField:
    """A field of three lines."""
    field = TextField(name)
    field.setFixedHeight(_COMMENT_PX)
    return field


def titled(title: str, field: QWidget, note: str = "") -> QVBoxLayout:
    """A field under its name; `note` follows the name in a quieter voice."""
    head = QHBoxLayout()
    head.setSpacing(8)
    name = label(title, "section", "t2")
    name.setBuddy(field)
    head.addWidget(name)
    if note:
        head.addWidget(label(note, "caption", "t3"))
    head.addStretch(1)
    column = QVBoxLayout()
    column.setSpacing(4)
    column.addLayout(head)
    column.addWidget(field)
    return column


def _combo(name: str, choices: Sequence[str]) -> QComboBox:
    combo = QComboBox()
    combo.setEditable(True)
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    combo.addItems(list(dict.fromkeys(choices)))
    combo.setAccessibleName(name)
    combo.setFont(fonts.font("body"))
    combo.setMinimumWidth(0)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    line = combo.lineEdit()
    if line is not None:
        # The edge belongs to the combo box, not to the line inside it.
        line.setStyleSheet("border: none; background: transparent; padding: 0; min-height: 0;")
        line.setAccessibleName(name)
        line.setClearButtonEnabled(False)
    combo.view().setTextElideMode(Qt.TextElideMode.ElideRight)
    return combo
