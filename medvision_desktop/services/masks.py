"""Label maps that a reader drew or changed: in the record the moment a stroke ends.

The ledger says that a label map was drawn, changed or removed, and holds a salted digest of what it
then was. Grid, labels and voxels lie in an erasable table, which keeps the newest state of each map.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical
from medvision_desktop.audit.private import IdentityKind, Pointer, name_only, salted_digest
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.services.superseding import Thread

_EDITED: Final = Thread(EventKind.MASK_EDITED, "mask")
_SALT_BYTES: Final = 16
_NAME_BYTES: Final = 8
# Quick rather than small: labels are mostly runs of the same byte.
_LEVEL: Final = 1
_MOST_VOXELS: Final = 1 << 31


@dataclass(frozen=True, eq=False)
class RecordedMask:
    """What stands of one label map.

    `series_uid`: the images it was drawn on. `made_from`: the uid of the layer that it was a copy of,
    "" for one that began empty.
    """

    layer: LabelMap
    series_uid: str
    made_from: str
    seq: int


def record(
    store: Store, study_key: str, series_uid: str, layer: LabelMap, *, made_from: str, reader: str
) -> int:
    """Enter a label map as it is now; its earlier state is superseded. The entry's number.

    Raises `StoreUnavailable`; then nothing has changed.
    """
    details, voxels = _packed(layer, series_uid, made_from)
    with store.writing() as tx:
        study = name_only(tx.connection, tx.random, IdentityKind.STUDY, study_key)
        before = _EDITED.newest(tx, study).get(layer.uid)
        kept = _keep(tx, study, details, voxels)
        if before is not None and "voxels" in before[1]:
            _forget(tx, before[1]["voxels"]["id"])
        state = "drawn" if before is None else "changed"
        return _EDITED.enter(tx, study, layer.uid, state, before, reader=reader, voxels=kept.as_payload())


def remove(store: Store, study_key: str, uid: str, *, reader: str) -> int | None:
    """Enter that a label map was taken away; None when the record does not have it.

    Raises `StoreUnavailable`; then nothing has changed.
    """

    def forget(tx: Transaction, before: dict[str, Any]) -> None:
        _forget(tx, before["voxels"]["id"])

    return _EDITED.take_away(store, study_key, uid, reader=reader, forget=forget)


def masks(store: Store, study_key: str) -> tuple[RecordedMask, ...]:
    """What stands now, in the order it was begun. Erased ones are gone. Raises `StoreUnavailable`."""
    with store.reading() as tx:
        found = (_restored(tx, *entry) for entry in _EDITED.standing(tx, study_key))
        return tuple(one for one in found if one is not None)


def mask_digest(connection: sa.Connection, name: str) -> str | None:
    """The salted digest of a stored label map; None when it is erased or absent."""
    table = schema.mask
    row = connection.execute(sa.select(table).where(table.c.id == name)).one_or_none()
    if row is None or row.salt is None:
        return None
    return salted_digest(row.salt, row.details.encode("utf-8"), row.voxels)


def keep_voxels(tx: Transaction, study: str, layer: LabelMap, series_uid: str) -> Pointer:
    """Keep a label map that a model made, for the entry of its run; what the ledger shall name of it."""
    return _keep(tx, study, *_packed(layer, series_uid, ""))


def kept_layer(tx: Transaction, pointer: dict[str, str], uid: str) -> LabelMap | None:
    """The label map of a model's run by what its entry names; None once erased or tampered with."""
    found = _stored(tx, pointer, uid)
    return None if found is None else replace(found[0], origin=LayerOrigin.MODEL)


def _packed(layer: LabelMap, series_uid: str, made_from: str) -> tuple[str, bytes]:
    """Grid and labels as canonical JSON, and the compressed bytes of the box that holds all labels."""
    box = _box(layer.values_kji)
    details = canonical(_details(layer, box, series_uid, made_from))
    # The array itself: a copy as bytes would hold every thread, the window's among them.
    return details, zlib.compress(np.ascontiguousarray(layer.values_kji[box]).data, _LEVEL)


