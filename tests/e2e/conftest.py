"""Journeys sit down at a window of their own and leave it in order."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from medvision_desktop.paths import Locations
from tests.helpers.sitting import Sitting


@pytest.fixture
def sit_down(qapp: QApplication, locations: Locations) -> Iterator[Callable[..., Sitting]]:
    """Starts the program on this test's data folder; several times for a program that is reopened."""
    taken: list[Sitting] = []

    def start(where: Locations = locations, **options: object) -> Sitting:
        sitting = Sitting(where, **options)  # type: ignore[arg-type]
        taken.append(sitting)
        return sitting

    yield start
    for sitting in taken:
        sitting.close()
        assert sitting.crashes == []


@pytest.fixture
def folder(tmp_path: Path, sample_file: Callable[[str], Path]) -> Callable[..., Path]:
    """Makes a folder with copies of sample files, as somebody's CD has them."""

    def make(*names: str, into: str = "cd") -> Path:
        place = tmp_path / into
        place.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(sample_file(name), place)
        return place

    return make
