"""What makes a result repeatable: which weights, which pixels, which settings.

A `RunManifest` goes into the record beside every result, before the result is shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRef:
    """A model package by name and version, and the SHA-256 of the weight file that is executed."""

    name: str
    version: str
    weights_sha256: str


@dataclass(frozen=True)
class InputRef:
    """One input: SHA-256 of its pixels (see `pixel_digest`), its shape and its UIDs."""

    pixel_sha256: str
    rows: int
    columns: int
    sop_instance_uid: str = ""
    frame_number: int = 1


@dataclass(frozen=True)
class RunManifest:
    """All that is needed to run an inference again and compare.

    `thresholds` are (label, threshold) pairs. `duration_s` is wall time of preprocessing,
    network and map. `started_utc` is ISO 8601 with a Z.
    """

    model: ModelRef
    inputs: tuple[InputRef, ...]
    preprocessing_version: str
    thresholds: tuple[tuple[str, float], ...]
    calibration_id: str
    engine: str
    device: str
    seed: int
    started_utc: str
    duration_s: float
    cam_method: str = ""
