"""Compressed frames, decoded in child processes: a decoder that crashes or stalls costs one request."""

from __future__ import annotations

import math
import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from medvision_desktop.children.process import ChildProcess
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import ChildFailed, InputRefused
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken

_CHILDREN: Final = 2
# One core each: the pool is the parallelism.
_ENVIRONMENT: Final[Mapping[str, str]] = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_START_LIMIT_S: Final = 120.0
_REQUEST_BYTES: Final = 96 << 20


@dataclass(frozen=True, eq=False)
class Decoded:
    """Frames as the decoder made them: HxW, or HxWx3 as RGB, and what it doubts about them.

    `right_aligned`: values start at bit 0 whatever High Bit says.
    """

    frames: tuple[NDArray[Any], ...]
    right_aligned: bool = True
    doubts: tuple[str, ...] = ()


class Decoder:
    """A pool of decoding children under the memory and time limits of the settings. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._memory_mb = settings.decoder_memory_mb
        self._timeout_s = float(settings.decoder_timeout_s)
        self.image_memory_bytes = settings.image_memory_mb << 20
        self._children = tuple(ChildProcess("decode", environment=_ENVIRONMENT) for _ in range(_CHILDREN))
        self._idle: queue.LifoQueue[ChildProcess] = queue.LifoQueue()
        for child in reversed(self._children):
            self._idle.put(child)

    @property
    def width(self) -> int:
        """How many requests run at the same time."""
        return len(self._children)

    def warm(self) -> None:
        """Start one child, so that the first compressed image need not wait for it."""
        self.ask("ready", {}, None)

    def frames(
        self,
        instance: InstanceRef,
        frame_numbers: Sequence[int] | None = None,
        cancel: CancelToken | None = None,
    ) -> Decoded:
        """Decode frames of a compressed object by number from 1, all of them for None.

        Raises `InputRefused` for what cannot be decoded, also when the child died or stalled
        over it, and `Cancelled`.
        """
        numbers = range(1, instance.number_of_frames + 1) if frame_numbers is None else frame_numbers
        step = max(1, _REQUEST_BYTES // max(1, instance.rows * instance.columns * 4))
        frames: list[NDArray[Any]] = []
        answer: Mapping[str, Any] = {}
        for start in range(0, len(numbers), step):
            wanted = [int(number) for number in numbers[start : start + step]]
            arguments = {"path": str(instance.path), "frames": wanted}
            answer, arrays = self.ask("frames", arguments, cancel, len(wanted))
            frames += [arrays[str(number)] for number in wanted]
        return Decoded(
            tuple(frames), bool(answer.get("right_aligned", True)), tuple(answer.get("doubts", ()))
        )

    def raster(self, path: Path, cancel: CancelToken | None = None) -> Decoded:
        """Decode a PNG or JPEG file: HxW or HxWx3 (RGB), uint8 or uint16. Raises as `frames`."""
        answer, arrays = self.ask("raster", {"path": str(path)}, cancel)
        return Decoded((arrays["1"],), doubts=tuple(answer.get("doubts", ())))

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.close()

    @contextmanager
    def _borrowed(self) -> Iterator[ChildProcess]:
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)

    def ask(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        cancel: CancelToken | None,
        count: int = 1,
        *,
        what: str = "The image cannot be decoded.",
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """One request to a child under the limits; `what` is said when the child died or stalled over it.

        Raises `InputRefused` and `Cancelled`.
        """
        limit = self._timeout_s * max(1, math.ceil(count / 16))
        bounded = {**arguments, "memory_mb": self._memory_mb}
        with self._borrowed() as child:
            try:
                if child.pid is None:  # loading the libraries is not decoding, and may take longer
                    child.request("ready", bounded, cancel=cancel, timeout_s=_START_LIMIT_S)
                return child.request(operation, bounded, cancel=cancel, timeout_s=limit)
            except ChildFailed as error:
                raise InputRefused(
                    what,
                    error.why or error.what,
                    "Ask for the file to be sent again, or for an uncompressed copy.",
                ) from error
