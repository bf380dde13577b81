"""The panel beside the image for how it is looked at: the slab of planes, the window over the histogram."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels import histogram, voi
from medvision_desktop.pixels.histogram import Histogram
from medvision_desktop.pixels.reslice import Slab, SlabMode
from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import corner_lines, viewer_actions
from medvision_desktop.ui.viewmodels.history import Looks
from medvision_desktop.ui.viewmodels.planes import common_point
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.histogram_view import HistogramView
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.panel_head import PanelHead
from medvision_desktop.ui.widgets.segmented import Segmented
from medvision_desktop.ui.widgets.text import label

_TENTHS: Final = 10
_WHOLE_NUMBERS: Final = 20  # a range from which on the ends are said without fractions


class ViewPanel(QFrame):
    """Mirrors the active pane. `closeWanted` asks the window to put it away."""

    closeWanted = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._counted: tuple[Frame, Histogram] | None = None
        self._before: Looks | None = None
        self._quiet = False
        self.setObjectName("viewPanel")
        self.setStyleSheet(
            f"QFrame#viewPanel {{ background: {T.bg1}; border: none; border-left: 1px solid {T.line};"
            f" border-top: 1px solid {T.line}; }}"
        )
        self.setMinimumWidth(M.findings_min)
        self.setMaximumWidth(M.findings_max)
        self.modes = Segmented([(mode.value, mode.value) for mode in SlabMode], "Slab of planes")
        self.thickness = QSlider(Qt.Orientation.Horizontal)
        self.thickness.setAccessibleName("Thickness of the slab")
        self.thickness.setToolTip("Thickness of the slab (Shift PgUp, Shift PgDown)")
        self.thickness_text = label("", "label")
        self.crosshair_text = label("", "label")
        self.histogram = HistogramView()
        self.window_text = label("", "label")
        self.low, self.middle, self.high = (label("", "caption", "t2") for _ in range(3))
        self.head = self._head()
        self._lay_out()
        self.modes.chosen.connect(lambda key: self._choose(SlabMode(key)))
        self.thickness.valueChanged.connect(self._thicken)
        self.histogram.began.connect(self._begin)
        self.histogram.dragged.connect(self._drag)
        self.histogram.ended.connect(self._end)
        viewer.changed.connect(self.refresh)
        viewer.activeChanged.connect(self.refresh)
        viewer.paneChanged.connect(self._on_pane_changed)
        self.refresh()

    def refresh(self) -> None:
        """Show the active pane's slab, values and window; nothing is counted while nobody looks."""
        if not self.isVisible():
            return
        shown = self._viewer.active_pane.shown
        self._refresh_slab()
        if shown is None or shown.frame.is_colour or shown.plan.voi is None:
            self.histogram.show_values(None, None, inverted=False)
            for text in (self.window_text, self.low, self.middle, self.high):
                text.setText("")
            return
        found = self._count(shown.frame)
        span = voi.window_span(shown.plan.voi)
        self.histogram.show_values(found, span, inverted=shown.plan.inverted)
        self.window_text.setText(corner_lines.window_text(shown.plan))
        low, high = float(found.edges[0]), float(found.edges[-1])
        whole = high - low > _WHOLE_NUMBERS
        self.low.setText(f"{math.ceil(low)}" if whole else f"{low:.3g}")
        self.high.setText(f"{math.floor(high)}" if whole else f"{high:.3g}")
        self.middle.setText(f"{shown.frame.units or 'Values'} of this image")

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened meanwhile."""
        super().showEvent(event)
        self.refresh()

    def _refresh_slab(self) -> None:
        viewer, shown = self._viewer, self._viewer.active_pane.shown
        planes = shown.planes if shown is not None else None
        self._quiet = True
        self.modes.choose(viewer.slab.mode.value)
        self.modes.setEnabled(planes is not None)
        self.thickness.setEnabled(planes is not None and viewer.slab.mode is not SlabMode.THIN)
        self.thickness_text.setText("")
        if planes is not None:
            step = planes.spacing_mm
            self.thickness.setRange(round(step * _TENTHS), round(viewer_actions.MOST_SLAB_MM * _TENTHS))
            self.thickness.setSingleStep(max(1, round(2 * step * _TENTHS)))
            self.thickness.setPageStep(max(1, round(10 * step * _TENTHS)))
            if not self.thickness.isSliderDown():
                self.thickness.setValue(round(planes.slab_mm * _TENTHS))
            self.thickness_text.setText(f"{planes.slab_mm:.1f} mm")
        point = common_point(viewer.panes) if planes is not None else None
        self.crosshair_text.setText("" if point is None else corner_lines.point_text(point))
        self._quiet = False

    def _count(self, frame: Frame) -> Histogram:
        if self._counted is None or self._counted[0] is not frame:
            self._counted = (frame, histogram.of_frame(frame))
        return self._counted[1]

    def _on_pane_changed(self, number: int) -> None:
        if number == self._viewer.active:
            self.refresh()

    def _choose(self, mode: SlabMode) -> None:
        if not self._quiet:
            self._viewer.perform(f"slab.{mode.value.lower()}")

    def _thicken(self, tenths: int) -> None:
        if not self._quiet:
            self._viewer.set_slab(Slab(self._viewer.slab.mode, tenths / _TENTHS))

    def _begin(self) -> None:
        self._before = self._viewer.looks

    def _drag(self, low: float, high: float) -> None:
        viewer_actions.show_window(self._viewer, voi.spanning(low, high))

    def _end(self) -> None:
        if self._before is not None:
            self._viewer.looked(self._before)
        self._before = None

    def _head(self) -> PanelHead:
        close = IconButton("x", "Close the panel", key=key_text("dock.view"))
        close.clicked.connect(self.closeWanted)
        head = PanelHead(self)
        head.row.addWidget(label("View", "title"))
        head.row.addStretch(1)
        head.row.addWidget(close)
        return head

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M.pad_left, 12, 12, 16)
        layout.setSpacing(8)
        layout.addLayout(_row(label("Slab", "value"), None, self.modes))
        layout.addLayout(_row(label("Thickness", "body", "t2"), self.thickness, self.thickness_text))
        layout.addLayout(_row(label("Crosshair", "body", "t2"), None, self.crosshair_text))
        layout.addSpacing(8)
        layout.addLayout(_row(label("Window", "value"), None, self.window_text))
        layout.addWidget(self.histogram)
        axis = QHBoxLayout()
        axis.addWidget(self.low)
        axis.addStretch(1)
        axis.addWidget(self.middle)
        axis.addStretch(1)
        axis.addWidget(self.high)
        layout.addLayout(axis)
        layout.addStretch(1)


def _row(left: QWidget, middle: QWidget | None, right: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(12)
    row.addWidget(left)
    if middle is None:
        row.addStretch(1)
    else:
        row.addWidget(middle, 1)
    row.addWidget(right)
    return row
