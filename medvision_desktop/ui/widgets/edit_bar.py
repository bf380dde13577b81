"""The tools of label maps: brush, eraser, fill, threshold brush, interpolation, undo; and their numbers."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin
from medvision_desktop.ui.actions import BY_ID, key_text
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.mask_editor import RADII_MM
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import elided, label

_TOOLS: Final = ("tool.brush", "tool.eraser", "tool.fill", "tool.threshold_brush")
_STEPS: Final = 200  # of the slider, evenly on a scale of factors


class EditBar(QFrame):
    """Mirrors the viewer's tool and its `masks`. `wanted(action id)`: a button was pressed."""

    wanted = Signal(str)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._quiet = False
        self.setObjectName("editBar")
        self.setStyleSheet(
            f"QFrame#editBar {{ background: {T.bg1}; border: none; border-top: 1px solid {T.line}; }}"
        )
        self.tools = {name: self._button(name, checkable=True) for name in _TOOLS}
        self.others = {
            name: self._button(name) for name in ("labels.interpolate", "edit.undo", "edit.redo")
        }
        self.radius = QSlider(Qt.Orientation.Horizontal)
        self.radius.setRange(0, _STEPS)
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.setToolTip("Radius of the brush (Shift and wheel)")
        self.radius_text = label("", "label")
        self.target = elided("", "caption", "t2")
        self.low, self.high = (QLineEdit() for _ in range(2))
        self.limits = QWidget()
        self.new_map = Button("New label map", size="small", key="")
        self.new_label = Button("New label", size="small")
        self._lay_out()
        self.radius.valueChanged.connect(self._resize)
        self.low.editingFinished.connect(self._bound)
        self.high.editingFinished.connect(self._bound)
        self.new_map.clicked.connect(partial(self.wanted.emit, "labels.new_map"))
        self.new_label.clicked.connect(partial(self.wanted.emit, "labels.new_label"))
        self.refresh()

    def refresh(self) -> None:
        """Show tool, brush and label in work as they are."""
        viewer, masks = self._viewer, self._viewer.masks
        self._quiet = True
        for name, button in self.tools.items():
            button.setChecked(name == f"tool.{viewer.tool.value}")
        if not self.radius.isSliderDown():
            self.radius.setValue(_to_step(masks.radius_mm))
        self.radius_text.setText(f"{masks.radius_mm:.1f} mm")
        self.limits.setVisible(viewer.tool is Tool.THRESHOLD_BRUSH)
        for field, value in zip((self.low, self.high), masks.limits or (None, None), strict=True):
            if not field.hasFocus():
                field.setText("" if value is None else f"{value:.4g}")
        self.target.setText(self._in_work())
        self._quiet = False

    def _in_work(self) -> str:
        """What a stroke does, in words: on which label of which map, or that it begins or copies one."""
        masks, shown = self._viewer.masks, self._viewer.active_pane.shown
        entry = masks.target(shown.loaded) if shown is not None else None
        if entry is None or not isinstance(entry.layer, LabelMap):
            return "The first stroke begins a label map"
        if entry.layer.origin is not LayerOrigin.READER:
            return f"The first stroke makes a copy of {entry.layer.title}"
        names = [one.label for one in entry.layer.segments if one.number == masks.number]
        return f"Paints {names[0]} on {entry.layer.title}" if names else f"On {entry.layer.title}"

    def _resize(self, step: int) -> None:
        if not self._quiet:
            self._viewer.masks.set_radius(_to_mm(step))

    def _bound(self) -> None:
        """Both numbers hold, or none does: then they are taken where a stroke begins."""
        if self._quiet:
            return
        try:
            low, high = float(self.low.text()), float(self.high.text())
        except ValueError:
            self._viewer.masks.set_limits(None)
            return
        if math.isfinite(low) and math.isfinite(high):
            self._viewer.masks.set_limits((min(low, high), max(low, high)))

    def _button(self, name: str, *, checkable: bool = False) -> IconButton:
        action = BY_ID[name]
        button = IconButton(action.icon, action.text, key=key_text(name), checkable=checkable)
        button.setObjectName(f"edit.{name}")
        button.clicked.connect(lambda: self._ask(name))
        return button

    def _ask(self, name: str) -> None:
        self.wanted.emit(name)
        self.refresh()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(M.pad_left, 8, M.pad_right, 12)
        column.setSpacing(8)
        tools = QHBoxLayout()
        tools.setSpacing(2)
        tools.addWidget(label("Edit", "caption", "t2"))
        tools.addSpacing(8)
        for button in (*self.tools.values(), self.others["labels.interpolate"]):
            tools.addWidget(button)
        tools.addStretch(1)
        tools.addWidget(self.others["edit.undo"])
        tools.addWidget(self.others["edit.redo"])
        column.addLayout(tools)
        brush = QHBoxLayout()
        brush.setSpacing(8)
        brush.addWidget(label("Radius", "caption", "t2"))
        brush.addWidget(self.radius, 1)
        brush.addWidget(self.radius_text)
        column.addLayout(brush)
        bounds = QHBoxLayout(self.limits)
        bounds.setContentsMargins(0, 0, 0, 0)
        bounds.setSpacing(8)
        bounds.addWidget(label("Values", "caption", "t2"))
        for field, name in ((self.low, "Smallest value painted"), (self.high, "Largest value painted")):
            field.setAccessibleName(name)
            field.setToolTip(name)
            field.setPlaceholderText("auto")
            bounds.addWidget(field, 1)
        column.addWidget(self.limits)
        column.addWidget(self.target)
        makes = QHBoxLayout()
        makes.setSpacing(8)
        makes.addWidget(self.new_map)
        makes.addWidget(self.new_label)
        makes.addStretch(1)
        column.addLayout(makes)


def _to_mm(step: int) -> float:
    low, high = RADII_MM
    return float(low * (high / low) ** (step / _STEPS))


def _to_step(radius_mm: float) -> int:
    low, high = RADII_MM
    return round(_STEPS * math.log(radius_mm / low) / math.log(high / low))
