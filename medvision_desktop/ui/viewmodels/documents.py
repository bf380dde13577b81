"""The document beside the images: which one is open, what it says, and where words stand in it.

Everything is read on the io lane and in the decoding child behind it; a newer wish supersedes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.document import DocumentKind, DocumentRef, PageMatch, PageSizes, ReportText
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import MedVisionError
from medvision_desktop.services import documents
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

_KEPT_PAGES: Final = 8
Page = NDArray[np.uint8]


class DocumentStatus(Enum):
    """What the panel has to show."""

    EMPTY = "empty"
    LOADING = "loading"
    SHOWN = "shown"
    REFUSED = "refused"


@dataclass(frozen=True, eq=False)
class DocumentState:
    """One document as a frozen value: text for a report, sizes of pages for a PDF."""

    study: StudyRef | None = None
    document: DocumentRef | None = None
    status: DocumentStatus = DocumentStatus.EMPTY
    text: ReportText | None = None
    sizes: PageSizes | None = None
    refusal: tuple[str, str] = ("", "")
    uncovered: bool = False

    @property
    def is_covered(self) -> bool:
        """Whether a PDF is there that nobody has uncovered: its pages cannot be masked."""
        return self.sizes is not None and not self.uncovered


class DocumentModel(QObject):
    """`changed`: another document, or more of it. `pageChanged(n)`: a page was drawn.

    `found`: `matches` are those of the words searched for. `opened(study, document)`: it is on screen.
    """

    changed = Signal()
    pageChanged = Signal(int)
    found = Signal()
    opened = Signal(object, object)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self.state = DocumentState()
        self.masked = bench.settings.privacy_mode
        self.matches: tuple[PageMatch, ...] = ()
        self._pages: OrderedDict[int, tuple[int, Page]] = OrderedDict()
        self._wanted: tuple[tuple[int, ...], int] = ((), 0)
        self._drawing = False

    def open(self, study: StudyRef, document: DocumentRef) -> None:
        """Read a document; `changed` tells when it is here, or why it is not."""
        self._pages.clear()
        self._wanted, self.matches, self._drawing = ((), 0), (), False
        self.state = DocumentState(study, document, DocumentStatus.LOADING)
        self.changed.emit()
        read = documents.report if document.kind is DocumentKind.REPORT else documents.page_sizes
        self._submit(
            partial(read, document, self._bench.decoder), self._on_read, "document", "Reading a document"
        )

    def next(self, study: StudyRef | None) -> bool:
        """Open the next document of the study that is open, else the first of `study`. False for none."""
        owner = self.state.study if study is None else study
        if owner is None or not owner.documents:
            return False
        known = [document.uid for document in owner.documents]
        now = self.state.document
        at = known.index(now.uid) + 1 if now is not None and now.uid in known else 0
        self.open(owner, owner.documents[at % len(known)])
        return True

    def close(self) -> None:
        """Let go of the document."""
        self._pages.clear()
        self.matches, self.state = (), DocumentState()
        self.changed.emit()

    def set_masked(self, masked: bool) -> None:
        """Names hidden or shown."""
        self.masked = masked
        self.changed.emit()

    def uncover(self) -> None:
        """Show the pages of a PDF although names are masked elsewhere."""
        self.state = replace(self.state, uncovered=True)
        self.changed.emit()

    # Pages of a PDF.

    def page(self, number: int) -> Page | None:
        """A page as it was drawn last, HxWx3 uint8; None before."""
        kept = self._pages.get(number)
        return None if kept is None else kept[1]

    def want_pages(self, numbers: Iterable[int], width_px: int) -> None:
        """Draw these pages, the first one first, at a width in device pixels."""
        self._wanted = (tuple(numbers), max(1, width_px))
        self._draw_next()

    def _draw_next(self) -> None:
        document, (numbers, width) = self.state.document, self._wanted
        if document is None or self._drawing or self.state.sizes is None:
            return
        missing = [n for n in numbers if n not in self._pages or self._pages[n][0] != width]
        if not missing:
            return
        self._drawing = True
        number = missing[0]
        draw = partial(documents.page, document, number, width, self._bench.decoder)
        self._submit(draw, partial(self._on_page, document, number, width), "document-page")

    def _on_page(self, document: DocumentRef, number: int, width: int, page: Page) -> None:
        if document is not self.state.document:
            return
        self._drawing = False
        self._pages[number] = (width, page)
        self._pages.move_to_end(number)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)
        self.pageChanged.emit(number)
        self._draw_next()

    # Words in it.

    def find(self, words: str) -> None:
        """Look for words in a PDF; a report is searched where it is shown."""
        document = self.state.document
        if document is None or self.state.sizes is None or not words.strip():
            self._on_found(())
            return
        look = partial(documents.matches, document, words.strip(), self._bench.decoder)
        self._submit(look, self._on_found, "document-find")

    def ask_text(self, take: Any) -> None:
        """Hand over the words of the document as plain text, once they are here."""
        state = self.state
        if state.text is not None:
            take(state.text.as_text(masked=self.masked))
        elif (
            state.document is not None
            and state.sizes is not None
            and not (self.masked and state.is_covered)
        ):
            self._submit(
                partial(documents.words, state.document, self._bench.decoder), take, "document-text"
            )

    def _on_found(self, matches: tuple[PageMatch, ...]) -> None:
        self.matches = matches
        self.found.emit()

    # Inside.

    def _on_read(self, read: ReportText | PageSizes) -> None:
        if isinstance(read, ReportText):
            self.state = replace(self.state, status=DocumentStatus.SHOWN, text=read)
        else:
            self.state = replace(self.state, status=DocumentStatus.SHOWN, sizes=read)
        self.changed.emit()
        self.opened.emit(self.state.study, self.state.document)

    def _submit(self, work: Any, done: Any, key: str, title: str = "") -> None:
        def run(_progress: ProgressSink, cancel: CancelToken) -> Any:
            return work(cancel=cancel)

        self._lanes.io.submit(run, done=done, failed=self._on_failed, key=key, title=title)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, MedVisionError):
            said = (error.what, " ".join(part for part in (error.why, error.now) if part))
        else:
            said = ("The document could not be shown.", "This is a fault of ours.")
            self._notifier.error(error)
        self._drawing = False
        self.state = replace(self.state, status=DocumentStatus.REFUSED, refusal=said, text=None, sizes=None)
        self.changed.emit()
