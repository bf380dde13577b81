"""From a draft to a signed PDF: what stops it, what closes it, and that it is whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, Laterality, ReviewState
from medvision_desktop.domain.report import CheckState, ReportDraft, ReportSections, SignedReport
from medvision_desktop.errors import ExportFailed, InputRefused, SignatureStopped, StoreUnavailable
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.ingest import known_studies
from medvision_desktop.services.verify import verify
from tests.helpers.record_cases import READER, STUDY, analysed, key_image, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path / "record.sqlite3")
    opened(made)
    yield made
    assert verify(made).faults == ()
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def sign(store: Store, draft: ReportDraft, folder: Path) -> SignedReport:
    return issue_report.sign(store, draft, reader=READER, institution="Riverside", reports_dir=folder)


def decide_all(store: Store, state: ReviewState = ReviewState.ACCEPTED, reason: str = "") -> None:
    for finding in review.findings(store, STUDY):
        if finding.needs_decision:
            review.decide(store, finding.id, Decision(state, reason=reason), reader=READER)


def written(draft: ReportDraft, text: str = "Clear lungs.") -> ReportDraft:
    return replace(draft, sections=replace(draft.sections, findings=text, impression=text))


def test_a_first_draft_is_filled_from_the_decisions(store: Store) -> None:
    analysed(store, ("Pneumonia", 0.9), ("Effusion", 0.8))
    first, second = review.findings(store, STUDY)
    accepted = Decision(ReviewState.ACCEPTED, laterality=Laterality.RIGHT)
    review.decide(store, first.id, accepted, reader=READER)
    review.decide(store, second.id, Decision(ReviewState.REJECTED, reason="artefact"), reader=READER)
    draft = issue_report.load_draft(store, STUDY)
    assert draft.sections == ReportSections(
        technique="Chest radiograph, PA.", findings="Pneumonia, right.", impression="Pneumonia, right."
    )
    assert (draft.version, draft.saved_utc) == (1, "")


def test_a_saved_draft_comes_back_after_a_restart_with_its_pictures(store: Store, tmp_path: Path) -> None:
    draft = replace(written(issue_report.load_draft(store, STUDY)), key_images=(key_image(),))
    saved = issue_report.save_draft(store, draft, READER)
    store.close()
    again = Store.open(tmp_path / "record.sqlite3")
    assert issue_report.load_draft(again, STUDY) == saved
    again.close()


def test_saving_the_same_draft_twice_writes_nothing(store: Store) -> None:
    saved = issue_report.save_draft(store, written(issue_report.load_draft(store, STUDY)), READER)
    before = store.head()
    assert issue_report.save_draft(store, saved, READER) == saved
    assert store.head() == before


def test_a_replaced_draft_leaves_only_its_digest(store: Store) -> None:
    draft = replace(
        written(issue_report.load_draft(store, STUDY), "First words."), key_images=(key_image(),)
    )
    issue_report.save_draft(store, draft, READER)
    newer = replace(written(draft, "Second words."), key_images=(key_image(shade=30),))
    issue_report.save_draft(store, newer, READER)
    with store.reading() as tx:
        texts = tx.connection.exec_driver_sql("SELECT text FROM free_text").scalars().all()
        pictures = tx.connection.exec_driver_sql("SELECT count(*) FROM key_image").scalar_one()
    assert not any("First words" in text for text in texts)
    assert any("Second words" in text for text in texts)
    assert pictures == 1
    assert [entry.kind for entry in store.entries()].count(EventKind.REPORT_DRAFTED) == 2


def test_signing_writes_one_pdf_whose_digest_the_ledger_holds(store: Store, folder: Path) -> None:
    analysed(store)
    decide_all(store)
    draft = replace(issue_report.load_draft(store, STUDY), key_images=(key_image(),))
    signed = sign(store, draft, folder)
    data = (folder / signed.pdf_name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == signed.pdf_sha256
    assert issue_report.signed_pdf(signed, folder) == data
    newest = store.entries()[-1]
    assert (newest.kind, newest.seq) == (EventKind.REPORT_SIGNED, signed.ledger_seq)
    assert newest.data["pdf_sha256"] == signed.pdf_sha256
    assert "no password, no certificate" in newest.data["manner"]
    assert issue_report.reports(store, STUDY) == (signed,)
    assert known_studies(store)[0].signed_version == 1
    assert [path.name for path in folder.iterdir()] == [signed.pdf_name]
    assert os.name == "nt" or (folder / signed.pdf_name).stat().st_mode & 0o077 == 0


def test_the_same_record_signs_the_same_bytes(store: Store, folder: Path) -> None:
    draft = written(issue_report.load_draft(store, STUDY))
    first = issue_report.preview(store, draft, institution="Riverside", reader=READER)
    assert issue_report.preview(store, draft, institution="Riverside", reader=READER) == first


def test_a_score_near_one_is_no_certainty_among_the_checks(store: Store) -> None:
    analysed(store, ("Pneumonia", 0.9991))
    draft = written(issue_report.load_draft(store, STUDY))
    stops = [item for item in issue_report.checks(store, draft) if item.state is CheckState.STOPS]
    assert [item.text for item in stops] == ["Pneumonia >0.99 is still pending"]


def test_a_pending_positive_stops_the_signature_until_it_is_decided(store: Store, folder: Path) -> None:
    analysed(store)
    draft = written(issue_report.load_draft(store, STUDY))
    stops = [item for item in issue_report.checks(store, draft) if item.state is CheckState.STOPS]
    assert [item.text for item in stops] == ["Pneumonia 0.93 is still pending"]
    assert stops[0].finding_id == review.findings(store, STUDY)[0].id
    with pytest.raises(SignatureStopped, match="still pending"):
        sign(store, draft, folder)
    assert issue_report.reports(store, STUDY) == ()
    assert not folder.exists()
    decide_all(store, ReviewState.LEFT_UNDECIDED)
    assert any("left undecided" in item.text for item in issue_report.checks(store, draft))
    assert sign(store, draft, folder).version == 1


def test_a_study_signs_without_ai_and_without_findings(store: Store, folder: Path) -> None:
    draft = issue_report.load_draft(store, STUDY)
    states = {item.state for item in issue_report.checks(store, draft)}
    assert CheckState.STOPS not in states
    assert sign(store, draft, folder).version == 1


def test_a_study_the_record_has_never_met_signs_too(store: Store, folder: Path) -> None:
    draft = written(issue_report.load_draft(store, "1.2.3.new"))
    assert sign(store, draft, folder).study_key == "1.2.3.new"


def test_nobody_signs_without_a_name(store: Store, folder: Path) -> None:
    with pytest.raises(SignatureStopped, match="Nobody is named"):
        issue_report.sign(
            store, issue_report.load_draft(store, STUDY), reader=" ", institution="", reports_dir=folder
        )


def test_a_signed_report_is_closed_and_changes_become_an_addendum(store: Store, folder: Path) -> None:
    draft = written(issue_report.load_draft(store, STUDY))
    first = sign(store, draft, folder)
    data = issue_report.signed_pdf(first, folder)
    for again in (
        lambda: issue_report.save_draft(store, draft, READER),
        lambda: sign(store, draft, folder),
    ):
        with pytest.raises(SignatureStopped, match="signed and closed"):
            again()
    assert issue_report.checks(store, draft)[0].state is CheckState.STOPS
    review.add_finding(store, STUDY, Decision(ReviewState.ADDED, "Nodule"), reader=READER)
    addendum = issue_report.load_draft(store, STUDY)
    assert (addendum.version, addendum.sections, addendum.saved_utc) == (2, draft.sections, "")
    addendum = issue_report.refill(addendum, review.findings(store, STUDY))
    assert addendum.sections.findings == "Clear lungs.\nNodule."
    second = sign(store, addendum, folder)
    assert (second.version, second.is_addendum) == (2, True)
    assert issue_report.reports(store, STUDY) == (first, second)
    assert issue_report.signed_pdf(first, folder) == data
    newest = store.entries()[-1]
    assert newest.kind == EventKind.REPORT_ADDENDED
    assert newest.data["previous_version_sha256"] == first.pdf_sha256


def test_decisions_after_a_signature_count_towards_the_next_version(store: Store, folder: Path) -> None:
    analysed(store)
    decide_all(store)
    sign(store, issue_report.load_draft(store, STUDY), folder)
    finding = review.findings(store, STUDY)[0]
    review.decide(store, finding.id, Decision(ReviewState.REJECTED, reason="reviewed"), reader=READER)
    versions = [e.data["report_version"] for e in store.entries() if e.kind.startswith("Finding")]
    assert versions == [1, 2]


def test_a_version_that_skips_one_is_refused(store: Store) -> None:
    with pytest.raises(SignatureStopped, match="cannot follow"):
        issue_report.save_draft(store, replace(issue_report.load_draft(store, STUDY), version=3), READER)


def test_a_key_image_of_another_study_stops_the_signature(store: Store, folder: Path) -> None:
    draft = replace(written(issue_report.load_draft(store, STUDY)), key_images=(key_image("other"),))
    with pytest.raises(SignatureStopped, match="another study"):
        sign(store, draft, folder)


def test_sides_that_disagree_are_a_doubt_with_its_finding(store: Store) -> None:
    added = review.add_finding(
        store, STUDY, Decision(ReviewState.ADDED, "Mass", Laterality.LEFT), reader=READER
    )
    draft = written(issue_report.load_draft(store, STUDY), "Mass in the right lung.")
    doubts = [item for item in issue_report.checks(store, draft) if item.finding_id == added.id]
    assert [(item.text, item.state) for item in doubts] == [
        ("Mass is left, the text says right", CheckState.DOUBT)
    ]
    for text in ("Mass in the left lung.", "Bilateral masses.", "Left mass, right lung clear."):
        agreed = issue_report.checks(store, written(draft, text))
        assert not any(item.finding_id == added.id for item in agreed)


def test_text_that_names_a_rejected_suggestion_is_a_doubt(store: Store) -> None:
    analysed(store)
    decide_all(store, ReviewState.REJECTED, "artefact")
    draft = written(issue_report.load_draft(store, STUDY), "Pneumonia, right.")
    texts = [item.text for item in issue_report.checks(store, draft) if item.state is CheckState.DOUBT]
    assert "The text names Pneumonia, which was rejected" in texts


def test_a_draft_changed_by_another_window_is_not_signed_unseen(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = written(issue_report.load_draft(store, STUDY), "What I saw.")
    real = issue_report.save_draft

    def overtaken(store: Store, draft: ReportDraft, reader: str) -> ReportDraft:
        real(store, draft, reader)
        return real(store, written(draft, "What I did not see."), reader)

    monkeypatch.setattr(issue_report, "save_draft", overtaken)
    with pytest.raises(SignatureStopped, match="changed a moment ago"):
        sign(store, draft, folder)
    assert issue_report.reports(store, STUDY) == ()


def test_a_disk_that_fills_while_the_pdf_is_written_leaves_no_half_signature(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = written(issue_report.load_draft(store, STUDY))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ExportFailed, match="Nothing was signed"):
            sign(store, draft, folder)
    assert list(folder.iterdir()) == []
    assert issue_report.reports(store, STUDY) == ()
    assert issue_report.load_draft(store, STUDY).sections == draft.sections
    assert sign(store, draft, folder).version == 1


def test_a_record_that_fills_while_signing_takes_the_pdf_back(store: Store, folder: Path) -> None:
    draft = issue_report.save_draft(store, written(issue_report.load_draft(store, STUDY)), READER)
    before = store.head()
    with store.reading() as tx:
        # No entry fits any more, whatever the page it would go to.
        tx.connection.exec_driver_sql(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON main.ledger BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    with pytest.raises(Exception, match="x"):
        sign(store, draft, folder)
    assert store.head() == before
    assert list(folder.iterdir()) == []


def test_a_reports_folder_that_is_a_file_is_said(store: Store, folder: Path) -> None:
    folder.write_text("in the way")
    with pytest.raises(ExportFailed):
        sign(store, written(issue_report.load_draft(store, STUDY)), folder)
    assert issue_report.reports(store, STUDY) == ()


def test_a_signed_pdf_that_was_changed_or_lost_is_not_handed_out(store: Store, folder: Path) -> None:
    signed = sign(store, written(issue_report.load_draft(store, STUDY)), folder)
    path = folder / signed.pdf_name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(ExportFailed, match="changed after it was signed"):
        issue_report.signed_pdf(signed, folder)
    path.unlink()
    with pytest.raises(ExportFailed, match="cannot be read"):
        issue_report.signed_pdf(signed, folder)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        {"sections": ReportSections(findings="x" * 60_000)},
        {"key_images": (key_image(),) * 30},
        {"key_images": (replace(key_image(), png=b"GIF89a"),)},
        {"key_images": (replace(key_image(), overlay_png=b"\x89PNG\r\n\x1a\n torn"),)},
    ],
)
def test_a_draft_out_of_bounds_is_refused_before_anything_is_kept(
    store: Store, change: dict[str, object]
) -> None:
    draft = replace(issue_report.load_draft(store, STUDY), **change)  # type: ignore[arg-type]
    before = store.head()
    with pytest.raises(InputRefused):
        issue_report.save_draft(store, draft, READER)
    with pytest.raises(InputRefused):
        issue_report.preview(store, draft, institution="", reader=READER)
    assert store.head() == before


def test_a_record_that_cannot_be_written_leaves_the_signature_undone(store: Store, folder: Path) -> None:
    draft = written(issue_report.load_draft(store, STUDY))
    reading = Store.open(store.path, read_only=True)
    with pytest.raises(StoreUnavailable):
        sign(reading, draft, folder)
    reading.close()
    assert not folder.exists()
