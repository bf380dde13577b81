"""The words of a report that follow from the record: sentences for findings and for the AI.

Pure functions over frozen values. Nothing here draws, and nothing here reads the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from medvision_desktop.domain.findings import Finding, Laterality, ReviewState, Severity, probability_text
from medvision_desktop.domain.report import AiStatement, Report, ReportSections

DISCLAIMER: Final = "Suggestion: the radiologist decides."
NOT_RUN: Final = "No AI analysis was run on this study."
NOT_A_DEVICE: Final = "Not a medical device."
DRAFT: Final = "Draft, not signed"
SIGNATURE_KIND: Final = "no password, no certificate"
NOT_AN_OUTLINE: Final = "not a lesion outline"

_STANDS: Final = frozenset({ReviewState.ACCEPTED, ReviewState.OVERRIDDEN, ReviewState.ADDED})
_FELL: Final = frozenset({ReviewState.REJECTED, ReviewState.OVERRIDDEN, ReviewState.LEFT_UNDECIDED})
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIDES: Final = {
    Laterality.RIGHT: "right",
    Laterality.LEFT: "left",
    Laterality.BOTH: "both sides",
    Laterality.NOT_GIVEN: "",
}
_MODALITIES: Final = {
    "CR": "radiograph",
    "DX": "radiograph",
    "RG": "radiograph",
    "RF": "fluoroscopy",
    "MG": "mammogram",
    "CT": "CT",
    "MR": "MRI",
    "US": "ultrasound",
    "PT": "PET",
    "NM": "scintigraphy",
    "XA": "angiogram",
}
_ENDINGS: Final = {
    "abstained": "gave no answer",
    "refused": "did not run: the input gate refused the image",
    "failed": "was started and failed",
}


def finding_words(finding: Finding) -> str:
    """What the reader calls it: "Mass, left, lower zone, moderate", "Anterior hippocampus, 1.62 mL".

    A volume is that of the model's outline, so it goes with an outline that was accepted as it is.
    """
    decision = finding.decision
    volume = _volume(finding) if decision.state is ReviewState.ACCEPTED else ""
    parts = [decision.label or finding.label, volume, _SIDES[decision.laterality], decision.location]
    if decision.severity is not Severity.NOT_GRADED:
        parts.append(decision.severity.value)
    return ", ".join(part for part in parts if part)


def _volume(finding: Finding) -> str:
    measured = finding.score.volume_ml if finding.score is not None else None
    return "" if measured is None else f"{measured:.2f} mL"


def finding_sentence(finding: Finding) -> str:
    """One line of the findings section; empty for what is pending, rejected or undecided.

    No probability: a score is the model's, the sentence is the reader's.
    """
    if finding.decision.state not in _STANDS:
        return ""
    sentence = _sentence(finding_words(finding))
    comment = " ".join(finding.decision.comment.split())
    return f"{sentence} {_sentence(comment)}" if comment else sentence


def prefill(findings: Iterable[Finding], technique: str = "") -> ReportSections:
    """A first text from what was decided; sections nothing is known about stay empty."""
    standing = [finding for finding in findings if finding.decision.state in _STANDS]
    return ReportSections(
        technique=technique,
        findings="\n".join(dict.fromkeys(finding_sentence(finding) for finding in standing)),
        impression=_numbered(dict.fromkeys(_sentence(finding_words(finding)) for finding in standing)),
    )


def refilled(sections: ReportSections, findings: Iterable[Finding]) -> ReportSections:
    """The text with what was decided since; a line that the reader wrote is never touched.

    Findings: what stands and is missing is added at the end, so that nothing accepted is forgotten;
    generated lines of suggestions that fell are removed. Impression: made again while every line of
    it is a generated one, else only cleared of what fell. Words of an older override stay: they may
    have been edited.
    """
    known = tuple(findings)
    fallen = {line for finding in known if finding.decision.state in _FELL for line in _generated(finding)}
    wanted = [sentence for sentence in map(finding_sentence, known) if sentence]
    fallen -= set(wanted)
    kept = [line for line in sections.findings.split("\n") if line.strip() not in fallen]
    present = {line.strip() for line in kept}
    text = "\n".join([*kept, *(line for line in dict.fromkeys(wanted) if line not in present)]).strip("\n")
    impression = _impression(sections.impression, known, fallen)
    return ReportSections(sections.indication, sections.technique, sections.comparison, text, impression)


def names_what_fell(sections: ReportSections, finding: Finding) -> bool:
    """Whether a line of the text still begins with a suggestion that the reader did not keep."""
    if finding.decision.state not in _FELL or not finding.label:
        return False
    begins = re.compile(rf"\s*(\d+[.)]?\s+)?{re.escape(finding.label)}\s*[,.]", re.IGNORECASE)
    lines = f"{sections.findings}\n{sections.impression}".split("\n")
    return any(begins.match(line) for line in lines)


def _generated(finding: Finding) -> set[str]:
    """Every sentence that accepting this suggestion may have put into the text, but for places."""
    sides = [side for side in _SIDES.values() if side]
    degrees = [degree.value for degree in Severity if degree is not Severity.NOT_GRADED]
    return {
        _sentence(", ".join(part for part in (finding.label, volume, side, degree) if part))
        for volume in {"", _volume(finding)}
        for side in ("", *sides)
        for degree in ("", *degrees)
    }


def _impression(text: str, findings: tuple[Finding, ...], fallen: set[str]) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    bare = [re.sub(r"^\s*\d+[.)]?\s+", "", line).strip() for line in lines]
    ours = fallen.union(*map(_generated, findings)) | {
        _sentence(finding_words(finding)) for finding in findings
    }
    if all(line in ours for line in bare):
        return prefill(findings).impression
    if fallen.isdisjoint(bare):
        return text
    return "\n".join(line for line, words in zip(lines, bare, strict=True) if words not in fallen)


def exam_title(modality: str, body_part: str, view_position: str, description: str = "") -> str:
    """The head line: "Chest radiograph, PA"; the header's own description where codes say nothing."""
    kind = _MODALITIES.get(modality, "")
    part = body_part.replace("_", " ").strip().lower()
    if kind and part:
        title = f"{part} {kind}"
    else:
        words = "" if "://" in description else description.strip()  # NIfTI files name their source there
        title = kind or words or part or "radiology examination"
    title = title[0].upper() + title[1:]
    return f"{title}, {view_position}" if view_position and kind == "radiograph" else title


