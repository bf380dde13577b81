"""What the report does on the db lane: plain functions that read and write the record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.report import ReportDraft, ReportSections, SignatureCheck, SignedReport
from medvision_desktop.errors import ExportFailed
from medvision_desktop.services import issue_report, review
from medvision_desktop.services.workbench import Workbench


@dataclass(frozen=True, eq=False)
class LoadedReport:
    """What the record holds of this report."""

    draft: ReportDraft
    checks: tuple[SignatureCheck, ...]
    reports: tuple[SignedReport, ...]
    findings: tuple[Finding, ...]


def load(bench: Workbench, key: str) -> LoadedReport:
    """The report of a study as the record holds it."""
    draft = issue_report.load_draft(bench.store, key)
    if draft.saved_utc:  # open: decisions may have been made since it was saved
        draft = issue_report.refill(draft, review.findings(bench.store, key))
    return around(bench, draft)


def around(bench: Workbench, draft: ReportDraft) -> LoadedReport:
    """A draft with what the record says around it."""
    store = bench.store
    return LoadedReport(
        draft=draft,
        checks=issue_report.checks(store, draft),
        reports=issue_report.reports(store, draft.study_key),
        findings=review.findings(store, draft.study_key),
    )


def refill(bench: Workbench, draft: ReportDraft) -> LoadedReport:
    """The draft with the decisions that were made since; the reader's words stay."""
    findings = review.findings(bench.store, draft.study_key)
    return around(bench, issue_report.refill(draft, findings))


def save(bench: Workbench, draft: ReportDraft, reader: str) -> LoadedReport:
    """Save the draft. Raises `StoreUnavailable`."""
    return around(bench, issue_report.save_draft(bench.store, draft, reader))


def pdf_of(bench: Workbench, draft: ReportDraft, signed: SignedReport | None, reader: str) -> bytes:
    """The PDF on screen: the signed file itself, or a preview of the draft."""
    if signed is None:
        return issue_report.preview(
            bench.store, draft, institution=bench.settings.institution, reader=reader
        )
    return issue_report.signed_pdf(signed, bench.locations.reports)


def sign(bench: Workbench, draft: ReportDraft, reader: str) -> SignedReport:
    """Save the draft and sign it. Raises `SignatureStopped`, `ExportFailed`, `StoreUnavailable`."""
    return issue_report.sign(
        bench.store,
        draft,
        reader=reader,
        institution=bench.settings.institution,
        reports_dir=bench.locations.reports,
    )


def write_copy(path: Path, pdf: bytes) -> None:
    """Write a copy. Raises `ExportFailed`."""
    try:
        path.write_bytes(pdf)
    except OSError as error:
        raise ExportFailed(
            "The PDF was not written.", f"{error.strerror}.", "Choose another folder."
        ) from error


def with_section(sections: ReportSections, name: str, text: str) -> ReportSections:
    """The sections with another text in one of them."""
    match name:
        case "indication":
            return replace(sections, indication=text)
        case "technique":
            return replace(sections, technique=text)
        case "comparison":
            return replace(sections, comparison=text)
        case "findings":
            return replace(sections, findings=text)
        case _:
            return replace(sections, impression=text)
