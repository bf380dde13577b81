"""`medvision record`: what the ledger holds, what stands, decisions, and whether it all verifies."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from medvision_desktop.cli_session import (
    DONE,
    AsJson,
    DataDir,
    Reader,
    StudyKey,
    cancellable,
    emit,
    progress_line,
    tell,
    workbench,
)
from medvision_desktop.errors import DecisionRefused, RecordDamaged, StoreUnavailable

if TYPE_CHECKING:
    from medvision_desktop.audit.store import Store
    from medvision_desktop.domain.findings import Decision, Finding

record = typer.Typer(
    help="Read the record, decide on findings, verify it.",
    rich_markup_mode=None,
)


class Verdict(StrEnum):
    """What can be decided about a suggestion on the command line."""

    ACCEPT = "accept"
    REJECT = "reject"
    OVERRIDE = "override"
    LEAVE = "leave"


_STATES: Final = {
    Verdict.ACCEPT: "accepted",
    Verdict.REJECT: "rejected",
    Verdict.OVERRIDE: "overridden",
    Verdict.LEAVE: "left undecided",
}


@record.command()
def log(
    context: typer.Context,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, help="Only the newest N entries.")
    ] = 100_000,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """List the entries of the ledger, the oldest first.

    The ledger holds pseudonyms and digests, never names.
    """
    with _reading(context, data_dir) as store:
        head, _ = store.head()
        for entry in store.entries(first=max(1, head - last + 1)):
            if as_json:
                emit({**vars(entry), "payload": json.loads(entry.payload)})
            else:
                tell(f"{entry.seq:>6}  {entry.at_utc}  {entry.kind:<22} {entry.subject}")
    return DONE


@record.command()
def studies(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """List the studies, the one opened last first."""
    from medvision_desktop.services.ingest import known_studies

    with _reading(context, data_dir) as store:
        for known in known_studies(store):
            if as_json:
                emit(
                    {
                        "study": known.study_key,
                        "patient": {"name": known.patient.name, "id": known.patient.id},
                        "opened_utc": known.opened_utc,
                        "ai": known.ai or None,
                        "positives": known.positives,
                        "undecided": known.undecided,
                        "read": known.read,
                        "signed_version": known.signed_version,
                        "draft": known.is_draft,
                    }
                )
            else:
                tell(f"{known.study_key}  {known.patient.name}  AI: {known.ai or 'not run'}")
    return DONE


@record.command()
def findings(
    context: typer.Context, study: StudyKey, data_dir: DataDir = None, as_json: AsJson = False
) -> int:
    """List what stands for a study.

    Suggestions with the newest decision on each, and what readers added.
    """
    from medvision_desktop.services import review

    with _reading(context, data_dir) as store:
        for finding in review.findings(store, study):
            _show(finding, as_json)
    return DONE


@record.command()
def decide(
    context: typer.Context,
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="Its id, as findings prints it.")],
    verdict: Annotated[Verdict, typer.Argument(help="What is decided.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; to reject or override it must be given.")
    ] = "",
    label: Annotated[str, typer.Option("--label", help="What it is instead.")] = "",
    laterality: Annotated[str, typer.Option("--laterality", help="right, left, both.")] = "not given",
    severity: Annotated[str, typer.Option("--severity", help="mild, moderate, severe.")] = "not graded",
    location: Annotated[str, typer.Option("--location", help="Where it lies.")] = "",
    comment: Annotated[str, typer.Option("--comment", help="Anything else.")] = "",
    reader: Reader = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Decide on a finding.

    A decision is never edited: a newer one supersedes it.
    """
    from medvision_desktop.services import review

    decision = _decision(
        _STATES[verdict],
        label=label,
        laterality=laterality,
        severity=severity,
        location=location,
        reason=reason,
        comment=comment,
    )
    with workbench(context, data_dir) as bench:
        _show(
            review.decide(bench.store, finding, decision, reader=reader or bench.settings.reader), as_json
        )
    return DONE


