"""What a pixel holds, in words."""

from __future__ import annotations

from medvision_desktop.pixels.pipeline import Probe


def probe_lines(probe: Probe) -> tuple[str, ...]:
    """What a pixel holds, line by line: place, stored value, modality value, display value."""
    stored = ", ".join(f"{value:g}" for value in probe.stored)
    lines = [f"Column {probe.column}  row {probe.row}", f"Stored {stored}"]
    if probe.is_padding:
        lines.append("Padding, not image")
    elif probe.modality is not None:
        lines.append(f"Value {probe.modality:g} {probe.units}".rstrip())
        lines += [f"{name} {value:.4g} {units}".rstrip() for name, value, units in probe.real]
    lines += [f"At {', '.join(probe.axes)}"] if probe.axes else []
    lines.append(f"Display {', '.join(str(level) for level in probe.display)} of 255")
    return tuple(lines)
