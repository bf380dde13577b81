"""`medvision train`, `evaluate` and `package`: thin commands over `training`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from medvision_desktop import paths
from medvision_desktop.cli_session import (
    DONE,
    AsJson,
    DataDir,
    Images,
    cancellable,
    emit,
    images_folder,
    invocation,
    progress_line,
    tell,
)
from medvision_desktop.errors import ExportFailed, InputRefused

if TYPE_CHECKING:
    from medvision_desktop.modelkit.registry import ModelPackage

RECIPE: Final = "recipe.toml"
SOURCE: Final = "data.txt"

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="DIR", help="Where the package goes; the registry of models if not given."
    ),
]


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe file, such as recipes/NAME.toml.")
    ],
    data: Images = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run that was stopped, from its last finished epoch."),
    ] = False,
    out: Out = None,
    level: Annotated[
        int,
        typer.Option(
            "--level",
            metavar="N",
            min=0,
            max=5,
            help="1, a quick look, to 5, a night; 0: as the recipe says.",
        ),
    ] = 0,
    threads: Annotated[int, typer.Option("--threads", metavar="N", min=1, help="Threads of the CPU.")] = 1,
    devices: Annotated[
        int,
        typer.Option("--devices", metavar="N", min=1, help="Processors to train on together."),
    ] = 1,
    strategy: Annotated[
        str, typer.Option("--strategy", metavar="NAME", help="How Lightning shares the work, such as ddp.")
    ] = "auto",
    accelerator: Annotated[
        str, typer.Option("--accelerator", metavar="NAME", help="cpu, gpu or auto.")
    ] = "auto",
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Train although the split leaks; trust no number then.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Train a recipe and package what comes of it."""
    from medvision_desktop.training import start
    from medvision_desktop.training.machine import Machine, is_helper
    from medvision_desktop.training.stages import Shelf

    locations = invocation(context).places(data_dir)
    settings = start.read(recipe, level)
    folder = locations.data / "runs"
    run = folder / settings.name
    if _started(run) and not resume and not is_helper():
        raise InputRefused(
            "This run was started before.", f"{run} has its checkpoints.", "Add --resume, or move it away."
        )
    source = images_folder(data)
    locations.ensure()
    run.mkdir(parents=True, exist_ok=True)
    (run / SOURCE).write_text(f"{source.resolve()}\n", encoding="utf-8")
    with ExitStack() as stack:
        made = start.train(
            settings,
            source,
            folder,
            out or Shelf.of(locations.data),
            machine=Machine(threads, accelerator, devices, strategy),
            allow_leakage=allow_leakage,
            progress=progress_line(),
            cancel=stack.enter_context(cancellable()),
        )
    if is_helper():
        return DONE  # the process that a person started speaks for all
    package = str(made.directory) if made else None
    if as_json:
        emit({"item": "trained", "run": str(run), "package": package})
    else:
        tell(f"{run}: trained{f', packaged as {package}' if package else ''}")
        _say_candidate(made, out, locations.installed_models)
    return DONE


def package(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    data: Images = None,
    out: Out = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Make a model package of a finished run again."""
    from medvision_desktop.training import start
    from medvision_desktop.training.stages import Shelf

    locations = invocation(context).places(data_dir)
    if not (run / RECIPE).is_file():
        raise InputRefused("This is not a run.", f"{run} holds no {RECIPE}.")
    source = data or Path((run / SOURCE).read_text(encoding="utf-8").strip())
    locations.ensure()
    with ExitStack() as stack:
        made = start.packaged(
            start.read(run / RECIPE),
            source,
            run,
            out or Shelf.of(locations.data),
            progress=progress_line(),
            cancel=stack.enter_context(cancellable()),
        )
    if as_json:
        emit({"item": "packaged", "run": str(run), "package": str(made.directory)})
    else:
        tell(f"{run}: packaged as {made.directory}")
        _say_candidate(made, out, locations.installed_models)
    return DONE


def _say_candidate(made: ModelPackage | None, out: Path | None, installed: Path) -> None:
    """A model in use is not replaced by itself: say what puts the new one in its place."""
    if made is None or out is not None or made.directory.parent == installed:
        return
    name, identity = made.manifest.name, made.directory.parent.name
    tell(
        f"It is a candidate: another {name} is in use. medvision promote {name} {identity} puts it in use."
    )


def evaluate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PACKAGE", help="A model package, by name or folder.")],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Images, laid out as its recipe says.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="The recipe; recipes/PACKAGE.toml if not given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the predictions there, as CSV.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="Write tables, pictures and the worst mistakes there. It holds patients' images.",
        ),
    ] = None,
    card: Annotated[
        bool,
        typer.Option(
            "--card", help="Compute numbers, card and pictures of the package from its predictions."
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Measure a model package on images with known answers."""
    from medvision_desktop.modelkit import registry
    from medvision_desktop.training import start

    locations = invocation(context).places(data_dir)
    if Path(name).is_dir():
        package = registry.open_package(Path(name))
    else:
        known = registry.Registry((locations.installed_models, paths.shipped_models()))
        package = known.get(name)
    manifest = package.manifest
    layout = start.read(recipe or paths.shipped_models().parent / "recipes" / f"{manifest.name}.toml")
    if card:
        return _described(package, layout, as_json=as_json)
    if data is None:
        raise InputRefused(
            "There is nothing to measure on.", "No images were named.", "Name them with --data."
        )
    with ExitStack() as stack:
        try:
            found = start.evaluate(
                package,
                layout,
                data,
                out=out,
                report=report,
                progress=progress_line(),
                cancel=stack.enter_context(cancellable()),
            )
        except OSError as error:
            where = error.filename or out or report
            raise ExportFailed("The numbers cannot be written.", f"{where}: {error.strerror}.") from error
    if not as_json:
        tell(
            f"{manifest.name} {manifest.version} on {found.images} images of {found.people} people or "
            f"groups; {found.known} are held-out images of its card. Images it was trained on flatter it."
        )
    for metric in found.metrics:
        if as_json:
            emit(measure_item(manifest.name, metric))
        else:
            tell(
                f"{metric.label or 'all'}, {metric.name}: {metric.value:.3f} "
                f"({metric.low:.3f} to {metric.high:.3f}), n = {metric.n}"
            )
    return DONE


def _described(package: Any, layout: Any, *, as_json: bool) -> int:
    """Card and pictures anew, from what the package holds."""
    from medvision_desktop.training import start

    try:
        made = start.described(package, layout)
    except OSError as error:
        raise ExportFailed("The card cannot be written.", f"{error.filename}: {error.strerror}.") from error
    if as_json:
        emit({"item": "described", "package": str(made.directory)})
    else:
        tell(f"{made.directory}: card and pictures written from its predictions")
    return DONE


def measure_item(model: str, metric: Any) -> Mapping[str, Any]:
    """One number as the JSON object of `docs/cli.md`; what is not a number is null."""
    value, low, high = (
        number if number == number else None for number in (metric.value, metric.low, metric.high)
    )
    return {
        "model": model,
        "label": metric.label,
        "measure": metric.name,
        "value": value,
        "low": low,
        "high": high,
        "n": metric.n,
        "people": metric.people,
    }


def _started(run: Path) -> bool:
    return any(run.rglob("checkpoint.safetensors")) if run.is_dir() else False
