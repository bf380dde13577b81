"""`medvision index` and `medvision render`: what is in files and how it looks, apart from the record."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from medvision_desktop.errors import InputRefused
from medvision_desktop.work import CancelToken

if TYPE_CHECKING:
    from medvision_desktop.domain.document import DocumentRef
    from medvision_desktop.domain.study import RefusedFile, SeriesRef, StudyRef
    from medvision_desktop.services.render import RenderOptions
    from medvision_desktop.services.render_batch import BatchLine
    from medvision_desktop.services.workbench import Workbench


RenderPaths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH...", help="Files, folders, zip archives or a DICOMDIR."),
]

_ONE_IMAGE = (".png", ".npy")
_OTHER_FORMATS = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".npz", ".dcm", ".pdf")


class Kind(StrEnum):
    """File formats of drawn images."""

    PNG = "png"
    NPY = "npy"


class PlaneName(StrEnum):
    """Planes that cut a volume."""

    AXIAL = "axial"
    SAGITTAL = "sagittal"
    CORONAL = "coronal"


def index(context: typer.Context, paths: Paths, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """List studies, series, documents, and what was refused."""
    from medvision_desktop.services import open_study

    with ExitStack() as stack:
        bench = stack.enter_context(workbench(context, data_dir))
        cancel = stack.enter_context(cancellable())
        bench.locations.ensure()
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(dir=bench.locations.cache, prefix="opened-")
        )
        scan = open_study.index(paths, scratch=Path(scratch), progress=progress_line(), cancel=cancel)
    for study in scan.studies:
        if not as_json:
            tell(f"{study.key}  {study.date}  {study.patient.name}  {study.description}")
        for series in study.series:
            if as_json:
                emit(series_item(study, series))
            else:
                count = f"{series.frame_count} image{'s' if series.frame_count != 1 else ''}"
                tell(f"  {series.modality or series.kind.value:<6} {count:<12} {series.description}")
        for document in study.documents:
            if as_json:
                emit(document_item(study, document))
            else:
                tell(f"  {document.kind.value:<6} {'document':<12} {document.title}")
    for refused in scan.refused:
        if as_json:
            emit(refused_item(refused))
        complain(f"{refused.path.name} is left out. {refused.why}")
    if not scan.studies and not scan.refused:
        raise InputRefused("There is nothing to list.", "No file was found at these paths.")
    return DONE if scan.studies else REFUSED


def series_item(study: StudyRef, series: SeriesRef) -> dict[str, Any]:
    """One series as the JSON object of `docs/cli.md`."""
    return {
        "item": "series",
        "study": study.key,
        "series": series.uid,
        "patient": {
            "name": study.patient.name,
            "id": study.patient.id,
            "birth_date": study.patient.birth_date,
            "sex": study.patient.sex,
        },
        "study_date": study.date,
        "study_description": study.description,
        "kind": series.kind.value,
        "modality": series.modality,
        "description": series.description,
        "body_part": series.body_part,
        "view_position": series.view_position,
        "files": len(series.instances),
        "frames": series.frame_count,
        "paths": [str(instance.path) for instance in series.instances],
    }


def document_item(study: StudyRef, document: DocumentRef) -> dict[str, Any]:
    """One report or encapsulated PDF as the JSON object of `docs/cli.md`."""
    return {
        "item": "document",
        "study": study.key,
        "uid": document.uid,
        "kind": document.kind.value,
        "title": document.title,
        "date": document.date,
        "path": str(document.path),
    }


def refused_item(refused: RefusedFile) -> dict[str, Any]:
    """One refused file as the JSON object of `docs/cli.md`."""
    return {"item": "refused", "path": str(refused.path), "why": refused.why}


def render(
    context: typer.Context,
    paths: RenderPaths = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PLACE", help="A .png or .npy file for one image, else a folder."),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out-dir", metavar="DIR", help="A folder for the images.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option("--format", help="png: 8 bits; npy: float32 display values 0..1.")
    ] = Kind.PNG,
    batch: Annotated[
        Path | None,
        typer.Option(
            "--batch",
            metavar="LIST",
            help="Names of files, one a line; - reads standard input. One JSON line each.",
        ),
    ] = None,
    frame: Annotated[
        int, typer.Option("--frame", metavar="N", min=1, help="Which image, from 1; of a file as stored.")
    ] = 1,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option("--window", metavar="C W", help="Centre and width in modality values."),
    ] = None,
    voi: Annotated[
        int | None, typer.Option("--voi", metavar="N", min=0, help="An alternative of the header, from 0.")
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Swap black and white.")] = False,
    overlays: Annotated[
        bool,
        typer.Option(
            "--overlays/--no-overlays",
            help="Draw overlay planes, marks of a presentation state, and the shutter over white borders.",
        ),
    ] = False,
    plane: Annotated[PlaneName | None, typer.Option("--plane", help="Cut a volume.")] = None,
    slice_index: Annotated[
        int | None, typer.Option("--slice", metavar="N", min=0, help="Which slice of the plane, from 0.")
    ] = None,
    presentation: Annotated[
        str | None,
        typer.Option(
            "--presentation", metavar="NAME", help="A presentation state: its file, UID or label."
        ),
    ] = None,
    no_presentation: Annotated[
        bool, typer.Option("--no-presentation", help="As the image says itself, without a state.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Draw images as the window would, at source resolution.

    Without --out they are drawn and dropped, which shows what would be refused.
    """
    from medvision_desktop.domain.geometry import Plane
    from medvision_desktop.services.render import RenderOptions

    if voi is not None and window is not None:
        raise typer.BadParameter("--voi and --window both name a window; give one of them")
    if slice_index is not None and plane is None:
        raise typer.BadParameter("--slice is a slice of a plane; give --plane too")
    options = RenderOptions(
        frame=frame,
        voi=voi,
        window=window,
        invert=invert,
        plane=Plane(plane.value) if plane is not None else None,
        slice_index=slice_index,
        overlays=overlays,
        presentation="" if no_presentation else presentation,
    )
    named = [*(paths or []), *_listed(batch)]
    if not named and batch is None:
        raise InputRefused("There is nothing to draw.", "No file was named.", "Name one, or give --batch.")
    several = batch is not None or len(named) > 1
    if out is not None and out_dir is None and not out.is_dir():
        if several and out.suffix.lower() in _ONE_IMAGE:
            raise typer.BadParameter("--out names one file for several images; name a folder")
        if out.suffix.lower() in _OTHER_FORMATS:
            raise typer.BadParameter(f"{out.suffix} is not png or npy")
    place = out_dir if out_dir is not None else out
    drawn = asked = 0
    with ExitStack() as stack:
        bench = stack.enter_context(workbench(context, data_dir))
        cancel = stack.enter_context(cancellable())
        one = batch is None and out_dir is None
        for became in _rendered(bench, named, options, place, kind, cancel, one=one):
            asked += 1
            drawn += became.state == "ok"
            if as_json or batch is not None:
                emit(became.as_json())
            elif became.state == "ok":
                tell(f"{became.path}: {became.out or 'drawn'}")
            if became.state != "ok" and batch is None:
                complain(f"{Path(became.path).name}: {became.why}")
    if drawn < asked and asked > 1:
        complain(f"{asked - drawn} of {asked} were not drawn.")
    return DONE if drawn or not asked else REFUSED


