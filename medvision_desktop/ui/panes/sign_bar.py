"""The bar below the report: who signs and with what kind of signature; after it, what was signed."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.chips import Chip
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.widgets.badge import Badge
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.text import elided, label

KIND_OF_SIGNATURE: Final = "no password, no certificate"


class SignBar(QFrame):
    """Open: Sign. Closed: SHA-256, addendum, copy. `copyWanted` asks for a file name."""

    copyWanted = Signal()

    def __init__(self, model: ReportModel) -> None:
        super().__init__()
        self._model = model
        self.setObjectName("signBar")
        self.setStyleSheet(
            f"QFrame#signBar {{ background: {T.bg1}; border: none; border-top: 1px solid {T.line}; }}"
        )
        self.who = label("", "value")
        self.about = elided("", "caption", "t3")
        self.about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.kind = Badge(Chip(KIND_OF_SIGNATURE, kind="warn"))
        self.digest = elided("", "caption", "t2")
        self.sign = Button("Sign report", "signature", key=key_text("report.sign"), kind="primary")
        self.addendum = Button("Write an addendum", "file-pen")
        self.copy_pdf = IconButton("download", "Save a copy of the signed PDF", kind="tool")
        self.sign.clicked.connect(model.ask_sign)
        self.addendum.clicked.connect(model.start_addendum)
        self.copy_pdf.clicked.connect(self.copyWanted)
        lock = QLabel()
        lock.setPixmap(icons.pixmap("lock", T.t2, M.row_icon, 2.0, self.devicePixelRatioF()))
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(lock)
        first.addWidget(self.who)
        first.addWidget(self.about, 1)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.kind)
        second.addWidget(self.digest)
        second.addStretch(1)
        for button in (self.copy_pdf, self.addendum, self.sign):
            second.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M.pad_left, 10, M.pad_left, 12)
        layout.setSpacing(8)
        layout.addLayout(first)
        layout.addLayout(second)
        self.refresh()

    def refresh(self) -> None:
        """Show what the model says now."""
        model, signed = self._model, self._model.signed
        closed = signed is not None
        self.sign.setVisible(not closed)
        self.kind.setVisible(not closed)
        self.digest.setVisible(closed)
        self.addendum.setVisible(closed)
        self.copy_pdf.setVisible(closed)
        if signed is not None:
            when = f"{words.day(signed.signed_utc)}, {words.clock(signed.signed_utc)}"
            self.who.setText(f"Signed by {signed.reader}")
            self.about.setText(f"Version {signed.version}, {when}, entry {signed.ledger_seq}")
            self.digest.setText(f"SHA-256 {signed.pdf_sha256[:16]}")
            self.digest.setToolTip(f"SHA-256 {signed.pdf_sha256}, {KIND_OF_SIGNATURE}")
            return
        self.who.setText(f"Sign as {model.reader}" if model.reader else "Nobody is named as the reader")
        self.about.setText("A signed report is closed; changes become an addendum.")
        self.sign.setEnabled(model.draft is not None and not model.is_signing)
        self.sign.setText("Signing" if model.is_signing else "Sign report")
