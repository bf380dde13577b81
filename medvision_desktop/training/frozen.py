"""Training of a head alone: the backbone stays as it came, so its features are computed once and kept.

For few images. The head is a linear classifier on features from several depths and sizes, and attention
over places (see `modelkit.networks.attention`). How strongly it is held back, which features it uses and
whether it attends at all is chosen by people it was not fitted on: of a part of the cross-validation, by
the other parts in turn. So what is measured on a part was not chosen on it. Nothing is random.

    looks.npy     features of all places, float16, while the run lasts
    choices.csv   what was tried and the mean AUROC of the people left out, for each network of the run
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.networks.attention import PER_LOOK, WIDTHS, AttentionClassifier
from medvision_desktop.training import checkpoint, head_fit, metrics
from medvision_desktop.training.head_fit import Places
from medvision_desktop.training.loop import Statistics, batch_of
from medvision_desktop.training.recipe import Frozen, Recipe
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

Floats = NDArray[np.float32]
Turn = tuple[NDArray[np.int64], NDArray[np.int64]]

# Fixed, so that not even the brightness of people left out is known to the features.
SCALED: Final = Statistics(0.5, 0.25)
_BATCH: Final = 4
FEATURES: Final = ("all", "fine", "coarse", "last")


@dataclass(frozen=True)
class Choice:
    """How a head was fitted: its features, how strongly it and its attention are held; 0: none."""

    features: str
    ridge: float
    attention: float = 0.0


@dataclass(frozen=True, eq=False)
class Table:
    """Features of all images. `means` (n, f) float32 over places and both mirror images.

    `cells` (n, 2, places, f) float16, on disk.
    """

    means: Floats
    cells: NDArray[np.float16]


def train(
    recipe: Recipe,
    network: AttentionClassifier,
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
    folds: Sequence[str],
    run: Path,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """A network for each part of the cross-validation, and one of everybody; the last one's state.

    `pictures` (n, size, size) uint8, `labels` (n, classes) 0 or 1, `folds` the part of each. Without parts
    there is one network, of the training people, and the validation people choose. What is there
    already is not made again. Raises `InputRefused` for a recipe that is not frozen, and `Cancelled`.
    """
    found = recipe.frozen
    if found is None:
        raise InputRefused("The recipe cannot be trained.", "It has no [frozen] table.")
    began, named = time.monotonic(), np.array(folds)
    parts = tuple(sorted(set(folds))) if recipe.cross else ()
    state: dict[str, Any] = {}
    wanted = [(part, run / part) for part in parts] + [("", run)]
    if all((folder / "best.safetensors").exists() for _, folder in wanted):
        return checkpoint.read(run / "best.safetensors", network, None)
    kept = run / "looks.npy" if found.attention else None
    table = _looked(network, pictures, kept, progress, cancel)
    judged = [index for index, label in enumerate(recipe.labels) if label not in recipe.not_evaluated]
    for step, (part, folder) in enumerate(wanted):
        progress(Progress(step, len(wanted), "Fitting heads"))
        folder.mkdir(exist_ok=True)
        rows = np.nonzero(named != part if recipe.cross else named == "train")[0]
        tried = _tried(table, labels, _turns(rows, named), found, judged, cancel)
        choice = max(tried, key=lambda entry: entry[1])[0]
        _fit_into(network, table, labels, rows, choice)
        state = {"epoch": 1, "best": dict(tried)[choice], "best_epoch": 1}
        state |= {"mean": SCALED.mean, "std": SCALED.std, "seconds": time.monotonic() - began}
        checkpoint.write(folder / "best.safetensors", network, None, state)
        _write(folder / "choices.csv", tried)
    if kept is not None:
        kept.unlink()
    return state


def _looked(
    network: AttentionClassifier,
    pictures: NDArray[np.uint8],
    path: Path | None,
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> Table:
    """What the backbone finds in each picture and its mirror image, turned back; of places into a file."""
    network.eval()
    cells: Any = None
    means = np.empty((len(pictures), network.scaled.centre.numel()), dtype=np.float32)
    for start in range(0, len(pictures), _BATCH):
        if cancel is not None:
            cancel.check()
        progress(Progress(start, len(pictures), "Looking at every image once"))
        shown = [picture / np.float32(255) for picture in pictures[start : start + _BATCH]]
        batch = batch_of(shown, SCALED)
        with torch.inference_mode():
            both = [network.looks(batch), network.looks(batch.flip(3)).flip(3)]
        flat = torch.stack([found.flatten(2).transpose(1, 2) for found in both], dim=1)
        if cells is None and path is not None:
            shape = (len(pictures), *flat.shape[1:])
            cells = np.lib.format.open_memmap(path, "w+", np.dtype(np.float16), shape)
        if cells is not None:
            cells[start : start + _BATCH] = flat.half().numpy()
        means[start : start + _BATCH] = flat.mean(dim=(1, 2)).numpy()
    return Table(means, np.zeros((0, 2, 1, 1), dtype=np.float16) if cells is None else cells)


def columns(name: str, looks: int) -> NDArray[np.bool_]:
    """(f,) which features a choice uses: all, those of the first or last look, those of the last stage."""
    chosen = np.zeros((looks, PER_LOOK), dtype=bool)
    if name == "last":
        chosen[:, -WIDTHS[-1] :] = True
    else:
        chosen[{"all": slice(None), "fine": slice(0, 1), "coarse": slice(-1, None)}[name]] = True
    return chosen.ravel()


def _tried(
    table: Table,
    labels: NDArray[np.int64],
    turns: Sequence[Turn],
    found: Frozen,
    judged: Sequence[int],
    cancel: CancelToken | None,
) -> list[tuple[Choice, float]]:
    """Every choice with the mean AUROC of people left out in turn.

    Without attention first; then the best of these with it.
    """
    tried: list[tuple[Choice, float]] = []
    rows = np.concatenate([out for _, out in turns])
    looks = table.means.shape[1] // PER_LOOK
    for name in found.features:
        used = columns(name, looks)
        for ridge in found.ridges:
            scores = np.zeros(labels.shape)
            for seen, out in turns:
                if cancel is not None:
                    cancel.check()
                fitted = head_fit.linear(table.means[seen], labels[seen], ridge, used)
                scores[out] = fitted.of_means(table.means[out])
            tried.append((Choice(name, ridge), _mean(scores[rows], labels[rows] > 0, judged)))
    best = max(tried, key=lambda entry: entry[1])[0]
    for ridge in found.attention:
        scores = np.zeros(labels.shape)
        for seen, out in turns:
            if cancel is not None:
                cancel.check()
            used = columns(best.features, looks)
            fitted = head_fit.linear(table.means[seen], labels[seen], best.ridge, used)
            places = Places.of(fitted, table.cells, seen)
            attended = head_fit.attentive(fitted, places, labels[seen], ridge)
            scores[out] = head_fit.of_places(attended, places.same(fitted, table.cells, out))
        choice = Choice(best.features, best.ridge, ridge)
        tried.append((choice, _mean(scores[rows], labels[rows] > 0, judged)))
    return tried


def _turns(rows: NDArray[np.int64], folds: NDArray[np.str_]) -> list[Turn]:
    """Who is fitted on and who chooses: each part of `rows` in turn, or the validation people."""
    parts = np.unique(folds[rows])
    if len(parts) == 1:
        return [(rows, np.nonzero(folds == "validation")[0])]
    return [(rows[folds[rows] != part], rows[folds[rows] == part]) for part in parts]


def _mean(scores: NDArray[np.float64], truth: NDArray[np.bool_], judged: Sequence[int]) -> float:
    return float(np.nanmean([metrics.auroc(scores[:, label], truth[:, label]) for label in judged]))


def _fit_into(
    network: AttentionClassifier,
    table: Table,
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    choice: Choice,
) -> None:
    used = columns(choice.features, table.means.shape[1] // PER_LOOK)
    fitted = head_fit.linear(table.means[rows], labels[rows], choice.ridge, used)
    attention = np.zeros_like(fitted.weight)
    bias = fitted.bias
    if choice.attention:
        places = Places.of(fitted, table.cells, rows)
        attended = head_fit.attentive(fitted, places, labels[rows], choice.attention)
        attention, bias = attended.attention, attended.bias
    with torch.no_grad():
        network.scaled.centre.copy_(torch.from_numpy(fitted.centre))
        network.scaled.scale.copy_(torch.from_numpy(fitted.scale))
        network.classifier.weight.copy_(torch.from_numpy(fitted.weight))
        network.classifier.bias.copy_(torch.from_numpy(bias))
        network.attention.weight.copy_(torch.from_numpy(attention))


def _write(path: Path, tried: Sequence[tuple[Choice, float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("features", "ridge", "attention", "auroc"))
        for choice, value in tried:
            writer.writerow((choice.features, choice.ridge, choice.attention or "none", f"{value:.6f}"))


def choices(folder: Path) -> list[dict[str, str]]:
    """What was tried for one network of a run: the rows of its `choices.csv`."""
    with (folder / "choices.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def chosen(folder: Path) -> str:
    """What was chosen for one network of a run, for a card; of equal ones the first."""
    best = max(choices(folder), key=lambda row: float(row["auroc"]))
    attention = "none" if best["attention"] == "none" else f"held at {float(best['attention']):g}"
    return f"features {best['features']}, ridge {float(best['ridge']):g}, attention {attention}"
