"""The worklist with real files: samples, drops, refusals, search, keys, drags, and two thousand studies."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.paths import Locations
from medvision_desktop.services.ingest import StudySummary, study_opened
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings, load
from medvision_desktop.ui.notify import ErrorNotice, Notifier, Toast
from medvision_desktop.ui.panes.worklist import WorklistPane
from medvision_desktop.ui.theme import stylesheet
from medvision_desktop.ui.theme.tokens import M
from medvision_desktop.ui.viewmodels.study_rows import Running
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.viewmodels.worklist_items import SERIES_MIME
from medvision_desktop.ui.workers.lane import Lanes

LEFT = Qt.MouseButton.LeftButton


@dataclass
class Room:
    """One program without its window."""

    bench: Workbench
    lanes: Lanes
    model: WorklistModel
    toasts: list[Toast] = field(default_factory=list)
    errors: list[ErrorNotice] = field(default_factory=list)
    picked: list[tuple[StudyRef, SeriesRef]] = field(default_factory=list)
    refused: list[object] = field(default_factory=list)
    windows: list[QWidget] = field(default_factory=list)

    def settle(self) -> None:
        assert self.lanes.drain(60)

    def keys(self) -> list[str]:
        return [row.key for row in self.model.studies]

    def shown_names(self) -> list[str]:
        return [row.name for row in self.model.shown]


def fail_crash(error: BaseException) -> str:
    raise AssertionError("a fault of ours") from error


@pytest.fixture
def make_room(qapp: QApplication, locations: Locations) -> Iterator[Callable[..., Room]]:
    stylesheet.apply(qapp)
    made: list[Room] = []

    def make(**settings: object) -> Room:
        notifier = Notifier(fail_crash)
        lanes = Lanes(notifier.error)
        bench = Workbench(Settings(**settings), locations)  # type: ignore[arg-type]
        room = Room(bench, lanes, WorklistModel(bench, lanes, notifier))
        notifier.toasted.connect(room.toasts.append)
        notifier.errored.connect(room.errors.append)
        room.model.seriesPicked.connect(lambda study, series: room.picked.append((study, series)))
        room.model.refusedListed.connect(room.refused.append)
        made.append(room)
        return room

    yield make
    for room in made:
        room.lanes.close()
        room.model.close()
        room.bench.close()


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room(show_samples=False)


@pytest.fixture
def png(tmp_path: Path) -> Callable[[str, int], Path]:
    def make(name: str, value: int) -> Path:
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 30), value, np.uint8)).save(path)
        return path

    return make


def pane_for(room: Room, qtbot: QtBot) -> WorklistPane:
    """The pane in a dock-like holder, shown and active."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    pane = WorklistPane(room.model)
    column.addWidget(pane.head)
    column.addWidget(pane)
    qtbot.addWidget(holder)
    room.windows.append(holder)
    holder.resize(288, 700)
    # A bare X server has no window manager that would make a window active.
    wait = qtbot.waitActive if QGuiApplication.platformName() == "offscreen" else qtbot.waitExposed
    with wait(holder):
        holder.show()
    return pane


def fake_study(number: int) -> StudyRef:
    instance = InstanceRef(Path(f"/nowhere/{number}.dcm"), f"1.2.{number}.1.1")
    one = SeriesRef(f"1.2.{number}.1", SourceKind.DICOM, (instance,), "CT", "Axial", number=1)
    other = SeriesRef(f"1.2.{number}.2", SourceKind.DICOM, (instance,), "CT", "Bone", number=2)
    day = f"2020-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    patient = Patient(f"Patient{number:04d}, Test", f"ID{number:04d}")
    return StudyRef(f"1.2.{number}", patient, (one, other), date=day, description="Head")


def click_row(pane: WorklistPane, row: int, qtbot: QtBot) -> None:
    place = pane.list.visualRect(pane.list.items.index(row)).center()
    qtbot.mouseClick(pane.list.viewport(), LEFT, pos=place)


