"""What the reader decides about findings, and what stands now.

A decision is never edited. A newer one supersedes it, and both stay in the ledger. Rejecting and
overriding need a reason. After a signature decisions go on: they count towards the next version of
the report, and never change a signed PDF.

    suggestion of a model     accept, reject, override, leave undecided
    added by a reader         override (say it better), reject (take it back), add again
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.private import (
    IdentityKind,
    identity_of,
    keep_words,
    name_only,
    words_of,
)
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.findings import (
    Decision,
    Finding,
    LabelScore,
    Laterality,
    ReviewState,
    Severity,
)
from medvision_desktop.domain.provenance import ModelRef
from medvision_desktop.errors import DecisionRefused
from medvision_desktop.services.ingest import study_pseudonym
from medvision_desktop.services.recorded import (
    RecordedAnalysis,
    analyses,
    label_map,
    maps,
    reader_name,
    volume_ml,
)

__all__ = [
    "RecordedAnalysis",
    "add_finding",
    "analyses",
    "decide",
    "findings",
    "findings_in",
    "history",
    "label_map",
    "maps",
]

_LONGEST: Final = 4000  # characters of one field of a decision
_KINDS: Final = {
    ReviewState.ACCEPTED: EventKind.FINDING_ACCEPTED,
    ReviewState.REJECTED: EventKind.FINDING_REJECTED,
    ReviewState.OVERRIDDEN: EventKind.FINDING_OVERRIDDEN,
    ReviewState.ADDED: EventKind.FINDING_ADDED,
    ReviewState.LEFT_UNDECIDED: EventKind.FINDING_LEFT_UNDECIDED,
}


def findings(store: Store, study_key: str) -> tuple[Finding, ...]:
    """What stands now: suggestions of the newest runs by probability, then what readers added."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        return () if study is None else findings_in(tx, study, study_key)


def findings_in(tx: Transaction, study: str, study_key: str) -> tuple[Finding, ...]:
    """`findings` within a transaction, by the study's pseudonym."""
    table = schema.finding
    rows = tx.connection.execute(
        sa.select(table)
        .where(table.c.study == study, table.c.hidden_by.is_(None))
        .order_by(table.c.probability.desc().nulls_last(), table.c.seq, table.c.id)
    ).all()
    return tuple(_finding(tx, row, study_key) for row in rows)


def decide(store: Store, finding_id: str, decision: Decision, *, reader: str) -> Finding:
    """Record a decision; it supersedes the one before. The finding as it stands then.

    Raises `DecisionRefused` (no reader, no reason, a state that does not fit, an unknown finding) and
    `StoreUnavailable`; then nothing has changed.
    """
    _check_reader(reader)
    with store.writing() as tx:
        table = schema.finding
        row = tx.connection.execute(sa.select(table).where(table.c.id == finding_id)).one_or_none()
        if row is None:
            raise DecisionRefused("This finding is not in the record.", "", "Open the study again.")
        if row.hidden_by is not None:
            raise DecisionRefused(
                "A newer run replaced this suggestion.",
                "A decision on it would not be seen.",
                "Decide on what the newer run suggests.",
            )
        checked = _checked(decision, is_suggestion=row.analysis_seq is not None)
        _append(tx, row.study, finding_id, checked, reader, supersedes=row.decision_seq)
        fresh = tx.connection.execute(sa.select(table).where(table.c.id == finding_id)).one()
        return _finding(tx, fresh, _study_key(tx, row.study))


def add_finding(store: Store, study_key: str, decision: Decision, *, reader: str) -> Finding:
    """Record a finding that no model suggested. Raises as `decide`."""
    _check_reader(reader)
    checked = _checked(replace(decision, state=ReviewState.ADDED), is_suggestion=False)
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, study_key)
        seq = _append(tx, study, None, checked, reader, supersedes=None)
        table = schema.finding
        row = tx.connection.execute(sa.select(table).where(table.c.seq == seq)).one()
        return _finding(tx, row, study_key)


def history(store: Store, finding_id: str) -> tuple[Finding, ...]:
    """The finding after each of its decisions, the oldest first."""
    with store.reading() as tx:
        table = schema.decision
        row = tx.connection.execute(
            sa.select(schema.finding).where(schema.finding.c.id == finding_id)
        ).one_or_none()
        if row is None:
            return ()
        study_key = _study_key(tx, row.study)
        steps = tx.connection.execute(
            sa.select(table.c.seq).where(table.c.finding == finding_id).order_by(table.c.seq)
        ).scalars()
        return tuple(_finding(tx, row, study_key, decision_seq=int(step)) for step in steps.all())


