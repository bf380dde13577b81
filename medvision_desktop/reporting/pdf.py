"""The report as a PDF: A4, set from a `Report` and from nothing else.

The same `Report` gives the same bytes: fixed metadata, bundled faces, no clock. The metadata names the
program and never a person. A draft says so at the head and at the signature; every page names the
patient and the entry of the record it was built from.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from medvision_desktop.domain.report import KeyImage, Report
from medvision_desktop.errors import ExportFailed
from medvision_desktop.reporting import report as words
from medvision_desktop.reporting import typeset
from medvision_desktop.reporting.typeset import DISPLAY, DRAFT_INK, INK, REGULAR, RULE, SECONDARY, SEMIBOLD

if TYPE_CHECKING:
    from PIL import Image
    from reportlab.pdfgen.canvas import Canvas

_PAGE: Final = (595.2756, 841.8898)  # A4 in points
_MARGIN: Final = 54.0
_LABEL: Final = 92.0
_LEFT: Final = _MARGIN
_RIGHT: Final = _PAGE[0] - _MARGIN
_TEXT: Final = _MARGIN + _LABEL
_FLOOR: Final = 76.0  # the footer lies below
_BODY: Final = (9.6, 14.2)
_SMALL: Final = (8.0, 11.4)
_FOOTER: Final = 7.5
_FIELDS: Final = (0.0, 150.0, 262.0, 376.0, _RIGHT - _LEFT)  # columns of the patient block
_IMAGE_GAP: Final = 12.0
_IMAGE_HIGHEST: Final = 250.0
_NOT_GIVEN: Final = "Not given"


def render(report: Report) -> bytes:
    """The PDF of a report: signed when `signed_utc` is set, a draft otherwise.

    Raises `ExportFailed` when a key image cannot be read or the bundled faces are missing.
    """
    # The first pass counts pages and finds what cannot be drawn; the second says both.
    first = _Sheet(report)
    _set(first)
    second = _Sheet(report, pages=first.page, missing=first.missing)
    return _set(second)


@dataclass
class _Sheet:
    """A canvas and where the next line goes: `y` is the baseline's upper bound in points."""

    report: Report
    pages: int = 0
    missing: frozenset[str] = frozenset()
    page: int = 1
    y: float = _PAGE[1] - _MARGIN
    buffer: io.BytesIO = field(default_factory=io.BytesIO)
    canvas: Canvas = field(init=False)

    def __post_init__(self) -> None:
        from reportlab.pdfgen.canvas import Canvas

        self.canvas = Canvas(self.buffer, pagesize=_PAGE, pageCompression=1, invariant=1, lang="en")
        self.canvas.setTitle("Radiology report")
        self.canvas.setAuthor("MedVision Desktop")
        self.canvas.setCreator("MedVision Desktop")
        self.canvas.setSubject("")

    @property
    def is_draft(self) -> bool:
        return not self.report.signed_utc

    def clean(self, text: str) -> str:
        """What the faces can draw; remembers what they cannot."""
        kept, missing = typeset.drawable(text)
        self.missing |= missing
        return kept

    def line(
        self,
        x: float,
        y: float,
        text: str,
        face: str = REGULAR,
        size: float = _BODY[0],
        colour: str = INK,
        *,
        right: bool = False,
    ) -> None:
        """One line of text, never broken, with its baseline at `y`."""
        from reportlab.lib.colors import HexColor

        kept = self.clean(text)
        typeset.style(face, size, size, colour)
        self.canvas.setFont(face, size)
        self.canvas.setFillColor(HexColor(colour))
        (self.canvas.drawRightString if right else self.canvas.drawString)(x, y, kept)

    def rule(self, y: float, colour: str = RULE, thickness: float = 0.6, left: float = _LEFT) -> None:
        """A hairline to the right margin."""
        from reportlab.lib.colors import HexColor

        self.canvas.setStrokeColor(HexColor(colour))
        self.canvas.setLineWidth(thickness)
        self.canvas.line(left, y, _RIGHT, y)

    def need(self, height: float) -> None:
        """Go to a new page when less than `height` is left on this one."""
        if self.y - height < _FLOOR:
            self.turn()

    def turn(self) -> None:
        """Finish this page and begin the next under a running head that names the patient."""
        _foot(self)
        self.canvas.showPage()
        self.page += 1
        self.y = _PAGE[1] - _MARGIN
        _running_head(self)

    def paragraph(
        self,
        text: str,
        x: float,
        wide: float,
        *,
        face: str = REGULAR,
        size: tuple[float, float] = _BODY,
        colour: str = INK,
    ) -> None:
        """A paragraph from `y` down, over as many pages as it takes."""
        from reportlab.platypus import Paragraph

        styled = typeset.style(face, size[0], size[1], colour)
        rest: list[Any] = [Paragraph(typeset.markup(self.clean(text)), styled)]
        while rest:
            piece = rest.pop(0)
            _, height = piece.wrap(wide, _PAGE[1])
            if self.y - height < _FLOOR:
                parts = piece.split(wide, self.y - _FLOOR)
                if len(parts) < 2:
                    self.turn()
                    rest.insert(0, piece)
                    continue
                piece, rest = parts[0], [*parts[1:], *rest]
                _, height = piece.wrap(wide, _PAGE[1])
            piece.drawOn(self.canvas, x, self.y - height)
            self.y -= height


