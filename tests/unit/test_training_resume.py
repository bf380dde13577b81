"""A training that is killed at any moment goes on to the same weights, bit for bit; the smoke recipe."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from medvision_desktop.cli import run as command
from medvision_desktop.modelkit.registry import Registry
from tests.helpers.model_cases import draw_pictures

ROOT = Path(__file__).resolve().parents[2]
SMOKE = ROOT / "recipes" / "smoke.toml"
Capture = pytest.CaptureFixture[str]


def _training(data: Path, place: Path) -> subprocess.Popen[bytes]:
    arguments = ["train", str(SMOKE), "--data", str(data), "--data-dir", str(place), "--resume"]
    return subprocess.Popen(
        [sys.executable, "-m", "medvision_desktop", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pictures(tmp_path_factory.mktemp("drawn"), people=20)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    assert _training(data, place).wait() == 0
    return place


def test_killed_at_random_moments_and_resumed_the_weights_are_the_same(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    """Kill -9 once the run has begun, twice, each time a random while later."""
    moments = random.Random()  # noqa: S311 - any moment will do
    for _ in range(2):
        process = _training(data, tmp_path)
        while not (tmp_path / "runs" / "smoke" / "split.csv").exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 4))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert _training(data, tmp_path).wait() == 0
    for name in ("best", "checkpoint"):
        ours, theirs = (
            load_file(place / "runs" / "smoke" / f"{name}.safetensors") for place in (whole, tmp_path)
        )
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_package_of_the_smoke_recipe_loads(whole: Path) -> None:
    package = Registry((whole / "models",)).get("smoke")
    assert package.manifest.labels == ("Patch",)
    assert (whole / "runs" / "smoke" / "audit.md").exists()


def test_a_run_that_was_started_is_not_started_over(data: Path, whole: Path, capsys: Capture) -> None:
    assert command(["train", str(SMOKE), "--data", str(data), "--data-dir", str(whole)]) == 2
    assert "Add --resume" in capsys.readouterr().err


def test_a_finished_run_is_packaged_again_to_the_same_numbers(
    whole: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = whole / "runs" / "smoke"
    arguments = ["package", str(run), "--out", str(tmp_path), "--data-dir", str(whole), "--json"]
    assert command(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["package"] == str(tmp_path / "smoke")
    first, second = (Registry((place,)).get("smoke") for place in (whole / "models", tmp_path))
    assert first.manifest.metrics == second.manifest.metrics
    assert first.ref == second.ref


def test_other_images_do_not_package_a_run(whole: Path, tmp_path: Path, capsys: Capture) -> None:
    other = draw_pictures(tmp_path / "other", people=5)
    run = whole / "runs" / "smoke"
    before = (run / "split.csv").read_bytes()
    arguments = ["package", str(run), "--data", str(other), "--data-dir", str(whole)]
    assert command(arguments) == 2
    assert "other images" in capsys.readouterr().err
    assert (run / "split.csv").read_bytes() == before


def test_a_package_is_measured_on_images_that_somebody_has(
    data: Path, whole: Path, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ["evaluate", "smoke", "--data", str(data / "pictures"), "--data-dir", str(whole)]
    table = tmp_path / "told.csv"
    assert command([*arguments, "--json", "--out", str(table)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["measure"] for row in rows} >= {"auroc", "sensitivity", "brier"}
    assert all(row["model"] == "smoke" and row["label"] == "Patch" for row in rows)
    assert len(table.read_text("utf-8").splitlines()) == 81
    assert command(arguments) == 0
    assert "held-out images of its card" in capsys.readouterr().out


def test_what_is_not_a_run_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert command(["package", str(tmp_path), "--data-dir", str(tmp_path)]) == 2
    assert "not a run" in capsys.readouterr().err
    arguments = ["train", str(SMOKE), "--data", str(tmp_path / "no"), "--data-dir", str(tmp_path)]
    assert command(arguments) == 2
    assert "no folder of images" in capsys.readouterr().err
