"""What the record holds of each run of a model, read back as it went in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.private import identity_of, words_of
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.findings import AnalysisState, GateCheck, GateReport, HeatMap, LabelScore
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.domain.provenance import InputRef, ModelRef, RunManifest
from medvision_desktop.services.ingest import study_pseudonym
from medvision_desktop.services.masks import kept_layer


@dataclass(frozen=True)
class RecordedAnalysis:
    """One run as the record holds it. UIDs are empty once the identity is erased."""

    seq: int
    study_key: str
    series_uid: str
    sop_instance_uid: str
    frame_number: int
    state: AnalysisState
    model: ModelRef
    gate: GateReport
    labels: tuple[LabelScore, ...]
    manifest: RunManifest | None
    manifest_digest: str
    ran_utc: str
    seconds: float
    message: str
    trained_on: str
    intended_use: str
    reader: str


def analyses(store: Store, study_key: str) -> tuple[RecordedAnalysis, ...]:
    """Every run on this study that came to an end, the newest first; cancelled ones are left out."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        return () if study is None else analyses_in(tx, study, study_key)


def analyses_in(tx: Transaction, study: str, study_key: str) -> tuple[RecordedAnalysis, ...]:
    """`analyses` within a transaction, by the study's pseudonym."""
    table = schema.inference
    rows = tx.connection.execute(
        sa.select(table.c.seq)
        .where(table.c.study == study, table.c.state != "cancelled")
        .order_by(table.c.seq.desc())
    ).scalars()
    return tuple(_analysis(tx, int(seq), study_key) for seq in rows.all())


def maps(store: Store, analysis_seq: int) -> tuple[HeatMap, ...]:
    """The attention maps of one run, as they were recorded."""
    table = schema.attention_map
    with store.reading() as tx:
        rows = tx.connection.execute(
            sa.select(table).where(table.c.analysis_seq == analysis_seq).order_by(table.c.position)
        ).all()
    found = []
    for row in rows:
        grid = np.frombuffer(row.grid, dtype="<f4").astype(np.float32).reshape(row.rows, row.columns)
        grid.setflags(write=False)
        left, top, right, bottom = json.loads(row.box_xyxy)
        found.append(
            HeatMap(
                label=row.label,
                method=row.method,
                grid=grid,
                box_xyxy=(float(left), float(top), float(right), float(bottom)),
                faithfulness=row.faithfulness,
                random_faithfulness=row.random_faithfulness,
            )
        )
    return tuple(found)


def label_map(store: Store, analysis_seq: int) -> LabelMap | None:
    """The label map of one run, as it was recorded; None where it made none or it was erased."""
    with store.reading() as tx:
        data = next(tx.entries(first=analysis_seq, last=analysis_seq)).data
        pointer = data.get("voxels")
        if pointer is None:
            return None
        return kept_layer(tx, pointer, f"{data['model']['name']}-{analysis_seq}")


def volume_ml(tx: Transaction, analysis_seq: int, label: str) -> float | None:
    """The volume that one run gave a label; None where it measured none."""
    labels = next(tx.entries(first=analysis_seq, last=analysis_seq)).data["labels"]
    return next((entry.get("volume_ml") for entry in labels if entry["label"] == label), None)


def reader_name(tx: Transaction, pseudonym: str) -> str:
    """The name behind an actor; empty for the program itself."""
    found = identity_of(tx.connection, pseudonym)
    return "" if found is None else found.natural_key


def _analysis(tx: Transaction, seq: int, study_key: str) -> RecordedAnalysis:
    entry = next(tx.entries(first=seq, last=seq))
    data = entry.data
    words = words_of(tx.connection, data["words"]["id"])
    details = [str(detail) for detail in words.get("details", [])]
    checks = data["gate"]["checks"]
    details += [""] * (len(checks) - len(details))
    return RecordedAnalysis(
        seq=seq,
        study_key=study_key,
        series_uid=_second_of_key(tx, data["series"]),
        sop_instance_uid=_second_of_key(tx, data["instance"]),
        frame_number=data["frame_number"],
        state=AnalysisState(data["state"]),
        model=ModelRef(**data["model"]),
        gate=GateReport(
            ok=data["gate"]["ok"],
            reasons=tuple(data["gate"]["reasons"]),
            checks=tuple(
                GateCheck(check["name"], check["passed"], detail)
                for check, detail in zip(checks, details, strict=False)
            ),
            wanted=str(words.get("wanted", "")),
            given=str(words.get("given", "")),
        ),
        labels=tuple(LabelScore(**label) for label in data["labels"]),
        manifest=_manifest(tx, data["manifest"]) if data["manifest"] else None,
        manifest_digest=data["manifest_digest"],
        ran_utc=entry.at_utc,
        seconds=data["seconds"],
        message=str(words.get("message", "")),
        trained_on=data["training"]["trained_on"],
        intended_use=data["training"]["intended_use"],
        reader=reader_name(tx, entry.actor),
    )


def _second_of_key(tx: Transaction, pseudonym: str) -> str:
    """The UID of a series or instance, whose natural keys are [study, UID]."""
    found = identity_of(tx.connection, pseudonym)
    if found is None or not found.natural_key:
        return ""
    _, uid = json.loads(found.natural_key)
    return str(uid)


def _manifest(tx: Transaction, data: dict[str, Any]) -> RunManifest:
    return RunManifest(
        model=ModelRef(**data["model"]),
        inputs=tuple(
            InputRef(
                pixel_sha256=given["pixel_sha256"],
                rows=given["rows"],
                columns=given["columns"],
                sop_instance_uid=_second_of_key(tx, given["instance"]),
                frame_number=given["frame_number"],
            )
            for given in data["inputs"]
        ),
        thresholds=tuple((str(label), float(threshold)) for label, threshold in data["thresholds"]),
        **{
            name: data[name]
            for name in (
                "preprocessing_version",
                "calibration_id",
                "engine",
                "device",
                "seed",
                "started_utc",
                "duration_s",
                "cam_method",
            )
        },
    )
