"""The main job once, without a display, by the same window that a reader sees.

On the sample chest radiograph: open, run the model, look where it looked, decide, write, sign. The
sentences that a reader would write are marked as the demonstration's.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medvision_desktop.errors import (
    AnalysisFailed,
    ExportFailed,
    InputRefused,
    MedVisionError,
    SignatureStopped,
)
from medvision_desktop.paths import Locations

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from medvision_desktop.ui.reading_room import ReadingRoom

READER: Final = "Demonstration reader"
_SAMPLE_ID: Final = "9RG1"
_SIZE: Final = (1920, 1080)
_LIMIT_S: Final = 120.0
_COMMENT: Final = "Written by the demonstration, not by a radiologist."


def demo(locations: Locations, out: Path) -> dict[str, Path]:
    """Write window.png, report.pdf and result.json to `out`; returns them by name.

    Raises a `MedVisionError` that says which step did not come off.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from medvision_desktop.app import reading_room

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportFailed(
            "The demonstration's folder cannot be made.", f"{error.strerror}.", "Name another with --out."
        ) from error
    with reading_room(locations) as (application, room):
        room.window.resize(*_SIZE)
        if not room.reader.name:
            room.reader.introduce(READER, "")
        journey = _Journey(application, room)
        journey.open_sample()
        result = journey.run_model()
        journey.look(out / "window.png")
        journey.decide()
        pdf = journey.sign(locations.reports)
        shutil.copyfile(pdf, out / "report.pdf")
        result |= journey.signed()
    (out / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    names = ("window.png", "report.pdf", "result.json")
    return {name: out / name for name in names}


class _Journey:
    """The steps, each of which waits until the window shows its end."""

    def __init__(self, application: QApplication, room: ReadingRoom) -> None:
        self._application = application
        self._room = room
        self._errors: list[str] = []
        room.notifier.errored.connect(lambda notice: self._errors.append(f"{notice.what} {notice.why}"))

    def open_sample(self) -> None:
        """Pick the chest radiograph from the worklist."""
        room = self._room
        room.start()
        self._until(lambda: bool(room.worklist.samples), InputRefused("The samples were not listed."))
        row = next((row for row in room.worklist.samples if row.study.patient.id == _SAMPLE_ID), None)
        if row is None:
            raise InputRefused("The sample chest radiograph is not installed.", "", "Run the set-up again.")
        room.worklist.select(row.key)
        self._until(lambda: room.findings.is_restored, InputRefused("The sample was not shown."))

    def run_model(self) -> dict[str, Any]:
        """Run AI and return what the panel shows."""
        findings = self._room.findings
        before = findings.analysis.seq if findings.analysis is not None else 0
        self._room.commands.perform("ai.run")
        self._until(
            lambda: findings.analysis is not None and findings.analysis.seq > before,
            AnalysisFailed("The model came to no result."),
        )
        analysis = findings.analysis
        assert analysis is not None  # noqa: S101 - waited for above
        return {
            "model": analysis.model.name,
            "version": analysis.model.version,
            "weights_sha256": analysis.model.weights_sha256,
            "state": analysis.state.value,
            "gate": {"ok": analysis.gate.ok, "reasons": list(analysis.gate.reasons)},
            "labels": {
                score.label: {
                    "probability": score.probability,
                    "raw": score.raw,
                    "threshold": score.threshold,
                    "positive": score.positive,
                    "uncertain": score.uncertain,
                }
                for score in analysis.labels
            },
            "seconds": analysis.seconds,
            "ledger_seq": analysis.seq,
        }

    def look(self, picture: Path) -> None:
        """Turn the attention map on, put the image into the report, and take a picture of the window."""
        room = self._room
        if any(row.has_map for row in room.findings.rows):
            room.commands.perform("layers.attention")
        self._settle()
        room.commands.perform("report.key_image")
        self._settle()
        if not room.window.grab().save(str(picture), "PNG"):
            raise ExportFailed("The picture of the window could not be written.", "", "Name another --out.")

    def decide(self) -> None:
        """Leave every suggestion open on purpose: nobody here is a radiologist."""
        from medvision_desktop.domain.findings import Decision, ReviewState

        findings = self._room.findings
        for finding in findings.findings:
            if finding.needs_decision:
                decision = Decision(ReviewState.LEFT_UNDECIDED, comment=_COMMENT)
                findings.decide(finding.id, decision)
        self._until(
            lambda: not any(finding.needs_decision for finding in findings.findings),
            SignatureStopped("A suggestion could not be left open."),
        )

    def sign(self, reports: Path) -> Path:
        """Write the impression, sign, and return where the PDF lies."""
        report = self._room.report
        self._until(lambda: report.draft is not None, SignatureStopped("The report did not open."))
        closed = report.signed
        if closed is not None:  # an earlier demonstration signed: this one adds a version
            report.start_addendum()
            self._settle()
        report.edit("impression", _COMMENT)
        report.save()
        self._settle()
        report.sign()
        self._until(
            lambda: report.signed is not None and report.signed != closed,
            SignatureStopped("The report was not signed."),
        )
        signed = report.signed
        assert signed is not None  # noqa: S101 - waited for above
        return reports / signed.pdf_name

    def signed(self) -> dict[str, Any]:
        """What the record holds of the report."""
        signed = self._room.report.signed
        assert signed is not None  # noqa: S101 - called after `sign`
        return {
            "report": {
                "version": signed.version,
                "pdf_sha256": signed.pdf_sha256,
                "reader": signed.reader,
                "ledger_seq": signed.ledger_seq,
            }
        }

    def _settle(self) -> None:
        self._room.lanes.drain()
        # The careful redraw of a still picture comes a moment after the last change.
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            self._application.processEvents()
            time.sleep(0.01)

    def _until(self, true: Callable[[], bool], otherwise: MedVisionError) -> None:
        end = time.monotonic() + _LIMIT_S
        while not true():
            self._application.processEvents()
            if self._errors or time.monotonic() > end:
                otherwise.why = " ".join(self._errors) or f"It took longer than {_LIMIT_S:g} s."
                raise otherwise
            time.sleep(0.005)
        self._settle()
