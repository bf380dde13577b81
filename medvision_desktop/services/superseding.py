"""Entries of one thing that supersede each other: drawn, changed, removed; the newest says what stands.

Measurements, key-image marks and label maps are entered this way. No entry is ever edited.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.ingest import study_pseudonym

REMOVED: Final = "removed"

Entry = tuple[int, dict[str, Any]]


def _nothing(_tx: Transaction, _before: dict[str, Any]) -> None:
    """Most things leave nothing behind when they are taken away."""


@dataclass(frozen=True)
class Thread:
    """Entries of one kind; `named` is the name under which their payload holds the thing's id."""

    kind: EventKind
    named: str

    def newest(self, tx: Transaction, study: str) -> dict[str, Entry]:
        """Number and payload of the newest entry of each thing of a study, in the order they were begun."""
        table = schema.ledger
        rows = tx.connection.execute(
            sa.select(table.c.seq, table.c.payload)
            .where(table.c.kind == self.kind.value, table.c.subject == study)
            .order_by(table.c.seq)
        )
        found: dict[str, Entry] = {}
        for row in rows:
            data: dict[str, Any] = json.loads(row.payload)
            found[data[self.named]] = (int(row.seq), data)
        return found

    def enter(
        self,
        tx: Transaction,
        study: str,
        identifier: str,
        state: str,
        before: Entry | None,
        *,
        reader: str,
        **more: Any,
    ) -> int:
        """Append an entry that supersedes `before`; its number."""
        payload = {
            "study": study,
            self.named: identifier,
            "state": state,
            "supersedes": before[0] if before else None,
            **more,
        }
        return tx.append(self.kind, actor=tx.reader(reader), subject=study, payload=payload).seq

    def take_away(
        self,
        store: Store,
        study_key: str,
        identifier: str,
        *,
        reader: str,
        forget: Callable[[Transaction, dict[str, Any]], None] = _nothing,
    ) -> int | None:
        """Enter that a thing was taken away; None when the record does not have it.

        `forget` is given the payload before, in the same transaction. Raises `StoreUnavailable`;
        then nothing has changed.
        """
        with store.writing() as tx:
            study = study_pseudonym(tx, study_key)
            before = self.newest(tx, study).get(identifier) if study is not None else None
            if study is None or before is None or before[1]["state"] == REMOVED:
                return None
            forget(tx, before[1])
            return self.enter(tx, study, identifier, REMOVED, before, reader=reader)

    def standing(self, tx: Transaction, study_key: str) -> tuple[Entry, ...]:
        """The newest entry of everything that was not taken away."""
        study = study_pseudonym(tx, study_key)
        if study is None:
            return ()
        return tuple(entry for entry in self.newest(tx, study).values() if entry[1]["state"] != REMOVED)


def place_words(place: Place) -> dict[str, Any]:
    """Which image it is, for the erasable texts; the study is named by the entry."""
    return {
        "series_uid": place.series_uid,
        "sop_instance_uid": place.sop_instance_uid,
        "frame_number": place.frame_number,
        "plane": place.plane,
        "index": place.index,
    }


def place_of(study_key: str, words: Mapping[str, Any]) -> Place:
    """The image that `place_words` was made of."""
    return Place(
        study_key=study_key,
        series_uid=words["series_uid"],
        sop_instance_uid=words["sop_instance_uid"],
        frame_number=words["frame_number"],
        plane=words["plane"],
        index=words["index"],
    )
