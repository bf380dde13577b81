"""Logs as JSON lines, without patient data, and the sheet that a crash leaves.

Everybody logs through `logging.getLogger(__name__)`; this room decides what reaches the disk. One
line an event: `at`, `level`, `logger`, `event`, `run` (one start of the program), `correlation` (one
job or click), and the fields that `privacy.redact` allows. Of an exception only its type and the
places in our own code are written, never its text.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import logging
import logging.handlers
import os
import platform
import secrets
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medvision_desktop import __version__
from medvision_desktop.privacy import redact

if TYPE_CHECKING:
    from structlog.stdlib import ProcessorFormatter
    from structlog.typing import EventDict

OWN: Final = "medvision_desktop"
FILE_NAME: Final = "medvision.jsonl"
MAX_BYTES: Final = 2_000_000
KEPT_FILES: Final = 5
KEPT_SHEETS: Final = 50
_PACKAGE: Final = Path(__file__).resolve().parent
_RUN: Final = secrets.token_hex(4)
# What `logging` itself puts on a record; anything else came with `extra`.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_correlation: contextvars.ContextVar[str] = contextvars.ContextVar("correlation", default="")


@contextlib.contextmanager
def correlation(identifier: str = "") -> Iterator[str]:
    """Everything logged inside carries this identifier (a fresh one when none is given)."""
    token = _correlation.set(identifier or secrets.token_hex(4))
    try:
        yield _correlation.get()
    finally:
        _correlation.reset(token)


def begin(folder: Path, level: str = "INFO") -> Callable[[], None]:
    """Write logs to `folder`; returns what ends that. A folder that cannot be written to is no error.

    Warnings of libraries go to the log too, where their text is withheld.
    """
    root = logging.getLogger()
    before = root.level
    handler = _SharedFile(folder / FILE_NAME)
    handler.setFormatter(_Lines())
    handler.addFilter(_worth_a_line)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)

    def end() -> None:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()

    return end


def crash_sheet(error: BaseException, folder: Path) -> str:
    """Write what a developer needs to find the bug, and return the sheet's name, e.g. 20261121-0852-7C.

    The sheet holds types of exceptions, places in our own code and versions: no texts, no values.
    Returns the name even where the sheet could not be written.
    """
    now = datetime.now(UTC)
    sheet = {
        "at": _utc(now),
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "run": _RUN,
        "correlation": _correlation.get(),
        "errors": [
            {"type": f"{type(link).__module__}.{type(link).__qualname__}", "places": places(link)}
            for link in _chain(error)
        ],
    }
    name = ""
    for _ in range(16):
        name = f"{now:%Y%m%d-%H%M}-{secrets.token_hex(1).upper()}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (folder / f"crash-{name}.json").open("x", encoding="utf-8") as file:
                json.dump({"sheet": name, **sheet}, file, indent=1)
            _prune(folder)
            break
        except FileExistsError:
            continue
        except OSError:
            break
    logging.getLogger(__name__).error("crash sheet written", extra={"sheet": name, "error": type(error)})
    return name


def places(error: BaseException) -> list[str]:
    """The frames of our own code, outermost first, as `io/decoder.py:120:frames`."""
    found = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE):
            found.append(f"{file.relative_to(_PACKAGE).as_posix()}:{line}:{frame.f_code.co_name}")
    return found


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Small talk of libraries says nothing once its text is withheld."""
    return record.levelno >= logging.WARNING or redact.is_ours(record, OWN)


class _Lines(logging.Formatter):
    """One JSON object a line. structlog is loaded with the first line, not with the program."""

    def __init__(self) -> None:
        super().__init__()
        self._formatter: ProcessorFormatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._formatter is None:
            import structlog

            self._formatter = structlog.stdlib.ProcessorFormatter(
                processors=[_event, structlog.processors.JSONRenderer(sort_keys=False)],
            )
        # structlog formats the message before its processors run, so it gets a copy that is safe.
        safe = logging.makeLogRecord({"name": record.name, "levelno": record.levelno})
        safe.msg, safe.original = redact.message(record, OWN), record
        return self._formatter.format(safe)


def _event(logger: Any, name: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's signature
    safe = event["_record"]
    record: logging.LogRecord = safe.original
    line: dict[str, object] = {
        "at": _utc(datetime.fromtimestamp(record.created, UTC)),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": safe.msg,
        "run": _RUN,
        "correlation": _correlation.get(),
    }
    line |= redact.fields({key: kept for key, kept in vars(record).items() if key not in _STANDARD})
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        line["error"] = type(error).__name__
        line["places"] = places(error)
    elif event["event"] == redact.WITHHELD:
        line["places"] = [f"{record.module}:{record.lineno}"]
    return line


class _SharedFile(logging.handlers.WatchedFileHandler):
    """A file that several runs append to; whoever sees it grown too long moves it on.

    The base class notices when another run moved the file, and opens the new one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        path = Path(self.baseFilename)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        # A log that cannot be written, a full disk for one, must not end the work that logged.
        with contextlib.suppress(OSError):
            super().emit(record)
            path = Path(self.baseFilename)
            if path.stat().st_size > MAX_BYTES:
                for number in range(KEPT_FILES - 1, 0, -1):
                    older = path.with_name(f"{path.name}.{number}")
                    if older.exists():
                        older.replace(path.with_name(f"{path.name}.{number + 1}"))
                path.replace(path.with_name(f"{path.name}.1"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Do not print what was to be logged: it is not redacted yet."""


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _prune(folder: Path) -> None:
    for old in sorted(folder.glob("crash-*.json"))[:-KEPT_SHEETS]:
        old.unlink(missing_ok=True)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
