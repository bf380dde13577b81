"""One label of a label map: eye, colour, name, volume, and for the label in work its opacity and values.

A map may have a hundred labels, so a row is one widget that paints itself; what only the label in work
shows is made when it is first taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget

from medvision_desktop.domain.labelmap import RgbColour, Segment
from medvision_desktop.pixels.label_statistics import LabelStatistics
from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.layer_style import SegmentStyle
from medvision_desktop.ui.widgets.colour_swatch import ColourMenu, paint_swatch
from medvision_desktop.ui.widgets.text import label

_PERCENT: Final = 100
_LINE: Final = 28
_EYE: Final = QRect(4, 3, M.mini_button, M.mini_button)
_SWATCH: Final = QRect(30, 3, M.mini_button, M.mini_button)
_NAME_X: Final = 58
_RIGHT: Final = 8
_UNIT: Final = "mL"


class SegmentRow(QWidget):
    """`styled(number, style)`: the reader looks at it in another way; `picked(number)`: work on it.

    Enter takes the label, Space is its eye, C its colour; the mouse has a place for each.
    """

    styled = Signal(int, object)
    picked = Signal(int)

    def __init__(self, segment: Segment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segment = segment
        self._style = SegmentStyle(segment.colour)
        self._found: LabelStatistics | None = None
        self._selected = False
        self._detail: _Detail | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(_LINE)

    @property
    def segment(self) -> Segment:
        """The label of this row."""
        return self._segment

    @property
    def volume(self) -> str:
        """Its volume in words; "" while it is not known."""
        return "" if self._found is None else volume_text(self._found.ml)

    @property
    def opacity(self) -> QSlider | None:
        """The slider of the label in work; None before it was ever taken."""
        return self._detail.slider if self._detail is not None else None

    def rename(self, segment: Segment) -> None:
        """The label has another name."""
        self._segment = segment

    def show_state(self, style: SegmentStyle, found: LabelStatistics | None, *, selected: bool) -> None:
        """Show look and numbers; the label in work shows its opacity and what lies inside."""
        self._style, self._found, self._selected = style, found, selected
        if selected and self._detail is None:
            self._detail = _Detail(self._segment.label, self)
            self._detail.slider.valueChanged.connect(self._fade)
            column = QVBoxLayout(self)
            column.setContentsMargins(_NAME_X, _LINE, _RIGHT, 4)
            column.addWidget(self._detail)
        if self._detail is not None:
            self._detail.show_state(style, found)
            self._detail.setVisible(selected)
        self.updateGeometry()
        if self.toolTip() != self._segment.label:
            self.setToolTip(self._segment.label)
        spoken = [self._segment.label, "shown" if style.visible else "hidden"]
        if found is not None:
            spoken.append(f"{volume_text(found.ml)} millilitres")
        self.setAccessibleName(", ".join([*spoken, *(("in work",) if selected else ())]))
        self.update()

    def sizeHint(self) -> QSize:
        """One line, or as much as the label in work shows."""
        if self._selected and self._detail is not None:
            return QSize(200, _LINE + self._detail.sizeHint().height() + 4)
        return QSize(200, _LINE)

    def minimumSizeHint(self) -> QSize:
        """Never less than what it shows."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, eye, colour, name and volume."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self._selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(T.bg3))
            painter.drawRoundedRect(area, M.radius_control, M.radius_control)
        if self.hasFocus():
            painter.setPen(QPen(QColor(T.t1), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, M.radius_control, M.radius_control)
        icon = "eye" if self._style.visible else "eye-off"
        drawn = icons.pixmap(icon, T.t2, M.chip_icon, 2.0, self.devicePixelRatioF())
        inset = (M.mini_button - M.chip_icon) // 2
        painter.drawPixmap(_EYE.topLeft() + QPoint(inset, inset), drawn)
        paint_swatch(painter, QRectF(_SWATCH), self._style.colour)
        self._paint_words(painter)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        right = float(self.width() - _RIGHT)
        if self._found is not None:
            painter.setFont(fonts.font("caption"))
            painter.setPen(QColor(T.t3))
            right -= QFontMetricsF(painter.font()).horizontalAdvance(_UNIT)
            painter.drawText(QRectF(right, 0, 40, _LINE), middle, _UNIT)
            right -= 6
            painter.setFont(fonts.font("value"))
            painter.setPen(QColor(T.t1))
            width = QFontMetricsF(painter.font()).horizontalAdvance(self.volume) + 1
            right -= width
            painter.drawText(QRectF(right, 0, width, _LINE), middle, self.volume)
            right -= 8
        painter.setFont(fonts.font("label"))
        painter.setPen(QColor(T.t1 if self._style.visible else T.t3))
        metrics = QFontMetricsF(painter.font())
        name = metrics.elidedText(self._segment.label, Qt.TextElideMode.ElideRight, right - _NAME_X)
        painter.drawText(QRectF(_NAME_X, 0, right - _NAME_X, _LINE), middle, name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The eye, the colour, or the label to work on."""
        at = event.position().toPoint()
        if _EYE.contains(at):
            self._toggle()
        elif _SWATCH.contains(at):
            self._ask_colour()
        else:
            self.picked.emit(self._segment.number)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter takes the label, Space is its eye, C its colour."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(self._segment.number)
        elif event.key() == Qt.Key.Key_Space:
            self._toggle()
        elif event.key() == Qt.Key.Key_C:
            self._ask_colour()
        else:
            super().keyPressEvent(event)

    def _change(self, style: SegmentStyle) -> None:
        """Known here at once, so that a second press starts from the first; the panel follows."""
        self._style = style
        self.styled.emit(self._segment.number, style)

    def _toggle(self) -> None:
        self._change(replace(self._style, visible=not self._style.visible))

    def _ask_colour(self) -> None:
        menu = ColourMenu(self)
        menu.picked.connect(self._recolour)
        menu.popup(self.mapToGlobal(_SWATCH.bottomLeft()))

    def _recolour(self, colour: RgbColour) -> None:
        self._change(replace(self._style, colour=colour))

    def _fade(self, percent: int) -> None:
        if self._detail is not None and not self._detail.is_quiet:
            self._change(replace(self._style, opacity=percent / _PERCENT))


class _Detail(QWidget):
    """Opacity of the label in work, and what lies inside of it."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.is_quiet = False
        self.slider = slider(f"Opacity of {name}")
        self._percent = label("", "caption", "t2")
        self._values = label("", "caption", "t3")
        fade = QHBoxLayout()
        fade.setSpacing(8)
        fade.addWidget(label("Opacity", "caption", "t2"))
        fade.addWidget(self.slider, 1)
        fade.addWidget(self._percent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(fade)
        column.addWidget(self._values)

    def show_state(self, style: SegmentStyle, found: LabelStatistics | None) -> None:
        """Show these without telling anybody."""
        self.is_quiet = True
        if not self.slider.isSliderDown():
            self.slider.setValue(round(style.opacity * _PERCENT))
        self._percent.setText(f"{round(style.opacity * _PERCENT)} %")
        self._values.setText(values_text(found))
        self._values.setVisible(bool(self._values.text()))
        self.is_quiet = False


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
