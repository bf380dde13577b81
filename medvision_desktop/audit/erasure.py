"""Erasing a person: what names them goes, what happened stays.

The rows of a patient's identity, studies, texts, key images and label maps are emptied together with
the salts of their digests. The ledger is untouched but for one more entry, so the chain still verifies;
nobody can test guesses against a digest whose salt is gone. Signed PDFs name the patient too: the caller
removes the files that are returned.
"""

from __future__ import annotations

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store


def erase_patient(store: Store, patient: str, *, reader: str) -> tuple[str, ...]:
    """Empty everything that names the patient of this pseudonym. Names of the signed PDFs to remove."""
    identity, report = schema.identity, schema.report
    with store.writing() as tx:
        studies = tx.connection.execute(
            sa.select(identity.c.pseudonym).where(identity.c.parent == patient, identity.c.kind == "study")
        ).scalars()
        subjects = list(studies.all())
        signed = tx.connection.execute(
            sa.select(report.c.pdf_name).where(report.c.study.in_(subjects), report.c.pdf_name.is_not(None))
        ).scalars()
        files = tuple(sorted(signed.all()))
        named = sa.or_(
            identity.c.pseudonym.in_([patient, *subjects]),
            sa.and_(identity.c.parent.in_(subjects), identity.c.kind.in_(("series", "instance"))),
        )
        tx.connection.execute(
            identity.update().where(named).values(natural_key=None, details=None, salt=None)
        )
        tx.connection.execute(
            schema.free_text.update()
            .where(schema.free_text.c.subject.in_(subjects))
            .values(text=None, salt=None)
        )
        tx.connection.execute(
            schema.key_image.update()
            .where(schema.key_image.c.subject.in_(subjects))
            .values(details=None, png=None, overlay_png=None, salt=None)
        )
        tx.connection.execute(
            schema.mask.update()
            .where(schema.mask.c.subject.in_(subjects))
            .values(details=None, voxels=None, salt=None)
        )
        tx.append(
            EventKind.IDENTITY_ERASED,
            actor=tx.reader(reader),
            subject=patient,
            payload={"patient_erased": patient, "reports": list(files)},
        )
    store.truncate_log()
    return files
