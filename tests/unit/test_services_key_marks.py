"""Key-image marks in the record: marked, taken away, marked again, erasable with the patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from medvision_desktop.audit.erasure import erase_patient
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.ingest import study_opened
from medvision_desktop.services.key_marks import KeyMark, key_marks, mark, unmark
from medvision_desktop.services.verify import verify
from tests.helpers import record_cases as cases

IMAGE = KeyMark("k-1", Place(cases.STUDY, cases.SERIES, cases.IMAGE, 3), "Chest PA, W 300")
PLANE = KeyMark("k-2", Place(cases.STUDY, cases.SERIES, plane="coronal", index=12), "coronal 13")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.open(tmp_path / "record.db")
    study_opened(found, cases.study(), cases.series(), reader=cases.READER)
    return found


def standing(store: Store) -> list[tuple[str, Place, str]]:
    return [(one.id, one.place, one.words) for one in key_marks(store, cases.STUDY)]


def test_marks_come_back_as_they_were_made(store: Store) -> None:
    for one in (IMAGE, PLANE):
        mark(store, one, reader=cases.READER)
    assert standing(store) == [(one.id, one.place, one.words) for one in (IMAGE, PLANE)]
    assert key_marks(store, "another study") == ()


def test_marks_of_a_record_that_was_closed_are_there_again(store: Store, tmp_path: Path) -> None:
    mark(store, IMAGE, reader=cases.READER)
    store.close()
    assert standing(Store.open(tmp_path / "record.db")) == [(IMAGE.id, IMAGE.place, IMAGE.words)]


def test_a_mark_that_is_taken_away_stays_in_the_ledger(store: Store) -> None:
    first = mark(store, IMAGE, reader=cases.READER)
    assert mark(store, IMAGE, reader=cases.READER) == first
    second = unmark(store, cases.STUDY, IMAGE.id, reader=cases.READER)
    assert standing(store) == []
    assert unmark(store, cases.STUDY, IMAGE.id, reader=cases.READER) is None
    assert unmark(store, "another study", IMAGE.id, reader=cases.READER) is None
    third = mark(store, IMAGE, reader=cases.READER)
    entries = [entry for entry in store.entries() if entry.kind == EventKind.KEY_IMAGE_MARKED]
    assert [entry.seq for entry in entries] == [first, second, third]
    assert [entry.data["state"] for entry in entries] == ["marked", "removed", "marked"]
    assert [entry.data["supersedes"] for entry in entries] == [None, first, second]
    assert standing(store) == [(IMAGE.id, IMAGE.place, IMAGE.words)]


def test_which_image_it_was_goes_with_the_patient_and_the_record_still_verifies(store: Store) -> None:
    mark(store, IMAGE, reader=cases.READER)
    erase_patient(store, store.entries()[1].data["patient"]["id"], reader=cases.READER)
    assert standing(store) == []
    assert not any(cases.IMAGE in entry.payload for entry in store.entries())
    assert verify(store).ok
