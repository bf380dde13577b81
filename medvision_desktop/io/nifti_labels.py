"""A NIfTI file as a label map: whole numbers from 0 to 255, placed by the file's own affine."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.labelmap import LabelMap, Segment, label_colour
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import nifti, nifti_header
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_values import clean
from medvision_desktop.work import CancelToken

_MOST: Final = 255
_TO_LPS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


def load(instance: InstanceRef, decoder: Decoder, cancel: CancelToken | None = None) -> LabelMap:
    """The first volume as labels. Raises `InputRefused` for what holds measurements and not labels."""
    header = nifti_header.read_header(instance.path)
    if header.colour or header.affine_ras_mm is None:
        why = "It holds colours." if header.colour else "It does not say where it lies in the patient."
        raise InputRefused("The file is no label map.", why)
    stored = nifti.read_volume(instance.path, header, limit_bytes=decoder.image_memory_bytes, cancel=cancel)
    values, numbers = _labels(stored, header.slope, header.intercept)
    affine = _TO_LPS @ header.affine_ras_mm
    return LabelMap(
        values_kji=np.ascontiguousarray(values.transpose(2, 1, 0)),
        affine_kji_to_lps=np.ascontiguousarray(affine[:, [2, 1, 0, 3]]),
        segments=tuple(
            Segment(int(number), f"Label {number}", label_colour(place))
            for place, number in enumerate(numbers[numbers > 0])
        ),
        uid=instance.sop_instance_uid,
        title=clean(instance.path.name),
        source="NIfTI",
    )


def _labels(
    stored: NDArray[Any], slope: float, intercept: float
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Stored values as labels, and which there are, slice by slice: no wide copy of the whole is made."""
    found = np.empty(stored.shape, np.uint8)
    counts = np.zeros(_MOST + 1, np.int64)
    for k in range(stored.shape[2]):
        part = stored[:, :, k]
        if (slope, intercept) != (1.0, 0.0) or part.dtype.kind == "f":
            real = part.astype(np.float64) * slope + intercept
            if not np.all(np.isfinite(real)) or np.any(np.abs(real - np.rint(real)) > 1e-4):
                raise InputRefused("The file is no label map.", "Its values are not whole numbers.")
            part = np.rint(real)
        if part.size and (part.min() < 0 or part.max() > _MOST):
            raise InputRefused("The file is no label map.", f"Its values do not lie between 0 and {_MOST}.")
        found[:, :, k] = part
        counts += np.bincount(found[:, :, k].reshape(-1), minlength=_MOST + 1)
    return found, np.flatnonzero(counts)
