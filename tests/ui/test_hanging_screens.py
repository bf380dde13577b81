"""A further window on two monitors: it takes the free one and remembers which it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from medvision_desktop import paths

_PROGRAM = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication, QMainWindow
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.side_windows import SideWindows
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases

def room(state):
    main = QMainWindow()
    viewer = ViewerModel(cases.bench(), lanes, Notifier(str), read=cases.Shelf())
    grid = ViewerGrid(viewer)
    main.setCentralWidget(grid)
    main.resize(1000, 700)
    main.show()
    return main, SideWindows(main, grid, viewer, Notifier(str), lambda _: None, state)

app = QApplication([])
stylesheet.apply(app)
lanes = Lanes(lambda error: sys.exit(str(error)))
state = Path(sys.argv[1])
found = []
main, first = room(state)
number = first.open()
window = first.open_ones[number]
found.append((window.screen().name(), main.screen().name()))
window.setGeometry(1500, 100, 900, 700)
first.leave()
main, second = room(state)
second.reopen()
(window,) = second.open_ones.values()
found.append((window.screen().name(), list(window.geometry().getRect())))
second.leave()
lanes.close()
print(json.dumps(found))
"""


def test_a_window_goes_to_the_free_screen_and_back_to_its_place(tmp_path: Path) -> None:
    screen = {"y": 0, "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
    left = {**screen, "name": "left", "x": 0, "width": 1280, "height": 800}
    right = {**screen, "name": "right", "x": 1280, "width": 1920, "height": 1080}
    setup = tmp_path / "screens.json"
    setup.write_text(
        json.dumps(
            {
                "synchronousWindowSystemEvents": False,
                "windowFrameMargins": False,
                "screens": [left, right],
            }
        )
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": f"offscreen:configfile={setup}"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "window.ini")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=paths.root(),
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["right", "left"], ["right", [1500, 100, 900, 700]]]
