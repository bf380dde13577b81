"""The two places that a NIfTI header may give an image: whether the one in use is the other, too.

The sform counts before the qform (nifti1.h, "method 3"). Where both are set and differ, the other would
have shown the image elsewhere, or with other sides: that is said of every slice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# What a code says the coordinates are (nifti1.h, NIFTI_XFORM). Of 1 and 2 nothing needs to be said:
# a scanner's coordinates, or those of another scan of the same person.
_SPACES: Final = {3: "Talairach space", 4: "MNI space"}
# Of a voxel: how far corners may lie apart, which is what rounding of a quaternion does.
_APART: Final = 0.5


def space_badges(code: int) -> tuple[str, ...]:
    """What an sform or qform code says of the coordinates where they are not the patient's own."""
    return (_SPACES[code],) if code in _SPACES else ()


def disagreement(
    sform: NDArray[np.float64] | None,
    qform: NDArray[np.float64] | None,
    shape: Sequence[int],
    *,
    same_space: bool,
) -> tuple[str, ...]:
    """How two affines (4x4, i j k to RAS millimetres) disagree about an image of a shape, in a few words.

    Directions always have to agree, because nobody swaps sides on purpose; places only where both codes
    name the same space.
    """
    if sform is None or qform is None:
        return ()
    if not np.array_equal(_directions(sform), _directions(qform)):
        return ("sform and qform disagree on directions",)
    if not same_space:
        return ()
    corners = np.asarray([(*ends, 1.0) for ends in itertools.product(*((0, side - 1) for side in shape))])
    apart_mm = float(np.max(np.linalg.norm((corners @ (sform - qform).T)[:, :3], axis=1)))
    if apart_mm <= _APART * float(np.min(np.linalg.norm(sform[:3, :3], axis=0))):
        return ()
    return (f"sform and qform lie {apart_mm:.3g} mm apart",)


def _directions(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each axis of the array the axis of the patient nearest to it, and in which sense."""
    import nibabel as nib

    orientations: Any = nib.orientations
    return np.asarray(orientations.io_orientation(affine), dtype=np.float64)
