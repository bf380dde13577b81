"""The store: one SQLite file that holds the ledger, and the only way to write to it.

Every change is one transaction that begins with BEGIN IMMEDIATE and reads the head of the chain
inside it, so that the window and the command line can share a file and still chain correctly. There
is no lock file: SQLite's own lock is the single writer's, it is released by the kernel when a process
is killed, and a second writer waits for `busy_timeout_s` before it is told.

A commit returns only after the write-ahead log has been synced (synchronous=FULL): what `append`
returned is there after kill -9 or a power cut.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from medvision_desktop.audit import projection, schema
from medvision_desktop.audit.chain import Entry
from medvision_desktop.audit.engine import create_private
from medvision_desktop.audit.engine import engine as make_engine
from medvision_desktop.audit.failures import told
from medvision_desktop.audit.private import RandomBytes
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.transaction import PROGRAM, SYSTEM_CLOCK, Clock, Transaction, quick_fault
from medvision_desktop.errors import RecordDamaged, StoreUnavailable


class Store:
    """The record. Use from any thread; transactions of one store follow one another."""

    def __init__(
        self, engine: sa.Engine, path: Path, clock: Clock, random: RandomBytes, read_only: bool
    ) -> None:
        """Use `Store.open`."""
        self.path = path
        self.read_only = read_only
        self._engine = engine
        self._clock = clock
        self._random = random
        self._lock = threading.RLock()
        self._active: Transaction | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        read_only: bool = False,
        *,
        busy_timeout_s: float = 5.0,
        clock: Clock = SYSTEM_CLOCK,
        random: RandomBytes = secrets.token_bytes,
    ) -> Store:
        """Open the record, creating or migrating it, and check that its newest entries chain.

        With `read_only` nothing is written and a broken chain is left to `services.verify`.
        Raises `StoreUnavailable` (no rights, full, locked, made by a newer program) and
        `RecordDamaged` (not a database, broken pages, a chain that does not hold).
        """
        engine = make_engine(path, read_only, busy_timeout_s)
        store = cls(engine, path, clock, random, read_only)
        try:
            with told():
                if not read_only:
                    create_private(path)
                store._prepare()
        except BaseException:
            engine.dispose()
            raise
        return store

    def _prepare(self) -> None:
        from medvision_desktop.audit import migrate

        with self._engine.connect() as connection:
            version = migrate.check(connection)
        if version < schema.SCHEMA_VERSION:
            if self.read_only:
                raise StoreUnavailable(
                    "The record is empty or was made by an older version.",
                    "It is opened for reading only, so it cannot be brought up to date.",
                    "Open it once without the read-only option.",
                )
            with self.writing() as tx:
                migrate.upgrade(tx.connection)
        if not self.read_only:
            with self.reading() as tx:
                fault = quick_fault(tx)
            if fault is not None:
                raise RecordDamaged(
                    "The record does not verify, so nothing is added to it.",
                    f"Entry {fault.seq}: {fault.why}",
                    "Run “medvision record verify”, and restore the last good backup.",
                )

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that is all there after the block, or not at all. Does not nest."""
        if self.read_only:
            raise StoreUnavailable("The record is open for reading only.", "", "Nothing was changed.")
        with self._lock, told():
            if self._active is not None:
                raise RuntimeError("transactions do not nest")
            with self._begin("IMMEDIATE") as tx:
                yield tx

    @contextlib.contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A consistent view; inside a transaction of the same thread, that transaction."""
        with self._lock, told():
            if self._active is not None:
                yield self._active
                return
            with self._begin("DEFERRED") as tx:
                yield tx

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """A view for long reading: a connection of its own, so that nobody waits for it to end."""
        with told(), self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN DEFERRED")
            try:
                yield Transaction(connection, self._clock, self._random, writes=False)
            finally:
                with contextlib.suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql("ROLLBACK")

    @contextlib.contextmanager
    def _begin(self, mode: str) -> Iterator[Transaction]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(f"BEGIN {mode}")
            self._active = Transaction(connection, self._clock, self._random, writes=mode == "IMMEDIATE")
            try:
                yield self._active
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                with contextlib.suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql("ROLLBACK")
                raise
            finally:
                self._active = None

    def append(
        self,
        kind: EventKind,
        *,
        actor: str,
        subject: str,
        payload: Mapping[str, Any],
        within: Callable[[Transaction, int], None] | None = None,
    ) -> int:
        """Add one entry; `within` may write private rows in the same transaction. Its number."""
        with self.writing() as tx:
            entry = tx.append(kind, actor=actor, subject=subject, payload=payload)
            if within is not None:
                within(tx, entry.seq)
        return entry.seq

    def entries(self, *, first: int = 1, last: int | None = None) -> tuple[Entry, ...]:
        """Entries `first` to `last` (to the end when None), in order."""
        with self.reading() as tx:
            return tuple(tx.entries(first=first, last=last))

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; (0, sixty-four zeros) when there is none."""
        with self.reading() as tx:
            return tx.head()

    def rebuild(self) -> tuple[str, ...]:
        """Drop the read models and replay the ledger into them. Names of the tables that differed.

        When any did, an entry says that they were repaired.
        """
        with self.writing() as tx:
            before = projection.dump(tx.connection)
            projection.rebuild(tx.connection, list(tx.entries()))
            after = projection.dump(tx.connection)
            changed = tuple(name for name, rows in after.items() if rows != before[name])
            if changed:
                payload = {"tables": list(changed)}
                tx.append(EventKind.DATA_REPAIRED, actor=PROGRAM, subject="read models", payload=payload)
        return changed

    def truncate_log(self) -> None:
        """Move what the write-ahead log holds into the file and empty the log, as erasing needs."""
        with self._lock, told(), self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._engine.dispose()
