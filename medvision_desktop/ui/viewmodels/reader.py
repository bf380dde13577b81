"""Who reads: asked at first start, kept in the settings and entered in the record."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, ProgressSink


class ReaderModel(QObject):
    """`changed` when there is another name."""

    changed = Signal()

    def __init__(self, bench: Workbench, lanes: Lanes, notifier: Notifier) -> None:
        super().__init__()
        self._bench = bench
        self._lanes = lanes
        self._notifier = notifier

    @property
    def name(self) -> str:
        """The reader's name, empty until it was given."""
        return self._bench.settings.reader

    @property
    def institution(self) -> str:
        """What stands at the head of reports, may be empty."""
        return self._bench.settings.institution

    def introduce(self, name: str, institution: str) -> None:
        """Take a name. Raises `SettingsInvalid` for one that cannot stand on a report."""
        from medvision_desktop.services.readers import tidy_name

        tidy = tidy_name(name)
        house = tidy_name(institution) if institution.strip() else ""
        self._bench.change_settings(reader=tidy, institution=house)
        self.changed.emit()

        def enter(_progress: ProgressSink, _cancel: CancelToken) -> str:
            from medvision_desktop.services import readers

            return readers.introduce(self._bench.store, tidy)

        self._lanes.db.submit(enter, done=lambda _pseudonym: None, failed=self._notifier.error)

    def fault(self, name: str) -> str:
        """What is wrong with a name, in one sentence; empty when nothing is."""
        from medvision_desktop.services.readers import tidy_name

        try:
            tidy_name(name)
        except SettingsInvalid as refused:
            return f"{refused.what} {refused.why}".strip()
        return ""
