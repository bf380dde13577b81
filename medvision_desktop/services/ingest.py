"""Opening a study leaves a trace: who opened which series, under pseudonyms.

Names, numbers and UIDs go to the erasable identity table; the ledger gets random pseudonyms and
salted digests of what the header said at that moment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical
from medvision_desktop.audit.private import IdentityKind, identity_of, pseudonym_of, remember
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
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
    study, identity = schema.study, schema.identity
    person = identity.alias()
    query = (
        sa.select(
            study.c.pseudonym,
            study.c.opened_utc,
            identity.c.natural_key.label("study_key"),
            person.c.details.label("patient"),
        )
        .join(identity, identity.c.pseudonym == study.c.pseudonym)
        .outerjoin(person, person.c.pseudonym == study.c.patient)
        .where(identity.c.natural_key.is_not(None))
        .order_by(study.c.seq.desc())
    )
    with store.reading() as tx:
        rows = tx.connection.execute(query).all()
        standing, ended, written = _standing(tx), _ended(tx), _written(tx)
    return tuple(
        StudySummary(
            study_key=row.study_key,
            patient=_patient(json.loads(row.patient) if row.patient else {}),
            opened_utc=row.opened_utc or "",
            ai=ended.get(row.pseudonym, ""),
            positives=standing.get(row.pseudonym, (0, 0, 0))[0],
            undecided=standing.get(row.pseudonym, (0, 0, 0))[1],
            read=row.pseudonym in written or standing.get(row.pseudonym, (0, 0, 0))[2] > 0,
            signed_version=written.get(row.pseudonym, (0, False))[0],
            is_draft=written.get(row.pseudonym, (0, False))[1],
        )
        for row in rows
    )


def _standing(tx: Transaction) -> dict[str, tuple[int, int, int]]:
    """Of the findings listed now, by study: positive ones, ones that wait, decided ones."""
    finding = schema.finding
    waits = sa.and_(
        finding.c.decision_seq.is_(None),
        sa.or_(finding.c.positive.is_(True), finding.c.uncertain.is_(True)),
    )
    query = (
        sa.select(
            finding.c.study,
            sa.func.count().filter(finding.c.positive.is_(True)),
            sa.func.count().filter(waits),
            sa.func.count(finding.c.decision_seq),
        )
        .where(finding.c.hidden_by.is_(None))
        .group_by(finding.c.study)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in tx.connection.execute(query)}


def _ended(tx: Transaction) -> dict[str, str]:
    """How the newest run of each study ended; cancelled ones are as good as not run."""
    run = schema.inference
    newest = (
        sa.select(sa.func.max(run.c.seq))
        .where(run.c.state != "cancelled")
        .group_by(run.c.study)
        .scalar_subquery()
    )
    query = sa.select(run.c.study, run.c.state).where(run.c.seq.in_(newest))
    return {row.study: row.state for row in tx.connection.execute(query)}


def _written(tx: Transaction) -> dict[str, tuple[int, bool]]:
    """The newest signed version of each study that has a report, and whether a draft waits."""
    report = schema.report
    signed = sa.func.max(report.c.version).filter(report.c.signed_seq.is_not(None))
    query = sa.select(
        report.c.study, sa.func.coalesce(signed, 0), sa.func.count() > sa.func.count(report.c.signed_seq)
    ).group_by(report.c.study)
    return {row[0]: (row[1], bool(row[2])) for row in tx.connection.execute(query)}


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
    return _patient(found.details if found is not None else {})


def _patient(details: Mapping[str, Any]) -> Patient:
    return Patient(**{name: str(details.get(name, "")) for name in ("name", "id", "birth_date", "sex")})


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
