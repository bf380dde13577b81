"""Key images of a report, side by side: the picture, what it is called, and a way to take it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from medvision_desktop.domain.report import KeyImage
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.widgets.check_list import clear
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import elided

_TILE: Final = QSize(132, 88)


class KeyImageStrip(QScrollArea):
    """`removeWanted` carries the id of a key image."""

    removeWanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        content = QWidget()
        self._row = QHBoxLayout(content)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_TILE.height() + 26)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._shown: tuple[tuple[str, bool], ...] = ()
        self._framed: dict[bytes, QPixmap] = {}

    def show_images(self, images: Sequence[KeyImage], *, is_open: bool) -> None:
        """Show these images; they can be taken out while the report is open."""
        wanted = tuple((image.id, is_open) for image in images)
        self.setVisible(bool(images))
        if wanted == self._shown:
            return
        self._shown = wanted
        clear(self._row)
        kept = {png for image in images for png in (image.png, image.overlay_png)}
        self._framed = {png: framed for png, framed in self._framed.items() if png in kept}
        for image in images:
            self._row.addWidget(self._tile(image.png, image.caption, image.id if is_open else ""))
            if image.overlay_png:
                self._row.addWidget(self._tile(image.overlay_png, image.overlay_caption, ""))

    def _tile(self, png: bytes, caption: str, removable: str) -> QWidget:
        tile = QWidget()
        tile.setFixedWidth(_TILE.width())
        picture = QLabel()
        if png not in self._framed:
            self._framed[png] = _framed(png, self.devicePixelRatioF())
        picture.setPixmap(self._framed[png])
        picture.setAccessibleName(caption)
        text = elided(caption, "caption", "t2")
        column = QVBoxLayout(tile)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(picture)
        column.addWidget(text)
        column.addStretch(1)
        if removable:
            button = IconButton("x", f"Take out: {caption}", parent=picture)
            button.setStyleSheet(
                f"QToolButton {{ background: {T.bg2}; }} QToolButton:hover {{ background: {T.bg4}; }}"
            )
            button.move(_TILE.width() - button.width() - 4, 4)
            button.clicked.connect(lambda _=False, key=removable: self.removeWanted.emit(key))
        return tile


def _framed(png: bytes, ratio: float) -> QPixmap:
    """The picture covering a tile, with the tile's edge; black when it cannot be read."""
    result = QPixmap(round(_TILE.width() * ratio), round(_TILE.height() * ratio))
    result.fill(Qt.GlobalColor.transparent)
    result.setDevicePixelRatio(ratio)
    area = QRectF(0, 0, _TILE.width(), _TILE.height())
    shape = QPainterPath()
    shape.addRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), M.radius_chip, M.radius_chip)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(shape, QColor(T.image))
    source = QPixmap()
    if source.loadFromData(png):
        fitted = source.scaled(
            QSize(round(_TILE.width() * ratio), round(_TILE.height() * ratio)),
            Qt.AspectRatioMode.KeepAspectRatioByExpanding,
            Qt.TransformationMode.SmoothTransformation,
        )
        painter.save()
        painter.setClipPath(shape)
        width, height = fitted.width() / ratio, fitted.height() / ratio
        place = QRectF((area.width() - width) / 2, (area.height() - height) / 2, width, height)
        painter.drawPixmap(place, fitted, QRectF(fitted.rect()))
        painter.restore()
    painter.setPen(QPen(QColor(T.line2), 1))
    painter.drawPath(shape)
    painter.end()
    return result
