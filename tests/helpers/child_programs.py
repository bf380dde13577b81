"""A child whose handlers do what real ones are feared to do: crash, stall, flood, lie."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from medvision_desktop.children import serve
from medvision_desktop.errors import InputRefused
from medvision_desktop.work import CancelToken, Progress, ProgressSink

Arguments = dict[str, Any]
Arrays = dict[str, np.ndarray]
Answer = tuple[Arguments, Arrays]


def echo(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    return {"given": arguments, "pid": os.getpid()}, arrays


def count(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    for step in range(arguments["steps"]):
        progress(Progress(step + 1, arguments["steps"], "counting"))
    return {}, {}


def walk(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    for step in range(arguments["steps"]):
        cancel.check()
        progress(Progress(step + 1, arguments["steps"]))
        time.sleep(0.02)
    return {}, {}


def refuse(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    raise InputRefused("It cannot be read.", "It is short.", "Leave it out.")


def fault(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    raise KeyError(arguments["secret"])


class Panic(BaseException):
    """As a Rust library raises it: not an Exception."""


def panic(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    raise Panic


def abort(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    os.kill(os.getpid(), signal.SIGABRT)
    return {}, {}


def leave(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    os._exit(5)


def polite(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    progress(Progress(0, 0, "started"))
    while True:
        cancel.check()
        time.sleep(0.005)


def deaf(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    progress(Progress(0, 0, "started"))
    while True:
        time.sleep(1)


def noise(arguments: Arguments, arrays: Arrays, progress: ProgressSink, cancel: CancelToken) -> Answer:
    print(arguments["secret"])
    print(arguments["secret"], file=sys.stderr)
    return {}, {}


def handlers() -> dict[str, serve.Handler]:
    every = (echo, count, walk, refuse, fault, panic, abort, leave, polite, deaf, noise)
    return {handler.__name__: handler for handler in every}


if __name__ == "__main__":
    serve.KINDS = {"test": "tests.helpers.child_programs"}  # type: ignore[misc]
    sys.exit(serve.serve(sys.argv[1], int(sys.argv[2])))
