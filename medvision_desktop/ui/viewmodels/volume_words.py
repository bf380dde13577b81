"""What stands in the corners of a rendered volume, and what a screen reader says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medvision_desktop.ui.viewmodels.corner_lines import CornerText, Line
from medvision_desktop.ui.viewmodels.volume_scene import SceneStatus, VolumeScene

if TYPE_CHECKING:
    from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_WARNING_LINES: Final = ("Volume rendering,", "not for measurement")
WARNING: Final = " ".join(_WARNING_LINES)


def corner_words(scene: VolumeScene, viewer: ViewerModel, *, small: bool) -> CornerText:
    """The patient as in the plane beside it; look, zoom and what the picture is not.

    What it is not stands there also where the reader has put all other words away.
    """
    # In a small pane the letter at the bottom needs the middle for itself.
    warning = tuple(Line(words) for words in (_WARNING_LINES if small else (WARNING,)))
    is_shown = scene.status is SceneStatus.SHOWN
    if not viewer.corner_text:
        return CornerText(bottom_right=warning if is_shown else ())
    beside = viewer.view(0).corner
    who = beside.top_left[:2] if small else beside.top_left
    if not is_shown:
        return CornerText(top_left=who)
    badges = scene.volume.badges if scene.volume is not None and not small else ()
    lines = (
        *((Line("  ·  ".join(badges)),) if badges else ()),
        Line(_look(scene)),
        *(() if small else (Line(f"Ray cast on CPU  ·  zoom {scene.camera.zoom:.1f}"),)),
        *warning,
    )
    return CornerText(top_left=who, bottom_right=lines)


def spoken(scene: VolumeScene) -> str:
    """What a screen reader says of the pane: never the patient's name."""
    if scene.status is not SceneStatus.SHOWN:
        return f"Volume rendering, {scene.failure or scene.status.value}"
    letters = scene.camera.letters
    seen = f", right side {letters.right}, top {letters.top}" if letters is not None else ""
    return f"{WARNING}, {_look(scene)}{seen}"


def _look(scene: VolumeScene) -> str:
    if scene.shift == 0:
        return scene.look.name
    unit = f" {scene.units}" if scene.units else ""
    return f"{scene.look.name}  ·  {scene.shift:+.3g}{unit}"
