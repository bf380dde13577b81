"""Lucide icons, recoloured at load and sharp on every screen.

The SVG files in resources/icons are as the package `lucide-static` ships them; their strokes are
`currentColor`. Rendered pixmaps live in Qt's own pixmap cache, which goes with the application; icons are
made once, too.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, qAddPostRoutine
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from medvision_desktop import paths
from medvision_desktop.ui.theme.tokens import T

_OWN_STROKE: Final = 'stroke-width="2"'
_icons: Final[dict[tuple[object, ...], QIcon]] = {}


def icon(
    name: str, colour: str = T.t2, size: int = 16, stroke: float = 2.0, *, on: str | None = None
) -> QIcon:
    """An icon of `size` pixels; disabled it is drawn in `tdis`, checked in `on` (default: as at rest).

    Raises `KeyError` for a name that does not ship.
    """
    ratios = _ratios()
    key = (name, colour, size, stroke, on, ratios)
    known = _icons.get(key)
    if known is not None:
        return known
    if not _icons:
        qAddPostRoutine(_icons.clear)  # no picture outlives the application
    result = QIcon()
    for ratio in ratios:
        result.addPixmap(pixmap(name, colour, size, stroke, ratio), QIcon.Mode.Normal, QIcon.State.Off)
        result.addPixmap(pixmap(name, T.tdis, size, stroke, ratio), QIcon.Mode.Disabled, QIcon.State.Off)
        if on is not None:
            result.addPixmap(pixmap(name, on, size, stroke, ratio), QIcon.Mode.Normal, QIcon.State.On)
    _icons[key] = result
    return result


def pixmap(
    name: str, colour: str = T.t2, size: int = 16, stroke: float = 2.0, ratio: float = 1.0
) -> QPixmap:
    """One icon as a pixmap of `size` x `size` at a device pixel ratio."""
    key = f"lucide/{name}/{colour}/{size}/{stroke:g}/{ratio:g}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    pixels = round(size * ratio)
    fresh = QPixmap(QSize(pixels, pixels))
    fresh.fill(Qt.GlobalColor.transparent)
    source = _source(name).replace("currentColor", colour)
    source = source.replace(_OWN_STROKE, f'stroke-width="{stroke:g}"')
    painter = QPainter(fresh)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    fresh.setDevicePixelRatio(ratio)
    QPixmapCache.insert(key, fresh)
    return fresh


def folder() -> Path:
    """Where the SVG files are."""
    return paths.resources() / "icons"


@cache
def _source(name: str) -> str:
    try:
        return (folder() / f"{name}.svg").read_text(encoding="utf-8")
    except OSError as error:
        raise KeyError(name) from error


def _ratios() -> tuple[float, ...]:
    own = {screen.devicePixelRatio() for screen in QGuiApplication.screens()}
    return tuple(sorted(own | {1.0, 2.0}))
