"""How the reader looks at a layer of voxels: what is on, how it is drawn, in which colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from medvision_desktop.domain.labelmap import LabelMap, ParametricMap, RgbColour, VoxelLayer
from medvision_desktop.pixels.labels import LabelLook
from medvision_desktop.pixels.parametric import COLOUR_MAPS

FILL: Final = 0.3
MAP_OPACITY: Final = 0.6


class LabelMode(Enum):
    """Whether labels are filled, outlined or both."""

    FILL = "Fill"
    OUTLINE = "Outline"
    BOTH = "Both"


@dataclass(frozen=True)
class SegmentStyle:
    """One label: its eye, its colour, and the opacity of its inside, 0..1."""

    colour: RgbColour
    visible: bool = True
    opacity: float = FILL


@dataclass(frozen=True)
class LayerStyle:
    """One layer. `opacity` counts for all of it, 0..1; `colour_map` only for parametric maps."""

    visible: bool = True
    opacity: float = 1.0
    mode: LabelMode = LabelMode.BOTH
    segments: Mapping[int, SegmentStyle] = field(default_factory=lambda: MappingProxyType({}))
    colour_map: str = COLOUR_MAPS[0]

    def with_segment(self, number: int, segment: SegmentStyle) -> LayerStyle:
        """The same with another look of one label."""
        return replace(self, segments=MappingProxyType({**self.segments, number: segment}))

    def looks(self, *, outlines: bool = False) -> dict[int, LabelLook]:
        """How each visible label is drawn; with `outlines` as lines alone."""
        mode = LabelMode.OUTLINE if outlines else self.mode
        return {
            number: LabelLook(
                one.colour,
                0.0 if mode is LabelMode.OUTLINE else one.opacity * self.opacity,
                mode is not LabelMode.FILL,
            )
            for number, one in self.segments.items()
            if one.visible
        }


def style_of(layer: VoxelLayer) -> LayerStyle:
    """What a layer looks like at first."""
    if isinstance(layer, ParametricMap):
        return LayerStyle(opacity=MAP_OPACITY)
    segments = {one.number: SegmentStyle(one.colour) for one in layer.segments}
    return LayerStyle(segments=MappingProxyType(segments))


def kept_style(layer: LabelMap, style: LayerStyle) -> LayerStyle:
    """The style of a map whose labels have changed: what was set stays, new labels get their own."""
    fresh = {one.number: style.segments.get(one.number, SegmentStyle(one.colour)) for one in layer.segments}
    return replace(style, segments=MappingProxyType(fresh))
