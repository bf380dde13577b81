"""Several labels: losses and calibration against closed forms, and packages of both kinds that run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from medvision_desktop.domain.findings import AnalysisState, GateReport
from medvision_desktop.domain.image import Frame
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import Runner
from medvision_desktop.modelkit.registry import ModelPackage, open_package
from medvision_desktop.training import calibrate, card, losses, predictions, run, split
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe
from tests.helpers.model_cases import RECIPE, WORDS

KINDS = ("dark", "bright", "striped")


def _draw(folder: Path, each: int = 24) -> Path:
    """Three folders of pictures, and a table that gives each picture its answers."""
    random = np.random.default_rng(5)
    rows = ["image,patient,view,labels"]
    (folder / "table" / "images").mkdir(parents=True)
    for kind in KINDS:
        (folder / "kinds" / kind).mkdir(parents=True)
        for index in range(each):
            picture = random.normal(100, 20, (48, 48))
            if kind != "dark":
                picture[10:30, 10:30] += 100
            if kind == "striped":
                picture[::4] -= 90
            pixels = np.clip(picture, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / "kinds" / kind / f"{kind}{index}.png"), pixels)
            cv2.imwrite(str(folder / "table" / "images" / f"{kind}{index}.png"), pixels)
            named = {"dark": "Nothing", "bright": "Square", "striped": "Square|Stripes"}[kind]
            rows.append(f"{kind}{index}.png,{kind}{index // 2},{'PA' if index % 2 else 'AP'},{named}")
    (folder / "table" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def _recipe(task: str, **changes: object) -> Recipe:
    words = replace(WORDS, task=task, half=True)
    return replace(RECIPE, package=words, epochs=1, **changes)  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _draw(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def kinds(drawn: Path) -> ModelPackage:
    recipe = _recipe(
        "single-label", name="kinds", source="folders", folder="kinds", classes=KINDS, labels=KINDS
    )
    made = run.train(recipe, drawn, drawn / "runs", drawn / "models")
    assert made is not None
    return made


@pytest.fixture(scope="module")
def marks(drawn: Path) -> ModelPackage:
    recipe = _recipe(
        "multi-label", name="marks", source="table", folder="table", labels=("Square", "Stripes"), cross=4
    )
    made = run.train(recipe, drawn, drawn / "runs", drawn / "models")
    assert made is not None
    return made


def _table(package: ModelPackage) -> Predictions:
    return predictions.read(package.directory / "predictions.csv")


@pytest.mark.parametrize("name", ["kinds", "marks"])
def test_a_card_of_several_labels_is_what_its_predictions_say(
    name: str, request: pytest.FixtureRequest
) -> None:
    package: ModelPackage = request.getfixturevalue(name)
    table = _table(package)
    assert card.measured(table, package.calibration, package.manifest) == package.manifest.metrics
    written = card.text(package.manifest, package.calibration, table, (WORDS.beyond, ""))
    assert written == (package.directory / "card.md").read_text(encoding="utf-8")
    assert open_package(package.directory).manifest == package.manifest


def test_the_confusion_matrix_counts_every_test_image_once(kinds: ModelPackage) -> None:
    test = _table(kinds).of("test")
    lines = [
        line.split("|")[2:5]
        for line in (kinds.directory / "card.md").read_text("utf-8").splitlines()
        if line.startswith("| is ")
    ]
    counts = np.array(lines, dtype=int)
    np.testing.assert_array_equal(counts.sum(axis=1), test.truth.sum(axis=0))
    said = calibrate.probabilities(kinds.calibration, test, softmax=True)
    right = np.mean(said.argmax(axis=1) == test.truth.argmax(axis=1))
    (accuracy,) = (entry for entry in kinds.manifest.metrics if entry.name == "accuracy")
    assert np.trace(counts) / counts.sum() == pytest.approx(right)
    assert accuracy.value == pytest.approx(right, abs=1e-4)


def test_in_turns_every_image_is_judged_once_and_nobody_is_on_two_sides(marks: ModelPackage) -> None:
    table = _table(marks)
    assert len(table.sha256) == 72
    folds: dict[str, set[str]] = {}
    for person, fold in zip(table.person, table.fold, strict=True):
        folds.setdefault(person, set()).add(fold)
    assert all(len(found) == 1 for found in folds.values())
    assert "sister networks" in (marks.directory / "card.md").read_text("utf-8")
    assert marks.manifest.trained_on.startswith("72 images of")


def test_parts_of_a_cross_validation_have_their_use_and_are_about_equal() -> None:
    assert [split.role(f"cross-{part}") for part in range(4)] == [
        "validation",
        "calibration",
        "test",
        "test",
    ]
    assert split.role("train") == "train"
    parts = [split.crossed(str(group), 1, 5) for group in range(2000)]
    assert all(330 < parts.count(f"cross-{part}") < 470 for part in range(5))


@pytest.mark.parametrize("name", ["kinds", "marks"])
def test_the_program_runs_several_labels_as_they_were_measured(
    name: str, drawn: Path, request: pytest.FixtureRequest
) -> None:
    package: ModelPackage = request.getfixturevalue(name)
    runner = Runner("onnxruntime")
    model = runner.load(package.directory)
    picture = cv2.imread(str(drawn / "kinds" / "striped" / "striped3.png"), cv2.IMREAD_GRAYSCALE)
    frame = Frame(np.asarray(picture, dtype=np.uint8), bits_stored=8)
    result = runner.run(InferenceRequest(name, frame, GateReport(ok=True)), model, None)
    assert result.state is AnalysisState.DONE
    assert tuple(score.label for score in result.labels) == package.manifest.labels
    total = sum(score.probability for score in result.labels)
    assert name == "marks" or total == pytest.approx(1)
    assert len(result.maps) in {0, len(package.manifest.labels)}


def test_half_precision_is_what_ships_and_is_executed(kinds: ModelPackage) -> None:
    from safetensors import safe_open

    with safe_open(str(kinds.directory / "weights.safetensors"), framework="np") as handle:
        assert handle.get_tensor("classifier.weight").dtype == np.float16
        assert handle.get_tensor("features.0.1.running_var").dtype == np.float32
    assert kinds.manifest.parity is not None
    assert kinds.manifest.parity.logits < 1e-4
    assert any(name == "half_precision" for name, _ in kinds.manifest.training)


def test_the_loss_of_several_classes_is_torchs_own_with_balanced_weights() -> None:
    random = np.random.default_rng(2)
    right = random.integers(0, 3, 60) ** 2 // 2
    truth = np.eye(3, dtype=np.int64)[right]
    logits = torch.from_numpy(random.normal(size=(60, 3))).float()
    weight = torch.tensor([60 / (3 * max(1, int((right == c).sum()))) for c in range(3)])
    each = functional.cross_entropy(logits, torch.from_numpy(right), reduction="none")
    ours = losses.of_labels("", logits, torch.from_numpy(truth).float(), truth, softmax=True)
    assert float(ours) == pytest.approx(float((each * weight[right]).mean()), rel=1e-5)


def test_the_loss_of_labels_side_by_side_is_the_mean_of_theirs() -> None:
    random = np.random.default_rng(3)
    truth = (random.random((80, 2)) < (0.5, 0.2)).astype(np.int64)
    logits = torch.from_numpy(random.normal(size=(80, 2))).float()
    ours = losses.of_labels("", logits, torch.from_numpy(truth).float(), truth, softmax=False)
    alone = [
        losses.of_labels(
            "", logits[:, [c]], torch.from_numpy(truth[:, [c]]).float(), truth[:, [c]], softmax=False
        )
        for c in range(2)
    ]
    assert float(ours) == pytest.approx(float(sum(alone)) / 2, rel=1e-5)


def test_a_rare_label_is_weighted_ten_times_at_most() -> None:
    usual, rare = losses.class_weights(np.array([1] + [0] * 999))
    assert usual == pytest.approx(0.5005, abs=1e-3)
    assert rare == 10


def test_temperature_scaling_finds_the_temperature_and_the_shifts_that_made_the_labels() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 4, (20_000, 3))
    chances = softmax(logits / 2.5 + (1, 0, -1), axis=1)
    right = (random.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    names = tuple(map(str, range(20_000)))
    table = Predictions(
        names, ("c",) * 20_000, names, ("",) * 20_000, np.eye(3, dtype=np.int64)[right], logits
    )
    fitted = calibrate.fit(KINDS, table, softmax=True, data="made", date="2026-01-01")
    assert fitted.method == "bias-corrected temperature"
    assert [line.intercept for line in fitted.lines] == pytest.approx([1, 0, -1], abs=0.08)
    assert {line.slope for line in fitted.lines} == {fitted.lines[0].slope}
    assert 1 / fitted.lines[0].slope == pytest.approx(2.5, abs=0.08)
    np.testing.assert_allclose(
        calibrate.probabilities(fitted, table, softmax=True).sum(axis=1), 1, atol=1e-12
    )


def test_each_label_has_a_line_of_its_own() -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, (20_000, 2))
    truth = random.random((20_000, 2)) < 1 / (1 + np.exp(-(logits * (0.5, 1.5) + (1, -1))))
    names = tuple(map(str, range(20_000)))
    table = Predictions(names, ("c",) * 20_000, names, ("",) * 20_000, truth.astype(np.int64), logits)
    fitted = calibrate.fit(("a", "b"), table, softmax=False, data="made", date="2026-01-01")
    for index, line in enumerate(fitted.lines):
        peer = LogisticRegression(C=np.inf).fit(logits[:, [index]], truth[:, index])
        assert line.slope == pytest.approx(float(peer.coef_[0, 0]), rel=0.02)
        assert line.intercept == pytest.approx(float(peer.intercept_[0]), abs=0.02)


def test_predictions_of_several_labels_read_back(tmp_path: Path) -> None:
    table = Predictions(
        ("b", "a"),
        ("test", "test"),
        ("1", "2"),
        ("", ""),
        np.array([[0, 1], [1, 0]]),
        np.array([[0.5, -1.25], [2, 3]]),
    )
    predictions.write(tmp_path / "p.csv", table, ("x", "y"))
    again = predictions.read(tmp_path / "p.csv")
    assert again.sha256 == ("a", "b")
    np.testing.assert_array_equal(again.label, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(again.score, [[2, 3], [0.5, -1.25]])


def test_maps_of_classes_show_what_speaks_for_one_against_the_others(kinds: ModelPackage) -> None:
    """The classifier is centred, so the maps of all classes cancel at every place."""
    from medvision_desktop.inference.engine import OnnxRuntimeEngine

    batch = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    logits, maps = OnnxRuntimeEngine(kinds.executed()).run(batch)
    np.testing.assert_allclose(maps.sum(axis=1), 0, atol=0.02 * float(np.abs(maps).max()))
    assert float(logits.sum()) == pytest.approx(0, abs=0.02)


def test_predictions_that_leave_the_house_do_not_name_anybody(marks: ModelPackage) -> None:
    told = (marks.directory / "predictions.csv").read_text("utf-8")
    assert not any(kind in told for kind in KINDS)
