"""What the database says, in words for a reader."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from medvision_desktop.errors import MedVisionError, RecordDamaged, StoreUnavailable

_UNTOUCHED: Final = "Nothing was saved."
# Primary result codes, https://www.sqlite.org/rescode.html; the extended code keeps them in its low byte.
_SENTENCES: Final[dict[int, tuple[str, str, str]]] = {
    sqlite3.SQLITE_FULL: (
        "The record could not be written.",
        "The disk is full.",
        f"{_UNTOUCHED} Free some space and try again.",
    ),
    sqlite3.SQLITE_BUSY: (
        "The record is in use.",
        "Another program is writing to it and did not finish in time.",
        f"{_UNTOUCHED} Close the other program or try again.",
    ),
    sqlite3.SQLITE_LOCKED: ("The record is in use.", "Another task holds it.", f"{_UNTOUCHED} Try again."),
    sqlite3.SQLITE_READONLY: (
        "The record could not be written.",
        "The file or its folder may only be read.",
        f"{_UNTOUCHED} Check the rights of the data folder.",
    ),
    sqlite3.SQLITE_PERM: (
        "The record could not be opened.",
        "This user has no right to it.",
        "Check the rights of the data folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The record could not be opened.",
        "The file is not there, or its folder cannot be used.",
        "Check the data folder, or choose another with --data-dir.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The record could not be read or written.",
        "The disk reported an error or is full.",
        f"{_UNTOUCHED} Check the disk.",
    ),
    sqlite3.SQLITE_NOMEM: (
        "The record could not be used.",
        "Memory ran out.",
        f"{_UNTOUCHED} Close something.",
    ),
}
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the world did to the database into a sentence; our own mistakes pass through."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        meant = _in_words(error.orig)
        if meant is None:
            raise
        raise meant from error
    except sqlite3.Error as error:
        meant = _in_words(error)
        if meant is None:
            raise
        raise meant from error


def _in_words(error: BaseException | None) -> MedVisionError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    primary = code & 0xFF
    if primary in _DAMAGED:
        return RecordDamaged(
            "The record is damaged.",
            "The file is not a database, or parts of it cannot be read.",
            "Keep the file as it is, and restore the last good backup.",
        )
    sentence = _SENTENCES.get(primary)
    return None if sentence is None else StoreUnavailable(*sentence)
