"""A package is data: it runs only when every file is what the manifest says and every number fits."""

from __future__ import annotations

import json
import os
import shutil
import struct
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit import calibration, manifest, manifest_text, weights
from medvision_desktop.modelkit.registry import Registry
from tests.helpers.model_cases import make_package, quick


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("package"), recipe=quick())


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "models")
    return tmp_path / "models"


def test_the_manifest_reads_back_as_it_was_written(models: Path) -> None:
    found = Registry((models,)).get("patches").manifest
    assert manifest.from_table(tomllib.loads(manifest_text.text(found))) == found


def test_what_is_executed_is_what_the_reference_names(models: Path) -> None:
    package = Registry((models,)).get("patches")
    assert package.ref.weights_sha256 == package.manifest.sha256("model.onnx")
    assert package.manifest.parity is not None
    assert package.manifest.parity.executed == package.ref.weights_sha256
    assert package.manifest.parity.reference == package.manifest.sha256("weights.safetensors")


@pytest.mark.parametrize(
    "name",
    [
        "model.onnx",
        "weights.safetensors",
        "calibration.json",
        "card.md",
        "predictions.csv",
        "reference.json",
    ],
)
def test_one_changed_byte_in_any_file_is_refused_by_name(models: Path, name: str) -> None:
    path = models / "patches" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelRefused, match=name):
        Registry((models,)).get("patches")


def test_a_missing_file_is_refused_by_name(models: Path) -> None:
    (models / "patches" / "reference.json").unlink()
    with pytest.raises(ModelRefused, match=r"reference\.json cannot be read"):
        Registry((models,)).get("patches")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t.pop("labels"), "lacks 'labels'"),
        (lambda t: t.update(labels=["A", "B"]), "binary task has one label"),
        (lambda t: t.update(task="guess"), "task 'guess' is unknown"),
        (lambda t: t.update(network="from_a_file"), "network 'from_a_file' is unknown"),
        (lambda t: t["thresholds"].update(Patch=1.0), "threshold is outside"),
        (lambda t: t["thresholds"].update(Patch=float("nan")), "wrong kind"),
        (lambda t: t["preprocessing"].update(size=10**9), "wrong kind"),
        (lambda t: t["preprocessing"].update(std=0.0), "wrong kind"),
        (lambda t: t["preprocessing"].update(version="0"), "another version"),
        (lambda t: t["files"].update({"../../x": "0" * 64}), "leads out"),
        (lambda t: t["files"].pop("model.onnx"), "not among its files"),
        (lambda t: t["parity"].update(logits=0.1), "more than 1e-4"),
        (lambda t: t["parity"].update(executed="0" * 64), "another executed file"),
        (lambda t: t.pop("parity"), "Nothing binds"),
        (lambda t: t.update(version="new"), "three numbers"),
        (lambda t: t.update(confidence_floor=0.2), "confidence floor"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_saying_what(
    models: Path, change: Callable[[dict[str, Any]], object], word: str
) -> None:
    path = models / "patches" / "manifest.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    change(table)
    with pytest.raises(ModelRefused, match=word):
        manifest.from_table(table)


def test_a_manifest_that_is_not_toml_is_refused(models: Path) -> None:
    (models / "patches" / "manifest.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(ModelRefused, match="not TOML"):
        Registry((models,)).get("patches")


def test_a_package_in_a_folder_of_another_name_is_refused(models: Path) -> None:
    (models / "patches").rename(models / "other")
    with pytest.raises(ModelRefused, match="folder and its name differ"):
        Registry((models,)).get("other")


@pytest.mark.parametrize("name", ["nothing", "../models/patches", ""])
def test_a_name_that_is_not_there_says_what_is(models: Path, name: str) -> None:
    with pytest.raises(ModelRefused, match="patches"):
        Registry((models,)).get(name)


def test_the_readers_own_package_comes_before_the_shipped_one(models: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(models, own)
    found = Registry((own, models))
    assert found.names() == ("patches",)
    assert found.get("patches").directory == own / "patches"


def test_a_package_replaced_while_running_is_verified_again(models: Path) -> None:
    found = Registry((models,))
    first = found.get("patches")
    assert found.get("patches") is first
    path = models / "patches" / "manifest.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("1.2.3", "1.2.4"), encoding="utf-8")
    assert found.get("patches").manifest.version == "1.2.4"


def test_a_safetensors_header_that_lies_about_its_size_is_refused(models: Path, tmp_path: Path) -> None:
    content = (models / "patches" / "weights.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["classifier.weight"]["shape"] = [1, 10**12]
    text = json.dumps(header).encode()
    path = tmp_path / "lying.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(ModelRefused, match="size of its shape"):
        weights.shapes(path)
    path.write_bytes((2**60).to_bytes(8, "little"))
    with pytest.raises(ModelRefused, match="too long"):
        weights.shapes(path)
    path.write_bytes(b"abc")
    with pytest.raises(ModelRefused, match="not a safetensors"):
        weights.shapes(path)


def test_a_calibration_that_turns_scores_around_or_is_another_models_is_refused(models: Path) -> None:
    path = models / "patches" / "calibration.json"
    with pytest.raises(ModelRefused, match="labels are not"):
        calibration.read(path, ("Other",))
    table = json.loads(path.read_text(encoding="utf-8"))
    table["lines"][0]["slope"] = -1
    path.write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(ModelRefused, match="slope must be positive"):
        calibration.read(path, ("Patch",))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are of Unix")
def test_a_pipe_in_place_of_weights_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(ModelRefused, match="is not a file"):
        weights.read_verified(tmp_path / "model.onnx", "0" * 64)


def test_weights_whose_header_is_nested_without_end_are_refused(tmp_path: Path) -> None:
    deep = b"[" * 100_000
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", len(deep)) + deep)
    with pytest.raises(ModelRefused, match="not a safetensors file"):
        weights.shapes(path)
