"""The report as it will be printed: the pages of the PDF itself, on a dark desk."""

from __future__ import annotations

from enum import Enum
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QToolButton, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.pdf_pages import PageImage
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import label

_MARGIN_PX: Final = 12
_BETWEEN_PX: Final = 16
_DIM_ALPHA: Final = round(0.45 * 255)
_A4_RATIO: Final = 297 / 210
_SETTLE_MS: Final = 120


class Fit(Enum):
    """How wide a page is shown."""

    PAGE = "Fit page"
    WIDTH = "Fit width"
    DOUBLE = "200 %"


class Pages(QWidget):
    """Draws the pages one below the other. A page that is not made yet is a blank sheet."""

    def __init__(self) -> None:
        super().__init__()
        self._pages: tuple[QImage, ...] = ()
        self._buffers: tuple[bytes, ...] = ()
        self.page_width = 100
        self.dimmed = False
        self.setAccessibleName("Preview of the report")

    def show_pages(self, pages: tuple[PageImage, ...], ratio: float) -> None:
        """Show other pages; `ratio` is device pixels a pixel."""
        self._buffers = tuple(page.pixels for page in pages)  # QImage only borrows them
        images = []
        for page in pages:
            image = QImage(page.pixels, page.width, page.height, page.stride, QImage.Format.Format_RGB32)
            image.setDevicePixelRatio(ratio)
            images.append(image)
        self._pages = tuple(images)
        self.updateGeometry()
        self._fit()
        self.update()

    def set_page_width(self, width: int) -> None:
        """How wide a page is shown, in pixels."""
        self.page_width = width
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """All pages and the desk around them."""
        heights = [self._height(image) for image in self._pages] or [round(self.page_width * _A4_RATIO)]
        return QSize(
            self.page_width + 2 * _MARGIN_PX,
            sum(heights) + _BETWEEN_PX * (len(heights) - 1) + 2 * _MARGIN_PX,
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Pages, dimmed on screen only when the reader asked."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(T.bg0))
        left, top = (self.width() - self.page_width) // 2, _MARGIN_PX
        for image in self._pages or (None,):
            height = round(self.page_width * _A4_RATIO) if image is None else self._height(image)
            area = QRectF(left, top, self.page_width, height)
            painter.fillRect(area, QColor(T.paper))
            if image is not None:
                painter.drawImage(area, image)
            if self.dimmed:
                painter.fillRect(area, QColor(0, 0, 0, _DIM_ALPHA))
            top += height + _BETWEEN_PX

    def _height(self, image: QImage) -> int:
        return round(self.page_width * image.height() / image.width())

    def _fit(self) -> None:
        self.setMinimumSize(self.sizeHint())


class Desk(QScrollArea):
    """Tells when its visible part has another size."""

    resized = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The pages are to fit again."""
        super().resizeEvent(event)
        self.resized.emit()


class ReportPreview(QFrame):
    """Head with zoom, dim switch and PDF copy; below it the pages. `copyWanted` asks for a file name."""

    copyWanted = Signal()

    def __init__(self, model: ReportModel) -> None:
        super().__init__()
        self._model = model
        self._fit = Fit.PAGE
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._ask_for_pages)
        self.setObjectName("reportPreview")
        self.setStyleSheet(f"QFrame#reportPreview {{ background: {T.bg0}; border: none; }}")
        self.pages = Pages()
        self.desk = Desk()
        self.desk.resized.connect(self._lay_out)
        self.desk.setWidget(self.pages)
        self.desk.setWidgetResizable(True)
        self.desk.setAccessibleName("Pages of the report")
        self.desk.setFrameShape(QFrame.Shape.NoFrame)
        self.desk.setStyleSheet(f"QScrollArea {{ background: {T.bg0}; border: none; }}")
        self.caption = label("A4", "caption", "t3")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head())
        layout.addWidget(self.desk, 1)
        model.previewChanged.connect(self.refresh)

    def refresh(self) -> None:
        """Show what the model has made."""
        pages = self._model.pages
        self.pages.show_pages(pages, self.devicePixelRatioF())
        number = len(pages)
        paper = "A4" if not number else f"A4, {number} page" + ("s" if number > 1 else "")
        older = self._model.older
        self.caption.setText(paper if older is None else f"Signed version {older.version}, {paper}")
        self.copy_button.setEnabled(bool(pages))

    def set_fit(self, fit: Fit) -> None:
        """How wide the pages are shown."""
        self._fit = fit
        self.zoom.setText(fit.value)
        self._lay_out()

    def _head(self) -> QWidget:
        head = QFrame()
        head.setObjectName("previewHead")
        head.setFixedHeight(M.panel_head)
        head.setStyleSheet(
            f"QFrame#previewHead {{ background: {T.bg1}; border: none;"
            f" border-bottom: 1px solid {T.line}; }}"
        )
        self.zoom = QToolButton()
        self.zoom.setText(Fit.PAGE.value)
        self.zoom.setProperty("kind", "text")
        self.zoom.setAccessibleName("Size of the page")
        self.zoom.setToolTip("Size of the page")
        self.zoom.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.zoom.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.zoom.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.zoom.setIcon(icons.icon("chevron-down", T.t2, M.chip_icon))
        menu = QMenu(self.zoom)
        for fit in Fit:
            menu.addAction(fit.value).triggered.connect(lambda _=False, f=fit: self.set_fit(f))
        self.zoom.setMenu(menu)
        self.dim = IconButton("sun", "Dim the page on screen", checkable=True)
        self.dim.toggled.connect(self._on_dim)
        self.copy_button = IconButton("download", "Save a copy of the PDF")
        self.copy_button.setEnabled(False)
        self.copy_button.clicked.connect(self.copyWanted)
        row = QHBoxLayout(head)
        row.setContentsMargins(M.pad_left, 0, M.pad_right, 0)
        row.setSpacing(8)
        row.addWidget(label("Preview", "title"))
        row.addWidget(self.caption)
        row.addStretch(1)
        row.addWidget(self.zoom)
        row.addWidget(self.dim)
        row.addWidget(self.copy_button)
        return head

    def _on_dim(self, dimmed: bool) -> None:
        self.pages.dimmed = dimmed
        self.pages.update()

    def _lay_out(self) -> None:
        """Fit at once; sharp pages are drawn when the size has settled."""
        view = self.desk.viewport().size()
        width = view.width() - 2 * _MARGIN_PX
        if self._fit is Fit.PAGE:
            width = min(width, round((view.height() - 2 * _MARGIN_PX) / _A4_RATIO))
        elif self._fit is Fit.DOUBLE:
            width = width * 2
        self.pages.set_page_width(max(100, width))
        self._settle.start()

    def _ask_for_pages(self) -> None:
        self._model.set_page_width(round(self.pages.page_width * self.devicePixelRatioF()))
