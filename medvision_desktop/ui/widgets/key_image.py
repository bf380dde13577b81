"""Key images for the report: the view drawn by the same pipeline, as PNG, without the patient."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter

from medvision_desktop.domain.report import KeyImage
from medvision_desktop.pixels.drawer import Drawer
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.viewmodels.snapshot import Snapshot
from medvision_desktop.ui.widgets import map_bar, mark_layer, orientation_letters, scale_bar
from medvision_desktop.ui.widgets.attention_layer import AttentionLayer
from medvision_desktop.ui.widgets.edged_text import EdgedText
from medvision_desktop.ui.widgets.label_layer import LabelLayers

# PNG compression of QImageWriter: a third of the usual time for a tenth more bytes.
_COMPRESSION: Final = 50
# The width of a key image that is read like a pane of so many pixels.
_PAPER_WIDTH: Final = 300


@dataclass(frozen=True, eq=False)
class Pictures:
    """A view drawn for the report; `layered` has the layers on, None where there are none."""

    snapshot: Snapshot
    plain: QImage
    layered: QImage | None


def key_image(snapshot: Snapshot) -> KeyImage:
    """The plain image, and beside it the one with its layers where there are any."""
    return encoded(drawn(snapshot))


def drawn(snapshot: Snapshot) -> Pictures:
    """The view with letters, scale bar and measurements. Quick; uses fonts, so for the GUI thread."""
    pixels = Drawer().draw(snapshot.plan, snapshot.viewport, interactive=False)
    plain = _picture(snapshot, pixels, layered=False)
    layered = _picture(snapshot, pixels, layered=True) if snapshot.is_layered else None
    return Pictures(snapshot, plain, layered)


def encoded(pictures: Pictures, image_id: str = "") -> KeyImage:
    """The same as PNG, with an id of its own where none is given.

    Slow; touches nothing but the pictures, so for any thread.
    """
    snapshot = pictures.snapshot
    return KeyImage(
        id=image_id or uuid.uuid4().hex,
        study_key=snapshot.study_key,
        series_uid=snapshot.series_uid,
        sop_instance_uid=snapshot.sop_instance_uid,
        frame_number=snapshot.frame_number,
        caption=snapshot.caption,
        png=_png(pictures.plain),
        overlay_png=b"" if pictures.layered is None else _png(pictures.layered),
        overlay_caption=snapshot.overlay_caption,
    )


def _picture(snapshot: Snapshot, pixels: NDArray[np.uint8], *, layered: bool) -> QImage:
    height, width = pixels.shape[:2]
    colour = pixels.ndim == 3
    kind = QImage.Format.Format_RGB888 if colour else QImage.Format.Format_Grayscale8
    ground = QImage(pixels.data, width, height, width * (3 if colour else 1), kind)
    canvas = QImage(width, height, QImage.Format.Format_RGB32)
    canvas.fill(QColor(T.image))
    # Words and lines are drawn for the size that the image has on paper, where a pixel is far smaller.
    ratio = max(1.0, width / _PAPER_WIDTH)
    canvas.setDevicePixelRatio(ratio)
    painter = QPainter(canvas)
    room = QRectF(0, 0, width / ratio, height / ratio)
    painter.drawImage(room, ground)
    text = EdgedText()
    if layered:
        LabelLayers().paint(painter, snapshot.layers, snapshot.transform, snapshot.viewport, ratio)
        map_bar.paint(painter, snapshot.layers, room, 0.0)
    if layered and snapshot.attention is not None:
        heat = snapshot.attention.heat
        AttentionLayer().paint(painter, heat, snapshot.overlay, snapshot.transform, ratio)
    bar = QRectF()
    if snapshot.ruler is not None:
        bar = scale_bar.place(text, snapshot.ruler, room, ratio, 0)
    if snapshot.marks:
        mark_layer.paint(painter, text, snapshot.marks, room, ratio, () if bar.isEmpty() else (bar,))
    if snapshot.ruler is not None:
        scale_bar.paint(painter, text, snapshot.ruler, bar)
    if snapshot.letters is not None:
        orientation_letters.paint(painter, text, snapshot.letters, room, room)
    painter.end()
    canvas.setDevicePixelRatio(1.0)
    return canvas


def _png(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    writer.setCompression(_COMPRESSION)
    writer.write(image)
    buffer.close()
    return bytes(data.data())
