"""The pictures of a model card: ROC, reliability, net benefit and the confusion matrix, in one PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import ANOMALY, Manifest
from medvision_desktop.training import calibrate, curves, metrics, turns
from medvision_desktop.training.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE: Final = "figures.png"
_SOFTMAX: Final = "single-label"
_COLOURS: Final = ("#0b6aa2", "#c2571a", "#2f7d3b", "#7a4fa3", "#9a2a43", "#51606b", "#8a6d00", "#00757a")
_FEWEST: Final = 2
_SIZE_IN: Final = (9.0, 8.0)
_DPI: Final = 90


_Shown = Sequence[tuple[str, float, NDArray[np.float64], NDArray[np.bool_]]]


def shown(manifest: Manifest, calibration: Calibration, predictions: Predictions) -> _Shown:
    """Label, threshold, probabilities and truths of the test people, for labels that have both answers."""
    if manifest.task == ANOMALY:
        return []
    manifest, calibration, predictions = turns.narrowed(manifest, calibration, predictions)
    test = turns.test(predictions)
    said = calibrate.probabilities(calibration, test, softmax=manifest.task == _SOFTMAX)
    return [
        (label, threshold, said[:, index], test.truth[:, index])
        for index, (label, threshold) in enumerate(manifest.thresholds)
        if min(test.truth[:, index].sum(), (~test.truth[:, index]).sum()) >= _FEWEST
    ]


def figures(manifest: Manifest, calibration: Calibration, predictions: Predictions) -> bytes | None:
    """The four pictures of the test people as one PNG; None where no label has both answers."""
    drawn = shown(manifest, calibration, predictions)
    if not drawn:
        return None
    test = turns.test(predictions)
    softmax = manifest.task == _SOFTMAX
    said = calibrate.probabilities(calibration, test, softmax=softmax)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_IN, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 2)
    _roc(grid[0, 0], drawn)
    _reliability(grid[0, 1], drawn)
    _benefit(grid[1, 0], drawn)
    if softmax or len(manifest.labels) == 1:
        _confusion(grid[1, 1], *_table(manifest, test, said))
    else:
        _shares(grid[1, 1], drawn)
    counted = f"{len(test.sha256)} held-out images of {test.people} people or groups"
    title = f"{manifest.name} {manifest.version}: {counted}"
    figure.suptitle(title, fontsize=10)
    held = io.BytesIO()
    # Without the name of the library in it, equal numbers give an equal file.
    figure.savefig(held, format="png", dpi=_DPI, metadata={"Software": None})
    return held.getvalue()


def _roc(axes: Axes, shown: _Shown) -> None:
    for index, (label, threshold, said, truth) in enumerate(shown):
        curve = curves.roc(said, truth)
        colour = _COLOURS[index % len(_COLOURS)]
        name = f"{label} {metrics.auroc(said, truth):.3f}"
        axes.plot(curve.false_positive, curve.true_positive, color=colour, label=name)
        point = curves.at_thresholds(said, truth, (threshold,))[0]
        axes.plot([1 - point.specificity], [point.sensitivity], "o", color=colour)
    axes.plot([0, 1], [0, 1], color="#b4bbc1", linestyle=":")
    _named(
        axes, "ROC, with AUROC; the dot is the threshold", "1 - specificity", "sensitivity", "lower right"
    )


def _reliability(axes: Axes, shown: _Shown) -> None:
    axes.plot([0, 1], [0, 1], color="#b4bbc1", linestyle=":")
    for index, (label, _, said, truth) in enumerate(shown):
        rows = metrics.reliability(said, truth)
        colour = _COLOURS[index % len(_COLOURS)]
        axes.plot([row[0] for row in rows], [row[1] for row in rows], "-o", color=colour, label=label, ms=4)
        for mean, seen, n in rows if len(shown) == 1 else ():
            axes.annotate(str(n), (mean, seen), textcoords="offset points", xytext=(5, -9), fontsize=7)
    _named(axes, "Reliability: what it said and what it was", "said", "was", "upper left")


def _benefit(axes: Axes, shown: _Shown) -> None:
    highest = 0.0
    for index, (label, _, said, truth) in enumerate(shown):
        rows = curves.decision_curve(said, truth)
        at, colour = [row.threshold for row in rows], _COLOURS[index % len(_COLOURS)]
        axes.plot(at, [row.model for row in rows], color=colour, label=label)
        axes.plot(at, [row.everybody for row in rows], color=colour, linestyle="--", linewidth=0.8)
        highest = max(highest, float(truth.mean()))
    axes.axhline(0, color="#b4bbc1", linestyle=":")
    words = "Net benefit; dashed: calling everybody"
    _named(axes, words, "threshold probability", "net benefit per image", "lower left")
    axes.set_ylim(-0.1 * highest - 0.01, 1.1 * highest + 0.01)


def _table(
    manifest: Manifest, test: Predictions, said: NDArray[np.float64]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if len(manifest.labels) == 1:
        called, truth = (said[:, 0] >= manifest.thresholds[0][1]).astype(int), test.truth[:, 0].astype(int)
        names: tuple[str, ...] = ("negative", "positive")
    else:
        called, truth, names = said.argmax(axis=1), test.truth.argmax(axis=1), manifest.labels
    counted = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counted, (truth, called), 1)
    return names, counted


def _confusion(axes: Axes, names: Sequence[str], counted: NDArray[np.int64]) -> None:
    shares = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counted.shape):
        ink = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counted[row, column]), ha="center", va="center", color=ink)
    axes.set_xticks(range(len(names)), [f"called\n{name}" for name in names], fontsize=8)
    axes.set_yticks(range(len(names)), [f"is {name}" for name in names], fontsize=8)
    axes.set_title("Confusion matrix", fontsize=9)


def _shares(axes: Axes, shown: _Shown) -> None:
    """Sensitivity and specificity of each label side by side, where several may be right at once."""
    places = np.arange(len(shown))
    points = [curves.at_thresholds(said, truth, (level,))[0] for _, level, said, truth in shown]
    axes.barh(
        places - 0.2, [point.sensitivity for point in points], 0.38, color=_COLOURS[0], label="sensitivity"
    )
    axes.barh(
        places + 0.2, [point.specificity for point in points], 0.38, color=_COLOURS[1], label="specificity"
    )
    axes.set_yticks(places, [label for label, *_ in shown], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title("At the threshold", fontsize=9)
    axes.legend(fontsize=7, loc="lower right")


def _named(axes: Axes, title: str, along: str, up: str, place: Any) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(along, fontsize=8)
    axes.set_ylabel(up, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, loc=place)
