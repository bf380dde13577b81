"""The only way news and errors reach a person. Never a modal dialog.

What the world did (`MedVisionError`) becomes an error sheet with what, why and what now. A bug of
ours becomes a crash sheet with a number; the program goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from medvision_desktop.errors import MedVisionError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Toast:
    """News that needs no answer. `kind` is one of ok, ai, info, warn."""

    text: str
    detail: str = ""
    kind: str = "info"
    action_text: str = ""
    action: Callable[[], None] | None = None


@dataclass(frozen=True)
class ErrorNotice:
    """What the error sheet shows. `sheet` is the number of a crash sheet, empty otherwise.

    `safe` says what was not lost. `retry` is offered as "Try again".
    """

    what: str
    why: str = ""
    now: str = ""
    safe: str = ""
    sheet: str = ""
    retry: Callable[[], None] | None = None


class Notifier(QObject):
    """Takes news and errors from anywhere in the interface; the window shows them.

    `crash_sheet` writes a sheet without patient data for a bug of ours and returns its number.
    """

    toasted = Signal(object)
    errored = Signal(object)

    def __init__(self, crash_sheet: Callable[[BaseException], str]) -> None:
        super().__init__()
        self._crash_sheet = crash_sheet

    def toast(
        self,
        text: str,
        detail: str = "",
        kind: str = "info",
        action_text: str = "",
        action: Callable[[], None] | None = None,
    ) -> None:
        """Show news in the lower left for a few seconds."""
        self.toasted.emit(Toast(text, detail, kind, action_text, action))

    def error(
        self, error: BaseException, *, safe: str = "", retry: Callable[[], None] | None = None
    ) -> None:
        """Show an error: in its own words when it is the world's, as a crash sheet when it is ours."""
        if isinstance(error, MedVisionError):
            _log.info("told the reader: %s", type(error).__name__)
            self.errored.emit(ErrorNotice(error.what, error.why, error.now, safe, "", retry))
            return
        sheet = self._crash_sheet(error)
        self.errored.emit(
            ErrorNotice(
                "Something in the program went wrong.",
                "This is a fault of ours. The program goes on.",
                "Note the sheet number if you report it.",
                safe or "Everything that was saved before.",
                sheet,
                retry,
            )
        )
