"""What the report dock shows: the draft, what stands before its signature, and what was signed.

What changes it is in `report`, `report_pages` and `report_signing`.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.report import CheckState, ReportDraft, SignatureCheck, SignedReport
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.pdf_pages import PageImage
from medvision_desktop.ui.viewmodels.report_work import LoadedReport
from medvision_desktop.ui.workers.lane import Lanes

SAVE_AFTER_MS: Final = 800


class ReportState(QObject):
    """`changed`: anything but the text may differ; `textChanged`: the text came from elsewhere.

    `signWanted` asks for the confirmation sheet, `readerWanted` for the reader's name,
    `findingWanted` and `leaveUndecidedWanted` carry a finding's id, `keyImageWanted` asks the
    viewer for the image on screen. `recordChanged` carries the key of a study that was signed.
    """

    changed = Signal()
    textChanged = Signal()
    previewChanged = Signal()
    signWanted = Signal()
    readerWanted = Signal()
    keyImageWanted = Signal()
    findingWanted = Signal(str)
    leaveUndecidedWanted = Signal(str)
    recordChanged = Signal(str)

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier = bench, lanes, notifier
        self._study: StudyRef | None = None
        self._loaded: LoadedReport | None = None
        self._addendum = False
        self._dirty = False
        self._is_behind = False
        self._signing = False
        self._watched = False
        self._older: SignedReport | None = None
        self._page_width = 0
        self._pdf = b""
        self._pages: tuple[PageImage, ...] = ()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MS)

    @property
    def study(self) -> StudyRef | None:
        """The study that is reported on."""
        return self._study

    @property
    def draft(self) -> ReportDraft | None:
        """The draft as it stands on screen; None until the record was read."""
        return None if self._loaded is None else self._loaded.draft

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the study, for the chips under the text."""
        return () if self._loaded is None else self._loaded.findings

    @property
    def checks(self) -> tuple[SignatureCheck, ...]:
        """What stands between the draft and the signature."""
        return () if self._loaded is None else self._loaded.checks

    @property
    def reports(self) -> tuple[SignedReport, ...]:
        """Signed versions, oldest first."""
        return () if self._loaded is None else self._loaded.reports

    @property
    def signed(self) -> SignedReport | None:
        """The newest signed version while nothing is written after it: the report is closed."""
        return None if self._addendum or not self.reports else self.reports[-1]

    @property
    def older(self) -> SignedReport | None:
        """The signed version that is looked at instead of the newest state; None for that state itself."""
        return self._older

    @property
    def is_open(self) -> bool:
        """Whether the text can be edited."""
        return self.draft is not None and self.signed is None and not self._signing

    @property
    def is_dirty(self) -> bool:
        """Whether there is text that the record does not have yet."""
        return self._dirty

    @property
    def is_signing(self) -> bool:
        """Whether a signature is on its way to the record."""
        return self._signing

    @property
    def stopped_by(self) -> tuple[SignatureCheck, ...]:
        """Checks that stop the signature."""
        return tuple(check for check in self.checks if check.state is CheckState.STOPS)

    @property
    def reader(self) -> str:
        """Who would sign."""
        return self._bench.settings.reader

    @property
    def pages(self) -> tuple[PageImage, ...]:
        """The pages of the preview, as wide as `set_page_width` asked."""
        return self._pages

    def _touch(self) -> None:
        self._dirty = True
        self._timer.start()

    @property
    def _key(self) -> str:
        return self._study.key if self._study else ""

    @property
    def _draft(self) -> ReportDraft:
        if self._loaded is None:
            raise RuntimeError("no draft is loaded")
        return self._loaded.draft
