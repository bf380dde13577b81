"""Window presets on the keys 1 to 9: a table by modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from medvision_desktop.domain.display import VoiFunction, VoiWindow
from medvision_desktop.domain.image import Frame, Rescale
from medvision_desktop.pixels import histogram, presentation, voi

Percentiles = tuple[float, float]


@dataclass(frozen=True)
class Preset:
    """A window by key.

    `window` is modality values, `percentiles` are of the frame's brightness as displayed (0 is
    the darkest), both None: back to the default of the image. `quantity`: label of the quantity
    that the window is given in instead, such as "SUVbw"; a frame without it has no such window.
    """

    key: int
    name: str
    window: VoiWindow | None = None
    percentiles: Percentiles | None = None
    quantity: str = ""


_DEFAULT: Final = Preset(1, "Default")

_CT: Final = (
    _DEFAULT,
    Preset(2, "Brain", VoiWindow(40, 80)),
    Preset(3, "Subdural", VoiWindow(75, 215)),
    Preset(4, "Stroke", VoiWindow(35, 40)),
    Preset(5, "Bone", VoiWindow(500, 2000)),
    Preset(6, "Lung", VoiWindow(-600, 1500)),
    Preset(7, "Mediastinum", VoiWindow(40, 400)),
    Preset(8, "Abdomen", VoiWindow(50, 350)),
    Preset(9, "Liver", VoiWindow(70, 150)),
)
_XR: Final = (
    _DEFAULT,
    Preset(2, "Bone", percentiles=(40, 99.9)),
    Preset(3, "Lung", percentiles=(0.1, 75)),
    Preset(4, "All values", percentiles=(0, 100)),
)
_PERCENTILES: Final = (
    _DEFAULT,
    Preset(2, "0.5–99.5 %", percentiles=(0.5, 99.5)),
    Preset(3, "2–98 %", percentiles=(2, 98)),
    Preset(4, "5–90 %", percentiles=(5, 90)),
    Preset(5, "30–99.9 %", percentiles=(30, 99.9)),
    Preset(6, "All values", percentiles=(0, 100)),
)
_SUV: Final = "SUVbw"
_PT: Final = (
    _DEFAULT,
    *(
        Preset(key, f"SUV 0–{top}", VoiWindow(top / 2, top, VoiFunction.LINEAR_EXACT), quantity=_SUV)
        for key, top in ((2, 5), (3, 7), (4, 10), (5, 15), (6, 20))
    ),
    Preset(7, "0.5–99.5 %", percentiles=(0.5, 99.5)),
    Preset(8, "All values", percentiles=(0, 100)),
)
_TABLE: Final = {
    "CT": _CT,
    "PT": _PT,
    **dict.fromkeys(("CR", "DX", "RF", "XA", "MG", "RG", "PX", "IO"), _XR),
}


def presets_for(modality: str) -> tuple[Preset, ...]:
    """The presets of a modality (DICOM code), at most nine, in key order."""
    return _TABLE.get(modality, _PERCENTILES)


def means_something(preset: Preset, frame: Frame) -> bool:
    """Whether a frame has the quantity that a preset is given in."""
    return not preset.quantity or _in_modality(preset, frame) is not None


def _in_modality(preset: Preset, frame: Frame) -> tuple[float, float] | None:
    """The ends of a window in a quantity as modality values; None where the frame does not have it."""
    window, rescale = preset.window, frame.modality
    real = next((one for one in frame.real if one.label == preset.quantity and one.entries is None), None)
    if window is None or real is None or real.slope == 0 or not isinstance(rescale, Rescale):
        return None
    ends = (window.center - window.width / 2, window.center + window.width / 2)
    low, high = ((end - real.intercept) / real.slope * rescale.slope + rescale.intercept for end in ends)
    return low, high


def window_of(preset: Preset, frame: Frame) -> VoiWindow | None:
    """The window that a preset means for a frame; None is the image's default, and for colour."""
    if frame.is_colour:
        return None
    if preset.quantity:
        ends = _in_modality(preset, frame)
        return None if ends is None else voi.spanning(*ends, explanation=preset.name)
    if preset.window is not None:
        return VoiWindow(
            preset.window.center, preset.window.width, preset.window.function, explanation=preset.name
        )
    if preset.percentiles is None:
        return None
    low, high = preset.percentiles
    if presentation.shows_low_as_white(frame):
        low, high = 100 - high, 100 - low
    found = histogram.series_range((frame,), (low, high))
    return None if found is None else voi.spanning(*found, explanation=preset.name)
