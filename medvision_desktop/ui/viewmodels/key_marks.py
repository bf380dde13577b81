"""Key images: the reader marks the image on screen; the mark is kept and its picture is reported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services import key_marks
from medvision_desktop.services.key_marks import KeyMark
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import corner_lines, linking
from medvision_desktop.ui.viewmodels.marks import new_id
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.workers.lane import Lanes

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


class KeyMarks(QObject):
    """`marked(id)`: the image in the active pane, for the report; `unmarked(study key, id)`.

    `changed`: other marks. `recorded`: the record has grown.
    """

    changed = Signal()
    marked = Signal(str)
    unmarked = Signal(str, str)
    recorded = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier, viewer: ViewerModel) -> None:
        super().__init__()
        self._bench, self._lanes, self._notifier, self._viewer = bench, lanes, notifier, viewer
        self._marks: dict[Place, KeyMark] = {}
        self._asked: set[str] = set()
        viewer.loaded.connect(self._on_loaded)

    def of_study(self, study_key: str) -> tuple[KeyMark, ...]:
        """The marks of a study, in the order they were made."""
        return tuple(one for one in self._marks.values() if one.place.study_key == study_key)

    def toggle(self) -> bool:
        """Mark the image in the active pane, or take its mark away; False where there is none to mark."""
        pane = self._viewer.active_pane
        place = linking.image_of(pane)
        if place is None or pane.shown is None:
            return False
        before = self._marks.get(place)
        if before is not None:
            self.remove(before)
            return True
        one = KeyMark(new_id(), place, corner_lines.caption(pane.shown))
        self._put(one)
        self._enter(one)
        self.marked.emit(one.id)
        return True

    def remove(self, one: KeyMark) -> None:
        """Take a mark away, here and in the record."""
        self._marks.pop(one.place, None)
        self._tell()
        store, reader = self._bench.store, self._bench.settings.reader
        key = one.place.study_key
        self._lanes.db.submit(
            lambda *_: key_marks.unmark(store, key, one.id, reader=reader),
            done=lambda _: self.recorded.emit(),
            failed=partial(self._on_not_removed, one),
        )
        self.unmarked.emit(key, one.id)

    def go_to(self, one: KeyMark) -> bool:
        """Show a marked image where its series is on screen; False where it is not."""
        viewer = self._viewer
        for number in viewer.visible:
            pane = viewer.panes[number]
            index = _index_of(one.place, pane.shown.loaded) if pane.shown is not None else None
            if pane.series_key != (one.place.study_key, one.place.series_uid):
                continue
            plane = pane.plane.value if pane.plane is not None else ""
            if plane != one.place.plane:
                continue
            wanted = one.place.index if plane else index
            if wanted is not None:
                viewer.set_index(number, wanted)
                viewer.set_active(number)
                return True
        return False

    def step(self, by: int) -> bool:
        """The next key image of the series in the active pane, or the one before; round at the ends."""
        pane = self._viewer.active_pane
        rail = self._viewer.view(self._viewer.active).rail
        if pane.shown is None or rail is None or not rail.keys:
            return False
        here = pane.shown.index
        after = [key for key in rail.keys if (key - here) * by > 0]
        ends = rail.keys[0] if by > 0 else rail.keys[-1]
        self._viewer.set_index(
            self._viewer.active, (min(after) if by > 0 else max(after)) if after else ends
        )
        return True

    def _enter(self, one: KeyMark) -> None:
        store, reader = self._bench.store, self._bench.settings.reader
        self._lanes.db.submit(
            lambda *_: key_marks.mark(store, one, reader=reader),
            done=lambda _: self.recorded.emit(),
            failed=partial(self._on_failed, one),
        )

    def _on_loaded(self, _pane: int, loaded: LoadedSeries) -> None:
        """The first time a study is on screen, bring its marks back."""
        key = loaded.study.key
        if key in self._asked:
            return
        self._asked.add(key)
        store = self._bench.store
        self._lanes.db.submit(
            lambda *_: key_marks.key_marks(store, key),
            done=self._on_read,
            failed=partial(self._on_not_read, key),
        )

    def _on_read(self, found: tuple[KeyMark, ...]) -> None:
        for one in found:
            self._marks.setdefault(one.place, one)
        self._tell()

    def _on_not_read(self, key: str, error: Exception) -> None:
        self._asked.discard(key)
        self._notifier.error(error, safe="The images can be read; earlier key images are not marked.")

    def _on_failed(self, one: KeyMark, error: Exception) -> None:
        self._marks.pop(one.place, None)
        self._tell()
        self._notifier.error(error, safe="The image is not marked.", retry=partial(self._again, one))

    def _again(self, one: KeyMark) -> None:
        self._put(one)
        self._enter(one)

    def _on_not_removed(self, one: KeyMark, error: Exception) -> None:
        self._put(one)
        self._notifier.error(error, safe="The mark is still in the record.")

    def _put(self, one: KeyMark) -> None:
        self._marks[one.place] = one
        self._tell()

    def _tell(self) -> None:
        self._viewer.show_keys(frozenset(self._marks))
        self.changed.emit()


def _index_of(place: Place, loaded: LoadedSeries) -> int | None:
    wanted = (place.sop_instance_uid, place.frame_number)
    for index, frame in faces_of(loaded.stack.frames):
        if (frame.sop_instance_uid, frame.frame_number) == wanted:
            return index
    return None
