"""Quantities of volumes and regions, such as SUV in planes of PET slices with rescales of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medvision_desktop.domain.display import DisplayState
from medvision_desktop.domain.geometry import PixelSpacing, Plane, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, Rescale
from medvision_desktop.domain.measurement import MeasurementKind
from medvision_desktop.domain.quantities import RealValue
from medvision_desktop.io.volume import build_volume
from medvision_desktop.io.volume_real import real_of_volume
from medvision_desktop.pixels import pipeline, region
from medvision_desktop.pixels.reslice import PlaneStack

FACTOR = 0.002
CORNERS = ((2.0, 2.0), (6.0, 6.0))


def slices(slopes: tuple[float, ...] = (1.0, 2.5, 0.7, 3.0)) -> tuple[Frame, ...]:
    """PET slices, each with a rescale of its own as scanners write them, and SUV by one factor."""
    spacing = PixelSpacing(2.0, 2.0, SpacingSource.PATIENT)
    random = np.random.default_rng(1)
    return tuple(
        Frame(
            random.integers(0, 30_000, size=(10, 12)).astype(np.uint16),
            modality=Rescale(slope, 0.0),
            units="Bq/mL",
            geometry=PlaneGeometry((0.0, 0.0, 3.0 * k), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), spacing, "1.2"),
            spacing=spacing,
            real=(RealValue("SUVbw", "g/ml", slope * FACTOR, 0.0),),
        )
        for k, slope in enumerate(slopes)
    )


@pytest.mark.parametrize("slopes", [(1.0, 2.5, 0.7, 3.0), (2.0, 2.0, 2.0, 2.0)])
def test_every_plane_of_a_volume_reads_the_suv_of_its_slices(slopes: tuple[float, ...]) -> None:
    frames = slices(slopes)
    volume = build_volume(frames, None)
    for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL):
        stack = PlaneStack(volume, plane)
        frame = stack.frame(stack.count // 2)
        assert frame.geometry is not None
        shown = pipeline.probe(pipeline.resolve(DisplayState(), frame), 1, 3)
        assert shown is not None
        x, y, z = frame.geometry.point_lps_mm(1, 3)
        source = frames[round(z / 3)]
        wanted = source.real[0].of(source.stored[round(y / 2), round(x / 2)])
        assert shown.real[0][0] == "SUVbw"
        assert shown.real[0][1] == pytest.approx(float(wanted), rel=1e-5)


def test_slices_of_different_suv_factors_give_no_suv_of_the_volume() -> None:
    frames = list(slices())
    frames[2] = replace(frames[2], real=(RealValue("SUVbw", "g/ml", 0.5),))
    assert real_of_volume(frames, Rescale()) == ()


def test_slices_with_another_quantity_or_none_give_none_of_the_volume() -> None:
    frames = list(slices())
    assert real_of_volume([*frames[:3], replace(frames[3], real=())], Rescale()) == ()
    other = replace(frames[3], real=(RealValue("SUVlbm", "g/ml", 3.0 * FACTOR),))
    assert real_of_volume([*frames[:3], other], Rescale()) == ()


def test_a_quantity_holds_in_a_volume_where_it_holds_in_every_slice() -> None:
    frames = [
        replace(frame, real=(replace(frame.real[0], first=0.0, last=20_000.0),))
        for frame in slices((1.0, 2.0, 1.0))
    ]
    (found,) = real_of_volume(frames, Rescale())
    assert (found.first, found.last) == (0.0, 20_000.0)
    assert found.slope == pytest.approx(FACTOR)


def test_a_region_says_mean_and_largest_suv() -> None:
    frame = slices()[1]
    found = region.statistics(frame, MeasurementKind.RECTANGLE, CORNERS)
    assert found is not None
    inside = frame.stored[2:7, 2:7] * 2.5 * FACTOR
    (name, mean, largest, unit) = found.real[0]
    assert (name, unit) == ("SUVbw", "g/ml")
    assert mean == pytest.approx(float(inside.mean()))
    assert largest == pytest.approx(float(inside.max()))
    assert region.statistics_lines(found)[2] == f"SUVbw mean {mean:.3g}  max {largest:.3g} g/ml"


def test_values_for_which_a_quantity_does_not_hold_are_not_in_its_mean() -> None:
    frame = slices()[0]
    limit = float(np.median(frame.stored[2:7, 2:7]))
    bounded = replace(frame, real=(RealValue("ADC", "mm2/s", 1.0, 0.0, first=limit),))
    found = region.statistics(bounded, MeasurementKind.RECTANGLE, CORNERS)
    assert found is not None
    inside = frame.stored[2:7, 2:7].astype(float)
    assert found.real[0][1] == pytest.approx(float(inside[inside >= limit].mean()))
