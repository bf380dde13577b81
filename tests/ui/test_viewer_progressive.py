"""Reading a long series: the first image at once, where the reader looks next, and no more than fits."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from medvision_desktop.domain.frame_shelf import FrameShelf
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack, Volume
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.hand import Hand
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.plane_care import PlaneCare
from medvision_desktop.ui.viewmodels.series_cache import SeriesCache, bytes_of
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken
from tests.helpers import viewer_cases as cases
from tests.helpers.dicom_files import ct, write

COUNT = 40


def image(number: int) -> Frame:
    return Frame(
        np.full((30, 40), number + 1, np.uint16), sop_instance_uid=f"long.{number}", frame_number=number + 1
    )


class Slow:
    """A reader that reads as many images as it is allowed to."""

    def __init__(self, *, most: int | None = None) -> None:
        self.shelf = FrameShelf(COUNT, most=most)
        self.allowed = threading.Semaphore(0)
        self.order: list[int] = []
        self.refuse: set[int] = set()
        self.shelf.fill = self._fill  # type: ignore[method-assign]

    def __call__(
        self,
        study: StudyRef,
        series: SeriesRef,
        *,
        first: Callable[[LoadedSeries], None],
        progress: Any,
        cancel: CancelToken,
    ) -> LoadedSeries:
        self._one(cancel)
        first(LoadedSeries(study, series, Stack(self.shelf, (0.0, 50.0))))
        self._fill(cancel)
        frames = tuple(one for one in self.shelf.outcomes() if isinstance(one, Frame))
        whole = frames if len(frames) + len(self.refuse) == COUNT else self.shelf
        return LoadedSeries(study, series, Stack(whole, (0.0, 50.0)))

    def _fill(self, cancel: CancelToken) -> None:
        while self._one(cancel):
            pass

    def _one(self, cancel: CancelToken) -> bool:
        while not self.allowed.acquire(timeout=0.01):
            cancel.check()
        index = self.shelf.claim()
        if index is None:
            return False
        self.order.append(index)
        gone = InputRefused("The file cannot be read.", "It does not exist.")
        self.shelf.put(index, gone if index in self.refuse else image(index))
        return True


class Room:
    def __init__(self, reader: Slow) -> None:
        self.reader = reader
        self.errors: list[BaseException] = []
        self.lanes = Lanes(self.errors.append)
        self.viewer = ViewerModel(
            cases.bench(), self.lanes, Notifier(lambda error: str(self.errors.append(error))), read=reader
        )
        self.viewer.set_size(0, 400, 300, 1.0)
        series = cases.series("long", COUNT, modality="MR")
        self.viewer.open(cases.study(series), series)

    def allow(self, images: int) -> None:
        for _ in range(images):
            self.reader.allowed.release()


@pytest.fixture
def make(qapp: QCoreApplication) -> Iterator[Any]:
    rooms: list[Room] = []

    def build(**more: Any) -> Room:
        rooms.append(Room(Slow(**more)))
        return rooms[-1]

    yield build
    for room in rooms:
        room.allow(10 * COUNT)
        room.lanes.close()


def test_all_images_can_be_scrolled_to_as_soon_as_the_first_is_here(make: Any, qtbot: Any) -> None:
    room = make()
    room.allow(1)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.PARTIAL, timeout=3000)
    shown = room.viewer.panes[0].shown
    assert shown.count == COUNT
    assert shown.is_here
    rail = room.viewer.view(0).rail
    assert (rail.count, rail.came) == (COUNT, ((0, 0),))


def test_what_is_near_to_the_image_on_screen_is_read_next(make: Any, qtbot: Any) -> None:
    room = make()
    room.allow(3)
    qtbot.waitUntil(lambda: len(room.reader.order) == 3, timeout=3000)
    qtbot.waitUntil(lambda: room.viewer.panes[0].shown is not None, timeout=3000)
    room.viewer.set_index(0, 30)
    room.allow(3)
    qtbot.waitUntil(lambda: len(room.reader.order) == 6, timeout=3000)
    assert room.reader.order == [0, 1, 2, 30, 31, 29]


def test_an_image_that_is_not_here_is_said_to_be_read_and_then_shown(make: Any, qtbot: Any) -> None:
    room = make()
    room.allow(1)
    qtbot.waitUntil(lambda: room.viewer.panes[0].shown is not None, timeout=3000)
    room.viewer.set_index(0, 20)
    view = room.viewer.view(0)
    assert view.plan is None
    assert view.status is PaneStatus.LOADING
    assert view.title == "image 21 of 40"
    assert view.rail.index == 20
    hand = Hand(room.viewer, 0)
    assert hand.probe((200.0, 150.0)) == ()
    assert hand.lens((200.0, 150.0)) is None
    hand.press(Tool.LENGTH, (200.0, 150.0))
    assert not hand.is_dragging
    assert room.viewer.snapshot(0) is None
    room.allow(1)
    qtbot.waitUntil(lambda: room.viewer.view(0).plan is not None, timeout=3000)
    assert room.viewer.panes[0].shown.frame.stored[0, 0] == 21


def test_the_image_on_screen_stays_when_all_are_here(make: Any, qtbot: Any) -> None:
    room = make()
    room.allow(1)
    qtbot.waitUntil(lambda: room.viewer.panes[0].shown is not None, timeout=3000)
    room.viewer.set_index(0, 12)
    room.allow(COUNT)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.SHOWN, timeout=3000)
    shown = room.viewer.panes[0].shown
    assert (shown.index, int(shown.frame.stored[0, 0])) == (12, 13)
    assert room.viewer.view(0).rail.came is None


def test_an_image_that_cannot_be_read_says_so_and_the_others_are_shown(make: Any, qtbot: Any) -> None:
    room = make(most=10)
    room.reader.refuse = {5}
    room.allow(COUNT)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.SHOWN, timeout=3000)
    room.viewer.set_index(0, 5)
    view = room.viewer.view(0)
    assert view.status is PaneStatus.REFUSED
    assert (view.refusal.what, view.refusal.why) == ("The file cannot be read.", "It does not exist.")
    assert [line.text for line in view.corner.top_left] == ["Larsen, Ingrid", "9RG1"]
    room.viewer.set_index(0, 6)
    assert room.viewer.view(0).plan is not None
    assert room.errors == []


def test_a_series_larger_than_its_shelf_still_scrolls(make: Any, qtbot: Any) -> None:
    room = make(most=8)
    room.allow(10 * COUNT)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.SHOWN, timeout=3000)
    for index in (39, 20, 3):
        room.viewer.set_index(0, index)
        qtbot.waitUntil(lambda: room.viewer.view(0).plan is not None, timeout=3000)
        assert room.viewer.panes[0].shown.frame.stored[0, 0] == index + 1
        assert room.lanes.drain()
        assert sum(isinstance(one, Frame) for one in room.reader.shelf.outcomes()) <= 8
    assert room.errors == []


def test_opening_another_series_stops_the_reading(make: Any, qtbot: Any) -> None:
    room = make()
    room.allow(2)
    qtbot.waitUntil(lambda: room.viewer.panes[0].shown is not None, timeout=3000)
    before = len(room.reader.order)
    room.viewer.close_study("study-1")
    assert room.lanes.drain()
    room.allow(5)
    assert len(room.reader.order) <= before + 1
    assert room.viewer.panes[0].status is PaneStatus.EMPTY


def test_an_image_that_was_let_go_while_nobody_read_is_read_again(make: Any, qtbot: Any) -> None:
    room = make(most=8)
    room.allow(10 * COUNT)
    qtbot.waitUntil(lambda: room.viewer.panes[0].status is PaneStatus.SHOWN, timeout=3000)
    assert room.lanes.drain()
    shelf, index = room.reader.shelf, room.viewer.panes[0].shown.index
    shelf.want(index + 20)
    shelf.put(index + 20, image(index + 20))
    while isinstance(shelf.at(index), Frame):  # farther and farther away, until it has to go
        shelf.put(next(at for at in range(index + 14, COUNT) if shelf.at(at) is None), image(1))
    shelf.want(index)
    room.viewer._look()
    qtbot.waitUntil(lambda: isinstance(shelf.at(index), Frame), timeout=3000)


class Several:
    """Reads series of one image, and notes which."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, study: StudyRef, series: SeriesRef, **_: Any) -> LoadedSeries:
        self.read.append(series.uid)
        return LoadedSeries(study, series, Stack((image(0), image(1)), (0.0, 50.0)))


