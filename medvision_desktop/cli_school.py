"""`medvision export-training`, `search`, `stages` and `promote`: what goes on around a training."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from medvision_desktop.cli_session import (
    DONE,
    AsJson,
    DataDir,
    Paths,
    cancellable,
    emit,
    progress_line,
    tell,
    workbench,
)


def export_training(
    context: typer.Context,
    paths: Paths,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for the set.")],
    unmarked: Annotated[
        bool,
        typer.Option("--unmarked", help="Take images that may hold letters, too; look at them before."),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Export what readers decided, to train on.

    PATHs are where the images of the record lie. No patient data leaves. The images on which reader and
    model differ most come first.
    """
    from medvision_desktop.services import export_training as service

    with ExitStack() as stack:
        bench = stack.enter_context(workbench(context, data_dir))
        cancel = stack.enter_context(cancellable())
        bench.locations.ensure()
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(dir=bench.locations.cache, prefix="opened-")
        )
        found = service.export_training(
            bench,
            paths,
            out,
            scratch=Path(scratch),
            unmarked=unmarked,
            progress=progress_line(),
            cancel=cancel,
        )
    written = found.written
    if as_json:
        emit({"item": "exported", "folder": str(out), **vars(written), "left_out": dict(found.left_out)})
        return DONE
    tell(
        f"{out}: {written.images} images of {written.people} people, {written.answers} answers, "
        f"{written.against} of them against the model."
    )
    for reason, count in found.left_out:
        tell(f"Left out, {count}: {reason}")
    return DONE
