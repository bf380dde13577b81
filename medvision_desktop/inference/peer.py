"""The ordinary way to do the same, for the benchmark: eager torch, then Grad-CAM from its package."""

from __future__ import annotations

import time

import numpy as np

from medvision_desktop.domain.image import Frame
from medvision_desktop.modelkit.preprocess import display_gray, normalised, squared
from medvision_desktop.modelkit.registry import ModelPackage


def timed(package: ModelPackage, frame: Frame, rounds: int) -> list[float]:
    """Seconds of each round of preprocessing, forward pass and one Grad-CAM map, after one to warm up.

    Preprocessing is ours and there is no process boundary, which is to the peer's advantage.
    """
    from medvision_desktop.inference.engine import TorchEngine
    from medvision_desktop.inference.gradcam import GradCam
    from medvision_desktop.modelkit.networks.build import from_package

    network, maps = TorchEngine(package, "cpu"), GradCam(from_package(package))
    spec = package.manifest.preprocessing
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        batch = normalised(squared(display_gray(frame), spec.size, spec.stretch), spec)[np.newaxis]
        network.run(batch)
        maps.grid(batch, 0)
        seconds.append(time.perf_counter() - began)
    return seconds[1:]
