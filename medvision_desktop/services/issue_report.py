"""From decisions to a signed PDF.

The report is built from the record and from nothing else. Signing is one transaction: checks, the
`Report`, its PDF on disk, and the entry that holds the PDF's SHA-256. If any of it fails, nothing is
signed; a PDF without its entry is not a report, and `verify` says so.

Signing here is a named reader's confirmation: no password, no certificate.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.private import IdentityKind, identity_of, name_only
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.report import (
    AiStatement,
    CheckState,
    Report,
    ReportDraft,
    SignatureCheck,
    SignedReport,
)
from medvision_desktop.errors import ExportFailed, MedVisionError, SignatureStopped
from medvision_desktop.reporting import pdf
from medvision_desktop.reporting import report as words
from medvision_desktop.reporting.place import place
from medvision_desktop.services import report_checks
from medvision_desktop.services.ingest import patient_of, study_pseudonym
from medvision_desktop.services.recorded import RecordedAnalysis, analyses_in, reader_name
from medvision_desktop.services.report_draft import (
    check_sizes,
    exam_codes,
    load_draft,
    refill,
    save_draft,
    stored,
)
from medvision_desktop.services.review import findings_in

__all__ = ["checks", "load_draft", "preview", "refill", "reports", "save_draft", "sign", "signed_pdf"]

_MANNER: Final = f"confirmation; {words.SIGNATURE_KIND}"


def checks(store: Store, draft: ReportDraft) -> tuple[SignatureCheck, ...]:
    """What stands above the sign button, from the draft as given and the record as it is."""
    with store.reading() as tx:
        built = _build(tx, draft, institution="", reader="")
        closed = _is_closed(tx, draft)
    found = report_checks.check(built)
    if closed:
        return (SignatureCheck("This version is signed and closed", CheckState.STOPS), *found)
    return found


def preview(store: Store, draft: ReportDraft, *, institution: str, reader: str) -> bytes:
    """The PDF as it would look, marked as a draft. Raises `ExportFailed`, `InputRefused`."""
    check_sizes(draft)
    with store.reading() as tx:
        built = _build(tx, draft, institution=institution, reader=reader)
    return pdf.render(built)


def sign(
    store: Store, draft: ReportDraft, *, reader: str, institution: str, reports_dir: Path
) -> SignedReport:
    """Save the draft, then sign what the record holds of it.

    Raises `SignatureStopped` with what it waits for, `ExportFailed` when the PDF cannot be made or
    written, and `StoreUnavailable`. Then nothing is signed, and the draft is kept as far as possible.
    """
    if not reader.strip():
        raise SignatureStopped(
            "Nobody is named as the reader.",
            "A signature carries the name of the person who gives it.",
            "Enter a name in the settings.",
        )
    save_draft(store, draft, reader)
    with contextlib.ExitStack() as undo:
        with store.writing() as tx:
            signed = _sign_within(tx, draft, reader, institution, reports_dir, store, undo)
        undo.pop_all()
    return signed


def reports(store: Store, study_key: str) -> tuple[SignedReport, ...]:
    """Every signed version of the study's report, the first version first."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        if study is None:
            return ()
        table = schema.report
        rows = tx.connection.execute(
            sa.select(table)
            .where(table.c.study == study, table.c.signed_seq.is_not(None))
            .order_by(table.c.version)
        ).all()
        return tuple(
            SignedReport(
                study_key=study_key,
                version=row.version,
                pdf_name=row.pdf_name,
                pdf_sha256=row.pdf_sha256,
                reader=reader_name(tx, row.reader),
                signed_utc=row.signed_utc,
                ledger_seq=row.signed_seq,
                is_addendum=row.version > 1,
            )
            for row in rows
        )


def signed_pdf(signed: SignedReport, reports_dir: Path) -> bytes:
    """The bytes that were signed. Raises `ExportFailed` when the file is gone or was changed."""
    try:
        data = (reports_dir / signed.pdf_name).read_bytes()
    except OSError as error:
        raise ExportFailed(
            "The signed report cannot be read.", f"{error.strerror}.", "Look for it in a backup."
        ) from error
    if hashlib.sha256(data).hexdigest() != signed.pdf_sha256:
        raise ExportFailed(
            "The signed report was changed after it was signed.",
            "Its SHA-256 is not the one in the record.",
            "Restore the file from a backup.",
        )
    return data


def _sign_within(
    tx: Transaction,
    draft: ReportDraft,
    reader: str,
    institution: str,
    reports_dir: Path,
    store: Store,
    undo: contextlib.ExitStack,
) -> SignedReport:
    study = name_only(tx.connection, tx.random, IdentityKind.STUDY, draft.study_key)
    row = _open_row(tx, study, draft)
    actor = tx.reader(reader)
    signed_utc = tx.now()
    kept = stored(tx, row, draft.study_key)
    built = _build(tx, kept, institution=institution, reader=reader, signed_utc=signed_utc)
    _stop_unless_ready(report_checks.check(built))
    data = pdf.render(built)
    sha256 = hashlib.sha256(data).hexdigest()
    placed = place(reports_dir, f"{sha256}.pdf", data)
    undo.callback(_withdraw, store, placed, sha256)
    kind = EventKind.REPORT_ADDENDED if draft.version > 1 else EventKind.REPORT_SIGNED
    payload = _signature_payload(tx, study, row, built, sha256, len(data))
    entry = tx.append(kind, actor=actor, subject=study, payload=payload)
    return SignedReport(
        study_key=draft.study_key,
        version=draft.version,
        pdf_name=placed.name,
        pdf_sha256=sha256,
        reader=reader,
        signed_utc=signed_utc,
        ledger_seq=entry.seq,
        is_addendum=draft.version > 1,
    )


