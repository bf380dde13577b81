"""`medvision analyse`: one model over any number of images, one line a result."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from medvision_desktop.cli_session import (
    DONE,
    REFUSED,
    AsJson,
    DataDir,
    Paths,
    cancellable,
    complain,
    emit,
    progress_line,
    tell,
    workbench,
)
from medvision_desktop.errors import AnalysisFailed, ChildFailed, ExportFailed, InputRefused
from medvision_desktop.work import CancelToken, Progress, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.domain.findings import HeatMap, InferenceResult
    from medvision_desktop.domain.image import Frame
    from medvision_desktop.domain.provenance import ModelRef
    from medvision_desktop.domain.study import RefusedFile, ScanResult, SeriesRef, StudyRef
    from medvision_desktop.services.workbench import Workbench

# Series of these are projections: each image is a picture of its own. Of any other series one image
# is taken from the middle, because a model of single images has one question to ask of it.
PROJECTIONS: Final = frozenset({"CR", "DX", "DR", "RG", "RF", "XA", "MG", "IO", "PX", "OT", ""})
# States in which a network has said something; "refused" and "failed" are the others.
ANSWERS: Final = ("done", "abstained")


@dataclass(frozen=True)
class Item:
    """One image to analyse: its study, a series cut down to what has to be read, and its path."""

    study: StudyRef
    series: SeriesRef
    path: Path


def analyse(
    context: typer.Context,
    paths: Paths,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Model package; the settings name the usual one.")
    ] = "",
    cam: Annotated[
        Path | None,
        typer.Option("--cam", metavar="DIR", help="Write each attention map as .npy beside a PNG."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Run a model over files, folders and archives.

    Every result goes into the record before it is printed.
    """
    with ExitStack() as stack:
        bench = stack.enter_context(workbench(context, data_dir))
        cancel = stack.enter_context(cancellable())
        package = bench.registry.get(model or bench.settings.default_model)
        ref, found = package.ref, package.manifest.segmentation
        channels = found.spec.channels if found is not None else ()
        maps = MapFolder(cam) if cam is not None else None
        bench.locations.ensure()
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(dir=bench.locations.cache, prefix="opened-")
        )
        says = Says(as_json, Path(scratch))
        progress = progress_line()
        every, left_out = _found(paths, Path(scratch), channels, progress, cancel)
        for refused in left_out:
            says.unread(refused.path, refused.why, ref)
        answered = 0
        for position, item in enumerate(every):
            progress(Progress(position, len(every), f"Analysing with {ref.name}"))
            answered += _one(bench, item, ref, maps, cancel, says)
        progress(Progress(1, 1))
    asked = len(left_out) + len(every)
    if not asked:
        raise InputRefused("There is no image to analyse.", "Nothing was found at these paths.")
    if answered < asked and asked > 1:
        complain(f"{asked - answered} of {asked} gave no answer; the lines say which.")
    return DONE if answered else REFUSED


def _found(
    paths: Sequence[Path],
    scratch: Path,
    channels: Sequence[str],
    progress: ProgressSink,
    cancel: CancelToken,
) -> tuple[list[Item], list[RefusedFile]]:
    """The images to analyse and what is left out.

    A worklist leaves out the copy of an image that is listed already; here each file gets its line, so
    what was left out is looked at once more by itself.
    """
    from medvision_desktop.domain.study import RefusedFile
    from medvision_desktop.services.open_study import index

    scan = index(paths, scratch=scratch, progress=progress, cancel=cancel)
    every, left_out = list(items(scan, channels)), []
    for refused in scan.refused:
        alone: tuple[Item, ...] = ()
        if refused.path.is_file() and not zipfile.is_zipfile(refused.path):
            alone = tuple(items(index([refused.path], scratch=scratch, cancel=cancel), channels))
        every += alone
        if not alone:
            left_out.append(refused)
    left_out += [
        RefusedFile(document.path, "It is a document, which is read and not analysed.")
        for study in scan.studies
        for document in study.documents
    ]
    return every, left_out


