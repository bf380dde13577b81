"""Writes what an analysis came to into the record, before anybody sees it.

The ledger gets model, scores, volumes, gate words, the run manifest and digests of the attention maps and
of the label map. What a header or an error said in words goes to the erasable text table. The maps
themselves are kept in the same transaction, so that the overlay is there after a restart.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical, digest
from medvision_desktop.audit.private import IdentityKind, keep_words, name_only
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.audit.transaction import Transaction
from medvision_desktop.domain.findings import (
    AnalysisState,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.provenance import ModelRef, RunManifest
from medvision_desktop.services.ingest import series_key
from medvision_desktop.services.masks import keep_voxels

_CANCELLED: Final = "cancelled"
_KINDS: Final = {
    AnalysisState.DONE: EventKind.ANALYSIS_RECORDED,
    AnalysisState.ABSTAINED: EventKind.ANALYSIS_RECORDED,
    AnalysisState.REFUSED: EventKind.GATE_REFUSED,
    AnalysisState.FAILED: EventKind.ANALYSIS_FAILED,
}


def record_analysis(
    store: Store,
    study_key: str,
    series_uid: str,
    sop_instance_uid: str,
    result: InferenceResult,
    reader: str,
    *,
    frame_number: int = 1,
    trained_on: str = "",
    intended_use: str = "",
) -> int:
    """Record one run, whatever came of it; the kind of entry follows from `result.state`.

    `trained_on` ("3 500 images of children, Guangzhou") and `intended_use` come from the model's
    manifest and are printed in reports, which are built from the record alone. The entry's number.
    Raises `StoreUnavailable`; then nothing may be shown.
    """
    manifest = result.manifest
    frame = manifest.inputs[0].frame_number if manifest and manifest.inputs else frame_number
    with store.writing() as tx:
        actor = tx.reader(reader)
        subject, places = _places(tx, study_key, series_uid, sop_instance_uid, frame)
        run = _manifest(tx, subject, manifest) if manifest else None
        payload: dict[str, Any] = {
            **places,
            "model": asdict(result.model),
            "state": result.state.value,
            "gate": {
                "ok": result.gate.ok,
                "reasons": list(result.gate.reasons),
                "checks": [{"name": check.name, "passed": check.passed} for check in result.gate.checks],
            },
            "labels": [_score(label) for label in result.labels],
            "maps": [
                {"label": heat.label, "method": heat.method, "sha256": map_digest(heat)}
                for heat in result.maps
            ],
            "manifest": run,
            "manifest_digest": digest(run) if run else "",
            "seconds": float(result.seconds),
            "training": {"trained_on": trained_on, "intended_use": intended_use},
            "words": _gate_words(tx, subject, result.gate, result.message),
        }
        if result.label_map is not None:
            payload["voxels"] = keep_voxels(tx, subject, result.label_map, series_uid).as_payload()
        entry = tx.append(_KINDS[result.state], actor=actor, subject=subject, payload=payload)
        for position, heat in enumerate(result.maps):
            _keep_map(tx, entry.seq, position, heat)
    return entry.seq


def record_gate_refused(
    store: Store,
    study_key: str,
    series_uid: str,
    sop_instance_uid: str,
    model: ModelRef,
    gate: GateReport,
    reader: str,
    *,
    message: str = "",
    frame_number: int = 1,
) -> int:
    """Record that the gate said no before any network ran. The entry's number."""
    refused = InferenceResult(AnalysisState.REFUSED, model, gate, message=message)
    return record_analysis(
        store, study_key, series_uid, sop_instance_uid, refused, reader, frame_number=frame_number
    )


def record_failed(
    store: Store,
    study_key: str,
    series_uid: str,
    sop_instance_uid: str,
    model: ModelRef,
    gate: GateReport,
    reader: str,
    *,
    message: str,
    frame_number: int = 1,
) -> int:
    """Record that the network was started and gave no result. The entry's number."""
    failed = InferenceResult(AnalysisState.FAILED, model, gate, message=message)
    return record_analysis(
        store, study_key, series_uid, sop_instance_uid, failed, reader, frame_number=frame_number
    )


