"""The report: the editor with its checks and its signature, and the preview beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from medvision_desktop.domain.findings import Finding, ReviewState
from medvision_desktop.domain.report import CheckState, SignatureCheck
from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.panes.report_head import ReportHead
from medvision_desktop.ui.panes.report_preview import ReportPreview
from medvision_desktop.ui.panes.sign_bar import SignBar
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.viewmodels.macros import MACROS
from medvision_desktop.ui.viewmodels.mark_record import Offer
from medvision_desktop.ui.viewmodels.report import SECTIONS, ReportModel
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.check_list import CheckLine, CheckRow, clear
from medvision_desktop.ui.widgets.chip_flow import ChipFlow
from medvision_desktop.ui.widgets.key_image_strip import KeyImageStrip
from medvision_desktop.ui.widgets.text import label
from medvision_desktop.ui.widgets.text_section import TextSection

EDITOR_PX: Final = 576
PREVIEW_PX: Final = 728
_LEAST_PX: Final = 400
_LINES: Final = {"findings": 6, "impression": 3}
_CHIPS: Final = {
    ReviewState.ACCEPTED: ("check", "ok"),
    ReviewState.OVERRIDDEN: ("pencil", "accent"),
    ReviewState.ADDED: ("user-pen", "accent"),
}


class ReportPane(QSplitter):
    """Editor and preview side by side. `closeWanted` asks the window to put the report away."""

    closeWanted = Signal()

    def __init__(self, model: ReportModel) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._model = model
        self.editor = ReportEditor(model)
        self.preview = ReportPreview(model)
        self.preview.setMinimumWidth(_LEAST_PX)
        self.editor.setMinimumWidth(_LEAST_PX)
        self.addWidget(self.editor)
        self.addWidget(self.preview)
        self.setStretchFactor(0, 4)
        self.setStretchFactor(1, 5)
        self.setSizes([EDITOR_PX, PREVIEW_PX])
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self.editor.head.close_button.clicked.connect(self.closeWanted)
        self.preview.copyWanted.connect(self.ask_for_copy)
        self.editor.sign_bar.copyWanted.connect(self.ask_for_copy)

    def show_offers(self, offers: tuple[Offer, ...]) -> None:
        """Measurements that may go into the text."""
        self.editor.show_offers(offers)

    def show_priors(self, sentences: tuple[str, ...]) -> None:
        """Earlier studies that the comparison may name, the newest first."""
        self.editor.sections["comparison"].offer(sentences)

    def showEvent(self, event: QShowEvent) -> None:
        """The preview is made while somebody looks at it."""
        super().showEvent(event)
        self._model.set_watched(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """What is typed is saved when the report goes out of sight."""
        super().hideEvent(event)
        self._model.set_watched(False)
        self._model.flush()

    def ask_for_copy(self) -> None:
        """Ask for a file name and write the PDF there; nothing waits for the answer."""
        dialog = QFileDialog(self, "Save a copy of the PDF")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("PDF (*.pdf)")
        dialog.setDefaultSuffix("pdf")
        dialog.selectFile("report.pdf")
        dialog.fileSelected.connect(lambda name: self._model.export(Path(name)))
        dialog.show()


class ReportEditor(QFrame):
    """Head, five sections, key images, checks, and the bar to sign with."""

    def __init__(self, model: ReportModel) -> None:
        super().__init__()
        self._model = model
        self._shown_checks: tuple[SignatureCheck, ...] = ()
        self._offers: tuple[Offer, ...] = ()
        self.setObjectName("reportEditor")
        self.setStyleSheet(
            f"QFrame#reportEditor {{ background: {T.bg1}; border: none; border-left: 1px solid {T.line}; }}"
        )
        self.sections = {
            name: TextSection(name.capitalize(), MACROS[name], least=_LINES.get(name, 1))
            for name in SECTIONS
        }
        self.head = ReportHead(model)
        self.chips = ChipFlow()
        self.images = KeyImageStrip()
        self.add_image = Button(
            "Add current", "image-plus", key=key_text("report.key_image"), kind="quiet", size="small"
        )
        self.sign_bar = SignBar(model)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(self._scrolled(), 1)
        layout.addWidget(self.sign_bar)
        self._connect()
        self.show_text()
        self.refresh()

    @property
    def last_field(self) -> QPlainTextEdit:
        """The field that undo and redo work on."""
        return self._last_field

    def refresh(self) -> None:
        """Everything but the text."""
        model = self._model
        draft = model.draft
        self.head.refresh()
        for section in self.sections.values():
            section.set_open(model.is_open)
        self.add_image.setEnabled(model.is_open)
        self._show_findings(model.findings)
        images = () if draft is None else draft.key_images
        self.image_count.setText(str(len(images)) if images else "")
        self.images.show_images(images, is_open=model.is_open)
        self._show_checks(model.checks)
        self.sign_bar.refresh()

    def show_text(self) -> None:
        """The text, when it came from elsewhere than these fields."""
        draft = self._model.draft
        for name, section in self.sections.items():
            section.set_text("" if draft is None else str(getattr(draft.sections, name)))

    def show_offers(self, offers: tuple[Offer, ...]) -> None:
        """Measurements that may go into the findings: chips, and sentences among its phrases."""
        self._offers = offers
        self.sections["findings"].offer(tuple(offer.sentence for offer in offers))
        self._show_findings(self._model.findings)

    def check_rows(self) -> tuple[CheckRow, ...]:
        """The rows of "Before signing"."""
        return tuple(row for row in self._checks_card.findChildren(CheckRow) if not row.isHidden())

    def _connect(self) -> None:
        model = self._model
        model.changed.connect(self.refresh)
        model.textChanged.connect(self.show_text)
        for name, section in self.sections.items():
            section.edited.connect(lambda text, n=name: model.edit(n, text))
            section.phraseChosen.connect(lambda phrase, n=name: model.insert(n, phrase))
            section.field.cursorPositionChanged.connect(lambda f=section.field: self._remember(f))
        self.add_image.clicked.connect(model.keyImageWanted)
        self.images.removeWanted.connect(model.remove_key_image)
        self.head.undo.clicked.connect(self._undo_typing)
        self.head.redo.clicked.connect(self._redo_typing)
        self._last_field: QPlainTextEdit = self.sections["findings"].field

    def _undo_typing(self) -> None:
        self._last_field.undo()

    def _redo_typing(self) -> None:
        self._last_field.redo()

    def _remember(self, field: QPlainTextEdit) -> None:
        if field.hasFocus():
            self._last_field = field

    def _scrolled(self) -> QScrollArea:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(M.pad_left, 12, M.pad_left, 16)
        column.setSpacing(10)
        for name, section in self.sections.items():
            column.addWidget(section)
            if name == "findings":
                column.addWidget(self.chips)
        column.addWidget(self._images_head())
        column.addWidget(self.images)
        column.addSpacing(4)
        self._checks_title = label("Before signing", "value")
        column.addWidget(self._checks_title)
        self._checks_card = QFrame()
        self._checks_card.setObjectName("checks")
        self._checks_card.setStyleSheet(
            f"QFrame#checks {{ background: {T.bg2}; border: 1px solid {T.line};"
            f" border-radius: {M.radius_card}px; }}"
        )
        self._checks = QVBoxLayout(self._checks_card)
        self._checks.setContentsMargins(12, 8, 8, 8)
        self._checks.setSpacing(2)
        column.addWidget(self._checks_card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return scroll

    def _images_head(self) -> QWidget:
        head = QWidget()
        self.image_count = label("", "caption", "t3")
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(label("Key images", "value"))
        row.addWidget(self.image_count)
        row.addStretch(1)
        row.addWidget(self.add_image)
        return head

    def _show_findings(self, findings: tuple[Finding, ...]) -> None:
        chips = [
            Chip(words.finding_name(finding), *_CHIPS[finding.decision.state])
            for finding in findings
            if finding.decision.state in _CHIPS
        ]
        number = len(chips)
        self.chips.show_chips([*chips, *(Chip(offer.chip, "ruler") for offer in self._offers)])
        counted = ((number, "finding"), (len(self._offers), "measurement"))
        parts = [f"{many} {what}" + ("" if many == 1 else "s") for many, what in counted if many]
        self.sections["findings"].note.setText(f"from {', '.join(parts)}" if parts else "")

    def _show_checks(self, checks: tuple[SignatureCheck, ...]) -> None:
        if self._model.signed is not None:
            checks = ()
        self._checks_title.setVisible(bool(checks))
        self._checks_card.setVisible(bool(checks))
        if checks == self._shown_checks:
            return
        self._shown_checks = checks
        clear(self._checks)
        for check in checks:
            buttons = []
            if check.finding_id and check.state is not CheckState.OK:
                buttons = self._check_buttons(check)
            self._checks.addWidget(CheckRow(CheckLine(check.text, check.state.value), buttons, below=True))

    def _check_buttons(self, check: SignatureCheck) -> list[Button]:
        go = Button("Go to finding", size="tiny")
        go.clicked.connect(lambda: self._model.findingWanted.emit(check.finding_id))
        if check.state is not CheckState.STOPS:
            return [go]
        leave = Button("Leave undecided", kind="quiet", size="tiny")
        leave.setToolTip("The report says that it was left undecided on purpose")
        leave.clicked.connect(lambda: self._model.leaveUndecidedWanted.emit(check.finding_id))
        return [leave, go]
