"""The type of the interface: Inter, with tabular figures, no hinting and no letter-spacing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

from medvision_desktop import paths

FILES: Final = ("Inter-Regular.otf", "Inter-Medium.otf", "Inter-SemiBold.otf", "InterDisplay-SemiBold.otf")

# After Inter: a face with wide coverage, then what a system is likely to have for other scripts.
_FALLBACK: Final = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans", "sans-serif")
_TABULAR: Final = QFont.Tag("tnum")


@dataclass(frozen=True)
class Style:
    """One style of type: pixel size, weight and face."""

    size_px: int
    weight: QFont.Weight
    family: str = "Inter"


STYLES: Final = {
    "display": Style(28, QFont.Weight.DemiBold, "Inter Display"),
    "heading": Style(20, QFont.Weight.DemiBold, "Inter Display"),
    "title": Style(15, QFont.Weight.DemiBold),
    "letter": Style(16, QFont.Weight.DemiBold),
    "body": Style(13, QFont.Weight.Normal),
    "label": Style(13, QFont.Weight.Medium),
    "value": Style(13, QFont.Weight.DemiBold),
    "caption": Style(12, QFont.Weight.Normal),
    "chip": Style(12, QFont.Weight.Medium),
    "section": Style(12, QFont.Weight.DemiBold),
}


def install(app: QApplication) -> None:
    """Make the bundled faces known and set the body style as the application's font.

    A missing file leaves the system's face, which is readable, so it is no error.
    """
    for name in FILES:
        path = paths.resources() / "fonts" / name
        if path.is_file():
            QFontDatabase.addApplicationFont(str(path))
    app.setFont(font("body"))


def font(style: str, scale: float = 1.0) -> QFont:
    """The font of a style of `STYLES`; `scale` is for drawings in other sizes, such as small panes."""
    return QFont(_made(style, scale))


@cache
def _made(style: str, scale: float) -> QFont:
    wanted = STYLES[style]
    result = QFont()
    result.setFamilies([wanted.family, "Inter", *_FALLBACK])
    result.setPixelSize(max(1, round(wanted.size_px * scale)))
    result.setWeight(wanted.weight)
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    result.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    result.setFeature(_TABULAR, 1)
    return result
