"""Documents of a study that are read and not looked at: structured reports and encapsulated PDFs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class DocumentKind(Enum):
    """What a document is, in the two or three letters by which a list names it."""

    REPORT = "SR"
    PDF = "DOC"


@dataclass(frozen=True)
class DocumentRef:
    """One document file: what the worklist shows of it. Text as in `domain.study`."""

    path: Path
    uid: str
    kind: DocumentKind
    title: str = ""
    series_number: int | None = None
    date: str = ""  # ISO 8601 date of its content, or ""


class Role(Enum):
    """What a line of a report is for."""

    HEADING = "heading"
    ITEM = "item"
    NOTE = "note"


@dataclass(frozen=True)
class ImageName:
    """The image that a report speaks of: its SOP Instance UID, and its frame from 1."""

    uid: str
    frame: int = 1


@dataclass(frozen=True)
class ReportLine:
    """One content item as plain text: `depth` from 0, its concept's name, and what it says.

    `personal`: the value names a person. A value may have line breaks. `image`: what an IMAGE item
    points at.
    """

    depth: int
    name: str
    value: str = ""
    role: Role = Role.ITEM
    personal: bool = False
    image: ImageName | None = None


@dataclass(frozen=True)
class ReportText:
    """A structured report as a reader reads it: what it is, and its content in the order of its tree."""

    title: str
    facts: tuple[ReportLine, ...]
    lines: tuple[ReportLine, ...]

    def as_text(self, *, masked: bool = False) -> str:
        """The whole report as plain text; with `masked` nothing that names a person."""
        parts = [self.title, ""]
        parts += [_written(line, masked=masked) for line in self.facts]
        parts.append("")
        parts += [_written(line, masked=masked) for line in self.lines]
        return "\n".join(parts).strip() + "\n"


@dataclass(frozen=True)
class PageSizes:
    """The pages of a PDF in points, the first `len(points)` of `total`."""

    points: tuple[tuple[float, float], ...]
    total: int


@dataclass(frozen=True)
class PageMatch:
    """Where words stand on a page (from 0): left, top, right, bottom in shares of the page."""

    page: int
    box: tuple[float, float, float, float]


def shown_value(line: ReportLine, *, masked: bool) -> str:
    """What a line says, or that it is hidden."""
    return "Hidden" if masked and line.personal and line.value else line.value


def _written(line: ReportLine, *, masked: bool) -> str:
    indent = "    " * line.depth
    value = shown_value(line, masked=masked).replace("\n", f"\n{indent}    ")
    if line.role is Role.HEADING:
        return f"{indent}{line.name}" + (f": {value}" if value else "")
    return indent + (f"{line.name}: {value}" if line.name and value else line.name or value)
