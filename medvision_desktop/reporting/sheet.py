"""A canvas and where the next line goes: pages, text, rules, and what stands on every page."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from medvision_desktop.domain.report import Report
from medvision_desktop.reporting import report as words
from medvision_desktop.reporting import typeset
from medvision_desktop.reporting.typeset import DRAFT_INK, INK, REGULAR, RULE, SECONDARY

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PAGE: Final = (595.2756, 841.8898)  # A4 in points
MARGIN: Final = 54.0
LABEL: Final = 92.0
LEFT: Final = MARGIN
RIGHT: Final = PAGE[0] - MARGIN
TEXT: Final = MARGIN + LABEL
FLOOR: Final = 76.0  # the footer lies below
BODY: Final = (9.6, 14.2)
SMALL: Final = (8.0, 11.4)
FOOTER: Final = 7.5


@dataclass
class Sheet:
    """A canvas and where the next line goes: `y` is the baseline's upper bound in points."""

    report: Report
    pages: int = 0
    missing: frozenset[str] = frozenset()
    page: int = 1
    y: float = PAGE[1] - MARGIN
    buffer: io.BytesIO = field(default_factory=io.BytesIO)
    canvas: Canvas = field(init=False)

    def __post_init__(self) -> None:
        from reportlab import rl_config
        from reportlab.pdfgen.canvas import Canvas

        # Streams as seven-bit text are a quarter larger and take a second a page to write.
        rl_config.useA85 = 0
        self.canvas = Canvas(self.buffer, pagesize=PAGE, pageCompression=1, invariant=1, lang="en")
        self.canvas.setTitle("Radiology report")
        self.canvas.setAuthor("MedVision Desktop")
        self.canvas.setCreator("MedVision Desktop")
        self.canvas.setSubject("")

    @property
    def is_draft(self) -> bool:
        """Whether the report is not signed yet."""
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
        size: float = BODY[0],
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

    def rule(self, y: float, colour: str = RULE, thickness: float = 0.6, left: float = LEFT) -> None:
        """A hairline to the right margin."""
        from reportlab.lib.colors import HexColor

        self.canvas.setStrokeColor(HexColor(colour))
        self.canvas.setLineWidth(thickness)
        self.canvas.line(left, y, RIGHT, y)

    def need(self, height: float) -> None:
        """Go to a new page when less than `height` is left on this one."""
        if self.y - height < FLOOR:
            self.turn()

    def turn(self) -> None:
        """Finish this page and begin the next under a running head that names the patient."""
        foot(self)
        self.canvas.showPage()
        self.page += 1
        self.y = PAGE[1] - MARGIN
        _running_head(self)

    def paragraph(
        self,
        text: str,
        x: float,
        wide: float,
        *,
        face: str = REGULAR,
        size: tuple[float, float] = BODY,
        colour: str = INK,
    ) -> None:
        """A paragraph from `y` down, over as many pages as it takes."""
        from reportlab.platypus import Paragraph

        styled = typeset.style(face, size[0], size[1], colour)
        rest: list[Any] = [Paragraph(typeset.markup(self.clean(text)), styled)]
        while rest:
            piece = rest.pop(0)
            _, height = piece.wrap(wide, PAGE[1])
            if self.y - height < FLOOR:
                parts = piece.split(wide, self.y - FLOOR)
                if len(parts) < 2:
                    self.turn()
                    rest.insert(0, piece)
                    continue
                piece, rest = parts[0], [*parts[1:], *rest]
                _, height = piece.wrap(wide, PAGE[1])
            piece.drawOn(self.canvas, x, self.y - height)
            self.y -= height


def _running_head(sheet: Sheet) -> None:
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
    sheet.paragraph(shown or "Patient not named", LEFT, 340, size=SMALL, colour=SECONDARY)
    sheet.line(RIGHT, top - 8.6, mark, size=SMALL[0], colour=colour, right=True)
    sheet.y -= 4
    sheet.rule(sheet.y)
    sheet.y -= 14


def foot(sheet: Sheet) -> None:
    """What stands at the foot of every page: the record it was built from, and what it is not."""
    report = sheet.report
    y = MARGIN + 1
    sheet.rule(y + 13)
    record = f"Record {report.ledger_seq} · head {report.ledger_head}"
    sheet.line(LEFT, y, record, size=FOOTER, colour=SECONDARY)
    pages = sheet.pages or sheet.page
    sheet.line(RIGHT, y, f"Page {sheet.page} of {pages}", size=FOOTER, colour=SECONDARY, right=True)
    notice = f"{words.NOT_A_DEVICE} Verify offline with medvision record verify."
    sheet.line(LEFT, y - 10.5, notice, size=FOOTER, colour=SECONDARY)
