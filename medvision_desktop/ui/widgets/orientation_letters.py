"""Letters of the patient's directions at the four sides of an image."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from medvision_desktop.domain.geometry import EdgeLetters
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.corner_text import INSET, LINE
from medvision_desktop.ui.widgets.edged_text import EdgedText

_HALF_HEIGHT = 9


def paint(
    painter: QPainter,
    text: EdgedText,
    letters: EdgeLetters,
    room: QRectF,
    pane: QRectF,
    lines: tuple[int, int] = (0, 0),
) -> None:
    """Draw the letters at the middle of each side: `room` leaves out rail and band, `pane` does not.

    `lines` of corner text reach to the middle, from the top and from the bottom: letters stand past them.
    """
    above, below = (INSET + LINE * count for count in lines)
    middle, across = pane.center().y(), pane.center().x()
    places = (
        (letters.left, room.left() + INSET, middle, Qt.AlignmentFlag.AlignLeft),
        (letters.right, room.right() - INSET, middle, Qt.AlignmentFlag.AlignRight),
        (letters.top, across, room.top() + above + _HALF_HEIGHT, Qt.AlignmentFlag.AlignHCenter),
        (letters.bottom, across, room.bottom() - below - _HALF_HEIGHT, Qt.AlignmentFlag.AlignHCenter),
    )
    for letter, x, y, align in places:
        text.draw(painter, x, y, letter, style="letter", colour=T.onimage, align=align)
