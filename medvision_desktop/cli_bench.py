"""`medvision bench`: our times beside those of a named alternative, measured in the same run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from medvision_desktop.cli_session import (
    DONE,
    AsJson,
    DataDir,
    cancellable,
    emit,
    progress_line,
    tell,
    workbench,
)

_EVENTS: Final = 200


class Bench(StrEnum):
    """What can be measured."""

    START = "start"
    VIEW = "view"
    LOAD = "load"
    INDEX = "index"
    RESLICE = "reslice"
    ANALYSE = "analyse"


Repeats = Annotated[
    int, typer.Option("--repeats", metavar="N", min=0, help="How often; 0 takes the bench's own number.")
]


def bench(
    context: typer.Context,
    name: Annotated[
        Bench, typer.Argument(metavar="NAME", help="start, view, load, index, reslice or analyse.")
    ],
    repeats: Repeats = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Measure the program beside an alternative.

    Trust the ratio more than the milliseconds.
    """
    rows = {
        Bench.START: _start,
        Bench.VIEW: _view,
        Bench.LOAD: _load,
        Bench.INDEX: _index,
        Bench.RESLICE: _reslice,
        Bench.ANALYSE: _analyse,
    }[name]
    for row in rows(context, repeats, data_dir):
        if as_json:
            emit(row)
        else:
            tell(
                f"{row['bench']}, {row['case']}: {row['ours_ms']:.1f} ms (95 % under {row['p95_ms']:.1f}), "
                f"{row['peer']}: {row['peer_ms']:.1f} ms, {row['ratio']:.1f} times ours; "
                f"n = {row['n']}, {row['peak_mb']:.0f} MB"
            )
    return DONE


def _start(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a cold start has a folder of its own
    from medvision_desktop.bench import start

    for measured in start.measure(repeats or start.REPEATS):
        yield measured.as_item()


def _view(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - nothing is stored
    from medvision_desktop.bench import view

    for measured in view.measure(repeats or _EVENTS):
        yield measured.as_item()


def _load(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - it makes its own files
    from medvision_desktop.bench import load

    for measured in load.measure(repeats or load.REPEATS):
        yield measured.as_item()


def _index(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - it makes its own files
    from medvision_desktop.bench import index

    for measured in index.measure(repeats or index.REPEATS):
        yield measured.as_item()


def _reslice(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - nothing is stored
    from medvision_desktop.bench import reslice

    for measured in reslice.measure(repeats or reslice.REPEATS):
        yield measured.as_item()


def _analyse(context: typer.Context, repeats: int, data_dir: Path | None) -> Iterator[Mapping[str, Any]]:
    from medvision_desktop.services import bench_analyse

    with ExitStack() as stack:
        parts = stack.enter_context(workbench(context, data_dir))
        cancel = stack.enter_context(cancellable())
        rounds = repeats or bench_analyse.ROUNDS
        yield from bench_analyse.rows(parts, rounds=rounds, progress=progress_line(), cancel=cancel)