@pytest.mark.parametrize(("pixels", "wanted"), [(100, ["a", "b"]), (40_000, ["a"])])
def test_the_next_series_is_read_ahead_while_it_fits(
    pixels: int, wanted: list[str], qapp: QCoreApplication
) -> None:
    reader, lanes = Several(), Lanes(lambda error: pytest.fail(str(error)))
    viewer = ViewerModel(cases.bench(image_memory_mb=256), lanes, Notifier(lambda _: ""), read=reader)
    every = []
    for uid in "abc":
        one = cases.series(uid, 2, modality="MR")
        sized = tuple(replace(file, rows=pixels, columns=pixels) for file in one.instances)
        every.append(replace(one, instances=sized))
    study = replace(cases.study(every[0]), series=tuple(every))
    viewer.open(study, every[0])
    assert lanes.drain()
    assert reader.read == wanted
    viewer.open(study, every[1])
    assert lanes.drain()
    assert reader.read[:2] == ["a", "b"]
    assert reader.read.count("b") == 1
    lanes.close()


def test_reading_ahead_makes_way_and_goes_on_afterwards(qapp: QCoreApplication, qtbot: Any) -> None:
    begun = threading.Event()
    reads: list[str] = []

    def read(study: StudyRef, series: SeriesRef, *, cancel: CancelToken, **_: Any) -> LoadedSeries:
        reads.append(series.uid)
        while series.uid == "b" and reads.count("b") == 1:
            begun.set()
            cancel.check()
        return LoadedSeries(study, series, Stack((image(0),), (0.0, 50.0)))

    lanes = Lanes(lambda error: pytest.fail(str(error)))
    viewer = ViewerModel(cases.bench(), lanes, Notifier(lambda _: ""), read=read)
    every = tuple(cases.series(uid, modality="MR") for uid in "ab")
    study = replace(cases.study(every[0]), series=every)
    viewer.open(study, every[0], pane=0)
    qtbot.waitUntil(begun.is_set, timeout=3000)
    done: list[int] = []
    lanes.io.submit(lambda _progress, _cancel: 1, done=done.append)
    assert lanes.drain()
    assert done == [1]
    assert reads == ["a", "b", "b"]
    lanes.close()


