"""`medvision export-training`, `search`, `stages` and `promote`: what goes on around a training."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medvision_desktop.cli_session import (
    DONE,
    AsJson,
    DataDir,
    Images,
    Paths,
    cancellable,
    emit,
    images_folder,
    invocation,
    progress_line,
    tell,
    workbench,
)
from medvision_desktop.errors import InputRefused

if TYPE_CHECKING:
    from medvision_desktop.training.stages import Entry


class To(StrEnum):
    """Where a trained model can be put."""

    CANDIDATE = "candidate"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


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


def search(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file of pictures.")],
    trials: Annotated[
        int,
        typer.Option(
            "--trials", metavar="N", min=1, help="As many finished trials, earlier ones included."
        ),
    ] = 20,
    data: Images = None,
    level: Annotated[
        int,
        typer.Option("--level", metavar="N", min=0, max=5, help="How long each trial trains; see train."),
    ] = 0,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of the CPU.")] = 1,
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Search although the split leaks; trust no number then.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Search for better numbers of a recipe.

    Trains again and again with other rates, batches and losses; the validation people judge. Stopped, it
    goes on where it was.
    """
    from medvision_desktop.training import search as searching
    from medvision_desktop.training import start
    from medvision_desktop.training.machine import Machine
    from medvision_desktop.training.recipe import Recipe

    locations = invocation(context).places(data_dir)
    settings = start.read(recipe, level)
    if not isinstance(settings, Recipe):
        raise InputRefused("This recipe cannot be searched.", "It is one of volumes.")
    source = images_folder(data)
    locations.ensure()
    runs = locations.data / "runs"
    with ExitStack() as stack:
        found = searching.search(
            settings,
            source,
            runs,
            trials,
            machine=Machine(threads),
            allow_leakage=allow_leakage,
            progress=progress_line(),
            cancel=stack.enter_context(cancellable()),
        )
    best = runs / settings.name / searching.FOLDER / searching.BEST
    numbers = {name: getattr(found.recipe, name) for name in searching.SEARCHED}
    if as_json:
        emit(
            {
                "item": "searched",
                "recipe": str(best),
                "auroc": found.auroc,
                "trials": found.trials,
                **numbers,
            }
        )
        return DONE
    tell(f"{best}: trial {found.trial} of {found.trials}, AUROC {found.auroc:.3f} on the validation people")
    tell(", ".join(f"{name} {value or 'as the task'}" for name, value in numbers.items()))
    return DONE


def stages(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only models of this name.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """List the models that were trained here.

    Each with its stage: candidate, staging, production, archived.
    """
    from medvision_desktop.services import model_stages

    with workbench(context, data_dir) as bench:
        for entry in model_stages.entries(bench, name):
            _show(entry, as_json)
    return DONE


def promote(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    identity: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins; see stages.")],
    to: Annotated[To, typer.Option("--to", metavar="STAGE", help="Where it goes.")] = To.PRODUCTION,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Put a trained model in use, or out of it.

    In production it is what the program uses under its name; the one before is archived. The record keeps
    who did it.
    """
    from medvision_desktop.services import model_stages
    from medvision_desktop.training.stages import Stage

    with workbench(context, data_dir) as bench:
        _show(model_stages.promote(bench, name, identity, Stage(to.value)), as_json)
    return DONE


def _show(entry: Entry, as_json: bool) -> None:
    if as_json:
        emit(stage_item(entry))
    else:
        tell(f"{entry.name} {entry.id}: {entry.stage.value} since {entry.staged_utc}, of run {entry.run}")


def stage_item(entry: Entry) -> dict[str, Any]:
    """One trained model as the JSON object of `docs/cli.md`."""
    return {
        "model": entry.name,
        "id": entry.id,
        "stage": entry.stage.value,
        "version": entry.version,
        "weights_sha256": entry.weights_sha256,
        "run": entry.run,
        "made_utc": entry.made_utc,
        "staged_utc": entry.staged_utc,
    }
