"""One layer in the panel: its eye, its name and whose it is, how it is drawn, and its labels or colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, ParametricMap
from medvision_desktop.pixels.label_statistics import LabelStatistics
from medvision_desktop.pixels.parametric import COLOUR_MAPS
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.viewmodels.layer_style import LabelMode, LayerStyle, SegmentStyle
from medvision_desktop.ui.viewmodels.layers import LayerEntry
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.map_bar import MapBar
from medvision_desktop.ui.widgets.segment_row import SegmentRow, slider, volume_text
from medvision_desktop.ui.widgets.segmented import Segmented
from medvision_desktop.ui.widgets.text import elided, label

_PERCENT: Final = 100
_CHIPS: Final = {
    LayerOrigin.FILE: Chip("File", "file-text"),
    LayerOrigin.MODEL: Chip("AI", "sparkles", "ai"),
    LayerOrigin.READER: Chip("Yours", "user-pen", "accent"),
}


class LayerCard(QFrame):
    """`styled(uid, style)`, `picked(uid, number)`; `menuWanted(uid, position on screen)` for the rest."""

    styled = Signal(str, object)
    picked = Signal(str, int)
    menuWanted = Signal(str, QPoint)

    def __init__(self, entry: LayerEntry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entry = entry
        self._quiet = False
        self._eye_shows: tuple[bool, str] | None = None
        self.rows: dict[int, SegmentRow] = {}
        self.setObjectName("layerCard")
        self.setStyleSheet(
            f"QFrame#layerCard {{ border: none; border-bottom: 1px solid {T.line}; background: {T.bg1}; }}"
        )
        self.eye = IconButton("eye", "", kind="mini")
        self.title = elided("", "value")
        self.whose = Badge(_CHIPS[entry.layer.origin])
        self.more = IconButton("ellipsis", "More for this layer", kind="mini")
        self.notes = label("", "caption", "warn", wrap=True)
        self.opacity = slider("Opacity of the layer")
        self.percent = label("", "caption", "t2")
        self.modes = Segmented([(mode.value, mode.value) for mode in LabelMode], "Labels drawn as", self)
        self.bar = MapBar(self)
        self.colours = QToolButton(self)
        self.sum = label("", "caption", "t3", wrap=True)
        self._labels = QVBoxLayout()
        self._body = QWidget()  # all but the first line, put away while the layer is hidden
        self._lay_out()
        self.eye.clicked.connect(
            lambda: self._change(replace(self._style, visible=not self._style.visible))
        )
        self.modes.chosen.connect(lambda key: self._change(replace(self._style, mode=LabelMode(key))))
        self.opacity.valueChanged.connect(self._fade)
        self.more.clicked.connect(self._ask_menu)

    @property
    def _style(self) -> LayerStyle:
        return self._entry.style

    def show_entry(
        self, entry: LayerEntry, found: Mapping[int, LabelStatistics] | None, *, selected: int
    ) -> None:
        """Show a layer as it is now; `selected` is the label in work, 0 for none of this layer's."""
        self._quiet = True
        self._entry = entry
        style, layer = entry.style, entry.layer
        if self._eye_shows != (style.visible, layer.title):
            self._eye_shows = (style.visible, layer.title)
            self.eye.show_icon("eye" if style.visible else "eye-off")
            self.eye.rename(f"{'Hide' if style.visible else 'Show'} {layer.title}")
        self.title.setText(layer.title)
        notes = [*layer.badges, *(() if entry.is_saved else ("Not in the record",))]
        self.notes.setText("  ·  ".join(notes))
        self.notes.setVisible(bool(notes))
        if not self.opacity.isSliderDown():
            self.opacity.setValue(round(style.opacity * _PERCENT))
        self.percent.setText(f"{round(style.opacity * _PERCENT)} %")
        if isinstance(layer, LabelMap):
            self.modes.choose(style.mode.value)
            self._show_rows(layer, found, selected)
        else:
            self.bar.show_map(style.colour_map, layer.shown, layer.units)
            self.colours.setText(style.colour_map)
        self._body.setVisible(style.visible or selected > 0)
        self.setAccessibleName(f"{entry.word}, {'shown' if style.visible else 'hidden'}")
        self._quiet = False

    def _show_rows(
        self, layer: LabelMap, found: Mapping[int, LabelStatistics] | None, selected: int
    ) -> None:
        numbers = [segment.number for segment in layer.segments]
        for number in [number for number in self.rows if number not in numbers]:
            gone = self.rows.pop(number)
            gone.hide()
            gone.deleteLater()
        for segment in layer.segments:
            row = self.rows.get(segment.number)
            if row is None:
                row = self.rows[segment.number] = SegmentRow(segment)
                row.styled.connect(self._style_segment)
                row.picked.connect(lambda number: self.picked.emit(self._entry.uid, number))
                self._labels.addWidget(row)
            row.rename(segment)
            style = self._style.segments.get(segment.number, SegmentStyle(segment.colour))
            known = found.get(segment.number) if found is not None else None
            row.show_state(style, known, selected=segment.number == selected)
        total = sum(one.ml for one in found.values()) if found is not None else 0.0
        several = len(layer.segments) > 1 and found is not None
        words = f"All labels {volume_text(total)} mL. Volumes by voxel count." if several else ""
        self.sum.setText(words)
        self.sum.setVisible(several)

    def _style_segment(self, number: int, segment: SegmentStyle) -> None:
        self._change(self._style.with_segment(number, segment))

    def _fade(self, percent: int) -> None:
        if not self._quiet:
            self._change(replace(self._style, opacity=percent / _PERCENT))

    def _change(self, style: LayerStyle) -> None:
        if not self._quiet:
            self.styled.emit(self._entry.uid, style)

    def _ask_menu(self) -> None:
        self.menuWanted.emit(self._entry.uid, self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(M.pad_left - 6, 8, M.pad_right, 10)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self.eye)
        head.addWidget(self.title, 1)
        head.addWidget(self.whose)
        head.addWidget(self.more)
        column.addLayout(head)
        column.addWidget(self.notes)
        column.addWidget(self._body)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        look = QHBoxLayout()
        look.setSpacing(8)
        look.addSpacing(M.mini_button + 6)
        look.addWidget(label("Opacity", "caption", "t2"))
        look.addWidget(self.opacity, 1)
        look.addWidget(self.percent)
        is_map = isinstance(self._entry.layer, ParametricMap)
        if is_map:
            self._offer_colours()
            look.addWidget(self.colours)
        column.addLayout(look)
        for part in (self.bar, self.colours):
            part.setVisible(is_map)
        self.modes.setVisible(not is_map)
        if is_map:
            column.addWidget(self.bar)
        else:
            modes = QHBoxLayout()
            modes.addSpacing(M.mini_button + 6)
            modes.addWidget(self.modes)
            modes.addStretch(1)
            column.addLayout(modes)
        self._labels.setSpacing(0)
        column.addLayout(self._labels)
        column.addWidget(self.sum)

    def _offer_colours(self) -> None:
        menu = QMenu(self.colours)
        for name in COLOUR_MAPS:
            action = menu.addAction(name)
            action.triggered.connect(
                lambda _checked=False, name=name: self._change(replace(self._style, colour_map=name))
            )
        self.colours.setMenu(menu)
        self.colours.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.colours.setAccessibleName("Colour map")
        self.colours.setToolTip("Colour map")
