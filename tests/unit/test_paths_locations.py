"""Where things lie: under one named directory, or the platform's own; private, made on demand."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from medvision_desktop import paths
from medvision_desktop.errors import StoreUnavailable


def test_a_named_data_directory_holds_everything(tmp_path: Path) -> None:
    found = paths.locate(tmp_path / "d")
    for place in (
        found.cache,
        found.logs,
        found.record,
        found.reports,
        found.settings,
        found.installed_models,
    ):
        assert place.is_relative_to(tmp_path / "d")


def test_a_relative_directory_is_meant_from_where_the_program_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert paths.locate(Path("d")).data == tmp_path / "d"


def test_without_one_the_platform_says_where(tmp_path: Path) -> None:
    found = paths.locate()
    if sys.platform.startswith("linux"):
        assert found.data == Path(os.environ["XDG_DATA_HOME"]) / "medvision"
    # The launcher keeps environments in the cache directory; the program stays out of their way.
    assert found.cache != Path(os.environ["XDG_CACHE_HOME"]) / "medvision"


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    paths.locate(tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_made_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    found = paths.locate(tmp_path / "d").ensure()
    for place in (found.data, found.cache, found.logs):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="--data-dir"):
        paths.locate(tmp_path / "file" / "d").ensure()


def test_resources_and_models_ship_beside_the_package() -> None:
    assert (paths.root() / "medvision_desktop").is_dir()
    assert paths.resources().is_dir()
    assert paths.shipped_models().is_dir()


def test_a_frozen_build_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.resources() == tmp_path / "resources"
