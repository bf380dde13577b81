"""Training a model on the reader's own images: curves, time left, pause, stop, resume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from medvision_desktop.services import school
from medvision_desktop.services.school import Epoch, Plan
from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.school import SchoolModel, TrainingState
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.curve_plot import CurvePlot, Line
from medvision_desktop.ui.widgets.decision_fields import titled
from medvision_desktop.ui.widgets.progress_row import ProgressLine
from medvision_desktop.ui.widgets.sheet import Sheet
from medvision_desktop.ui.widgets.text import label

_WIDTH: Final = 720
_MOST_THREADS: Final = 64
_AS_IT_IS: Final = "As the recipe says"
_OTHER: Final = "Another recipe file"
_LEVELS: Final = ("1: one epoch, to try it", "2: short", "3: middle", "4: long", "5: longest")
_FIRST: Final = (
    "Before anything is learnt the data is checked: copies, people on both sides, labels that disagree."
)
_MINUTE_S: Final = 60


class TrainingSheet(Sheet):
    """Closing the sheet leaves the run going; opening it again shows it. `data`: a folder to offer."""

    def __init__(self, window: QWidget, model: SchoolModel, data: str = "") -> None:
        super().__init__(window, "Train a model", width=min(_WIDTH, window.width() - 48))
        self._model = model
        self._fields(data)
        self.loss = CurvePlot("Loss")
        self.score = CurvePlot("AUROC or Dice on validation people")
        curves = QHBoxLayout()
        curves.setSpacing(12)
        curves.addWidget(self.loss)
        curves.addWidget(self.score)
        self.body.addLayout(curves)
        self.line = ProgressLine()
        self.said = label("", "caption", "t2", wrap=True)
        self.said.setMinimumHeight(34)
        self.body.addWidget(self.line)
        self.body.addWidget(self.said)
        self._buttons()
        model.changed.connect(self._show)
        model.progressed.connect(self._show_progress)
        self.setFocusProxy(self.recipe)
        self._choose()
        self._show()

    def _fields(self, data: str) -> None:
        self.recipe = _combo("Recipe")
        for path in school.recipes():
            self.recipe.addItem(path.stem, path)
        self.recipe.addItem(_OTHER, None)
        self.recipe.activated.connect(self._on_recipe)
        self.level = _combo("Level")
        for number, words in enumerate((_AS_IT_IS, *_LEVELS)):
            self.level.addItem(words, number)
        self.threads = QSpinBox()
        self.threads.setRange(1, _MOST_THREADS)
        self.threads.setAccessibleName("Threads of the CPU")
        self.threads.setFont(fonts.font("body"))
        self.threads.setFixedHeight(M.control)
        self.data = QLineEdit(data)
        self.data.setAccessibleName("Folder of images")
        self.data.setPlaceholderText("The folder that the recipe's data folder lies in")
        self.browse = Button("Choose", "folder-open", size="small")
        self.browse.clicked.connect(self._browse)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(12)
        first.addLayout(titled("Recipe", self.recipe), 3)
        first.addLayout(titled("Level", self.level), 3)
        first.addLayout(titled("Threads", self.threads), 1)
        second.addWidget(self.data, 1)
        second.addWidget(self.browse)
        self.body.addLayout(first)
        self.body.addLayout(second)

    def _buttons(self) -> None:
        self.stop = Button("Stop", "x", kind="quiet")
        self.pause = Button("Pause", "circle-pause")
        self.start = Button("Train", "arrow-right", kind="primary")
        self.stop.clicked.connect(self._model.stop)
        self.pause.clicked.connect(self._on_pause)
        self.start.clicked.connect(self._on_start)
        self.footer.addWidget(self.stop)
        self.footer.addStretch(1)
        self.footer.addWidget(self.pause)
        self.footer.addWidget(self.start)

    @property
    def chosen(self) -> Path:
        """The recipe that is chosen."""
        return Path(self.recipe.currentData() or "")

    def _on_recipe(self, index: int) -> None:
        if self.recipe.itemData(index) is not None:
            self._choose()
            return
        dialog = QFileDialog(self.window(), "Choose a recipe")
        dialog.setNameFilter("Recipes (*.toml)")
        dialog.fileSelected.connect(self.use_recipe)
        dialog.rejected.connect(lambda: self.recipe.setCurrentIndex(0))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def use_recipe(self, name: str) -> None:
        """Offer a recipe file and choose it."""
        path = Path(name)
        self.recipe.insertItem(0, path.stem, path)
        self.recipe.setCurrentIndex(0)
        self._choose()

    def _choose(self) -> None:
        self._model.choose(self.chosen)

    def _browse(self) -> None:
        dialog = QFileDialog(self.window(), "Choose the folder of images")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.fileSelected.connect(self.data.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_start(self) -> None:
        words = self.data.text().strip()
        if not words:
            self.said.setText("Choose the folder of images first.")
            self.data.setFocus()
            return
        resume = self._model.can_resume(self.chosen)
        level, threads = int(self.level.currentData()), self.threads.value()
        self._model.start(Plan(self.chosen, Path(words).expanduser(), level, threads, resume))

    def _on_pause(self) -> None:
        if self._model.state is TrainingState.PAUSED:
            self._model.go_on()
        else:
            self._model.pause()

    def _show(self) -> None:
        state = self._model.state
        idle = state is TrainingState.IDLE
        resumable = idle and self._model.can_resume(self.chosen)
        for widget in (self.recipe, self.data, self.browse, self.threads):
            widget.setEnabled(idle)
        self.level.setEnabled(idle and not resumable)  # a run keeps the level that it was begun with
        self.start.setText("Resume" if resumable else "Train")
        self.start.setEnabled(idle)
        paused = state is TrainingState.PAUSED
        self.pause.setText("Go on" if paused else "Pause")
        self.pause.setEnabled(state in (TrainingState.RUNNING, TrainingState.PAUSED))
        self.stop.setEnabled(state in (TrainingState.RUNNING, TrainingState.PAUSED))
        self._show_progress()

    def _show_progress(self) -> None:
        model = self._model
        self.line.setVisible(model.state is not TrainingState.IDLE)
        self.line.show_fraction(model.progress.fraction)
        self.said.setText(self._words())
        self.loss.show_lines(lines(model.epochs, "loss"))
        self.score.show_lines(lines(model.epochs, "score"))

    def _words(self) -> str:
        model = self._model
        text = model.progress.text or "Starting"
        if model.state is TrainingState.IDLE:
            return model.outcome or _FIRST
        if model.state is TrainingState.PAUSED:
            return f"Paused. {text}."
        if model.state is TrainingState.STOPPING:
            return "Stopping."
        left = model.seconds_left
        return f"{text}{'' if left is None else f', {time_left(left)} left of this part'}."


def lines(epochs: Sequence[Epoch], what: str) -> tuple[Line, ...]:
    """One line a part of the run: (epoch, value) of `loss` or `score`, epochs without one left out."""
    parts: dict[str, list[tuple[int, float]]] = {}
    for epoch in epochs:
        value = epoch.loss if what == "loss" else epoch.score
        if value is not None and value == value:
            parts.setdefault(epoch.part, []).append((epoch.number, value))
    return tuple((part, tuple(points)) for part, points in parts.items())


def time_left(seconds: float) -> str:
    """In words, no finer than is known: `2 h 10 min`, `12 min`, `under a minute`."""
    if seconds < _MINUTE_S:
        return "under a minute"
    hours, minutes = divmod(round(seconds / _MINUTE_S), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def _combo(name: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setFont(fonts.font("body"))
    return combo
