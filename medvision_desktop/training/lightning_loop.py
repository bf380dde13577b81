"""The training loop on Lightning: any network, any feed, any loss; resumes to the bit at an epoch's edge.

Lightning does the steps: clipping, accumulation, mixed precision, several devices. Everything that a
resumed run depends on is ours, so that it is in one file that is data only: epoch, optimizer, best value
and history stand in `checkpoint.safetensors`. All randomness follows from (seed, epoch, index).
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import lightning.pytorch as lightning
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor, nn

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import checkpoint
from medvision_desktop.training.machine import Machine
from medvision_desktop.training.recipe import Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

NEWEST: Final = "checkpoint.safetensors"
BEST: Final = "best.safetensors"
HISTORY: Final = "history.jsonl"
_BACKBONE_SHARE: Final = 0.5
# Batch norm's running means keep 0.9 at each step: after fifty, half a percent of what they began with.
_SETTLED_STEPS: Final = 50


class Feed(Protocol):
    """What a network is taught with: items by index, changed by (epoch, index) alone."""

    def __len__(self) -> int:
        """How many items there are."""

    def batch(self, chosen: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor]:
        """Input and truth of the items with these indices in this epoch, on the CPU."""


@dataclass(frozen=True, eq=False)
class Course:
    """What is taught to whom. `loss` is given the network's answer and the truth of a batch.

    `judge` says how good the network is on people it does not learn from, larger is better; without it
    every epoch is run and the last one is kept. `judged_as` names its value in the history. `facts` are
    kept in the checkpoint beside the loop's state. `settle` is called at the end of an epoch while there
    were too few steps for running means to have forgotten what they began with.
    """

    recipe: Recipe
    network: nn.Module
    feed: Feed
    loss: Callable[[Any, Tensor], Tensor]
    folder: Path
    judge: Callable[[], float] | None = None
    judged_as: str = "auroc"
    facts: dict[str, float] = field(default_factory=dict)
    settle: Callable[[], None] | None = None


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """Learning-rate factor: linear warm-up, then half a cosine to zero."""
    warm = max(1, round(recipe.warmup_epochs * steps / recipe.epochs))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def thawed(network: nn.Module, every: int, epoch: int) -> None:
    """Freeze the stages of `network.features` that do not learn in this epoch yet, in place.

    `every` so many epochs one more stage learns, from the last one on; 0: all from the start; below 0:
    none. What does not learn keeps its batch statistics, too.
    """
    features = getattr(network, "features", None)
    if every == 0 or not isinstance(features, nn.Sequential):
        return
    # Activations and poolings have nothing to learn, so they are no stage.
    stages = [stage for stage in features if any(True for _ in stage.parameters())]
    learning = 0 if every < 0 else epoch // every + 1
    for place, stage in enumerate(stages):
        learns = place >= len(stages) - learning
        stage.requires_grad_(learns)
        stage.train(learns and network.training)


def fit(
    course: Course,
    *,
    machine: Machine = Machine(),
    begin: Callable[[], None] | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Train until the last epoch, early stopping or cancel; returns the loop state.

    `begin` is called where no checkpoint is there yet. Calling it again on the same folder goes on.
    Raises `Cancelled`.
    """
    lesson = _Lesson(course)
    newest = course.folder / NEWEST
    state: dict[str, Any] = {"epoch": 0, "best": -1.0, "best_epoch": -1, "seconds": 0.0, "history": []}
    state |= course.facts
    if newest.exists():
        state |= {"history": _lines(course.folder / HISTORY)}
        state |= checkpoint.read(newest, course.network, lesson.optimizer)
    elif begin is not None:
        begin()
    last = course.recipe.last_epoch or course.recipe.epochs
    if _finished(course, state, last):
        return state
    edge = _Edge(course, lesson, state, progress, cancel)
    lesson.state = state
    course.network.train()
    with _quietly():
        _trainer(course, machine, last - state["epoch"], edge).fit(lesson, _Lessons(lesson))
    return state


