"""Pages of a PDF one below the other on a dark desk, drawn when seen, with marks where words stand."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from medvision_desktop.domain.document import PageMatch, PageSizes
from medvision_desktop.ui.theme.tokens import T
from medvision_desktop.ui.widgets.thumbnail import to_image

_MARGIN_PX: Final = 12
_BETWEEN_PX: Final = 16
_STEP_PX: Final = 48
_DIM_ALPHA: Final = round(0.45 * 255)


class Sheets(QWidget):
    """The pages themselves; a page that is not drawn yet is a blank sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = PageSizes((), 0)
        self.page_width = 100
        self.matches: tuple[PageMatch, ...] = ()
        self.current = -1
        self.dimmed = False
        self._images: dict[int, QImage] = {}

    def show_sizes(self, sizes: PageSizes) -> None:
        """Other pages, none of them drawn."""
        self.sizes, self.matches, self.current = sizes, (), -1
        self._images.clear()
        self.fit(self.page_width)

    def show_page(self, number: int, pixels: NDArray[np.uint8], kept: frozenset[int]) -> None:
        """A page as it was drawn; pages that are not in `kept` are forgotten."""
        self._images[number] = to_image(pixels)
        self._images = {n: image for n, image in self._images.items() if n in kept or n == number}
        self.update()

    def fit(self, width: int) -> None:
        """How wide a page is shown, in pixels."""
        self.page_width = max(60, width)
        self.setMinimumSize(self.sizeHint())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """All pages and the desk around them."""
        last = len(self.sizes.points)
        height = self.top(last) - _BETWEEN_PX + _MARGIN_PX if last else 2 * _MARGIN_PX
        return QSize(self.page_width + 2 * _MARGIN_PX, height)

    def top(self, number: int) -> int:
        """The upper edge of a page from 0."""
        return _MARGIN_PX + sum(self.height_of(n) + _BETWEEN_PX for n in range(number))

    def height_of(self, number: int) -> int:
        """How high a page is shown."""
        width, height = self.sizes.points[number]
        return max(1, round(self.page_width * height / width))

    def seen(self, top: int, bottom: int) -> list[int]:
        """Pages between two lines, the uppermost first."""
        found, at = [], _MARGIN_PX
        for number in range(len(self.sizes.points)):
            height = self.height_of(number)
            if at < bottom and at + height > top:
                found.append(number)
            at += height + _BETWEEN_PX
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        """What is seen: paper, page, marks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(event.rect(), QColor(T.bg0))
        left = max(_MARGIN_PX, (self.width() - self.page_width) // 2)
        for number in self.seen(event.rect().top(), event.rect().bottom() + 1):
            area = QRectF(left, self.top(number), self.page_width, self.height_of(number))
            painter.fillRect(area, QColor(T.paper))
            image = self._images.get(number)
            if image is not None:
                painter.drawImage(area, image)
            if self.dimmed:
                painter.fillRect(area, QColor(0, 0, 0, _DIM_ALPHA))
            self._draw_marks(painter, number, area)
        painter.end()

    def _draw_marks(self, painter: QPainter, number: int, area: QRectF) -> None:
        for index, match in enumerate(self.matches):
            if match.page != number:
                continue
            left, top, right, bottom = match.box
            box = QRectF(
                area.left() + left * area.width(),
                area.top() + top * area.height(),
                (right - left) * area.width(),
                (bottom - top) * area.height(),
            ).adjusted(-2, -2, 2, 2)
            tint = QColor(T.accent)
            tint.setAlpha(70)
            painter.fillRect(box, tint)
            if index == self.current:
                painter.setPen(QPen(QColor(T.accent_pressed), 2))
                painter.drawRect(box)


class PageDesk(QScrollArea):
    """Scrolls the pages. `moved`: other pages may be seen now. `zoomed(step)`: Ctrl and the wheel."""

    moved = Signal()
    zoomed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sheets = Sheets()
        self.setWidget(self.sheets)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Pages of the document")
        self.setStyleSheet(f"QScrollArea {{ background: {T.bg0}; border: none; }}")
        self.verticalScrollBar().setSingleStep(_STEP_PX)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self.moved.emit())

    @property
    def seen(self) -> list[int]:
        """Pages that are seen, the uppermost first."""
        top = self.verticalScrollBar().value()
        return self.sheets.seen(top, top + self.viewport().height())

    @property
    def inside_width(self) -> int:
        """How wide a page is that fills the desk."""
        return self.viewport().width() - 2 * _MARGIN_PX

    def fit(self, width: int) -> None:
        """Another width of the pages, the same place of the document at the top."""
        bar = self.verticalScrollBar()
        share = bar.value() / max(1, self.sheets.sizeHint().height())
        self.sheets.fit(width)
        self.sheets.resize(self.sheets.sizeHint().expandedTo(self.viewport().size()))
        bar.setValue(round(share * self.sheets.sizeHint().height()))

    def go_to(self, match: PageMatch) -> None:
        """Bring a match into the upper third."""
        y = self.sheets.top(match.page) + match.box[1] * self.sheets.height_of(match.page)
        self.verticalScrollBar().setValue(round(y - self.viewport().height() / 3))
        x = match.box[0] * self.sheets.page_width
        self.ensureVisible(QPoint(round(x), 0).x(), round(y), 40, 40)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The pages are to fit again."""
        super().resizeEvent(event)
        self.moved.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel zoom; the wheel alone scrolls."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier and event.angleDelta().y():
            self.zoomed.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End go to the ends; the other keys scroll as usual."""
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        elif event.key() == Qt.Key.Key_End:
            bar.setValue(bar.maximum())
        else:
            super().keyPressEvent(event)
