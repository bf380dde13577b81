"""Window presets of one modality, on the keys 1 to 9, edited in a small table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from medvision_desktop.pixels.presets import Preset
from medvision_desktop.services import preset_table
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_COLUMNS: Final = ("Name", "Centre", "Width", "Low %", "High %")
_ROWS: Final = 9
_ROW_PX: Final = 30


class PresetSheet(Sheet):
    """`save(presets)` keeps them; it is called with None to go back to those that ship.

    A fault is said in one sentence below the table, and nothing is saved.
    """

    def __init__(
        self,
        window: QWidget,
        modality: str,
        presets: Sequence[Preset],
        save: Callable[[tuple[Preset, ...] | None], None],
    ) -> None:
        super().__init__(window, f"Window presets for {modality}", width=560)
        self._save_presets = save
        self.table = QTableWidget(_ROWS, len(_COLUMNS))
        self.table.setAccessibleName(f"Window presets for {modality}")
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.setVerticalHeaderLabels([str(key) for key in range(1, _ROWS + 1)])
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.table.setFont(fonts.font("body"))
        self.table.setTabKeyNavigation(False)
        head = self.table.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        for column in range(1, len(_COLUMNS)):
            self.table.setColumnWidth(column, 80)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setFixedHeight((_ROWS + 1) * _ROW_PX + 14)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fault = label("", "caption", "warn")
        self.fault.setWordWrap(True)
        self.fault.setMinimumHeight(36)
        note = label("A centre and a width, or two percentiles; neither is the default.", "caption", "t3")
        for widget in (self.table, note, self.fault):
            self.body.addWidget(widget)
        self.shipped = Button("As shipped", kind="quiet")
        self.save = Button("Save", kind="primary")
        self.shipped.clicked.connect(self._reset)
        self.save.clicked.connect(self._save)
        self.footer.addWidget(self.shipped)
        self.footer.addStretch(1)
        self.footer.addWidget(self.save)
        self.setFocusProxy(self.table)
        self._quantities = {preset.key: preset.quantity for preset in presets}
        self._fill(presets)

    def _fill(self, presets: Sequence[Preset]) -> None:
        for preset in presets:
            window, percent = preset.window, preset.percentiles
            numbers = (window.center, window.width) if window is not None else (None, None)
            texts = (preset.name, *numbers, *(percent if percent is not None else (None, None)))
            for column, value in enumerate(texts):
                text = value if isinstance(value, str) else "" if value is None else f"{value:g}"
                self.table.setItem(preset.key - 1, column, QTableWidgetItem(text))
        self.table.setCurrentCell(0, 0)

    def _save(self) -> None:
        try:
            presets = preset_table.checked(
                [preset for row in range(_ROWS) if (preset := self._preset(row)) is not None]
            )
        except ValueError as error:
            self.fault.setText(str(error))
            return
        self._save_presets(presets)
        self.close()

    def _reset(self) -> None:
        self._save_presets(None)
        self.close()

    def _preset(self, row: int) -> Preset | None:
        name, *cells = (self._text(row, column) for column in range(len(_COLUMNS)))
        if not name and not any(cells):
            return None
        return preset_table.made(
            row + 1,
            name,
            window=_pair(cells[:2], row),
            percentiles=_pair(cells[2:], row),
            quantity=self._quantities.get(row + 1, ""),
        )

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return "" if item is None else item.text().strip()


def _pair(texts: list[str], row: int) -> tuple[float, float] | None:
    return (_number(texts[0], row), _number(texts[1], row)) if any(texts) else None


def _number(text: str, row: int) -> float:
    try:
        return float(text.replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        raise ValueError(f"“{text}” on key {row + 1} is not a number.") from None
