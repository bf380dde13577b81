"""`medvision index` and `medvision render`: what is in files, and how it looks, without the record."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from medvision_desktop.domain.study import RefusedFile, SeriesRef, StudyRef


def index(context: typer.Context, paths: Paths, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """List studies and series, and what was refused."""
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


def refused_item(refused: RefusedFile) -> dict[str, Any]:
    """One refused file as the JSON object of `docs/cli.md`."""
    return {"item": "refused", "path": str(refused.path), "why": refused.why}
