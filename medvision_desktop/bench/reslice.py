"""Planes of a volume: the three orthogonal ones and an oblique one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from medvision_desktop.bench import files
from medvision_desktop.bench.load import by_turns, simple_itk
from medvision_desktop.bench.measure import Measured, peak_mb, summarise
from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.pixels import oblique
from medvision_desktop.pixels.reslice import PlaneStack

REPEATS: Final = 30
SIDE: Final = 512
_TILT: Final = math.radians(25)


def measure(repeats: int, *, side: int = SIDE) -> Iterator[Measured]:
    """Make every plane `repeats` times, each time another one; SimpleITK the same one in turn."""
    stored = files.slices(side, side)
    affine = np.eye(4)[:, [2, 1, 0, 3]].copy()
    volume = Volume(stored, affine, modality=Rescale(1.0, -1024.0))
    most = 0.0
    image: Any = None
    for plane in Plane:
        stack = PlaneStack(volume, plane)
        ours = _in_turn(stack.frame, stack.count)
        ours()
        most = max(most, peak_mb()) if image is None else most
        image = image if image is not None else simple_itk().GetImageFromArray(stored)
        theirs = _in_turn(_cut(plane, image), side)
        times = by_turns([ours, theirs], repeats)
        yield summarise(
            "reslice", f"{plane.value} plane of {side}^3", times[0], "SimpleITK slice", times[1], most
        )
    right, down = (math.cos(_TILT), math.sin(_TILT), 0.0), (0.0, 0.0, -1.0)
    tilted = oblique.ObliqueStack(volume, Plane.CORONAL, right, down, (side / 2,) * 3)
    oblique.warm(volume)
    ours = _in_turn(tilted.frame, tilted.count)
    theirs = _in_turn(_resampled(image, right, down, tilted.frame(tilted.count // 2).stored.shape), side)
    times = by_turns([ours, theirs], repeats)
    yield summarise(
        "reslice", f"oblique plane of {side}^3", times[0], "SimpleITK Resample, linear", times[1], most
    )


def _in_turn(make: Callable[[int], object], count: int) -> Callable[[], object]:
    """Planes from the middle half of the volume, another one at every call."""
    at = count // 4

    def one() -> object:
        nonlocal at
        at = count // 4 + (at + 7) % max(1, count // 2)
        return make(at)

    return one


def _cut(plane: Plane, image: Any) -> Callable[[int], object]:
    cuts = {
        Plane.AXIAL: lambda at: image[:, :, at],
        Plane.CORONAL: lambda at: image[:, at, :],
        Plane.SAGITTAL: lambda at: image[at, :, :],
    }
    array_of = simple_itk().GetArrayFromImage
    return lambda at: array_of(cuts[plane](at))


def _resampled(
    image: Any, right: tuple[float, ...], down: tuple[float, ...], shape: tuple[int, ...]
) -> Callable[[int], object]:
    """The same kind of plane by SimpleITK: as many pixels, interpolated linearly."""
    side = image.GetSize()[0]
    normal = np.cross(right, down)
    middle = np.full(3, side / 2) - np.asarray(right) * shape[1] / 2 - np.asarray(down) * shape[0] / 2
    itk = simple_itk()
    filter_ = itk.ResampleImageFilter()
    filter_.SetInterpolator(itk.sitkLinear)
    filter_.SetSize((shape[1], shape[0], 1))
    filter_.SetOutputDirection(np.column_stack([right, down, normal]).ravel().tolist())

    def one(at: int) -> object:
        filter_.SetOutputOrigin((middle + normal * (at - side / 2)).tolist())
        made: object = itk.GetArrayFromImage(filter_.Execute(image))
        return made

    return one
