"""Analysing: nothing is shown that is not in the record, and every end of a run is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.domain.findings import AnalysisState, InferenceResult
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.study import Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import (
    AnalysisFailed,
    Cancelled,
    ChildFailed,
    ModelRefused,
    StoreUnavailable,
)
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.paths import Locations
from medvision_desktop.services import analyse_record
from medvision_desktop.services.analyse import analyse
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken
from tests.helpers.model_cases import make_package, quick

SERIES = SeriesRef("1.2", SourceKind.DICOM, (), modality="CR", body_part="CHEST", view_position="PA")
STUDY = StudyRef("1", Patient(id="7"), (SERIES,), age="003Y")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("analyse"), recipe=quick())


class _Host:
    """Stands for the inference child: raises or answers as told."""

    def __init__(self, ends: Exception | InferenceResult) -> None:
        self._ends = ends

    def run(self, *_: object, **__: object) -> InferenceResult:
        if isinstance(self._ends, Exception):
            raise self._ends
        return self._ends

    def close(self) -> None:
        pass


@pytest.fixture
def bench(locations: Locations, models: Path) -> Iterator[Workbench]:
    made = Workbench(dataclasses.replace(Settings(), engine="onnxruntime"), locations)
    made._registry = Registry((models,))
    yield made
    made.close()


def _loaded(series: SeriesRef = SERIES) -> LoadedSeries:
    stored = np.random.default_rng(0).integers(0, 4096, (120, 100)).astype(np.uint16)
    frame = Frame(stored, bits_stored=12, sop_instance_uid="1.2.3", frame_number=1)
    return LoadedSeries(STUDY, series, Stack((frame,)))


def _kinds(bench: Workbench) -> list[str]:
    return [EventKind(entry.kind).name for entry in bench.store.entries()]


def test_a_result_is_in_the_record_when_it_is_returned(bench: Workbench) -> None:
    found = analyse(bench, _loaded(), model="patches", reader="Dr A")
    assert found.result.state is AnalysisState.DONE
    assert found.result.manifest is not None
    assert found.result.manifest.inputs[0].sop_instance_uid == "1.2.3"
    newest = list(bench.store.entries())[-1]
    assert newest.seq == found.ledger_seq
    assert _kinds(bench)[-1] == "ANALYSIS_RECORDED"


def test_a_header_that_says_no_is_recorded_as_refused_and_no_score_exists(bench: Workbench) -> None:
    leg = dataclasses.replace(SERIES, body_part="EXTREMITY")
    found = analyse(bench, _loaded(leg), model="patches", reader="Dr A")
    assert found.result.state is AnalysisState.REFUSED
    assert found.result.gate.reasons == ("wrong_body_part",)
    assert found.result.labels == ()
    assert _kinds(bench)[-1] == "GATE_REFUSED"


def test_a_header_that_says_no_needs_no_network_to_say_it(bench: Workbench) -> None:
    bench._host = _Host(ChildFailed("A helper process ended."))  # type: ignore[assignment]
    leg = dataclasses.replace(SERIES, body_part="EXTREMITY")
    found = analyse(bench, _loaded(leg), model="patches", reader="Dr A")
    assert found.result.state is AnalysisState.REFUSED


@pytest.mark.parametrize("error", [ChildFailed("A helper process ended."), AnalysisFailed("No number.")])
def test_a_network_that_failed_is_recorded_and_raised(bench: Workbench, error: Exception) -> None:
    bench._host = _Host(error)  # type: ignore[assignment]
    with pytest.raises(type(error)):
        analyse(bench, _loaded(), model="patches", reader="Dr A")
    assert _kinds(bench)[-1] == "ANALYSIS_FAILED"


def test_a_cancelled_run_is_recorded_and_raised(bench: Workbench) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        analyse(bench, _loaded(), model="patches", reader="Dr A", cancel=token)
    assert _kinds(bench)[-1] == "ANALYSIS_CANCELLED"


def test_a_package_that_may_not_run_leaves_no_trace(bench: Workbench) -> None:
    bench._host = _Host(ModelRefused("It changed."))  # type: ignore[assignment]
    with pytest.raises(ModelRefused):
        analyse(bench, _loaded(), model="patches", reader="Dr A")
    with pytest.raises(ModelRefused):
        analyse(bench, _loaded(), model="absent", reader="Dr A")
    assert not any("ANALYSIS" in kind or "GATE" in kind for kind in _kinds(bench))


def test_a_record_that_cannot_be_written_shows_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise StoreUnavailable("The record cannot be written.", "No space left on device.")

    monkeypatch.setattr(analyse_record, "record_analysis", full)
    with pytest.raises(StoreUnavailable):
        analyse(bench, _loaded(), model="patches", reader="Dr A")
