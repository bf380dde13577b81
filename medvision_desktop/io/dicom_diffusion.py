"""Diffusion weighting of one image: the standard's elements, else those of three makers.

Scanners wrote b-values into private elements long before the standard had any (PS3.3 C.8.13.5.9), and
still do so in classic MR images. They count only where their maker is named.
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_private import private_numbers
from medvision_desktop.io.dicom_values import items_of, number, numbers

_SIEMENS: Final = "SIEMENS MR HEADER"
_GE_PARAMETERS: Final = "GEMS_PARM_01"
_GE_ACQUISITION: Final = "GEMS_ACQU_01"
_PHILIPS: Final = "Philips Imaging DD 001"
_PHILIPS_MR: Final = "Philips MR Imaging DD 001"
# GE adds a flag of 10^9 to the b-value of images made by newer software.
_GE_FLAG: Final = 1e9
_MOST: Final = 1e5


def weighting_of(dataset: Dataset, index: int) -> tuple[float, str] | None:
    """b-value in s/mm2 and the direction of the gradient as text ("" for none) of frame `index`."""
    diffusion = group_of(dataset, index, "MRDiffusionSequence")
    b_value = number(diffusion, "DiffusionBValue")
    if b_value is not None:
        along = (items_of(diffusion, "DiffusionGradientDirectionSequence") or [diffusion])[0]
        return b_value, _words(numbers(along, "DiffusionGradientOrientation"))
    for read in (_siemens, _ge, _philips):
        found = read(dataset)
        if found is not None and 0 <= found[0] <= _MOST:
            return found
    return None


def _siemens(dataset: Dataset) -> tuple[float, str] | None:
    b_value = private_numbers(dataset, 0x0019, _SIEMENS, 0x0C)
    if len(b_value) != 1:
        return None
    return b_value[0], _words(private_numbers(dataset, 0x0019, _SIEMENS, 0x0E))


def _ge(dataset: Dataset) -> tuple[float, str] | None:
    """The first of several numbers. Directions along the image's axes tell images apart as well."""
    b_value = private_numbers(dataset, 0x0043, _GE_PARAMETERS, 0x39)
    if not b_value:
        return None
    parts = [private_numbers(dataset, 0x0019, _GE_ACQUISITION, element) for element in (0xBB, 0xBC, 0xBD)]
    return b_value[0] - (_GE_FLAG if b_value[0] >= _GE_FLAG else 0.0), _of_parts(parts)


def _philips(dataset: Dataset) -> tuple[float, str] | None:
    b_value = private_numbers(dataset, 0x2001, _PHILIPS, 0x03)
    if len(b_value) != 1:
        return None
    parts = [private_numbers(dataset, 0x2005, _PHILIPS_MR, element) for element in (0xB0, 0xB1, 0xB2)]
    return b_value[0], _of_parts(parts)


def _of_parts(parts: list[tuple[float, ...]]) -> str:
    return _words(tuple(part[0] for part in parts)) if all(len(part) == 1 for part in parts) else ""


def _words(direction: tuple[float, ...]) -> str:
    """A direction as text; "" for none, and for the null vector that stands for none."""
    if len(direction) != 3 or not any(direction):
        return ""
    return " ".join(f"{part:.4f}" for part in direction)