def _set(sheet: _Sheet) -> bytes:
    _head(sheet)
    _patient(sheet)
    sections = sheet.report.sections
    for label, text in (
        ("Indication", sections.indication),
        ("Technique", sections.technique),
        ("Comparison", sections.comparison),
        ("Findings", sections.findings),
    ):
        _section(sheet, label, text)
    _divide(sheet)
    _impression(sheet, sections.impression)
    _key_images(sheet)
    _divide(sheet)
    _small_print(sheet, "AI assistance", words.ai_paragraphs(sheet.report))
    note = typeset.undrawable_note(sheet.missing)
    if note:
        _small_print(sheet, "Text", (note,))
    _signature(sheet)
    _foot(sheet)
    sheet.canvas.showPage()
    sheet.canvas.save()
    return sheet.buffer.getvalue()


def _head(sheet: _Sheet) -> None:
    top = sheet.y - 9
    if sheet.report.institution:
        sheet.line(_LEFT, top, sheet.report.institution, SEMIBOLD)
    sheet.line(_RIGHT, top, "Radiology report", SEMIBOLD, right=True)
    below = top - _BODY[1]
    if sheet.is_draft:
        sheet.line(_RIGHT, below, words.DRAFT, colour=DRAFT_INK, right=True)
    elif sheet.report.version > 1:
        sheet.line(_RIGHT, below, f"Addendum, version {sheet.report.version}", right=True)
    sheet.rule(below - 13, INK, 0.9)
    sheet.y = below - 13 - 12
    sheet.paragraph(sheet.report.title, _LEFT, _RIGHT - _LEFT, face=DISPLAY, size=(19, 24))
    sheet.y -= 10


def _patient(sheet: _Sheet) -> None:
    report = sheet.report
    patient = report.patient
    born = ", ".join(part for part in (words.day(patient.birth_date), patient.sex) if part)
    clock = report.study_time[:5]
    examined = ", ".join(part for part in (words.day(report.study_date), clock) if part)
    version = f"{report.version}, {'draft' if sheet.is_draft else 'signed'}"
    _fields(
        sheet,
        (
            ("Patient", words.person_name(patient.name)),
            ("Patient ID", patient.id),
            ("Born", born),
            ("Examined", examined),
        ),
    )
    _fields(
        sheet,
        (
            ("Referred by", words.person_name(report.referring_physician)),
            ("Accession", report.accession),
            ("Reader", report.reader),
            ("Version", version),
        ),
    )
    if report.previous_version_sha256:
        sheet.paragraph(
            f"This version replaces version {report.version - 1}, "
            f"whose file has SHA-256 {report.previous_version_sha256}.",
            _LEFT,
            _RIGHT - _LEFT,
            size=_SMALL,
            colour=SECONDARY,
        )
        sheet.y -= 6
    sheet.rule(sheet.y)
    sheet.y -= 11


