"""Volume rendering by VTK's fixed-point ray caster, on the processor: no display and no OpenGL is needed.

Lives in a child process. VTK is imported inside: nothing else of the program waits for it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
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
        """Take a volume: (slices, rows, columns) of one value, or (..., 4) uint8 of colour and opacity."""
        import vtkmodules.util.numpy_support as numpy_support
        from vtkmodules.vtkCommonDataModel import vtkImageData

        self._held = np.ascontiguousarray(values)
        image = vtkImageData()
        image.SetDimensions(*values.shape[2::-1])
        image.SetSpacing(*spacing_kji_mm[::-1])
        image.SetOrigin(*origin_lps_mm)
        has_colours = values.ndim == 4
        flat = self._held.reshape(-1, 4) if has_colours else self._held.reshape(-1)
        to_vtk: Any = numpy_support.numpy_to_vtk
        image.GetPointData().SetScalars(to_vtk(flat, deep=False))
        self._property.SetIndependentComponents(not has_colours)
        self._mapper.SetInputData(image)
        step = min(spacing_kji_mm) / (1.0 if has_colours else _RAY_STEPS_A_VOXEL)
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
        """The volume seen in parallel projection: (height, width, 3) uint8 on black.

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
        picture = np.zeros((height, width, 3), np.uint8)
        image = self._mapper.GetInput()
        hits = self._mapper.PerImageInitialization(
            self._renderer, self._volume, 0, image.GetOrigin(), image.GetSpacing(), image.GetExtent()
        )
        if not hits:
            return picture[:wanted]
        self._mapper.PerVolumeInitialization(self._renderer, self._volume)
        self._mapper.PerSubVolumeInitialization(self._renderer, self._volume, 0)
        self._mapper.RenderSubVolume()
        self._paste(picture)
        return picture[_EDGE : _EDGE + wanted]

    def _paste(self, picture: NDArray[np.uint8]) -> None:
        """The part of the picture that rays were cast through, from the mapper's own memory."""
        cast = self._mapper.GetRayCastImage()
        memory, used, start = cast.GetImageMemorySize(), cast.GetImageInUseSize(), cast.GetImageOrigin()
        count = memory[0] * memory[1] * 4
        # VTK's Python gives a pointer as text: an underscore, its address, and its type.
        address = int(cast.GetImage().split("_")[1], 16)
        values = np.ctypeslib.as_array((ctypes.c_uint16 * count).from_address(address))
        part = values.reshape(memory[1], memory[0], 4)[: used[1], : used[0], :3]
        levels = np.minimum(part >> (_FIXED_BITS - 8), 255).astype(np.uint8)
        height, width = picture.shape[:2]
        # VTK counts rows from below, and the rays may reach beyond the picture.
        rows = slice(start[1], min(height, start[1] + used[1]))
        columns = slice(start[0], min(width, start[0] + used[0]))
        upward = picture[::-1]
        upward[rows, columns] = levels[: rows.stop - rows.start, : columns.stop - columns.start]


def _to_the_ends(points: Sequence[tuple[float, ...]], ends: tuple[float, float]) -> list[tuple[float, ...]]:
    """The points, with the first and last one repeated as far as values reach."""
    found = [tuple(float(part) for part in point) for point in points]
    low, high = min(ends) - 1.0, max(ends) + 1.0
    before = [(low, *found[0][1:])] if low < found[0][0] else []
    after = [(high, *found[-1][1:])] if high > found[-1][0] else []
    return [*before, *found, *after]
