"""The loop on Lightning: levels, steps, frozen stages, first weights, and the record of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision import models

from medvision_desktop.cli import run as command
from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.networks import build
from medvision_desktop.training import (
    head,
    initial,
    levels,
    lightning_loop,
    loop,
    recipe,
    recipe_text,
    run,
    run_record,
)
from medvision_desktop.training.augment import Augmentation
from medvision_desktop.training.loop import Fold
from medvision_desktop.training.machine import Machine
from tests.helpers.model_cases import RECIPE, draw_pictures

ROOT = Path(__file__).resolve().parents[2]
STILL = Augmentation(degrees=0, zoom=0, shift=0, flip=False)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _threads() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _fold(n: int = 16) -> Fold:
    random = np.random.default_rng(0)
    labels = (np.arange(n) % 2)[:, None].astype(np.int64)
    pictures = random.integers(0, 120, (n, 32, 32)) + 100 * labels[:, :, None]
    return Fold(pictures.astype(np.uint8), labels)


def _small(**changes: object) -> recipe.Recipe:
    plain = replace(RECIPE, package=None, augmentation=STILL, dropout=0.0, epochs=1, batch_size=8)
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test's shorthand


class _Line(nn.Module):
    """The smallest network there is: the mean of a picture, times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.line(images.mean(dim=(1, 2, 3))[:, None]),)


def test_levels_are_those_of_the_design() -> None:
    asked = {
        level: (found.epochs, found.batch_size, found.learning_rate)
        for level, found in levels.LEVELS.items()
    }
    assert asked == {
        1: (1, 32, 0.01),
        2: (2, 24, 0.005),
        3: (3, 16, 0.001),
        4: (5, 16, 0.0005),
        5: (8, 8, 0.0001),
    }
    assert levels.applied(RECIPE, 0) is RECIPE
    changed = levels.applied(replace(RECIPE, last_epoch=1), 4)
    assert (changed.epochs, changed.last_epoch, changed.network) == (5, 0, RECIPE.network)
    with pytest.raises(InputRefused, match="1 to 5"):
        levels.applied(RECIPE, 6)


def test_the_rate_of_every_step_is_that_of_the_schedule_and_the_step_is_adamw(tmp_path: Path) -> None:
    """The whole loop against AdamW (Loshchilov and Hutter 2019) written out, for two numbers."""
    settings, fold = _small(learning_rate=0.1, epochs=2, clip_norm=0.0, weight_decay=1e-2), _fold()
    network = _Line()
    loop.train(settings, network, fold, None, tmp_path)
    data = loop.statistics(fold.pictures)
    means = (fold.pictures.mean(axis=(1, 2)) / 255 - data.mean) / data.std
    value, first, second = np.zeros(2), np.zeros(2), np.zeros(2)
    step = 0
    for epoch in range(2):
        order = np.random.default_rng((settings.seed, epoch)).permutation(16)
        for batch in (order[:8], order[8:]):
            said = 1 / (1 + np.exp(-(value[0] * means[batch] + value[1])))
            gap = said - fold.labels[batch, 0]
            slope = np.array([(gap * means[batch]).mean(), gap.mean()])
            rate = 0.1 * lightning_loop.rate_at(settings, step, 4)
            step += 1
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            value = value * (1 - rate * 1e-2)
            value -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    found = [float(value) for value in network.state_dict().values()]
    np.testing.assert_allclose(found, value, rtol=1e-4)


def test_two_halves_of_a_batch_make_the_step_of_the_whole(tmp_path: Path) -> None:
    whole, halves = _Line(), _Line()
    for name, network, size, several in (("a", whole, 8, 1), ("b", halves, 4, 2)):
        (tmp_path / name).mkdir()
        settings = _small(batch_size=size, accumulate=several, clip_norm=0.0, learning_rate=0.1)
        loop.train(settings, network, _fold(32), None, tmp_path / name)
    ours, theirs = whole.state_dict(), halves.state_dict()
    assert float(ours["line.weight"]) > 0.05
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-6)


def test_a_clipped_slope_moves_adamw_as_its_direction_says_and_mixed_precision_learns_too(
    tmp_path: Path,
) -> None:
    for name, changes in (("whole", {}), ("mixed", {"precision": "mixed"})):
        (tmp_path / name).mkdir()
        network = _Line()
        state = loop.train(
            _small(learning_rate=0.1, epochs=3, **changes), network, _fold(), _fold(), tmp_path / name
        )
        assert float(network.state_dict()["line.weight"]) > 0.1
        assert state["best"] == 1.0