def test_the_first_start_lists_the_samples_with_thumbnails(
    make_room: Callable[..., Room], qtbot: QtBot
) -> None:
    room = make_room()
    room.model.start()
    room.settle()
    assert len(room.model.samples) >= 5
    assert room.errors == []
    pane = pane_for(room, qtbot)
    pane.grab()
    room.settle()
    first = room.model.studies[0].study
    picture = room.model.thumbnails.get(first, first.series[0])
    assert picture is not None
    assert picture.dtype == np.uint8
    assert picture.max() > picture.min()
    assert pane._number.text() == f"{len(room.model.samples)} samples"


def test_samples_leave_with_one_click_and_stay_away(
    make_room: Callable[..., Room], qtbot: QtBot, locations: Locations
) -> None:
    room = make_room()
    room.model.start()
    room.settle()
    pane = pane_for(room, qtbot)
    asked: list[str] = []
    pane.actionAsked.connect(asked.append)
    qtbot.mouseClick(pane.remove_samples, LEFT)
    assert asked == ["file.remove_samples"]
    room.model.remove_samples()
    assert room.model.studies == ()
    assert load(locations.settings, {}).show_samples is False
    again = make_room(show_samples=False)
    again.model.start()
    again.settle()
    assert again.model.studies == ()


def test_samples_removed_while_they_are_read_do_not_come_back(room: Room) -> None:
    room.model.load_samples()
    room.model.remove_samples()
    room.settle()
    assert room.model.studies == ()


def test_opened_files_come_first_and_the_first_is_picked(
    room: Room, png: Callable[[str, int], Path]
) -> None:
    room.model.load_samples()
    room.settle()
    room.model.open_paths([png("a.png", 10)])
    room.settle()
    assert not room.model.studies[0].study.is_sample
    assert [study.key for study, _ in room.picked] == [room.keys()[0]]
    assert room.toasts == []


def test_opening_a_copy_of_what_is_open_says_that_nothing_is_new(
    room: Room, png: Callable[[str, int], Path], tmp_path: Path
) -> None:
    first = png("a.png", 10)
    room.model.open_paths([first])
    room.settle()
    copy = tmp_path / "copy.png"
    copy.write_bytes(first.read_bytes())
    room.model.open_paths([copy])
    room.settle()
    assert len(room.model.studies) == 1
    assert [toast.text for toast in room.toasts] == ["Nothing new was opened"]
    room.model.open_paths([png("b.png", 20)])
    room.settle()
    assert len(room.model.studies) == 2
    assert len(room.toasts) == 1


def test_a_zip_is_opened_and_its_scratch_is_removed_at_the_end(
    room: Room, png: Callable[[str, int], Path], tmp_path: Path, locations: Locations
) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(png("a.png", 10), "a.png")
        file.write(png("b.png", 20), "b.png")
    room.model.open_paths([archive])
    room.settle()
    assert len(room.model.studies) == 2
    assert list(locations.cache.glob("unpacked-*"))
    room.lanes.close()
    room.model.close()
    assert not list(locations.cache.glob("unpacked-*"))


def test_what_was_refused_is_listed_with_why(
    room: Room, png: Callable[[str, int], Path], tmp_path: Path
) -> None:
    png("a.png", 10)
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    room.model.open_paths([tmp_path / "images"])
    room.settle()
    assert len(room.model.studies) == 1
    (toast,) = room.toasts
    assert toast.text == "1 file was not taken"
    assert toast.action is not None
    toast.action()
    ((refused,),) = room.refused
    assert refused.path.name == "notes.txt"
    assert refused.why


