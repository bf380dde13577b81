"""`medvision bench`: our times beside those of a named alternative, measured in the same run."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from medvision_desktop.cli_session import DONE, AsJson, DataDir, emit, invocation, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medvision_desktop.bench.measure import Measured
    from medvision_desktop.paths import Locations


class Bench(StrEnum):
    """What can be measured."""

    START = "start"
    VIEW = "view"
    ANALYSE = "analyse"


def bench(
    context: typer.Context,
    name: Annotated[Bench, typer.Argument(metavar="NAME", help="start, view or analyse.")],
    repeats: Annotated[
        int,
        typer.Option("--repeats", metavar="N", min=0, help="How often; 0 takes the bench's own number."),
    ] = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> int:
    """Measure the program beside an alternative.

    Trust the ratio more than the milliseconds.
    """
    locations = invocation(context).places(data_dir)
    for measured in _run(name, repeats, locations):
        if as_json:
            emit(measured.as_item())
        else:
            tell(measured.in_words())
    return DONE


def _run(name: Bench, repeats: int, locations: Locations) -> Iterator[Measured]:
    if name is Bench.START:
        from medvision_desktop.bench import start

        return start.measure(repeats or 5)
    if name is Bench.VIEW:
        from medvision_desktop.bench import view

        return view.measure(repeats or 200)
    from medvision_desktop.bench import analyse

    return analyse.measure(repeats or 40, locations)
