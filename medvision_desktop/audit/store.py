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
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import projection, schema
from medvision_desktop.audit.chain import GENESIS, ChainFault, Entry, canonical, entry_hash, walk
from medvision_desktop.audit.failures import told
from medvision_desktop.audit.private import IdentityKind, RandomBytes, pseudonym_of, remember
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.errors import RecordDamaged, StoreUnavailable

PROGRAM: Final = "program"
_CHECKED_ON_OPENING: Final = 64


@dataclass(frozen=True)
class Clock:
    """Where time comes from: wall clock as ISO 8601 with microseconds and a Z, and a steady one in ns."""

    utc: Callable[[], str]
    monotonic_ns: Callable[[], int]


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


SYSTEM_CLOCK: Final = Clock(_utc_now, time.monotonic_ns)


class Transaction:
    """One consistent view of the record; a writing one also appends. Ends with its `with` block."""

    def __init__(
        self, connection: sa.Connection, clock: Clock, random: RandomBytes, *, writes: bool
    ) -> None:
        self.connection = connection
        self.random = random
        self.writes = writes
        self._clock = clock

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; (0, sixty-four zeros) when there is none."""
        table = schema.ledger
        row = self.connection.execute(
            sa.select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)
        ).one_or_none()
        return (0, GENESIS) if row is None else (int(row.seq), str(row.hash))

    def append(self, kind: EventKind, *, actor: str, subject: str, payload: Mapping[str, Any]) -> Entry:
        """Add an entry and bring the read models up to date with it, in this transaction."""
        if not self.writes:
            raise RuntimeError("this transaction only reads")
        seq, head = self.head()
        bare = Entry(
            seq=seq + 1,
            at_utc=self._clock.utc(),
            monotonic_ns=self._clock.monotonic_ns(),
            actor=actor,
            kind=kind.value,
            subject=subject,
            payload=canonical(payload),
            prev_hash=head,
            hash="",
        )
        entry = Entry(**{**vars(bare), "hash": entry_hash(bare)})
        self.connection.execute(schema.ledger.insert().values(**vars(entry)))
        projection.apply(self.connection, entry)
        return entry

    def now(self) -> str:
        """The wall clock, as entries carry it."""
        return self._clock.utc()

    def reader(self, name: str) -> str:
        """The pseudonym of a reader, entered in the ledger the first time; the program's when empty."""
        if not name.strip():
            return PROGRAM
        known = pseudonym_of(self.connection, IdentityKind.READER, name)
        if known is not None:
            return known
        made = remember(self.connection, self.random, IdentityKind.READER, name, {"name": name})
        self.append(
            EventKind.READER_CREATED, actor=made.id, subject=made.id, payload={"reader": made.as_payload()}
        )
        return made.id

    def entries(self, *, first: int = 1, last: int | None = None) -> Iterator[Entry]:
        """Entries in the order they were written; read as they are taken."""
        table = schema.ledger
        query = sa.select(table).where(table.c.seq >= first).order_by(table.c.seq)
        if last is not None:
            query = query.where(table.c.seq <= last)
        rows = self.connection.execute(query, execution_options={"yield_per": 500})
        for row in rows.mappings():
            yield Entry(**row)


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
        engine = _engine(path, read_only, busy_timeout_s)
        store = cls(engine, path, clock, random, read_only)
        try:
            with told():
                if not read_only:
                    _create_private(path)
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

    def rebuild(self) -> None:
        """Drop the read models and replay the ledger into them."""
        with self.writing() as tx:
            projection.rebuild(tx.connection, tx.entries())

    def truncate_log(self) -> None:
        """Move what the write-ahead log holds into the file and empty the log, as erasing needs."""
        with self._lock, told(), self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._engine.dispose()


def quick_fault(tx: Transaction) -> ChainFault | None:
    """What can be seen at once: the newest entries chain, and no tail was simply deleted."""
    seq, _ = tx.head()
    given = tx.connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'ledger'")) or 0
    if int(given) != seq:
        return ChainFault(seq + 1, f"The newest entry is {seq}, but {given} were written.")
    first = max(1, seq - _CHECKED_ON_OPENING + 1)
    entries = list(tx.entries(first=first))
    if not entries:
        return None
    before = GENESIS if first == 1 else entries[0].prev_hash
    return walk(entries, after_seq=first - 1, after_hash=before).fault


def _create_private(path: Path) -> None:
    """Make the file readable by this user only before SQLite makes it readable by more."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            "The record cannot be opened for writing.",
            f"{error.strerror}.",
            "Check the rights of the data folder, or choose another with --data-dir.",
        ) from error


def _engine(path: Path, read_only: bool, busy_timeout_s: float) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        location = path.absolute().as_uri() + ("?mode=ro" if read_only else "?mode=rw")
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
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )
