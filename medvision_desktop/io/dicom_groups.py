"""Where an attribute of one frame is found: functional groups of an enhanced object, or the top level."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_faults import PARSER_FAULTS
from medvision_desktop.io.dicom_values import value_of


def group_of(dataset: Dataset, index: int, sequence: str) -> Dataset:
    """The functional group macro `sequence` of frame `index` (PS3.3 C.7.6.16).

    Per-frame before shared; the data set itself where it has neither, so that classic objects
    are read by the same code.
    """
    owners = (
        _item(value_of(dataset, "PerFrameFunctionalGroupsSequence"), index),
        _item(value_of(dataset, "SharedFunctionalGroupsSequence"), 0),
    )
    for owner in owners:
        item = None if owner is None else _item(value_of(owner, sequence), 0)
        if item is not None:
            return item
    return dataset


def _item(items: Any, index: int) -> Dataset | None:
    """One item by its index; a sequence of a thousand frames is not walked for each of them."""
    try:
        item = None if items is None else items[index]
    except PARSER_FAULTS:
        return None
    return item if isinstance(item, Dataset) else None
