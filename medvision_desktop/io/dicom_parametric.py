"""Parametric Map Storage to maps of real values (PS3.3 A.75): float, double and integer pixel data.

Integers become quantities by the Real World Value Mapping; floats too where there is one. Frames that
share a position are different quantities, such as two parameters of one fit, and become several maps.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Rescale
from medvision_desktop.domain.labelmap import ParametricMap
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_real
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_layout import PixelLayout, layout_of
from medvision_desktop.io.dicom_multiframe import (
    FrameGrid,
    FrameValues,
    check_memory,
    grid_of,
)
from medvision_desktop.io.dicom_sources import SourcePlaces
from medvision_desktop.io.dicom_values import number, text
from medvision_desktop.work import CancelToken

_MOST_MAPS: Final = 16
_SHOWN: Final = (0.5, 99.5)
_SAMPLE: Final = 1 << 20


def load(
    instance: InstanceRef,
    decoder: Decoder,
    cancel: CancelToken | None = None,
    sources: SourcePlaces | None = None,
) -> tuple[ParametricMap, ...]:
    """The maps of one object. Raises `InputRefused` in words for the reader, and `Cancelled`.

    `sources`: places of the images that it was made from, for frames that do not say where they lie.
    """
    try:
        with quiet():
            return _loaded(instance, decoder, cancel or CancelToken(), sources)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def _loaded(
    instance: InstanceRef, decoder: Decoder, token: CancelToken, sources: SourcePlaces | None
) -> tuple[ParametricMap, ...]:
    header = read_header(instance.path)
    layout = layout_of(header)
    if layout.samples != 1 or layout.bits_allocated == 1:
        raise InputRefused("The parametric map cannot be read.", "Its values are not numbers of one kind.")
    grid = grid_of(header, layout, sources)
    quantity_of = [_quantity(header, index) for index in range(layout.frames)]
    place_of = _apart(grid, quantity_of)
    count = max(place_of) + 1
    if count > _MOST_MAPS:
        raise InputRefused(
            "The parametric map cannot be shown.",
            f"It holds {count} quantities; at most {_MOST_MAPS} are shown.",
        )
    check_memory(4 * count * grid.voxels, decoder)
    maps = [np.full(grid.shape_kji, np.nan, np.float32) for _ in range(count)]
    values = FrameValues(header, layout, instance, decoder)
    for index, stored in values.read(range(layout.frames), token):
        maps[place_of[index]][grid.slice_of[index]] = _real(header, layout, quantity_of[index], stored)
    firsts = [place_of.index(place) for place in range(count)]
    return tuple(
        _map(header, grid, quantity_of[first], array, part, count)
        for part, (first, array) in enumerate(zip(firsts, maps, strict=True))
    )


def _quantity(header: Header, index: int) -> RealValue | None:
    found = dicom_real.real_values_of(header.dataset, index, Rescale())
    return found[0] if found else None


def _apart(grid: FrameGrid, quantities: list[RealValue | None]) -> list[int]:
    """Which map each frame goes to: by what it measures, and apart again where a position repeats."""
    places: list[int] = []
    names: list[tuple[str, str]] = []
    taken: list[set[int]] = []
    for index, quantity in enumerate(quantities):
        name = (quantity.label, quantity.units) if quantity is not None else ("", "")
        k = grid.slice_of[index]
        fits = (n for n, known in enumerate(names) if known == name and k not in taken[n])
        place = next(fits, None)
        if place is None:
            place = len(names)
            names.append(name)
            taken.append(set())
        taken[place].add(k)
        places.append(place)
    return places


def _real(
    header: Header, layout: PixelLayout, quantity: RealValue | None, stored: NDArray[Any]
) -> NDArray[np.float32]:
    if quantity is None and not layout.is_float:
        raise InputRefused(
            "The parametric map cannot be shown.", "It does not say what quantity its stored values are."
        )
    values = stored.astype(np.float64) if quantity is None else quantity.of(stored)
    keyword = "DoubleFloatPixelPaddingValue" if layout.bits_allocated == 64 else "FloatPixelPaddingValue"
    padding = (
        number(header.dataset, keyword) if layout.is_float else number(header.dataset, "PixelPaddingValue")
    )
    if padding is not None:
        values = np.where(stored == padding, np.nan, values)
    values[~np.isfinite(values)] = np.nan
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


def _map(
    header: Header,
    grid: FrameGrid,
    quantity: RealValue | None,
    values: NDArray[np.float32],
    part: int,
    parts: int,
) -> ParametricMap:
    dataset = header.dataset
    uid = text(dataset, "SOPInstanceUID")
    described = text(dataset, "SeriesDescription") or text(dataset, "ContentDescription")
    named = quantity.label if quantity is not None and quantity.label != "Real-world value" else ""
    title = (named or described) if parts > 1 else (described or named)
    return ParametricMap(
        values_kji=grid.spread(values, np.nan),
        affine_kji_to_lps=grid.affine_kji_to_lps.copy(),
        uid=uid if part == 0 else f"{uid}#{part + 1}",
        shown=_shown(values),
        title=title or "Parametric map",
        units=quantity.units if quantity is not None else "",
        source="DICOM parametric map",
        frame_of_reference=grid.frame_of_reference,
        badges=grid.badges,
    )


def _shown(values: NDArray[np.float32]) -> tuple[float, float]:
    """The 0.5 and 99.5 percentiles of what is not missing, as for images whose header has no window."""
    flat = values.ravel()[:: max(1, values.size // _SAMPLE)]
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, _SHOWN))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
