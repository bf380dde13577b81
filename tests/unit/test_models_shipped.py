"""The packages that ship: their cards hold, their files agree, and the gates keep the wrong images out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from medvision_desktop import paths
from medvision_desktop.domain.findings import AnalysisState, GateReport, InferenceResult
from medvision_desktop.domain.image import Frame, LoadedSeries, Photometric
from medvision_desktop.inference import engine
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import UNLIKE, Loaded, Runner
from medvision_desktop.modelkit.networks.build import from_package
from medvision_desktop.modelkit.preprocess import display_gray, network_input
from medvision_desktop.modelkit.registry import ModelPackage, Registry
from medvision_desktop.services.analyse import analyse
from medvision_desktop.services.open_study import open_series
from medvision_desktop.services.samples import sample_studies
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.training import card, predictions, recipe
from medvision_desktop.training.pictures import dicom_frame, raster_frame

ROOT = Path(__file__).parents[2]
SHIPPED = Registry((paths.shipped_models(),))
CLASSIFIERS = [name for name in SHIPPED.names() if SHIPPED.get(name).manifest.segmentation is None]
MAXIMUM_BYTES = 25_000_000


@pytest.fixture(scope="module", params=CLASSIFIERS)
def package(request: pytest.FixtureRequest) -> ModelPackage:
    return SHIPPED.get(request.param)


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner("onnxruntime")


@pytest.fixture(scope="module")
def gate(runner: Runner) -> Loaded:
    return runner.load(paths.shipped_models() / "chest-gate")


@pytest.fixture(scope="module")
def pneumonia(runner: Runner) -> Loaded:
    return runner.load(paths.shipped_models() / "chest-pneumonia")


@pytest.fixture
def bench(locations: paths.Locations) -> Iterator[Workbench]:
    made = Workbench(Settings(engine="onnxruntime"), locations)
    yield made
    made.close()


def test_the_first_issues_packages_ship() -> None:
    chest = {"chest-pneumonia", "chest-gate", "chest-tuberculosis"}
    assert {*chest, "brain-tumour-2d"} <= set(SHIPPED.names())


def test_the_card_is_computed_from_the_predictions(package: ModelPackage) -> None:
    table = predictions.read(package.directory / "predictions.csv")
    manifest = package.manifest
    assert card.measured(table, package.calibration, manifest) == manifest.metrics
    words = recipe.read(ROOT / "recipes" / f"{manifest.name}.toml").package
    assert words is not None
    written = card.text(manifest, package.calibration, table, (words.beyond, words.evaluated_on))
    assert written == (package.directory / "card.md").read_text(encoding="utf-8")


def test_no_file_is_too_large_for_the_repository(package: ModelPackage) -> None:
    assert all(path.stat().st_size < MAXIMUM_BYTES for path in package.directory.iterdir())


def test_the_people_of_calibration_and_test_are_different_people(package: ModelPackage) -> None:
    table = predictions.read(package.directory / "predictions.csv")
    people = [set(table.of(fold).person) for fold in ("validation", "calibration", "test")]
    assert not people[0] & people[1]
    assert not people[0] & people[2]
    assert not people[1] & people[2]


def test_safetensors_and_onnx_agree_and_the_map_sums_to_the_logit(
    package: ModelPackage, sample_file: Callable[[str], Path]
) -> None:
    films = [dicom_frame(sample_file(f"{name}_UNCR.dcm")) for name in ("RG1", "RG3")]
    batch = np.stack([network_input(film, package.manifest.preprocessing) for film in films])
    network = from_package(package)
    with torch.inference_mode():
        logits, maps = (found.numpy() for found in network(torch.from_numpy(batch)))
    found = engine.load(package, "onnxruntime").run(batch)
    np.testing.assert_allclose(found[0], logits, atol=1e-4)
    np.testing.assert_allclose(found[1], maps, atol=1e-4 * max(1.0, float(np.abs(maps).max())))
    # What an autoencoder says is its error itself: there is no bias.
    kept = network.state_dict()
    bias = kept["classifier.bias"].numpy() if "classifier.bias" in kept else 0.0
    np.testing.assert_allclose(found[0], found[1].mean(axis=(2, 3)) + bias, atol=1e-4)


def test_the_shipped_maps_keep_their_place(gate: Loaded, pneumonia: Loaded) -> None:
    assert gate.maps_fit
    assert pneumonia.maps_fit


def _asked(runner: Runner, gate: Loaded, model: Loaded, frame: Frame) -> InferenceResult:
    return runner.run(InferenceRequest("chest-pneumonia", frame, GateReport(ok=True)), model, gate)


def _as_png(frame: Frame) -> Frame:
    """The picture as somebody would export it: eight bits, nothing else."""
    gray = np.rint(display_gray(frame) * 255).astype(np.uint8)
    return raster_frame(cv2.imencode(".png", gray)[1].tobytes())


def test_the_pixel_gate_alone_takes_the_chest_film_and_refuses_the_leg(
    runner: Runner, gate: Loaded, pneumonia: Loaded, sample_file: Callable[[str], Path]
) -> None:
    chest, leg = (dicom_frame(sample_file(f"{name}_UNCR.dcm")) for name in ("RG1", "RG3"))
    assert _asked(runner, gate, pneumonia, _as_png(chest)).state is AnalysisState.DONE
    for frame in (leg, _as_png(leg)):
        result = _asked(runner, gate, pneumonia, frame)
        assert result.state is AnalysisState.REFUSED
        assert result.gate.reasons == (UNLIKE,)
    turned = [np.rot90(_as_png(leg).stored, quarters).copy() for quarters in (1, 2, 3)]
    inverted = (255 - _as_png(leg).stored).copy()
    for stored in (*turned, inverted):
        result = _asked(runner, gate, pneumonia, Frame(stored, bits_stored=8))
        assert result.state is AnalysisState.REFUSED


def test_the_pixel_gate_alone_refuses_other_pictures(
    runner: Runner, gate: Loaded, pneumonia: Loaded, sample_file: Callable[[str], Path]
) -> None:
    frames = [dicom_frame(sample_file(name)) for name in ("MR2_UNCR.dcm", "693_UNCR.dcm", "US1_UNCR.dcm")]
    from sklearn.datasets import load_sample_images

    frames += [Frame(picture.copy(), Photometric.RGB) for picture in load_sample_images().images]
    random = np.random.default_rng(0)
    frames.append(Frame(random.integers(0, 256, (256, 256)).astype(np.uint8), bits_stored=8))
    frames.append(Frame(np.tile(np.arange(256, dtype=np.uint8), (256, 1)), bits_stored=8))
    for frame in frames:
        assert _asked(runner, gate, pneumonia, frame).state is AnalysisState.REFUSED


def _sample(bench: Workbench, body_part: str) -> LoadedSeries:
    for study in sample_studies().studies:
        for series in study.series:
            if series.body_part == body_part:
                return open_series(study, series, decoder=bench.decoder)
    raise AssertionError(f"no sample of {body_part}")


def test_the_adult_sample_film_is_answered_with_a_doubt_about_age(bench: Workbench) -> None:
    result = analyse(bench, _sample(bench, "CHEST"), model="chest-pneumonia", reader="Dr A").result
    assert result.state is AnalysisState.DONE
    assert result.gate.ok
    assert result.gate.reasons == ("age_outside_training",)
    (heat,) = result.maps
    assert heat.box_xyxy == (0, 0, 1841, 1955)


def test_the_sample_leg_is_refused_by_its_header_and_the_picture_agrees(bench: Workbench) -> None:
    result = analyse(bench, _sample(bench, "EXTREMITY"), model="chest-pneumonia", reader="Dr A").result
    assert result.state is AnalysisState.REFUSED
    assert set(result.gate.reasons) == {"wrong_body_part", "age_outside_training", UNLIKE}
    assert result.labels == ()


@pytest.mark.data
def test_held_out_children_score_what_the_card_was_made_from(data_dir: Path, pneumonia: Loaded) -> None:
    table = predictions.read(pneumonia.package.directory / "predictions.csv")
    wanted = dict(zip(table.sha256, table.score, strict=True))
    spec = pneumonia.package.manifest.preprocessing
    import hashlib

    checked = 0
    for path in (
        sorted((data_dir / "chest-pneumonia").glob("*/*.jpeg"))[::40]
        or sorted((data_dir / "chest-pneumonia").glob("*/*.jpg"))[::40]
    ):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest in wanted:
            batch = network_input(raster_frame(content), spec)[np.newaxis]
            assert float(pneumonia.engine.run(batch)[0][0, 0]) == pytest.approx(wanted[digest], abs=1e-3)
            checked += 1
    assert checked > 20


def test_the_aim_of_the_first_issue_holds_on_the_held_out_children() -> None:
    metrics = {entry.name: entry for entry in SHIPPED.get("chest-pneumonia").manifest.metrics}
    assert metrics["auroc"].value >= 0.99
    assert metrics["auroc"].low <= metrics["auroc"].value <= metrics["auroc"].high
    assert metrics["auroc"].n > 400


def test_predictions_hold_no_file_names() -> None:
    for name in SHIPPED.names():
        with (SHIPPED.get(name).directory / "predictions.csv").open(encoding="utf-8") as handle:
            assert all(len(row["sha256"]) == 64 for row in csv.DictReader(handle))
