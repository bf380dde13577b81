"""The packages of volumes that ship: cards follow from predictions, and all forms of the weights agree."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from medvision_desktop import paths
from medvision_desktop.domain.findings import AnalysisState, GateReport
from medvision_desktop.inference import volume_engine
from medvision_desktop.inference.volume_runner import VolumeRequest, VolumeRunner
from medvision_desktop.modelkit.networks.build import from_package
from medvision_desktop.modelkit.registry import ModelPackage, Registry
from medvision_desktop.modelkit.segmentation import TASK, Segmentation
from medvision_desktop.training import volume_card, volume_recipe, volume_sources
from medvision_desktop.training import volume_predictions as predictions
from medvision_desktop.training.volume_measure import dice

ROOT = Path(__file__).parents[2]
SHIPPED = Registry((paths.shipped_models(),))
VOLUMES = [name for name in SHIPPED.names() if SHIPPED.get(name).manifest.task == TASK]


@pytest.fixture(scope="module", params=VOLUMES)
def package(request: pytest.FixtureRequest) -> ModelPackage:
    return SHIPPED.get(request.param)


def _found(package: ModelPackage) -> Segmentation:
    found = package.manifest.segmentation
    assert found is not None
    return found


def test_both_packages_of_volumes_ship() -> None:
    assert set(VOLUMES) >= {"hippocampus", "brain-tumour-3d"}


def test_the_numbers_and_the_card_are_computed_from_the_predictions(package: ModelPackage) -> None:
    rows = predictions.read(package.directory / "predictions.csv")
    manifest = package.manifest
    sums = [name for name, _ in _found(package).sums]
    assert predictions.measured(rows, manifest.labels, sums) == manifest.metrics
    words = volume_recipe.read(ROOT / "recipes" / f"{manifest.name}.toml").package
    assert words is not None
    written = volume_card.text(manifest, rows, (words.beyond, words.misses, words.evaluated_on))
    assert written == (package.directory / "card.md").read_text(encoding="utf-8")


def test_the_recipe_is_that_of_the_package(package: ModelPackage) -> None:
    recipe = volume_recipe.read(ROOT / "recipes" / f"{package.manifest.name}.toml")
    assert recipe.segmentation == package.manifest.segmentation
    assert recipe.labels == package.manifest.labels
    assert recipe.network == package.manifest.network


def test_safetensors_and_every_engine_agree(package: ModelPackage) -> None:
    spec = _found(package).spec
    shape = (1, spec.planes, 3 * spec.multiple, 4 * spec.multiple, 2 * spec.multiple)
    batch = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with torch.inference_mode():
        theirs = from_package(package)(torch.from_numpy(batch)).numpy()
    for name in ("onnxruntime", "openvino"):
        ours = volume_engine.load(package, name).run(batch)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_each_image_is_there_once_for_each_label(package: ModelPackage) -> None:
    with (package.directory / "predictions.csv").open(encoding="utf-8") as handle:
        listed = list(csv.DictReader(handle))
    assert all(len(row["sha256"]) == 64 for row in listed)
    pairs = {(row["sha256"], row["label"]) for row in listed}
    assert len(pairs) == len(listed)


def test_the_hippocampus_is_outlined_about_as_well_as_was_aimed_at() -> None:
    metrics = {(entry.label, entry.name): entry for entry in SHIPPED.get("hippocampus").manifest.metrics}
    mean = metrics["", "dice"]
    assert mean.n == 200
    assert mean.value >= 0.875
    assert mean.low < mean.value < mean.high


def test_the_card_of_the_brain_tumour_says_that_four_cases_are_four_cases() -> None:
    package = SHIPPED.get("brain-tumour-3d")
    card = (package.directory / "card.md").read_text(encoding="utf-8")
    assert "n = 4" in card
    assert "four" in package.manifest.contraindications[0]
    rows = predictions.read(package.directory / "predictions.csv")
    assert len({row.sha256 for row in rows}) == len({row.person for row in rows}) == 4


@pytest.mark.data
def test_real_crops_are_outlined_where_the_expert_outlined_them(data_dir: Path) -> None:
    runner = VolumeRunner("onnxruntime")
    model = runner.load(paths.shipped_models() / "hippocampus")
    recipe = volume_recipe.read(ROOT / "recipes" / "hippocampus.toml")
    scores = []
    for files in volume_sources.read(recipe, data_dir)[::25]:
        source = volume_sources.volume(files.channels[0][1])
        truth = volume_sources.label_values(volume_sources.volume(files.labels), recipe)
        request = VolumeRequest("hippocampus", {"T1": source}, "T1", GateReport(ok=True))
        result = runner.run(request, model)
        assert result.state is AnalysisState.DONE
        assert result.label_map is not None
        scores += [dice(result.label_map.values_kji == number, truth == number) for number in (1, 2)]
    assert np.mean(scores) > 0.85  # seen in training, so this is no measurement
