"""Key-image marks in the record: an image is marked, or its mark is taken away; both stay in the ledger.

As with measurements, the ledger holds a salted digest, and which image it is lies in the erasable texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.private import IdentityKind, keep_words, name_only, words_of
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.ingest import study_pseudonym

_MARKED: Final = "marked"
_REMOVED: Final = "removed"


@dataclass(frozen=True)
class KeyMark:
    """An image that a reader marked. `words` say which image it is, as its corner said then."""

    id: str
    place: Place
    words: str = ""
    seq: int = 0


def mark(store: Store, one: KeyMark, *, reader: str) -> int:
    """Enter that an image is a key image; the entry's number. An image is marked once.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    place = one.place
    words = {
        "series_uid": place.series_uid,
        "sop_instance_uid": place.sop_instance_uid,
        "frame_number": place.frame_number,
        "plane": place.plane,
        "index": place.index,
        "words": one.words,
    }
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, place.study_key)
        before = _newest(tx, study).get(one.id)
        if before is not None and before[1]["state"] == _MARKED:
            return before[0]
        payload = {
            "study": study,
            "mark": one.id,
            "state": _MARKED,
            "supersedes": before[0] if before else None,
            "words": keep_words(tx.connection, tx.random, study, words).as_payload(),
        }
        return _append(tx, study, payload, reader)


def unmark(store: Store, study_key: str, mark_id: str, *, reader: str) -> int | None:
    """Enter that a mark was taken away; None when the record does not have it.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    with store.writing() as tx:
        study = study_pseudonym(tx, study_key)
        before = _newest(tx, study).get(mark_id) if study is not None else None
        if study is None or before is None or before[1]["state"] == _REMOVED:
            return None
        payload = {"study": study, "mark": mark_id, "state": _REMOVED, "supersedes": before[0]}
        return _append(tx, study, payload, reader)


def key_marks(store: Store, study_key: str) -> tuple[KeyMark, ...]:
    """The marks that stand, in the order they were made, without erased ones. Raises `StoreUnavailable`."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        if study is None:
            return ()
        found = (_restored(tx, study_key, *newest) for newest in _newest(tx, study).values())
        return tuple(one for one in found if one is not None)


def _append(tx: Transaction, study: str, payload: dict[str, Any], reader: str) -> int:
    actor = tx.reader(reader)
    return tx.append(EventKind.KEY_IMAGE_MARKED, actor=actor, subject=study, payload=payload).seq


def _newest(tx: Transaction, study: str) -> dict[str, tuple[int, dict[str, Any]]]:
    """The newest entry of each mark by its id, in the order they were first made."""
    table = schema.ledger
    rows = tx.connection.execute(
        sa.select(table.c.seq, table.c.payload)
        .where(table.c.kind == EventKind.KEY_IMAGE_MARKED.value, table.c.subject == study)
        .order_by(table.c.seq)
    )
    newest: dict[str, tuple[int, dict[str, Any]]] = {}
    for row in rows:
        data: dict[str, Any] = json.loads(row.payload)
        newest[data["mark"]] = (int(row.seq), data)
    return newest


def _restored(tx: Transaction, study_key: str, seq: int, data: dict[str, Any]) -> KeyMark | None:
    if data["state"] == _REMOVED:
        return None
    words = words_of(tx.connection, data["words"]["id"])
    if not words:
        return None
    place = Place(
        study_key=study_key,
        series_uid=words["series_uid"],
        sop_instance_uid=words["sop_instance_uid"],
        frame_number=words["frame_number"],
        plane=words["plane"],
        index=words["index"],
    )
    return KeyMark(data["mark"], place, words["words"], seq)
