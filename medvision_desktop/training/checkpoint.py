"""Checkpoints: one safetensors file with JSON in its header, replaced in one step.

It holds the network, the optimizer's moments and where the loop stands, so a run killed at any
moment goes on from the last finished epoch to the same weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn


def write(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer | None, state: Mapping[str, Any]
) -> None:
    """Write network, optimizer and loop state to `path`, on disk before the old one is gone."""
    tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    if optimizer is not None:
        for index, moments in optimizer.state_dict()["state"].items():
            for name, value in moments.items():
                tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value).contiguous()
    content = save(tensors, metadata={"state": json.dumps(dict(state))})
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)


def read(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer | None) -> dict[str, Any]:
    """Put a checkpoint back into network and optimizer; returns the loop state."""
    tensors: dict[str, Tensor] = {}
    with safe_open(str(path), framework="pt") as handle:
        state: dict[str, Any] = json.loads(handle.metadata()["state"])
        for name in handle.keys():  # noqa: SIM118 - a safetensors handle is not a mapping
            tensors[name] = handle.get_tensor(name)
    network.load_state_dict(_below("network.", tensors))
    if optimizer is not None:
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below("optimizer.", tensors).items():
            index, entry = name.split(".", 1)
            moments.setdefault(int(index), {})[entry] = value
        optimizer.load_state_dict(
            {"state": moments, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    return state


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
