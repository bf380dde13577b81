"""One label of a label map: eye, colour, name, volume, and for the label in work its opacity and values."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from medvision_desktop.domain.labelmap import RgbColour, Segment
from medvision_desktop.pixels.label_statistics import LabelStatistics
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layer_style import SegmentStyle
from medvision_desktop.ui.widgets.colour_swatch import ColourSwatch
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import elided, label

_PERCENT: Final = 100


class SegmentRow(QFrame):
    """`styled(number, style)`: the reader looks at it in another way; `picked(number)`: work on it."""

    styled = Signal(int, object)
    picked = Signal(int)

    def __init__(self, segment: Segment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segment = segment
        self._style = SegmentStyle(segment.colour)
        self._quiet = False
        self._eye_shows: tuple[bool, str] | None = None
        self.setObjectName("segmentRow")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.eye = IconButton("eye", "", kind="mini")
        self.swatch = ColourSwatch(segment.label)
        self.name = elided(segment.label, "label")
        self.volume = label("", "value")
        self.unit = label("", "caption", "t3")
        self.opacity = slider(f"Opacity of {segment.label}")
        self.percent = label("", "caption", "t2")
        self.values = label("", "caption", "t3")
        self._detail = QWidget()
        self._lay_out()
        self.eye.clicked.connect(
            lambda: self._change(replace(self._style, visible=not self._style.visible))
        )
        self.swatch.picked.connect(self._recolour)
        self.opacity.valueChanged.connect(self._fade)
        self.show_state(self._style, None, selected=False)

    @property
    def segment(self) -> Segment:
        """The label of this row."""
        return self._segment

    def rename(self, segment: Segment) -> None:
        """The label has another name."""
        self._segment = segment
        self.name.setText(segment.label)

    def show_state(self, style: SegmentStyle, found: LabelStatistics | None, *, selected: bool) -> None:
        """Show look and numbers; the label in work shows its opacity and what lies inside."""
        self._quiet = True
        self._style = style
        if self._eye_shows != (style.visible, self._segment.label):
            self._eye_shows = (style.visible, self._segment.label)
            self.eye.show_icon("eye" if style.visible else "eye-off")
            self.eye.rename(f"{'Hide' if style.visible else 'Show'} {self._segment.label}")
        self.swatch.show_colour(style.colour)
        self.name.setProperty("tone", "t1" if style.visible else "t3")
        self.volume.setText("" if found is None else volume_text(found.ml))
        self.unit.setText("" if found is None else "mL")
        if not self.opacity.isSliderDown():
            self.opacity.setValue(round(style.opacity * _PERCENT))
        self.percent.setText(f"{round(style.opacity * _PERCENT)} %")
        self.values.setText(values_text(found))
        self.values.setVisible(bool(self.values.text()))
        self._detail.setVisible(selected)
        self._quiet = False
        self._paint_ground(selected=selected)
        spoken = [self._segment.label, "shown" if style.visible else "hidden"]
        if found is not None:
            spoken.append(f"{volume_text(found.ml)} millilitres")
        self.setAccessibleName(", ".join([*spoken, *(("in work",) if selected else ())]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the label to work on."""
        self.picked.emit(self._segment.number)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter takes the label to work on, Space is its eye."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(self._segment.number)
        elif event.key() == Qt.Key.Key_Space:
            self.eye.click()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The ring of the focus."""
        super().focusInEvent(event)
        self._paint_ground(selected=not self._detail.isHidden())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """No ring any more."""
        super().focusOutEvent(event)
        self._paint_ground(selected=not self._detail.isHidden())

    def _paint_ground(self, *, selected: bool) -> None:
        ground = T.bg3 if selected else "transparent"
        edge = T.t1 if self.hasFocus() else ground
        sheet = (
            f"QFrame#segmentRow {{ background: {ground}; border: 2px solid {edge};"
            f" border-radius: {M.radius_control}px; }}"
        )
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)

    def _recolour(self, colour: RgbColour) -> None:
        self._change(replace(self._style, colour=colour))

    def _fade(self, percent: int) -> None:
        if not self._quiet:
            self._change(replace(self._style, opacity=percent / _PERCENT))

    def _change(self, style: SegmentStyle) -> None:
        self.styled.emit(self._segment.number, style)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 8, 2)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.eye)
        row.addWidget(self.swatch)
        row.addWidget(self.name, 1)
        row.addWidget(self.volume)
        row.addWidget(self.unit)
        column.addLayout(row)
        detail = QVBoxLayout(self._detail)
        detail.setContentsMargins(2 * M.mini_button + 12, 0, 0, 4)
        detail.setSpacing(2)
        fade = QHBoxLayout()
        fade.setSpacing(8)
        fade.addWidget(label("Opacity", "caption", "t2"))
        fade.addWidget(self.opacity, 1)
        fade.addWidget(self.percent)
        detail.addLayout(fade)
        detail.addWidget(self.values)
        column.addWidget(self._detail)


def slider(name: str) -> QSlider:
    """A slider of 0 to 100 with a name for screen readers."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(0, _PERCENT)
    made.setPageStep(10)
    made.setAccessibleName(name)
    made.setToolTip(name)
    return made


def volume_text(ml: float) -> str:
    """Millilitres with one decimal, with more where there is little."""
    return f"{ml:.1f}" if ml >= 1 or ml == 0 else f"{ml:.3f}"


def values_text(found: LabelStatistics | None) -> str:
    """Mean, SD and range of the image inside a label, with the unit; "" where nothing was counted."""
    if found is None or not found.counted:
        return ""
    mean = f"Mean {found.mean:.4g}  SD {found.sd:.3g}  {found.units}".rstrip()
    return f"{mean}  ·  {found.smallest:.4g} to {found.largest:.4g}"