def test_a_folder_without_images_says_what_to_do(room: Room, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    room.model.open_paths([folder])
    room.settle()
    (error,) = room.errors
    assert error.what == "No image was found."
    assert error.now


def test_a_single_corrupt_file_is_refused_with_its_reason(room: Room, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    room.model.open_paths([broken])
    room.settle()
    (error,) = room.errors
    assert error.what == "The file was not opened."
    assert error.why
    assert room.model.studies == ()


def test_opening_can_be_cancelled_and_nothing_is_added(room: Room, png: Callable[[str, int], Path]) -> None:
    job = room.model.open_paths([png("a.png", 10)])
    job.cancel()
    room.settle()
    assert room.model.studies == ()
    assert [toast.text for toast in room.toasts] == ["Opening was stopped"]


def test_a_scan_that_ends_late_does_not_move_the_view(room: Room, png: Callable[[str, int], Path]) -> None:
    room.model.load_samples()
    room.settle()
    room.model.open_paths([png("a.png", 10)])
    room.model.select(room.model.samples[0].key)
    picked = list(room.picked)
    room.settle()
    assert room.picked == picked
    (toast,) = room.toasts
    assert toast.text == "1 study was added"
    assert toast.action is not None
    toast.action()
    assert room.picked[-1][0].key == room.keys()[0]


def test_opened_studies_are_listed_again_after_a_restart(
    make_room: Callable[..., Room], png: Callable[[str, int], Path]
) -> None:
    room = make_room(show_samples=False)
    room.model.open_paths([png("a.png", 10), png("b.png", 20)])
    room.settle()
    again = make_room(show_samples=False)
    again.model.start()
    again.settle()
    assert sorted(again.keys()) == sorted(room.keys())
    assert again.picked == []
    again.model.clear_own()
    third = make_room(show_samples=False)
    third.model.start()
    third.settle()
    assert third.model.studies == ()


def test_what_the_record_knows_shows_as_a_chip_after_a_restart(
    make_room: Callable[..., Room], png: Callable[[str, int], Path]
) -> None:
    room = make_room(show_samples=False)
    room.model.open_paths([png("a.png", 10)])
    room.settle()
    study = room.model.studies[0].study
    study_opened(room.bench.store, study, study.series[0], reader="Dr Test")
    room.model.refresh()
    room.settle()
    assert room.model.studies[0].summary is not None
    assert room.errors == []


def test_a_late_state_changes_the_chip_and_moves_no_row(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(6)])
    pane = pane_for(room, qtbot)
    before = room.keys()
    last = before[-1]
    room.model._take_summaries([StudySummary(last, Patient(), "", "done", positives=3, undecided=3)])
    assert room.keys() == before
    assert room.model.studies[-1].chips[0].text == "3 findings"
    room.model.show_running(before[0], Running(0.25))
    assert room.model.studies[0].ai_chip.text == "Running 25 %"
    room.model.show_running(before[0], None)
    assert room.model.studies[0].ai_chip.text == "AI not run"
    room.model.set_sort("priority")
    assert room.keys()[0] == last
    assert room.model.studies[0].rank == 1
    pane.grab()


def test_slash_goes_to_the_search_and_words_filter_as_they_are_typed(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(30)])
    pane = pane_for(room, qtbot)
    pane.list.setFocus()
    qtbot.keyClick(pane.list, "/")
    assert pane.search.hasFocus()
    qtbot.keyClicks(pane.search, "id0007")
    assert room.shown_names() == ["Patient0007, Test"]
    assert pane._number.text() == "1 of 30"
    qtbot.keyClick(pane.search, Qt.Key.Key_Down)
    assert pane.list.hasFocus()
    qtbot.keyClick(pane.list, Qt.Key.Key_Return)
    assert [study.key for study, _ in room.picked] == ["1.2.7"]


def test_a_search_without_a_match_offers_a_wider_one_and_a_way_back(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(12)])
    pane = pane_for(room, qtbot)
    pane.search.setFocus()
    qtbot.keyClicks(pane.search, "id0003 1999")
    assert pane._pages.currentWidget() is pane._no_match
    assert pane._no_match.title.text() == "No study matches “id0003 1999”"
    assert pane._no_match.detail.text() == "1 study matches “id0003”."
    qtbot.mouseClick(pane.show_wider, LEFT)
    assert room.shown_names() == ["Patient0003, Test"]
    qtbot.keyClicks(pane.search, " zzz")
    qtbot.mouseClick(pane.clear_search, LEFT)
    assert len(room.shown_names()) == 12
    assert pane.search.hasFocus()


def test_only_unread_leaves_out_what_was_read(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(4)])
    pane = pane_for(room, qtbot)
    room.model._take_summaries([StudySummary("1.2.1", Patient(), "", "done", read=True)])
    assert pane.unread.text() == "Unread 3"
    qtbot.mouseClick(pane.unread, LEFT)
    assert "Patient0001, Test" not in room.shown_names()
    assert len(room.shown_names()) == 3


