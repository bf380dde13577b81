"""The list of opened paths comes back after a restart, and a damaged one is an empty one."""

from __future__ import annotations

import logging
import stat
import sys
from pathlib import Path

import pytest

from medvision_desktop.paths import Locations
from medvision_desktop.services import opened_paths


def test_paths_come_back_in_order_and_once(locations: Locations, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    opened_paths.remember(locations, [one, two])
    opened_paths.remember(locations, [two])
    opened_paths.remember(locations, [one, two])
    assert opened_paths.load(locations) == ((two,), (one, two))
    opened_paths.forget(locations)
    assert opened_paths.load(locations) == ()


def test_the_list_does_not_grow_without_end(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened_paths, "MOST_GROUPS", 5)
    for number in range(9):
        opened_paths.remember(locations, [tmp_path / str(number)])
    assert [group[0].name for group in opened_paths.load(locations)] == ["4", "5", "6", "7", "8"]
    opened_paths.remember(locations, [tmp_path / str(number) for number in range(3000)])
    assert len(opened_paths.load(locations)[-1]) == opened_paths.MOST_PATHS


@pytest.mark.parametrize(
    "text", ["{", "null", '{"a": 1}', '[1, null, "/a", ["relative", 3, "/nul\\u0000"]]', "\xff"]
)
def test_a_damaged_list_is_an_empty_one(
    locations: Locations, text: str, expected_log: list[logging.LogRecord]
) -> None:
    (locations.data / "opened.json").write_text(text, encoding="latin-1")
    assert opened_paths.load(locations) == ()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_list_is_for_its_owner_only(locations: Locations, tmp_path: Path) -> None:
    opened_paths.remember(locations, [tmp_path])
    assert stat.S_IMODE((locations.data / "opened.json").stat().st_mode) == 0o600


def test_a_list_that_cannot_be_written_is_no_error(
    locations: Locations, tmp_path: Path, expected_log: list[logging.LogRecord]
) -> None:
    (locations.data / "opened.new").mkdir()
    opened_paths.remember(locations, [tmp_path])
    assert opened_paths.load(locations) == ()
    assert len(expected_log) == 1
    assert str(tmp_path) not in expected_log[0].getMessage()
