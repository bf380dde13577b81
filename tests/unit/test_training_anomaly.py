"""Anomaly: an autoencoder of normal pictures, its error as score and map, a threshold of normal people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import logistic
from sklearn.metrics import roc_auc_score

from medvision_desktop.domain.findings import AnalysisState, GateReport, LabelScore
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused, ModelRefused
from medvision_desktop.inference import cam, engine
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import Runner
from medvision_desktop.modelkit import manifest as manifests
from medvision_desktop.modelkit.networks.autoencoder import Autoencoder
from medvision_desktop.modelkit.networks.build import from_package
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import anomaly, calibrate, card, predictions, run
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe
from tests.helpers.model_cases import RECIPE, WORDS


def test_the_score_is_the_mean_squared_difference_of_image_and_drawing() -> None:
    torch.manual_seed(1)
    made = Autoencoder().eval()
    batch = torch.randn(2, 1, 128, 128).expand(-1, 3, -1, -1)
    with torch.inference_mode():
        score, error = made(batch)
        again = made.drawn(batch[:, :1])
    squares = (batch[:, 0] - again[:, 0]).double().numpy() ** 2
    blocks = squares.reshape(2, 32, 4, 32, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(error[:, 0].numpy(), blocks, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(score[:, 0].numpy(), squares.mean(axis=(1, 2)), rtol=1e-4)
    made.train()
    assert made(batch).shape == (2, 1, 128, 128)


def test_a_description_has_256_numbers() -> None:
    made = Autoencoder()
    assert made.latent(made.features(torch.zeros(2, 1, 128, 128)).flatten(1)).shape == (2, 256)


def _table(scores: np.ndarray, truth: np.ndarray) -> Predictions:
    n = len(scores)
    people = tuple(f"p{index}" for index in range(n))
    return Predictions(people, ("test",) * n, people, ("",) * n, truth.astype(np.int64), scores)


def test_calibration_and_threshold_come_from_normal_people_alone() -> None:
    random = np.random.default_rng(0)
    normal = random.logistic(0.4, 0.05, 4000)
    ill = random.logistic(9.0, 0.5, 1000)
    table = _table(np.concatenate([normal, ill]), np.arange(5000) >= 4000)
    fitted = anomaly.fit(("Unlike",), table, data="normal", date="2026-01-01")
    said = calibrate.probabilities(fitted, table, softmax=False)[:4000, 0]
    # Of a logistic distribution the value is the share that lies lower.
    np.testing.assert_allclose(said, logistic.cdf(normal, 0.4, 0.05), atol=0.02)
    assert np.mean(said < 0.5) == pytest.approx(0.5, abs=0.001)
    assert np.mean(said < 0.95) == pytest.approx(0.95, abs=0.001)
    assert fitted.n == 4000
    level = anomaly.threshold(fitted, table)
    assert np.mean(said < level) == pytest.approx(0.95, abs=0.002)


def _draw(folder: Path) -> Path:
    """Normal: soft bodies, nowhere the same twice. Not normal: the same with coarse noise in one place."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:64, 0:64] / 64 - 0.5
    for name, count in (("NORMAL", 60), ("PNEUMONIA", 40)):
        (folder / "films" / name).mkdir(parents=True)
        for index in range(count):
            wide, left, top = random.uniform(0.06, 0.2), *random.uniform(-0.15, 0.15, 2)
            body = np.exp(-((x - left) ** 2 + (y - top) ** 2) / wide)
            picture = 180 * body + random.uniform(-60, 60) * x + 30 + random.normal(0, 2, (64, 64))
            if name == "PNEUMONIA":
                picture[36:60, 4:28] += random.choice([-70, 70], (6, 6)).repeat(4, 0).repeat(4, 1)
            named = f"IM-{index:04d}-0001.jpeg" if name == "NORMAL" else f"person{index}_virus_1.jpeg"
            cv2.imwrite(str(folder / "films" / name / named), np.clip(picture, 0, 255).astype(np.uint8))
    return folder


