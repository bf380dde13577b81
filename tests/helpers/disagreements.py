"""The disagreements that docs/display.md lists: what it says is what the tests allow."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "display.md"
_ROW = re.compile(r"^\| `([^`]+)` \| (\S+) \| (\d+) \| (.+) \|$", re.MULTILINE)


def disagreements(oracle: str) -> dict[str, int]:
    """Largest difference in grey levels by file name, for one oracle."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {name: int(levels) for name, whom, levels, why in rows if whom == oracle and why.strip()}
