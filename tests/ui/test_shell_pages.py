"""Welcome page, status bar, jobs, first reader, refused files: by mouse and keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.study import RefusedFile
from medvision_desktop.paths import Locations
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings, load
from medvision_desktop.ui.dialogs.first_reader import FirstReaderSheet
from medvision_desktop.ui.dialogs.refused_files import RefusedFilesSheet
from medvision_desktop.ui.main_window import MainWindow
from medvision_desktop.ui.notify import ErrorNotice, Notifier
from medvision_desktop.ui.panes.status_bar import StatusBar
from medvision_desktop.ui.panes.welcome import WelcomePane
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.jobs import JobsModel
from medvision_desktop.ui.viewmodels.reader import ReaderModel
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, Progress, ProgressSink

LEFT = Qt.MouseButton.LeftButton


class Program:
    """Lanes, bench and notifier of one test."""

    def __init__(self, locations: Locations) -> None:
        self.errors: list[ErrorNotice] = []
        self.notifier = Notifier(lambda error: type(error).__name__)
        self.notifier.errored.connect(self.errors.append)
        self.lanes = Lanes(self.notifier.error)
        self.bench = Workbench(Settings(), locations)

    def close(self) -> None:
        self.lanes.close()
        self.bench.close()


@pytest.fixture
def program(qapp: QApplication, locations: Locations) -> Iterator[Program]:
    stylesheet.apply(qapp)
    program = Program(locations)
    yield program
    program.close()


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1200, 800)
    with qtbot.waitActive(window):
        window.show()
    yield window
    window.close()


# Welcome.


@pytest.fixture
def model(program: Program) -> WorklistModel:
    model = WorklistModel(program.bench, program.lanes, program.notifier)
    model.load_samples()
    assert program.lanes.drain(60)
    return model


def test_the_welcome_page_has_a_card_with_a_picture_for_every_sample(
    program: Program, model: WorklistModel, qtbot: QtBot
) -> None:
    pane = WelcomePane(model)
    qtbot.addWidget(pane)
    pane.resize(1264, 1000)
    pane.show()
    assert program.lanes.drain(60)
    assert list(pane.cards) == [row.key for row in model.samples]
    assert len(pane.cards) >= 5
    for card in pane.cards.values():
        assert card._picture is not None
        assert card.accessibleName().startswith("Open sample: ")
        assert card.accessibleDescription()


def test_a_card_opens_its_sample_by_mouse_and_by_space(
    program: Program, model: WorklistModel, qtbot: QtBot
) -> None:
    pane = WelcomePane(model)
    qtbot.addWidget(pane)
    pane.resize(1264, 1000)
    pane.show()
    picked: list[str] = []
    model.seriesPicked.connect(lambda study, series: picked.append(study.key))
    first, second = list(pane.cards.items())[:2]
    qtbot.mouseClick(first[1], LEFT)
    qtbot.keyClick(second[1], Qt.Key.Key_Space)
    assert picked == [first[0], second[0]]
    assert program.lanes.drain(60)


@pytest.mark.parametrize(("width", "height", "columns"), [(632, 980, 2), (888, 724, 3), (1264, 1004, 3)])
def test_the_welcome_page_fits_without_scrolling(
    program: Program, model: WorklistModel, qtbot: QtBot, width: int, height: int, columns: int
) -> None:
    pane = WelcomePane(model)
    qtbot.addWidget(pane)
    pane.resize(width, height)
    pane.show()
    QApplication.processEvents()
    cards = list(pane.cards.values())
    assert len({card.x() for card in cards}) == columns
    if columns == 3:
        assert pane.verticalScrollBar().maximum() == 0
    assert pane.horizontalScrollBar().maximum() == 0
    assert program.lanes.drain(60)


def test_without_samples_the_welcome_page_offers_them(program: Program, qtbot: QtBot) -> None:
    model = WorklistModel(program.bench, program.lanes, program.notifier)
    pane = WelcomePane(model)
    qtbot.addWidget(pane)
    pane.show()
    asked: list[str] = []
    pane.actionAsked.connect(asked.append)
    qtbot.mouseClick(pane.show_samples, LEFT)
    qtbot.mouseClick(pane.drop.open_files, LEFT)
    qtbot.mouseClick(pane.drop.open_folder, LEFT)
    assert asked == ["file.samples", "file.open", "file.open_folder"]


def test_the_drop_target_lights_up_while_files_hover_above_the_window(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    window = MainWindow(tmp_path / "window.ini")
    qtbot.addWidget(window)
    pane = WelcomePane(WorklistModel(program.bench, program.lanes, program.notifier))
    window.pages.addWidget(pane)
    window.show()
    rest = pane.drop.grab().toImage()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/data/a.dcm")])
    enter = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(window, enter)
    assert pane.drop._title.text() == "Let go to open"
    assert pane.drop.grab().toImage() != rest
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert pane.drop._title.text() == "Drop a study anywhere in this window"


# Status bar and jobs.


def endless(started: threading.Event, progress: ProgressSink, cancel: CancelToken) -> None:
    progress(Progress(11, 18, "patch 11 of 18"))
    started.set()
    while True:
        cancel.check()


def test_a_job_shows_its_title_and_progress_and_its_cross_stops_it(program: Program, qtbot: QtBot) -> None:
    bar = StatusBar(JobsModel(program.lanes))
    qtbot.addWidget(bar)
    bar.resize(1600, M.status_bar)
    bar.show()
    assert bar.jobs.text == "No jobs running"
    started = threading.Event()
    stopped: list[str] = []
    program.lanes.gpu.submit(
        lambda progress, cancel: endless(started, progress, cancel),
        done=lambda _: stopped.append("done"),
        cancelled=lambda: stopped.append("cancelled"),
        title="Brain tumour 3D",
    )
    qtbot.waitUntil(started.is_set, timeout=5000)
    qtbot.waitUntil(lambda: "patch 11 of 18" in bar.jobs.text, timeout=5000)
    assert bar.jobs.text.startswith("Brain tumour 3D")
    assert bar.jobs.cancel.accessibleName() == "Cancel Brain tumour 3D"
    qtbot.mouseClick(bar.jobs.cancel, LEFT)
    assert program.lanes.drain(30)
    assert stopped == ["cancelled"]
    assert bar.jobs.text == "No jobs running"


def test_several_jobs_are_listed_with_a_cancel_each(program: Program, qtbot: QtBot) -> None:
    bar = StatusBar(JobsModel(program.lanes))
    qtbot.addWidget(bar)
    bar.resize(1600, M.status_bar)
    bar.show()
    started = threading.Event()
    for lane, title in ((program.lanes.gpu, "Chest"), (program.lanes.io, "Headers")):
        lane.submit(
            lambda progress, cancel: endless(started, progress, cancel), done=lambda _: None, title=title
        )
    assert bar.jobs.more.text() == "1 more"
    qtbot.mouseClick(bar.jobs.more, LEFT)
    popup = bar.jobs._popup
    assert popup is not None
    assert [row.cancel.accessibleName() for row in popup.rows] == ["Cancel Chest", "Cancel Headers"]
    assert started.wait(5)
    qtbot.mouseClick(popup.rows[1].cancel, LEFT)
    assert program.lanes.io.drain(30)
    assert bar.jobs.text.startswith("Chest")
    program.lanes.gpu.cancel_all()
    assert program.lanes.drain(30)
    assert bar.jobs.text == "No jobs running"


def test_jobs_without_a_title_are_nobodys_business(program: Program, qtbot: QtBot) -> None:
    jobs = JobsModel(program.lanes)
    told: list[int] = []
    jobs.changed.connect(lambda: told.append(1))
    program.lanes.io.submit(lambda p, c: 1, done=lambda _: None)
    assert program.lanes.drain(30)
    assert told == []
    assert jobs.rows == ()


def test_a_superseded_job_leaves_the_list_at_once(program: Program) -> None:
    jobs = JobsModel(program.lanes)
    started = threading.Event()
    program.lanes.io.submit(
        lambda progress, cancel: endless(started, progress, cancel),
        done=lambda _: None,
        title="Old",
        key="k",
    )
    assert started.wait(5)
    program.lanes.io.submit(lambda p, c: 1, done=lambda _: None, title="New", key="k")
    assert [row.title for row in jobs.rows] == ["New"]
    assert program.lanes.drain(30)


def test_the_status_bar_says_device_gate_record_and_reader(program: Program, qtbot: QtBot) -> None:
    bar = StatusBar(JobsModel(program.lanes))
    qtbot.addWidget(bar)
    bar.resize(1600, M.status_bar)
    bar.show()
    assert bar.height() == 28
    bar.show_device("OpenVINO CPU")
    bar.show_gate("Input gate refused: not a chest film", "warn")
    bar.show_record("Record verified, 14 entries", "ok")
    bar.show_reader("Dr M. Okonkwo")
    assert bar.device.text == "OpenVINO CPU"
    assert bar.gate.text == "Input gate refused: not a chest film"
    assert bar.record.accessibleName() == "Record: Record verified, 14 entries"
    assert bar.reader.text().strip() == "Dr M. Okonkwo"
    asked: list[str] = []
    bar.actionAsked.connect(asked.append)
    qtbot.mouseClick(bar.record, LEFT)
    qtbot.keyClick(bar.reader, Qt.Key.Key_Space)
    assert asked == ["record.verify", "file.reader"]
    bar.show_gate("")
    assert not bar.gate.isVisible()


def test_a_full_status_bar_at_1280_cuts_no_button(program: Program, qtbot: QtBot) -> None:
    bar = StatusBar(JobsModel(program.lanes))
    qtbot.addWidget(bar)
    bar.show_device("OpenVINO  ·  CPU, 8 threads")
    bar.show_gate("Input gate refused: not a chest film, and the polarity looks inverted", "warn")
    bar.show_record("Record verified  ·  12 481 entries  ·  08:40", "ok")
    bar.show_reader("Dr M. Okonkwo")
    bar.resize(1280, M.status_bar)
    bar.show()
    for button in bar.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.width() >= button.sizeHint().width(), button.text()
            assert button.geometry().right() <= bar.width()


# First reader.


def test_the_reader_gives_a_name_once_and_it_is_kept_in_settings_and_record(
    program: Program, window: QWidget, qtbot: QtBot, locations: Locations
) -> None:
    model = ReaderModel(program.bench, program.lanes, program.notifier)
    sheet = FirstReaderSheet(window, model)
    sheet.open_at()
    assert not sheet.isModal()
    assert not sheet.save_button.isEnabled()
    qtbot.keyClicks(sheet.name, "  Dr   M. Okonkwo ")
    qtbot.keyClicks(sheet.institution, "St. Elsewhere")
    qtbot.keyClick(sheet.institution, Qt.Key.Key_Return)
    assert program.lanes.drain(60)
    assert model.name == "Dr M. Okonkwo"
    kept = load(locations.settings, {})
    assert (kept.reader, kept.institution) == ("Dr M. Okonkwo", "St. Elsewhere")
    assert [str(entry.kind) for entry in program.bench.store.entries()][-1].endswith("ReaderCreated")
    assert program.errors == []


def test_esc_leaves_the_reader_unnamed(program: Program, window: QWidget, qtbot: QtBot) -> None:
    model = ReaderModel(program.bench, program.lanes, program.notifier)
    sheet = FirstReaderSheet(window, model)
    sheet.open_at()
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert model.name == ""
    assert not sheet.isVisible()


@pytest.mark.parametrize("typed", ["", "   ", "\t", "x" * 70])
def test_a_name_that_cannot_stand_on_a_report_is_refused(program: Program, typed: str) -> None:
    model = ReaderModel(program.bench, program.lanes, program.notifier)
    assert model.fault(typed)


# Refused files.


def test_refused_files_are_listed_and_can_be_copied(
    qapp: QApplication, window: QWidget, qtbot: QtBot
) -> None:
    stylesheet.apply(qapp)
    refused = [
        RefusedFile(Path("/data/notes.docx"), "It is not a kind of image that is read here."),
        RefusedFile(Path("/data/<b>x</b>.dcm"), "The file ends before its pixels do."),
    ]
    sheet = RefusedFilesSheet(window, refused)
    sheet.open_at()
    assert sheet.title_label.text() == "2 files were not taken"
    assert sheet.list.count() == 2
    qtbot.mouseClick(sheet.copy, LEFT)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[1] == "/data/<b>x</b>.dcm\tThe file ends before its pixels do."
    sheet.close()
