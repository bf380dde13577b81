"""Measurements in the record: entered the moment they are drawn, never edited, superseded by a later entry.

The ledger says that a measurement was drawn, changed or removed, on which image, and holds a salted
digest; its geometry and words lie in the erasable texts. What stands now is the newest entry of each.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.private import IdentityKind, keep_words, name_only, words_of
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource, Vector3
from medvision_desktop.domain.measurement import Measurement, MeasurementKind, Place
from medvision_desktop.services.ingest import study_pseudonym

_REMOVED: Final = "removed"


@dataclass(frozen=True)
class RecordedMeasurement:
    """What stands of one measurement: itself, and what it said when it was drawn."""

    measurement: Measurement
    said: tuple[str, ...]
    seq: int


def record(store: Store, measurement: Measurement, said: tuple[str, ...], *, reader: str) -> int:
    """Enter a measurement as it is now; an earlier entry of it is superseded. The entry's number.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    place = measurement.place
    words = {
        "kind": measurement.kind.value,
        "points": [[float(row), float(column)] for row, column in measurement.points],
        "words": measurement.words,
        "said": list(said),
        "series_uid": place.series_uid,
        "sop_instance_uid": place.sop_instance_uid,
        "frame_number": place.frame_number,
        "plane": place.plane,
        "index": place.index,
        "slab": place.slab,
        "cut": _told(place.cut),
        "phase": place.phase,
    }
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, place.study_key)
        before = _newest(tx, study).get(measurement.id)
        payload = {
            "study": study,
            "measurement": measurement.id,
            "state": "drawn" if before is None else "changed",
            "supersedes": before[0] if before else None,
            "words": keep_words(tx.connection, tx.random, study, words).as_payload(),
        }
        return _append(tx, study, payload, reader)


def remove(store: Store, study_key: str, measurement_id: str, *, reader: str) -> int | None:
    """Enter that a measurement was taken away; None when the record does not have it.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    with store.writing() as tx:
        study = study_pseudonym(tx, study_key)
        before = _newest(tx, study).get(measurement_id) if study is not None else None
        if study is None or before is None or before[1]["state"] == _REMOVED:
            return None
        payload = {
            "study": study,
            "measurement": measurement_id,
            "state": _REMOVED,
            "supersedes": before[0],
        }
        return _append(tx, study, payload, reader)


def measurements(store: Store, study_key: str) -> tuple[RecordedMeasurement, ...]:
    """What stands now, in the order it was first drawn. Erased ones are gone. Raises `StoreUnavailable`."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        if study is None:
            return ()
        found = (_restored(tx, study_key, *newest) for newest in _newest(tx, study).values())
        return tuple(one for one in found if one is not None)


def _append(tx: Transaction, study: str, payload: dict[str, Any], reader: str) -> int:
    actor = tx.reader(reader)
    return tx.append(EventKind.MEASUREMENT_RECORDED, actor=actor, subject=study, payload=payload).seq


def _newest(tx: Transaction, study: str) -> dict[str, tuple[int, dict[str, Any]]]:
    """The newest entry of each measurement by its id, in the order they were first drawn."""
    table = schema.ledger
    rows = tx.connection.execute(
        sa.select(table.c.seq, table.c.payload)
        .where(table.c.kind == EventKind.MEASUREMENT_RECORDED.value, table.c.subject == study)
        .order_by(table.c.seq)
    )
    newest: dict[str, tuple[int, dict[str, Any]]] = {}
    for row in rows:
        data: dict[str, Any] = json.loads(row.payload)
        newest[data["measurement"]] = (int(row.seq), data)
    return newest


def _restored(
    tx: Transaction, study_key: str, seq: int, data: dict[str, Any]
) -> RecordedMeasurement | None:
    if data["state"] == _REMOVED:
        return None
    words = words_of(tx.connection, data["words"]["id"])
    if not words:
        return None
    place = Place(
        study_key=study_key,
        series_uid=words["series_uid"],
        sop_instance_uid=words["sop_instance_uid"],
        frame_number=words["frame_number"],
        plane=words["plane"],
        index=words["index"],
        slab=words.get("slab", ""),  # older entries have none of these
        cut=_cut(words.get("cut")),
        phase=words.get("phase", 0),
    )
    measurement = Measurement(
        id=data["measurement"],
        kind=MeasurementKind(words["kind"]),
        points=tuple((float(row), float(column)) for row, column in words["points"]),
        place=place,
        words=words["words"],
    )
    return RecordedMeasurement(measurement, tuple(words["said"]), seq)


def _told(cut: PlaneGeometry | None) -> dict[str, Any] | None:
    """An oblique plane as numbers that come back to the last bit."""
    if cut is None:
        return None
    return {
        "origin": list(cut.origin_lps_mm),
        "row": list(cut.row_lps),
        "column": list(cut.column_lps),
        "spacing": [cut.spacing.row_mm, cut.spacing.column_mm],
        "frame_of_reference": cut.frame_of_reference,
    }


def _cut(told: dict[str, Any] | None) -> PlaneGeometry | None:
    if told is None:
        return None
    origin, row, column = (_vector(told[name]) for name in ("origin", "row", "column"))
    row_mm, column_mm = (float(step) for step in told["spacing"])
    spacing = PixelSpacing(row_mm, column_mm, SpacingSource.PATIENT)
    return PlaneGeometry(origin, row, column, spacing, told["frame_of_reference"])


def _vector(values: list[float]) -> Vector3:
    x, y, z = (float(value) for value in values)
    return x, y, z
