"""Frames of a series in one array: each is turned to stored values once, whoever asks for it and when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import SeriesRef
from medvision_desktop.io import dicom_native
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_pages import SeriesPages
from medvision_desktop.services.open_study import index
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken
from tests.helpers.dicom_files import ct, write


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings())
    yield made
    made.close()


def lifted(folder: Path) -> tuple[SeriesRef, list[NDArray[Any]]]:
    """A series whose values lie from bit 3 up, with junk below them, and the values."""
    random = np.random.default_rng(4)
    values = []
    for number in range(6):
        value = random.integers(0, 1 << 11, (12, 10)).astype(np.uint16)
        words = (value << 3 | random.integers(0, 8, value.shape).astype(np.uint16)).astype(np.uint16)
        dataset = ct(words, z=float(number), number=number + 1, PixelRepresentation=0)
        dataset.BitsStored, dataset.HighBit = 11, 13
        write(dataset, folder / f"{number}.dcm")
        values.append(value)
    (study,) = index([folder], scratch=folder).studies
    (series,) = study.series
    numbers = [int(pydicom.dcmread(one.path).InstanceNumber) for one in series.instances]
    return series, [values[number - 1] for number in numbers]


def read(pages: SeriesPages, place: int) -> Frame:
    ((_, found),) = pages.read((place,), CancelToken())
    assert isinstance(found, Frame)
    return found


def test_frames_that_are_read_again_and_again_stay_what_they_are(tmp_path: Path, decoder: Decoder) -> None:
    series, values = lifted(tmp_path)
    pages = SeriesPages(series, decoder)
    first = [read(pages, place) for place in range(len(values))]
    again = [read(pages, place) for place in reversed(range(len(values)))][::-1]
    for frame, other, value in zip(first, again, values, strict=True):
        assert np.array_equal(frame.stored, value)
        assert np.array_equal(other.stored, value)
        assert np.shares_memory(frame.stored, other.stored)


def test_two_threads_that_read_the_same_place_do_not_turn_its_words_twice(
    tmp_path: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    series, values = lifted(tmp_path)
    pages = SeriesPages(series, decoder)
    for place in (0, 1):
        read(pages, place)
    settle, inside, go_on = dicom_native.settle, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> None:
        if threading.current_thread().name == "slow":
            inside.set()
            go_on.wait(10)
        settle(*arguments)

    monkeypatch.setattr(dicom_native, "settle", slow)
    found: dict[str, Frame] = {}

    def ask() -> None:
        found[threading.current_thread().name] = read(pages, 2)

    threads = [threading.Thread(target=ask, name=name) for name in ("slow", "quick")]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    threads[1].join(0.2)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == ["quick", "slow"]
    for frame in found.values():
        assert np.array_equal(frame.stored, values[2])
