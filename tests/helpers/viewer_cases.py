"""Series made by arithmetic for the viewer's tests, and a reader of series that waits on command."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.domain.geometry import (
    PatientOrientation,
    PixelSpacing,
    PlaneGeometry,
    SpacingSource,
)
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack, Volume
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken, ProgressSink

INGRID = Patient("Larsen^Ingrid", "9RG1", "1940-03-05", "F")
LEILA = Patient("Haddad^Leïla", "11RG3", "1979-04-08", "F")


def bench(**settings: Any) -> Any:
    """As much of a workbench as the viewer asks for."""
    return SimpleNamespace(settings=Settings(**settings), decoder=None)


def study(series: SeriesRef, patient: Patient = INGRID, key: str = "study-1") -> StudyRef:
    return StudyRef(
        key=key,
        patient=patient,
        series=(series,),
        date="2004-08-26",
        time="18:50:59",
        institution="Riverside General",
        description="Thorax",
    )


def series(uid: str, frames: int = 1, **more: Any) -> SeriesRef:
    """A series of one file a frame."""
    kind = more.pop("kind", SourceKind.DICOM)
    instances = tuple(InstanceRef(Path(f"/nowhere/{uid}-{n}"), f"{uid}.{n}") for n in range(frames))
    return SeriesRef(uid, kind, instances, number=1, **more)


def film(uid: str = "film", rows: int = 100, columns: int = 80, **more: Any) -> LoadedSeries:
    """A chest film: brightness grows to the right; no spacing, patient's left on the right."""
    ref = series(uid, modality="CR", body_part="CHEST", view_position="PA", **more)
    stored = np.tile(np.linspace(0, 1000, columns).astype(np.uint16), (rows, 1))
    frame = Frame(
        stored,
        voi=(VoiWindow(500, 1000),),
        patient_orientation=PatientOrientation("L", "F"),
        sop_instance_uid=f"{uid}.0",
        badges=("Derived",),
    )
    return LoadedSeries(study(ref), ref, Stack((frame,), (0.0, 1000.0)))


def scan(uid: str = "scan", count: int = 9, rows: int = 40, columns: int = 32, **more: Any) -> LoadedSeries:
    """Axial slices 2 mm apart from the feet up, 1 mm pixels; slice n holds the value 10 n + column."""
    ref = series(uid, count, modality="CT", **more)
    frames = []
    for n in range(count):
        stored = (10 * n + np.tile(np.arange(columns), (rows, 1))).astype(np.int16)
        spacing = PixelSpacing(1.0, 1.0, SpacingSource.PATIENT)
        geometry = PlaneGeometry((0.0, 0.0, 2.0 * n), (1, 0, 0), (0, 1, 0), spacing, "frame")
        frames.append(
            Frame(
                stored,
                signed=True,
                units="HU",
                geometry=geometry,
                spacing=spacing,
                sop_instance_uid=f"{uid}.{n}",
                voi=(VoiWindow(50, 100),),
            )
        )
    stack = Stack(tuple(frames), (0.0, 10.0 * count))
    return LoadedSeries(study(ref, key=f"study-{uid}"), ref, stack)


def brain(uid: str = "brain", shape: tuple[int, int, int] = (30, 36, 24)) -> LoadedSeries:
    """A volume file of 1 mm voxels whose index (k, j, i) lies at LPS (i, j, k) mm."""
    ref = series(uid, shape[0], modality="MR", kind=SourceKind.NIFTI, description="T1")
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)
    spacing = PixelSpacing(1.0, 1.0, SpacingSource.PATIENT)
    frames = tuple(
        Frame(
            values[k].copy(),
            geometry=PlaneGeometry((0.0, 0.0, float(k)), (1, 0, 0), (0, 1, 0), spacing),
            spacing=spacing,
            sop_instance_uid=uid,
            frame_number=k + 1,
        )
        for k in range(shape[0])
    )
    ends = (0.0, float(values.max()))
    volume = Volume(values, affine, modality_range=ends)
    return LoadedSeries(study(ref, LEILA, f"study-{uid}"), ref, Stack(frames, ends), volume)


def heat(loaded: LoadedSeries, label: str = "Pneumonia") -> HeatMap:
    """Attention on the upper left quarter of an image, none elsewhere."""
    frame = loaded.stack.frames[0]
    grid = np.zeros((4, 4), np.float32)
    grid[:2, :2] = 1.0
    return HeatMap(label, "native", grid, (0.0, 0.0, float(frame.columns), float(frame.rows)))


class Shelf:
    """Reads series from memory. A series in `held` waits after its first image until released."""

    def __init__(self, *loaded: LoadedSeries) -> None:
        self._loaded = {one.series.uid: one for one in loaded}
        self._gates: dict[str, threading.Event] = {}
        self.errors: dict[str, Exception] = {}
        self.read: list[str] = []

    def hold(self, uid: str) -> None:
        self._gates[uid] = threading.Event()

    def release(self, uid: str) -> None:
        self._gates[uid].set()

    def __call__(
        self,
        study: StudyRef,
        series: SeriesRef,
        *,
        first: Callable[[LoadedSeries], None],
        progress: ProgressSink,
        cancel: CancelToken,
    ) -> LoadedSeries:
        self.read.append(series.uid)
        if series.uid in self.errors:
            raise self.errors[series.uid]
        whole = self._loaded[series.uid]
        first(LoadedSeries(study, series, Stack(whole.stack.frames[:1], whole.stack.modality_range)))
        gate = self._gates.get(series.uid)
        while gate is not None and not gate.wait(0.005):
            cancel.check()
        return whole
