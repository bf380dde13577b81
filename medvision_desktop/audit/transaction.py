"""One transaction: a consistent view of the record, and the only way to append to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import projection, schema
from medvision_desktop.audit.chain import GENESIS, ChainFault, Entry, canonical, entry_hash, walk
from medvision_desktop.audit.private import IdentityKind, RandomBytes, pseudonym_of, remember
from medvision_desktop.audit.schema import EventKind

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