def _check_reader(reader: str) -> None:
    if not reader.strip():
        raise DecisionRefused(
            "Nobody is named as the reader.",
            "Every decision carries the name of the person who made it.",
            "Enter a name in the settings.",
        )


def _checked(decision: Decision, *, is_suggestion: bool) -> Decision:
    clean = replace(
        decision,
        label=_clean(decision.label),
        location=_clean(decision.location),
        reason=_clean(decision.reason),
        comment=_clean(decision.comment),
    )
    state = clean.state
    if state is ReviewState.PENDING:
        raise DecisionRefused(
            "A decision cannot be undone to “pending”.", "It stays in the record.", "Make another decision."
        )
    if not is_suggestion and state in (ReviewState.ACCEPTED, ReviewState.LEFT_UNDECIDED):
        raise DecisionRefused(
            "A finding that a reader added is not a suggestion.",
            "It can be overridden or rejected.",
            "Choose one of these.",
        )
    if is_suggestion and state is ReviewState.ADDED:
        raise DecisionRefused(
            "A suggestion cannot be added.", "It came from a model.", "Accept, override or reject it."
        )
    if state in (ReviewState.REJECTED, ReviewState.OVERRIDDEN) and not clean.reason:
        verb = "reject" if state is ReviewState.REJECTED else "override"
        raise DecisionRefused(f"To {verb} a finding, give a reason.", "", "Write a few words.")
    if state is ReviewState.ADDED and not clean.label:
        raise DecisionRefused("The finding has no name.", "", "Say what you see.")
    return clean


def _clean(text: str) -> str:
    if len(text) > _LONGEST:
        raise DecisionRefused(
            "The text is too long.", f"A field holds {_LONGEST} characters.", "Shorten it."
        )
    kept = "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())
    return kept.strip()


def _append(
    tx: Transaction,
    study: str,
    finding_id: str | None,
    decision: Decision,
    reader: str,
    supersedes: int | None,
) -> int:
    actor = tx.reader(reader)
    signed = tx.connection.scalar(
        sa.select(sa.func.max(schema.report.c.version)).where(
            schema.report.c.study == study, schema.report.c.signed_seq.is_not(None)
        )
    )
    words = {
        "label": decision.label,
        "location": decision.location,
        "reason": decision.reason,
        "comment": decision.comment,
    }
    payload = {
        "study": study,
        "finding": finding_id,
        "state": decision.state.value,
        "laterality": decision.laterality.value,
        "severity": decision.severity.value,
        "words": keep_words(tx.connection, tx.random, study, words).as_payload(),
        "supersedes": supersedes,
        "report_version": (signed or 0) + 1,
    }
    return tx.append(_KINDS[decision.state], actor=actor, subject=study, payload=payload).seq


def _study_key(tx: Transaction, study: str) -> str:
    found = identity_of(tx.connection, study)
    return "" if found is None else found.natural_key


def _finding(tx: Transaction, row: sa.Row[Any], study_key: str, decision_seq: int | None = None) -> Finding:
    seq = decision_seq if decision_seq is not None else row.decision_seq
    model = score = None
    if row.analysis_seq is not None:
        table = schema.inference
        run = tx.connection.execute(sa.select(table).where(table.c.seq == row.analysis_seq)).one()
        model = ModelRef(run.model_name, run.model_version, run.weights_sha256)
        volume = volume_ml(tx, row.analysis_seq, row.label)
        score = LabelScore(
            row.label, row.probability, row.raw, row.threshold, row.positive, row.uncertain, volume
        )
    decision, reader, decided = Decision(ReviewState.PENDING), "", ""
    if seq is not None:
        table = schema.decision
        made = tx.connection.execute(sa.select(table).where(table.c.seq == seq)).one()
        words = words_of(tx.connection, made.words)
        decision = Decision(
            state=ReviewState(made.state),
            laterality=Laterality(made.laterality),
            severity=Severity(made.severity),
            **{name: str(words.get(name, "")) for name in ("label", "location", "reason", "comment")},
        )
        reader, decided = reader_name(tx, made.reader), made.decided_utc
    return Finding(
        id=row.id,
        study_key=study_key,
        label=row.label or decision.label,
        analysis_seq=row.analysis_seq,
        model=model,
        score=score,
        decision=decision,
        reader=reader,
        decided_utc=decided,
    )
