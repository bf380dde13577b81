"""What every command stands on: options that are the same everywhere, a workbench, ways to say things.

Results go to standard output, everything else to standard error, so that a pipe gets results only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from medvision_desktop import logs, paths, settings
from medvision_desktop.errors import ExportFailed, InputRefused
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

DONE: Final = 0
REFUSED: Final = 2
OUR_FAULT: Final = 3

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Keep record, reports, settings and logs here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines, one object an item.")]
Paths = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Files, folders, zip archives or a DICOMDIR.")
]
StudyKey = Annotated[
    str, typer.Argument(metavar="STUDY", help="Key of the study, as index and studies print it.")
]
Reader = Annotated[
    str, typer.Option("--reader", metavar="NAME", help="Who decides; the settings name the usual one.")
]
Images = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The folder of images; MEDVISION_DATA if not given."),
]

_PROGRESS_EVERY_S: Final = 0.1


@dataclass
class Invocation:
    """One call of the command line: where its data lies, once it is known, for the crash sheet."""

    data_dir: Path | None = None
    began: float = field(default_factory=time.monotonic)

    def places(self, own: Path | None = None) -> paths.Locations:
        """Locations from the command's own `--data-dir`, or the one before the command."""
        self.data_dir = own or self.data_dir
        return paths.locate(self.data_dir)


@contextlib.contextmanager
def workbench(context: typer.Context, data_dir: Path | None) -> Iterator[Workbench]:
    """The parts that services need, closed at the end; logs go to the data directory meanwhile.

    Raises `SettingsInvalid`.
    """
    from medvision_desktop.services.workbench import Workbench

    locations = invocation(context).places(data_dir)
    chosen = settings.load(locations.settings)
    end_logs = logs.begin(locations.logs, chosen.log_level)
    bench = Workbench(chosen, locations)
    try:
        with logs.correlation():
            yield bench
    finally:
        bench.close()
        end_logs()


def invocation(context: typer.Context) -> Invocation:
    """The call that a command belongs to."""
    found = context.find_object(Invocation)
    assert found is not None, "commands run through cli.run"  # noqa: S101 - a fault of ours if not
    return found


@contextlib.contextmanager
def cancellable() -> Iterator[CancelToken]:
    """A token that the first Ctrl+C sets, so that work ends cleanly; a second one interrupts at once."""
    token = CancelToken()
    if threading.current_thread() is not threading.main_thread():
        yield token
        return

    def ask(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a handler
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield token
    finally:
        signal.signal(signal.SIGINT, before)


def progress_line() -> ProgressSink:
    """A line that overwrites itself, where a person watches; nothing in a pipe or a log."""
    if not sys.stderr.isatty():
        return no_progress
    shown = 0.0

    def show(progress: Progress, /) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _PROGRESS_EVERY_S and progress.done < progress.total:
            return
        shown = now
        count = f" {progress.done} of {progress.total}" if progress.total else ""
        sys.stderr.write(f"\r\x1b[K{progress.text[:60]}{count}")
        if progress.total and progress.done >= progress.total:
            sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    return show


def images_folder(given: Path | None) -> Path:
    """The folder of images that a command was given, or the usual one. Raises `InputRefused`."""
    named = given or Path(os.environ.get("MEDVISION_DATA", "") or "../shared/data")
    if not named.is_dir():
        raise InputRefused(
            "There is no folder of images.", f"{named} is not there.", "Name it with --data."
        )
    return named


def emit(item: Mapping[str, Any]) -> None:
    """One JSON line, ASCII only, flushed so that a reader of the pipe has it at once."""
    _print(json.dumps(item, allow_nan=False, separators=(", ", ": ")))


def tell(text: str) -> None:
    """One line of a result for a person; what comes from files cannot steer the terminal."""
    _print("".join(c if c.isprintable() else "?" for c in text))


def _print(line: str) -> None:
    """Raises `ExportFailed` where the line cannot be written, but for a reader that has enough."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise ExportFailed(
            "The results cannot be written.",
            f"{error.strerror or 'No reason given'}.",
            "Send them to another place.",
        ) from error


def drop_output() -> None:
    """What is not yet written of the results goes nowhere, so that nothing fails again at the end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """One line to standard error."""
    plain = " ".join(text.split())
    print(
        f"medvision: {''.join(c if c.isprintable() else '?' for c in plain)}", file=sys.stderr, flush=True
    )