def items(scan: ScanResult, channels: Sequence[str] = ()) -> Iterator[Item]:
    """The images of a scan, in its order: each projection, and the middle of every other series.

    For a model that segments, whole series in place of images; one a study, if it looks at several
    sequences, whose `channels` are named.
    """
    from medvision_desktop.domain.study import SourceKind

    if channels:
        yield from _volumes(scan, channels)
        return
    for study in scan.studies:
        for series in study.series:
            if series.kind is not SourceKind.NIFTI and series.modality in PROJECTIONS:
                for instance in series.instances:
                    yield Item(study, replace(series, instances=(instance,)), instance.path)
            else:
                middle = series.instances[len(series.instances) // 2]
                yield Item(study, replace(series, instances=(middle,)), middle.path)


def _volumes(scan: ScanResult, channels: Sequence[str]) -> Iterator[Item]:
    from medvision_desktop.services.channels import suggested

    for study in scan.studies:
        images = [series for series in study.series if not series.is_layer]
        if images and len(channels) > 1:
            given = suggested(study, images[0], channels)
            images = [series for series in images if series.uid in given.values()][:1]
        for series in images:
            yield Item(study, series, series.instances[0].path)


def line(
    path: str, study: str | None, series: str | None, result: InferenceResult, ledger_seq: int | None
) -> dict[str, Any]:
    """One result as the JSON object of `docs/cli.md`."""
    return {
        "path": path,
        "study": study,
        "series": series,
        "model": result.model.name,
        "version": result.model.version,
        "weights_sha256": result.model.weights_sha256,
        "state": result.state.value,
        "gate": {"ok": result.gate.ok, "reasons": list(result.gate.reasons)},
        "labels": {
            score.label: {
                "probability": score.probability,
                "raw": score.raw,
                "threshold": score.threshold,
                "positive": score.positive,
                **({} if score.volume_ml is None else {"volume_ml": score.volume_ml}),
            }
            for score in result.labels
        },
        "seconds": round(result.seconds, 4),
        "ledger_seq": ledger_seq,
    }


def _one(
    bench: Workbench, item: Item, ref: ModelRef, maps: MapFolder | None, cancel: CancelToken, says: Says
) -> bool:
    """Analyse one image and say what came of it. Whether there was an answer."""
    from medvision_desktop.services import analyse as service
    from medvision_desktop.services.ingest import study_opened
    from medvision_desktop.services.open_study import open_series

    reader = bench.settings.reader
    try:
        loaded = open_series(item.study, item.series, decoder=bench.decoder, cancel=cancel)
        study_opened(bench.store, item.study, item.series, reader=reader)
        middle = len(loaded.stack.frames) // 2
        analysis = service.analyse(
            bench, loaded, frame_index=middle, model=ref.name, reader=reader, cancel=cancel
        )
    except InputRefused as error:
        says.unread(item.path, str(error), ref, item)
        return False
    except (AnalysisFailed, ChildFailed) as error:
        # The failure was recorded before it was raised, as the newest entry.
        says.unread(item.path, str(error), ref, item, failed_seq=bench.store.head()[0])
        return False
    result = analysis.result
    if maps is not None:
        for heat in result.maps:
            maps.write(item.path.stem, loaded.stack.frames[middle], heat)
    says.result(item, result, analysis.ledger_seq)
    return result.state.value in ANSWERS


@dataclass(frozen=True)
class Says:
    """How results are told: as JSON lines or as words; `scratch` is where archives were unpacked."""

    as_json: bool
    scratch: Path

    def result(self, item: Item, result: InferenceResult, ledger_seq: int) -> None:
        """An answer, or a refusal that is in the record."""
        path = self._shown(item.path)
        if self.as_json:
            emit(line(path, item.study.key, item.series.uid, result, ledger_seq))
        else:
            tell(f"{path}: {in_words(result)}")
        if result.state.value not in ANSWERS:
            complain(f"{item.path.name}: {result.message or ', '.join(result.gate.reasons)}")

    def unread(
        self,
        path: Path,
        why: str,
        ref: ModelRef,
        item: Item | None = None,
        *,
        failed_seq: int | None = None,
    ) -> None:
        """An image without an answer: unreadable, or with `failed_seq` the entry of its failure."""
        from medvision_desktop.domain.findings import AnalysisState, GateReport, InferenceResult

        failed = failed_seq is not None
        state = AnalysisState.FAILED if failed else AnalysisState.REFUSED
        gate = GateReport(ok=failed, reasons=() if failed else ("unreadable",))
        if self.as_json:
            study, series = (item.study.key, item.series.uid) if item else (None, None)
            emit(line(self._shown(path), study, series, InferenceResult(state, ref, gate), failed_seq))
        else:
            tell(f"{self._shown(path)}: {state.value}")
        complain(f"{path.name}: {why}" if failed else f"{path.name} is left out. {why}")

    def _shown(self, path: Path) -> str:
        """A path as it was given; of an archive's member the path inside the archive."""
        if path.is_relative_to(self.scratch):
            return Path(*path.relative_to(self.scratch).parts[1:]).as_posix()
        return str(path)


def in_words(result: InferenceResult) -> str:
    """One result in one line for a person."""
    if not result.gate.ok:
        return f"refused by the input gate: {', '.join(result.gate.reasons)}"
    scores = []
    for score in result.labels:
        verdict = "positive" if score.positive else "negative"
        if score.volume_ml is not None:
            doubt = ", uncertain: review by hand" if score.uncertain else ""
            scores.append(f"{score.named}{doubt}")
            continue
        scores.append(
            f"{score.label} {score.probability:.3f}, "
            f"{'uncertain: review by hand' if score.uncertain else verdict}"
        )
    doubts = f" (doubts: {', '.join(result.gate.reasons)})" if result.gate.reasons else ""
    return f"{result.state.value}. {'; '.join(scores) or result.message}{doubts}"


class MapFolder:
    """A folder that takes attention maps under names that do not collide within one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(folder, error) from error

    def write(self, stem: str, frame: Frame, heat: HeatMap) -> None:
        """Write float32 0..1 in source pixels as .npy, and the map over the image as PNG beside it.

        Raises `ExportFailed`.
        """
        import numpy as np
        from PIL import Image

        from medvision_desktop.domain.display import DisplayState, OverlayState
        from medvision_desktop.pixels import overlay, pipeline

        name = self._name(f"{stem}-{''.join(c if c.isalnum() else '-' for c in heat.label.lower())}")
        values = overlay.attention_in_source(heat, frame.rows, frame.columns)
        image = pipeline.render(pipeline.resolve(DisplayState(), frame))
        wish = OverlayState()
        layered = overlay.over(image, overlay.coloured(values, wish.threshold, wish.opacity))
        try:
            np.save(self.folder / f"{name}.npy", values)
            Image.fromarray(layered).save(self.folder / f"{name}.png")
        except OSError as error:
            raise _not_written(self.folder, error) from error

    def _name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}-{number}"
        self._taken.add(name)
        return name


def _not_written(folder: Path, error: OSError) -> ExportFailed:
    return ExportFailed(
        "The attention maps cannot be written.",
        f"{folder}: {error.strerror}.",
        "Choose another --cam folder.",
    )