def _fields(sheet: _Sheet, fields: Sequence[tuple[str, str]]) -> None:
    top = lowest = sheet.y
    for number, (name, value) in enumerate(fields):
        x = _LEFT + _FIELDS[number]
        sheet.line(x, top - 8, name, size=_SMALL[0], colour=SECONDARY)
        sheet.y = top - 10
        # A name is never shortened: it goes over as many lines as it needs.
        sheet.paragraph(value or _NOT_GIVEN, x, _FIELDS[number + 1] - _FIELDS[number] - 8)
        lowest = min(lowest, sheet.y)
    sheet.y = lowest - 6


def _label(sheet: _Sheet, text: str, size: float = 9.5, colour: str = INK) -> None:
    # On the baseline of the paragraph beside it, which reportlab puts one ascent below its top.
    leading = 0.969 * (_BODY[0] if size > _SMALL[0] else _SMALL[0])
    sheet.line(_LEFT, sheet.y - leading, text, SEMIBOLD, size, colour)


def _section(sheet: _Sheet, label: str, text: str) -> None:
    sheet.need(_BODY[1] * 2)
    _label(sheet, label)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for line in lines or [f"{_NOT_GIVEN}."]:
        sheet.paragraph(line, _TEXT, _RIGHT - _TEXT, colour=INK if lines else SECONDARY)
        sheet.y -= 3.5
    sheet.y -= 4.5


def _divide(sheet: _Sheet) -> None:
    sheet.need(40)
    sheet.rule(sheet.y)
    sheet.y -= 9


def _impression(sheet: _Sheet, text: str) -> None:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        _section(sheet, "Impression", "")
        return
    sheet.need(_BODY[1] * 2)
    _label(sheet, "Impression")
    for position, line in enumerate(lines):
        number, _, rest = line.partition(" ")
        counted = number.rstrip(".)").isdigit() and bool(rest)
        face = SEMIBOLD if position == 0 else REGULAR
        sheet.need(_BODY[1])
        if counted:
            sheet.line(_TEXT, sheet.y - 0.969 * _BODY[0], number.rstrip(".)"), SEMIBOLD)
        indent = 16.0 if counted else 0.0
        sheet.paragraph(rest if counted else line, _TEXT + indent, _RIGHT - _TEXT - indent, face=face)
        sheet.y -= 2
    sheet.y -= 7


def _key_images(sheet: _Sheet) -> None:
    number = 1
    for position, image in enumerate(sheet.report.key_images):
        pictures = [(image.png, image.caption)]
        if image.overlay_png:
            pictures.append((image.overlay_png, _overlay_caption(image)))
        _row_of_images(sheet, "Key images" if position == 0 else "", pictures, number)
        number += len(pictures)


def _overlay_caption(image: KeyImage) -> str:
    caption = image.overlay_caption or "Model attention"
    return caption if words.NOT_AN_OUTLINE in caption else f"{caption}, {words.NOT_AN_OUTLINE}"


def _row_of_images(sheet: _Sheet, label: str, pictures: Sequence[tuple[bytes, str]], number: int) -> None:
    wide = (_RIGHT - _TEXT - _IMAGE_GAP) / 2
    read = [_picture(data) for data, _ in pictures]
    sizes = [_fit(picture.getSize(), wide) for picture in read]
    highest = max(height for _, height in sizes)
    sheet.need(highest + 2 * _SMALL[1] + 16)
    if label:
        _label(sheet, label)
    top, lowest = sheet.y, sheet.y
    for place, (picture, (across, down)) in enumerate(zip(read, sizes, strict=True)):
        x = _TEXT + place * (wide + _IMAGE_GAP)
        sheet.canvas.drawImage(picture, x, top - down, across, down)
        sheet.y = top - highest - 3
        caption = f"{number + place}  {pictures[place][1]}"
        sheet.paragraph(caption, x, wide, size=_SMALL, colour=SECONDARY)
        lowest = min(lowest, sheet.y)
    sheet.y = lowest - 10


