"""Key images for the report: the view drawn by the same pipeline, as PNG, without the patient."""

from __future__ import annotations

import uuid

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter

from medvision_desktop.domain.report import KeyImage
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.snapshot import Snapshot
from medvision_desktop.ui.widgets import drawings, orientation_letters, scale_bar
from medvision_desktop.ui.widgets.attention_layer import AttentionLayer
from medvision_desktop.ui.widgets.edged_text import EdgedText


def key_image(snapshot: Snapshot) -> KeyImage:
    """The plain image, and beside it the one with the model attention where there is a map."""
    layered = snapshot.attention is not None
    return KeyImage(
        id=uuid.uuid4().hex,
        study_key=snapshot.study_key,
        series_uid=snapshot.series_uid,
        sop_instance_uid=snapshot.sop_instance_uid,
        frame_number=snapshot.frame_number,
        caption=snapshot.caption,
        png=png(snapshot, attention=False),
        overlay_png=png(snapshot, attention=True) if layered else b"",
        overlay_caption=snapshot.overlay_caption,
    )


def png(snapshot: Snapshot, *, attention: bool) -> bytes:
    """The view as PNG bytes, with letters, scale bar and measurements."""
    pixels = Drawer().draw(snapshot.plan, snapshot.viewport, interactive=False)
    height, width = pixels.shape[:2]
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    drawn = QImage(pixels.data, width, height, width * (3 if colour else 1), kind)
    canvas = QImage(width, height, QImage.Format.Format_RGB32)
    canvas.fill(QColor(T.image))
    painter = QPainter(canvas)
    painter.drawImage(QPointF(0, 0), drawn)
    text, room = EdgedText(), QRectF(canvas.rect())
    if attention and snapshot.attention is not None:
        heat = snapshot.attention.heat
        AttentionLayer().paint(painter, heat, snapshot.overlay, snapshot.transform, 1.0)
    if snapshot.lengths:
        drawings.paint_lengths(painter, text, snapshot.lengths, room, 1.0)
    if snapshot.ruler is not None:
        scale_bar.paint(painter, text, snapshot.ruler, room, 1.0, 0)
    if snapshot.letters is not None:
        orientation_letters.paint(painter, text, snapshot.letters, room, room)
    painter.end()
    return _encoded(canvas)


def _encoded(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    buffer.close()
    return bytes(data.data())