def technique_words(modality: str, body_part: str, view_position: str) -> str:
    """A first technique line from the header's codes; empty when they say nothing."""
    if modality not in _MODALITIES:
        return ""
    return f"{exam_title(modality, body_part, view_position)}."


def ai_paragraphs(report: Report) -> tuple[str, ...]:
    """The section on AI assistance: one paragraph a run, then what always holds."""
    if not report.ai:
        return (NOT_RUN,)
    added = [
        finding_words(finding) for finding in report.findings if finding.decision.state is ReviewState.ADDED
    ]
    by_reader = (_sentence(f"Added by the reader: {'; '.join(added)}"),) if added else ()
    return (*(_ai_sentence(report, statement) for statement in report.ai), *by_reader, DISCLAIMER)


def person_name(name: str) -> str:
    """A DICOM person name as people write it: "Larsen^Ingrid" becomes "Larsen, Ingrid" (PS3.5 6.2.1)."""
    group = next((group for group in name.split("=") if group.strip("^ ")), "")
    family, *rest = (part.strip() for part in group.split("^"))
    given = " ".join(part for part in rest[:2] if part)
    return f"{family}, {given}" if family and given else family or given


def day(iso: str) -> str:
    """An ISO date or time as "26 Aug 2004"; other text as it is."""
    try:
        parsed = date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return f"{parsed.day:02d} {_MONTHS[parsed.month - 1]} {parsed.year}"


def moment(iso: str) -> str:
    """An ISO time in UTC as "26 Aug 2004, 18:50 UTC"; empty stays empty."""
    return f"{day(iso)}, {iso[11:16]} UTC" if iso[11:16] else day(iso)


def short_hash(digest: str) -> str:
    """The first sixteen digits in groups of four."""
    return " ".join(re.findall("....", digest[:16]))


def _ai_sentence(report: Report, statement: AiStatement) -> str:
    name = f"{statement.model} {statement.version} (weights {short_hash(statement.weights_sha256)})"
    when = moment(statement.ran_utc)
    ended = _ENDINGS.get(statement.state)
    parts = [f"{name} {ended}, {when}." if ended else f"{name} ran on this study, {when}."]
    if statement.message and ended:
        parts.append(_sentence(statement.message))
    if statement.gate_reasons:
        doubts = ", ".join(reason.replace("_", " ") for reason in statement.gate_reasons)
        parts.append(f"Input gate: {doubts}.")
    outcome = _outcomes(report, statement) if not ended else ""
    if outcome:
        parts.append(outcome)
    parts.append(f"Research use; {_training(statement.trained_on)}.")
    if statement.manifest_digest:
        parts.append(f"Run manifest {statement.manifest_digest}.")
    return " ".join(parts)


def _training(trained_on: str) -> str:
    if not trained_on.strip():
        return "training data not stated"
    # A number grouped by plain spaces must not be broken over two lines.
    return re.sub(r"(?<=\d) (?=\d{3}\b)", "\u00a0", f"trained on {trained_on.strip().rstrip('.')}")


def _outcomes(report: Report, statement: AiStatement) -> str:
    told = []
    for finding in report.findings:
        model, score = finding.model, finding.score
        if model is None or score is None or model.weights_sha256 != statement.weights_sha256:
            continue
        state = finding.decision.state
        if state is ReviewState.PENDING and not finding.needs_decision:
            continue
        doubt = ", uncertain: review by hand" if score.uncertain else ""
        likely = probability_text(score.probability)
        numbers = f"{likely} (threshold {score.threshold:.2f}{doubt})"
        if score.volume_ml is not None:
            numbers = f"{score.volume_ml:.2f} mL (mean probability {likely}{doubt})"
        told.append(f"{score.label} {numbers} {state.value}")
    if told:
        return _sentence(", ".join(told))
    return "No suggestion at or above its threshold." if statement.state == "done" else ""


def _sentence(words: str) -> str:
    text = words.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?…" else f"{text}."


def _numbered(sentences: Iterable[str]) -> str:
    lines = list(sentences)
    if len(lines) < 2:
        return "".join(lines)
    return "\n".join(f"{number} {line}" for number, line in enumerate(lines, start=1))