@record.command()
def add(
    context: typer.Context,
    study: StudyKey,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="What the reader sees.")],
    laterality: Annotated[str, typer.Option("--laterality", help="right, left, both.")] = "not given",
    severity: Annotated[str, typer.Option("--severity", help="mild, moderate, severe.")] = "not graded",
    location: Annotated[str, typer.Option("--location", help="Where it lies.")] = "",
    comment: Annotated[str, typer.Option("--comment", help="Anything else.")] = "",
    reader: Reader = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Add a finding that no model suggested."""
    from medvision_desktop.services import review

    decision = _decision(
        "added", label=label, laterality=laterality, severity=severity, location=location, comment=comment
    )
    with workbench(context, data_dir) as bench:
        who = reader or bench.settings.reader
        _show(review.add_finding(bench.store, study, decision, reader=who), as_json)
    return DONE


@record.command()
def verify(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """Check the chain, all that rests on it, and the PDFs.

    Nothing is written. The first line that is wrong is named, and how. Exit code 2 when anything is.
    """
    from medvision_desktop.services.verify import verify as check

    with _reading(context, data_dir) as store, cancellable() as cancel:
        result = check(store, progress=progress_line(), cancel=cancel)
    if as_json:
        emit(asdict(result))
    else:
        state = "verifies" if result.ok else "does not verify"
        tell(f"The record {state}: {result.entries} entries, head {result.head_hash[:16]}.")
        for note in result.notes:
            tell(f"  note: {note}")
        for fault in result.faults:
            tell(f"  entry {fault.seq}, {fault.part}: {fault.why}")
    if not result.ok:
        first = result.faults[0]
        raise RecordDamaged(
            f"The record does not verify: {first.part}, entry {first.seq}.",
            first.why,
            "Keep the file as it is, and restore the last good backup elsewhere.",
        )
    return DONE


def finding_item(finding: Finding) -> dict[str, Any]:
    """One finding as the JSON object of `docs/cli.md`."""
    score, decision = finding.score, finding.decision
    return {
        "finding": finding.id,
        "study": finding.study_key,
        "label": finding.label,
        "model": finding.model.name if finding.model else None,
        "probability": score.probability if score else None,
        **({} if score is None or score.volume_ml is None else {"volume_ml": score.volume_ml}),
        "positive": score.positive if score else None,
        "uncertain": score.uncertain if score else None,
        "analysis_seq": finding.analysis_seq,
        "state": decision.state.value,
        "decided_label": decision.label or None,
        "laterality": decision.laterality.value,
        "severity": decision.severity.value,
        "location": decision.location,
        "reason": decision.reason,
        "comment": decision.comment,
        "reader": finding.reader or None,
        "decided_utc": finding.decided_utc or None,
        "needs_decision": finding.needs_decision,
    }


def _show(finding: Finding, as_json: bool) -> None:
    if as_json:
        emit(finding_item(finding))
        return
    score = f"{finding.score.probability:.3f}" if finding.score else "added"
    if finding.score is not None and finding.score.volume_ml is not None:
        score = f"{finding.score.volume_ml:.2f} mL"
    tell(f"{finding.id}  {finding.label:<24} {score}  {finding.decision.state.value}")


def _decision(state: str, *, laterality: str, severity: str, **words: str) -> Decision:
    from medvision_desktop.domain.findings import Decision, Laterality, ReviewState, Severity

    try:
        side, degree = Laterality(laterality), Severity(severity)
    except ValueError as error:
        choices = ", ".join(option.value for kind in (Laterality, Severity) for option in kind)
        raise DecisionRefused(
            "A word is not one of those known.", f"{error}.", f"Known: {choices}."
        ) from error
    return Decision(ReviewState(state), laterality=side, severity=degree, **words)


@contextlib.contextmanager
def _reading(context: typer.Context, data_dir: Path | None) -> Iterator[Store]:
    """The record, opened for reading only: a damaged one can still be looked at."""
    from medvision_desktop.audit.store import Store

    with workbench(context, data_dir) as bench:
        path = bench.locations.record
        if not path.exists():
            raise StoreUnavailable(
                "There is no record yet.", f"{path} is not there.", "Open or analyse a study first."
            )
        store = Store.open(path, read_only=True)
        try:
            yield store
        finally:
            store.close()