def test_training_stops_early_where_nothing_gets_better(tmp_path: Path) -> None:
    network = _Line()
    state = loop.train(_small(epochs=9, patience=1, learning_rate=0.1), network, _fold(), _fold(), tmp_path)
    assert (state["best_epoch"], state["epoch"]) == (1, 3)
    again = loop.train(_small(epochs=9, patience=1, learning_rate=0.1), _Line(), _fold(), _fold(), tmp_path)
    assert again["epoch"] == 3


def test_the_history_is_whole_after_a_kill_between_its_lines_and_the_checkpoint(tmp_path: Path) -> None:
    settings = _small(epochs=3)
    loop.train(replace(settings, last_epoch=2), _Line(), _fold(), None, tmp_path)
    (tmp_path / "history.jsonl").write_text("", encoding="utf-8")
    loop.train(settings, _Line(), _fold(), None, tmp_path)
    lines = (tmp_path / "history.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_after_few_steps_batch_norm_knows_the_images_and_not_what_it_began_with(tmp_path: Path) -> None:
    """Judged with running means of six steps, a fresh DenseNet's logits reach hundreds of thousands."""
    settings = _small(network="resnet-18", learning_rate=0.01, batch_size=4)
    network = initial.network(settings, tmp_path)
    loop.train(settings, network, _fold(), None, tmp_path)
    data = loop.statistics(_fold().pictures)
    norm = network.features[1]
    with torch.no_grad():
        batches = list(loop.plain(_fold(), data, rows=np.random.default_rng(3).permutation(16), each=4))
        means = torch.stack([network.features[0](batch).mean(dim=(0, 2, 3)) for batch in batches]).mean(
            dim=0
        )
    torch.testing.assert_close(norm.running_mean, means, rtol=1e-4, atol=1e-5)
    assert float(np.abs(loop.scores(network, _fold(), data)).max()) < 100


@pytest.mark.parametrize(
    "machine", [Machine(strategy="telepathy"), Machine(accelerator="abacus"), Machine(accelerator="gpu")]
)
def test_a_machine_that_is_not_there_is_refused(machine: Machine, tmp_path: Path) -> None:
    if machine.accelerator == "gpu" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputRefused, match="cannot train in that way"):
        loop.train(_small(), _Line(), _fold(), None, tmp_path, machine=machine)


