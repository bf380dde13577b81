"""Trained models have stages, runs stand in MLflow's files, a search goes on; all without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.cli import run as command
from medvision_desktop.errors import Cancelled, InputRefused, ModelRefused
from medvision_desktop.modelkit.registry import Registry, open_package
from medvision_desktop.training import recipe, run, search, start, tracking
from medvision_desktop.training.stages import Shelf, Stage
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.model_cases import RECIPE, draw_pictures, quick

ROOT = Path(__file__).resolve().parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _threads() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which the drawn patches were trained twice: 1.2.3 and 1.2.4."""
    data = tmp_path_factory.mktemp("school")
    draw_pictures(data / "images")
    shelf = Shelf.of(data)
    start.train(quick(), data / "images", data / "runs", shelf)
    words = replace(RECIPE.package, version="1.2.4")  # type: ignore[type-var]  # it has words
    again = replace(quick(), seed=4, package=words, name="patches")
    shutil.move(data / "runs" / "patches", data / "runs" / "first")
    start.train(again, data / "images", data / "runs", shelf)
    return data


@pytest.fixture
def own(school: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(school, tmp_path / "own", ignore=shutil.ignore_patterns("images"))
    return tmp_path / "own"


def test_only_the_first_model_of_a_name_goes_into_use_by_itself(school: Path) -> None:
    shelf = Shelf.of(school)
    assert [(entry.version, entry.stage) for entry in shelf.entries("patches")] == [
        ("1.2.3", Stage.PRODUCTION),
        ("1.2.4", Stage.CANDIDATE),
    ]
    assert Registry((shelf.installed,)).get("patches").manifest.version == "1.2.3"
    assert sorted(path.name for path in shelf.root.iterdir()) == ["patches"]


def test_a_shipped_model_is_not_replaced_by_a_retrained_one(school: Path, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "registry", tmp_path / "models", school / "models")
    entry, package = shelf.taken(open_package(school / "models" / "patches"), "patches")
    assert entry.stage is Stage.CANDIDATE
    assert package.directory == shelf.place(entry)
    assert not shelf.installed.exists()


def test_a_promoted_model_is_the_one_that_the_program_uses(own: Path, capsys: Capture) -> None:
    candidate = Shelf.of(own).entries("patches")[1]
    assert command(["promote", "patches", "1.2.4", "--data-dir", str(own), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["id"], said["stage"]) == (candidate.id, "production")
    assert command(["models", "--data-dir", str(own), "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (model,) = (row for row in listed if row["model"] == "patches")
    assert (model["version"], model["weights_sha256"]) == ("1.2.4", candidate.weights_sha256)
    assert command(["stages", "patches", "--data-dir", str(own), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["version"], row["stage"]) for row in rows] == [
        ("1.2.3", "archived"),
        ("1.2.4", "production"),
    ]
    store = Store.open(own / "record.sqlite3")
    try:
        with store.reading() as tx:
            (entry,) = tx.entries()
    finally:
        store.close()
    assert entry.kind == EventKind.MODEL_INSTALLED.value
    assert entry.data["model"]["weights_sha256"] == candidate.weights_sha256


def test_a_model_out_of_production_is_not_installed_any_more(own: Path) -> None:
    shelf = Shelf.of(own)
    first, second = shelf.entries("patches")
    shelf.staged("patches", first.id, Stage.ARCHIVED)
    assert not (shelf.installed / "patches").exists()
    shelf.staged("patches", second.id, Stage.STAGING)
    assert not (shelf.installed / "patches").exists()
    shelf.staged("patches", first.id, Stage.PRODUCTION)
    assert Registry((shelf.installed,)).get("patches").manifest.version == "1.2.3"


def test_a_damaged_candidate_is_not_installed(own: Path) -> None:
    shelf = Shelf.of(own)
    candidate = shelf.entries("patches")[1]
    (shelf.place(candidate) / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelRefused, match="SHA-256"):
        shelf.staged("patches", candidate.id, Stage.PRODUCTION)
    assert Registry((shelf.installed,)).get("patches").manifest.version == "1.2.3"
    assert [entry.stage for entry in shelf.entries("patches")] == [Stage.PRODUCTION, Stage.CANDIDATE]


def test_what_a_killed_packaging_left_is_tidied_up_after_a_day(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "registry", tmp_path / "models", tmp_path / "shipped")
    old, young = (shelf.root / name / "x" for name in (".making-old", ".making-young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old.parent, (0, 0))
    with shelf.bench() as folder:
        assert folder.is_dir()
        assert not old.exists()
        assert young.exists()
    assert not folder.exists()


def test_what_is_not_in_the_registry_is_refused(own: Path) -> None:
    shelf = Shelf.of(own)
    for name, identity in (("patches", "9"), ("patches", "1.2."), ("../runs", "1"), ("none", "")):
        with pytest.raises(InputRefused, match="no one package"):
            shelf.staged(name, identity, Stage.PRODUCTION)
    (shelf.root / "patches" / "stages.json").write_text(
        '[{"name": "patches", "id": "../../x"}]', encoding="utf-8"
    )
    with pytest.raises(ModelRefused, match="cannot be read"):
        shelf.entries()


def test_packaging_again_keeps_the_stage(own: Path, school: Path) -> None:
    shelf = Shelf.of(own)
    start.packaged(
        start.read(own / "runs" / "first" / "recipe.toml"), school / "images", own / "runs" / "first", shelf
    )
    assert [entry.stage for entry in shelf.entries("patches")] == [Stage.PRODUCTION, Stage.CANDIDATE]


def test_a_run_stands_in_mlflows_files(school: Path) -> None:
    """Read back with MLflow's own client."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    from mlflow.tracking import MlflowClient

    folder = school / "runs" / "patches"
    client = MlflowClient(tracking_uri=(school / "runs" / "mlruns").as_uri())
    found = client.get_run((folder / "mlflow.txt").read_text("utf-8").strip())
    assert found.info.status == "FINISHED"
    record = json.loads((folder / "run.json").read_text("utf-8"))
    params = found.data.params
    assert params["recipe.network"] == "efficientnet-b0-front"
    assert params["data.sha256"] == record["data"]["sha256"]
    assert params["program.revision"] == record["program"]["revision"]
    assert found.data.tags["stage"] == "candidate"
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
    losses = client.get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value) for point in losses] == [
        (line["epoch"], line["loss"]) for line in lines
    ]
    package = Registry((Shelf.of(school).place(Shelf.of(school).entries()[1]).parent,)).get("patches")
    (auroc,) = (
        metric.value
        for metric in package.manifest.metrics
        if metric.name == "auroc" and not metric.fold.count(":")
    )
    assert found.data.metrics["test/auroc Patch"] == pytest.approx(auroc)


def test_a_run_that_goes_on_goes_on_in_mlflow_too(tmp_path: Path) -> None:
    draw_pictures(tmp_path)
    settings = replace(RECIPE, package=None)
    token = CancelToken()

    def stop(step: Progress) -> None:
        if step.text.startswith("Epoch 2"):
            token.cancel()

    with pytest.raises(Cancelled):
        run.train(settings, tmp_path, tmp_path / "runs", None, progress=stop, cancel=token)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(tmp_path / "runs" / "mlruns").as_uri())
    identity = (tmp_path / "runs" / "patches" / "mlflow.txt").read_text("utf-8").strip()
    assert client.get_run(identity).info.status == "KILLED"
    run.train(settings, tmp_path, tmp_path / "runs", None)
    assert (tmp_path / "runs" / "patches" / "mlflow.txt").read_text("utf-8").strip() == identity
    assert client.get_run(identity).info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(identity, "loss")] == [1, 2]


def test_a_store_that_cannot_be_written_costs_no_training(tmp_path: Path) -> None:
    (tmp_path / "runs" / "patches").mkdir(parents=True)
    (tmp_path / "runs" / "mlruns").write_text("a file is in the way", encoding="utf-8")
    (tmp_path / "runs" / "patches" / "run.json").write_text(
        '{"recipe": {"name": "patches"}}', encoding="utf-8"
    )
    tracking.begun(tmp_path / "runs" / "patches")
    tracking.ended(tmp_path / "runs" / "patches")
    assert not (tmp_path / "runs" / "patches" / "mlflow.txt").exists()


@pytest.mark.slow
def test_training_and_searching_open_no_connection(tmp_path: Path) -> None:
    """A process of its own, as a user has it: nothing there tells MLflow that this is a test."""
    draw_pictures(tmp_path, people=20)
    program = """
import socket, sys, threading
asked = []
def refuse(*given, **named):
    asked.append(given[1:] or given)
    raise OSError("there is no network")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = socket.gethostbyname = refuse
from medvision_desktop.cli import run
code = run(sys.argv[1].split("|")) or run(sys.argv[2].split("|"))
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(3)
print(code, asked)
"""
    more = ["--data", str(tmp_path), "--data-dir", str(tmp_path / "own")]
    trains = ["train", str(ROOT / "recipes" / "smoke.toml"), "--level", "1", *more]
    searches = ["search", str(ROOT / "recipes" / "smoke.toml"), "--trials", "1", "--level", "1", *more]
    hidden = ("PYTEST", "MLFLOW", "DO_NOT_TRACK", "CI", "GITHUB")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        [sys.executable, "-c", program, "|".join(trains), "|".join(searches)],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own", "pictures"]


def test_a_search_goes_on_and_keeps_the_best(tmp_path: Path, capsys: Capture) -> None:
    draw_pictures(tmp_path)
    settings = replace(quick(), package=None, initial="none")
    token, seen = CancelToken(), []

    def stop(step: Progress) -> None:
        seen.append(step.text)
        if step.text.startswith("Trial 2 of 2: Epoch"):
            token.cancel()

    with pytest.raises(Cancelled):
        search.search(settings, tmp_path, tmp_path / "runs", 2, progress=stop, cancel=token)
    assert any(text.startswith("Trial 1 of 2: Epoch 1 of 1") for text in seen)
    found = search.search(settings, tmp_path, tmp_path / "runs", 2)
    assert found.trials == 2
    folder = tmp_path / "runs" / "patches" / "search"
    rows = [line.split(",") for line in (folder / "trials.csv").read_text("utf-8").splitlines()]
    states = [row[1] for row in rows[1:]]
    assert (states.count("complete"), states.count("fail")) == (2, 1)
    # What was under way is tried again with the same numbers.
    failed = next(row for row in rows if row[1] == "fail")
    assert sum(row[3:] == failed[3:] for row in rows) == 2
    assert found.auroc == pytest.approx(max(float(row[2]) for row in rows[1:] if row[2]), abs=1e-6)
    best = recipe.read(folder / "best.toml")
    assert best == found.recipe
    assert (best.name, best.network, best.seed) == ("patches", settings.network, settings.seed)
    assert not list(folder.glob("trial-*"))
    with pytest.raises(InputRefused, match="Changed: size"):
        search.search(replace(settings, size=64), tmp_path, tmp_path / "runs", 3)


def test_the_numbers_of_a_trial_are_within_reason_and_follow_from_the_seed() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def drawn(seed: int) -> list[recipe.Recipe]:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        return [search.suggested(study.ask(), RECIPE) for _ in range(8)]

    found = drawn(1)
    assert found == drawn(1)
    assert found != drawn(2)
    assert all(1e-5 <= one.learning_rate <= 1e-2 and 0 <= one.dropout <= 0.5 for one in found)
    assert {one.thaw for one in found} == {0}
