"""What a report is made of, while it is written and once it is signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.study import Patient


@dataclass(frozen=True)
class ReportSections:
    """The five sections, free text each."""

    indication: str = ""
    technique: str = ""
    comparison: str = ""
    findings: str = ""
    impression: str = ""


@dataclass(frozen=True)
class KeyImage:
    """An image chosen for the report, drawn at the moment it was chosen.

    `png` is the plain image with its window; `overlay_png` the same with the model attention on,
    empty when there is none. `caption` names window and view, never the patient.
    """

    id: str
    study_key: str
    series_uid: str
    sop_instance_uid: str
    frame_number: int
    caption: str
    png: bytes
    overlay_png: bytes = b""
    overlay_caption: str = ""


@dataclass(frozen=True)
class ReportDraft:
    """A report being written. `version` counts from 1; an addendum is the next version."""

    study_key: str
    version: int
    sections: ReportSections
    key_images: tuple[KeyImage, ...] = ()
    saved_utc: str = ""


class CheckState(Enum):
    """How a check before the signature came out. Only `STOPS` keeps the report open."""

    OK = "ok"
    DOUBT = "doubt"
    STOPS = "stops"


@dataclass(frozen=True)
class SignatureCheck:
    """One line above the sign button; `finding_id` leads to the finding it speaks of."""

    text: str
    state: CheckState
    finding_id: str = ""


@dataclass(frozen=True)
class AiStatement:
    """What the report says of one analysis: which model, which weights, what became of it."""

    model: str
    version: str
    weights_sha256: str
    state: str
    ran_utc: str
    manifest_digest: str
    trained_on: str
    intended_use: str
    gate_reasons: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that is printed, read back from the record and from nothing else.

    `signed_utc` is empty on a draft's preview; `reader` is who would sign it. `ledger_seq` and
    `ledger_head` are the newest entry when the report was built.
    """

    title: str
    institution: str
    patient: Patient
    study_key: str
    study_date: str
    study_time: str
    accession: str
    referring_physician: str
    version: int
    sections: ReportSections
    findings: tuple[Finding, ...]
    key_images: tuple[KeyImage, ...]
    ai: tuple[AiStatement, ...]
    reader: str = ""
    signed_utc: str = ""
    ledger_seq: int = 0
    ledger_head: str = ""
    previous_version_sha256: str = ""


@dataclass(frozen=True)
class SignedReport:
    """A closed report: where its PDF lies and the SHA-256 that the ledger holds."""

    study_key: str
    version: int
    pdf_name: str
    pdf_sha256: str
    reader: str
    signed_utc: str
    ledger_seq: int
    is_addendum: bool = field(default=False)