def test_a_shelf_counts_in_the_cache_by_what_it_holds() -> None:
    shelf = FrameShelf(5)
    shelf.put(0, image(0))
    series = cases.series("s", 5)
    loaded = LoadedSeries(cases.study(series), series, Stack(shelf))
    assert bytes_of(loaded) == 30 * 40 * 2
    cache = SeriesCache(30 * 40 * 2 * 3)
    cache.put(("study", "s"), loaded)
    sized = replace(series.instances[0], rows=30, columns=40)
    assert cache.has_room_for(replace(series, instances=(sized, sized)))
    assert not cache.has_room_for(replace(series, instances=(sized, sized, sized)))


def test_a_file_that_vanishes_while_a_large_series_is_read_is_told_of_its_slice_alone(
    tmp_path: Path, qtbot: Any, qapp: QCoreApplication
) -> None:
    from medvision_desktop.io.decoder import Decoder
    from medvision_desktop.services.open_study import index, open_series
    from medvision_desktop.settings import Settings

    files = []
    for number in range(1, 36):
        pixels = np.full((2000, 2000), number, np.int16)
        files.append(write(ct(pixels, z=float(number), number=number), tmp_path / f"{number:02}"))
    (study,) = index([tmp_path], scratch=tmp_path).studies
    decoder = Decoder(Settings(image_memory_mb=256))
    errors: list[Exception] = []
    lanes = Lanes(errors.append)

    def read(study: StudyRef, series: SeriesRef, **more: Any) -> LoadedSeries:
        return open_series(study, series, decoder=decoder, **more)

    viewer = ViewerModel(cases.bench(), lanes, Notifier(lambda error: str(errors.append(error))), read=read)
    viewer.open(study, study.series[0], pane=0)
    assert lanes.drain()
    files[-1].unlink()
    viewer.set_index(0, 34)
    qtbot.waitUntil(lambda: viewer.view(0).status is PaneStatus.REFUSED, timeout=5000)
    viewer.set_index(0, 33)
    qtbot.waitUntil(lambda: viewer.view(0).plan is not None, timeout=5000)
    assert errors == []
    lanes.close()
    decoder.close()