def record_cancelled(
    store: Store,
    study_key: str,
    series_uid: str,
    sop_instance_uid: str,
    model: ModelRef,
    reader: str,
    *,
    frame_number: int = 1,
) -> int:
    """Record that the reader stopped a run. It leaves no finding. The entry's number."""
    with store.writing() as tx:
        actor = tx.reader(reader)
        subject, places = _places(tx, study_key, series_uid, sop_instance_uid, frame_number)
        payload = {**places, "model": asdict(model), "state": _CANCELLED}
        entry = tx.append(EventKind.ANALYSIS_CANCELLED, actor=actor, subject=subject, payload=payload)
    return entry.seq


def map_digest(heat: HeatMap) -> str:
    """SHA-256 of the grid as stored, its shape and its place."""
    state = hashlib.sha256(canonical([*heat.grid.shape, *map(float, heat.box_xyxy)]).encode("utf-8"))
    state.update(_grid_bytes(heat))
    return state.hexdigest()


def _grid_bytes(heat: HeatMap) -> bytes:
    return np.ascontiguousarray(heat.grid, dtype="<f4").tobytes()


def _keep_map(tx: Transaction, seq: int, position: int, heat: HeatMap) -> None:
    rows, columns = heat.grid.shape
    tx.connection.execute(
        schema.attention_map.insert().values(
            analysis_seq=seq,
            position=position,
            label=heat.label,
            method=heat.method,
            rows=rows,
            columns=columns,
            grid=_grid_bytes(heat),
            box_xyxy=canonical([float(edge) for edge in heat.box_xyxy]),
            faithfulness=None if heat.faithfulness is None else float(heat.faithfulness),
            random_faithfulness=None
            if heat.random_faithfulness is None
            else float(heat.random_faithfulness),
        )
    )


def _places(
    tx: Transaction, study_key: str, series_uid: str, sop_instance_uid: str, frame_number: int
) -> tuple[str, dict[str, Any]]:
    study = name_only(tx.connection, tx.random, IdentityKind.STUDY, study_key)
    series = name_only(
        tx.connection, tx.random, IdentityKind.SERIES, series_key(study, series_uid), parent=study
    )
    instance = _instance(tx, study, sop_instance_uid)
    return study, {"study": study, "series": series, "instance": instance, "frame_number": frame_number}


def _instance(tx: Transaction, study: str, sop_instance_uid: str) -> str:
    key = canonical([study, sop_instance_uid])
    return name_only(tx.connection, tx.random, IdentityKind.INSTANCE, key, parent=study)


def _manifest(tx: Transaction, study: str, manifest: RunManifest) -> dict[str, Any]:
    """The manifest as the ledger holds it: UIDs replaced by pseudonyms, numbers plain."""
    return {
        "model": asdict(manifest.model),
        "inputs": [
            {
                "pixel_sha256": given.pixel_sha256,
                "rows": int(given.rows),
                "columns": int(given.columns),
                "instance": _instance(tx, study, given.sop_instance_uid),
                "frame_number": int(given.frame_number),
            }
            for given in manifest.inputs
        ],
        "preprocessing_version": manifest.preprocessing_version,
        "thresholds": [[label, float(threshold)] for label, threshold in manifest.thresholds],
        "calibration_id": manifest.calibration_id,
        "engine": manifest.engine,
        "device": manifest.device,
        "seed": int(manifest.seed),
        "started_utc": manifest.started_utc,
        "duration_s": float(manifest.duration_s),
        "cam_method": manifest.cam_method,
    }


def _score(label: LabelScore) -> dict[str, Any]:
    return {
        "label": label.label,
        "probability": float(label.probability),
        "raw": float(label.raw),
        "threshold": float(label.threshold),
        "positive": bool(label.positive),
        "uncertain": bool(label.uncertain),
        **({} if label.volume_ml is None else {"volume_ml": round(float(label.volume_ml), 6)}),
    }


def _gate_words(tx: Transaction, subject: str, gate: GateReport, message: str) -> dict[str, str]:
    words = {
        "message": message,
        "wanted": gate.wanted,
        "given": gate.given,
        "details": [check.detail for check in gate.checks],
    }
    return keep_words(tx.connection, tx.random, subject, words).as_payload()
