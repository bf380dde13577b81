"""Label maps from networks: windows with bounded memory, the source's geometry, refusals in words."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medvision_desktop.domain.findings import AnalysisState, GateReport
from medvision_desktop.domain.image import Volume
from medvision_desktop.domain.labelmap import LayerOrigin
from medvision_desktop.errors import Cancelled, ModelRefused
from medvision_desktop.inference import segment, volume_engine, volume_wire
from medvision_desktop.inference.volume_runner import VolumeRequest, VolumeRunner
from medvision_desktop.modelkit import manifest, manifest_text
from medvision_desktop.modelkit.networks.build import from_package
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import Floats, VolumeSpec, network_input
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.volume_cases import drawn, make_package


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("blobs"))


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "models")
    return tmp_path / "models"


class Plain:
    """A network in plain arithmetic: the value itself speaks for label 1, its opposite for background."""

    name, device, text = "plain", "cpu", "plain"

    def __init__(self, change: Callable[[Floats], Floats] = lambda batch: batch) -> None:
        self.asked: list[tuple[int, ...]] = []
        self._change = change

    def run(self, batch: Floats) -> Floats:
        self.asked.append(batch.shape)
        value = self._change(batch[:, :1])
        return np.concatenate([-value[:, :1], value], axis=1)


def _found(patch: tuple[int, int, int] = (16, 16, 16), **more: Any) -> Segmentation:
    spec = VolumeSpec(("T1",), (1.0, 1.0, 1.0), patch, 0.5)
    return Segmentation(spec, ((255, 0, 0),), **more)


@pytest.mark.parametrize("shape", [(10, 16, 13), (40, 23, 33), (16, 16, 64)])
def test_windows_put_together_say_what_one_look_at_the_whole_says(shape: tuple[int, int, int]) -> None:
    planes = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    engine = Plain()
    found = volume_engine.logits_of(engine, planes, _found(), 2)
    np.testing.assert_allclose(found[1], planes[0], atol=1e-5)
    assert all(asked[2:] == (16, 16, 16) for asked in engine.asked) or shape == (10, 16, 13)


def test_windows_are_weighted_as_monai_weights_them() -> None:
    from monai.inferers import sliding_window_inference

    planes = np.random.default_rng(1).normal(size=(1, 40, 37, 51)).astype(np.float32)

    def centred(batch: Floats) -> Floats:  # depends on the window, so that weights matter
        found: Floats = batch - batch.mean(axis=(2, 3, 4), keepdims=True)
        return found

    ours = volume_engine.logits_of(Plain(centred), planes, _found(), 2)
    theirs = sliding_window_inference(
        torch.from_numpy(planes[np.newaxis]),
        (16, 16, 16),
        1,
        lambda batch: torch.from_numpy(Plain(centred).run(batch.numpy())),
        overlap=0.5,
        mode="gaussian",
        sigma_scale=0.125,
    )
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=2e-3)


def test_a_window_without_an_image_is_background_and_not_asked_about() -> None:
    planes = np.zeros((1, 16, 16, 64), np.float32)
    planes[..., :8] = 1.0
    engine = Plain()
    found = volume_engine.logits_of(engine, planes, _found(), 2)
    assert len(engine.asked) == 1
    assert (found.argmax(axis=0)[..., 16:] == 0).all()


def test_a_mirrored_model_gives_the_mirror_image_the_mirrored_answer() -> None:
    planes = np.random.default_rng(2).normal(size=(1, 16, 16, 16)).astype(np.float32)

    def lopsided(batch: Floats) -> Floats:
        found: Floats = batch * np.arange(16, dtype=np.float32)
        return found

    found = _found(mirrored=True)
    one = volume_engine.logits_of(Plain(lopsided), planes, found, 2)
    other = volume_engine.logits_of(Plain(lopsided), np.ascontiguousarray(planes[..., ::-1]), found, 2)
    np.testing.assert_allclose(one, other[..., ::-1], atol=1e-5)


@pytest.mark.parametrize("shape", [(10, 16, 13), (16, 16, 16), (20, 33, 17)])
def test_a_shifted_model_that_looks_at_single_voxels_says_the_same(shape: tuple[int, int, int]) -> None:
    planes = np.random.default_rng(3).normal(size=(1, *shape)).astype(np.float32)
    engine = Plain()
    found = volume_engine.logits_of(engine, planes, _found(shifts=4), 2)
    np.testing.assert_allclose(found[1], planes[0], atol=1e-5)
    assert len(engine.asked) >= 4


def test_each_shift_puts_the_volume_on_other_places_of_the_networks_grid() -> None:
    seen = []

    def note(batch: Floats) -> Floats:
        seen.append(tuple(int(axis[0]) % 2 for axis in np.nonzero(batch[0, 0])))
        return batch

    volume_engine.logits_of(Plain(note), np.ones((1, 10, 10, 10), np.float32), _found(shifts=4), 2)
    assert len(set(seen)) == 4


def test_islands_under_a_volume_are_taken_away_and_others_stay() -> None:
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:8, 2:8, 2:8] = 1
    labels[8, 2:8, 2:8] = 2  # touches: one island of 252 voxels
    labels[15, 15, 15:18] = 2
    segment.without_islands(labels, np.diag([2.0, 2.0, 2.0, 1.0]), 1.0)
    assert (labels > 0).sum() == 252
    segment.without_islands(labels, np.diag([1.0, 1.0, 1.0, 1.0]), 1.0)
    assert not labels.any()


def test_a_run_stops_between_two_windows_and_says_how_far_it_is() -> None:
    planes = np.ones((1, 16, 16, 128), np.float32)
    token, told = CancelToken(), []

    def tell(progress: Progress) -> None:
        told.append(progress.fraction)
        if progress.done == 3:
            token.cancel()

    engine = Plain()
    with pytest.raises(Cancelled):
        volume_engine.logits_of(engine, planes, _found(), 2, progress=tell, cancel=token)
    assert len(engine.asked) == 4
    assert told == sorted(told)


def _volume(seed: int, affine: NDArray[np.float64] | None = None) -> tuple[Volume, NDArray[np.uint8]]:
    values, labels = drawn(seed)
    swap = np.eye(4)[[2, 1, 0, 3]]
    place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ swap if affine is None else affine
    turned = np.ascontiguousarray(values.transpose(2, 1, 0))
    return Volume(turned, place), np.ascontiguousarray(labels.transpose(2, 1, 0))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "torch"])
def test_every_engine_finds_the_blobs_where_they_are(trained: Path, engine: str) -> None:
    runner = VolumeRunner(engine)
    model = runner.load(trained / "blobs")
    source, truth = _volume(77)
    result = runner.run(VolumeRequest("blobs", {"T1": source}, "T1", GateReport(ok=True)), model)
    assert result.state is AnalysisState.DONE
    layer = result.label_map
    assert layer is not None
    np.testing.assert_array_equal(layer.affine_kji_to_lps, source.affine_kji_to_lps)
    for number, score in ((1, result.labels[0]), (2, result.labels[1])):
        mine, theirs = layer.values_kji == number, truth == number
        assert 2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()) > 0.6
        assert score.volume_ml == pytest.approx(mine.sum() / 1000)
    assert layer.origin is LayerOrigin.MODEL


def test_the_engines_agree_with_the_safetensors(trained: Path) -> None:
    package = Registry((trained,)).get("blobs")
    found = package.manifest.segmentation
    assert found is not None
    source, _ = _volume(78)
    planes = network_input({"T1": source}, found.spec).planes(found.spec)
    side = [extent // 8 * 8 for extent in planes.shape[1:]]
    batch = np.ascontiguousarray(planes[np.newaxis, :, : side[0], : side[1], : side[2]])
    with torch.inference_mode():
        theirs = from_package(package)(torch.from_numpy(batch)).numpy()
    for name in ("onnxruntime", "openvino"):
        ours = volume_engine.load(package, name).run(batch)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_label_that_left_out_images_were_poorly_outlined_of_is_always_uncertain(trained: Path) -> None:
    runner = VolumeRunner("onnxruntime")
    model = runner.load(trained / "blobs")
    metrics = tuple(
        replace(entry, value=0.05 if entry.label == "Bright" else 0.95) if entry.name == "dice" else entry
        for entry in model.package.manifest.metrics
    )
    model.package = replace(model.package, manifest=replace(model.package.manifest, metrics=metrics))
    source, _ = _volume(82)
    result = runner.run(VolumeRequest("blobs", {"T1": source}, "T1", GateReport(ok=True)), model)
    assert result.labels[0].uncertain


def test_a_refusing_gate_stops_the_network(trained: Path) -> None:
    runner = VolumeRunner("onnxruntime")
    model = runner.load(trained / "blobs")
    source, _ = _volume(79)
    gate = GateReport(ok=False, wanted="a drawn volume", given="something else")
    result = runner.run(VolumeRequest("blobs", {"T1": source}, "T1", gate), model)
    assert result.state is AnalysisState.REFUSED
    assert result.label_map is None
    assert "It wants: a drawn volume" in result.message


def test_a_result_is_the_same_on_the_other_side_of_the_wire(trained: Path) -> None:
    runner = VolumeRunner("onnxruntime")
    model = runner.load(trained / "blobs")
    source, _ = _volume(80)
    request = VolumeRequest("blobs", {"T1": source}, "T1", GateReport(ok=True, reasons=("no_header",)))
    words, arrays = volume_wire.pack_request(request)
    there = volume_wire.unpack_request(words, arrays, "blobs")
    np.testing.assert_array_equal(there.channels["T1"].stored_kji, source.stored_kji)
    result = runner.run(there, model)
    back = volume_wire.unpack_result(*volume_wire.pack_result(result), "1.2.3")
    assert back.labels == result.labels
    assert back.manifest == result.manifest
    assert back.gate == result.gate
    assert back.label_map is not None
    assert result.label_map is not None
    assert back.label_map.frame_of_reference == "1.2.3"
    np.testing.assert_array_equal(back.label_map.values_kji, result.label_map.values_kji)
    assert back.label_map.segments == result.label_map.segments


def test_the_manifest_of_a_segmenting_model_reads_back_as_it_was_written(trained: Path) -> None:
    found = Registry((trained,)).get("blobs").manifest
    assert manifest.from_table(tomllib.loads(manifest_text.text(found))) == found
    rich = replace(
        found,
        segmentation=replace(
            found.segmentation,  # type: ignore[arg-type]  # it is there
            sums=(("Both", ("Bright", "Brighter")),),
            needed=("T1",),
            mirrored=True,
            shifts=3,
            smallest_ml=1.5,
            background_share=(0.25, 0.75),
            codes=(("1", "99X", "one"), ("2", "99X", "two")),
        ),
    )
    assert manifest.from_table(tomllib.loads(manifest_text.text(rich))) == rich


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda t: t["segmentation"].update(patch=[30, 32, 32]), "wrong kind"),
        (lambda t: t["segmentation"].update(patch=[10**9] * 3), "wrong kind"),
        (lambda t: t["segmentation"].update(colours=[[1, 2, 3]]), "Every label has a colour"),
        (lambda t: t["segmentation"].update(needed=["T9"]), "needs a channel"),
        (lambda t: t["segmentation"].update(channels=[]), "wrong kind"),
        (lambda t: t["segmentation"].pop("spacing_mm"), "lacks 'spacing_mm'"),
        (lambda t: t.pop("segmentation"), "lacks|wrong kind|do not go together"),
        (lambda t: t.update(task="binary"), "do not go together|one label"),
        (lambda t: t.update(network="efficientnet-b0"), "does not do its task"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_in_words(
    models: Path, change: Callable[[dict[str, Any]], object], word: str
) -> None:
    table = tomllib.loads((models / "blobs" / manifest.FILE).read_text(encoding="utf-8"))
    change(table)
    with pytest.raises(ModelRefused, match=word):
        manifest.from_table(table)


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "reference.json", "card.md"])
def test_one_changed_byte_is_refused_by_name(models: Path, name: str) -> None:
    path = models / "blobs" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelRefused, match=name):
        VolumeRunner("onnxruntime").load(models / "blobs")


def test_a_package_that_changed_while_the_program_ran_is_refused(models: Path) -> None:
    with pytest.raises(ModelRefused, match="changed while the program was running"):
        VolumeRunner("onnxruntime").load(models / "blobs", "0" * 64)


def test_a_network_that_gives_no_numbers_is_a_failure_in_words(trained: Path) -> None:
    runner = VolumeRunner("onnxruntime")
    model = runner.load(trained / "blobs")
    model.engine = Plain(lambda batch: np.concatenate([batch, batch * np.float32(np.nan)], axis=1))
    source, _ = _volume(81)
    result = runner.run(VolumeRequest("blobs", {"T1": source}, "T1", GateReport(ok=True)), model)
    assert result.state is AnalysisState.FAILED
    assert "gave no numbers" in result.message
