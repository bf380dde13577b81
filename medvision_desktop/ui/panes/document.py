"""The document beside the images: a report as text or a PDF as pages, with search, zoom and copy."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import fonts
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.documents import DocumentModel, DocumentState, DocumentStatus
from medvision_desktop.ui.viewmodels.study_rows import document_detail, document_title
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.empty_state import EmptyState
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.page_desk import PageDesk
from medvision_desktop.ui.widgets.panel_head import PanelHead
from medvision_desktop.ui.widgets.report_text import ReportTextView
from medvision_desktop.ui.widgets.search_field import SearchField
from medvision_desktop.ui.widgets.text import elided, label

_ZOOMS: Final = (0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0)
_USUAL: Final = _ZOOMS.index(1.0)
_SETTLE_MS: Final = 120


class DocumentPane(QFrame):
    """`closeWanted`: the reader is done with it. `head` is the handle of its dock."""

    closeWanted = Signal()

    def __init__(self, model: DocumentModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("documentPane")
        self.setStyleSheet(f"QFrame#documentPane {{ background: {T.bg1}; }}")
        self.setAccessibleName("Document")
        self.setMinimumWidth(320)
        self._model = model
        self._shown: DocumentState | None = None
        self._look: tuple[object, bool, int] | None = None
        self._zoom = _USUAL
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._want_pages)
        self.text = ReportTextView()
        self.desk = PageDesk()
        self.show_anyway = Button("Show the pages")
        self.show_anyway.clicked.connect(model.uncover)
        self.message = EmptyState("file-text", buttons=(self.show_anyway,))
        self.pages = QStackedWidget()
        for page in (self.message, self.text, self.desk):
            self.pages.addWidget(page)
        self.head = self._make_head()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_tools())
        layout.addWidget(self.pages, 1)
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        model = self._model
        model.changed.connect(self.refresh)
        model.pageChanged.connect(self._on_page)
        model.found.connect(self._on_found)
        self.desk.moved.connect(self._lay_out)
        self.desk.zoomed.connect(self.zoom)
        self.text.searched.connect(self._count)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, act in (
            (("Ctrl+F", "/"), self.start_search),
            (("Ctrl++", "Ctrl+="), lambda: self.zoom(1)),
            (("Ctrl+-",), lambda: self.zoom(-1)),
            (("Ctrl+0",), lambda: self.zoom(0)),
            (("F3",), lambda: self.step(1)),
            (("Shift+F3",), lambda: self.step(-1)),
        ):
            for key in keys:
                QShortcut(QKeySequence(key), self, context=within).activated.connect(act)

    # What the reader does.

    def start_search(self) -> None:
        """Put the caret into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def zoom(self, step: int) -> None:
        """Larger, smaller, or with 0 as it was."""
        self._zoom = _USUAL if step == 0 else min(max(0, self._zoom + step), len(_ZOOMS) - 1)
        self.percent.setText(f"{round(_ZOOMS[self._zoom] * 100)} %")
        self.refresh()
        self._lay_out()

    def step(self, way: int) -> None:
        """Go to the next place of the words searched for, or the one before."""
        if self.pages.currentWidget() is self.text:
            self.text.go_to_hit(way)
            return
        matches = self._model.matches
        if matches:
            sheets = self.desk.sheets
            sheets.current = (sheets.current + way) % len(matches)
            self.desk.go_to(matches[sheets.current])
            sheets.update()
        self._count()

    def copy(self) -> None:
        """What is selected in a report, else the words of the whole document."""
        chosen = self.text.textCursor().selectedText().replace("\u2029", "\n").replace("\u2028", "\n")
        if self.pages.currentWidget() is self.text and chosen:
            QGuiApplication.clipboard().setText(chosen)
            self._say("Selection copied")
        else:
            self._model.ask_text(self._copied)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes; Ctrl+C copies."""
        if event.key() == Qt.Key.Key_Escape:
            self.closeWanted.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def focus_content(self) -> None:
        """Give the keyboard to what is shown."""
        shown = self.pages.currentWidget()
        if shown is not None:
            shown.setFocus(Qt.FocusReason.OtherFocusReason)

    # What is shown.

    def refresh(self) -> None:
        """Show what the model holds."""
        state = self._model.state
        fresh = state.document is not None and (
            self._shown is None or self._shown.document is not state.document
        )
        self._shown = state
        if fresh:
            self.search.clear()
            self._look = None
        document = state.document
        self.title.setText(document_title(document) if document else "Document")
        self.detail.setText(document_detail(document) if document else "")
        self._show_state(state)
        ready = self.pages.currentWidget() is not self.message
        for part in (self.search, self.copy_button, self.smaller, self.larger):
            part.setEnabled(ready)
        self.dim.setVisible(self.pages.currentWidget() is self.desk)
        self._count()

    def _show_state(self, state: DocumentState) -> None:
        covered = self._model.masked and state.is_covered
        self.show_anyway.setVisible(covered)
        if state.status is DocumentStatus.SHOWN and state.text is not None:
            look = (state.text, self._model.masked, self._zoom)
            if self._look != look:
                self._look = look
                self.text.show_report(state.text, masked=self._model.masked, zoom=_ZOOMS[self._zoom])
            self.pages.setCurrentWidget(self.text)
        elif state.status is DocumentStatus.SHOWN and state.sizes is not None and not covered:
            if self._look != (state.sizes, False, 0):
                self._look = (state.sizes, False, 0)
                self.desk.sheets.show_sizes(state.sizes)
            self.pages.setCurrentWidget(self.desk)
            self._lay_out()
        else:
            self.message.say(*_words(state, covered=covered))
            self.pages.setCurrentWidget(self.message)

    def _make_head(self) -> PanelHead:
        head = PanelHead()
        self.title = elided("", "title")
        self.detail = label("", "caption", "t3")
        self.copy_button = IconButton("copy", "Copy the selection, or the whole text", key="Ctrl+C")
        self.copy_button.clicked.connect(self.copy)
        self.dim = IconButton("sun", "Dim the pages on screen", checkable=True)
        self.dim.toggled.connect(self._on_dim)
        close = IconButton("x", "Close the document", key="Esc")
        close.clicked.connect(self.closeWanted)
        head.row.addWidget(self.title, 1)
        head.row.addWidget(self.detail)
        head.row.addWidget(self.dim)
        head.row.addWidget(self.copy_button)
        head.row.addWidget(close)
        return head

    def _make_tools(self) -> QWidget:
        tools = QFrame()
        tools.setObjectName("documentTools")
        tools.setStyleSheet(f"QFrame#documentTools {{ border: none; border-bottom: 1px solid {T.line}; }}")
        self.search = SearchField("Words in the document", "")
        self.search.textChanged.connect(self._on_search)
        self.search.left.connect(lambda: self.step(1))
        self.search.abandoned.connect(self.focus_content)
        self.count = label("", "caption", "t2")
        self.count.setMinimumWidth(58)
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.before = IconButton("chevron-up", "Previous place", key="Shift+F3")
        self.after = IconButton("chevron-down", "Next place", key="F3")
        self.before.clicked.connect(lambda: self.step(-1))
        self.after.clicked.connect(lambda: self.step(1))
        self.smaller = IconButton("zoom-out", "Smaller", key="Ctrl+-")
        self.larger = IconButton("zoom-in", "Larger", key="Ctrl++")
        self.smaller.clicked.connect(lambda: self.zoom(-1))
        self.larger.clicked.connect(lambda: self.zoom(1))
        self.percent = label("100 %", "caption", "t2")
        self.percent.setFont(fonts.font("caption"))
        row = QHBoxLayout(tools)
        row.setContentsMargins(M.pad_left, 4, M.pad_right - 4, 8)
        row.setSpacing(4)
        row.addWidget(self.search, 1)
        for part in (self.count, self.before, self.after, self.smaller, self.percent, self.larger):
            row.addWidget(part)
        return tools

    # Pages.

    def _on_dim(self, dimmed: bool) -> None:
        self.desk.sheets.dimmed = dimmed
        self.desk.sheets.update()

    def _lay_out(self) -> None:
        """Fit at once; sharp pages are drawn when the size has settled."""
        if self.pages.currentWidget() is not self.desk:
            return
        width = round(self.desk.inside_width * _ZOOMS[self._zoom])
        if width != self.desk.sheets.page_width:
            self.desk.fit(width)
        self._settle.start()
        self._count()

    def _want_pages(self) -> None:
        seen = self.desk.seen
        if seen:
            around = [*seen, seen[-1] + 1] if seen[-1] + 1 < len(self.desk.sheets.sizes.points) else seen
            self._model.want_pages(around, round(self.desk.sheets.page_width * self.devicePixelRatioF()))

    def _on_page(self, number: int) -> None:
        page = self._model.page(number)
        if page is not None:
            around = {n for seen in self.desk.seen for n in range(seen - 3, seen + 4)}
            self.desk.sheets.show_page(number, page, frozenset(around))

    # Search.

    def _on_search(self, words: str) -> None:
        if self._model.state.text is not None:
            self.text.find_words(words)
        else:
            self._model.find(words)

    def _on_found(self) -> None:
        sheets = self.desk.sheets
        sheets.matches, sheets.current = self._model.matches, -1
        sheets.update()
        self.step(1)

    def _count(self) -> None:
        on_text = self.pages.currentWidget() is self.text
        now, total = self.text.hits if on_text else (self.desk.sheets.current + 1, len(self._model.matches))
        searching = bool(self.search.text().strip())
        if searching:
            self.count.setText(f"{now} of {total}" if total else "Not found")
        else:
            self.count.setText(self._place())
        for part in (self.before, self.after):
            part.setEnabled(searching and total > 1)

    def _place(self) -> str:
        """Which page is seen of how many."""
        sizes, seen = self._model.state.sizes, self.desk.seen
        if self.pages.currentWidget() is not self.desk or sizes is None or not seen:
            return ""
        return f"{seen[0] + 1} / {sizes.total}"

    def _copied(self, words: str) -> None:
        if words.strip():
            QGuiApplication.clipboard().setText(words)
            self._say("Text copied")
        else:
            self._say("No text in it")

    def _say(self, words: str) -> None:
        self.count.setText(words)


def _words(state: DocumentState, *, covered: bool) -> tuple[str, str]:
    if covered:
        return "Names are masked", "The pages of this document cannot be masked and may name the patient."
    if state.status is DocumentStatus.LOADING:
        return "Reading the document", ""
    if state.status is DocumentStatus.REFUSED:
        return state.refusal
    return "No document", "Reports and letters of a study are listed under its series."
