"""The report as a PDF: A4, set from a `Report` and from nothing else.

The same `Report` gives the same bytes: fixed metadata, bundled faces, no clock. The metadata names the
program and never a person. A draft says so at the head and at the signature; every page names the
patient and the entry of the record it was built from.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from medvision_desktop.domain.report import KeyImage, Report
from medvision_desktop.errors import ExportFailed
from medvision_desktop.reporting import report as words
from medvision_desktop.reporting import typeset
from medvision_desktop.reporting.sheet import BODY, FLOOR, LEFT, RIGHT, SMALL, TEXT, Sheet, foot
from medvision_desktop.reporting.typeset import DISPLAY, DRAFT_INK, INK, REGULAR, SECONDARY, SEMIBOLD

if TYPE_CHECKING:
    from PIL import Image

_FIELDS: Final = (0.0, 150.0, 262.0, 376.0, RIGHT - LEFT)  # columns of the patient block
_IMAGE_GAP: Final = 12.0
_IMAGE_HIGHEST: Final = 250.0
_NOT_GIVEN: Final = "Not given"


def render(report: Report) -> bytes:
    """The PDF of a report: signed when `signed_utc` is set, a draft otherwise.

    Raises `ExportFailed` when a key image cannot be read or the bundled faces are missing.
    """
    # The first pass counts pages and finds what cannot be drawn; the second says both.
    first = Sheet(report)
    _set(first)
    second = Sheet(report, pages=first.page, missing=first.missing)
    return _set(second)


def _set(sheet: Sheet) -> bytes:
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
    foot(sheet)
    sheet.canvas.showPage()
    sheet.canvas.save()
    return sheet.buffer.getvalue()


def _head(sheet: Sheet) -> None:
    top = sheet.y - 9
    if sheet.report.institution:
        sheet.line(LEFT, top, sheet.report.institution, SEMIBOLD)
    sheet.line(RIGHT, top, "Radiology report", SEMIBOLD, right=True)
    below = top - BODY[1]
    if sheet.is_draft:
        sheet.line(RIGHT, below, words.DRAFT, colour=DRAFT_INK, right=True)
    elif sheet.report.version > 1:
        sheet.line(RIGHT, below, f"Addendum, version {sheet.report.version}", right=True)
    sheet.rule(below - 13, INK, 0.9)
    sheet.y = below - 13 - 12
    sheet.paragraph(sheet.report.title, LEFT, RIGHT - LEFT, face=DISPLAY, size=(19, 24))
    sheet.y -= 10


def _patient(sheet: Sheet) -> None:
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
            LEFT,
            RIGHT - LEFT,
            size=SMALL,
            colour=SECONDARY,
        )
        sheet.y -= 6
    sheet.rule(sheet.y)
    sheet.y -= 11


def _fields(sheet: Sheet, fields: Sequence[tuple[str, str]]) -> None:
    top = lowest = sheet.y
    for number, (name, value) in enumerate(fields):
        x = LEFT + _FIELDS[number]
        sheet.line(x, top - 8, name, size=SMALL[0], colour=SECONDARY)
        sheet.y = top - 10
        # A name is never shortened: it goes over as many lines as it needs.
        sheet.paragraph(value or _NOT_GIVEN, x, _FIELDS[number + 1] - _FIELDS[number] - 8)
        lowest = min(lowest, sheet.y)
    sheet.y = lowest - 6


def _label(sheet: Sheet, text: str, size: float = 9.5, colour: str = INK) -> None:
    # On the baseline of the paragraph beside it, which reportlab puts one ascent below its top.
    leading = 0.969 * (BODY[0] if size > SMALL[0] else SMALL[0])
    sheet.line(LEFT, sheet.y - leading, text, SEMIBOLD, size, colour)


def _section(sheet: Sheet, label: str, text: str) -> None:
    sheet.need(BODY[1] * 2)
    _label(sheet, label)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for line in lines or [f"{_NOT_GIVEN}."]:
        sheet.paragraph(line, TEXT, RIGHT - TEXT, colour=INK if lines else SECONDARY)
        sheet.y -= 3.5
    sheet.y -= 4.5


def _divide(sheet: Sheet) -> None:
    sheet.need(40)
    sheet.rule(sheet.y)
    sheet.y -= 9


def _impression(sheet: Sheet, text: str) -> None:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        _section(sheet, "Impression", "")
        return
    sheet.need(BODY[1] * 2)
    _label(sheet, "Impression")
    for position, line in enumerate(lines):
        number, _, rest = line.partition(" ")
        counted = number.rstrip(".)").isdigit() and bool(rest)
        face = SEMIBOLD if position == 0 else REGULAR
        sheet.need(BODY[1])
        if counted:
            sheet.line(TEXT, sheet.y - 0.969 * BODY[0], number.rstrip(".)"), SEMIBOLD)
        indent = 16.0 if counted else 0.0
        sheet.paragraph(rest if counted else line, TEXT + indent, RIGHT - TEXT - indent, face=face)
        sheet.y -= 2
    sheet.y -= 7


def _key_images(sheet: Sheet) -> None:
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


def _row_of_images(sheet: Sheet, label: str, pictures: Sequence[tuple[bytes, str]], number: int) -> None:
    wide = (RIGHT - TEXT - _IMAGE_GAP) / 2
    read = [_picture(data) for data, _ in pictures]
    sizes = [_fit(picture.getSize(), wide) for picture in read]
    highest = max(height for _, height in sizes)
    sheet.need(highest + 2 * SMALL[1] + 16)
    if label:
        _label(sheet, label)
    top, lowest = sheet.y, sheet.y
    for place, (picture, (across, down)) in enumerate(zip(read, sizes, strict=True)):
        x = TEXT + place * (wide + _IMAGE_GAP)
        if sheet.pages:  # the pass that counts pages needs no pictures
            sheet.canvas.drawImage(picture, x, top - down, across, down)
        sheet.y = top - highest - 3
        caption = f"{number + place}  {pictures[place][1]}"
        sheet.paragraph(caption, x, wide, size=SMALL, colour=SECONDARY)
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


def _small_print(sheet: Sheet, label: str, paragraphs: Sequence[str]) -> None:
    sheet.need(SMALL[1] * 3)
    _label(sheet, label, SMALL[0], SECONDARY)
    for text in paragraphs:
        sheet.paragraph(text, TEXT, RIGHT - TEXT, size=SMALL, colour=SECONDARY)
        sheet.y -= 2
    sheet.y -= 8


def _signature(sheet: Sheet) -> None:
    from reportlab.lib.colors import HexColor

    # At the foot of the last page, where a signature is looked for.
    y = FLOOR + 26
    sheet.need(y + 12 - FLOOR)

    sheet.canvas.setStrokeColor(HexColor(SECONDARY))
    sheet.canvas.setLineWidth(0.6)
    sheet.canvas.line(TEXT, y, TEXT + 210, y)
    report = sheet.report
    sheet.line(TEXT, y - 13, report.reader or "No reader named", size=8.6)
    if sheet.is_draft:
        sheet.line(RIGHT, y - 13, words.DRAFT, size=8.6, colour=DRAFT_INK, right=True)
        return
    sheet.line(RIGHT, y - 13, f"Signed {words.moment(report.signed_utc)}", size=8.6, right=True)
    sheet.line(
        RIGHT, y - 25, f"By confirmation: {words.SIGNATURE_KIND}", size=8, colour=SECONDARY, right=True
    )
