"""A 3D network, loaded and ready, and the window that it slides over a volume with bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import ModelRefused
from medvision_desktop.inference import device
from medvision_desktop.inference.engine import onnx_session, silent_openvino
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import Floats, Shape
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_SIGMA: Final = 0.125  # of a window's side, as MONAI weights it
_OUTPUT: Final = "logits"
# Places of a volume in the grid of a network that halves it: odd and even along every axis alike.
_OFFSETS: Final = ((0, 0, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1))


class VolumeEngine(Protocol):
    """(n, planes, k, j, i) float32 to logits (n, labels + 1, k, j, i) float32."""

    name: str
    device: str
    text: str

    def run(self, batch: Floats) -> Floats:
        """Logits of a batch."""


class OnnxVolumes:
    """ONNX Runtime on the CPU."""

    name, device, text = "onnxruntime", "cpu", "ONNX Runtime CPU"

    def __init__(self, content: bytes) -> None:
        self._session = onnx_session(content)
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: Floats) -> Floats:
        """Logits of a batch."""
        return np.asarray(self._session.run([_OUTPUT], {self._input: batch})[0], dtype=np.float32)


class OpenVinoVolumes:
    """OpenVINO on the CPU, the quicker one in three dimensions."""

    name, device, text = "openvino", "cpu", "OpenVINO CPU"

    def __init__(self, content: bytes) -> None:
        core = silent_openvino().Core()
        hints = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": device.threads(),
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._compiled: Any = core.compile_model(core.read_model(content), "CPU", hints)

    def run(self, batch: Floats) -> Floats:
        """Logits of a batch."""
        return np.array(self._compiled([batch])[_OUTPUT], dtype=np.float32)


class TorchVolumes:
    """torch from the safetensors, on CUDA or MPS where there is one."""

    name = "torch"

    def __init__(self, package: ModelPackage) -> None:
        from medvision_desktop.modelkit.networks.build import from_package

        self.device = device.torch_device()
        self.text = f"torch {self.device.upper()}"
        self._network = from_package(package).to(self.device)

    def run(self, batch: Floats) -> Floats:
        """Logits of a batch."""
        import torch

        with torch.inference_mode():
            found = self._network(torch.from_numpy(batch).to(self.device))
        return np.asarray(found.float().cpu().numpy(), dtype=np.float32)


def load(package: ModelPackage, name: str) -> VolumeEngine:
    """The executed weights in an engine, tried once on zeros. Raises `ModelRefused`."""
    found = package.manifest.segmentation
    if found is None:
        raise ModelRefused(f"The model package {package.manifest.name} makes no label map.")
    made: VolumeEngine
    if name == "torch":
        made = TorchVolumes(package)
    elif name == "openvino":
        made = OpenVinoVolumes(package.executed())
    else:
        made = OnnxVolumes(package.executed())
    side = found.spec.multiple * 2
    logits = made.run(np.zeros((1, found.spec.planes, side, side, side), np.float32))
    wanted = (1, len(package.manifest.labels) + 1, side, side, side)
    if logits.shape != wanted or not np.isfinite(logits).all():
        why = f"It gives {logits.shape} where its manifest says {wanted}, or no numbers."
        raise ModelRefused(
            f"The model package {package.manifest.name} may not run.", why, "Install it again."
        )
    return made


def logits_of(
    engine: VolumeEngine,
    planes: Floats,
    found: Segmentation,
    outputs: int,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Floats:
    """Logits (outputs, k, j, i) of a whole volume (planes, k, j, i).

    What fits into one window is run at once, padded by zeros to the network's multiple. Else windows
    overlap and are weighted by a Gaussian. A window without an image (all zero) is background. With
    `found.shifts` the mean over as many places of the volume in the network's grid is taken.
    Raises `Cancelled` between two windows.
    """
    extents = _shape(planes.shape[1:])
    laid = [_laid(planes, found, offset) for offset in _OFFSETS[: found.shifts]]
    steps = _Steps(sum(len(one.starts) for one in laid), progress, cancel)
    mean: Floats = np.zeros((outputs, *extents), dtype=np.float32)
    for one in laid:
        total = _slid(engine, one, found, outputs, steps)
        k, j, i = (slice(low, low + extent) for low, extent in zip(one.before, extents, strict=True))
        mean += total[:, k, j, i] * np.float32(1 / len(laid))
    return mean


class _Steps:
    """Counts windows, and lets the reader stop between two."""

    def __init__(self, total: int, progress: ProgressSink, cancel: CancelToken | None) -> None:
        self._total, self._progress, self._cancel = total, progress, cancel
        self._done = 0

    def next(self) -> None:
        if self._cancel is not None:
            self._cancel.check()
        self._progress(Progress(self._done, self._total, "Running the network"))
        self._done += 1


@dataclass(frozen=True, eq=False)
class _Laid:
    """A volume in its padding: zeros `before` it, the window, and where windows begin."""

    padded: Floats
    before: Shape
    window: Shape
    starts: tuple[Shape, ...]


def _laid(planes: Floats, found: Segmentation, offset: Shape) -> _Laid:
    spec = found.spec
    wanted = _shape([extent + more for extent, more in zip(planes.shape[1:], offset, strict=True)])
    fits = all(extent <= side for extent, side in zip(wanted, spec.patch, strict=True))
    window = _padded(wanted, spec.multiple) if fits else spec.patch
    padded, before = _placed(planes, window, offset)
    starts = tuple(window_starts(_shape(padded.shape[1:]), window, spec.overlap))
    return _Laid(padded, before, window, starts)


def _slid(engine: VolumeEngine, laid: _Laid, found: Segmentation, outputs: int, steps: _Steps) -> Floats:
    """Logits of all that is laid out, window by window."""
    inner = _shape(laid.padded.shape[1:])
    total: Floats = np.zeros((outputs, *inner), dtype=np.float32)
    weights: Floats = np.zeros(inner, dtype=np.float32)
    single = len(laid.starts) == 1
    weight = np.ones(laid.window, np.float32) if single else importance(laid.window)
    given = len(found.spec.channels)
    for start in laid.starts:
        steps.next()
        box = tuple(slice(low, low + side) for low, side in zip(start, laid.window, strict=True))
        part = np.ascontiguousarray(laid.padded[:, box[0], box[1], box[2]])
        if part[:given].any():
            total[:, box[0], box[1], box[2]] += _asked(engine, part, mirrored=found.mirrored) * weight
        else:
            total[0, box[0], box[1], box[2]] += weight
        weights[box] += weight
    total /= weights
    return total


def probabilities(logits: Floats) -> Floats:
    """Softmax over the first axis, in place: the logits of a head are hundreds of megabytes."""
    logits -= logits.max(axis=0, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0, keepdims=True)
    return logits


def window_starts(extents: Shape, window: Shape, overlap: float) -> Iterator[Shape]:
    """First corners of windows that cover the grid, the last one flush with the far side."""
    axes = []
    for extent, side in zip(extents, window, strict=True):
        step = max(1, int(side * (1 - overlap)))
        last = max(0, extent - side)
        axes.append(sorted({*range(0, last, step), last}))
    return ((k, j, i) for k, j, i in itertools.product(*axes))


def importance(window: Shape) -> Floats:
    """Gaussian weight of each voxel of a window, never 0."""
    lines: list[NDArray[np.float64]] = []
    for side in window:
        place = np.arange(side) - (side - 1) / 2
        lines.append(np.exp(-0.5 * (place / (_SIGMA * side)) ** 2))
    product = lines[0][:, None, None] * lines[1][None, :, None] * lines[2][None, None, :]
    found: Floats = np.maximum(product, 1e-3).astype(np.float32)
    return found


def _asked(engine: VolumeEngine, part: Floats, *, mirrored: bool) -> Floats:
    logits: Floats = engine.run(part[np.newaxis])[0]
    if mirrored:
        other = engine.run(np.ascontiguousarray(part[np.newaxis, ..., ::-1]))[0]
        logits = (logits + other[..., ::-1]) * np.float32(0.5)
    return logits


def _placed(planes: Floats, window: Shape, offset: Shape) -> tuple[Floats, Shape]:
    """Zeros around so that no extent is under the window's, moved by `offset`; how many come before."""
    before, widths = [], [(0, 0)]
    for extent, side, more in zip(planes.shape[1:], window, offset, strict=True):
        gap = max(more, side - extent)
        low = min(gap // 2 + more, gap)
        before.append(low)
        widths.append((low, gap - low))
    return (np.pad(planes, widths) if any(map(any, widths)) else planes), _shape(before)


def _padded(extents: Shape, multiple: int) -> Shape:
    return _shape([-(-extent // multiple) * multiple for extent in extents])


def _shape(extents: Sequence[int]) -> Shape:
    k, j, i = extents
    return int(k), int(j), int(i)
