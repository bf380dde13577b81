"""Random changes of training volumes by MONAI's transforms, which follow from (seed, epoch, index)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from medvision_desktop.modelkit.volumes import Shape
from medvision_desktop.training.volume_dataset import Case
from medvision_desktop.training.volume_recipe import VolumeAugmentation

_NEAR_FOREGROUND: Final = 0.67


@dataclass(frozen=True, eq=False)
class Sample:
    """`channels` (c, k, j, i) float32, `present` for each channel, `labels` (k, j, i) uint8."""

    channels: Tensor
    present: tuple[bool, ...]
    labels: Tensor


class Augmenter:
    """Draws one sample of `patch` voxels of a case; the same seed, epoch and index give the same one."""

    def __init__(self, ranges: VolumeAugmentation, patch: Shape, seed: int) -> None:
        self._ranges, self._patch, self._seed = ranges, patch, seed
        self._transforms = _transforms(ranges, patch)

    def sample(self, case: Case, epoch: int, index: int) -> Sample:
        """One random part of a case, changed."""
        random = np.random.default_rng((self._seed, epoch, index))
        box = _box(case, self._patch, self._ranges, random)
        self._transforms.set_random_state(seed=int(random.integers(0, 2**32)))
        found = self._transforms(
            {
                "image": torch.from_numpy(np.ascontiguousarray(case.channels[(slice(None), *box)])),
                "label": torch.from_numpy(np.ascontiguousarray(case.labels[box])[np.newaxis]),
            }
        )
        present = kept(case.present, self._ranges.missing, random)
        return Sample(_plain(found["image"]).float(), present, _plain(found["label"])[0].to(torch.uint8))


def kept(present: tuple[bool, ...], missing: float, random: np.random.Generator) -> tuple[bool, ...]:
    """Which channels stay, each left out with chance `missing`, but never the last one."""
    chosen = [there and random.random() >= missing for there in present]
    if not any(chosen):
        given = [index for index, there in enumerate(present) if there]
        chosen[given[int(random.integers(0, len(given)))]] = True
    return tuple(bool(value) for value in chosen)


def _box(
    case: Case, patch: Shape, ranges: VolumeAugmentation, random: np.random.Generator
) -> tuple[slice, slice, slice]:
    """A box somewhat larger than the patch, at random, two times of three around a labelled voxel."""
    extents = np.asarray(case.labels.shape)
    sides = np.minimum(
        extents, np.ceil(np.asarray(patch) * (1 + ranges.zoom) + 2 * ranges.shift).astype(int)
    )
    if len(case.foreground) and random.random() < _NEAR_FOREGROUND:
        centre = case.foreground[int(random.integers(0, len(case.foreground)))]
        centre = centre + random.integers(-(np.asarray(patch) // 4), np.asarray(patch) // 4 + 1)
        start = np.clip(centre - sides // 2, 0, extents - sides)
    else:
        start = np.array([int(random.integers(0, free + 1)) for free in extents - sides])
    k, j, i = (slice(int(low), int(low + side)) for low, side in zip(start, sides, strict=True))
    return k, j, i


def _transforms(ranges: VolumeAugmentation, patch: Shape) -> Any:
    from monai.transforms.compose import Compose
    from monai.transforms.intensity import dictionary as values
    from monai.transforms.spatial.dictionary import RandAffined, RandFlipd

    image, both = "image", ("image", "label")
    angle = float(np.deg2rad(ranges.degrees))
    steps: list[Any] = [
        RandAffined(
            both,
            prob=0.9,
            rotate_range=(angle,) * 3,
            scale_range=(ranges.zoom,) * 3,
            translate_range=(ranges.shift,) * 3,
            spatial_size=patch,
            mode=("bilinear", "nearest"),
            padding_mode="zeros",
        )
    ]
    if ranges.flip:
        steps.append(RandFlipd(both, prob=0.5, spatial_axis=2))
    steps += [
        values.RandAdjustContrastd(image, prob=0.3, gamma=(1 - ranges.gamma, 1 + 1.5 * ranges.gamma)),
        values.RandGaussianNoised(image, prob=0.2, std=ranges.noise),
        values.RandScaleIntensityd(image, ranges.contrast, prob=0.5, channel_wise=True),
        values.RandShiftIntensityd(image, ranges.brightness, prob=0.5, channel_wise=True),
    ]
    return Compose(steps)


def _plain(found: Any) -> Tensor:
    tensor: Tensor = found.as_tensor() if hasattr(found, "as_tensor") else torch.as_tensor(found)
    return tensor


def stacked(samples: list[Sample], *, presence: bool) -> tuple[Tensor, Tensor]:
    """Network input (n, planes, k, j, i) float32 and labels (n, 1, k, j, i) int64 of some samples."""
    planes = []
    for sample in samples:
        told = torch.tensor(sample.present, dtype=torch.float32).reshape(-1, 1, 1, 1)
        shown = sample.channels * told
        planes.append(torch.cat([shown, told.expand_as(shown)]) if presence else shown)
    return torch.stack(planes), torch.stack([sample.labels for sample in samples]).unsqueeze(1).long()
