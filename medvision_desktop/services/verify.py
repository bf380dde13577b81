"""Does the record still say what was written into it?

Walks the chain, replays the read models, compares what the private tables hold with the digests in
the ledger, and hashes the PDFs on disk. Nothing is written. What was erased is counted, never a fault.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from medvision_desktop.audit import projection, schema
from medvision_desktop.audit.chain import Entry, walk
from medvision_desktop.audit.private import identity_digest, text_digest
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction, quick_fault
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.services.analyse_record import map_digest
from medvision_desktop.services.masks import mask_digest
from medvision_desktop.services.report_draft import image_digest
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_SIGNED: Final = frozenset({EventKind.REPORT_SIGNED, EventKind.REPORT_ADDENDED})
_MOST_FAULTS: Final = 100


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: in which part, at which entry (0 when at none), and how."""

    part: str  # database, chain, read models, texts, pictures, label maps, identities ...
    seq: int
    why: str


@dataclass(frozen=True)
class VerificationResult:
    """What a verification found; `ok` means no fault. No names, no texts: safe to print and log."""

    ok: bool
    entries: int
    head_seq: int
    head_hash: str
    reports: int
    erased: int
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Findings:
    """What is gathered on the way; at most `_MOST_FAULTS` faults."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    erased: int = 0

    def wrong(self, part: str, seq: int, why: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(part, seq, why))


def verify(
    store: Store,
    reports_dir: Path | None = None,
    *,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> VerificationResult:
    """Verify everything; `reports_dir` is the folder `reports` beside the record when not given.

    Raises `RecordDamaged` when the file cannot be read at all, and `StoreUnavailable`.
    """
    folder = reports_dir if reports_dir is not None else store.path.parent / "reports"
    found = _Findings()
    with store.snapshot() as tx:
        _database(tx, found)
        result = walk(_watched(tx.entries(), tx.head()[0], progress, cancel))
        if result.fault is not None:
            found.wrong("chain", result.fault.seq, result.fault.why)
        else:
            tail = quick_fault(tx)
            if tail is not None:
                found.wrong("chain", tail.seq, tail.why)
            # Beyond a broken chain nothing is known, so the rest is only compared when it holds.
            _read_models(tx, found)
            _digests(tx, found, cancel)
        for seq in result.clock_went_back:
            found.notes.append(f"Entry {seq}: the clock of this computer was set back before it.")
        signed = _reports(tx, folder, found)
    return VerificationResult(
        ok=not found.faults,
        entries=result.entries,
        head_seq=result.head_seq,
        head_hash=result.head_hash,
        reports=signed,
        erased=found.erased,
        faults=tuple(found.faults),
        notes=tuple(found.notes),
    )


def _watched(
    entries: Iterable[Entry], total: int, progress: ProgressSink, cancel: CancelToken | None
) -> Iterator[Entry]:
    for done, entry in enumerate(entries):
        if done % 500 == 0:
            progress(Progress(done, total, "Checking the chain"))
            if cancel is not None:
                cancel.check()
        yield entry


def _database(tx: Transaction, found: _Findings) -> None:
    for line in tx.connection.exec_driver_sql("PRAGMA quick_check(5)").scalars():
        if line != "ok":
            found.wrong("database", 0, "SQLite finds damaged pages or rows.")
            break
    triggers = set(
        tx.connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
        ).scalars()
    )
    for name in {"ledger_no_update", "ledger_no_delete"} - triggers:
        found.wrong("database", 0, f"The trigger {name}, which protects the ledger, is gone.")


def _read_models(tx: Transaction, found: _Findings) -> None:
    now = projection.dump(tx.connection)
    for name, wanted in projection.replayed(tx.entries()).items():
        have, want = Counter(now[name]), Counter(wanted)
        for row in [*(have - want), *(want - have)][:3]:
            found.wrong(
                "read models", _seq_of(name, row), f"Table {name} does not say what the ledger says."
            )


def _seq_of(table: str, row: tuple[Any, ...]) -> int:
    names = [column.name for column in schema.metadata.tables[table].columns]
    for name in ("seq", "signed_seq", "draft_seq"):
        if name in names and isinstance(row[names.index(name)], int):
            return int(row[names.index(name)])
    return 0


def _digests(tx: Transaction, found: _Findings, cancel: CancelToken | None) -> None:
    """Compare private rows with the newest digest the ledger holds of each."""
    newest: dict[str, tuple[int, str, str]] = {}
    replaced = _Replaced()
    for entry in tx.entries():
        if cancel is not None and entry.seq % 500 == 0:
            cancel.check()
        data = entry.data
        for part, pointer in _pointers(data):
            newest[pointer["id"]] = (entry.seq, part, pointer["digest"])
        replaced.note(entry)
        for position, listed in enumerate(data.get("maps", ())):
            _check_map(tx, found, entry.seq, position, listed["sha256"])
    current = _current_texts(tx)
    for name, (seq, part, wanted) in newest.items():
        have = _digest_now(tx, part, name)
        if have is None and name in replaced.masks:
            continue
        # What a newer draft replaced; a text goes with its own draft only.
        loose = part == "pictures" or (part == "texts" and have is None and _is_draft(tx, seq))
        if have is None and loose and name not in current:
            continue
        if have is None:
            _missing(tx, found, part, seq, name)
        elif have != wanted:
            found.wrong(part, seq, f"{name} is not what was recorded.")


class _Replaced:
    """Voxels of label maps that a later stroke replaced or that were taken away with their map."""

    def __init__(self) -> None:
        self.masks: set[str] = set()
        self._standing: dict[str, str] = {}

    def note(self, entry: Entry) -> None:
        if entry.kind != EventKind.MASK_EDITED:
            return
        data = entry.data
        self.masks.add(self._standing.pop(data["mask"], ""))
        if "voxels" in data:
            self._standing[data["mask"]] = data["voxels"]["id"]


def _digest_now(tx: Transaction, part: str, name: str) -> str | None:
    if part == "texts":
        return text_digest(tx.connection, name)
    if part == "pictures":
        return _picture_digest(tx, name)
    if part == "label maps":
        return mask_digest(tx.connection, name)
    return identity_digest(tx.connection, name)


def _pointers(data: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(data.get("words"), dict):
        yield "texts", data["words"]
    for image in data.get("key_images", ()):
        yield "pictures", image
    if isinstance(data.get("voxels"), dict):
        yield "label maps", data["voxels"]
    for name in ("patient", "study", "series", "reader"):
        if isinstance(data.get(name), dict):
            yield "identities", data[name]


def _current_texts(tx: Transaction) -> set[str]:
    """Texts and pictures that a report, signed or not, shows now."""
    names: set[str] = set()
    for row in tx.connection.execute(sa.select(schema.report.c.words, schema.report.c.key_images)):
        names.add(row.words)
        names.update(json.loads(row.key_images))
    return names


def _is_draft(tx: Transaction, seq: int) -> bool:
    return next(tx.entries(first=seq, last=seq)).kind == EventKind.REPORT_DRAFTED


def _missing(tx: Transaction, found: _Findings, part: str, seq: int, name: str) -> None:
    """Erased on purpose leaves the row or an entry that says so; anything else is a loss."""
    private = {"texts": schema.free_text, "pictures": schema.key_image, "label maps": schema.mask}
    table = private.get(part, schema.identity)
    key = table.primary_key.columns[0]
    kept = tx.connection.execute(sa.select(key).where(key == name)).first() is not None
    if kept:
        found.erased += 1
    else:
        found.wrong(part, seq, f"{name} is gone, and nothing in the record says that it was erased.")


def _picture_digest(tx: Transaction, name: str) -> str | None:
    table = schema.key_image
    row = tx.connection.execute(sa.select(table).where(table.c.id == name)).one_or_none()
    return None if row is None else image_digest(row)


def _check_map(tx: Transaction, found: _Findings, seq: int, position: int, wanted: str) -> None:
    table = schema.attention_map
    row = tx.connection.execute(
        sa.select(table).where(table.c.analysis_seq == seq, table.c.position == position)
    ).one_or_none()
    if row is None:
        found.wrong("attention maps", seq, f"Map {position} is gone.")
        return
    box = json.loads(row.box_xyxy)
    whole = len(row.grid) == 4 * row.rows * row.columns and len(box) == 4
    if whole:
        grid = np.frombuffer(row.grid, dtype="<f4").reshape(row.rows, row.columns)
        whole = map_digest(HeatMap(row.label, row.method, grid, tuple(box))) == wanted
    if not whole:
        found.wrong("attention maps", seq, f"Map {position} is not what was recorded.")


def _reports(tx: Transaction, folder: Path, found: _Findings) -> int:
    """Hash every signed PDF; name files in the folder that no entry knows."""
    known: set[str] = set()
    erased = _erased_reports(tx)
    for entry in tx.entries():
        if entry.kind not in _SIGNED:
            continue
        data = entry.data
        known.add(data["pdf_name"])
        if data["pdf_name"] in erased and not (folder / data["pdf_name"]).exists():
            found.erased += 1
            continue
        try:
            same = (
                hashlib.sha256((folder / data["pdf_name"]).read_bytes()).hexdigest() == data["pdf_sha256"]
            )
        except OSError:
            found.wrong("reports", entry.seq, "The signed PDF is not in the reports folder.")
            continue
        if not same:
            found.wrong("reports", entry.seq, "The signed PDF was changed after it was signed.")
    strangers = {path.name for path in folder.glob("*.pdf")} - known if folder.is_dir() else set()
    if strangers:
        found.notes.append(
            f"{len(strangers)} PDF in the reports folder were never signed: they are not reports."
        )
    return len(known)


def _erased_reports(tx: Transaction) -> set[str]:
    erased = (entry for entry in tx.entries() if entry.kind == EventKind.IDENTITY_ERASED)
    return {name for entry in erased for name in entry.data["reports"]}
