"""Opacity and threshold of a model's map, on a small card that closes when one looks away."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSlider, QVBoxLayout, QWidget

from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.widgets.text import label


class AttentionSliders(QFrame):
    """`tuned(opacity, threshold)`, both 0..1, follows the sliders while they move."""

    tuned = Signal(float, float)

    def __init__(self, parent: QWidget, map_name: str) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("attentionSliders")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setStyleSheet(
            f"QFrame#attentionSliders {{ background: {T.bg2}; border: 1px solid {T.line2};"
            f" border-radius: {M.radius_card}px; }}"
        )
        self.opacity, self._opacity_text = _slider(f"Opacity of the {map_name.lower()}"), label("", "label")
        self.threshold, self._threshold_text = (
            _slider(f"{map_name} below this is not drawn"),
            label("", "label"),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(2, 40)
        for row, (name, slider, text) in enumerate(
            (
                ("Opacity", self.opacity, self._opacity_text),
                ("Threshold", self.threshold, self._threshold_text),
            )
        ):
            grid.addWidget(label(name, "body", "t2"), row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(text, row, 2, Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(10)
        layout.addWidget(label(map_name, "value"))
        layout.addLayout(grid)
        layout.addWidget(label(words.map_meaning(map_name), "caption", "t3"))
        self.opacity.valueChanged.connect(self._on_moved)
        self.threshold.valueChanged.connect(self._on_moved)
        self._quiet = False

    def show_values(self, opacity: float, threshold: float) -> None:
        """Show these values without telling anybody."""
        self._quiet = True
        self.opacity.setValue(round(opacity * 100))
        self.threshold.setValue(round(threshold * 100))
        self._quiet = False
        self._say()

    def _on_moved(self) -> None:
        self._say()
        if not self._quiet:
            self.tuned.emit(self.opacity.value() / 100, self.threshold.value() / 100)

    def _say(self) -> None:
        self._opacity_text.setText(f"{self.opacity.value()} %")
        self._threshold_text.setText(f"{self.threshold.value() / 100:.2f}")


def _slider(name: str) -> QSlider:
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(0, 100)
    made.setSingleStep(1)
    made.setPageStep(10)
    made.setFixedWidth(150)
    made.setAccessibleName(name)
    made.setToolTip(name)
    return made


def open_below(sliders: AttentionSliders, anchor: QWidget | QLabel) -> None:
    """Show the card under a button, its right edge under the button's."""
    sliders.adjustSize()
    corner = anchor.mapToGlobal(anchor.rect().bottomRight())
    sliders.move(corner.x() - sliders.width() + 1, corner.y() + 4)
    sliders.show()
