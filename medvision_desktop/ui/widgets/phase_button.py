"""The tool bar's menu of the volumes of a series that has several: times, b-values, echoes."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.viewmodels import phases
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.widgets.menu_button import MenuButton

_MOST_LISTED: Final = 400


class PhaseButton(MenuButton):
    """Says which volume of how many is shown on the active pane; hidden where there is one only.

    `came`: it is there now, or gone, so that others must make room.
    """

    came = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__("Volume of the series", parent)
        self._viewer = viewer
        self.choices.aboutToShow.connect(self._fill)
        viewer.changed.connect(self.refresh)
        viewer.activeChanged.connect(self.refresh)
        self.hide()
        self.refresh()

    def refresh(self) -> None:
        """Show the active pane's volume."""
        loaded = phases.of(self._viewer.active_pane)
        if loaded is not None and loaded.phase is not None:
            label = loaded.phases[loaded.phase].label
            self.say(f"{loaded.phase + 1} of {len(loaded.phases)}", "square-stack")
            keys = f"{key_text('phase.previous')}, {key_text('phase.next')}"
            self.setToolTip(f"Volume: {label} ({keys})")
            self.setAccessibleName(f"Volume: {label}")
        if self.isHidden() is (loaded is not None):
            self.setVisible(loaded is not None)
            self.came.emit()

    def _fill(self) -> None:
        self.choices.clear()
        loaded = phases.of(self._viewer.active_pane)
        if loaded is None or loaded.phase is None:
            return
        first = max(0, min(loaded.phase - _MOST_LISTED // 2, len(loaded.phases) - _MOST_LISTED))
        for number, phase in list(enumerate(loaded.phases))[first : first + _MOST_LISTED]:
            action = self.choices.addAction((phase.label or f"Volume {number + 1}").replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(number == loaded.phase)
            action.triggered.connect(partial(self._choose, number))

    def _choose(self, number: int, _checked: bool = False) -> None:
        phases.choose(self._viewer, self._viewer.active, number)