def _withdraw(store: Store, placed: Path, sha256: str) -> None:
    """Remove a PDF whose entry did not come to be; keep it when that cannot be told."""
    table = schema.report
    with contextlib.suppress(MedVisionError, OSError), store.reading() as tx:
        known = tx.connection.scalar(sa.select(table.c.version).where(table.c.pdf_sha256 == sha256))
        if known is None:
            placed.unlink()


def _build(
    tx: Transaction, draft: ReportDraft, *, institution: str, reader: str, signed_utc: str = ""
) -> Report:
    """A `Report` of the record as this transaction sees it, with the sections of `draft`."""
    study = study_pseudonym(tx, draft.study_key)
    seq, head = tx.head()
    found = identity_of(tx.connection, study) if study else None
    details = found.details if found is not None else {}
    listed = findings_in(tx, study, draft.study_key) if study else ()
    runs = analyses_in(tx, study, draft.study_key) if study else ()
    codes = exam_codes(tx, study) if study else None
    title = words.exam_title(*vars(codes).values()) if codes else "Radiology examination"
    return Report(
        title=title,
        institution=institution or str(details.get("institution", "")),
        patient=patient_of(tx, study or ""),
        study_key=draft.study_key,
        study_date=str(details.get("date", "")),
        study_time=str(details.get("time", "")),
        accession=str(details.get("accession", "")),
        referring_physician=str(details.get("referring_physician", "")),
        version=draft.version,
        sections=draft.sections,
        findings=listed,
        key_images=draft.key_images,
        ai=_statements(runs, listed),
        reader=reader,
        signed_utc=signed_utc,
        ledger_seq=seq,
        ledger_head=head,
        previous_version_sha256=_previous(tx, study, draft.version),
    )


def _statements(runs: tuple[RecordedAnalysis, ...], listed: tuple[Finding, ...]) -> tuple[AiStatement, ...]:
    """The newest run of each model on each image, and every run a listed finding comes from."""
    needed = {finding.analysis_seq for finding in listed}
    seen: set[tuple[str, str, int]] = set()
    told = []
    for run in runs:
        place = (run.model.name, run.sop_instance_uid, run.frame_number)
        if place not in seen or run.seq in needed:
            told.append(
                AiStatement(
                    model=run.model.name,
                    version=run.model.version,
                    weights_sha256=run.model.weights_sha256,
                    state=run.state.value,
                    ran_utc=run.ran_utc,
                    manifest_digest=run.manifest_digest,
                    trained_on=run.trained_on,
                    intended_use=run.intended_use,
                    gate_reasons=run.gate.reasons,
                    message=run.message,
                )
            )
        seen.add(place)
    return tuple(reversed(told))


def _previous(tx: Transaction, study: str | None, version: int) -> str:
    table = schema.report
    found = tx.connection.scalar(
        sa.select(table.c.pdf_sha256).where(table.c.study == study, table.c.version == version - 1)
    )
    return str(found or "")


def _is_closed(tx: Transaction, draft: ReportDraft) -> bool:
    study = study_pseudonym(tx, draft.study_key)
    table = schema.report
    return study is not None and (
        tx.connection.scalar(
            sa.select(table.c.signed_seq).where(table.c.study == study, table.c.version == draft.version)
        )
        is not None
    )


def _open_row(tx: Transaction, study: str, draft: ReportDraft) -> sa.Row[Any]:
    """The saved row of this draft; refuses one that another window signed or changed meanwhile."""
    table = schema.report
    row = tx.connection.execute(
        sa.select(table).where(table.c.study == study, table.c.version == draft.version)
    ).one()
    if row.signed_seq is not None:
        raise SignatureStopped(
            f"Version {draft.version} was signed a moment ago.",
            "Another window did it.",
            "Write an addendum.",
        )
    kept = stored(tx, row, draft.study_key)
    if (kept.sections, kept.key_images) != (draft.sections, draft.key_images):
        raise SignatureStopped(
            "The draft was changed a moment ago.", "Another window did it.", "Open the report again."
        )
    return row


def _stop_unless_ready(found: tuple[SignatureCheck, ...]) -> None:
    stops = [item.text for item in found if item.state is CheckState.STOPS]
    if stops:
        raise SignatureStopped(
            "The report cannot be signed yet.",
            f"{'; '.join(stops)}.",
            "Decide on each, or leave it undecided on purpose.",
        )


def _signature_payload(
    tx: Transaction, study: str, row: sa.Row[Any], built: Report, sha256: str, size: int
) -> dict[str, Any]:
    """What the ledger keeps of a signature: digests and numbers, no text."""
    drafted = next(tx.entries(first=row.draft_seq, last=row.draft_seq)).data
    table = schema.finding
    standing = tx.connection.execute(
        sa.select(table.c.id, table.c.state, table.c.decision_seq)
        .where(table.c.study == study, table.c.hidden_by.is_(None))
        .order_by(table.c.seq, table.c.id)
    ).all()
    return {
        "study": study,
        "version": built.version,
        "pdf_name": f"{sha256}.pdf",
        "pdf_sha256": sha256,
        "pdf_bytes": size,
        "signed_utc": built.signed_utc,
        "manner": _MANNER,
        "words": drafted["words"],
        "key_images": drafted["key_images"],
        "findings": [
            {"id": item.id, "state": item.state, "decision_seq": item.decision_seq} for item in standing
        ],
        "built_on": {"seq": built.ledger_seq, "head": built.ledger_head},
        "previous_version_sha256": built.previous_version_sha256,
    }
