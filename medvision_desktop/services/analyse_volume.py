"""Run a model that segments on the volume of an opened series, and record label map and volumes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medvision_desktop.domain.findings import AnalysisState, GateReport, InferenceResult
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.provenance import InputRef
from medvision_desktop.errors import AnalysisFailed, Cancelled, ChildFailed, InputRefused
from medvision_desktop.inference.volume_runner import VolumeRequest
from medvision_desktop.modelkit.registry import ModelPackage
from medvision_desktop.services import analyse_record, channels
from medvision_desktop.services.open_study import open_series
from medvision_desktop.services.volume_gate import volume_gate
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench


@dataclass(frozen=True, eq=False)
class _Place:
    """Where in the record a run belongs."""

    loaded: LoadedSeries
    package: ModelPackage
    reader: str

    @property
    def instance(self) -> str:
        """The first image of the series stands for all of them."""
        return self.loaded.stack.frames[0].sop_instance_uid


def analyse_volume(
    bench: Workbench,
    loaded: LoadedSeries,
    *,
    package: ModelPackage,
    reader: str,
    given: Mapping[str, str] | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[int, InferenceResult]:
    """Gate, network and record, in that order; the entry's number and what it holds.

    `given`: UIDs of series of the study by channel, as the reader chose; None takes what descriptions
    suggest. The label map lies on the series on screen, if it is a channel, else on the first.
    Raises as `analyse.analyse`.
    """
    found = package.manifest.segmentation
    if found is None:
        raise ValueError("this model makes no label map")
    place, store = _Place(loaded, package, reader), bench.store
    chosen = given or channels.suggested(loaded.study, loaded.series, found.spec.channels)
    series = _opened(bench, loaded, chosen, found.spec.channels, progress, cancel)
    on = next((name for name, one in series.items() if one.series.uid == loaded.series.uid), "")
    on = on or next(iter(series))
    progress(Progress(0, 0, "Checking the header"))
    gate = volume_gate(series, on, package.manifest)
    if not gate.ok:
        result = _refused(package, gate)
    else:
        volumes = {name: one.volume for name, one in series.items() if one.volume is not None}
        request = VolumeRequest(package.manifest.name, volumes, on, gate)
        try:
            result = bench.host.segment(request, progress=progress, cancel=cancel)
        except Cancelled:
            analyse_record.record_cancelled(
                store, loaded.study.key, loaded.series.uid, place.instance, package.ref, reader
            )
            raise
        except (AnalysisFailed, ChildFailed) as error:
            _record_failed(bench, place, gate, str(error))
            raise
        result = _with_uids(result, series, on)
    seq = analyse_record.record_analysis(
        store,
        loaded.study.key,
        loaded.series.uid,
        place.instance,
        result,
        reader,
        trained_on=package.manifest.trained_on,
        intended_use=package.manifest.intended_use,
    )
    return seq, result


def _opened(
    bench: Workbench,
    loaded: LoadedSeries,
    chosen: Mapping[str, str],
    names: tuple[str, ...],
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> dict[str, LoadedSeries]:
    """The series of each channel, in the model's order; the one on screen is not read again."""
    known = {series.uid: series for series in loaded.study.series}
    found: dict[str, LoadedSeries] = {}
    for name in names:
        uid = chosen.get(name, "")
        if uid == loaded.series.uid:
            found[name] = loaded
        elif uid in known:
            found[name] = open_series(
                loaded.study, known[uid], decoder=bench.decoder, progress=progress, cancel=cancel
            )
    if not found:
        raise InputRefused(
            "No sequence is chosen.",
            f"The model looks at {', '.join(names)}; the descriptions name none of them.",
            "Choose which series is which.",
        )
    return found


def _refused(package: ModelPackage, gate: GateReport) -> InferenceResult:
    message = f"The model was not run. It wants: {gate.wanted}. It was given: {gate.given}."
    return InferenceResult(AnalysisState.REFUSED, package.ref, gate, message=message)


def _record_failed(bench: Workbench, place: _Place, gate: GateReport, message: str) -> None:
    analyse_record.record_failed(
        bench.store,
        place.loaded.study.key,
        place.loaded.series.uid,
        place.instance,
        place.package.ref,
        gate,
        place.reader,
        message=message,
    )


def _with_uids(result: InferenceResult, series: Mapping[str, LoadedSeries], on: str) -> InferenceResult:
    """UIDs that stayed here, put back into the run manifest in the order that the runner names inputs."""
    manifest = result.manifest
    if manifest is None:
        return result
    names = [on, *sorted(name for name in series if name != on)]
    inputs: list[InputRef] = []
    for one, name in zip(manifest.inputs, names, strict=True):
        inputs.append(replace(one, sop_instance_uid=series[name].stack.frames[0].sop_instance_uid))
    return replace(result, manifest=replace(manifest, inputs=tuple(inputs)))
