"""Volume rendering by VTK's fixed-point ray caster, on the processor: no display and no OpenGL is needed.

Lives in a child process. VTK is imported inside: nothing else of the program waits for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.geometry import Vector3

# The mapper's fixed point: 15 bits for 0 to 1.
_FIXED_BITS: Final = 15
_FAR_MM: Final = 4000.0
_RAY_STEPS_A_VOXEL: Final = 1.5
# No rays are cast through the first and last rows of a picture, which would be seen between its bands.
_EDGE: Final = 2

Points = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows and columns of a picture: (rows, columns, 4) uint8, colours multiplied by opacity."""

    pixels: NDArray[np.uint8]
    rows: slice
    columns: slice


class RayCaster:
    """One volume and how it is lit, drawn from any side.

    The volume lies along the patient's axes: `values_kji` (slices towards the head, rows towards the back,
    columns towards the left), its first voxel at `origin_lps_mm`.
    """

    def __init__(self) -> None:
        # The ray-cast helper comes with the OpenGL rooms; nothing is drawn with them.
        import vtkmodules.vtkRenderingOpenGL2
        import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401
        from vtkmodules.vtkRenderingCore import (
            vtkLight,
            vtkRenderer,
            vtkRenderWindow,
            vtkVolume,
            vtkVolumeProperty,
        )
        from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

        self._mapper = vtkFixedPointVolumeRayCastMapper()
        self._mapper.AutoAdjustSampleDistancesOff()
        self._mapper.LockSampleDistanceToInputSpacingOff()
        self._property = vtkVolumeProperty()
        self._property.SetInterpolationTypeToLinear()
        self._volume = vtkVolume()
        self._volume.SetMapper(self._mapper)
        self._volume.SetProperty(self._property)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._renderer = vtkRenderer()
        self._window.AddRenderer(self._renderer)
        self._lamp = vtkLight()
        self._lamp.SetLightTypeToSceneLight()
        self._renderer.AddLight(self._lamp)
        self._held: NDArray[Any] | None = None  # VTK reads this memory without owning it

    def hold(self, values: NDArray[Any], spacing_kji_mm: Vector3, origin_lps_mm: Vector3) -> None:
        """Take a volume: (slices, rows, columns) of one value."""
        import vtkmodules.util.numpy_support as numpy_support
        from vtkmodules.vtkCommonDataModel import vtkImageData

        self._held = np.ascontiguousarray(values)
        image = vtkImageData()
        image.SetDimensions(*values.shape[2::-1])
        image.SetSpacing(*spacing_kji_mm[::-1])
        image.SetOrigin(*origin_lps_mm)
        to_vtk: Any = numpy_support.numpy_to_vtk
        image.GetPointData().SetScalars(to_vtk(self._held.reshape(-1), deep=False))
        self._mapper.SetInputData(image)
        step = min(spacing_kji_mm) / _RAY_STEPS_A_VOXEL
        self._mapper.SetSampleDistance(step)
        self._mapper.SetInteractiveSampleDistance(step)

    def light(self, points: Points, opacities: tuple[tuple[float, float], ...], *, largest: bool) -> None:
        """How values look: (value, red, green, blue) and (value, opacity a voxel), colours in 0..1.

        `largest`: the largest value along each ray (MIP) instead of light through matter.
        """
        from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
        from vtkmodules.vtkRenderingCore import vtkColorTransferFunction

        colour, opacity = vtkColorTransferFunction(), vtkPiecewiseFunction()
        # The mapper's tables are black beyond the first and the last point, whatever clamping says.
        ends = self._mapper.GetInput().GetScalarRange()
        for value, *shade in _to_the_ends(points, ends):
            colour.AddRGBPoint(value, *shade)
        for value, share in _to_the_ends(opacities, ends):
            opacity.AddPoint(value, share)
        lit = self._property
        lit.SetColor(colour)
        lit.SetScalarOpacity(opacity)
        lit.SetScalarOpacityUnitDistance(min(self._mapper.GetInput().GetSpacing()))
        lit.SetShade(not largest)
        lit.SetAmbient(0.3)
        lit.SetDiffuse(0.9)
        lit.SetSpecular(0.15)
        lit.SetSpecularPower(20)
        if largest:
            self._mapper.SetBlendModeToMaximumIntensity()
        else:
            self._mapper.SetBlendModeToComposite()

    def draw(
        self,
        right: Vector3,
        down: Vector3,
        middle_lps_mm: Vector3,
        mm_a_pixel: float,
        width: int,
        height: int,
    ) -> NDArray[np.uint8]:
        """The volume seen in parallel projection: (height, width, 4) uint8 on nothing.

        Red, green and blue are multiplied by the last channel, the opacity, as the light that arrives is.
        See `cast`.
        """
        picture = np.zeros((height, width, 4), np.uint8)
        part = self.cast(right, down, middle_lps_mm, mm_a_pixel, width, height)
        picture[part.rows, part.columns] = part.pixels
        return picture

    def cast(
        self,
        right: Vector3,
        down: Vector3,
        middle_lps_mm: Vector3,
        mm_a_pixel: float,
        width: int,
        height: int,
    ) -> Part:
        """The part of a picture of this size that rays meet the volume in.

        `right` and `down`: unit directions on screen. `middle_lps_mm` lies in the middle of the picture.
        """
        wanted, height = height, height + 2 * _EDGE
        self._window.SetSize(width, height)
        into = np.cross(right, down)
        camera = self._renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*middle_lps_mm)
        camera.SetPosition(*(np.asarray(middle_lps_mm) - into * _FAR_MM))
        # From over the reader's left shoulder, so that what is raised and what is sunk look different.
        aside = into + 0.35 * np.asarray(down) + 0.35 * np.asarray(right)
        self._lamp.SetFocalPoint(*middle_lps_mm)
        self._lamp.SetPosition(*(np.asarray(middle_lps_mm) - aside * _FAR_MM))
        camera.SetViewUp(*(-np.asarray(down)))
        camera.SetParallelScale(height * mm_a_pixel / 2)
        camera.SetClippingRange(1.0, 2 * _FAR_MM)
        image = self._mapper.GetInput()
        hits = self._mapper.PerImageInitialization(
            self._renderer, self._volume, 0, image.GetOrigin(), image.GetSpacing(), image.GetExtent()
        )
        if not hits:
            return Part(np.zeros((0, 0, 4), np.uint8), slice(0, 0), slice(0, 0))
        self._mapper.PerVolumeInitialization(self._renderer, self._volume)
        self._mapper.PerSubVolumeInitialization(self._renderer, self._volume, 0)
        self._mapper.RenderSubVolume()
        return self._part(wanted, width)

    def _part(self, height: int, width: int) -> Part:
        """What the rays came to, from the mapper's own memory."""
        cast = self._mapper.GetRayCastImage()
        memory, used, start = cast.GetImageMemorySize(), cast.GetImageInUseSize(), cast.GetImageOrigin()
        count = memory[0] * memory[1] * 4
        # VTK's Python gives a pointer as text: an underscore, its address, and its type.
        address = int(cast.GetImage().split("_")[1], 16)
        values = np.ctypeslib.as_array((ctypes.c_uint16 * count).from_address(address))
        # VTK counts rows from below, and the rays may reach beyond the picture and into the rows around it.
        upward = values.reshape(memory[1], memory[0], 4)[: used[1], : used[0]]
        bottom, top = max(_EDGE, start[1]), min(height + _EDGE, start[1] + used[1])
        left, end = max(0, start[0]), min(width, start[0] + used[0])
        if top <= bottom or end <= left:
            return Part(np.zeros((0, 0, 4), np.uint8), slice(0, 0), slice(0, 0))
        seen = upward[bottom - start[1] : top - start[1], left - start[0] : end - start[0]][::-1]
        levels = np.minimum(seen >> (_FIXED_BITS - 8), 255).astype(np.uint8)
        return Part(levels, slice(height + _EDGE - top, height + _EDGE - bottom), slice(left, end))


def _to_the_ends(points: Sequence[tuple[float, ...]], ends: tuple[float, float]) -> list[tuple[float, ...]]:
    """The points, with the first and last one repeated as far as values reach."""
    found = [tuple(float(part) for part in point) for point in points]
    low, high = min(ends) - 1.0, max(ends) + 1.0
    before = [(low, *found[0][1:])] if low < found[0][0] else []
    after = [(high, *found[-1][1:])] if high > found[-1][0] else []
    return [*before, *found, *after]
