"""Measurements in the record: entered the moment they are drawn, never edited, superseded by a later entry.

The ledger says that a measurement was drawn, changed or removed, on which image, and holds a salted
digest; its geometry and words lie in the erasable texts. What stands now is the newest entry of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from medvision_desktop.audit.private import IdentityKind, keep_words, name_only, words_of
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource, Vector3
from medvision_desktop.domain.measurement import Measurement, MeasurementKind
from medvision_desktop.services.superseding import Thread, place_of, place_words

_DRAWN: Final = Thread(EventKind.MEASUREMENT_RECORDED, "measurement")


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
        **place_words(place),
        "slab": place.slab,
        "cut": _told(place.cut),
        "phase": place.phase,
    }
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, place.study_key)
        before = _DRAWN.newest(tx, study).get(measurement.id)
        state = "drawn" if before is None else "changed"
        kept = keep_words(tx.connection, tx.random, study, words).as_payload()
        return _DRAWN.enter(tx, study, measurement.id, state, before, reader=reader, words=kept)


def remove(store: Store, study_key: str, measurement_id: str, *, reader: str) -> int | None:
    """Enter that a measurement was taken away; None when the record does not have it.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    return _DRAWN.take_away(store, study_key, measurement_id, reader=reader)


def measurements(store: Store, study_key: str) -> tuple[RecordedMeasurement, ...]:
    """What stands now, in the order it was first drawn. Erased ones are gone. Raises `StoreUnavailable`."""
    with store.reading() as tx:
        found = (_restored(tx, study_key, *entry) for entry in _DRAWN.standing(tx, study_key))
        return tuple(one for one in found if one is not None)


def _restored(
    tx: Transaction, study_key: str, seq: int, data: dict[str, Any]
) -> RecordedMeasurement | None:
    words = words_of(tx.connection, data["words"]["id"])
    if not words:
        return None
    place = replace(
        place_of(study_key, words),
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