def test_a_click_opens_a_study_and_shows_its_series_below(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    click_row(pane, 1, qtbot)
    key = room.keys()[1]
    assert [(study.key, series.description) for study, series in room.picked] == [(key, "Axial")]
    assert pane.list.items.rowCount() == 3 + 2
    click_row(pane, 3, qtbot)
    assert room.picked[-1][1].description == "Bone"
    assert room.model.selected == (key, f"{key}.2")


def test_the_rows_have_the_heights_of_the_design(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    click_row(pane, 0, qtbot)
    heights = [pane.list.visualRect(pane.list.items.index(row)).height() for row in range(4)]
    assert heights == [M.study_row, M.series_row + 4, M.series_row + 9, M.study_row]


def test_arrow_keys_move_without_opening_and_enter_opens(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    pane.list.setFocus()
    pane.list.setCurrentIndex(pane.list.items.index(0))
    qtbot.keyClick(pane.list, Qt.Key.Key_Down)
    assert room.picked == []
    qtbot.keyClick(pane.list, Qt.Key.Key_Return)
    assert [study.key for study, _ in room.picked] == [room.keys()[1]]


def test_letters_typed_into_the_list_are_left_to_the_tools(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    pane.list.setFocus()
    pane.list.setCurrentIndex(pane.list.items.index(0))
    qtbot.keyClick(pane.list, "p")
    assert pane.list.currentIndex().row() == 0


def test_a_dragged_row_carries_study_and_series(room: Room) -> None:
    from medvision_desktop.ui.viewmodels.worklist_items import WorklistItems

    room.model._add([fake_study(5)])
    room.model.select("1.2.5")
    items = WorklistItems(room.model)
    for row, wanted in ((0, "1.2.5\n1.2.5.1"), (2, "1.2.5\n1.2.5.2")):
        mime = items.mimeData([items.index(row)])
        assert bytes(mime.data(SERIES_MIME).data()).decode() == wanted
        assert not mime.hasText()
    assert items.mimeTypes() == ["application/x-medvision-series"]


class Catcher(QWidget):
    """Takes a dropped series, as a pane of the viewer does."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.installEventFilter(self)
        self.caught = ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if isinstance(event, QDropEvent):
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self.caught = bytes(event.mimeData().data(SERIES_MIME).data()).decode()
            return True
        return super().eventFilter(watched, event)


@pytest.mark.xvfb
@pytest.mark.qt_log_ignore("Falling back to using screens root_visual")  # of the dragged picture
def test_a_row_is_dragged_out_of_the_list_with_the_mouse(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(30)])
    pane = pane_for(room, qtbot)
    window, catcher = pane.window(), Catcher()
    catcher.setFixedHeight(100)
    window.layout().addWidget(catcher)
    window.resize(400, 800)
    QApplication.processEvents()
    handle = window.windowHandle()
    start = pane.list.viewport().mapTo(window, pane.list.visualRect(pane.list.items.index(1)).center())
    way = [catcher.mapTo(window, QPoint(60, 40)), catcher.mapTo(window, QPoint(80, 60))]

    def go_on() -> None:
        if way:
            QTest.mouseMove(handle, way.pop(0))
            QTimer.singleShot(60, go_on)
        else:
            QTest.mouseRelease(
                handle, LEFT, Qt.KeyboardModifier.NoModifier, catcher.mapTo(window, QPoint(80, 60))
            )

    QTimer.singleShot(200, go_on)
    QTest.mousePress(handle, LEFT, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(handle, start + QPoint(20, 6))
    qtbot.waitUntil(lambda: catcher.caught != "", timeout=5000)
    key = room.keys()[1]
    assert catcher.caught == f"{key}\n{key}.1"
    assert room.picked == []


def test_the_rail_is_56_wide_and_shows_no_names(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    click_row(pane, 0, qtbot)
    pane.set_rail(True)
    assert pane.maximumWidth() == M.rail
    assert pane.list.items.rowCount() == 5
    assert not pane.search.isVisible()
    pane.set_rail(False)
    assert pane.list.items.rowCount() == 5
    assert pane.search.isVisible()


def test_series_and_priors_are_picked_on_the_rail_as_in_the_list(room: Room, qtbot: QtBot) -> None:
    now = replace(fake_study(1), date="2021-05-02")
    before = replace(fake_study(2), patient=now.patient, date="2020-05-02")
    room.model._add([now, before, fake_study(3)])
    asked: list[tuple[StudyRef, StudyRef]] = []
    room.model.priorPicked.connect(lambda study, prior: asked.append((study, prior)))
    pane = pane_for(room, qtbot)
    pane.set_rail(True)
    click_row(pane, room.keys().index(now.key), qtbot)
    top = pane.list.items.index_of(now.key).row()
    click_row(pane, top + 2, qtbot)
    assert room.picked[-1] == (now, now.series[1])
    click_row(pane, top + 3, qtbot)
    assert asked == [(now, before)]
    # Pictures without words still say what they are.
    assert "1 y before" in pane.list.items.index(top + 3).data(Qt.ItemDataRole.ToolTipRole)


def test_a_study_of_one_series_is_one_picture_on_the_rail(room: Room, qtbot: QtBot) -> None:
    whole = fake_study(1)
    room.model._add([replace(whole, series=whole.series[:1]), fake_study(2)])
    pane = pane_for(room, qtbot)
    pane.set_rail(True)
    click_row(pane, room.keys().index(whole.key), qtbot)
    assert pane.list.items.rowCount() == 2


def test_slash_opens_the_rail_until_a_study_is_picked_or_esc_is_pressed(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(30)])
    pane = pane_for(room, qtbot)
    pane.set_rail(True)
    pane.start_search()
    assert not pane.is_rail
    qtbot.keyClicks(pane.search, "id0007")
    click_row(pane, 0, qtbot)
    assert room.picked[-1][0].key == "1.2.7"
    assert pane.is_rail
    assert len(room.model.shown) == 30
    pane.start_search()
    qtbot.keyClick(pane.search, Qt.Key.Key_Escape)
    assert pane.is_rail
    pane.set_rail(False)
    click_row(pane, 0, qtbot)
    assert not pane.is_rail


def test_privacy_mode_masks_names_everywhere_in_the_list(
    make_room: Callable[..., Room], qtbot: QtBot
) -> None:
    room = make_room(show_samples=False, privacy_mode=True)
    room.model._add([fake_study(n) for n in range(3)])
    pane = pane_for(room, qtbot)
    assert sorted(room.shown_names()) == ["Patient 1", "Patient 2", "Patient 3"]
    for row in range(3):
        index = pane.list.items.index(row)
        for role in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            assert "Test" not in index.data(role)
    room.model.set_masked(False)
    assert "Patient0001, Test" in room.shown_names()


def test_two_thousand_studies_draw_and_ask_for_the_visible_thumbnails_only(
    room: Room, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    monkeypatch.setattr(room.model.thumbnails, "get", lambda study, series: asked.add(study.key))
    room.model._add([fake_study(n) for n in range(2000)])
    pane = pane_for(room, qtbot)
    pane.grab()
    assert 5 <= len(asked) <= 20
    pane.list.scrollToBottom()
    pane.grab()
    assert room.keys()[-1] in asked
    assert len(asked) <= 40


def test_a_list_that_changes_keeps_its_scroll_place(room: Room, qtbot: QtBot) -> None:
    room.model._add([fake_study(n) for n in range(200)])
    pane = pane_for(room, qtbot)
    pane.grab()
    bar = pane.list.verticalScrollBar()
    bar.setValue(3000)
    room.model.show_running(room.keys()[0], Running(0.5))
    room.model._take_summaries([])
    assert bar.value() == 3000
    top = pane.list.indexAt(QPoint(20, 100))
    assert top.isValid()


def test_an_empty_worklist_offers_to_open_and_to_show_samples(room: Room, qtbot: QtBot) -> None:
    pane = pane_for(room, qtbot)
    assert pane._pages.currentWidget() is pane._nothing
    assert pane._nothing.title.text() == "No studies yet"


def test_every_control_of_the_pane_has_a_name(make_room: Callable[..., Room], qtbot: QtBot) -> None:
    from PySide6.QtWidgets import QAbstractButton, QLineEdit, QListView

    room = make_room(show_samples=False)
    room.model._add([fake_study(n) for n in range(2)])
    pane = pane_for(room, qtbot)
    for kind in (QAbstractButton, QLineEdit, QListView):
        for control in (*pane.findChildren(kind), *pane.head.findChildren(kind)):
            assert control.accessibleName(), control
