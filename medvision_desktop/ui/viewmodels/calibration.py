"""Which screens were measured, and the correction with which each is driven (PS3.14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from medvision_desktop.pixels import gsdf
from medvision_desktop.pixels.gsdf import Characteristic
from medvision_desktop.services import displays
from medvision_desktop.services.displays import MeasuredDisplay
from medvision_desktop.ui.viewmodels.corner_lines import long_date

UNCALIBRATED: Final = "Uncalibrated display"


class Calibration(QObject):
    """Measured displays of the reader's file. `changed`: a screen has another correction, or none."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._displays: dict[str, MeasuredDisplay] = {}
        self._tables: dict[str, NDArray[np.uint8]] = {}

    def use(self, path: Path) -> None:
        """Take a file into use, and keep there what is measured. Raises `SettingsInvalid`."""
        self._path = path
        self._take({})
        found = displays.load(path)
        if found:
            self._take(dict(found))

    def measured(self, screen: str) -> MeasuredDisplay | None:
        """What a screen was measured to give, by its name."""
        return self._displays.get(screen)

    def table(self, screen: str) -> NDArray[np.uint8] | None:
        """The driving level of each of 256 P-Values on a screen; None where it was not measured."""
        return self._tables.get(screen)

    def keep(self, screen: str, luminance: Sequence[float], day: date) -> None:
        """Keep luminances at the 18 levels. Raises `ValueError` in words, and `ExportFailed`."""
        curve = Characteristic(gsdf.MEASURED_LEVELS, tuple(luminance))
        self._change({**self._displays, screen: MeasuredDisplay(screen, day, curve)})

    def forget(self, screen: str) -> None:
        """Drive a screen without a correction again. Raises `ExportFailed`."""
        self._change({name: one for name, one in self._displays.items() if name != screen})

    def words(self, screen: str) -> tuple[str, str]:
        """State of a screen for the status bar, and what more there is to say of it."""
        found = self._displays.get(screen)
        if found is None:
            return UNCALIBRATED, "Grey levels are sent as they are. Measure the display to correct it."
        curve = found.characteristic
        ends = f"{curve.luminance[0]:.3g} to {curve.luminance[-1]:.4g} cd/m2, ratio {curve.ratio:.0f}"
        error = gsdf.worst_step(curve, self._tables[screen])
        return (
            f"GSDF from measurement of {long_date(found.measured.isoformat())}",
            f"{ends}; worst contrast step {error * 100:.0f} % off PS3.14, by computation.",
        )

    def _change(self, fresh: dict[str, MeasuredDisplay]) -> None:
        if self._path is not None:
            displays.save(self._path, tuple(fresh.values()))
        self._take(fresh)

    def _take(self, fresh: dict[str, MeasuredDisplay]) -> None:
        self._displays = fresh
        self._tables = {name: gsdf.correction(one.characteristic) for name, one in fresh.items()}
        self.changed.emit()