def _recipe() -> Recipe:
    return replace(
        RECIPE,
        name="unlike",
        network=manifests.AUTOENCODER,
        source="kermany",
        folder="films",
        labels=("Unlike",),
        loss="reconstruction",
        size=128,
        seed=53,
        epochs=6,
        patience=6,
        learning_rate=3e-3,
        package=replace(WORDS, task="anomaly", half=True, evaluated_on="", threshold=0.0),
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _draw(tmp_path_factory.mktemp("unlike"))


@pytest.fixture(scope="module")
def package(drawn: Path) -> ModelPackage:
    made = run.train(_recipe(), drawn, drawn / "runs", drawn / "models")
    assert made is not None
    return made


def test_the_card_tells_order_and_threshold_and_no_probability(package: ModelPackage) -> None:
    table = predictions.read(package.directory / "predictions.csv")
    assert card.measured(table, package.calibration, package.manifest) == package.manifest.metrics
    names = [entry.name for entry in package.manifest.metrics]
    assert names == ["auroc", "auprc", "sensitivity", "specificity"]
    test = table.of("test")
    wanted = roc_auc_score(test.truth[:, 0], test.scores[:, 0])
    assert package.manifest.metrics[0].value == pytest.approx(wanted, abs=1e-4)
    written = (package.directory / "card.md").read_text("utf-8")
    assert "drawn better" in written
    assert "no probability" not in written
    assert package.calibration.method == "normals"
    # 60 normal pictures and 40 others were drawn; only the normal ones of the training people taught it.
    seen = int(package.manifest.trained_on.split()[0])
    assert 30 < seen <= 60 - int((~table.truth[:, 0]).sum())


def test_the_program_shows_reconstruction_error_and_does_not_call_it_attention(
    package: ModelPackage, drawn: Path
) -> None:
    runner = Runner("onnxruntime")
    model = runner.load(package.directory)
    path = min((drawn / "films" / "PNEUMONIA").iterdir())
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    frame = Frame(np.asarray(picture, dtype=np.uint8), bits_stored=8)
    request = InferenceRequest("unlike", frame, GateReport(ok=True), cam_method="gradcam", random_maps=2)
    result = runner.run(request, model, None)
    assert result.state is AnalysisState.DONE
    (score,), (heat,) = result.labels, result.maps
    assert not score.uncertain
    assert heat.method == "reconstruction error"
    assert heat.grid.shape == (32, 32)
    assert heat.faithfulness is None
    assert result.manifest is not None
    assert result.manifest.cam_method == "reconstruction error"
    # The noise lies in the lower left quarter.
    assert heat.grid[16:, :16].mean() > 2 * heat.grid[:16, 16:].mean()


def test_torch_and_onnx_draw_alike(package: ModelPackage) -> None:
    batch = np.random.default_rng(0).normal(size=(1, 3, 128, 128)).astype(np.float32)
    batch[:, 1:] = batch[:, :1]
    with torch.inference_mode():
        logits, maps = (part.numpy() for part in from_package(package)(torch.from_numpy(batch)))
    found = engine.load(package, "onnxruntime").run(batch)
    np.testing.assert_allclose(found[0], logits, atol=1e-4)
    np.testing.assert_allclose(found[1], maps, atol=1e-4 * float(maps.max()))


def test_the_map_of_a_normal_image_stays_as_dim_as_its_error() -> None:
    error = np.array([[0.0, 1.0], [0.5, 0.0]], dtype=np.float32)
    no = LabelScore("x", 0.1, 0.1, 0.9, positive=False)
    yes = LabelScore("x", 0.95, 0.9, 0.9, positive=True)
    np.testing.assert_allclose(cam.error(no, error, 4.0), error / 4)
    np.testing.assert_allclose(cam.error(yes, error, 4.0), error)


def test_a_manifest_whose_network_does_not_do_its_task_is_refused(package: ModelPackage) -> None:
    from medvision_desktop.modelkit import manifest_text

    other = replace(package.manifest, task="binary")
    import tomllib

    with pytest.raises(ModelRefused, match="does not do its task"):
        manifests.from_table(tomllib.loads(manifest_text.text(other)))


def test_a_loss_of_pictures_is_for_the_autoencoder_only(drawn: Path) -> None:
    with pytest.raises(InputRefused, match="reconstruction is for"):
        run.train(replace(_recipe(), network="efficientnet-b0"), drawn, drawn / "runs-b0", None)
