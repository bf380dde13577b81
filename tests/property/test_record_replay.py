"""Whatever readers and models do, in whatever order, the ledger alone gives the read models again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import Entry, walk
from medvision_desktop.audit.projection import dump
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, GateReport, Laterality, ReviewState, Severity
from medvision_desktop.errors import DecisionRefused, SignatureStopped
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.analyse_record import record_cancelled, record_failed
from medvision_desktop.services.verify import verify
from tests.helpers.record_cases import IMAGE, MODEL, READER, SERIES, STUDY, analysed, opened

_DECISIONS = st.builds(
    Decision,
    state=st.sampled_from(ReviewState),
    label=st.text(max_size=8),
    laterality=st.sampled_from(Laterality),
    location=st.text(max_size=8),
    severity=st.sampled_from(Severity),
    reason=st.text(max_size=8),
    comment=st.text(max_size=8),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.none()),
        st.tuples(st.just("analyse"), st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 1))),
        st.tuples(st.just("decide"), st.tuples(st.integers(0, 5), _DECISIONS)),
        st.tuples(st.just("add"), _DECISIONS),
        st.tuples(st.just("fail"), st.none()),
        st.tuples(st.just("cancel"), st.none()),
        st.tuples(st.just("draft"), st.text(max_size=20)),
        st.tuples(st.just("sign"), st.none()),
    ),
    max_size=12,
)


def _step(store: Store, what: str, how: object) -> None:
    match what, how:
        case "open", _:
            opened(store)
        case "analyse", (str() as pixels, float() as probability):
            analysed(store, ("Pneumonia", probability), ("Effusion", 1 - probability), pixels=pixels)
        case "decide", (int() as place, Decision() as decision):
            listed = review.findings(store, STUDY)
            if listed:
                review.decide(store, listed[place % len(listed)].id, decision, reader=READER)
        case "add", Decision() as decision:
            review.add_finding(store, STUDY, decision, reader=READER)
        case "fail", _:
            record_failed(store, STUDY, SERIES, IMAGE, MODEL, GateReport(True), READER, message="m")
        case "cancel", _:
            record_cancelled(store, STUDY, SERIES, IMAGE, MODEL, READER)
        case "draft", str() as text:
            draft = issue_report.load_draft(store, STUDY)
            sections = replace(draft.sections, findings=text)
            issue_report.save_draft(store, replace(draft, sections=sections), READER)
        case "sign", _:
            issue_report.sign(
                store,
                issue_report.load_draft(store, STUDY),
                reader=READER,
                institution="",
                reports_dir=store.path.parent / "reports",
            )
        case _:
            raise AssertionError(what)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_STEPS)
def test_any_history_verifies_and_rebuilds_to_the_same_rows(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "record.sqlite3")
        try:
            for what, how in steps:
                before = store.head()
                try:
                    _step(store, what, how)
                except (DecisionRefused, SignatureStopped):
                    # A refused decision writes nothing; a stopped signature may have kept the draft.
                    assert what == "sign" or store.head() == before
            assert verify(store).faults == ()
            with store.reading() as tx:
                rows = dump(tx.connection)
            store.rebuild()
            with store.reading() as tx:
                assert dump(tx.connection) == rows
            _nothing_is_asked_twice(store)
        finally:
            store.close()


def _nothing_is_asked_twice(store: Store) -> None:
    """At most one open question for each label of one model on one image's pixels."""
    with store.reading() as tx:
        finding, run = schema.finding, schema.inference
        asked = tx.connection.execute(
            sa.select(run.c.instance, run.c.model_name, finding.c.label)
            .join(run, finding.c.analysis_seq == run.c.seq)
            .where(finding.c.hidden_by.is_(None), finding.c.decision_seq.is_(None))
        ).all()
    assert len(asked) == len(set(asked))


@settings(max_examples=150)
@given(data=st.data())
def test_no_single_changed_character_in_any_column_goes_unseen(data: st.DataObject) -> None:
    entries = list(_history())
    position = data.draw(st.integers(0, len(entries) - 1))
    column = data.draw(st.sampled_from(sorted(vars(entries[position]))))
    old = getattr(entries[position], column)
    if isinstance(old, int):
        new: object = data.draw(st.integers(0, 2**62).filter(lambda value: value != old))
    else:
        place = data.draw(st.integers(0, len(old)))
        sign = data.draw(st.characters(codec="utf-8"))
        cut = data.draw(st.booleans())
        new = old[:place] + sign + old[place + cut :]
        if new == old:
            new = old + sign
    entries[position] = replace(entries[position], **{column: new})
    assert walk(entries).fault is not None


def _history() -> tuple[Entry, ...]:
    """One fixed history, written once and kept: the property is about changing it."""
    if not _KEPT:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder) / "record.sqlite3")
            opened(store)
            analysed(store)
            review.add_finding(store, STUDY, Decision(ReviewState.ADDED, "x"), reader=READER)
            _KEPT.extend(store.entries())
            store.close()
    return tuple(_KEPT)


_KEPT: list[Entry] = []