def _picture(data: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError
    from reportlab.lib.utils import ImageReader

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            return ImageReader(_without_needless_colour(opened.convert("RGB")))
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise ExportFailed(
            "A key image cannot be put into the report.",
            "Its picture cannot be read.",
            "Remove it and take it again.",
        ) from error


def _without_needless_colour(picture: Image.Image) -> Image.Image:
    """A grey picture takes a third of the room."""
    from PIL import ImageChops

    red, green, blue = picture.split()
    grey = not (ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox())
    return red if grey else picture


def _fit(size: tuple[int, int], wide: float) -> tuple[float, float]:
    columns, rows = size
    scale = min(wide / columns, _IMAGE_HIGHEST / rows)
    return columns * scale, rows * scale


def _small_print(sheet: _Sheet, label: str, paragraphs: Sequence[str]) -> None:
    sheet.need(_SMALL[1] * 3)
    _label(sheet, label, _SMALL[0], SECONDARY)
    for text in paragraphs:
        sheet.paragraph(text, _TEXT, _RIGHT - _TEXT, size=_SMALL, colour=SECONDARY)
        sheet.y -= 2
    sheet.y -= 8


def _signature(sheet: _Sheet) -> None:
    from reportlab.lib.colors import HexColor

    # At the foot of the last page, where a signature is looked for.
    y = _FLOOR + 26
    sheet.need(y + 12 - _FLOOR)

    sheet.canvas.setStrokeColor(HexColor(SECONDARY))
    sheet.canvas.setLineWidth(0.6)
    sheet.canvas.line(_TEXT, y, _TEXT + 210, y)
    report = sheet.report
    sheet.line(_TEXT, y - 13, report.reader or "No reader named", size=8.6)
    if sheet.is_draft:
        sheet.line(_RIGHT, y - 13, words.DRAFT, size=8.6, colour=DRAFT_INK, right=True)
        return
    sheet.line(_RIGHT, y - 13, f"Signed {words.moment(report.signed_utc)}", size=8.6, right=True)
    sheet.line(
        _RIGHT, y - 25, f"By confirmation: {words.SIGNATURE_KIND}", size=8, colour=SECONDARY, right=True
    )


def _running_head(sheet: _Sheet) -> None:
    patient = sheet.report.patient
    shown = ", ".join(
        part
        for part in (
            words.person_name(patient.name),
            patient.id,
            words.day(sheet.report.study_date),
        )
        if part
    )
    mark = words.DRAFT if sheet.is_draft else "Radiology report"
    colour = DRAFT_INK if sheet.is_draft else SECONDARY
    top = sheet.y
    sheet.y = top
    sheet.paragraph(shown or "Patient not named", _LEFT, 340, size=_SMALL, colour=SECONDARY)
    sheet.line(_RIGHT, top - 8.6, mark, size=_SMALL[0], colour=colour, right=True)
    sheet.y -= 4
    sheet.rule(sheet.y)
    sheet.y -= 14


def _foot(sheet: _Sheet) -> None:
    report = sheet.report
    y = _MARGIN + 1
    sheet.rule(y + 13)
    record = f"Record {report.ledger_seq} · head {report.ledger_head}"
    sheet.line(_LEFT, y, record, size=_FOOTER, colour=SECONDARY)
    pages = sheet.pages or sheet.page
    sheet.line(_RIGHT, y, f"Page {sheet.page} of {pages}", size=_FOOTER, colour=SECONDARY, right=True)
    notice = f"{words.NOT_A_DEVICE} Verify offline with medvision record verify."
    sheet.line(_LEFT, y - 10.5, notice, size=_FOOTER, colour=SECONDARY)
