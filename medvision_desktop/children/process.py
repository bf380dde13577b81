"""The parent's side of a child process: start, ask, cancel, kill.

A child is started by argument vector, never forked, and ends when its pipe to the parent closes.
A crash, a stall or an out-of-memory kill costs the one request that was running: it raises
`ChildFailed`, and the next request starts a new child.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from medvision_desktop import errors
from medvision_desktop.children.channel import Arrays, Channel, ChannelClosed
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

_POLL_S: Final = 0.02
_CANCEL_GRACE_S: Final = 1.0
_KNOWN: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MedVisionError)
}

Reply = tuple[dict[str, Any], dict[str, NDArray[Any]]]


def command(kind: str, descriptor: int) -> list[str]:
    """The argument vector of a child, for a source tree and for a frozen build."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "child", kind, str(descriptor)]
    return [sys.executable, "-m", "medvision_desktop", "child", kind, str(descriptor)]


def _same_package() -> dict[str, str]:
    """What makes a child import the package that we run from, whatever folder it is started in."""
    if getattr(sys, "frozen", False):
        return {}
    ours = str(Path(__file__).resolve().parents[2])
    others = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (ours, others))), "PYTHONSAFEPATH": "1"}


class ChildProcess:
    """One long-lived child of one kind (`decode`, `inference`, `train`, `volume`), started when asked.

    Thread-safe: requests are served one at a time. `environment` is added to the child's.
    """

    def __init__(self, kind: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self._environment = dict(environment or {})
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._next_id = 0

    @property
    def pid(self) -> int | None:
        """Process id while the child lives."""
        return self._process.pid if self._process is not None else None

    def request(
        self,
        operation: str,
        arguments: Mapping[str, Any] | None = None,
        arrays: Arrays | None = None,
        *,
        progress: ProgressSink = no_progress,
        cancel: CancelToken | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Ask the child and wait. Runs on a lane, never on the event loop.

        Raises the `MedVisionError` that the child raised, `Cancelled`, or `ChildFailed` when it
        died, exceeded `timeout_s`, or raised something that is not ours.
        """
        token = cancel or CancelToken()
        with self._lock:
            token.check()
            channel = self._started()
            self._next_id += 1
            ask = {"id": self._next_id, "operation": operation, "arguments": dict(arguments or {})}
            try:
                channel.send(ask, arrays)
                return self._await(channel, self._next_id, progress, token, timeout_s)
            except ChannelClosed as error:
                raise self._died() from error

    def close(self) -> None:
        """End the child now and wait for it."""
        with self._lock:
            self._kill()

    def kill(self) -> None:
        """End the child from another thread; the running request raises `ChildFailed`."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _started(self) -> Channel:
        if self._channel is not None and self._process is not None and self._process.poll() is None:
            return self._channel
        self._kill()
        ours, theirs = socket.socketpair()
        environment = {**os.environ, **_same_package(), **self._environment}
        # The child's own prints could hold patient data, so they go nowhere unless asked for.
        quiet = None if environment.get("MEDVISION_CHILD_OUTPUT") else subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command(self.kind, theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=quiet,
                stderr=quiet,
                env=environment,
            )
        except OSError as error:
            ours.close()
            raise errors.ChildFailed(
                "A helper process could not be started.", str(error.strerror), "Try again."
            ) from error
        finally:
            theirs.close()
        self._channel = Channel(ours)
        return self._channel

    def _await(
        self,
        channel: Channel,
        request_id: int,
        progress: ProgressSink,
        token: CancelToken,
        timeout_s: float | None,
    ) -> Reply:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        cancelled_at: float | None = None
        held = False
        while True:
            ready, _, _ = select.select([channel], [], [], _POLL_S)
            now = time.monotonic()
            if token.held is not held:
                held = not held
                channel.send({"hold" if held else "release": request_id})
            if token.cancelled and cancelled_at is None:
                cancelled_at = now
                channel.send({"cancel": request_id})
            if not ready:
                if cancelled_at is not None and now - cancelled_at > _CANCEL_GRACE_S:
                    self._kill()
                    raise errors.Cancelled
                if deadline is not None and now > deadline:
                    self._kill()
                    raise errors.ChildFailed(
                        "A helper process took too long and was ended.",
                        f"The limit is {timeout_s:g} s.",
                        "Try again, or leave this file out.",
                    )
                continue
            message, arrays = channel.receive()
            if message.get("id") != request_id:
                continue
            if "progress" in message:
                progress(Progress(**message["progress"]))
            elif "error" in message:
                raise _raised(message["error"])
            else:
                return message.get("result", {}), arrays

    def _died(self) -> errors.ChildFailed:
        code = self._kill()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                code_text = f"It ended with {signal.Signals(-code).name}."
                return errors.ChildFailed("A helper process ended.", code_text, "Try again.")
        return errors.ChildFailed("A helper process ended.", f"Exit code {code}.", "Try again.")

    def _kill(self) -> int | None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        process, self._process = self._process, None
        if process is None:
            return None
        # A child that is already dying gets a moment, so that its own exit code is what we report.
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=0.1)
        process.kill()
        return process.wait()


def _raised(error: Mapping[str, str]) -> Exception:
    kind = error.get("kind", "")
    if kind == "Cancelled":
        return errors.Cancelled()
    known = _KNOWN.get(kind, errors.ChildFailed)
    return known(error.get("what", ""), error.get("why", ""), error.get("now", ""))
