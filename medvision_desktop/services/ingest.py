"""Opening a study leaves a trace: who opened which series, under pseudonyms.

Names, numbers and UIDs go to the erasable identity table; the ledger gets random pseudonyms and
salted digests of what the header said at that moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical
from medvision_desktop.audit.private import IdentityKind, identity_of, pseudonym_of, remember
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store, Transaction
from medvision_desktop.domain.study import Patient, SeriesRef, StudyRef

# Modality (0008,0060) is a code string; anything else in that field might be words about a person.
_CODE: Final = re.compile(r"[A-Z0-9]{1,8}")


@dataclass(frozen=True)
class StudySummary:
    """What the record knows of one study, for the badges of the worklist.

    `ai`: "" (not run), or how the newest run ended: "done", "abstained", "refused", "failed".
    `positives`: suggestions at or above their threshold in what is listed now. `undecided`: those that
    wait for a decision. `read`: somebody has decided something or written a report.
    `signed_version`: newest signed report, 0 when there is none. `is_draft`: an unsigned one waits.
    """

    study_key: str
    patient: Patient
    opened_utc: str
    ai: str = ""
    positives: int = 0
    undecided: int = 0
    read: bool = False
    signed_version: int = 0
    is_draft: bool = False


def study_opened(store: Store, study: StudyRef, series: SeriesRef, *, reader: str) -> int:
    """Record that `reader` opened this series. The entry's number. Raises `StoreUnavailable`."""
    with store.writing() as tx:
        actor = tx.reader(reader)
        patient_key = canonical([study.patient.id, study.patient.name, study.patient.birth_date])
        if patient_key == canonical(["", "", ""]):
            # Two studies without a name are not the same person.
            patient_key = canonical(["study", study.key])
        patient = remember(tx.connection, tx.random, IdentityKind.PATIENT, patient_key, vars(study.patient))
        opened = remember(
            tx.connection,
            tx.random,
            IdentityKind.STUDY,
            study.key,
            _study_details(study),
            parent=patient.id,
        )
        listed = remember(
            tx.connection,
            tx.random,
            IdentityKind.SERIES,
            series_key(opened.id, series.uid),
            _series_details(series),
            parent=opened.id,
        )
        entry = tx.append(
            EventKind.STUDY_OPENED,
            actor=actor,
            subject=opened.id,
            payload={
                "patient": patient.as_payload(),
                "study": opened.as_payload(),
                "series": listed.as_payload(),
                "modality": series.modality if _CODE.fullmatch(series.modality) else "",
            },
        )
    return entry.seq


def known_studies(store: Store) -> tuple[StudySummary, ...]:
    """Every study the record knows and has not erased, the one opened last first."""
    with store.reading() as tx:
        table = schema.study
        rows = tx.connection.execute(sa.select(table).order_by(table.c.seq.desc())).all()
        found = [_summary(tx, row) for row in rows]
    return tuple(summary for summary in found if summary is not None)


def study_pseudonym(tx: Transaction, study_key: str) -> str | None:
    """The pseudonym of a study the record has met, or None."""
    return pseudonym_of(tx.connection, IdentityKind.STUDY, study_key)


def series_key(study_pseudonym: str, series_uid: str) -> str:
    """Natural key of a series: two studies may hold a series of the same UID."""
    return canonical([study_pseudonym, series_uid])


def patient_of(tx: Transaction, study_id: str) -> Patient:
    """Who was examined, as the header said when the study was opened last; empty once erased."""
    patient_id = tx.connection.scalar(
        sa.select(schema.study.c.patient).where(schema.study.c.pseudonym == study_id)
    )
    found = identity_of(tx.connection, patient_id) if patient_id else None
    if found is None or not found.details:
        return Patient()
    return Patient(
        **{name: str(found.details.get(name, "")) for name in ("name", "id", "birth_date", "sex")}
    )


def _study_details(study: StudyRef) -> dict[str, str | bool]:
    return {
        "uid": study.uid,
        "date": study.date,
        "time": study.time,
        "description": study.description,
        "accession": study.accession,
        "institution": study.institution,
        "referring_physician": study.referring_physician,
        "age": study.age,
        "is_sample": study.is_sample,
    }


def _series_details(series: SeriesRef) -> dict[str, str | int | None]:
    return {
        "kind": series.kind.value,
        "modality": series.modality,
        "description": series.description,
        "number": series.number,
        "body_part": series.body_part,
        "view_position": series.view_position,
        "laterality": series.laterality,
    }


def _summary(tx: Transaction, row: sa.Row[tuple[object, ...]]) -> StudySummary | None:
    identity = identity_of(tx.connection, row.pseudonym)
    if identity is None or identity.erased:
        return None
    finding, inference, report = schema.finding, schema.inference, schema.report
    listed = tx.connection.execute(
        sa.select(finding).where(finding.c.study == row.pseudonym, finding.c.hidden_by.is_(None))
    ).all()
    newest = tx.connection.scalar(
        sa.select(inference.c.state)
        .where(inference.c.study == row.pseudonym, inference.c.state != "cancelled")
        .order_by(inference.c.seq.desc())
        .limit(1)
    )
    reports = tx.connection.execute(
        sa.select(report.c.version, report.c.signed_seq).where(report.c.study == row.pseudonym)
    ).all()
    return StudySummary(
        study_key=identity.natural_key,
        patient=patient_of(tx, row.pseudonym),
        opened_utc=row.opened_utc or "",
        ai=newest or "",
        positives=sum(bool(item.positive) for item in listed),
        undecided=sum(
            item.decision_seq is None and bool(item.positive or item.uncertain) for item in listed
        ),
        read=bool(reports) or any(item.decision_seq is not None for item in listed),
        signed_version=max((item.version for item in reports if item.signed_seq is not None), default=0),
        is_draft=any(item.signed_seq is None for item in reports),
    )
