"""A run: learns, resumes to the bit after being stopped, and becomes a package that runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.modelkit import calibration
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.training import (
    augment,
    calibrate,
    card,
    lightning_loop,
    losses,
    predictions,
    recipe,
    run,
    start,
)
from medvision_desktop.training.child import handlers
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.model_cases import RECIPE, WORDS, draw_pictures, make_package


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("school"))


def test_a_package_that_was_just_trained_passes_every_check(models: Path) -> None:
    package = Registry((models,)).get("patches")
    assert package.manifest.version == "1.2.3"
    assert package.manifest.labels == ("Patch",)
    assert {name for name, _ in package.manifest.files} == {
        "calibration.json",
        "card.md",
        "figures.png",
        "model.onnx",
        "predictions.csv",
        "reference.json",
        "weights.safetensors",
    }


def test_the_worst_mistakes_lie_beside_the_run_and_not_in_the_package(models: Path) -> None:
    package = Registry((models,)).get("patches")
    run_folder = models.parent / "runs" / "patches"
    told = (run_folder / "failures" / "failures.md").read_text(encoding="utf-8")
    table = predictions.read(package.directory / "predictions.csv")
    said = calibrate.probabilities(package.calibration, table, softmax=False)[:, 0]
    called = said >= package.manifest.thresholds[0][1]
    wrong = [int((called & ~table.truth[:, 0]).sum()), int((~called & table.truth[:, 0]).sum())]
    assert told.count("![](") == sum(min(8, count) for count in wrong)
    assert len(list((run_folder / "failures").glob("*.png"))) == told.count("![](")
    assert not [path for path in package.directory.rglob("*") if "fail" in path.name]


def test_the_card_is_what_its_predictions_say(models: Path) -> None:
    package = Registry((models,)).get("patches")
    table = predictions.read(package.directory / "predictions.csv")
    assert card.measured(table, package.calibration, package.manifest) == package.manifest.metrics
    again = card.text(package.manifest, package.calibration, table, (WORDS.beyond, ""))
    assert again == (package.directory / "card.md").read_text(encoding="utf-8")


def test_training_people_are_not_among_the_predictions(models: Path) -> None:
    with (models.parent / "runs" / "patches" / "split.csv").open(encoding="utf-8") as handle:
        rows = [line.rstrip("\n").split(",") for line in handle][1:]
    trained = {row[1] for row in rows if row[4] == "train"}
    table = predictions.read(models / "patches" / "predictions.csv")
    assert trained
    assert trained.isdisjoint(table.sha256)


def test_a_run_stopped_in_the_middle_of_an_epoch_ends_with_the_same_weights(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=10)
    threads = torch.get_num_threads()
    try:
        run.train(RECIPE, tmp_path, tmp_path / "whole", None)
        token = CancelToken()

        def stop(progress: Progress) -> None:
            if progress.text.startswith("Epoch 2"):
                token.cancel()

        with pytest.raises(Cancelled):
            run.train(RECIPE, tmp_path, tmp_path / "parts", None, progress=stop, cancel=token)
        run.train(RECIPE, tmp_path, tmp_path / "parts", None)
    finally:
        torch.set_num_threads(threads)
    whole = load_file(tmp_path / "whole" / "patches" / "checkpoint.safetensors")
    parts = load_file(tmp_path / "parts" / "patches" / "checkpoint.safetensors")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    history = (tmp_path / "parts" / "patches" / "history.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["epoch"] for line in history.splitlines()] == [1, 2]


def test_augmentation_follows_from_seed_epoch_and_index_alone() -> None:
    ranges = augment.Augmentation(gamma=0.2, contrast=0.2)
    assert augment.drawn(ranges, 1, 2, 3) == augment.drawn(ranges, 1, 2, 3)
    assert augment.drawn(ranges, 1, 2, 3) != augment.drawn(ranges, 1, 3, 3)
    drawn = [augment.drawn(ranges, 1, 0, index) for index in range(500)]
    assert max(abs(change.degrees) for change in drawn) <= 10
    assert all(0.9 <= change.zoom <= 1.1 for change in drawn)
    assert 0.4 < np.mean([change.flip for change in drawn]) < 0.6


def test_no_change_changes_nothing() -> None:
    picture = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    change = augment.Change(0, 1, 0, 0, flip=False, gamma=1, contrast=1)
    np.testing.assert_allclose(augment.applied(picture, change), picture, atol=1e-6)


def test_a_flip_is_a_mirror_and_a_quarter_turn_goes_the_way_it_says() -> None:
    picture = np.zeros((33, 33), np.float32)
    picture[4, 16] = 1
    mirrored = augment.applied(picture, augment.Change(0, 1, 0, 0, flip=True, gamma=1, contrast=1))
    assert mirrored[4, 16] == pytest.approx(1)
    turned = augment.applied(picture, augment.Change(90, 1, 0, 0, flip=False, gamma=1, contrast=1))
    assert np.unravel_index(int(turned.argmax()), turned.shape) == (16, 4)  # counter-clockwise


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    rates = [lightning_loop.rate_at(RECIPE, step, 100) for step in range(100)]
    assert rates[0] < rates[10] < max(rates)
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] < 0.002


def test_class_weights_make_both_classes_count_the_same() -> None:
    labels = np.array([1] * 30 + [0] * 10)
    negative, positive = losses.class_weights(labels)
    assert positive * 30 == pytest.approx(negative * 10)
    assert (positive * 30 + negative * 10) / 40 == pytest.approx(1)


def test_platt_scaling_finds_the_line_that_made_the_labels() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, 40_000)
    truth = random.random(40_000) < calibration.sigmoid(0.5 * logits - 1)
    names = tuple(str(index) for index in range(40_000))
    table = predictions.Predictions(
        names, ("c",) * 40_000, names, ("",) * 40_000, truth.astype(int), logits
    )
    line = calibrate.platt("x", table, data="made", date="2026-01-01").lines[0]
    assert line.slope == pytest.approx(0.5, abs=0.02)
    assert line.intercept == pytest.approx(-1, abs=0.04)


def test_the_threshold_lies_in_the_middle_of_a_clean_gap() -> None:
    probabilities = np.array([0.1, 0.2, 0.7, 0.9])
    assert calibrate.operating_threshold(probabilities, probabilities > 0.5) == pytest.approx(
        0.45, abs=0.02
    )


def test_a_recipe_with_a_word_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\nlearning_speed = 3\n', encoding="utf-8")
    with pytest.raises(InputRefused, match="learning_speed"):
        recipe.read(path)


def test_every_recipe_that_ships_is_read() -> None:
    found = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
    assert {path.stem for path in found} >= {"chest-gate", "chest-pneumonia"}
    assert all(start.read(path).name == path.stem for path in found)


def test_the_training_child_runs_a_recipe_file(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=6)
    path = tmp_path / "patches.toml"
    path.write_text(
        """
        name = "patches"
        network = "efficientnet-b0-front"
        source = "kermany"
        folder = "pictures"
        labels = ["Patch"]
        size = 32
        epochs = 1
        batch_size = 8
        """,
        encoding="utf-8",
    )
    seen: list[Progress] = []
    arguments = {"recipe": str(path), "data": str(tmp_path), "runs": str(tmp_path / "runs")}
    answer, _ = handlers()["train"](arguments, {}, seen.append, CancelToken())
    assert answer == {"package": ""}
    assert (tmp_path / "runs" / "patches" / "checkpoint.safetensors").exists()
    assert any(step.text.startswith("Epoch 1 of 1") for step in seen)