def test_lightning_leaves_no_files_of_its_own(tmp_path: Path) -> None:
    loop.train(_small(), _Line(), _fold(), None, tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {
        "best.safetensors",
        "checkpoint.safetensors",
        "history.jsonl",
    }


def test_stages_begin_to_learn_from_the_last_one_on(tmp_path: Path) -> None:
    network = build.network("efficientnet-b0-front", 1)
    stages = len(list(network.features))
    learning = []
    for epoch in range(3):
        network.train()
        lightning_loop.thawed(network, 1, epoch)
        learning.append(
            [all(value.requires_grad for value in stage.parameters()) for stage in network.features]
        )
        assert [stage.training for stage in network.features] == learning[-1]
    assert [sum(found) for found in learning] == [1, 2, 3]
    assert all(found[-1] for found in learning)
    lightning_loop.thawed(network, -1, 5)
    assert not any(value.requires_grad for value in network.features.parameters())
    lightning_loop.thawed(network, 1, stages)
    assert all(value.requires_grad for value in network.features.parameters())


def test_a_frozen_stage_keeps_its_bits_and_resumes_with_the_optimizer_of_the_others(tmp_path: Path) -> None:
    settings = _small(thaw=1, epochs=2)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    network = initial.network(settings, tmp_path)
    before = {name: value.clone() for name, value in network.features[0].state_dict().items()}
    loop.train(settings, network, _fold(), None, tmp_path / "whole")
    assert all(torch.equal(value, before[name]) for name, value in network.features[0].state_dict().items())
    for last in (1, 0):
        fresh = initial.network(settings, tmp_path)
        loop.train(replace(settings, last_epoch=last), fresh, _fold(), None, tmp_path / "parts")
    ours, theirs = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_first_head_is_that_of_logistic_regression_on_cached_features() -> None:
    from sklearn.linear_model import LogisticRegression

    network = build.network("resnet-18", 2).eval()
    images = torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    labels = np.stack([np.arange(24) % 2, (np.arange(24) < 12) * 1], axis=1)
    labels[:4, 1] = -1
    assert head.unset(network)
    head.fit(network, images.split(8), labels, softmax=False)
    with torch.no_grad():
        features = network.pooled(images).double().numpy()
        said = network(images)[0].numpy()
    for label in range(2):
        known = labels[:, label] >= 0
        peer = LogisticRegression(C=500 / known.sum(), class_weight="balanced", max_iter=500)
        peer.fit(features[known], labels[known, label])
        np.testing.assert_allclose(peer.decision_function(features), said[:, label], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped"])
def test_a_backbone_comes_from_a_file_that_the_user_has(kind: str, tmp_path: Path) -> None:
    peer = models.resnet18(weights=None)
    tensors = peer.state_dict()
    path = tmp_path / f"resnet.{'safetensors' if kind == 'safetensors' else 'pth'}"
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        named = {f"module.{name}": value for name, value in tensors.items()}
        torch.save({"state_dict": named, "epoch": 3} if kind == "wrapped" else tensors, path)
    network = initial.network(_small(network="resnet-18", initial=f"file:{path}"), tmp_path)
    for name, value in network.features.state_dict().items():
        assert torch.equal(value, tensors[name])
    assert head.unset(network)
    assert recipe_text.plain(_small(initial=f"file:{path}"))["initial"] == f"file:{path.name}"


def test_a_densenet_of_2017_fits_by_its_old_names() -> None:
    peer = models.densenet121(weights=None)
    old = {
        f"module.densenet121.{name}".replace("norm1", "norm.1")
        .replace("norm2", "norm.2")
        .replace("conv1", "conv.1")
        .replace("conv2", "conv.2"): value
        for name, value in peer.state_dict().items()
    }
    network = build.network("densenet-121", 3)
    assert initial.put(old, network) > 600
    layer = "denseblock1.denselayer1.conv1.weight"
    assert torch.equal(network.features.state_dict()[layer], peer.features.state_dict()[layer])


def test_a_file_that_holds_code_is_refused_and_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, ...]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"state_dict": Trap()}, tmp_path / "trap.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    for name in ("trap.pth", "cut.safetensors", "absent.pth"):
        with pytest.raises(InputRefused, match="cannot be read"):
            initial.read(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputRefused, match="do not fit"):
        initial.network(_small(initial=f"file:{tmp_path / 'other.safetensors'}"), tmp_path)


def test_lite0_and_small_pictures_are_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="lite0 fits EfficientNet-B0"):
        initial.network(_small(network="resnet-18", initial="lite0"), tmp_path)
    with pytest.raises(InputRefused, match="96 pixels"):
        initial.network(_small(network="inception-v3", size=64), tmp_path)
    with pytest.raises(InputRefused, match="Known: lite0"):
        initial.network(_small(initial="imagenet"), tmp_path)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes").glob("chest-*.toml")), ids=lambda path: path.stem
)
def test_a_recipe_written_reads_back_the_same(path: Path, tmp_path: Path) -> None:
    read = recipe.read(path)
    again = tmp_path / "again.toml"
    again.write_text(recipe_text.text(read), encoding="utf-8")
    assert recipe.read(again) == read


def test_a_run_says_what_it_was_made_of_and_goes_on_only_with_that(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=12)
    settings = _small(epochs=2)
    folder = tmp_path / "runs" / "patches"
    run.train(settings, tmp_path, tmp_path / "runs", None, machine=Machine(threads=1))
    found = run_record.read(folder)
    assert found["data"]["images"] == 48
    assert sum(found["data"]["folds"].values()) == 48
    assert found["result"]["epoch"] == 2
    assert found["program"]["libraries"]["torch"] == torch.__version__.split("+")[0]
    assert found["machine"]["threads"] == 1
    assert found["hours"] >= 0
    assert str(tmp_path) not in json.dumps(found)
    assert recipe.read(folder / "recipe.toml") == settings
    with pytest.raises(InputRefused, match="Changed: learning_rate"):
        run.train(replace(settings, learning_rate=0.5), tmp_path, tmp_path / "runs", None)
    split = (folder / "split.csv").read_bytes()
    (tmp_path / "pictures" / "NORMAL" / "IM-0000-0000.jpg").unlink()
    with pytest.raises(InputRefused, match="other images"):
        run.train(settings, tmp_path, tmp_path / "runs", None)
    assert (folder / "split.csv").read_bytes() == split


