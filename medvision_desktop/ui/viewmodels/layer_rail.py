"""Where layers meet the images on screen: the image's grid in the patient, and marks for the slice rail."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.frame_shelf import FrameShelf, faces_of
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.labelmap import LabelMap, RgbColour, VoxelLayer
from medvision_desktop.pixels.labels import LabelPlaces, in_slices
from medvision_desktop.pixels.patient_grid import PatientGrid, grid_of_plane
from medvision_desktop.ui.viewmodels.pane_state import Shown

_MOST_KEPT: Final = 64


@dataclass(frozen=True)
class RailRun:
    """Images first to last, counted from 0, that hold a label of this colour."""

    first: int
    last: int
    colour: RgbColour


class LayerRail:
    """In which images of a pane each label lies, kept while the pane steps through the same ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[NDArray[np.bool_], object, object]] = OrderedDict()

    def in_images(self, places: LabelPlaces, layer: VoxelLayer, shown: Shown) -> NDArray[np.bool_]:
        """Labels by images: (256, images of the pane)."""
        holder: object = shown.planes if shown.planes is not None else shown.loaded.stack
        key = (id(places), id(holder))
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[0]
        if isinstance(layer, LabelMap) and layer.images:
            return _on_own_images(places, layer, shown)
        found = in_slices(places, layer.affine_kji_to_lps, *_middles(shown))
        frames = shown.loaded.stack.frames
        if shown.planes is None and isinstance(frames, FrameShelf) and len(frames.faces()) < len(frames):
            return found  # more of them will be known later
        # What the ids stand for is kept with them, so that they stay theirs.
        self._kept[key] = (found, places, holder)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found


def runs_of(table: NDArray[np.bool_], colours: Mapping[int, RgbColour]) -> list[RailRun]:
    """Unbroken runs of images for each label, those of the label on the fewest images last."""
    runs: list[RailRun] = []
    for number in sorted(colours, key=lambda one: -int(table[one].sum())):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], table[number], [False]]).astype(np.int8)))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            runs.append(RailRun(int(first), int(last) - 1, colours[number]))
    return runs


def picture_of(shown: Shown) -> PatientGrid | None:
    """The pixels of the image on screen in the patient; None where the header is silent."""
    frame, planes = shown.frame, shown.planes
    if frame.geometry is not None:
        return grid_of_plane(frame.geometry, frame.rows, frame.columns)
    if planes is None:
        return None
    # A sheared plane has no right angles, but places of its own all the same.
    first = np.asarray(planes.point_lps_mm(shown.index, 0, 0))
    down = np.asarray(planes.point_lps_mm(shown.index, 1, 0)) - first
    right = np.asarray(planes.point_lps_mm(shown.index, 0, 1)) - first
    return PatientGrid(_vector(first), _vector(down), _vector(right), frame.rows, frame.columns)


def picture_under(layer: VoxelLayer, shown: Shown) -> PatientGrid | None:
    """The pixels of the image on screen in the space of a layer; None where the layer is not over them."""
    if not isinstance(layer, LabelMap) or not layer.images:
        return picture_of(shown)
    frame = shown.frame
    key = (frame.sop_instance_uid, frame.frame_number)
    if shown.planes is not None or key not in layer.images:
        return None
    place = float(layer.images.index(key))
    return PatientGrid((0.0, 0.0, place), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), frame.rows, frame.columns)


def _on_own_images(places: LabelPlaces, layer: LabelMap, shown: Shown) -> NDArray[np.bool_]:
    found = np.zeros((256, shown.count), np.bool_)
    slice_of = {image: k for k, image in enumerate(layer.images)}
    if shown.planes is None:
        for index, frame in faces_of(shown.loaded.stack.frames):
            k = slice_of.get((frame.sop_instance_uid, frame.frame_number))
            if k is not None:
                found[:, index] = places.along[0][:, k]
    return found


def _middles(shown: Shown) -> tuple[NDArray[np.float64], Vector3]:
    """The middle of every image that the rail counts (n, 3), and the direction it is stepped along."""
    picture = picture_of(shown)
    if picture is None:
        return np.zeros((0, 3)), (0.0, 0.0, 1.0)
    row, column = (picture.rows - 1) / 2, (picture.columns - 1) / 2
    if shown.planes is not None:
        found = np.asarray([shown.planes.point_lps_mm(index, row, column) for index in range(shown.count)])
    else:
        # By the frames themselves: a volume may be resampled, and of a shelf not every frame is known.
        found = np.full((shown.count, 3), 1e9)
        for index, frame in faces_of(shown.loaded.stack.frames):
            if frame.geometry is not None:
                found[index] = frame.geometry.point_lps_mm(row, column)
    normal = np.cross(np.asarray(picture.right_mm), np.asarray(picture.down_mm))
    return found, _vector(normal)


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
