"""Where an attribute of one frame is found: functional groups of an enhanced object, or the top level."""

from __future__ import annotations

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_values import items_of


def group_of(dataset: Dataset, index: int, sequence: str) -> Dataset:
    """The functional group macro `sequence` of frame `index` (PS3.3 C.7.6.16).

    Per-frame before shared; the data set itself where it has neither, so that classic objects
    are read by the same code.
    """
    per_frame = items_of(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items_of(dataset, "SharedFunctionalGroupsSequence")
    for owner in [*per_frame[index : index + 1], *shared[:1]]:
        items = items_of(owner, sequence)
        if items:
            return items[0]
    return dataset
