"""Training from the window: starts, shows its curve, waits, stops, and can be resumed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.errors import ChildFailed
from medvision_desktop.paths import Locations
from medvision_desktop.services import school
from medvision_desktop.ui.dialogs.training import TrainingSheet, time_left
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.school import SchoolModel, TrainingState
from medvision_desktop.work import CancelToken, Progress, ProgressSink


class Child:
    """Stands for the training child: an epoch is ten steps; writes history as a run does."""

    def __init__(self, epochs: int = 400, fault: Exception | None = None) -> None:
        self.epochs = epochs
        self.fault = fault
        self.asked: dict[str, Any] = {}
        self.steps = 0

    def request(
        self, operation: str, arguments: Mapping[str, Any], *, progress: ProgressSink, cancel: CancelToken
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        assert operation == "train"
        self.asked = dict(arguments)
        if self.fault is not None:
            raise self.fault
        run = Path(arguments["recipe"]).parent
        for epoch in range(1, self.epochs + 1):
            for step in range(10):
                cancel.check()
                self.steps += 1
                done = (epoch - 1) * 10 + step + 1
                progress(Progress(done, self.epochs * 10, f"Epoch {epoch} of {self.epochs}, loss 0.5"))
                time.sleep(0.002)
            (run / "checkpoint.safetensors").touch()
            with (run / "history.jsonl").open("a", encoding="utf-8") as handle:
                line = {"epoch": epoch, "loss": 1 / epoch, "auroc": 0.9, "seconds": 1.0}
                handle.write(json.dumps(line) + "\n")
        return {"package": str(run.parent.parent / "models" / "tiny")}, {}

    def kill(self) -> None:
        """Nothing runs outside of this process."""

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text('name = "tiny"\n', encoding="utf-8")
    return path


@pytest.fixture
def child() -> Child:
    return Child()


@pytest.fixture
def model(qtbot: QtBot, locations: Locations, child: Child) -> Iterator[SchoolModel]:
    made = SchoolModel(locations, Notifier(lambda _: "0"), child=child)  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def sheet(qtbot: QtBot, model: SchoolModel, recipe: Path, tmp_path: Path) -> TrainingSheet:
    window = QWidget()
    window.resize(1000, 800)
    qtbot.addWidget(window)
    window.show()
    made = TrainingSheet(window, model, str(tmp_path))
    made.use_recipe(str(recipe))
    made.open_at()
    return made


def _click(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_run_shows_its_curve_and_is_asked_for_what_was_chosen(
    qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel, child: Child, tmp_path: Path
) -> None:
    sheet.level.setCurrentIndex(2)
    sheet.threads.setValue(3)
    _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: len(model.epochs) >= 2, timeout=10_000)
    assert child.asked["level"] == 2
    assert child.asked["threads"] == 3
    assert child.asked["data"] == str(tmp_path)
    assert [epoch.number for epoch in model.epochs[:2]] == [1, 2]
    assert model.epochs[1].loss == pytest.approx(0.5)
    assert "epoch" in sheet.loss.accessibleDescription()
    assert not sheet.start.isEnabled()
    _click(qtbot, sheet.stop)
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)


def test_a_paused_run_stands_still_and_goes_on(
    qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel, child: Child
) -> None:
    _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: child.steps > 20, timeout=10_000)
    _click(qtbot, sheet.pause)
    assert model.state is TrainingState.PAUSED
    qtbot.wait(100)
    stood = child.steps
    qtbot.wait(150)
    assert child.steps == stood
    assert sheet.pause.text() == "Go on"
    _click(qtbot, sheet.pause)
    qtbot.waitUntil(lambda: child.steps > stood + 5, timeout=10_000)
    _click(qtbot, sheet.stop)
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)


def test_a_stopped_run_is_resumed_and_keeps_its_level(
    qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel, child: Child
) -> None:
    _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: child.steps > 25, timeout=10_000)
    _click(qtbot, sheet.pause)
    _click(qtbot, sheet.stop)
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)
    assert "resumed" in sheet.said.text()
    assert sheet.start.text() == "Resume"
    assert not sheet.level.isEnabled()
    before = child.steps
    _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: child.steps > before, timeout=10_000)
    _click(qtbot, sheet.stop)
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)


def test_a_failed_run_says_why_and_that_nothing_is_lost(
    qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel, child: Child
) -> None:
    child.fault = ChildFailed("A helper process ended.", "It ended with SIGKILL.", "Try again.")
    with qtbot.waitSignal(model.changed, timeout=10_000, check_params_cb=None):
        _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)
    assert "kept" in sheet.said.text()


def test_without_a_folder_nothing_starts(qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel) -> None:
    sheet.data.clear()
    _click(qtbot, sheet.start)
    assert model.state is TrainingState.IDLE
    assert "folder of images" in sheet.said.text()


def test_closing_the_sheet_leaves_the_run_going(
    qtbot: QtBot, sheet: TrainingSheet, model: SchoolModel, child: Child, tmp_path: Path
) -> None:
    window = sheet.parentWidget()
    _click(qtbot, sheet.start)
    qtbot.waitUntil(lambda: child.steps > 5, timeout=10_000)
    sheet.close()
    before = child.steps
    qtbot.waitUntil(lambda: child.steps > before + 5, timeout=10_000)
    again = TrainingSheet(window, model, str(tmp_path))
    assert again.stop.isEnabled()
    assert not again.start.isEnabled()
    model.stop()
    qtbot.waitUntil(lambda: model.state is TrainingState.IDLE, timeout=10_000)


def test_time_left_is_worked_out_from_the_pace(qtbot: QtBot, locations: Locations, recipe: Path) -> None:
    now, steps = [0.0], threading.Semaphore(0)

    class Slow(Child):
        def request(self, operation: str, arguments: Mapping[str, Any], **given: Any) -> Any:
            for step in range(1, 11):
                while not steps.acquire(timeout=0.01):
                    given["cancel"].check()
                given["progress"](Progress(step, 100, "Epoch 1 of 1, loss 0.5"))
            raise ChildFailed("A helper process ended.")

    model = SchoolModel(locations, Notifier(lambda _: "0"), child=Slow(), clock=lambda: now[0])  # type: ignore[arg-type]
    model.start(school.Plan(recipe, recipe.parent))
    for step in range(1, 6):
        now[0] = 60.0 * step
        qtbot.wait(110)  # a lane reports ten times a second
        steps.release()
        qtbot.waitUntil(lambda done=step: model.progress.done == done, timeout=10_000)
    assert model.seconds_left == pytest.approx(60.0 * 95)
    assert time_left(model.seconds_left or 0) == "1 h 35 min"
    model.close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "under a minute"), (150, "2 min"), (3600, "1 h 00 min"), (9000, "2 h 30 min")],
)
def test_time_left_in_words(seconds: float, words: str) -> None:
    assert time_left(seconds) == words


def test_a_cut_line_of_history_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "cross0").mkdir()
    (tmp_path / "cross0" / "history.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "lo')
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "loss": 0.4, "dice": 0.8}\n[]\nnull\n')
    found = school.history(tmp_path)
    assert [(epoch.part, epoch.loss, epoch.score) for epoch in found] == [
        ("cross0", 0.5, None),
        ("", 0.4, 0.8),
    ]


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".."])
def test_a_recipe_cannot_name_a_folder_elsewhere(tmp_path: Path, name: str) -> None:
    from medvision_desktop.errors import InputRefused

    path = tmp_path / "bad.toml"
    path.write_text(f"name = {json.dumps(name)}\n", encoding="utf-8")
    with pytest.raises(InputRefused):
        school.name_of(path)
