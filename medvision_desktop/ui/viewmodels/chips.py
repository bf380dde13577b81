"""What a chip says: a word, a glyph that tells the state by its shape, and what kind of news it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RING: Final = "ring"


@dataclass(frozen=True)
class Chip:
    """`glyph` is a Lucide name, `RING` (with `fraction` 0..1, or None when not known) or empty.

    `kind` is one of neutral, accent, ai, ok, warn, bad.
    """

    text: str
    glyph: str = ""
    kind: str = "neutral"
    fraction: float | None = None
