"""Values of a grid between its voxels: trilinear interpolation, compiled, along planes and slabs.

Positions are fractional array indices (k, j, i); whole numbers are voxel centres. A voxel reaches half a
step to either side of its centre, and there the value of the outermost centre holds; beyond is outside.
"""

from __future__ import annotations

import importlib
import itertools
import math
import os
import threading
from collections.abc import Callable
from enum import IntEnum
from functools import cache, partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

# Values with fewer steps than this are kept as fractions when they are interpolated.
_COARSE_RANGE: Final = 256
# About a millisecond; to start a thread takes a tenth of that.
_SAMPLES_A_THREAD: Final = 1 << 15


class Gather(IntEnum):
    """What becomes of the samples along the depth of a slab."""

    MEAN = 0
    LARGEST = 1
    SMALLEST = 2


def sampled(
    values_kji: NDArray[Any],
    corner: NDArray[np.float64],
    steps: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    shape: tuple[int, int, int],
    *,
    gather: Gather = Gather.MEAN,
    outside: float = np.nan,
    padding: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Samples on a plane, float32 (rows, columns), gathered over the planes of a slab.

    `corner`: index (k, j, i) of the first sample of the first plane. `steps`: what one plane deeper, one
    row down and one column to the right add to it. `shape`: planes, rows, columns. Samples outside of the
    grid, and those that voxels of `padding` (an inclusive range) have a part in, do not count; a pixel
    without any is `outside`. Releases the interpreter; takes all cores for what is large.
    """
    planes, rows, columns = shape
    out = np.empty((rows, columns), np.float32)
    deep, down, right = (np.ascontiguousarray(step, dtype=np.float64) for step in steps)
    start = np.ascontiguousarray(corner, dtype=np.float64)
    low, high = padding if padding is not None else (0.0, 0.0)
    run = _kernel(padded=padding is not None)

    def fill(first: int, end: int) -> None:
        ends, way = (float(low), float(high)), int(gather)
        run(values_kji, start, deep, down, right, planes, way, *ends, outside, out, first, end)

    _shared_out(fill, rows, planes * rows * columns)
    return out


def _shared_out(fill: Callable[[int, int], None], rows: int, samples: int) -> None:
    """Fill rows from one up to another on as many threads as are worth it; the caller's is one of them."""
    count = max(1, min(os.cpu_count() or 1, rows, samples // _SAMPLES_A_THREAD))
    ends = [rows * part // count for part in range(count + 1)]
    others = [
        threading.Thread(target=fill, args=(first, end), name="sampling")
        for first, end in itertools.pairwise(ends[1:])
    ]
    for other in others:
        other.start()
    fill(0, ends[1])
    for other in others:
        other.join()


def sampled_plainly(
    values_kji: NDArray[Any],
    corner: NDArray[np.float64],
    steps: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    shape: tuple[int, int, int],
    *,
    gather: Gather = Gather.MEAN,
    outside: float = np.nan,
    padding: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """The same as `sampled` without compiled code: for few samples, while that is not ready."""
    planes, rows, columns = shape
    deep, down, right = steps
    down_by, right_by = np.arange(rows)[:, None, None] * down, np.arange(columns)[None, :, None] * right
    found = np.stack(
        [
            _one_plane(values_kji, corner + plane * deep + down_by + right_by, padding)
            for plane in range(planes)
        ]
    )
    known = np.isfinite(found)
    if gather is Gather.MEAN:
        total = np.where(known, found, 0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    elif gather is Gather.LARGEST:
        total = np.where(known, found, -np.inf).max(axis=0)
    else:
        total = np.where(known, found, np.inf).min(axis=0)
    return np.where(known.any(axis=0), total, outside).astype(np.float32)


def _one_plane(
    values: NDArray[Any], at: NDArray[np.float64], padding: tuple[float, float] | None
) -> NDArray[np.float64]:
    """Trilinear interpolation at indices (rows, columns, 3); not a number outside and where padding is."""
    ends = np.asarray(values.shape) - 1
    outside = np.any((at < -0.5) | (at > ends + 0.5), axis=-1)
    at = np.clip(at, 0, ends)
    low = np.minimum(at.astype(np.intp), ends)
    high, part = np.minimum(low + 1, ends), at - low
    total = np.zeros(at.shape[:2])
    for corner in range(8):
        sides = [bool(corner >> (2 - axis) & 1) for axis in range(3)]
        k, j, i = (high[..., n] if side else low[..., n] for n, side in enumerate(sides))
        share = np.prod(
            [part[..., n] if side else 1 - part[..., n] for n, side in enumerate(sides)], axis=0
        )
        found = values[k, j, i].astype(np.float64)
        if padding is not None:
            outside |= (share > 0) & (found >= padding[0]) & (found <= padding[1])
        total += found * share
    total[outside] = np.nan
    return total


def warm(values_kji: NDArray[Any], padding: tuple[float, float] | None = None) -> None:
    """Compile for arrays of this type, which takes about a second the first time."""
    nothing = np.zeros(3)
    sampled(values_kji, nothing, (nothing, nothing, nothing), (1, 1, 1), outside=0.0, padding=padding)


def stages() -> tuple[Callable[[], None], ...]:
    """What the first call of `warm` does before it compiles, in pieces to be done one after another.

    The compiler holds the interpreter more than it lets it go, so that whoever has something better to do
    calls the next piece when that is done.
    """
    return (
        partial(_bring, "numba"),
        partial(_bring, "scipy.linalg"),  # numba asks for it when it first compiles
        _compile_anything,
    )


def _bring(module: str) -> None:
    importlib.import_module(module)


def _compile_anything() -> None:
    """The first function of all takes longest: the compiler learns then what there is to compile."""
    import numba

    def same(value: Any) -> Any:
        return value

    numba.njit(nogil=True)(same)(0.0)


def room_for_outside(values_kji: NDArray[Any]) -> tuple[np.dtype[Any], float]:
    """The type that interpolated values are kept in, and a value of it that none of them has.

    int16 where the values are integers with many steps, so that drawing stays quick; else float32,
    in which outside is not a number.
    """
    if values_kji.dtype.kind in "iu":
        low, high = int(values_kji.min()), int(values_kji.max())
        limits = np.iinfo(np.int16)
        if high - low >= _COARSE_RANGE and limits.min < low and high <= limits.max:
            return np.dtype(np.int16), float(low - 1)
    return np.dtype(np.float32), float("nan")


_making: Final = threading.Lock()


def _kernel(*, padded: bool) -> Callable[..., None]:
    """The compiled loop, with or without regard to padding, which makes it half as quick.

    Made when first needed: the compiler takes a while to import. Made once, whoever else asks meanwhile.
    """
    with _making:
        return _new_kernel(padded=padded)


@cache
def _new_kernel(*, padded: bool) -> Callable[..., None]:
    import numba

    def compiled(
        function: Callable[..., Any], inline: Literal["never", "always"] = "never"
    ) -> Callable[..., Any]:
        made: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", inline=inline)(function)
        return made

    between, touches = compiled(_between), compiled(_touches)

    def gathered(
        values: Any,
        k0: float,
        j0: float,
        i0: float,
        deep: Any,
        planes: int,
        gather: int,
        low: float,
        high: float,
        outside: float,
    ) -> float:
        """The value of one pixel: what its samples through the slab come to."""
        nk, nj, ni = values.shape
        found, total = 0, 0.0
        for plane in range(planes):
            k, j, i = k0 + plane * deep[0], j0 + plane * deep[1], i0 + plane * deep[2]
            if k < -0.5 or j < -0.5 or i < -0.5 or k > nk - 0.5 or j > nj - 0.5 or i > ni - 0.5:
                continue
            k = min(max(k, 0.0), nk - 1.0)
            j = min(max(j, 0.0), nj - 1.0)
            i = min(max(i, 0.0), ni - 1.0)
            if padded and touches(values, k, j, i, low, high):
                continue
            value = between(values, k, j, i)
            if found == 0:
                total = value
            elif gather == 0:
                total += value
            else:
                total = max(total, value) if gather == 1 else min(total, value)
            found += 1
        if found == 0:
            return outside
        return total / found if gather == 0 else total

    one = compiled(gathered, "always")

    def run(
        values: Any,
        start: Any,
        deep: Any,
        down: Any,
        right: Any,
        planes: int,
        gather: int,
        low: float,
        high: float,
        outside: float,
        out: Any,
        first: int,
        end: int,
    ) -> None:
        for row in range(first, end):
            for column in range(out.shape[1]):
                k = start[0] + row * down[0] + column * right[0]
                j = start[1] + row * down[1] + column * right[1]
                i = start[2] + row * down[2] + column * right[2]
                out[row, column] = one(values, k, j, i, deep, planes, gather, low, high, outside)

    return compiled(run)


def _between(values: Any, k: float, j: float, i: float) -> Any:
    """Trilinear interpolation at an index within the grid; compiled.

    Its indices are unsigned, because signed ones are looked at for counting from the end, which takes long.
    """
    fk, fj, fi = k - math.floor(k), j - math.floor(j), i - math.floor(i)
    ka, ja, ia, one = np.uintp(k), np.uintp(j), np.uintp(i), np.uintp(1)
    kb = ka + one if fk > 0 else ka
    jb = ja + one if fj > 0 else ja
    ib = ia + one if fi > 0 else ia
    near = (values[ka, ja, ia] * (1 - fi) + values[ka, ja, ib] * fi) * (1 - fj) + (
        values[ka, jb, ia] * (1 - fi) + values[ka, jb, ib] * fi
    ) * fj
    far = (values[kb, ja, ia] * (1 - fi) + values[kb, ja, ib] * fi) * (1 - fj) + (
        values[kb, jb, ia] * (1 - fi) + values[kb, jb, ib] * fi
    ) * fj
    return near * (1 - fk) + far * fk


def _touches(values: Any, k: float, j: float, i: float, low: float, high: float) -> bool:
    """Whether a voxel of padding has a part in the value at an index; compiled."""
    ka, ja, ia, one = np.uintp(k), np.uintp(j), np.uintp(i), np.uintp(1)
    kb = ka + one if k > math.floor(k) else ka
    jb = ja + one if j > math.floor(j) else ja
    ib = ia + one if i > math.floor(i) else ia
    found = False
    for row in range(4):
        kk, jj = kb if row & 2 else ka, jb if row & 1 else ja
        first, second = values[kk, jj, ia], values[kk, jj, ib]
        found |= (low <= first) & (first <= high) | (low <= second) & (second <= high)
    return found
