"""Private elements, found by who made them: a number alone means something else to every maker."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.io.dicom_faults import PARSER_FAULTS

_FLOAT_BYTES: Final = {4: "<f4", 8: "<f8"}


def private_numbers(dataset: Dataset, group: int, creator: str, element: int) -> tuple[float, ...]:
    """Finite numbers of element (group,xxEE) of a creator's block (PS3.5 7.8.1); () if any is none.

    Where the type got lost (UN) text is tried first, then what binary floats would be.
    """
    try:
        value = _value(dataset, group, creator, element)
        if value is None:
            return ()
        found = _numbers_of_bytes(value) if isinstance(value, bytes) else _numbers(value)
    except PARSER_FAULTS:
        return ()
    return found if all(math.isfinite(one) for one in found) else ()


def _value(dataset: Dataset, group: int, creator: str, element: int) -> Any:
    for block in range(0x10, 0x100):
        named = Tag(group, block)
        if named in dataset and _text(dataset[named].value) == creator:
            tag = Tag(group, (block << 8) | element)
            return dataset[tag].value if tag in dataset else None
    return None


def _text(value: Any) -> str:
    words = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return words.strip(" \0")


def _numbers(value: Any) -> tuple[float, ...]:
    parts = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return tuple(float(part) for part in parts if part not in (None, ""))


def _numbers_of_bytes(data: bytes) -> tuple[float, ...]:
    words = data.strip(b" \0")
    if words and all(sign in b"0123456789+-.eE \\" for sign in words):
        return tuple(float(part) for part in words.split(b"\\") if part.strip())
    for size in (8, 4):
        if len(data) in (size, 3 * size):
            return tuple(float(one) for one in np.frombuffer(data, _FLOAT_BYTES[size]))
    return ()
