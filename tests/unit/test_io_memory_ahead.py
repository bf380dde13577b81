"""Memory that is found ahead is the same memory: what is written while it is found stays."""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from medvision_desktop.io import memory_ahead

NAME = "memory-ahead"


def begun(shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
    array = np.empty(shape, kind)
    memory_ahead.find(array)
    return array


def finished() -> bool:
    """Wait for the threads that find memory; whether there was one."""
    found = [thread for thread in threading.enumerate() if thread.name == NAME]
    for thread in found:
        thread.join(10)
    return bool(found)


def resident_bytes(address: int, length: int) -> int:
    """How much of an address range is in memory, as the kernel counts (proc(5), smaps)."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text("ascii").splitlines():
        ends = line.split(" ", 1)[0].split("-")
        if len(ends) == 2:
            start, end = (int(part, 16) for part in ends)
            inside = start < address + length and end > address
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux is asked")
def test_all_of_a_large_array_is_in_memory_before_anything_is_written() -> None:
    array = begun((40, 1 << 20), np.uint8)
    while finished():
        pass
    assert resident_bytes(array.ctypes.data, array.nbytes) >= 0.99 * array.nbytes


def test_what_is_written_meanwhile_stays() -> None:
    values = np.arange(1 << 20, dtype=np.uint16)
    for _ in range(3):
        array = begun((40, 1 << 20), np.uint16)
        for place in array:
            place[...] = values
        finished()
        assert (array == values).all()


def test_a_small_array_needs_no_thread() -> None:
    array = begun((3, 512, 512), np.int16)
    assert array.nbytes < 2 << 20
    assert not finished()


def test_a_system_that_cannot_be_asked_gives_an_array_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Refusing:
        """A C library of an older kernel: every advice is unknown."""

        def __init__(self, *_: object, **__: object) -> None:
            def madvise(_start: int, length: int, _advice: int) -> int:
                asked.append(length)
                return -1

            self.madvise = madvise

    monkeypatch.setattr(ctypes, "CDLL", Refusing)
    array = begun((40, 1 << 20), np.uint8)
    finished()
    array[...] = 7
    assert (array == 7).all()
    assert len(asked) <= 1
