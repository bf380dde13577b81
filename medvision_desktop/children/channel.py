"""Messages between a parent and its child: JSON for words, shared memory for arrays.

A message is a 4-byte length, a JSON object, and for arrays one file descriptor of an anonymous
map (memfd on Linux, an unlinked temporary file elsewhere), so that a crash leaves nothing named
behind. Nothing is pickled. Needs a Unix socket pair.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import socket
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES: Final = 64 * 1024 * 1024
_ALIGN: Final = 64
_ALLOWED_KINDS: Final = frozenset("biuf")

Arrays = Mapping[str, NDArray[Any]]


class ChannelClosed(Exception):
    """The other side is gone."""


class Channel:
    """One end of a socket pair. Not thread-safe in either direction: one reader, one writer."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end; the other side reads `ChannelClosed`."""
        self._socket.close()

    def send(self, message: Mapping[str, Any], arrays: Arrays | None = None) -> None:
        """Send one message with its arrays. Raises `ChannelClosed` if nobody listens."""
        layout: list[dict[str, Any]] = []
        total = 0
        packed = {name: np.asarray(array, order="C") for name, array in (arrays or {}).items()}
        for name, array in packed.items():
            layout.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": total})
            total += -(-max(array.nbytes, 1) // _ALIGN) * _ALIGN
        header = json.dumps({"message": message, "arrays": layout, "bytes": total}).encode()
        descriptor = _anonymous_file(total) if total else None
        try:
            if descriptor is not None:
                with mmap.mmap(descriptor, total) as view:
                    for entry, array in zip(layout, packed.values(), strict=True):
                        _put(view, entry["offset"], array)
            self._write(struct.pack("<I", len(header)), descriptor)
            self._write(header, None)
        except OSError as error:
            raise ChannelClosed from error
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def receive(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Read one message; arrays are copies that the caller owns."""
        prefix, descriptors = self._read(4, with_descriptors=True)
        try:
            (length,) = struct.unpack("<I", prefix)
            if length > MAX_HEADER_BYTES:
                raise ChannelClosed
            envelope = json.loads(self._read(length)[0])
            if not envelope["arrays"]:
                return envelope["message"], {}
            if not descriptors:
                raise ChannelClosed
            return envelope["message"], _read_arrays(descriptors[0], envelope)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _write(self, data: bytes, descriptor: int | None) -> None:
        if descriptor is not None:
            sent = socket.send_fds(self._socket, [data], [descriptor])
            data = data[sent:]
        self._socket.sendall(data)

    def _read(self, count: int, *, with_descriptors: bool = False) -> tuple[bytes, list[int]]:
        chunks: list[bytes] = []
        descriptors: list[int] = []
        remaining = count
        while remaining:
            try:
                if with_descriptors:
                    chunk, received, _, _ = socket.recv_fds(self._socket, remaining, 1)
                    descriptors += received
                else:
                    chunk = self._socket.recv(min(remaining, 1 << 20))
            except OSError as error:
                raise ChannelClosed from error
            if not chunk:
                raise ChannelClosed
            chunks.append(chunk)
            remaining -= len(chunk)
        return b"".join(chunks), descriptors


def _read_arrays(descriptor: int, envelope: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    total = int(envelope["bytes"])
    if os.fstat(descriptor).st_size < total:
        raise ChannelClosed
    with mmap.mmap(descriptor, total, access=mmap.ACCESS_READ) as view:
        for entry in envelope["arrays"]:
            dtype = np.dtype(entry["dtype"])
            shape = tuple(int(extent) for extent in entry["shape"])
            start, size = int(entry["offset"]), math.prod(shape) * dtype.itemsize
            if dtype.kind not in _ALLOWED_KINDS or start < 0 or start + size > total:
                raise ChannelClosed
            arrays[entry["name"]] = _taken(view, start, shape, dtype)
    return arrays


# Arrays are copied by numpy, which lets other threads go on meanwhile; `mmap` and `bytes` would hold them
# all, and with them the window. A map cannot be closed while an array lies on it, so none is kept.


def _put(view: mmap.mmap, start: int, array: NDArray[Any]) -> None:
    if array.size:
        flat = np.frombuffer(view, array.dtype, count=array.size, offset=start)
        np.copyto(flat.reshape(array.shape), array)


def _taken(view: mmap.mmap, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    count = math.prod(shape)
    if not count:
        return np.empty(shape, dtype)
    return np.frombuffer(view, dtype, count=count, offset=start).reshape(shape).copy()


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("medvision", os.MFD_CLOEXEC)
    else:
        descriptor, name = tempfile.mkstemp()
        Path(name).unlink()
    os.ftruncate(descriptor, size)
    return descriptor
