"""How the file is opened: rights, pragmas, and connections that leave transactions to `store`."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from medvision_desktop.errors import StoreUnavailable


def create_private(path: Path) -> None:
    """Make the file readable by this user only before SQLite makes it readable by more."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            "The record cannot be opened for writing.",
            f"{error.strerror}.",
            "Check the rights of the data folder, or choose another with --data-dir.",
        ) from error


def _mode(path: Path, read_only: bool) -> str:
    """How SQLite is to open the file; one on read-only media cannot have the usual log beside it."""
    if not read_only:
        return "mode=rw"
    log = path.with_name(f"{path.name}-wal")
    unlogged = not log.exists() or log.stat().st_size == 0
    fixed = unlogged and path.exists() and not os.access(path.parent, os.W_OK)
    return "mode=ro&immutable=1" if fixed else "mode=ro"


def engine(path: Path, read_only: bool, busy_timeout_s: float) -> sa.Engine:
    """Connections to one file; nothing is opened before the first is asked for."""

    def connect() -> sqlite3.Connection:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise StoreUnavailable(
                "The record could not be opened.",
                f"{path.name} is not a file.",
                "Check the data folder, or choose another with --data-dir.",
            )
        location = f"{path.absolute().as_uri()}?{_mode(path, read_only)}"
        # No implicit transactions: `Store` begins and ends them itself.
        made = sqlite3.connect(
            location, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in ("foreign_keys = ON", "secure_delete = ON", "trusted_schema = OFF"):
                made.execute(f"PRAGMA {pragma}")
            if not read_only:
                made.execute("PRAGMA journal_mode = WAL")
                made.execute("PRAGMA synchronous = FULL")
        except BaseException:
            made.close()
            raise
        return made

    # Parameters are hidden so that no name or text can reach a log through an error.
    return sa.create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=2,  # snapshots; everything else takes turns
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )
