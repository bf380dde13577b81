"""Composition root: the application object, the workbench, and the reading room on top of them."""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from medvision_desktop import logs, settings
from medvision_desktop.errors import MedVisionError
from medvision_desktop.paths import Locations

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType
    from PySide6.QtWidgets import QApplication, QWidget

    from medvision_desktop.ui.reading_room import ReadingRoom

_log = logging.getLogger(__name__)


def open_window(locations: Locations, paths: Sequence[Path], *, quit_when_ready: bool = False) -> int:
    """Show the workstation until the reader closes it. Raises `MedVisionError` without a display.

    With `quit_when_ready` it ends as soon as the worklist is shown and prints one JSON line.
    """
    if not has_display():
        raise MedVisionError(
            "There is no display.",
            "Neither DISPLAY nor WAYLAND_DISPLAY is set.",
            "Run “medvision demo” to do the main job without one.",
        )
    with reading_room(locations) as (application, room):
        if quit_when_ready:
            room.ready.connect(partial(_tell_ready, room))
        room.start(paths)
        return application.exec()


def has_display() -> bool:
    """Whether a window can be shown here, on a screen or drawn to memory."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


@contextmanager
def reading_room(locations: Locations) -> Iterator[tuple[QApplication, ReadingRoom]]:
    """The application and its one room, ready to start; everything is closed at the end.

    Raises `SettingsInvalid` and `StoreUnavailable` (the folder of the data cannot be made).
    """
    with _kept_for_good() as keep:
        from PySide6.QtWidgets import QApplication

        from medvision_desktop.services.workbench import Workbench
        from medvision_desktop.ui.reading_room import ReadingRoom
        from medvision_desktop.ui.theme import stylesheet

        locations.ensure()
        _load_what_lanes_need(locations)
        chosen = settings.load(locations.settings)
        end_logs = logs.begin(locations.logs, chosen.log_level)
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            stylesheet.scale_screen(chosen.scale_percent)
            application = QApplication(["medvision"])
        application.setApplicationName("MedVision")
        stylesheet.apply(application)
        with _qt_messages_logged():
            bench = Workbench(chosen, locations)
            room = ReadingRoom(bench, partial(logs.crash_sheet, folder=locations.logs))
            keep()
            room.ready.connect(keep)  # and what was imported on lanes since
            room.plane_care.compiled.connect(keep)  # and the compiler
            try:
                with _faults_to(room.notifier.error), _short_turns():
                    yield application, room
            finally:
                room.close()
                _dispose(room.window)
                end_logs()


_TURN_S: Final = 0.0003
# All that is alive is looked through after so many searches of what is newer. What the compiler of oblique
# planes brings asks for 25 to 40 of them, and is kept for good when it is there.
_SEARCHES: Final = 80

# Imported before the first event: an import on a lane holds the interpreter, and so the window.
_NEEDED: Final = (
    "medvision_desktop.audit.store",
    "medvision_desktop.inference.host",
    "medvision_desktop.inference.segment",
    "medvision_desktop.services.analyse",
    "medvision_desktop.services.open_study",
    "medvision_desktop.services.samples",
    "medvision_desktop.services.thumbnails",
    "reportlab.lib.styles",
    "reportlab.lib.utils",
    "reportlab.pdfbase.ttfonts",
    "reportlab.pdfgen.canvas",
    "pypdfium2",
)
_NEEDED_FOR_A_NEW_RECORD: Final = (
    "alembic.command",
    "alembic.config",
    "alembic.context",
    "medvision_desktop.audit.migrate",
)


def _load_what_lanes_need(locations: Locations) -> None:
    fresh = () if locations.record.exists() else _NEEDED_FOR_A_NEW_RECORD
    for name in (*_NEEDED, *fresh):
        importlib.import_module(name)


@contextmanager
def _kept_for_good() -> Iterator[Callable[[], None]]:
    """A call after which nothing that is here now is looked through for garbage until the program ends.

    Modules and widgets live as long as the program. Looking through them all takes some 90 ms, in which
    no event is handled, and happens whenever enough has been made since; until the first call, never.
    """
    collects, thresholds = gc.isenabled(), gc.get_threshold()

    def keep() -> None:
        gc.freeze()
        if collects:
            gc.enable()

    gc.disable()
    gc.set_threshold(*thresholds[:2], _SEARCHES)
    try:
        yield keep
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        if collects:
            gc.enable()


def _dispose(window: QWidget) -> None:
    """Delete the window while the application still lives; the other way round ends in a crash."""
    from PySide6.QtCore import QCoreApplication, QEvent

    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@contextmanager
def _qt_messages_logged() -> Iterator[None]:
    """What Qt would print goes to the log, from before the first widget until after the last."""
    from PySide6.QtCore import qInstallMessageHandler

    def qt_message(_kind: QtMsgType, context: QMessageLogContext, _text: str) -> None:
        # The text may hold a path or what a field held, so only where it came from is logged.
        _log.info("Qt message from %s", getattr(context, "category", "") or "default")

    before = qInstallMessageHandler(qt_message)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


@contextmanager
def _short_turns() -> Iterator[None]:
    """A lane that runs Python gives way to the window within a third of a millisecond.

    One event gives up the interpreter up to some hundred times, in calls to Qt and numpy, and each time
    waits for as long as a busy lane may keep it: at Python's usual 5 ms an event takes several times as
    long beside such a lane.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _faults_to(tell: Callable[[BaseException], None]) -> Iterator[None]:
    """What nobody caught becomes a crash sheet, and the program goes on where it can."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
        else:
            tell(error.with_traceback(trace))

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        _log.error("a thread ended with %s", arguments.exc_type.__name__)

    before, before_thread = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = hook, thread_hook
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_thread


def _tell_ready(room: ReadingRoom) -> None:
    from PySide6.QtCore import QTimer

    def tell() -> None:
        line = {"ready": True, "peak_mb": _peak_mb(), "torch": "torch" in sys.modules}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        room.window.close()

    # After the frame that shows the list has been painted.
    QTimer.singleShot(0, room.window.repaint)
    QTimer.singleShot(0, tell)


def _peak_mb() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
