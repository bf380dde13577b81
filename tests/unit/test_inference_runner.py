"""From a frame to a result: labels, doubts, maps in the frame's own pixels, and who said no."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchvision.ops import SqueezeExcitation

from medvision_desktop.domain.findings import AnalysisState, GateCheck, GateReport, LabelScore
from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import Cancelled, ModelRefused
from medvision_desktop.inference import cam, classify, engine
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import LOOKS_LIKE, UNLIKE, Loaded, Runner
from medvision_desktop.modelkit.manifest import Attention
from medvision_desktop.modelkit.networks.build import from_package, network
from medvision_desktop.modelkit.preprocess import Preprocessing, network_input
from medvision_desktop.modelkit.registry import ModelPackage, open_package
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.pixels.overlay import attention_in_source
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.model_cases import make_package

ENGINES = ("onnxruntime", "openvino", "torch")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return open_package(make_package(tmp_path_factory.mktemp("runner")) / "patches")


@pytest.fixture(scope="module")
def model(package: ModelPackage) -> Loaded:
    # What a network of a few pictures looks at may fail the phantom, or be no better than chance; these
    # tests are not about that.
    loaded = Runner("onnxruntime").load(package.directory)
    shown = replace(loaded.package, manifest=replace(loaded.package.manifest, attention=None))
    return replace(loaded, package=shown, maps_fit=True)


def _frame(seed: int = 0, rows: int = 90, columns: int = 70) -> Frame:
    picture = np.random.default_rng(seed).normal(90, 25, (rows, columns))
    picture[50:80, 10:40] += 90
    return Frame(np.clip(picture, 0, 255).astype(np.uint8), bits_stored=8)


def _request(frame: Frame, **options: object) -> InferenceRequest:
    return InferenceRequest("patches", frame, GateReport(ok=True), **options)  # type: ignore[arg-type]


def test_every_engine_gives_the_same_answer_as_torch(package: ModelPackage) -> None:
    batch = np.stack([network_input(_frame(seed), package.manifest.preprocessing) for seed in range(4)])
    reference = from_package(package)
    with torch.inference_mode():
        logits, maps = (found.numpy() for found in reference(torch.from_numpy(batch)))
    for name in ENGINES:
        found = engine.load(package, name).run(batch)
        np.testing.assert_allclose(found[0], logits, atol=1e-4)
        np.testing.assert_allclose(found[1], maps, atol=1e-4 * max(1, float(np.abs(maps).max())))


@pytest.mark.parametrize("name", ENGINES)
def test_the_map_sums_to_the_logit(package: ModelPackage, name: str) -> None:
    batch = network_input(_frame(), package.manifest.preprocessing)[np.newaxis]
    logits, maps = engine.load(package, name).run(batch)
    bias = float(from_package(package).classifier.bias.detach()[0])
    assert logits[0, 0] == pytest.approx(bias + maps[0, 0].mean(), abs=1e-4)


def test_the_native_map_is_what_grad_cam_finds_after_the_last_activation() -> None:
    from medvision_desktop.inference.gradcam import GradCam

    torch.manual_seed(0)
    made = network("efficientnet-b0-front", 3).eval()
    torch.nn.init.normal_(made.classifier.weight)
    batch = network_input(_frame(), Preprocessing(96, std=0.3))[np.newaxis]
    with torch.inference_mode():
        summands = made(torch.from_numpy(batch))[1][0].numpy()
    for label, summand in enumerate(summands):
        theirs = GradCam(made).grid(batch, label)
        ours = cv2.resize(np.clip(summand, 0, None), theirs.shape[::-1], interpolation=cv2.INTER_LINEAR)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


def test_a_result_says_what_ran_on_what(model: Loaded) -> None:
    frame = _frame()
    result = Runner("onnxruntime").run(_request(frame), model, None)
    assert result.state is AnalysisState.DONE
    assert result.manifest is not None
    assert result.manifest.model == model.package.ref == result.model
    assert result.manifest.inputs[0].pixel_sha256 == pixel_digest(frame.stored)
    assert (result.manifest.inputs[0].rows, result.manifest.inputs[0].columns) == (90, 70)
    assert result.manifest.engine == "onnxruntime"
    assert result.manifest.started_utc.endswith("Z")
    (score,) = result.labels
    assert 0 <= score.probability <= 1
    assert score.positive == (score.probability >= score.threshold)


def test_a_map_covers_the_whole_frame_and_stays_between_0_and_1(model: Loaded) -> None:
    result = Runner("onnxruntime").run(_request(_frame(), random_maps=2), model, None)
    (heat,) = result.maps
    assert heat.box_xyxy == (0, 0, 70, 90)
    rows, columns = model.package.manifest.grid
    assert heat.grid.shape == (4 * rows, 4 * columns)
    assert heat.grid.dtype == np.float32
    assert heat.grid.min() >= 0
    assert heat.grid.max() <= 1


YES = LabelScore("x", 0.9, 0.9, 0.5, positive=True)
NO = LabelScore("x", 0.1, 0.1, 0.5, positive=False)


def test_the_map_of_a_no_stays_dim_and_that_of_a_yes_reaches_the_top() -> None:
    summand = np.full((4, 4), 1.0, dtype=np.float32)
    assert np.all(cam.native(NO, summand, 4.0, 64) == 0.25)
    assert np.all(cam.native(NO, summand, 0.5, 64) == 1)
    assert np.all(cam.native(YES, summand, 4.0, 64) == 1)
    for score in (YES, NO):
        assert np.all(cam.native(score, -summand, 0.5, 64) == 0)


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-b0-dense", "efficientnet-b0-front"])
def test_a_cell_looks_around_stride_times_its_index(name: str) -> None:
    made = network(name, 1).eval()
    for module in made.modules():  # what is left is the geometry: every filter a plain average
        for child_name, child in module.named_children():
            if isinstance(child, torch.nn.SiLU | torch.nn.BatchNorm2d | SqueezeExcitation):
                setattr(module, child_name, torch.nn.Identity())
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    torch.nn.init.ones_(made.classifier.weight)
    side = 512
    image = torch.zeros(1, 3, side, side, requires_grad=True)
    maps = made(image)[1]
    cell = maps.shape[-1] // 2
    torch.autograd.backward(maps[0, 0, cell, cell])
    assert image.grad is not None
    seen = image.grad[0].sum(dim=0).double().numpy()
    places = np.arange(side)
    stride = side // maps.shape[-1]
    for axis in (0, 1):
        centre = float((seen.sum(axis=axis) * places).sum() / seen.sum())
        assert centre == pytest.approx(stride * cell, abs=1)


@pytest.mark.parametrize(("mirrored", "column"), [(False, 80.5), (True, 88.0)])
def test_attention_is_drawn_where_the_cell_looks(mirrored: bool, column: float) -> None:
    cells = np.zeros((8, 8), np.float32)
    cells[3, 5] = 1  # of 128 pixels: around row 48, column 80; from 80 to 95 with the mirrored look
    grid = cam.native(NO, cells, 1.0, 128, mirrored=mirrored)
    drawn = attention_in_source(cam.in_source("x", "native", grid, 1280, 2560), 1280, 2560)
    y, x = np.mgrid[0:1280, 0:2560]
    assert float((drawn * y).sum() / drawn.sum()) == pytest.approx(10 * 48.5 - 0.5, abs=5)
    assert float((drawn * x).sum() / drawn.sum()) == pytest.approx(20 * column - 0.5, abs=10)


@pytest.mark.parametrize("mirrored", [False, True])
def test_grad_cams_drawing_is_moved_to_the_same_place(mirrored: bool) -> None:
    cells = np.zeros((8, 8), np.float32)
    cells[3, 5] = 1
    grids = (
        cam.native(NO, cells, 1.0, 128, mirrored=mirrored),
        cam.gradcam(cv2.resize(cells, (128, 128)), 8, mirrored=mirrored),
    )
    ours, theirs = (cam.in_source("x", "native", grid, 128, 128) for grid in grids)
    pair = [attention_in_source(heat, 128, 128).ravel() for heat in (ours, theirs)]
    assert np.corrcoef(*pair)[0, 1] > 0.99


def test_a_mirrored_network_gives_the_mirrored_map_of_the_mirrored_film() -> None:
    torch.manual_seed(0)
    made = network("efficientnet-b0-dense-mirrored", 2).eval()
    torch.nn.init.normal_(made.classifier.weight)
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        logits, maps = made(image)
        turned_logits, turned_maps = made(image.flip(3))
        made.mirrored = False
        one, other = made(image), made(image.flip(3))
    torch.testing.assert_close(turned_logits, logits)
    torch.testing.assert_close(turned_maps, maps.flip(3))
    torch.testing.assert_close(logits, (one[0] + other[0]) / 2)


def test_the_dense_form_gives_b0s_own_cells_at_every_second_place() -> None:
    torch.manual_seed(0)
    made, dense = network("efficientnet-b0", 2).eval(), network("efficientnet-b0-dense", 2).eval()
    for module in made.modules():  # squeeze-and-excitation averages over cells, so it is left out here
        for child_name, child in module.named_children():
            if isinstance(child, SqueezeExcitation):
                setattr(module, child_name, torch.nn.Identity())
    for module in dense.modules():
        for child_name, child in module.named_children():
            if isinstance(child, SqueezeExcitation):
                setattr(module, child_name, torch.nn.Identity())
    torch.nn.init.normal_(made.classifier.weight)
    dense.load_state_dict(made.state_dict())
    with torch.inference_mode():
        image = torch.rand(1, 3, 128, 128)
        ours, theirs = dense(image)[1], made(image)[1]
    assert ours.shape[-1] == 2 * theirs.shape[-1]
    torch.testing.assert_close(ours[..., ::2, ::2], theirs, rtol=1e-3, atol=1e-5)


class _Places:
    """An engine whose map is the roughness of its input, cell by cell: it looks where things are."""

    name, device, text = "places", "cpu", "places"

    def __init__(self, turn: object = None) -> None:
        self._turn = turn or (lambda maps: maps)

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cells = np.abs(np.diff(batch[:, 0], axis=2, append=0)).reshape(len(batch), 8, 4, 8, 4)
        maps = cells.mean(axis=(2, 4))[:, np.newaxis].astype(np.float32)
        return maps.mean(axis=(2, 3)) * 10, self._turn(maps)  # type: ignore[operator]


SPEC = Preprocessing(32)


def test_a_map_that_keeps_its_place_passes_the_phantom() -> None:
    assert cam.maps_keep_their_place(_Places(), SPEC)


@pytest.mark.parametrize(
    "turn",
    [
        lambda maps: maps[..., ::-1],
        lambda maps: maps[..., ::-1, :],
        lambda maps: maps[..., ::-1, ::-1],
        lambda maps: maps.transpose(0, 1, 3, 2),
        lambda maps: np.rot90(maps, 1, (2, 3)),
        lambda maps: np.rot90(maps, 3, (2, 3)),
    ],
    ids=["mirrored", "upside down", "half turn", "transposed", "quarter", "three quarters"],
)
def test_a_map_that_comes_out_turned_fails_the_phantom(turn: object) -> None:
    assert not cam.maps_keep_their_place(_Places(turn), SPEC)


def test_a_faithful_map_loses_more_of_the_answer_than_random_ones() -> None:
    random = np.random.default_rng(0)
    batch = np.zeros((1, 3, 32, 32), np.float32)
    batch[:, :, 4:12, 20:28] = random.normal(0, 3, (8, 8))
    grid = _Places().run(batch)[1][0, 0]
    own, by_chance = cam.deletion_scores(_Places(), batch, 0, grid, negative=0.0, maps=8, seed=1)
    assert own > 1.5 * by_chance
    assert 0 <= by_chance <= own <= 1


def test_a_model_whose_maps_fail_the_phantom_gives_scores_and_no_maps(model: Loaded) -> None:
    result = Runner("onnxruntime").run(_request(_frame()), replace(model, maps_fit=False), None)
    assert result.labels
    assert not result.maps
    assert "No attention map" in result.message


def test_a_gate_that_said_no_means_no_score_exists(model: Loaded) -> None:
    gate = GateReport(ok=False, reasons=("wrong_body_part",), wanted="chest", given="leg")
    request = InferenceRequest("patches", _frame(), gate)
    result = Runner("onnxruntime").run(request, model, None)
    assert result.state is AnalysisState.REFUSED
    assert result.labels == ()
    assert result.maps == ()
    assert result.manifest is None
    assert "leg" in result.message


def test_the_pixel_gate_fills_its_line_and_can_refuse(model: Loaded) -> None:
    manifest = model.package.manifest
    for minimum, ok in ((0.0, True), (1.0, False)):
        wanted = replace(manifest.wanted, pixel_gate="patches", pixel_gate_minimum=minimum)
        asking = replace(model, package=replace(model.package, manifest=replace(manifest, wanted=wanted)))
        checks = (GateCheck("Body part", True), GateCheck(LOOKS_LIKE, None), GateCheck("View", None))
        request = InferenceRequest("patches", _frame(), GateReport(ok=True, checks=checks))
        result = Runner("onnxruntime").run(request, asking, model)
        assert result.gate.ok is ok
        assert [check.name for check in result.gate.checks] == ["Body part", LOOKS_LIKE, "View"]
        assert result.gate.checks[1].passed is ok
        assert (UNLIKE in result.gate.reasons) is not ok


def test_progress_only_grows_and_ends_near_its_total(model: Loaded) -> None:
    seen: list[Progress] = []
    Runner("onnxruntime").run(_request(_frame()), model, None, progress=seen.append)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert all(step.done < step.total for step in seen)
    assert all(step.text for step in seen)


def test_a_cancelled_run_stops_between_two_steps(model: Loaded) -> None:
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.text == "Running the network":
            token.cancel()

    with pytest.raises(Cancelled):
        Runner("onnxruntime").run(_request(_frame()), model, None, progress=stop, cancel=token)


def test_other_weights_than_asked_for_are_refused(package: ModelPackage) -> None:
    with pytest.raises(ModelRefused, match="changed"):
        Runner("onnxruntime").load(package.directory, "0" * 64)


def test_the_two_rules_of_doubt(package: ModelPackage) -> None:
    line = package.calibration.lines[0]

    def doubt(probability: float, task: str) -> bool:
        logit = (np.log(probability / (1 - probability)) - line.intercept) / line.slope
        asked = replace(
            package, manifest=replace(package.manifest, task=task, thresholds=(("Patch", 0.3),))
        )
        return classify.scores(asked, [float(logit)])[0].uncertain

    assert [doubt(p, "binary") for p in (0.1, 0.29, 0.31, 0.69, 0.71, 0.9)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert [doubt(p, "multi-label") for p in (0.1, 0.19, 0.21, 0.39, 0.41, 0.9)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_file_that_is_no_network_is_refused(package: ModelPackage, tmp_path: Path) -> None:
    wrong = replace(package.manifest, grid=(9, 9))
    with pytest.raises(ModelRefused, match="where the manifest says"):
        engine.load(replace(package, manifest=wrong), "onnxruntime")


def test_maps_that_find_no_more_than_chance_count_as_chance() -> None:
    assert Attention(own=0.44, random=0.41, n=94).by_chance
    assert not Attention(own=0.16, random=0.04, n=68).by_chance
