"""The main job, once through: drop, look, run, decide, report, sign; and all of it again the next day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdf
from PySide6.QtCore import QPoint, Qt

from medvision_desktop.domain.findings import Laterality, ReviewState, Severity
from medvision_desktop.domain.report import SignedReport
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.dialogs.add_finding import AddFindingSheet
from medvision_desktop.ui.dialogs.override import OverrideSheet
from medvision_desktop.ui.viewmodels.finding_rows import RunState
from tests.helpers.sitting import CTRL, MODEL, READER, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]
PLAIN, LAYERED = 0, 1


def test_a_chest_film_from_the_drop_to_the_signed_report_and_the_next_day(
    sit_down: Sit, folder: Folder
) -> None:
    first = sit_down()
    assert first.names() == []
    first.open(folder("RG1_UNCR.dcm"))
    assert first.names() == ["CompressedSamples, RG1"]
    assert first.chips() == ["AI not run", "Unread"]
    shown = first.room.viewer.active_pane.shown
    assert shown is not None
    assert shown.frame.stored.shape == (1955, 1841)
    assert first.pixels(PLAIN).std() > 10

    first.run_ai()
    assert first.room.findings.run_state is RunState.DONE
    _overlay_comes_and_goes(first)
    _decide(first)
    signed = _sign(first)
    text = _text_of(first, signed)
    decided = {finding.id: finding.decision for finding in review.findings(first.store, first.study_key)}
    first.close()

    second = sit_down()
    second.click_study("CompressedSamples, RG1")
    assert second.chips()[1] == "Signed"
    again = {finding.id: finding.decision for finding in review.findings(second.store, second.study_key)}
    assert again == decided
    assert {row.chip for row in second.room.findings.rows} == {"Overridden", READER}
    _overlay_comes_and_goes(second)
    _add_addendum(second, text)
    result = verify(second.store, second.room.bench.locations.reports)
    assert (result.ok, result.faults, result.reports) == (True, (), 2)
    assert second.errors == []
    assert first.errors == []


def _overlay_comes_and_goes(sitting: Sitting) -> None:
    """C shows the attention on one pane alone; O takes every layer away and leaves the image as it was."""
    sitting.room.grid.focus_active()
    before = (sitting.pixels(PLAIN), sitting.pixels(LAYERED))
    sitting.key(Qt.Key.Key_C)
    assert sitting.room.findings.eye
    # However weak the map, all of it shows from threshold 0 on: the left end of the colour bar.
    sitting.click(sitting.room.grid.panes[LAYERED].card, QPoint(1, 30))
    assert sitting.room.viewer.overlay.threshold == 0
    assert not np.array_equal(sitting.pixels(LAYERED), before[1])
    assert np.array_equal(sitting.pixels(PLAIN), before[0])
    sitting.key(Qt.Key.Key_O)
    assert np.array_equal(sitting.pixels(LAYERED), before[1])
    assert np.array_equal(sitting.pixels(PLAIN), before[0])
    sitting.key(Qt.Key.Key_O)
    assert not np.array_equal(sitting.pixels(LAYERED), before[1])
    sitting.key(Qt.Key.Key_C)
    assert np.array_equal(sitting.pixels(LAYERED), before[1])


def _decide(sitting: Sitting) -> None:
    """Accept with Enter, think again with F2, add what the model missed."""
    room = sitting.room
    (row,) = room.findings_pane.list.rows
    sitting.click(row)
    assert room.findings_pane.list.hasFocus()
    sitting.key(Qt.Key.Key_Return)
    sitting.wait(lambda: row.row.chip == "Accepted")
    assert sitting.decisions() == [ReviewState.ACCEPTED]

    sitting.key(Qt.Key.Key_F2)
    sheet = room.sheets.sheet
    assert isinstance(sheet, OverrideSheet)
    sitting.key(Qt.Key.Key_A, CTRL)
    sitting.type("Lung nodules")
    sitting.click(sitting.button("Both", sheet))
    sitting.click(sitting.button("Moderate", sheet))
    assert not sheet.save_button.isEnabled()
    sitting.click(sheet.reasons.buttons["Wrong label"])
    sheet.comment.setFocus()
    sitting.type("Several, round.")
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: row.row.chip == "Overridden")
    sitting.settle()
    (finding,) = review.findings(sitting.store, sitting.study_key)
    decision = finding.decision
    assert (decision.label, decision.reason) == ("Lung nodules", "Wrong label")
    assert (decision.laterality, decision.severity) == (Laterality.BOTH, Severity.MODERATE)
    assert (decision.comment, finding.reader) == ("Several, round.", READER)
    assert finding.score is not None, "an override keeps what the model said"

    sitting.key("+")
    sheet = room.sheets.sheet
    assert isinstance(sheet, AddFindingSheet)
    sitting.key(Qt.Key.Key_A, CTRL)
    sitting.type("Hiatal hernia")
    sitting.click(sheet.save_button)
    sitting.wait(lambda: len(room.findings_pane.list.rows) == 2)
    sitting.settle()
    assert sitting.decisions() == [ReviewState.OVERRIDDEN, ReviewState.ADDED]


def _sign(sitting: Sitting) -> SignedReport:
    """A key image with its overlay, a few words, and the signature."""
    room = sitting.room
    room.grid.focus_active()
    sitting.key(Qt.Key.Key_C)
    sitting.key(Qt.Key.Key_K)
    sitting.wait(lambda: room.report.draft is not None and room.report.draft.key_images)
    sitting.key(Qt.Key.Key_C)
    sitting.key(Qt.Key.Key_P, CTRL)
    assert room.report_pane.isVisible()
    impression = room.report_pane.editor.sections["impression"].field
    assert "Hiatal hernia" in room.report_pane.editor.sections["findings"].text()
    sitting.click(impression.viewport())
    sitting.key(Qt.Key.Key_End, CTRL)
    sitting.type(" Follow up in six weeks.")
    sitting.wait(lambda: not room.report.is_dirty)
    sitting.wait(lambda: room.report.pages)
    draft = room.report.draft
    assert draft is not None
    (image,) = draft.key_images
    assert image.png != image.overlay_png != b""
    sitting.key(Qt.Key.Key_S, CTRL)
    assert room.sheets.sheet is not None
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: room.report.signed is not None)
    sitting.settle()
    assert impression.isReadOnly()
    (signed,) = issue_report.reports(sitting.store, sitting.study_key)
    return signed


def _text_of(sitting: Sitting, signed: SignedReport) -> str:
    """The words of the PDF on disk, which is the one the ledger knows and says all it must."""
    path = sitting.room.bench.locations.reports / signed.pdf_name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == signed.pdf_sha256
    (entry,) = sitting.store.entries(first=signed.ledger_seq, last=signed.ledger_seq)
    assert json.loads(entry.payload)["pdf_sha256"] == signed.pdf_sha256
    text = " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages).split())
    model = sitting.room.bench.registry.get(MODEL).manifest
    for word in (READER, "Lung nodules", "Hiatal hernia", "Follow up in six weeks", model.name):
        assert word in text, word
    for word in (model.version, "Suggestion: the radiologist decides.", "Not a medical device."):
        assert word in text, word
    for word in ("Research use", "no password, no certificate", "CompressedSamples, RG1"):
        assert word in text, word
    return text


def _add_addendum(sitting: Sitting, before: str) -> None:
    room = sitting.room
    sitting.key(Qt.Key.Key_P, CTRL)
    sitting.wait(lambda: room.report.signed is not None)
    editor = room.report_pane.editor
    assert editor.sections["impression"].text().endswith("Follow up in six weeks.")
    sitting.click(editor.sign_bar.addendum)
    field = editor.sections["impression"].field
    sitting.click(field.viewport())
    sitting.key(Qt.Key.Key_End, CTRL)
    sitting.type(" Discussed by telephone.")
    sitting.key(Qt.Key.Key_S, CTRL)
    assert room.sheets.sheet is not None
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: len(room.report.reports) == 2)
    sitting.settle()
    old, new = issue_report.reports(sitting.store, sitting.study_key)
    assert (old.version, new.version, new.is_addendum) == (1, 2, True)
    path = room.bench.locations.reports / old.pdf_name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == old.pdf_sha256
    assert "Discussed by telephone" not in before
    assert "Discussed by telephone" in _text_of(sitting, new)
