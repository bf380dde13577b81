"""The child's side of volume rendering: holds one volume and label maps, draws them on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.children.serve import Answer, Handler
from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.pixels.label_shells import Grid, Segments, Shell, lay_over, lit, shells_of
from medvision_desktop.pixels.ray_caster import RayCaster
from medvision_desktop.work import CancelToken, ProgressSink


class Stage:
    """What is on stage: a volume, label maps over it, how all of it is lit."""

    def __init__(self) -> None:
        self._caster = RayCaster()
        self._grid: Grid | None = None
        self._maps: dict[int, tuple[Shell, ...]] = {}
        self._shown: list[tuple[Shell, float]] = []
        self._look: dict[str, Any] = {}

    def hold(self, values: NDArray[Any], spacing: Vector3, origin: Vector3) -> None:
        """Another volume; labels of the one before are gone."""
        self._caster.hold(values, spacing, origin)
        self._grid = Grid(values.shape, spacing, origin)
        self._maps, self._shown, self._look = {}, [], {}

    def take(self, key: int, labels: NDArray[np.uint8], affine: NDArray[np.float64]) -> None:
        """A label map by a number of its own, on its own grid, `affine` (k, j, i, 1) to LPS."""
        if self._grid is not None:
            self._maps[key] = shells_of(labels, affine, self._grid)

    def label(self, shown: Sequence[tuple[int, Segments]]) -> None:
        """Which of the maps taken are shown and how; the others are let go."""
        self._maps = {key: self._maps[key] for key, _ in shown if key in self._maps}
        found = [one for key, segments in shown for one in lit(self._maps.get(key, ()), segments)]
        self._shown = sorted(found, key=lambda one: -one[0].voxels)

    def light(self, look: dict[str, Any]) -> None:
        """Colours and opacities by value."""
        if self._grid is None or look == self._look:
            return
        self._look = look
        self._caster.light(
            _points(look["colours"]), _pairs(look["opacities"]), largest=bool(look["largest"])
        )

    def draw(self, view: dict[str, Any]) -> NDArray[np.uint8]:
        """A picture (height, width, 3) on black; see `RayCaster.draw`. Labels shine through the matter."""
        seen = (
            tuple(view["right"]),
            tuple(view["down"]),
            tuple(view["middle"]),
            float(view["mm_a_pixel"]),
            int(view["width"]),
            int(view["height"]),
        )
        picture = self._caster.draw(*seen)
        for shell, share in self._shown:
            lay_over(picture, shell.caster.cast(*seen), share)
        return np.ascontiguousarray(picture[..., :3])


def handlers() -> Mapping[str, Handler]:
    """The operations of this kind of child. The stage is made when it is first needed."""
    stages: list[Stage] = []

    def stage() -> Stage:
        if not stages:
            stages.append(Stage())
        return stages[0]

    def hold(
        words: dict[str, Any], arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        stage().hold(arrays["values"], tuple(words["spacing"]), tuple(words["origin"]))
        return {}, {}

    def take(
        words: dict[str, Any], arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        stage().take(int(words["map"]), arrays["labels"], arrays["affine"])
        return {}, {}

    def label(
        words: dict[str, Any], _arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        shown = [
            (
                int(key),
                [(int(n), (int(r), int(g), int(b)), float(share)) for n, (r, g, b), share in segments],
            )
            for key, segments in words["maps"]
        ]
        stage().label(shown)
        return {}, {}

    def draw(
        words: dict[str, Any], _arrays: dict[str, NDArray[Any]], *_: ProgressSink | CancelToken
    ) -> Answer:
        stage().light(words["look"])
        return {}, {"picture": stage().draw(words["view"])}

    return {"hold": hold, "take": take, "label": label, "draw": draw}


def _segments(told: Any) -> Segments:
    return [(int(n), (int(r), int(g), int(b)), float(share)) for n, (r, g, b), share in told]


def _points(colours: Any) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((float(v), float(r), float(g), float(b)) for v, r, g, b in colours)


def _pairs(opacities: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(value), float(share)) for value, share in opacities)
