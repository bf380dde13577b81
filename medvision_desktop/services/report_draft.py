"""The unsigned report: kept in erasable tables, with a digest of each saved state in the ledger.

Only the newest text of a draft is kept; the digests of earlier ones stay. A signed version is closed,
and the next one begins as a copy of it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical
from medvision_desktop.audit.private import (
    IdentityKind,
    Pointer,
    forget_text,
    identity_of,
    keep_words,
    name_only,
    salted_digest,
    words_of,
)
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.findings import Finding
from medvision_desktop.domain.report import KeyImage, ReportDraft, ReportSections
from medvision_desktop.errors import InputRefused, SignatureStopped
from medvision_desktop.reporting import report as words
from medvision_desktop.services.ingest import study_pseudonym
from medvision_desktop.services.review import findings_in

_LONGEST_SECTION: Final = 50_000  # characters
_MOST_IMAGES: Final = 24
_LARGEST_PNG: Final = 32 * 2**20  # bytes
_MOST_PIXELS: Final = 16_000_000
_IMAGE_FIELDS: Final = (
    "id",
    "study_key",
    "series_uid",
    "sop_instance_uid",
    "frame_number",
    "caption",
    "overlay_caption",
)


@dataclass(frozen=True)
class ExamCodes:
    """What the header of the series that is reported says about the examination."""

    modality: str = ""
    body_part: str = ""
    view_position: str = ""
    description: str = ""


def load_draft(store: Store, study_key: str) -> ReportDraft:
    """The draft that waits, or a new one.

    A new first version is filled from the decisions; a new later version is a copy of the signed one.
    Nothing is written.
    """
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        if study is None:
            return ReportDraft(study_key, 1, ReportSections())
        table = schema.report
        row = tx.connection.execute(
            sa.select(table).where(table.c.study == study).order_by(table.c.version.desc()).limit(1)
        ).one_or_none()
        if row is None:
            codes = exam_codes(tx, study)
            technique = words.technique_words(codes.modality, codes.body_part, codes.view_position)
            listed = findings_in(tx, study, study_key)
            return ReportDraft(study_key, 1, words.prefill(listed, technique))
        draft = stored(tx, row, study_key)
    if row.signed_seq is None:
        return draft
    return replace(draft, version=row.version + 1, saved_utc="")


def refill(draft: ReportDraft, findings: tuple[Finding, ...]) -> ReportDraft:
    """The draft with what was decided since; sentences that the reader wrote stay as they are."""
    return replace(draft, sections=words.refilled(draft.sections, findings))


def save_draft(store: Store, draft: ReportDraft, reader: str) -> ReportDraft:
    """Keep the draft; saving the same text twice writes nothing. The draft with the time it was saved.

    Raises `SignatureStopped` when this version is closed, `InputRefused` when it is too large, and
    `StoreUnavailable`.
    """
    check_sizes(draft)
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, draft.study_key)
        newest = _check_open(tx, study, draft.version)
        if newest is not None:
            kept = stored(tx, newest, draft.study_key)
            if (kept.sections, kept.key_images) == (draft.sections, draft.key_images):
                return kept
        actor = tx.reader(reader)
        text = keep_words(tx.connection, tx.random, study, asdict(draft.sections))
        images = [_keep_image(tx, study, image) for image in draft.key_images]
        entry = tx.append(
            EventKind.REPORT_DRAFTED,
            actor=actor,
            subject=study,
            payload={
                "study": study,
                "version": draft.version,
                "words": text.as_payload(),
                "key_images": [image.as_payload() for image in images],
            },
        )
        if newest is not None:
            forget_text(tx.connection, newest.words)
        _forget_loose_images(tx, study)
    return replace(draft, saved_utc=entry.at_utc)


def stored(tx: Transaction, row: sa.Row[Any], study_key: str) -> ReportDraft:
    """The draft behind a row of the `report` read model."""
    found = words_of(tx.connection, row.words)
    images = (_image(tx, image_id) for image_id in json.loads(row.key_images))
    return ReportDraft(
        study_key=study_key,
        version=row.version,
        sections=ReportSections(**{str(name): str(text) for name, text in found.items()}),
        key_images=tuple(image for image in images if image is not None),
        saved_utc=row.saved_utc,
    )


def exam_codes(tx: Transaction, study: str) -> ExamCodes:
    """The codes of the series that was analysed last, else of the one that was opened last."""
    run, series = schema.inference, schema.series
    analysed = tx.connection.scalar(
        sa.select(run.c.series)
        .join(series, series.c.pseudonym == run.c.series)
        .where(run.c.study == study, run.c.state.in_(("done", "abstained")))
        .order_by(run.c.seq.desc())
        .limit(1)
    )
    opened = tx.connection.scalar(
        sa.select(series.c.pseudonym).where(series.c.study == study).order_by(series.c.seq.desc()).limit(1)
    )
    chosen = analysed or opened
    found = identity_of(tx.connection, chosen) if chosen else None
    details: Mapping[str, Any] = found.details if found is not None else {}
    names = ("modality", "body_part", "view_position", "description")
    return ExamCodes(**{name: str(details.get(name) or "") for name in names})


def image_digest(row: sa.Row[Any]) -> str | None:
    """The salted digest of a stored key image; None once it is erased."""
    if row.salt is None:
        return None
    return salted_digest(row.salt, row.details.encode("utf-8"), row.png, row.overlay_png)


def check_sizes(draft: ReportDraft) -> None:
    """Bounds before anything is kept or drawn. Raises `InputRefused`."""
    if max(map(len, asdict(draft.sections).values())) > _LONGEST_SECTION:
        raise InputRefused(
            "A section of the report is too long.",
            f"It holds {_LONGEST_SECTION} characters.",
            "Shorten it.",
        )
    if len(draft.key_images) > _MOST_IMAGES:
        raise InputRefused(
            "There are too many key images.", f"A report holds {_MOST_IMAGES}.", "Remove some of them."
        )
    for image in draft.key_images:
        for data in (image.png, image.overlay_png):
            if data:
                _check_png(data)


def _check_png(data: bytes) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            columns, rows = opened.size
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise InputRefused(
            "A key image cannot be kept.", "It is not a PNG picture.", "Take it again."
        ) from error
    if len(data) > _LARGEST_PNG or columns * rows > _MOST_PIXELS:
        raise InputRefused(
            "A key image is too large.", f"It has {columns} x {rows} pixels.", "Take it smaller."
        )


def _check_open(tx: Transaction, study: str, version: int) -> sa.Row[Any] | None:
    """The unsigned row of this version, if there is one; refuses a version that is not the open one."""
    table = schema.report
    rows = tx.connection.execute(sa.select(table).where(table.c.study == study)).all()
    signed = max((row.version for row in rows if row.signed_seq is not None), default=0)
    if version <= signed:
        raise SignatureStopped(
            f"Version {version} of this report is signed and closed.",
            "A signed report is never changed.",
            "Write an addendum: it becomes the next version.",
        )
    if version != signed + 1:
        raise SignatureStopped(
            f"Version {version} cannot follow version {signed}.", "", "Open the report again."
        )
    return next((row for row in rows if row.version == version), None)


def _keep_image(tx: Transaction, study: str, image: KeyImage) -> Pointer:
    details = canonical({name: getattr(image, name) for name in _IMAGE_FIELDS})
    table = schema.key_image
    same = tx.connection.execute(
        sa.select(table).where(
            table.c.subject == study,
            table.c.details == details,
            table.c.png == image.png,
            table.c.overlay_png == image.overlay_png,
        )
    ).first()
    if same is not None:
        return Pointer(same.id, image_digest(same) or "")
    name, salt = f"image-{tx.random(8).hex()}", tx.random(16)
    tx.connection.execute(
        table.insert().values(
            id=name,
            subject=study,
            details=details,
            png=image.png,
            overlay_png=image.overlay_png,
            salt=salt,
        )
    )
    return Pointer(name, salted_digest(salt, details.encode("utf-8"), image.png, image.overlay_png))


def _forget_loose_images(tx: Transaction, study: str) -> None:
    """Remove pictures that no version of the report shows any more."""
    lists = tx.connection.execute(
        sa.select(schema.report.c.key_images).where(schema.report.c.study == study)
    ).scalars()
    shown = {image_id for listed in lists for image_id in json.loads(listed)}
    table = schema.key_image
    tx.connection.execute(table.delete().where(table.c.subject == study, table.c.id.not_in(shown)))


def _image(tx: Transaction, image_id: str) -> KeyImage | None:
    table = schema.key_image
    row = tx.connection.execute(sa.select(table).where(table.c.id == image_id)).one_or_none()
    if row is None or row.details is None:
        return None
    return KeyImage(**json.loads(row.details), png=row.png, overlay_png=row.overlay_png)
