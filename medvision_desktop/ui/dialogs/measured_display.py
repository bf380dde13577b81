"""What a meter reads at 18 levels, entered for the screen that the window is on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from medvision_desktop.errors import ExportFailed
from medvision_desktop.pixels.gsdf import MEASURED_LEVELS
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels.calibration import Calibration
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_ROW_PX: Final = 26
_HEIGHT_PX: Final = (len(MEASURED_LEVELS) + 1) * _ROW_PX + 14


class MeasuredDisplaySheet(Sheet):
    """A table to fill in. A fault is said in one sentence below it, and nothing is saved.

    `show_patch(level)` puts the patch of a level on the screen.
    """

    def __init__(
        self, window: QWidget, calibration: Calibration, screen: str, show_patch: Callable[[int], object]
    ) -> None:
        super().__init__(window, "Measured display", width=460)
        self._calibration, self._screen, self._show_patch = calibration, screen, show_patch
        self.table = QTableWidget(len(MEASURED_LEVELS), 2)
        self.table.setAccessibleName(f"Luminance of {screen} at 18 levels")
        self.table.setHorizontalHeaderLabels(["Level", "Luminance in cd/m²"])
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.table.setFont(fonts.font("body"))
        self.table.setTabKeyNavigation(False)
        self.table.setFixedHeight(min(_HEIGHT_PX, window.height() - 280))
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        self._fill()
        note = label(
            f"{screen}. In the light of the room, at least an hour after it was switched on.",
            "caption",
            "t3",
            wrap=True,
        )
        self.fault = label("", "caption", "warn", wrap=True)
        self.fault.setMinimumHeight(34)
        for widget in (note, self.table, self.fault):
            self.body.addWidget(widget)
        self.patch = Button("Show the patch", kind="quiet")
        self.remove = Button("Remove", kind="quiet")
        self.save = Button("Save", kind="primary")
        self.patch.clicked.connect(self._patch)
        self.remove.clicked.connect(self._remove)
        self.save.clicked.connect(self._save)
        self.remove.setEnabled(calibration.measured(screen) is not None)
        self.footer.addWidget(self.patch)
        self.footer.addWidget(self.remove)
        self.footer.addStretch(1)
        self.footer.addWidget(self.save)
        self.setFocusProxy(self.table)

    def _fill(self) -> None:
        found = self._calibration.measured(self._screen)
        known = {}
        if found is not None:
            known = dict(zip(found.characteristic.levels, found.characteristic.luminance, strict=True))
        for row, level in enumerate(MEASURED_LEVELS):
            fixed = QTableWidgetItem(str(level))
            fixed.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(row, 0, fixed)
            value = known.get(level)
            self.table.setItem(row, 1, QTableWidgetItem("" if value is None else f"{value:g}"))
        self.table.setCurrentCell(0, 1)

    def _patch(self) -> None:
        self._show_patch(MEASURED_LEVELS[max(0, self.table.currentRow())])

    def _save(self) -> None:
        try:
            values = [self._value(row) for row in range(len(MEASURED_LEVELS))]
            self._calibration.keep(self._screen, values, date.today())  # noqa: DTZ011 - the reader's own day
        except (ValueError, ExportFailed) as error:
            self.fault.setText(str(error))
            return
        self.close()

    def _remove(self) -> None:
        try:
            self._calibration.forget(self._screen)
        except ExportFailed as error:
            self.fault.setText(str(error))
            return
        self.close()

    def _value(self, row: int) -> float:
        item = self.table.item(row, 1)
        words = "" if item is None else item.text().strip()
        try:
            return float(words.replace(",", "."))
        except ValueError:
            self.table.setCurrentCell(row, 1)
            missing = "There is no luminance" if not words else f"“{words}” is not a number"
            raise ValueError(f"{missing} at level {MEASURED_LEVELS[row]}.") from None
