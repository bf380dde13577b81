"""Run a model on one image of an opened series, and record what came of it before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.findings import AnalysisState, GateReport, InferenceResult
from medvision_desktop.domain.image import Frame, LoadedSeries
from medvision_desktop.domain.provenance import ModelRef
from medvision_desktop.errors import AnalysisFailed, Cancelled, ChildFailed, ModelRefused
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.services import analyse_record
from medvision_desktop.services.analyse_volume import analyse_volume
from medvision_desktop.services.gate import header_gate
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

# Random maps that a map's faithfulness is measured against: three are quick and tell the two apart.
RANDOM_MAPS: Final = 3


@dataclass(frozen=True, eq=False)
class Analysis:
    """A result and the number of its entry in the ledger."""

    ledger_seq: int
    result: InferenceResult


@dataclass(frozen=True, eq=False)
class _Place:
    """Where in the record a run belongs."""

    study_key: str
    series_uid: str
    frame: Frame
    reader: str


def analyse(
    bench: Workbench,
    loaded: LoadedSeries,
    *,
    frame_index: int = 0,
    model: str,
    reader: str,
    channels: Mapping[str, str] | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> Analysis:
    """Gate, network and record, in that order; what is returned is in the record already.

    A model that segments runs on the whole volume of the series, see `analyse_volume`; `channels` are the
    UIDs of series of the study by its channels, as the reader chose.
    A gate that says no is a result (state `refused`). A network that failed is recorded, then
    raised as `AnalysisFailed` or `ChildFailed`. Cancelling is recorded, then raised as `Cancelled`.
    Raises `ModelRefused` for a package that may not run: nothing was run, nothing is recorded. Raises
    `StoreUnavailable` when the record cannot be written; then nothing may be shown.
    """
    package = bench.registry.get(model)
    if package.manifest.segmentation is not None:
        return Analysis(
            *analyse_volume(
                bench,
                loaded,
                package=package,
                reader=reader,
                given=channels,
                progress=progress,
                cancel=cancel,
            )
        )
    frame = loaded.stack.frames[frame_index]
    place = _Place(loaded.study.key, loaded.series.uid, frame, reader)
    # Before anything is computed: a record that cannot be written stops the run now, not at its end.
    store = bench.store
    progress(Progress(0, 0, "Checking the header"))
    gate = header_gate(loaded.study, loaded.series, frame, package.manifest)
    method = bench.settings.cam_method
    request = InferenceRequest(
        model,
        frame,
        gate,
        cam_method=method,
        random_maps=RANDOM_MAPS,
        unevaluated=bench.settings.unevaluated_labels,
    )
    try:
        result = bench.host.run(request, progress=progress, cancel=cancel)
    except Cancelled:
        _record_cancelled(bench, place, package.ref)
        raise
    except (AnalysisFailed, ChildFailed, ModelRefused) as error:
        if not gate.ok:
            # The header alone said no; that the picture could not be asked as well changes nothing.
            result = _refused(package, gate)
        elif isinstance(error, ModelRefused):
            raise
        else:
            _record_failed(bench, place, package, gate, str(error))
            raise
    seq = analyse_record.record_analysis(
        store,
        place.study_key,
        place.series_uid,
        frame.sop_instance_uid,
        result,
        reader,
        frame_number=frame.frame_number,
        trained_on=package.manifest.trained_on,
        intended_use=package.manifest.intended_use,
    )
    return Analysis(seq, result)


def _refused(package: ModelPackage, gate: GateReport) -> InferenceResult:
    message = f"The model was not run. It wants: {gate.wanted}. It was given: {gate.given}."
    return InferenceResult(AnalysisState.REFUSED, package.ref, gate, message=message)


def _record_failed(
    bench: Workbench, place: _Place, package: ModelPackage, gate: GateReport, message: str
) -> None:
    analyse_record.record_failed(
        bench.store,
        place.study_key,
        place.series_uid,
        place.frame.sop_instance_uid,
        package.ref,
        gate,
        place.reader,
        message=message,
        frame_number=place.frame.frame_number,
    )


def _record_cancelled(bench: Workbench, place: _Place, model: ModelRef) -> None:
    analyse_record.record_cancelled(
        bench.store,
        place.study_key,
        place.series_uid,
        place.frame.sop_instance_uid,
        model,
        place.reader,
        frame_number=place.frame.frame_number,
    )
