"""The inference child: frames cross whole, crashes cost one run, cancelling stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.domain.display import VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.findings import AnalysisState, GateCheck, GateReport
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, ModalityLut, Palette, Photometric, Rescale
from medvision_desktop.errors import Cancelled, ChildFailed, ModelRefused
from medvision_desktop.inference import wire
from medvision_desktop.inference.host import InferenceHost
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.inference.runner import Runner
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.model_cases import make_package, quick

GATE = GateReport(True, ("age_unknown",), (GateCheck("View", None, "not stated"),), "chest", "CR")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("host"), recipe=quick())


def _frame() -> Frame:
    stored = np.random.default_rng(0).integers(0, 4096, (60, 50)).astype(np.uint16)
    return Frame(
        stored,
        Photometric.MONOCHROME1,
        bits_stored=12,
        voi=(VoiWindow(2000, 3000),),
        sop_instance_uid="1.2.3",
        corner={"institution": "Somewhere"},
    )


FRAMES = (
    _frame(),
    Frame(
        np.random.default_rng(1).integers(-900, 900, (20, 30)).astype(np.int16),
        signed=True,
        modality=Rescale(2.0, -10.0),
        units="HU",
        voi=(VoiWindow(40, 400, VoiFunction.SIGMOID), VoiLut(0, np.arange(64, dtype=np.uint16), 6)),
        padding=(-900.0, -890.0),
        geometry=PlaneGeometry(
            (1.0, 2.0, 3.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), PixelSpacing(0.5, 0.6, SpacingSource.PATIENT)
        ),
    ),
    Frame(
        np.random.default_rng(2).integers(0, 64, (20, 30)).astype(np.uint8),
        modality=ModalityLut(0, np.arange(64, dtype=np.uint16)[::-1].copy()),
        voi=(VoiLut(0, np.arange(64, dtype=np.uint16) * 3, 8),),
        presentation_inverse=True,
        bits_stored=8,
    ),
    Frame(
        np.random.default_rng(3).integers(0, 4, (20, 30)).astype(np.uint8),
        Photometric.PALETTE_COLOR,
        bits_stored=8,
        palette=Palette(0, np.arange(12, dtype=np.uint8).reshape(4, 3) * 20),
    ),
    Frame(np.random.default_rng(4).integers(0, 255, (20, 30, 3)).astype(np.uint8), Photometric.RGB),
)


@pytest.mark.parametrize("frame", FRAMES, ids=["film", "ct", "luts", "palette", "rgb"])
def test_a_frame_means_the_same_on_the_other_side(frame: Frame) -> None:
    back = wire.unpack_frame(*wire.pack_frame(frame))
    np.testing.assert_array_equal(back.stored, frame.stored)
    np.testing.assert_array_equal(display_gray(back), display_gray(frame))
    assert (back.geometry is None) == (frame.geometry is None)
    assert back.padding == frame.padding


def test_nothing_of_the_header_but_its_numbers_crosses() -> None:
    words, _ = wire.pack_frame(_frame())
    assert "1.2.3" not in str(words)
    assert "Somewhere" not in str(words)


def test_a_result_from_the_child_is_the_result_here(models: Path) -> None:
    registry = Registry((models,))
    frame, host = _frame(), InferenceHost(registry, engine="onnxruntime")
    request = InferenceRequest("patches", frame, GATE, random_maps=2)
    try:
        there = host.run(request)
        assert host.device_text == "ONNX Runtime CPU"
    finally:
        host.close()
    runner = Runner("onnxruntime")
    here = runner.run(request, runner.load(models / "patches"), None)
    assert there.state is AnalysisState.DONE
    assert there.gate == here.gate == GATE
    assert there.labels == here.labels
    assert there.manifest is not None
    assert there.manifest.inputs[0].sop_instance_uid == "1.2.3"
    assert there.manifest.thresholds == registry.get("patches").manifest.thresholds
    for theirs, ours in zip(there.maps, here.maps, strict=True):
        np.testing.assert_array_equal(theirs.grid, ours.grid)


def test_a_child_that_was_killed_costs_one_run(models: Path) -> None:
    host = InferenceHost(Registry((models,)), engine="onnxruntime")
    request = InferenceRequest("patches", _frame(), GATE)
    try:
        host.warm("patches")
        first = host.pid

        def kill(progress: Progress) -> None:
            if progress.text == "Running the network":
                host.kill()

        def until_it_dies() -> None:
            # The child may be done before the signal is there; then the next one is interrupted.
            for _ in range(50):
                host.run(request, progress=kill)

        with pytest.raises(ChildFailed):
            until_it_dies()
        assert host.run(request).state is AnalysisState.DONE
        assert host.pid != first
    finally:
        host.close()


def test_a_run_cancelled_before_it_starts_is_cancelled(models: Path) -> None:
    host = InferenceHost(Registry((models,)), engine="onnxruntime")
    token = CancelToken()
    token.cancel()
    try:
        with pytest.raises(Cancelled):
            host.run(InferenceRequest("patches", _frame(), GATE), cancel=token)
        assert host.pid is None
    finally:
        host.close()


def test_weights_that_changed_on_disk_are_refused_by_the_child(models: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(models, tmp_path / "models")
    registry = Registry((tmp_path / "models",))
    registry.get("patches")
    path = tmp_path / "models" / "patches" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    host = InferenceHost(registry, engine="onnxruntime")
    try:
        with pytest.raises(ModelRefused, match=r"model\.onnx"):
            host.run(InferenceRequest("patches", _frame(), GATE))
    finally:
        host.close()


def test_the_parent_imports_no_engine() -> None:
    program = (
        "import sys; import medvision_desktop.inference.host, medvision_desktop.services.analyse; "
        "bad = {'torch', 'onnxruntime', 'openvino', 'monai', 'torchvision'} & set(sys.modules); "
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_openvino_is_used_without_its_telemetry() -> None:
    program = (
        "import sys, threading; from medvision_desktop.inference.engine import silent_openvino; "
        "silent_openvino().Core(); "
        "sent = [name for name, held in sys.modules.items() if held and 'openvino_telemetry' in name]; "
        "sys.exit(f'{sent} {threading.enumerate()}' if sent or threading.active_count() > 1 else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
