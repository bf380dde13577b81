"""The SHA-256 of pixels, by which a result names the image that it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame


def series_digest(frames: Iterable[Frame]) -> str:
    """The frame's own digest for one frame, else SHA-256 (hex) over the frames' digests in order.

    It takes about as long as reading the series, so it is worked out where it is written down.
    """
    digests = [pixel_digest(frame.stored) for frame in frames]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def pixel_digest(stored: NDArray[Any]) -> str:
    """SHA-256 (hex) over dtype, shape and little-endian values in C order.

    The same image gives the same digest on every machine and in every memory layout; the same
    bytes read as another type or shape do not.
    """
    little = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{little.dtype.str}{little.shape}".encode())
    digest.update(little.data if little.size else b"")
    return digest.hexdigest()
