"""What runs the networks on this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path
from typing import Final

ENGINES: Final = ("onnxruntime", "openvino", "torch")
# Measured at batch 1 on two cores by `medvision bench analyse`: both take the same time, and ONNX
# Runtime gives its first answer 1.3 s sooner.
_CPU_ORDER: Final = ("onnxruntime", "openvino", "torch")
_MODULES: Final = {"onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch"}


def chosen(setting: str) -> str:
    """The engine for a setting: itself, or for `auto` torch beside a GPU, else the quickest for a CPU."""
    if setting in ENGINES:
        return setting
    if may_have_accelerator() and torch_device() != "cpu":
        return "torch"
    return next(name for name in _CPU_ORDER if importlib.util.find_spec(_MODULES[name]) is not None)


def may_have_accelerator() -> bool:
    """Whether it is worth importing torch to ask: a quick look that never says no to a GPU."""
    nvidia = Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()
    windows = os.name == "nt" and Path(os.environ.get("SYSTEMROOT", ""), "System32", "nvcuda.dll").exists()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return nvidia or windows or apple


def torch_device() -> str:
    """`cuda`, `mps` or `cpu`, as torch sees it."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def threads() -> int:
    """Threads for a network on the CPU: the cores this process may use, at most eight."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, available))
