"""What a folder may also hold: files cut short, files that are no images, and images for another model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from medvision_desktop.domain.findings import AnalysisState
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.verify import verify
from medvision_desktop.ui.dialogs.refused_files import RefusedFilesSheet
from medvision_desktop.ui.viewmodels.finding_rows import RunState
from tests.helpers.sitting import CTRL, Sitting

Sit = Callable[..., Sitting]
Folder = Callable[..., Path]


def test_a_good_film_opens_although_its_neighbours_are_broken_and_each_is_told_with_why(
    sit_down: Sit, folder: Folder
) -> None:
    cd = folder("RG1_UNCR.dcm", "MR2_UNCR.dcm")
    whole = (cd / "MR2_UNCR.dcm").read_bytes()
    (cd / "MR2_UNCR.dcm").unlink()
    (cd / "cut-header.dcm").write_bytes(whole[:300])
    (cd / "letter.dcm").write_text("Dear colleague, thank you for referring this patient.\n" * 20)
    (cd / "empty.dcm").write_bytes(b"")
    sitting = sit_down()
    sitting.open(cd)
    assert sitting.names() == ["CompressedSamples, RG1"]
    assert sitting.pixels(0).std() > 10
    (toast,) = sitting.toasts
    assert toast.text == "3 files were not taken"
    sitting.follow_toast()
    (sheet,) = sitting.window.findChildren(RefusedFilesSheet)
    told = {}
    for row in range(sheet.list.count()):
        name, why = sheet.list.item(row).data(Qt.ItemDataRole.AccessibleTextRole).split(": ", 1)
        told[name] = why
    assert set(told) == {"cut-header.dcm", "letter.dcm", "empty.dcm"}
    assert all(len(why) > 10 for why in told.values())
    sitting.key(Qt.Key.Key_Escape)
    assert not sheet.isVisible()
    assert sitting.errors == []


def test_a_film_whose_pixels_are_cut_off_is_refused_on_its_pane_and_the_next_one_opens(
    sit_down: Sit, folder: Folder, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.dcm"
    cut.write_bytes((folder("RG1_UNCR.dcm") / "RG1_UNCR.dcm").read_bytes()[:200_000])
    sitting = sit_down()
    sitting.drop(cut)
    sitting.settle()
    refused = sitting.room.viewer.active_pane.refusal is not None or bool(sitting.errors)
    assert refused, "an image that is not there must not be shown as if it were"
    assert sitting.room.viewer.active_pane.shown is None
    sitting.key(Qt.Key.Key_F5)
    assert sitting.room.findings.run_state is not RunState.RUNNING
    sitting.open(folder("RG3_UNCR.dcm", into="other"))
    assert sitting.pixels(0).std() > 10


def test_of_a_study_that_cannot_be_shown_no_other_name_stands_above_it(
    sit_down: Sit, folder: Folder, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(folder("RG3_UNCR.dcm", into="other") / "RG3_UNCR.dcm")
    dataset.PatientName, dataset.StudyInstanceUID = "Somebody^Else", "1.2.3.4"
    whole = tmp_path / "whole.dcm"
    dataset.save_as(whole)
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(whole.read_bytes()[:200_000])
    sitting = sit_down()
    sitting.open(folder("RG1_UNCR.dcm"))
    assert sitting.room.top_bar.title.text() == "CompressedSamples, RG1"
    sitting.drop(cut)
    sitting.wait(lambda: sitting.room.viewer.active_pane.refusal is not None)
    sitting.settle()
    assert sitting.room.top_bar.title.text() == "Somebody, Else"
    sitting.key(Qt.Key.Key_F5)
    assert sitting.room.findings.run_state is not RunState.RUNNING
    sitting.key(Qt.Key.Key_P, CTRL)
    sitting.settle()
    assert sitting.room.report.study is not None
    assert sitting.room.report.study.key == "1.2.3.4"
    sitting.click_study("CompressedSamples, RG1")
    assert sitting.room.top_bar.title.text() == "CompressedSamples, RG1"
    assert sitting.room.findings.run_state is RunState.NOT_RUN


def test_while_a_study_is_read_no_other_name_stands_above_it(sit_down: Sit, folder: Folder) -> None:
    sitting = sit_down()
    sitting.open(folder("RG1_UNCR.dcm", "MR2_UNCR.dcm"))
    room = sitting.room
    sitting.click_study("CompressedSamples, RG1")
    other = next(row.study for row in room.worklist.shown if "MR2" in row.name)
    room.viewer.close_study(other.key)  # it may have been read ahead
    room.viewer.open(other, other.series[0])
    # Nothing has been read yet: that takes a turn of the event loop at least.
    assert room.viewer.active_pane.shown is None
    assert room.top_bar.title.text() == "CompressedSamples, MR2"
    assert room.findings.study is not None
    assert room.findings.study.key == other.key
    sitting.settle()
    assert room.top_bar.title.text() == "CompressedSamples, MR2"
    assert room.findings.loaded is not None


@pytest.mark.parametrize("form", ["dicom", "png"])
def test_an_extremity_is_refused_by_the_gate_and_can_still_be_reported_on(
    sit_down: Sit, folder: Folder, form: str
) -> None:
    place = folder("RG3_UNCR.dcm")
    if form == "png":
        place = _as_png(place / "RG3_UNCR.dcm")
    sitting = sit_down()
    sitting.open(place)
    sitting.run_ai()
    room = sitting.room
    assert room.findings.run_state is RunState.REFUSED
    assert room.findings_pane.gate_card.isVisible()
    assert [row.score for row in room.findings.rows] == [None]
    assert review.findings(sitting.store, sitting.study_key) == ()
    (run,) = review.analyses(sitting.store, sitting.study_key)
    assert (run.state, run.gate.ok, run.labels) == (AnalysisState.REFUSED, False, ())
    assert run.gate.reasons
    assert sitting.chips()[0] == "AI refused"
    sitting.key(Qt.Key.Key_C)
    assert room.findings.eye == ""

    sitting.click(room.findings_pane.gate_card.read)
    assert not room.findings_pane.gate_card.isVisible()
    sitting.key(Qt.Key.Key_P, CTRL)
    sitting.click(room.report_pane.editor.sections["impression"].field.viewport())
    sitting.type("No fracture.")
    sitting.key(Qt.Key.Key_S, CTRL)
    sitting.key(Qt.Key.Key_Return, CTRL)
    sitting.wait(lambda: room.report.signed is not None)
    sitting.settle()
    (signed,) = issue_report.reports(sitting.store, sitting.study_key)
    assert (room.bench.locations.reports / signed.pdf_name).is_file()
    assert verify(sitting.store).ok
    assert sitting.errors == []


def _as_png(path: Path) -> Path:
    """The same film as a picture with no word about itself."""
    stored = pydicom.dcmread(path).pixel_array.astype(np.float64)
    low, high = np.percentile(stored, (1, 99))
    grey = np.clip((stored - low) / (high - low), 0, 1) * 255
    picture = path.with_suffix(".png")
    Image.fromarray(grey.astype(np.uint8)).save(picture)
    return picture


def test_the_list_says_which_studies_no_model_is_for(
    sit_down: Callable[..., Sitting], folder: Callable[..., Path]
) -> None:
    sitting = sit_down(samples=True)
    sitting.open(folder("MR2_UNCR.dcm"))
    said = {row.study.modalities: row.ai_chip.text for row in sitting.room.worklist.studies}
    assert said[("US",)] == said[("CT",)] == "No model"
    assert said[("CR",)] == said[("MR",)] == "AI not run"
