"""Faces, styles and the text they can draw.

The faces are bundled TrueType forms of Inter, so that a report looks and hashes the same on every
machine. They hold Latin, Greek and Cyrillic. A character they cannot draw is never shown as a box: its
code stands in its place, and the report says so.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from medvision_desktop import paths
from medvision_desktop.errors import ExportFailed

if TYPE_CHECKING:
    from reportlab.lib.styles import ParagraphStyle

REGULAR: Final = "Inter-Regular"
SEMIBOLD: Final = "Inter-SemiBold"
DISPLAY: Final = "InterDisplay-SemiBold"

INK: Final = "#16191D"
SECONDARY: Final = "#5A626C"
RULE: Final = "#D4D8DD"
DRAFT_INK: Final = "#9A5A10"


@functools.cache
def _drawable() -> frozenset[int]:
    """Register the faces once and return the codes all of them can draw."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    common: set[int] | None = None
    for name in (REGULAR, SEMIBOLD, DISPLAY):
        try:
            face = TTFont(name, str(paths.resources() / "fonts" / f"{name}.ttf"))
        except (TTFError, OSError) as error:
            raise ExportFailed(
                "The report cannot be set.",
                f"The face {name} that ships with the program cannot be read.",
                "Install the program again.",
            ) from error
        pdfmetrics.registerFont(face)
        codes = set(face.face.charToGlyph)
        common = codes if common is None else common & codes
    return frozenset(common or ())


def drawable(text: str) -> tuple[str, frozenset[str]]:
    """The text with everything the faces cannot draw replaced by its code, and what that was."""
    codes = _drawable()
    missing: set[str] = set()
    kept: list[str] = []
    for sign in unicodedata.normalize("NFC", text.replace("\t", "    ")):
        if ord(sign) in codes:
            kept.append(sign)
        elif unicodedata.category(sign) in ("Cc", "Cf", "Cs"):
            continue  # controls and direction marks have no picture to miss
        else:
            missing.add(sign)
            kept.append(f"[U+{ord(sign):04X}]")
    return "".join(kept), frozenset(missing)


def undrawable_note(missing: frozenset[str]) -> str:
    """The sentence a report carries when something could not be drawn; empty otherwise."""
    if not missing:
        return ""
    named = sorted(missing)
    listed = ", ".join(
        f"U+{ord(sign):04X} {unicodedata.name(sign, 'unnamed').lower()}" for sign in named[:6]
    )
    more = f" and {len(named) - 6} more" if len(named) > 6 else ""
    return (
        f"This report cannot draw {listed}{more}; each stands as its code in brackets. "
        "The record holds the text as it was written."
    )


def width(text: str, face: str, size: float) -> float:
    """Width in points of text that `drawable` has seen."""
    from reportlab.pdfbase import pdfmetrics

    return float(pdfmetrics.stringWidth(text, face, size))


def markup(text: str) -> str:
    """Text as a paragraph takes it: nothing in it is read as a tag."""
    return escape(text)


@functools.cache
def style(face: str, size: float, leading: float, colour: str) -> ParagraphStyle:
    """A paragraph style; words longer than the line are broken rather than run off the page."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    _drawable()
    return ParagraphStyle(
        f"{face}-{size}-{colour}",
        fontName=face,
        fontSize=size,
        leading=leading,
        textColor=HexColor(colour),
        splitLongWords=1,
    )
