"""`medvision report`: write, preview and sign the report of a study, from the record alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medvision_desktop.cli_session import DONE, AsJson, DataDir, Reader, StudyKey, emit, tell, workbench
from medvision_desktop.errors import ExportFailed, InputRefused

if TYPE_CHECKING:
    from medvision_desktop.domain.report import ReportDraft, SignatureCheck, SignedReport
    from medvision_desktop.services.workbench import Workbench

report = typer.Typer(help="Write, preview and sign the report of a study.", rich_markup_mode=None)

_Words = Annotated[str | None, typer.Option(metavar="TEXT", help="The section; what is not given stays.")]


@report.command()
def show(context: typer.Context, study: StudyKey, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """Show the draft, its checks, and what is signed."""
    from medvision_desktop.services import issue_report

    with workbench(context, data_dir) as bench:
        draft = _draft(bench, study)
        checks = issue_report.checks(bench.store, draft)
        signed = issue_report.reports(bench.store, study)
    _tell_draft(draft, checks, as_json)
    for version in signed:
        _tell_signed(version, bench.locations.reports, as_json)
    return DONE


@report.command()
def write(
    context: typer.Context,
    study: StudyKey,
    indication: _Words = None,
    technique: _Words = None,
    comparison: _Words = None,
    findings: _Words = None,
    impression: _Words = None,
    reader: Reader = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Write sections of the draft and save it."""
    from medvision_desktop.services import issue_report

    given = {
        "indication": indication,
        "technique": technique,
        "comparison": comparison,
        "findings": findings,
        "impression": impression,
    }
    with workbench(context, data_dir) as bench:
        draft = _draft(bench, study)
        words = {name: text for name, text in given.items() if text is not None}
        changed = replace(draft, sections=replace(draft.sections, **words))
        saved = issue_report.save_draft(bench.store, changed, reader or bench.settings.reader)
        checks = issue_report.checks(bench.store, saved)
    _tell_draft(saved, checks, as_json)
    return DONE


@report.command()
def preview(
    context: typer.Context,
    study: StudyKey,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PDF to write.")],
    reader: Reader = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Write the draft as a PDF, marked as not signed."""
    from medvision_desktop.services import issue_report

    with workbench(context, data_dir) as bench:
        draft = _draft(bench, study)
        pdf = issue_report.preview(
            bench.store,
            draft,
            institution=bench.settings.institution,
            reader=reader or bench.settings.reader,
        )
    _write(out, pdf)
    if as_json:
        emit({"item": "preview", "study": study, "version": draft.version, "path": str(out)})
    else:
        tell(str(out))
    return DONE


@report.command()
def sign(
    context: typer.Context,
    study: StudyKey,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the PDF here.")
    ] = None,
    reader: Reader = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Sign the report and close it.

    An addendum is a new version. This signature has no password and no certificate.
    """
    from medvision_desktop.services import issue_report

    with workbench(context, data_dir) as bench:
        draft = _draft(bench, study)
        signed = issue_report.sign(
            bench.store,
            draft,
            reader=reader or bench.settings.reader,
            institution=bench.settings.institution,
            reports_dir=bench.locations.reports,
        )
        if out is not None:
            _write(out, issue_report.signed_pdf(signed, bench.locations.reports))
    _tell_signed(signed, bench.locations.reports, as_json)
    return DONE


def _draft(bench: Workbench, study: str) -> ReportDraft:
    """The draft that waits, or a new one, with what was decided since it was saved."""
    from medvision_desktop.services import issue_report
    from medvision_desktop.services.ingest import known_studies
    from medvision_desktop.services.review import findings

    if all(known.study_key != study for known in known_studies(bench.store)):
        raise InputRefused(
            "The record knows no such study.",
            f"{study!r} was never opened here.",
            "See medvision record studies.",
        )
    return issue_report.refill(issue_report.load_draft(bench.store, study), findings(bench.store, study))


def draft_item(draft: ReportDraft, checks: tuple[SignatureCheck, ...]) -> dict[str, Any]:
    """A draft as the JSON object of `docs/cli.md`."""
    return {
        "item": "draft",
        "study": draft.study_key,
        "version": draft.version,
        "sections": asdict(draft.sections),
        "key_images": len(draft.key_images),
        "saved_utc": draft.saved_utc or None,
        "checks": [
            {"text": check.text, "state": check.state.value, "finding": check.finding_id or None}
            for check in checks
        ],
    }


def signed_item(signed: SignedReport, folder: Path) -> dict[str, Any]:
    """A signed version as the JSON object of `docs/cli.md`."""
    return {
        "item": "signed",
        "study": signed.study_key,
        "version": signed.version,
        "addendum": signed.is_addendum,
        "path": str(folder / signed.pdf_name),
        "pdf_sha256": signed.pdf_sha256,
        "reader": signed.reader,
        "signed_utc": signed.signed_utc,
        "ledger_seq": signed.ledger_seq,
    }


def _tell_draft(draft: ReportDraft, checks: tuple[SignatureCheck, ...], as_json: bool) -> None:
    if as_json:
        emit(draft_item(draft, checks))
        return
    tell(f"Version {draft.version}, {'saved ' + draft.saved_utc if draft.saved_utc else 'not saved yet'}")
    for name, text in asdict(draft.sections).items():
        tell(f"{name.capitalize()}: {text.replace(chr(10), ' ')}")
    for check in checks:
        tell(f"  [{check.state.value}] {check.text}")


def _tell_signed(signed: SignedReport, folder: Path, as_json: bool) -> None:
    if as_json:
        emit(signed_item(signed, folder))
        return
    kind = "addendum" if signed.is_addendum else "report"
    tell(f"Signed {kind}, version {signed.version}, by {signed.reader} at {signed.signed_utc}: ")
    tell(f"  {folder / signed.pdf_name}")
    tell(f"  SHA-256 {signed.pdf_sha256}, ledger entry {signed.ledger_seq}")


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ExportFailed(
            "The PDF cannot be written.", f"{path}: {error.strerror}.", "Choose another file."
        ) from error
