"""Key-image marks in the record: an image is marked, or its mark is taken away; both stay in the ledger.

As with measurements, the ledger holds a salted digest, and which image it is lies in the erasable texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from medvision_desktop.audit.private import IdentityKind, keep_words, name_only, words_of
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.superseding import Thread, place_of, place_words

_MARKED: Final = "marked"
_MARKS: Final = Thread(EventKind.KEY_IMAGE_MARKED, "mark")


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
    words = {**place_words(one.place), "words": one.words}
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, one.place.study_key)
        before = _MARKS.newest(tx, study).get(one.id)
        if before is not None and before[1]["state"] == _MARKED:
            return before[0]
        kept = keep_words(tx.connection, tx.random, study, words).as_payload()
        return _MARKS.enter(tx, study, one.id, _MARKED, before, reader=reader, words=kept)


def unmark(store: Store, study_key: str, mark_id: str, *, reader: str) -> int | None:
    """Enter that a mark was taken away; None when the record does not have it.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    return _MARKS.take_away(store, study_key, mark_id, reader=reader)


def key_marks(store: Store, study_key: str) -> tuple[KeyMark, ...]:
    """The marks that stand, in the order they were made, without erased ones. Raises `StoreUnavailable`."""
    with store.reading() as tx:
        found = (_restored(tx, study_key, *entry) for entry in _MARKS.standing(tx, study_key))
        return tuple(one for one in found if one is not None)


def _restored(tx: Transaction, study_key: str, seq: int, data: dict[str, Any]) -> KeyMark | None:
    words = words_of(tx.connection, data["words"]["id"])
    if not words:
        return None
    return KeyMark(data["mark"], place_of(study_key, words), words["words"], seq)
