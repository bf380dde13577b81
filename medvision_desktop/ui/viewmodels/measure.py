"""Measurements on a frame, in millimetres where the header gives a spacing, else in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from medvision_desktop.domain.geometry import SpacingSource
from medvision_desktop.domain.image import Frame
from medvision_desktop.pixels.pipeline import Probe

Point = tuple[float, float]


@dataclass(frozen=True)
class Length:
    """A straight line between two (row, column) indices of one frame; 0 is a pixel's centre."""

    start: Point
    end: Point

    def moved(self, which: str, point: Point) -> Length:
        """The line with its `start` or its `end` at another place."""
        return replace(self, start=point) if which == "start" else replace(self, end=point)


@dataclass(frozen=True)
class Region:
    """What a measurement belongs to: one image of a series, or one plane of its volume."""

    study_key: str
    series_uid: str
    plane: str
    index: int


def length_px(frame: Frame, length: Length) -> float:
    """Length in units of a pixel's width; rows count by the pixel aspect."""
    rows, columns = length.end[0] - length.start[0], length.end[1] - length.start[1]
    return math.hypot(rows * frame.pixel_aspect, columns)


def length_mm(frame: Frame, length: Length) -> float | None:
    """Length in millimetres, or None where no spacing is known."""
    spacing = frame.spacing
    if spacing is None:
        return None
    rows, columns = length.end[0] - length.start[0], length.end[1] - length.start[1]
    return math.hypot(rows * spacing.row_mm, columns * spacing.column_mm)


def length_text(frame: Frame, length: Length) -> str:
    """The length with its unit and where the unit comes from: "42.3 mm (detector)", "120 px"."""
    millimetres = length_mm(frame, length)
    if millimetres is None or frame.spacing is None:
        return f"{length_px(frame, length):.0f} px"
    source = frame.spacing.source
    suffix = "" if source is SpacingSource.PATIENT else f" ({source.value})"
    return f"{millimetres:.1f} mm{suffix}"


def probe_lines(probe: Probe) -> tuple[str, ...]:
    """What a pixel holds, line by line: place, stored value, modality value, display value."""
    stored = ", ".join(f"{value:g}" for value in probe.stored)
    lines = [f"Column {probe.column}  row {probe.row}", f"Stored {stored}"]
    if probe.is_padding:
        lines.append("Padding, not image")
    elif probe.modality is not None:
        lines.append(f"Value {probe.modality:g} {probe.units}".rstrip())
    lines.append(f"Display {', '.join(str(level) for level in probe.display)} of 255")
    return tuple(lines)
