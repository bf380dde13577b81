"""The command line: the same use cases as the window's, without a window.

Exit codes: 0 done; 2 refused, with one line saying what, why and what now; 3 a fault of ours.
`docs/cli.md` describes every command and every JSON object.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

from medvision_desktop import __version__, logs
from medvision_desktop.cli_analyse import analyse
from medvision_desktop.cli_bench import bench
from medvision_desktop.cli_files import index, render
from medvision_desktop.cli_record import record
from medvision_desktop.cli_report import report
from medvision_desktop.cli_school import export_training, promote, search, stages
from medvision_desktop.cli_session import (
    DONE,
    OUR_FAULT,
    REFUSED,
    AsJson,
    DataDir,
    Invocation,
    complain,
    drop_output,
    emit,
    invocation,
    tell,
    workbench,
)
from medvision_desktop.cli_train import evaluate, package, train
from medvision_desktop.errors import Cancelled, MedVisionError

# What Typer returns for Ctrl+C.
_INTERRUPTED: Final = 130
_STOPPED: Final = "Stopped before the end, as asked."

application = typer.Typer(
    name="medvision",
    help="A radiology workstation: the AI suggests, the radiologist decides.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Never raises, never exits."""
    call = Invocation()
    _never_fail_to_print()
    # Without a handler, logging would print warnings of libraries, which quote headers.
    silence = logging.NullHandler()
    logging.getLogger().addHandler(silence)
    try:
        code = get_command(application).main(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="medvision",
            standalone_mode=False,
            obj=call,
        )
        sys.stdout.flush()
        if code != _INTERRUPTED:
            return int(code or DONE)
        complain(_STOPPED)
    except typer.TyperException as error:
        place = getattr(getattr(error, "ctx", None), "command_path", "medvision")
        complain(f"{error.format_message().rstrip('.')}. See {place} --help.")
    except MedVisionError as error:
        complain(str(error))
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        complain(_STOPPED)
    except (BrokenPipeError, SystemExit):
        # Whoever read the results has enough, as `| head` has; Typer makes an exit of that.
        drop_output()
        return DONE
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sheet instead of a traceback
        folder = call.places().logs
        end_logs = logs.begin(folder)
        sheet = logs.crash_sheet(error, folder)
        end_logs()
        complain(f"A fault of the program ({type(error).__name__}). Sheet {sheet} is in {folder}.")
        return OUR_FAULT
    finally:
        logging.getLogger().removeHandler(silence)
    return REFUSED


@application.callback(invoke_without_command=True)
def _first(
    context: typer.Context,
    data_dir: DataDir = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    invocation(context).data_dir = data_dir
    if version:
        tell(f"MedVision Desktop {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        print(context.get_help())


@application.command(name="open")
def open_window(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH...]", help="What to open; nothing opens the worklist."),
    ] = None,
    data_dir: DataDir = None,
    quit_when_ready: Annotated[
        bool,
        typer.Option(
            "--quit-when-ready", help="Quit once the worklist is shown; prints the time as a JSON line."
        ),
    ] = False,
) -> int:
    """Open the workstation."""
    from medvision_desktop import app

    locations = invocation(context).places(data_dir)
    return app.open_window(locations, tuple(paths or ()), quit_when_ready=quit_when_ready)


@application.command()
def demo(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where window.png, report.pdf and result.json go.")
    ] = Path("medvision-demo"),
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Do the main job once, without a display.

    On a sample chest radiograph: run the model, look, decide, sign. Writes window.png, report.pdf and
    result.json.
    """
    from medvision_desktop.demo import demo as do_main_job

    # A journey of its own does not belong in the reader's record, unless a place is named.
    chosen = data_dir or invocation(context).data_dir or out / "data"
    locations = invocation(context).places(chosen)
    written = do_main_job(locations, out)
    for name, path in written.items():
        if as_json:
            emit({"file": name, "path": str(path)})
        else:
            tell(str(path))
    return DONE


@application.command()
def models(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> int:
    """List the model packages and whether they may run."""
    from medvision_desktop.errors import ModelRefused

    with workbench(context, data_dir) as bench_parts:
        registry = bench_parts.registry
        for name in registry.names():
            try:
                manifest = registry.get(name).manifest
            except ModelRefused as error:
                item: dict[str, Any] = {"model": name, "state": "refused", "why": str(error)}
                text = f"{name}: refused. {error}"
            else:
                ref = registry.get(name).ref
                item = {
                    "model": ref.name,
                    "version": ref.version,
                    "weights_sha256": ref.weights_sha256,
                    "state": "ready",
                    "task": manifest.task,
                    "labels": list(manifest.labels),
                    "intended_use": manifest.intended_use,
                    "trained_on": manifest.trained_on,
                }
                text = f"{ref.name} {ref.version}: {manifest.intended_use}"
            if as_json:
                emit(item)
            else:
                tell(text)
    return DONE


@application.command()
def keys(as_json: AsJson = False, data_dir: DataDir = None) -> int:  # noqa: ARG001 - taken everywhere
    """Print every action of the window with its keys."""
    from medvision_desktop.ui.actions import ACTIONS

    group = ""
    for action in ACTIONS:
        if as_json:
            emit(
                {
                    "id": action.id,
                    "group": action.group,
                    "text": action.text,
                    "keys": list(action.shortcuts),
                }
            )
            continue
        if action.group != group:
            tell(f"{action.group}:")
            group = action.group
        tell(f"  {', '.join(action.shortcuts) or '-':<24} {action.text}")
    return DONE


def _never_fail_to_print() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


application.command()(index)
application.command()(render)

application.command()(analyse)
application.add_typer(record, name="record")
application.add_typer(report, name="report")
application.command()(bench)
application.command()(train)
application.command()(evaluate)
application.command()(package)
application.command()(search)
application.command()(stages)
application.command()(promote)
application.command(name="export-training")(export_training)
