"""The header gate of models that segment: modality, body part, size, spacing, and which channels are there.

It refuses what is no volume, of another modality or part, far larger or smaller than the images the
model knows, or without a channel that it needs. It passes with a doubt what lies just outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from medvision_desktop.domain.findings import GateCheck, GateReport
from medvision_desktop.domain.image import LoadedSeries, Volume
from medvision_desktop.domain.study import SourceKind
from medvision_desktop.modelkit.manifest import Manifest
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import canonical, inside
from medvision_desktop.services.gate import (
    NO_HEADER,
    REFUSING,
    WRONG_MODALITY,
    Checked,
    body_part_line,
    modality_line,
)

# Stable words, as in `gate`.
NO_VOLUME: Final = "no_volume"
WRONG_SIZE: Final = "wrong_size"
SIZE_OUTSIDE_TRAINING: Final = "size_outside_training"
COARSE_SPACING: Final = "coarse_spacing"
CHANNEL_NEEDED: Final = "channel_needed"
CHANNELS_MISSING: Final = "channels_missing"
OTHER_GRID: Final = "channels_apart"
BACKGROUND: Final = "background_unusual"

_REFUSING: Final = REFUSING | {NO_VOLUME, WRONG_SIZE, CHANNEL_NEEDED, OTHER_GRID}
_COARSE: Final = 2.0
_APART_MM: Final = 20.0


def volume_gate(channels: Mapping[str, LoadedSeries], on: str, manifest: Manifest) -> GateReport:
    """What headers and plain voxels say about giving `channels` to the model; the answer lies on `on`."""
    found = manifest.segmentation
    if found is None:
        raise ValueError("the gate of volumes is for models that segment")
    wanted, shown = manifest.wanted, channels[on]
    header = shown.series.kind is SourceKind.DICOM
    lines: list[Checked] = [_grid(shown)]
    if wanted.modalities:
        lines += _first_wrong([modality_line(one.series, wanted, header) for one in channels.values()])
    if wanted.body_parts:
        lines.append(body_part_line(shown.study, shown.series, wanted, header))
    volumes = {name: one.volume for name, one in channels.items() if one.volume is not None}
    if shown.volume is not None:
        mask = inside(shown.volume.stored_kji)
        lines += _size(shown.volume, mask, found)
        lines.append(_spacing(shown.volume, found))
        lines += _background(mask, found)
    lines += _channels(volumes, found)
    reasons = tuple(dict.fromkeys(line.reason for line in lines if line.reason))
    if not header:
        reasons = (*reasons, NO_HEADER)
    return GateReport(
        ok=not _REFUSING.intersection(reasons),
        reasons=reasons,
        checks=tuple(line.check for line in lines),
        wanted=wanted.text,
        given=_given(shown),
    )


def _first_wrong(lines: list[Checked]) -> list[Checked]:
    """One line for all channels: the first that is refused, else the first."""
    wrong = [line for line in lines if line.reason == WRONG_MODALITY]
    return (wrong or lines)[:1]


def _grid(shown: LoadedSeries) -> Checked:
    if shown.volume is not None:
        k, j, i = shown.volume.stored_kji.shape
        return Checked(GateCheck("Volume", True, f"{i} × {j} × {k} voxels"))
    why = shown.not_a_volume or "These images make no regular grid."
    return Checked(GateCheck("Volume", False, why), NO_VOLUME)


def _size(
    volume: Volume, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], found: Segmentation
) -> list[Checked]:
    """Edges of the box around what is not background, in millimetres along head, back and left."""
    if found.box is None:
        return []
    turned, affine = canonical(mask, volume.affine_kji_to_lps)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    edges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        holds = np.flatnonzero(turned.any(axis=others))
        edges.append(float((holds[-1] - holds[0] + 1) * steps[axis]) if holds.size else 0.0)
    k, j, i = edges
    detail = f"{i:.0f} × {j:.0f} × {k:.0f} mm"
    if found.box.fits([round(edge, 1) for edge in edges]):
        return [Checked(GateCheck("Size", True, detail))]
    low, high = found.box.smallest_mm, found.box.largest_mm
    ends = " × ".join(f"{low[axis]:.0f} to {high[axis]:.0f}" for axis in (2, 1, 0))
    far = found.box.far(edges)
    check = GateCheck("Size", False, f"{detail}, trained on {ends} mm")
    return [Checked(check, WRONG_SIZE if far else SIZE_OUTSIDE_TRAINING)]


def _spacing(volume: Volume, found: Segmentation) -> Checked:
    """A grid more than twice as coarse as the model's along any axis holds less than it knows."""
    _, affine = canonical(volume.stored_kji, volume.affine_kji_to_lps)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    k, j, i = (float(step) for step in steps)
    detail = f"{i:.2g} × {j:.2g} × {k:.2g} mm"
    fine = bool(np.all(steps <= _COARSE * np.asarray(found.spec.spacing_mm)))
    return Checked(GateCheck("Spacing", fine, detail), "" if fine else COARSE_SPACING)


def _background(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], found: Segmentation
) -> list[Checked]:
    if found.background_share is None:
        return []
    share = 1 - float(mask.mean())
    low, high = found.background_share
    fine = low <= share <= high
    detail = f"{100 * share:.0f} %, trained on {100 * low:.0f} to {100 * high:.0f} %"
    return [Checked(GateCheck("Plain background", fine, detail), "" if fine else BACKGROUND)]


def _channels(volumes: Mapping[str, Volume], found: Segmentation) -> list[Checked]:
    names = found.spec.channels
    if len(names) == 1:
        return []
    gone = [name for name in names if name not in volumes]
    needed = found.needed and not any(name in volumes for name in found.needed)
    detail = f"given {', '.join(name for name in names if name in volumes) or 'none'}"
    if needed:
        why = f"{detail}; needs {' or '.join(found.needed)}"
        return [Checked(GateCheck("Sequences", False, why), CHANNEL_NEEDED)]
    if _apart(volumes):
        return [Checked(GateCheck("Sequences", False, "they lie apart in space"), OTHER_GRID)]
    if gone:
        why = f"{detail}; missing {', '.join(gone)}"
        return [Checked(GateCheck("Sequences", False, why), CHANNELS_MISSING)]
    return [Checked(GateCheck("Sequences", True, detail))]


def _apart(volumes: Mapping[str, Volume]) -> bool:
    """Whether the middles of the grids are far from each other: then they are not of one position."""
    middles = [
        volume.affine_kji_to_lps @ np.array([*((n - 1) / 2 for n in volume.stored_kji.shape), 1.0])
        for volume in volumes.values()
    ]
    spaces = {volume.frame_of_reference for volume in volumes.values() if volume.frame_of_reference}
    far = any(float(np.linalg.norm((point - middles[0])[:3])) > _APART_MM for point in middles)
    return len(spaces) > 1 and far


def _given(shown: LoadedSeries) -> str:
    words = " ".join(word for word in (shown.series.modality, shown.series.body_part) if word)
    if shown.volume is None:
        return words or "Images that make no volume"
    k, j, i = shown.volume.stored_kji.shape
    return f"{words or 'A volume'}, {i} × {j} × {k} voxels"
