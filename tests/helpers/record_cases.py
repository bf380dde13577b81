"""Studies, results and pictures for tests of the record; every name in them is invented."""

from __future__ import annotations

import hashlib
import io
import sqlite3
from pathlib import Path

import numpy as np
from PIL import Image

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import (
    AnalysisState,
    GateCheck,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.provenance import InputRef, ModelRef, RunManifest
from medvision_desktop.domain.report import KeyImage
from medvision_desktop.domain.study import Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.services.analyse_record import record_analysis
from medvision_desktop.services.ingest import study_opened

READER = "Dr Canary Okonkwo"
STUDY, SERIES, IMAGE = "1.2.826.77.1", "1.2.826.77.1.2", "1.2.826.77.1.2.3"
PATIENT = Patient("Łukasz^Ærø", "CANARY-9RG1", "1940-03-05", "F")
MODEL = ModelRef("chest-pneumonia", "1.0.0", hashlib.sha256(b"weights").hexdigest())


def study(key: str = STUDY, patient: Patient = PATIENT) -> StudyRef:
    return StudyRef(
        key,
        patient,
        (series(),),
        uid=key,
        date="2004-08-26",
        time="18:50:00",
        description="canary description",
        accession="CANARY-ACC",
        institution="Canary General",
        referring_physician="Иванов^Canary",
        age="064Y",
    )


def series(uid: str = SERIES, modality: str = "CR") -> SeriesRef:
    return SeriesRef(uid, SourceKind.DICOM, (), modality=modality, body_part="CHEST", view_position="PA")


def result(
    *labels: tuple[str, float],
    model: ModelRef = MODEL,
    state: AnalysisState = AnalysisState.DONE,
    pixels: str = "pixels",
    maps: bool = True,
) -> InferenceResult:
    """A run on `IMAGE`; a label is positive from 0.5 on."""
    given = labels or (("Pneumonia", 0.93), ("Effusion", 0.2))
    scores = tuple(LabelScore(name, value, value, 0.5, value >= 0.5) for name, value in given)
    grid = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    pixel_sha256 = hashlib.sha256(pixels.encode()).hexdigest()
    return InferenceResult(
        state=state,
        model=model,
        gate=GateReport(
            ok=True,
            reasons=("age_outside_training",),
            checks=(GateCheck("age", False, "canary detail"), GateCheck("view", None)),
            wanted="a chest film of a child",
            given="canary given",
        ),
        labels=scores if state is AnalysisState.DONE else (),
        maps=tuple(HeatMap(name, "native", grid, (0.0, 0.0, 1000.0, 900.5)) for name, _ in given)
        if maps
        else (),
        manifest=RunManifest(
            model=model,
            inputs=(InputRef(pixel_sha256, 900, 1000, IMAGE),),
            preprocessing_version="1",
            thresholds=(("Pneumonia", 0.5),),
            calibration_id="platt-1",
            engine="onnxruntime",
            device="CPU",
            seed=0,
            started_utc="2026-01-01T00:00:00Z",
            duration_s=0.125,
            cam_method="native",
        ),
        seconds=0.125,
        message="canary message",
    )


def opened(store: Store) -> int:
    return study_opened(store, study(), series(), reader=READER)


def analysed(
    store: Store, *labels: tuple[str, float], pixels: str = "pixels", model: ModelRef = MODEL
) -> int:
    given = result(*labels, pixels=pixels, model=model)
    return record_analysis(
        store, STUDY, SERIES, IMAGE, given, READER, trained_on="3 500 images of children"
    )


def png(shade: int = 90, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, "PNG")
    return buffer.getvalue()


def key_image(study_key: str = STUDY, shade: int = 90) -> KeyImage:
    return KeyImage(
        id=f"key-{shade}",
        study_key=study_key,
        series_uid=SERIES,
        sop_instance_uid=IMAGE,
        frame_number=1,
        caption="PA, W 19000 L 10500",
        png=png(shade),
        overlay_png=png(shade + 20),
        overlay_caption="Model attention for Pneumonia, not a lesion outline",
    )


def raw(path: Path, *statements: str, unprotected: bool = False) -> None:
    """Change the file behind the program's back, as somebody with a database tool would."""
    connection = sqlite3.connect(path)
    try:
        if unprotected:
            connection.execute("DROP TRIGGER ledger_no_update")
            connection.execute("DROP TRIGGER ledger_no_delete")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    finally:
        connection.close()
