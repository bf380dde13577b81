"""What stands above the sign button: what is in order, what is doubtful, what stops the signature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from medvision_desktop.domain.findings import Finding, Laterality, ReviewState, probability_text
from medvision_desktop.domain.report import AiStatement, CheckState, Report, SignatureCheck
from medvision_desktop.reporting import typeset
from medvision_desktop.reporting.report import names_what_fell

_OPPOSITE: Final = {Laterality.LEFT: "right", Laterality.RIGHT: "left"}
_BOTH: Final = re.compile(r"\b(bilateral(ly)?|both)\b", re.IGNORECASE)
_OK: Final = CheckState.OK
_DOUBT: Final = CheckState.DOUBT
_STOPS: Final = CheckState.STOPS


def check(report: Report) -> tuple[SignatureCheck, ...]:
    """Every check of a report that is to be signed; what stops it comes first."""
    found = [
        *_decisions(report.findings),
        _identity(report),
        _key_images(report),
        _sides(report),
        *_analyses(report.ai),
        *_text(report),
        *_fallen(report),
    ]
    order = (_STOPS, _DOUBT, _OK)
    return tuple(sorted(dict.fromkeys(found), key=lambda item: order.index(item.state)))


def _decisions(findings: Sequence[Finding]) -> list[SignatureCheck]:
    pending = [finding for finding in findings if finding.needs_decision]
    left = [finding for finding in findings if finding.decision.state is ReviewState.LEFT_UNDECIDED]
    checks = [
        SignatureCheck(f"{finding.label} {_probability(finding)} is still pending", _STOPS, finding.id)
        for finding in pending
    ]
    checks += [
        SignatureCheck(
            f"{finding.label} {_probability(finding)} was left undecided on purpose", _DOUBT, finding.id
        )
        for finding in left
    ]
    suggested = any(finding.score is not None for finding in findings)
    if suggested and not pending:
        checks.append(SignatureCheck("No suggestion waits for a decision", _OK))
    return checks


def _probability(finding: Finding) -> str:
    if finding.score is None:
        return ""
    volume = finding.score.volume_ml
    return probability_text(finding.score.probability) if volume is None else f"{volume:.2f} mL"


def _identity(report: Report) -> SignatureCheck:
    if report.patient.name.strip("^ ") and report.patient.id:
        return SignatureCheck("The patient has a name and a number", _OK)
    return SignatureCheck("The header gives no patient name or no number", _DOUBT)


def _key_images(report: Report) -> SignatureCheck:
    if any(image.study_key != report.study_key for image in report.key_images):
        return SignatureCheck("A key image belongs to another study", _STOPS)
    if not report.key_images:
        return SignatureCheck("There is no key image", _OK)
    return SignatureCheck("Every key image belongs to this study", _OK)


def _sides(report: Report) -> SignatureCheck:
    text = f"{report.sections.findings}\n{report.sections.impression}"
    if not _BOTH.search(text):
        for finding in report.findings:
            opposite = _OPPOSITE.get(finding.decision.laterality, "")
            standing = finding.decision.state not in (ReviewState.REJECTED, ReviewState.PENDING)
            side = finding.decision.laterality.value
            if standing and opposite and _says(text, opposite) and not _says(text, side):
                return SignatureCheck(
                    f"{finding.decision.label or finding.label} is {side}, the text says {opposite}",
                    _DOUBT,
                    finding.id,
                )
        for one, other in (("left", "right"), ("right", "left")):
            only_here = _says(report.sections.findings, one) and not _says(report.sections.findings, other)
            only_there = _says(report.sections.impression, other) and not _says(
                report.sections.impression, one
            )
            if only_here and only_there:
                return SignatureCheck(f"Findings say {one}, the impression says {other}", _DOUBT)
    return SignatureCheck("Sides agree between decisions, findings and impression", _OK)


def _says(text: str, side: str) -> bool:
    return re.search(rf"\b{side}\b", text, re.IGNORECASE) is not None


def _analyses(statements: Sequence[AiStatement]) -> list[SignatureCheck]:
    checks = []
    for statement in statements:
        doubts = ", ".join(reason.replace("_", " ") for reason in statement.gate_reasons)
        if statement.state == "done" and doubts:
            checks.append(SignatureCheck(f"{statement.model} doubts this image: {doubts}", _DOUBT))
        elif statement.state != "done":
            checks.append(SignatureCheck(f"{statement.model}: {statement.state}", _DOUBT))
    return checks or [
        SignatureCheck("No AI analysis was run" if not statements else "AI ran without doubts", _OK)
    ]


def _fallen(report: Report) -> list[SignatureCheck]:
    standing = {
        (finding.decision.label or finding.label).lower()
        for finding in report.findings
        if finding.decision.state in (ReviewState.ACCEPTED, ReviewState.OVERRIDDEN, ReviewState.ADDED)
    }
    return [
        SignatureCheck(
            f"The text names {finding.label}, which was {finding.decision.state.value}", _DOUBT, finding.id
        )
        for finding in report.findings
        if finding.label.lower() not in standing and names_what_fell(report.sections, finding)
    ]


def _text(report: Report) -> list[SignatureCheck]:
    sections = report.sections
    checks = []
    if not sections.impression.strip():
        empty = "Findings and impression are" if not sections.findings.strip() else "The impression is"
        checks.append(SignatureCheck(f"{empty} empty", _DOUBT))
    everything = (*vars(sections).values(), report.patient.name, report.patient.id, report.reader)
    missing = typeset.drawable("".join(map(str, everything)))[1]
    if missing:
        checks.append(
            SignatureCheck(
                f"{len(missing)} characters cannot be drawn in the PDF and stand as codes", _DOUBT
            )
        )
    return checks