def _listed(batch: Path | None) -> list[Path]:
    """The files that a list names, one a line; empty lines are left out."""
    if batch is None:
        return []
    try:
        data = sys.stdin.buffer.read() if str(batch) == "-" else batch.read_bytes()
    except OSError as error:
        raise InputRefused(
            "The list cannot be read.",
            f"{error.strerror or 'No reason given'}.",
            "Name a file with one name a line.",
        ) from error
    lines = (os.fsdecode(line).removesuffix("\r") for line in data.split(b"\n"))
    return [Path(line) for line in lines if line.strip()]


def _rendered(
    bench: Workbench,
    paths: list[Path],
    options: RenderOptions,
    out: Path | None,
    kind: Kind,
    cancel: CancelToken,
    *,
    one: bool,
) -> Iterator[BatchLine]:
    from medvision_desktop.services import render, render_batch

    if one and len(paths) == 1 and out is not None and out.suffix.lower() in _ONE_IMAGE:
        began = time.perf_counter()
        image = render.render_file(paths[0], options, decoder=bench.decoder, cancel=cancel)
        render.save(image, out)
        yield render_batch.BatchLine(
            path=str(paths[0]),
            state="ok",
            shape=image.shape,
            window=image.window,
            badges=image.plan.badges,
            seconds=time.perf_counter() - began,
            out=str(out),
        )
        return
    yield from render_batch.batch(
        paths, options, decoder=bench.decoder, out_dir=out, kind=kind.value, cancel=cancel
    )
