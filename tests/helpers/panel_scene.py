"""A study, a record on disk and the models of the panels; every name in it is invented."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import (
    AnalysisState,
    GateCheck,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.provenance import InputRef, ModelRef, RunManifest
from medvision_desktop.domain.report import KeyImage
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.paths import Locations
from medvision_desktop.services import ingest
from medvision_desktop.services.analyse_record import record_analysis
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.ui.notify import ErrorNotice, Notifier, Toast
from medvision_desktop.ui.viewmodels.findings import FindingsModel
from medvision_desktop.ui.viewmodels.report import ReportModel
from medvision_desktop.ui.workers.lane import Lanes
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

READER = "Dr Vale"
MODEL = ModelRef("chest-pneumonia", "9.9.9", "c0ffee" + "0" * 58)
IMAGE = "2.25.7.1.1"


def study(key: str = "2.25.7") -> StudyRef:
    instance = InstanceRef(Path("image.dcm"), IMAGE, rows=96, columns=80)
    series = SeriesRef(
        "2.25.7.1",
        SourceKind.DICOM,
        (instance,),
        modality="CR",
        description="Chest PA",
        body_part="CHEST",
        view_position="PA",
    )
    patient = Patient("Vale, Ada", "V-7", "2000-03-05", "F")
    return StudyRef(key, patient, (series,), key, "2004-08-26", "18:50:00", "Chest PA", age="004Y")


def loaded(of: StudyRef) -> LoadedSeries:
    pixels = np.arange(7680, dtype=np.uint16).reshape(96, 80)
    return LoadedSeries(of, of.series[0], Stack((Frame(pixels, sop_instance_uid=IMAGE),)))


def gate(*reasons: str, ok: bool = True) -> GateReport:
    checks = (
        GateCheck("Pixels readable", True, "80 × 96, 16 bit"),
        GateCheck("Body part", ok, "CHEST" if ok else "EXTREMITY"),
        GateCheck("Looks like a chest film", ok, "0.99 of 0.80" if ok else "0.02 of 0.80"),
        GateCheck("Age", "age_outside_training" not in reasons, "64 y, trained on 1 to 5 y"),
    )
    return GateReport(ok, reasons, checks, "Frontal chest film, PA or AP", "CR CHEST PA")


def score(probability: float, *, label: str = "Pneumonia", uncertain: bool = False) -> LabelScore:
    positive = probability >= 0.5 and not uncertain
    return LabelScore(label, probability, probability * 0.9, 0.5, positive, uncertain)


def result(
    *scores: LabelScore, state: AnalysisState = AnalysisState.DONE, **fields: object
) -> InferenceResult:
    grid = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    manifest = RunManifest(
        MODEL,
        (InputRef("a" * 64, 96, 80, IMAGE),),
        "1",
        tuple((one.label, one.threshold) for one in scores),
        "calibration-1",
        "OpenVINO",
        "CPU",
        0,
        "2026-11-22T08:42:17Z",
        0.052,
        "native",
    )
    made = InferenceResult(
        state,
        MODEL,
        gate("age_outside_training"),
        scores,
        tuple(HeatMap(one.label, "native", grid, (0, 0, 80, 96), 0.7, 0.5) for one in scores),
        manifest,
        0.052,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def picture(shade: int = 90) -> bytes:
    out = io.BytesIO()
    Image.new("L", (60, 80), shade).save(out, "PNG")
    return out.getvalue()


def key_image(of: StudyRef, name: str = "k1") -> KeyImage:
    caption, place = "PA, W 400 L 200", (of.key, of.series[0].uid, IMAGE, 1)
    return KeyImage(name, *place, caption, picture(), picture(200), "Model attention")


class StandInHost:
    """Stands in for the child process with the network: answers what it is told, when it is told."""

    device_text = "Stand-in"

    def __init__(self) -> None:
        self.answer: Callable[[InferenceRequest], InferenceResult] = lambda _: result(score(0.9))
        self.started, self.release = threading.Event(), threading.Event()
        self.release.set()

    def run(
        self,
        request: InferenceRequest,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        self.started.set()
        while not self.release.wait(0.01):
            progress(Progress(61, 100, "Looking"))
            if cancel is not None:
                cancel.check()
        if cancel is not None:
            cancel.check()
        return self.answer(request)

    def close(self) -> None:
        self.release.set()


class Scene:
    """Everything the panels stand on. `close` ends lanes and record."""

    def __init__(self, locations: Locations, reader: str = READER) -> None:
        self.bench = Workbench(Settings(reader=reader, institution="Vale General"), locations)
        self.host = StandInHost()
        self.bench._host = self.host  # type: ignore[assignment]
        self.errors: list[ErrorNotice] = []
        self.crashes: list[BaseException] = []
        self.toasts: list[Toast] = []
        self.notifier = Notifier(self._crash)
        self.notifier.errored.connect(self.errors.append)
        self.notifier.toasted.connect(self.toasts.append)
        self.lanes = Lanes(self.notifier.error)
        self.findings = FindingsModel(self.bench, self.lanes, self.notifier)
        self.report = ReportModel(self.bench, self.lanes, self.notifier)
        self.findings.recordChanged.connect(self.report.refresh)
        self.report.leaveUndecidedWanted.connect(self.findings.leave_undecided)

    @property
    def store(self) -> Store:
        return self.bench.store

    def record(self, given: InferenceResult, of: StudyRef) -> int:
        ingest.study_opened(self.store, of, of.series[0], reader=READER)
        return record_analysis(self.store, of.key, of.series[0].uid, IMAGE, given, READER)

    def show(self, of: StudyRef) -> None:
        self.findings.set_study(of, loaded(of))
        self.settle()

    def wait(self, until: Callable[[], object]) -> None:
        """Let the event loop go on until something holds."""
        end = time.monotonic() + 20
        while not until():
            assert time.monotonic() < end, "waited in vain"
            QCoreApplication.processEvents()
            time.sleep(0.005)

    def settle(self) -> None:
        for _ in range(3):
            assert self.lanes.drain(20)
            QCoreApplication.processEvents()

    def close(self) -> None:
        self.host.close()
        self.lanes.close()
        self.bench.close()
        assert self.crashes == []

    def _crash(self, error: BaseException) -> str:
        self.crashes.append(error)
        return "sheet"
