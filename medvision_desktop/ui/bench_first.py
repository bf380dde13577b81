"""From picking a series in the list to its first slice in the painted pane."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QApplication

from medvision_desktop.errors import ChildFailed
from medvision_desktop.paths import Locations
from medvision_desktop.services.open_study import index
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.ui import bench_view
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.image_pane import ImagePane
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes

_LIMIT_S: Final = 30.0


def measure(folder: Path, repeats: int) -> list[float]:
    """Milliseconds, `repeats` times, each with nothing in memory. Raises `ChildFailed` without a paint."""
    application = bench_view.the_application()
    fonts.install(application)
    (study,) = index([folder], scratch=folder).studies
    nowhere = Path(os.devnull)
    bench = Workbench(Settings(), Locations(nowhere, nowhere, nowhere))
    lanes = Lanes(_raise)
    viewer = ViewerModel(bench, lanes, Notifier(lambda error: type(error).__name__))
    pane = ImagePane(viewer, 0)
    pane.resize(*bench_view.PANE)
    pane.show()
    times = []
    try:
        for turn in range(repeats + 1):
            application.processEvents()
            painted = bench_view.Painted(lambda: viewer.panes[0].shown is not None)
            pane.canvas.installEventFilter(painted)
            began = time.perf_counter()
            viewer.open(study, study.series[0], pane=0)
            _wait(application, painted, began)
            if turn:  # the first time libraries are imported
                times.append((time.perf_counter() - began) * 1000)
            pane.canvas.removeEventFilter(painted)
            lanes.drain()
            viewer.close_study(study.key)
    finally:
        pane.close()
        lanes.close()
        bench.close()
    return times


def _wait(application: QApplication, painted: bench_view.Painted, began: float) -> None:
    while not painted.count:
        application.processEvents()
        if time.perf_counter() - began > _LIMIT_S:
            raise ChildFailed("The slice was not painted.", f"The limit is {_LIMIT_S:g} s.")


def _raise(error: Exception) -> None:
    raise error
