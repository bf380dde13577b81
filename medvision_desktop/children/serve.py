"""The child's side: read requests, run them one at a time, answer.

Which kinds there are is a table of module names, imported only in the child that needs them:
each module has `handlers() -> Mapping[str, Handler]`.
"""

from __future__ import annotations

import importlib
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from numpy.typing import NDArray

from medvision_desktop.children.channel import Arrays, Channel, ChannelClosed
from medvision_desktop.errors import Cancelled, MedVisionError
from medvision_desktop.work import CancelToken, Progress, ProgressSink

Answer = tuple[Mapping[str, Any], Arrays]
Handler = Callable[[dict[str, Any], dict[str, NDArray[Any]], ProgressSink, CancelToken], Answer]

KINDS: Final[Mapping[str, str]] = {
    "decode": "medvision_desktop.io.decoder_child",
    "inference": "medvision_desktop.inference.child",
    "train": "medvision_desktop.training.child",
    "volume": "medvision_desktop.pixels.volume_child",
}


# What the parent may say of a request while it runs; methods of its token.
_ASIDE: Final = ("cancel", "hold", "release")


def serve(kind: str, descriptor: int) -> int:
    """Serve requests on an inherited socket until the parent closes it. Returns the exit code."""
    if kind not in KINDS:
        return 2
    channel = Channel(socket.socket(fileno=descriptor))
    _end_with_parent()
    handlers: Mapping[str, Handler] = importlib.import_module(KINDS[kind]).handlers()
    serve_channel(channel, handlers)
    return 0


def serve_channel(channel: Channel, handlers: Mapping[str, Handler]) -> None:
    """Serve requests until the channel closes; a thread reads so that cancels get through."""
    requests: queue.SimpleQueue[tuple[dict[str, Any], dict[str, NDArray[Any]]] | None]
    requests = queue.SimpleQueue()
    tokens: dict[int, CancelToken] = {}

    def read() -> None:
        while True:
            try:
                message, arrays = channel.receive()
            except ChannelClosed:
                for token in list(tokens.values()):
                    token.cancel()
                requests.put(None)
                return
            asked = next((name for name in _ASIDE if name in message), None)
            if asked is not None:
                running = tokens.get(message[asked])
                if running is not None:
                    getattr(running, asked)()
                continue
            tokens[message["id"]] = CancelToken()
            requests.put((message, arrays))

    threading.Thread(target=read, name="child-reader", daemon=True).start()
    while (item := requests.get()) is not None:
        message, arrays = item
        identifier = message["id"]
        try:
            _answer(channel, handlers, message, arrays, tokens[identifier])
        except ChannelClosed:
            return
        finally:
            tokens.pop(identifier, None)


def _answer(
    channel: Channel,
    handlers: Mapping[str, Handler],
    message: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    token: CancelToken,
) -> None:
    identifier = message["id"]

    def report(progress: Progress, /) -> None:
        fields = {"done": progress.done, "total": progress.total, "text": progress.text}
        channel.send({"id": identifier, "progress": fields})

    try:
        token.check()
        handler = handlers[message["operation"]]
        result, result_arrays = handler(message["arguments"], arrays, report, token)
        channel.send({"id": identifier, "result": dict(result)}, result_arrays)
    except Cancelled:
        channel.send({"id": identifier, "error": {"kind": "Cancelled"}})
    except MedVisionError as error:
        fields = {"what": error.what, "why": error.why, "now": error.now}
        channel.send({"id": identifier, "error": {"kind": type(error).__name__, **fields}})
    except ChannelClosed:
        raise
    except BaseException as error:  # Rust panics of native decoders are not Exceptions
        why = f"Its fault was {type(error).__name__}."
        fields = {"what": "A helper process failed.", "why": why, "now": ""}
        channel.send({"id": identifier, "error": {"kind": "ChildFailed", **fields}})
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise


def _end_with_parent() -> None:
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
