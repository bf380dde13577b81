"""Where an attribute of one frame is found: functional groups of an enhanced object, or the top level."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_faults import PARSER_FAULTS
from medvision_desktop.io.dicom_values import items_of, value_of


def group_of(dataset: Dataset, index: int, sequence: str) -> Dataset:
    """The functional group macro `sequence` of frame `index` (PS3.3 C.7.6.16).

    Per-frame before shared; the data set itself where it has neither, so that classic objects
    are read by the same code.
    """
    for owner in _owners(dataset, index):
        item = _item(value_of(owner, sequence), 0)
        if item is not None:
            return item
    return dataset


def items_of_group(dataset: Dataset, index: int, sequence: str) -> list[Dataset]:
    """All items of a macro that may have several; those of the data set itself where no group has any."""
    for owner in (*_owners(dataset, index), dataset):
        found = items_of(owner, sequence)
        if found:
            return found
    return []


def _owners(dataset: Dataset, index: int) -> tuple[Dataset, ...]:
    """What is said of one frame, then what is said of all."""
    found = (
        _item(value_of(dataset, "PerFrameFunctionalGroupsSequence"), index),
        _item(value_of(dataset, "SharedFunctionalGroupsSequence"), 0),
    )
    return tuple(owner for owner in found if owner is not None)


def _item(items: Any, index: int) -> Dataset | None:
    """One item by its index; a sequence of a thousand frames is not walked for each of them."""
    try:
        item = None if items is None else items[index]
    except PARSER_FAULTS:
        return None
    return item if isinstance(item, Dataset) else None
