"""Where the images lie that a derived object was made from, for frames that do not say so themselves.

A frame of a segmentation may leave its position out and name its source image instead (PS3.3
C.7.6.16.2.6, Derivation Image). Its pixels then lie where those of that image lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from medvision_desktop.domain.geometry import PlaneGeometry
from medvision_desktop.domain.labelmap import ImageKey
from medvision_desktop.domain.study import InstanceRef, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_space
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_values import items_of, numbers, text

_SAME_PLACE_MM: Final = 1e-2


class SourcePlaces:
    """Places of the images of a study by what a derived frame says of its source. Headers are read once."""

    def __init__(self, study: StudyRef | None) -> None:
        images = [series for series in (study.series if study is not None else ()) if not series.is_layer]
        self._series = {one.sop_instance_uid: series for series in images for one in series.instances}
        self._instances = {one.sop_instance_uid: one for series in images for one in series.instances}
        self._headers = HeaderReader()
        self._read: dict[str, Dataset | None] = {}

    def of(self, dataset: Dataset, index: int, rows: int, columns: int) -> PlaneGeometry | None:
        """The plane of the first source of frame `index` that is here, is placed, and has its size."""
        for instance, frame in self._named(dataset, index, rows, columns):
            source = self._dataset(instance)
            found = None if source is None else _plane(source, frame)
            if found is not None:
                return found
        return None

    def image_of(self, dataset: Dataset, index: int, rows: int, columns: int) -> ImageKey | None:
        """The source of frame `index` that is here and has its size, wherever it lies; None without."""
        found = next(self._named(dataset, index, rows, columns), None)
        return None if found is None else (found[0].sop_instance_uid, found[1] + 1)

    def _named(
        self, dataset: Dataset, index: int, rows: int, columns: int
    ) -> Iterator[tuple[InstanceRef, int]]:
        """Files of the study that a frame names as its sources, each with the frame from 0."""
        derived = group_of(dataset, index, "DerivationImageSequence")
        if derived is dataset:  # sources of the whole object are of no frame in particular
            return
        for item in items_of(derived, "SourceImageSequence"):
            instance = self._instances.get(text(item, "ReferencedSOPInstanceUID"))
            if instance is None or (instance.rows, instance.columns) != (rows, columns):
                continue
            frame = _frame_of(item, instance)
            if frame is not None:
                yield instance, frame

    def step_mm(self, dataset: Dataset, rows: int, columns: int) -> float | None:
        """How far the images are apart that frame 0 is of a series of; None where nobody says so.

        A derived object may hold every other slice only, which its own frames do not tell.
        """
        derived = group_of(dataset, 0, "DerivationImageSequence")
        for item in items_of(derived, "SourceImageSequence"):
            series = self._series.get(text(item, "ReferencedSOPInstanceUID"))
            if series is not None and all(one.number_of_frames == 1 for one in series.instances):
                return self._step_of(series.instances, rows, columns)
        return None

    def _step_of(self, instances: Iterable[InstanceRef], rows: int, columns: int) -> float | None:
        sources = [self._dataset(one) for one in instances if (one.rows, one.columns) == (rows, columns)]
        planes = [None if source is None else _plane(source, 0) for source in sources]
        placed = [plane for plane in planes if plane is not None]
        if len(placed) < 2 or len(placed) < len(planes):
            return None
        normal = np.asarray(placed[0].normal_lps)
        gaps = np.diff(np.sort(np.asarray([plane.origin_lps_mm for plane in placed]) @ normal))
        apart = gaps[gaps > _SAME_PLACE_MM]
        return float(apart.min()) if apart.size else None

    def _dataset(self, instance: InstanceRef) -> Dataset | None:
        uid = instance.sop_instance_uid
        if uid not in self._read:
            try:
                self._read[uid] = self._headers.read(instance.path).dataset
            except InputRefused:
                self._read[uid] = None
        return self._read[uid]


def _frame_of(item: Dataset, instance: InstanceRef) -> int | None:
    """The frame from 0 that is named; None where an image of several frames is named as a whole."""
    named = numbers(item, "ReferencedFrameNumber")
    if len(named) == 1 and 1 <= named[0] <= instance.number_of_frames:
        return int(named[0]) - 1
    return 0 if not named and instance.number_of_frames == 1 else None


def _plane(dataset: Dataset, index: int) -> PlaneGeometry | None:
    return dicom_space.geometry_of(dataset, index)