def test_what_was_read_goes_when_its_study_is_closed(qapp: QCoreApplication) -> None:
    shelves: list[weakref.ref[FrameShelf]] = []

    def read(
        study: StudyRef, series: SeriesRef, *, first: Callable[[LoadedSeries], None], **_: Any
    ) -> LoadedSeries:
        shelf = FrameShelf(3)
        shelves.append(weakref.ref(shelf))
        shelf.put(0, image(0))
        first(LoadedSeries(study, series, Stack(shelf, (0.0, 50.0))))
        for number in (1, 2):
            shelf.put(number, image(number))
        frames = tuple(one for one in shelf.outcomes() if isinstance(one, Frame))
        return LoadedSeries(study, series, Stack(frames, (0.0, 50.0)))

    lanes = Lanes(lambda error: None)
    viewer = ViewerModel(cases.bench(), lanes, Notifier(str), read=read)
    series = cases.series("long", 3, modality="MR")
    gc.collect()
    gc.disable()  # nothing may keep itself alive until a collection comes
    try:
        viewer.open(cases.study(series), series)
        assert lanes.drain()
        QCoreApplication.processEvents()
        assert viewer.panes[0].shown is not None
        viewer.close_study(cases.study(series).key)
        assert lanes.drain()
        QCoreApplication.processEvents()
        assert [one() for one in shelves] == [None]
    finally:
        gc.enable()
        lanes.close()


def test_a_volume_whose_planes_were_turned_goes_when_its_study_is_closed(qapp: QCoreApplication) -> None:
    volumes: list[weakref.ref[Volume]] = []

    def read(study: StudyRef, series: SeriesRef, **_: Any) -> LoadedSeries:
        loaded = cases.brain()
        assert loaded.volume is not None
        volumes.append(weakref.ref(loaded.volume))
        return loaded

    ref = cases.brain()
    lanes = Lanes(lambda error: None)
    viewer = ViewerModel(cases.bench(), lanes, Notifier(str), read=read)
    care = PlaneCare(lanes, viewer)  # what it has to compile for the volume still waits
    try:
        viewer.open(ref.study, ref.series)
        assert lanes.drain()
        QCoreApplication.processEvents()
        viewer.perform("layout.mpr")
        viewer.perform("planes.turn_left")
        viewer.perform("planes.straight")
        assert viewer.undo()  # the steps are kept; what they were taken on is not
        viewer.close_study(ref.study.key)
        assert lanes.drain()
        QCoreApplication.processEvents()
        gc.collect()
        assert [one() for one in volumes] == [None]
    finally:
        care.stop()
        lanes.close()