def test_our_own_pre_training_gives_its_head_only_to_the_same_labels(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=12)
    settings = _small(name="before")
    run.train(settings, tmp_path, tmp_path / "runs", None)
    kept = load_file(tmp_path / "runs" / "before" / "best.safetensors")
    same = initial.network(replace(settings, name="after", initial="run:before"), tmp_path / "runs")
    assert torch.equal(same.classifier.weight, kept["network.classifier.weight"])
    other = replace(settings, name="after", initial="run:before", labels=("Another",))
    changed = initial.network(other, tmp_path / "runs")
    assert head.unset(changed)
    assert torch.equal(changed.features[0][0].weight, kept["network.features.0.0.weight"])


def test_a_package_that_ships_goes_on_learning_with_its_head(tmp_path: Path) -> None:
    shipped = load_file(ROOT / "models" / "chest-pneumonia" / "weights.safetensors")
    settings = _small(network="efficientnet-b0", initial="package:chest-pneumonia", labels=("Pneumonia",))
    network = initial.network(settings, tmp_path / "runs")
    assert torch.equal(network.classifier.weight, shipped["classifier.weight"].float())
    assert torch.equal(network.features[0][0].weight, shipped["features.0.0.weight"].float())
    other = initial.network(replace(settings, labels=("Fracture",)), tmp_path / "runs")
    assert head.unset(other)
    with pytest.raises(InputRefused, match="do not fit"):
        initial.network(replace(settings, network="resnet-18"), tmp_path / "runs")


def test_the_command_takes_a_level_and_any_network(tmp_path: Path, capsys: Capture) -> None:
    draw_pictures(tmp_path, people=20)
    text = (
        (ROOT / "recipes" / "smoke.toml")
        .read_text("utf-8")
        .replace("efficientnet-b0-front", "mobilenet-v3-small")
    )
    (tmp_path / "smoke.toml").write_text(text, encoding="utf-8")
    arguments = [
        "train",
        str(tmp_path / "smoke.toml"),
        "--data",
        str(tmp_path),
        "--data-dir",
        str(tmp_path / "own"),
    ]
    assert command([*arguments, "--level", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    kept = recipe.read(Path(said["run"]) / "recipe.toml")
    assert (kept.epochs, kept.batch_size, kept.learning_rate) == (1, 32, 0.01)
    assert "mobilenet-v3-small" in (Path(said["package"]) / "manifest.toml").read_text("utf-8")


@pytest.mark.slow
def test_two_processes_train_one_network_together(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=20)
    arguments = [
        "train",
        str(ROOT / "recipes" / "smoke.toml"),
        "--data",
        str(tmp_path),
        "--data-dir",
        str(tmp_path / "own"),
    ]
    given = [*arguments, "--accelerator", "cpu", "--devices", "2", "--strategy", "ddp", "--level", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "medvision_desktop", *given], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("packaged as") == 1
    history = (tmp_path / "own" / "runs" / "smoke" / "history.jsonl").read_text("utf-8")
    assert len(history.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("size = '224'", "size is a whole number"),
        ("epochs = true", "epochs is a whole number"),
        ("learning_rate = 'fast'", "learning_rate is a number"),
        ("dropout = nan", "dropout is a number"),
        ("views = 'PA'", "views is a list of texts"),
        ("labels = ['a', 'a']", "once each"),
        ("labels = []", "labels are there"),
        ("name = '../elsewhere'", "small letters"),
        ("stretch = [1]", "two percentiles"),
        ("seed = -1", "0 or more"),
        ("loss = 'hinge'", "loss is one of"),
        ("augmentation = 3", "not a table"),
        ("kept_split = 1", "true or false"),
    ],
)
def test_a_recipe_of_a_wrong_kind_is_refused_by_name(line: str, why: str, tmp_path: Path) -> None:
    rows = {
        "name": "name = 'x'",
        "network": "network = 'resnet-18'",
        "source": "source = 'table'",
        "folder": "folder = '.'",
        "labels": "labels = ['a']",
    }
    rows[line.split(" ")[0]] = line
    (tmp_path / "x.toml").write_text("\n".join(rows.values()) + "\n", encoding="utf-8")
    with pytest.raises(InputRefused, match=why):
        recipe.read(tmp_path / "x.toml")