def _lines(path: Path) -> list[dict[str, Any]]:
    """The history of a run whose checkpoint does not hold it."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _finished(course: Course, state: dict[str, Any], last: int) -> bool:
    early = course.judge is not None and state["epoch"] - state["best_epoch"] > course.recipe.patience
    return bool(state["epoch"] >= last or early)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without Lightning's advertising and others' deprecations; deterministic mode ends with it."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    before = torch.are_deterministic_algorithms_enabled()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, message=".*LeafSpec.*")
            warnings.filterwarnings("ignore", category=UserWarning, module=r"lightning\..*")
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def _trainer(course: Course, machine: Machine, epochs: int, edge: _Edge) -> lightning.Trainer:
    accelerator = machine.accelerator
    if accelerator == "auto" and not torch.cuda.is_available():
        accelerator = "cpu"
    strategy = machine.strategy
    if strategy == "ddp" and course.recipe.thaw:
        strategy = "ddp_find_unused_parameters_true"
    try:
        return lightning.Trainer(
            max_epochs=epochs,
            accelerator=accelerator,
            devices=machine.devices,
            strategy=strategy,
            precision=_precision(course.recipe, accelerator),
            gradient_clip_val=course.recipe.clip_norm or None,
            accumulate_grad_batches=course.recipe.accumulate,
            # Some layers have no deterministic form on a GPU: there it is said, not refused.
            deterministic=True if accelerator == "cpu" else "warn",
            callbacks=[edge],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            default_root_dir=course.folder,
        )
    except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
        why = f"{' '.join(str(error).split())[:200]}"
        raise InputRefused("This machine cannot train in that way.", why, "Choose another.") from error


def _precision(recipe: Recipe, accelerator: str) -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    if recipe.precision != "mixed":
        return "32-true"
    return "bf16-mixed" if accelerator == "cpu" or torch.cuda.is_bf16_supported() else "16-mixed"


class _Lesson(lightning.LightningModule):
    """One course as Lightning wants it."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course, self.network = course, course.network
        self.state: dict[str, Any] = {}
        self.total = 0.0
        recipe, network = course.recipe, course.network
        backbone = [value for name, value in network.named_parameters() if name.startswith("features.")]
        rest = [value for name, value in network.named_parameters() if not name.startswith("features.")]
        groups = [(backbone, recipe.learning_rate * _BACKBONE_SHARE), (rest, recipe.learning_rate)]
        groups = [(values, rate) for values, rate in groups if values]
        self.peaks = [rate for _, rate in groups]
        self.optimizer = torch.optim.AdamW(
            [{"params": values, "lr": rate} for values, rate in groups], weight_decay=recipe.weight_decay
        )

    @property
    def per_epoch(self) -> int:
        """Batches an epoch; what does not fill the last one is left out."""
        return len(self.course.feed) // self.course.recipe.batch_size or 1

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        recipe, epoch = self.course.recipe, self.state["epoch"]
        steps = math.ceil(self.per_epoch / recipe.accumulate)
        factor = rate_at(recipe, epoch * steps + batch_idx // recipe.accumulate, recipe.epochs * steps)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:  # noqa: ARG002
        given, truth = batch
        loss = self.course.loss(self.network(given), truth)
        self.total += float(loss.detach())
        return loss


class _Lessons:
    """The batches of the epoch that the lesson stands at, in an order that follows from seed and epoch."""

    def __init__(self, lesson: _Lesson) -> None:
        self._lesson = lesson

    def __len__(self) -> int:
        return self._lesson.per_epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        lesson = self._lesson
        course, epoch = lesson.course, int(lesson.state["epoch"])
        size = course.recipe.batch_size
        order = np.random.default_rng((course.recipe.seed, epoch)).permutation(len(course.feed))
        rank, world = lesson.trainer.global_rank, lesson.trainer.world_size
        for step in range(lesson.per_epoch):
            chosen = order[step * size : (step + 1) * size]
            # Every device has as many, so that the mean over devices is the mean over the batch.
            share = np.resize(chosen, math.ceil(len(chosen) / world) * world)[rank::world]
            yield course.feed.batch(share, epoch)


class _Edge(Callback):
    """What happens at the edges of epochs and steps: judge, keep, write, stop."""

    def __init__(
        self,
        course: Course,
        lesson: _Lesson,
        state: dict[str, Any],
        progress: ProgressSink,
        cancel: CancelToken | None,
    ) -> None:
        self._course, self._lesson, self._state = course, lesson, state
        self._progress, self._cancel = progress, cancel
        self._began = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        recipe, epoch = self._course.recipe, self._state["epoch"]
        self._began, self._lesson.total = time.monotonic(), 0.0
        self._course.network.train()
        thawed(self._course.network, recipe.thaw, epoch)
        torch.manual_seed(recipe.seed * 1000 + epoch + 1_000_000 * trainer.global_rank)

    def on_train_batch_start(self, *_: Any) -> None:
        if self._cancel is not None:
            self._cancel.check()

    def on_train_batch_end(self, *given: Any) -> None:
        step = int(given[-1])
        recipe, epoch, each = self._course.recipe, self._state["epoch"], self._lesson.per_epoch
        text = f"Epoch {epoch + 1} of {recipe.epochs}, loss {self._lesson.total / (step + 1):.4f}"
        self._progress(Progress(epoch * each + step + 1, recipe.epochs * each, text))

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        course, state = self._course, self._state
        if course.settle is not None and (state["epoch"] + 1) * self._lesson.per_epoch < _SETTLED_STEPS:
            course.settle()
        value = float(state["epoch"]) if course.judge is None else course.judge()
        # All processes keep the judgement of the first, or they would stop at different epochs.
        value = float(trainer.strategy.broadcast(value))
        state["epoch"] += 1
        state["seconds"] += time.monotonic() - self._began
        loss = self._lesson.total / self._lesson.per_epoch
        line = {"epoch": state["epoch"], "loss": loss, "seconds": round(state["seconds"], 3)}
        line |= {} if course.judge is None else {course.judged_as: value if math.isfinite(value) else None}
        state["history"] = [*state["history"], line]
        better = value > state["best"] or state["best_epoch"] < 0
        if better:
            state["best"], state["best_epoch"] = value if math.isfinite(value) else -1.0, state["epoch"]
        if trainer.is_global_zero:
            self._write(better=better)
        trainer.strategy.barrier()
        last = course.recipe.last_epoch or course.recipe.epochs
        trainer.should_stop = _finished(course, state, last)

    def _write(self, *, better: bool) -> None:
        course, state = self._course, self._state
        if better:
            checkpoint.write(course.folder / BEST, course.network, None, state)
        checkpoint.write(course.folder / NEWEST, course.network, self._lesson.optimizer, state)
        lines = "".join(json.dumps(line) + "\n" for line in state["history"])
        (course.folder / HISTORY).write_text(lines, encoding="utf-8")
