"""Sheets in the smallest windows: everything on them is in reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.header import HeaderRow
from medvision_desktop.services import hanging_table
from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.dialogs.hanging import HangingSheet
from medvision_desktop.ui.dialogs.keys import KeysSheet
from medvision_desktop.ui.dialogs.measured_display import MeasuredDisplaySheet
from medvision_desktop.ui.dialogs.palette import PaletteSheet
from medvision_desktop.ui.dialogs.presets import PresetSheet
from medvision_desktop.ui.dialogs.tags import TagSheet
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.calibration import Calibration
from medvision_desktop.ui.widgets.sheet import Sheet

_HEADER = tuple(HeaderRow(0, "(0008,0060)", "Modality", "CS", "CT") for _ in range(60))
_RULES = hanging_table.load(Path("/nowhere/hanging.toml"))
SHEETS: dict[str, Callable[[QWidget], Sheet]] = {
    "hanging": lambda window: HangingSheet(window, _RULES, lambda _: None),
    "keys": KeysSheet,
    "palette": lambda window: PaletteSheet(window, ACTIONS, lambda _: None),
    "presets": lambda window: PresetSheet(window, "CT", (), lambda _: None),
    "tags": lambda window: TagSheet(window, _HEADER, masked=False),
    "display": lambda window: MeasuredDisplaySheet(window, Calibration(), "EIZO 1", lambda _: None),
}


# The smallest window, and a screen of 1920 x 1080 at 150 %.
@pytest.mark.parametrize("size", [(1280, 800), (1280, 720)])
@pytest.mark.parametrize("name", SHEETS)
def test_the_whole_sheet_is_inside_the_window(
    qapp: QApplication, qtbot: QtBot, name: str, size: tuple[int, int]
) -> None:
    stylesheet.apply(qapp)
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(*size)
    window.show()
    sheet = SHEETS[name](window)
    sheet.open_at()
    QApplication.processEvents()
    assert window.rect().contains(sheet.geometry())
    sheet.close()
