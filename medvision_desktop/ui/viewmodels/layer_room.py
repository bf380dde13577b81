"""Room for layers: those from files whose images are not on screen go before memory runs out."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QObject

from medvision_desktop.ui.viewmodels.layers import LayerEntry
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

Owner = tuple[str, str]


class LayerRoom(QObject):
    """Takes layers off that can be read again, the one first that was on screen longest ago.

    Nothing of a model's or of the reader's goes, and nothing that lies over an image on screen.
    """

    def __init__(self, viewer: ViewerModel, limit_bytes: int) -> None:
        super().__init__()
        self._viewer, self._limit = viewer, limit_bytes
        self._kept: OrderedDict[Owner, tuple[str, ...]] = OrderedDict()
        self._gone: set[Owner] = set()
        self._at_work = False
        viewer.layers.listed.connect(self._look)
        viewer.loaded.connect(self._look)

    def keep(self, study_key: str, series_uid: str, uids: tuple[str, ...]) -> None:
        """These layers were read from the files of a series and may be read again."""
        self._gone.discard((study_key, series_uid))
        self._kept[study_key, series_uid] = uids
        self._kept.move_to_end((study_key, series_uid))
        self._look()

    def comes_back(self, study_key: str, series_uid: str) -> bool:
        """Whether the layers of a series were shown until they had to make room. Says so once."""
        owner = (study_key, series_uid)
        was_here = owner in self._gone
        self._gone.discard(owner)
        return was_here

    def _look(self, *_of: object) -> None:
        if self._at_work:
            return
        self._at_work = True
        try:
            self._make_room()
        finally:
            self._at_work = False

    def _make_room(self) -> None:
        layers = self._viewer.layers
        for owner, uids in list(self._kept.items()):
            entries = [entry for uid in uids if (entry := layers.entry(uid)) is not None]
            if not entries:
                del self._kept[owner]
            elif self._on_screen(entries):
                self._kept.move_to_end(owner)
        for owner, uids in list(self._kept.items()):
            entries = [entry for uid in uids if (entry := layers.entry(uid)) is not None]
            if layers.nbytes <= self._limit:
                return
            if self._on_screen(entries):
                continue
            if any(entry.style.visible for entry in entries):
                self._gone.add(owner)
            del self._kept[owner]
            for entry in entries:
                layers.take(entry.uid)

    def _on_screen(self, entries: list[LayerEntry]) -> bool:
        shown = [pane.shown.loaded for pane in self._viewer.panes if pane.shown is not None]
        return any(entry.lies_over(loaded) for entry in entries for loaded in shown)
