"""Weight files: hashed, and a safetensors header read and checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import math
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import ModelRefused

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
_MAX_HEADER_BYTES: Final = 16 * 1024 * 1024
_BYTES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "I8": 1, "BOOL": 1}


def read_verified(path: Path, sha256: str) -> bytes:
    """The content of a file of a package whose SHA-256 is `sha256`. Raises `ModelRefused`."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            raise _refused(path, "is not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise _refused(path, "is larger than any model that this program runs")
        content = path.read_bytes()
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _refused(path, "is not the file that the manifest describes: its SHA-256 differs")
    return content


def shapes(path: Path) -> Mapping[str, tuple[int, ...]]:
    """Tensor shapes by name from a safetensors header, without reading tensors.

    Raises `ModelRefused` where sizes, offsets or types do not fit the file
    (https://github.com/huggingface/safetensors#format).
    """
    try:
        with path.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > _MAX_HEADER_BYTES:
                raise _refused(path, "has a header that is too long")
            header: dict[str, Any] = json.loads(handle.read(length))
        body = path.stat().st_size - 8 - length
        return _checked(header, body)
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(path, f"is not a safetensors file: {error}") from error


def _checked(header: dict[str, Any], body: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        shape = tuple(int(extent) for extent in entry["shape"])
        start, stop = (int(offset) for offset in entry["data_offsets"])
        if any(extent < 0 for extent in shape) or not 0 <= start <= stop <= body:
            raise ValueError(f"{name} lies outside the file")
        if stop - start != math.prod(shape) * _BYTES[entry["dtype"]]:
            raise ValueError(f"{name} has not the size of its shape")
        found[name] = shape
    return found


def _refused(path: Path, why: str) -> ModelRefused:
    return ModelRefused(
        f"The model package {path.parent.name} may not run.", f"{path.name} {why}.", "Install it again."
    )