def _details(layer: LabelMap, box: tuple[slice, ...], series_uid: str, made_from: str) -> dict[str, Any]:
    return {
        "shape": list(layer.values_kji.shape),
        "box": [[part.start, part.stop] for part in box],
        "affine": [[float(value) for value in row] for row in layer.affine_kji_to_lps],
        "segments": [
            {
                "number": one.number,
                "label": one.label,
                "colour": list(one.colour),
                "code": list(one.code) if one.code else None,
                "algorithm": one.algorithm,
            }
            for one in layer.segments
        ],
        "title": layer.title,
        "source": layer.source,
        "frame_of_reference": layer.frame_of_reference,
        "badges": list(layer.badges),
        "series_uid": series_uid,
        "made_from": made_from,
    }


def _box(values: NDArray[np.uint8]) -> tuple[slice, slice, slice]:
    """The smallest box that holds every label; an empty one for none."""
    found: list[slice] = []
    part = values
    for axis in range(3):
        others = tuple(one for one in range(3) if one != axis)
        holds = np.flatnonzero(part.any(axis=others))
        edge = slice(int(holds[0]), int(holds[-1]) + 1) if holds.size else slice(0, 0)
        found.append(edge)
        part = part[tuple(edge if one == axis else slice(None) for one in range(3))]
    return found[0], found[1], found[2]


def _keep(tx: Transaction, study: str, details: str, voxels: bytes) -> Pointer:
    name, salt = f"mask-{tx.random(_NAME_BYTES).hex()}", tx.random(_SALT_BYTES)
    tx.connection.execute(
        schema.mask.insert().values(id=name, subject=study, details=details, voxels=voxels, salt=salt)
    )
    return Pointer(name, salted_digest(salt, details.encode("utf-8"), voxels))


def _forget(tx: Transaction, name: str) -> None:
    """Remove the state that a newer one replaces; the ledger keeps its digest."""
    tx.connection.execute(schema.mask.delete().where(schema.mask.c.id == name))


def _restored(tx: Transaction, seq: int, data: dict[str, Any]) -> RecordedMask | None:
    """None for what was erased, and for a row that was tampered with: `verify` names it."""
    found = _stored(tx, data["voxels"], data["mask"])
    if found is None:
        return None
    layer, details = found
    return RecordedMask(layer, details["series_uid"], details["made_from"], seq)


def _stored(tx: Transaction, pointer: dict[str, str], uid: str) -> tuple[LabelMap, dict[str, Any]] | None:
    table = schema.mask
    row = tx.connection.execute(sa.select(table).where(table.c.id == pointer["id"])).one_or_none()
    if row is None or row.salt is None:
        return None
    if salted_digest(row.salt, row.details.encode("utf-8"), row.voxels) != pointer["digest"]:
        return None
    details = json.loads(row.details)
    values = _unpacked(row.voxels, details["shape"], details["box"])
    if values is None:
        return None
    layer = LabelMap(
        values_kji=values,
        affine_kji_to_lps=np.asarray(details["affine"], dtype=np.float64),
        segments=tuple(_segment(one) for one in details["segments"]),
        uid=uid,
        title=details["title"],
        source=details["source"],
        origin=LayerOrigin.READER,
        frame_of_reference=details["frame_of_reference"],
        badges=tuple(details["badges"]),
    )
    return layer, details


def _segment(told: dict[str, Any]) -> Segment:
    red, green, blue = told["colour"]
    code = told["code"]
    return Segment(
        number=told["number"],
        label=told["label"],
        colour=(red, green, blue),
        code=(code[0], code[1], code[2]) if code else None,
        algorithm=told["algorithm"],
    )


def _unpacked(data: bytes, shape: list[int], box: list[list[int]]) -> NDArray[np.uint8] | None:
    """The whole grid with the box in its place; None where the numbers cannot be right."""
    fits = len(shape) == len(box) == 3 and math.prod(shape) <= _MOST_VOXELS
    if not fits or any(not 0 <= low <= high <= side for (low, high), side in zip(box, shape, strict=True)):
        return None
    sides = [high - low for low, high in box]
    count = math.prod(sides)
    part = zlib.decompressobj().decompress(data, count + 1)
    if len(part) != count:
        return None
    values = np.zeros(shape, np.uint8)
    values[tuple(slice(low, high) for low, high in box)] = np.frombuffer(part, np.uint8).reshape(sides)
    return values
