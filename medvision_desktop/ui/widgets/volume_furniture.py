"""What is painted over a rendered volume: the patient's axes, and words where there is no picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.volume_camera import Camera
from medvision_desktop.ui.viewmodels.volume_scene import SceneStatus, VolumeScene
from medvision_desktop.ui.widgets.edged_text import EdgedText

_AXIS_PX: Final = 26.0
_AXIS_FROM: Final = QPointF(54, 54)
_LETTER_PX: Final = 10.0
_LINE_PX: Final = 20
_BEHIND: Final = 0.45
_AXES: Final[tuple[tuple[str, Vector3], ...]] = (
    ("L", (1.0, 0.0, 0.0)),
    ("A", (0.0, -1.0, 0.0)),
    ("H", (0.0, 0.0, 1.0)),
)


def paint_axes(painter: QPainter, text: EdgedText, camera: Camera, room: QRectF) -> None:
    """Three lines to the patient's left, front and head, the nearest drawn last."""
    into = np.cross(camera.right, camera.down)
    middle = QPointF(room.left() + _AXIS_FROM.x(), room.bottom() - _AXIS_FROM.y())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for letter, axis in sorted(_AXES, key=lambda entry: -float(np.dot(entry[1], into))):
        way = QPointF(float(np.dot(axis, camera.right)), float(np.dot(axis, camera.down)))
        colour = QColor(T.onimage)
        colour.setAlphaF(1.0 if float(np.dot(axis, into)) <= 0.05 else _BEHIND)
        painter.setPen(QPen(colour, 1.5))
        painter.drawLine(middle, middle + way * _AXIS_PX)
        _word(painter, text, middle + way * (_AXIS_PX + _LETTER_PX), letter, "section", T.onimage)
    painter.restore()


def paint_message(painter: QPainter, text: EdgedText, scene: VolumeScene, pane: QRectF) -> None:
    """That there is no picture yet, or why there is none."""
    if scene.status is SceneStatus.FAILED:
        lines = ["The volume cannot be rendered.", scene.failure, "Press Return to try again."]
    else:
        lines = ["Rendering the volume"]
    y = pane.center().y() - _LINE_PX / 2 * (len(lines) - 1)
    for number, line in enumerate(lines):
        at = QPointF(pane.center().x(), y + _LINE_PX * number)
        _word(painter, text, at, line, "caption" if number else "label", T.t2 if number else T.t1)


def _word(painter: QPainter, text: EdgedText, at: QPointF, words: str, style: str, colour: str) -> None:
    center = Qt.AlignmentFlag.AlignHCenter
    text.draw(painter, at.x(), at.y(), words, style=style, colour=colour, align=center)
