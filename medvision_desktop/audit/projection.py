"""The read models: what the ledger's entries add up to.

`apply` is the only code that writes them, from an entry's payload and from nothing else; a replay of
the ledger therefore gives the same rows. Kinds that change no read model are listed nowhere.

A new run of a model hides older suggestions for the same image that nobody has decided on. A decided
finding stays. When the new run asks the same question again (same weights, same pixels, same label)
and an older finding with that question is decided, the new suggestion is hidden instead, so that
nobody has to decide twice; other weights or other pixels are a new question.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import Entry
from medvision_desktop.audit.schema import EventKind

_PENDING: Final = "pending"


def apply(connection: sa.Connection, entry: Entry) -> None:
    """Bring the read models up to date with one entry."""
    handler = _HANDLERS.get(entry.kind)
    if handler is not None:
        handler(connection, entry)


def rebuild(connection: sa.Connection, entries: Iterable[Entry]) -> None:
    """Drop every row of the read models and replay the ledger."""
    for table in reversed(schema.READ_MODELS):
        connection.execute(table.delete())
    for entry in entries:
        apply(connection, entry)


def dump(connection: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every read model, ordered by primary key, to compare two of them."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for table in schema.READ_MODELS:
        query = sa.select(table).order_by(*table.primary_key.columns)
        rows[table.name] = [tuple(row) for row in connection.execute(query)]
    return rows


def replayed(entries: Iterable[Entry]) -> dict[str, list[tuple[Any, ...]]]:
    """`dump` of read models built from these entries in a database of their own, in memory."""
    engine = sa.create_engine("sqlite://", hide_parameters=True)
    try:
        with engine.connect() as connection:
            schema.metadata.create_all(connection, tables=list(schema.READ_MODELS))
            for entry in entries:
                apply(connection, entry)
            return dump(connection)
    finally:
        engine.dispose()


def _study(connection: sa.Connection, entry: Entry, pseudonym: str) -> None:
    known = connection.scalar(sa.select(schema.study.c.seq).where(schema.study.c.pseudonym == pseudonym))
    if known is None:
        connection.execute(schema.study.insert().values(pseudonym=pseudonym, seq=entry.seq))


def _study_opened(connection: sa.Connection, entry: Entry) -> None:
    data = entry.data
    study_id, series_id = data["study"]["id"], data["series"]["id"]
    _study(connection, entry, study_id)
    connection.execute(
        schema.study.update()
        .where(schema.study.c.pseudonym == study_id)
        .values(patient=data["patient"]["id"], opened_utc=entry.at_utc, seq=entry.seq)
    )
    table = schema.series
    connection.execute(table.delete().where(table.c.pseudonym == series_id))
    connection.execute(
        table.insert().values(pseudonym=series_id, study=study_id, modality=data["modality"], seq=entry.seq)
    )


def _reader_created(connection: sa.Connection, entry: Entry) -> None:
    connection.execute(
        schema.reader.insert().values(
            pseudonym=entry.data["reader"]["id"], created_utc=entry.at_utc, seq=entry.seq
        )
    )


def _analysis(connection: sa.Connection, entry: Entry) -> None:
    data = entry.data
    _study(connection, entry, data["study"])
    connection.execute(
        schema.inference.insert().values(
            seq=entry.seq,
            study=data["study"],
            series=data["series"],
            instance=data["instance"],
            frame_number=data["frame_number"],
            pixel_sha256=_pixels(data),
            state=data["state"],
            model_name=data["model"]["name"],
            model_version=data["model"]["version"],
            weights_sha256=data["model"]["weights_sha256"],
            ran_utc=entry.at_utc,
            reader=entry.actor,
        )
    )
    if data["state"] != "done":
        return
    decided = _decided_labels(connection, data)
    _hide_undecided(connection, entry, data)
    for position, label in enumerate(data["labels"]):
        connection.execute(
            schema.finding.insert().values(
                id=f"{entry.seq}.{position}",
                study=data["study"],
                analysis_seq=entry.seq,
                label=label["label"],
                probability=label["probability"],
                raw=label["raw"],
                threshold=label["threshold"],
                positive=label["positive"],
                uncertain=label["uncertain"],
                state=_PENDING,
                hidden_by=decided.get(label["label"]),
                seq=entry.seq,
            )
        )


def _pixels(data: dict[str, Any]) -> str:
    manifest = data.get("manifest")
    inputs = manifest["inputs"] if manifest else []
    return str(inputs[0]["pixel_sha256"]) if inputs else ""


def _same_image(data: dict[str, Any]) -> sa.ColumnElement[bool]:
    table = schema.inference
    return sa.and_(
        table.c.study == data["study"],
        table.c.instance == data["instance"],
        table.c.frame_number == data["frame_number"],
        table.c.model_name == data["model"]["name"],
    )


def _decided_labels(connection: sa.Connection, data: dict[str, Any]) -> dict[str, int]:
    """Labels that were decided on for the same weights and pixels, with the deciding entry."""
    finding, inference = schema.finding, schema.inference
    query = (
        sa.select(finding.c.label, finding.c.decision_seq)
        .join(inference, finding.c.analysis_seq == inference.c.seq)
        .where(
            _same_image(data),
            inference.c.weights_sha256 == data["model"]["weights_sha256"],
            inference.c.pixel_sha256 == _pixels(data),
            inference.c.pixel_sha256 != "",
            finding.c.decision_seq.is_not(None),
        )
        .order_by(finding.c.decision_seq)
    )
    return {row.label: row.decision_seq for row in connection.execute(query)}


def _hide_undecided(connection: sa.Connection, entry: Entry, data: dict[str, Any]) -> None:
    finding, inference = schema.finding, schema.inference
    older = sa.select(inference.c.seq).where(_same_image(data), inference.c.seq < entry.seq)
    connection.execute(
        finding.update()
        .where(
            finding.c.analysis_seq.in_(older),
            finding.c.decision_seq.is_(None),
            finding.c.hidden_by.is_(None),
        )
        .values(hidden_by=entry.seq)
    )


def _decision(connection: sa.Connection, entry: Entry) -> None:
    data = entry.data
    if entry.kind == EventKind.FINDING_ADDED and data["finding"] is None:
        _study(connection, entry, data["study"])
        finding_id = f"{entry.seq}.0"
        connection.execute(
            schema.finding.insert().values(
                id=finding_id, study=data["study"], label="", state=data["state"], seq=entry.seq
            )
        )
    else:
        finding_id = data["finding"]
    connection.execute(
        schema.decision.insert().values(
            seq=entry.seq,
            finding=finding_id,
            study=data["study"],
            state=data["state"],
            laterality=data["laterality"],
            severity=data["severity"],
            words=data["words"]["id"],
            supersedes=data["supersedes"],
            report_version=data["report_version"],
            reader=entry.actor,
            decided_utc=entry.at_utc,
        )
    )
    connection.execute(
        schema.finding.update()
        .where(schema.finding.c.id == finding_id)
        .values(state=data["state"], decision_seq=entry.seq)
    )


def _report_drafted(connection: sa.Connection, entry: Entry) -> None:
    data = entry.data
    _study(connection, entry, data["study"])
    table = schema.report
    connection.execute(
        table.delete().where(table.c.study == data["study"], table.c.version == data["version"])
    )
    connection.execute(
        table.insert().values(
            study=data["study"],
            version=data["version"],
            words=data["words"]["id"],
            key_images=json.dumps([image["id"] for image in data["key_images"]]),
            saved_utc=entry.at_utc,
            draft_seq=entry.seq,
        )
    )


def _report_signed(connection: sa.Connection, entry: Entry) -> None:
    data = entry.data
    table = schema.report
    connection.execute(
        table.update()
        .where(table.c.study == data["study"], table.c.version == data["version"])
        .values(
            signed_seq=entry.seq,
            signed_utc=data["signed_utc"],
            pdf_name=data["pdf_name"],
            pdf_sha256=data["pdf_sha256"],
            reader=entry.actor,
        )
    )


_HANDLERS: Final[dict[str, Callable[[sa.Connection, Entry], None]]] = {
    EventKind.STUDY_OPENED: _study_opened,
    EventKind.READER_CREATED: _reader_created,
    EventKind.ANALYSIS_RECORDED: _analysis,
    EventKind.GATE_REFUSED: _analysis,
    EventKind.ANALYSIS_FAILED: _analysis,
    EventKind.ANALYSIS_CANCELLED: _analysis,
    EventKind.FINDING_ACCEPTED: _decision,
    EventKind.FINDING_REJECTED: _decision,
    EventKind.FINDING_OVERRIDDEN: _decision,
    EventKind.FINDING_ADDED: _decision,
    EventKind.FINDING_LEFT_UNDECIDED: _decision,
    EventKind.REPORT_DRAFTED: _report_drafted,
    EventKind.REPORT_SIGNED: _report_signed,
    EventKind.REPORT_ADDENDED: _report_signed,
}
