"""Whatever is changed behind the program's back is found, named, and never mistaken for an erasure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medvision_desktop.audit.erasure import erase_patient
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, ReviewState
from medvision_desktop.domain.report import SignedReport
from medvision_desktop.domain.study import Patient
from medvision_desktop.errors import Cancelled
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.ingest import known_studies, study_opened
from medvision_desktop.services.verify import verify
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.record_cases import (
    PATIENT,
    READER,
    STUDY,
    analysed,
    key_image,
    opened,
    raw,
    series,
    study,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A whole journey: opened, analysed, decided, drafted twice, signed."""
    made = Store.open(tmp_path / "record.sqlite3")
    opened(made)
    analysed(made)
    first = review.findings(made, STUDY)[0]
    review.decide(made, first.id, Decision(ReviewState.REJECTED, reason="canary reason"), reader=READER)
    draft = replace(issue_report.load_draft(made, STUDY), key_images=(key_image(),))
    draft = issue_report.save_draft(made, draft, READER)
    draft = replace(draft, sections=replace(draft.sections, impression="Canary impression."))
    signed(made, draft)
    yield made
    made.close()


def signed(store: Store, draft: issue_report.ReportDraft) -> SignedReport:
    return issue_report.sign(
        store, draft, reader=READER, institution="", reports_dir=store.path.parent / "reports"
    )


def test_an_untouched_record_verifies_with_its_numbers(store: Store) -> None:
    result = verify(store)
    assert (result.ok, result.faults, result.notes, result.erased) == (True, (), (), 0)
    assert (result.head_seq, result.head_hash) == store.head()
    assert (result.entries, result.reports) == (len(store.entries()), 1)


def test_a_result_can_be_printed_without_saying_who(store: Store) -> None:
    raw(store.path, "UPDATE free_text SET text = text || 'x'", "UPDATE identity SET details = '{}'")
    printed = repr(verify(store)).lower()
    for words in ("canary", "łukasz", "9rg1", STUDY, "1940"):
        assert words.lower() not in printed


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE ledger SET payload = replace(payload, 'rejected', 'accepted') WHERE seq = 4", "chain"),
        ("UPDATE ledger SET at_utc = '2020-01-01T00:00:00.000000Z' WHERE seq = 3", "chain"),
        ("DELETE FROM ledger WHERE seq = 5", "chain"),
        ("DELETE FROM ledger WHERE seq >= 6", "chain"),
        ("UPDATE ledger SET seq = 99 WHERE seq = 3", "chain"),
        ("UPDATE finding SET state = 'accepted' WHERE id = '3.0'", "read models"),
        ("UPDATE finding SET probability = 0.01 WHERE id = '3.0'", "read models"),
        ("DELETE FROM decision", "read models"),
        ("UPDATE report SET pdf_sha256 = '00'", "read models"),
        ("UPDATE free_text SET text = replace(text, 'canary reason', 'other reason')", "texts"),
        ("DELETE FROM free_text WHERE text LIKE '%canary reason%'", "texts"),
        ("UPDATE free_text SET text = replace(text, 'Canary impression', 'Other')", "texts"),
        (
            "UPDATE identity SET details = replace(details, '1940', '1950') WHERE kind = 'patient'",
            "identities",
        ),
        ("UPDATE identity SET salt = x'00' WHERE kind = 'study'", "identities"),
        ("UPDATE key_image SET png = overlay_png", "pictures"),
        ("DELETE FROM key_image", "pictures"),
        ("UPDATE attention_map SET grid = zeroblob(48) WHERE position = 0", "attention maps"),
        ("UPDATE attention_map SET box_xyxy = '[0,0,5,5]' WHERE position = 1", "attention maps"),
        ("UPDATE attention_map SET rows = 100", "attention maps"),
        ("DELETE FROM attention_map WHERE position = 1", "attention maps"),
        ("DROP TRIGGER IF EXISTS ledger_no_update", "database"),
    ],
)
def test_every_kind_of_tampering_is_found_in_its_part(store: Store, statement: str, part: str) -> None:
    raw(store.path, "PRAGMA foreign_keys = OFF", statement, unprotected=True)
    result = verify(store)
    assert not result.ok
    parts = {fault.part for fault in result.faults if "trigger" not in fault.why}
    # A ledger whose tail is gone no longer says what the read models say, so both may be named.
    assert parts - {"read models"} <= {part}
    assert part in {*parts, "database"}
    assert "database" in {fault.part for fault in result.faults}


def test_a_fault_names_the_first_wrong_entry(store: Store) -> None:
    raw(store.path, "UPDATE ledger SET actor = 'x' WHERE seq IN (4, 6)", unprotected=True)
    fault = next(fault for fault in verify(store).faults if fault.part == "chain")
    assert (fault.seq, "changed after it was written" in fault.why) == (4, True)


def test_a_changed_lost_or_strange_pdf_is_found(store: Store) -> None:
    (path,) = (store.path.parent / "reports").iterdir()
    data = path.read_bytes()
    path.write_bytes(data + b" ")
    assert [fault.part for fault in verify(store).faults] == ["reports"]
    path.unlink()
    assert [fault.part for fault in verify(store).faults] == ["reports"]
    path.write_bytes(data)
    (path.parent / "stranger.pdf").write_bytes(data)
    result = verify(store)
    assert result.ok
    assert "never signed" in result.notes[0]


def test_rebuilding_mends_the_read_models(store: Store) -> None:
    raw(store.path, "UPDATE finding SET state = 'accepted'", "DELETE FROM decision")
    assert not verify(store).ok
    assert set(store.rebuild()) == {"finding", "decision"}
    assert verify(store).faults == ()
    repaired = store.entries()[-1]
    assert (repaired.kind, repaired.data) == (EventKind.DATA_REPAIRED, {"tables": ["finding", "decision"]})
    assert store.rebuild() == ()
    assert store.entries()[-1] == repaired


def test_erasing_a_person_leaves_a_record_that_verifies_and_names_nobody(store: Store) -> None:
    study_opened(store, study("other", Patient("Other^Person", "2")), series("other.1"), reader=READER)
    patient = next(e for e in store.entries() if e.kind == EventKind.STUDY_OPENED).data["patient"]["id"]
    for name in erase_patient(store, patient, reader=READER):
        (store.path.parent / "reports" / name).unlink()
    result = verify(store)
    assert result.faults == ()
    assert result.erased > 5
    assert [summary.study_key for summary in known_studies(store)] == ["other"]
    store.close()
    for file in store.path.parent.iterdir():
        if file.is_file():
            content = file.read_bytes()
            for words in (PATIENT.name.encode(), PATIENT.id.encode(), STUDY.encode(), b"anary reason"):
                assert words not in content


def test_a_person_who_comes_back_after_erasure_is_a_new_pseudonym(store: Store) -> None:
    patient = next(e for e in store.entries() if e.kind == EventKind.STUDY_OPENED).data["patient"]["id"]
    for name in erase_patient(store, patient, reader=READER):
        (store.path.parent / "reports" / name).unlink()
    opened(store)
    assert store.entries()[-1].data["patient"]["id"] != patient
    assert review.findings(store, STUDY) == ()
    assert verify(store).faults == ()


def test_verifying_tells_how_far_it_is_and_stops_when_asked(store: Store) -> None:
    told: list[Progress] = []
    verify(store, progress=told.append)
    assert told[0].total == store.head()[0]
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        verify(store, cancel=cancel)


def test_payloads_are_plain_json_for_other_programs(store: Store) -> None:
    for entry in store.entries():
        assert isinstance(json.loads(entry.payload), dict)
