"""Settings: one table, typed and documented; nothing unknown or out of range is taken silently."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop import settings
from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.settings import Settings

FIELDS = dataclasses.fields(Settings)


@pytest.mark.parametrize("entry", FIELDS, ids=lambda entry: entry.name)
def test_every_setting_says_what_it_does_and_its_default_is_allowed(entry: dataclasses.Field[Any]) -> None:
    assert entry.metadata["doc"].endswith(".")
    assert settings.checked({entry.name: entry.default}) == Settings()
    if entry.metadata["choices"]:
        assert entry.default in entry.metadata["choices"]


def test_without_file_and_environment_everything_is_default(tmp_path: Path) -> None:
    assert settings.load(tmp_path / "absent.toml", {}) == Settings()
    assert settings.load(None, {}) == Settings()


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('reader = "Dr A"\nscale_percent = 120\n')
    read = settings.load(file, {"MEDVISION_READER": "Dr B"})
    assert (read.reader, read.scale_percent, read.engine) == ("Dr B", 120, "auto")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("PRIVACY_MODE", "true", True),
        ("PRIVACY_MODE", "0", False),
        ("SCALE_PERCENT", "110", 110),
        ("OVERLAY_OPACITY", "0.5", 0.5),
        ("ENGINE", "torch", "torch"),
    ],
)
def test_environment_text_becomes_the_type_of_the_setting(name: str, text: str, expected: object) -> None:
    read = settings.load(None, {f"MEDVISION_{name}": text})
    assert getattr(read, name.lower()) == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nonsense": 1}, "no setting 'nonsense'"),
        ({"scale_percent": "big"}, "must be int"),
        ({"scale_percent": True}, "must be int"),
        ({"scale_percent": 89}, "from 90 to 150"),
        ({"scale_percent": 151}, "from 90 to 150"),
        ({"engine": "tensorflow"}, "cannot be 'tensorflow'"),
        ({"privacy_mode": 1}, "must be bool"),
        ({"reader": 5}, "must be str"),
        ({"overlay_opacity": 1.01}, "from 0 to 1"),
        ({"overlay_opacity": float("nan")}, "from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(values: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        settings.checked(values)


@pytest.mark.parametrize(
    "name", ["MEDVISION_SCALE_PERCENT", "MEDVISION_PRIVACY_MODE", "MEDVISION_NONSENSE"]
)
def test_a_bad_environment_is_refused(name: str) -> None:
    with pytest.raises(SettingsInvalid):
        settings.load(None, {name: "perhaps"})


def test_names_that_steer_the_launcher_are_no_settings() -> None:
    assert settings.load(None, {"MEDVISION_DATA": "x", "MEDVISION_PYTHON": "y", "PATH": "z"}) == Settings()


@pytest.mark.parametrize("content", [b"reader = ", b"\xff\xfe", b'reader = "a"\nreader = "b"\n'])
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsInvalid, match="cannot be read") as caught:
        settings.load(file, {})
    assert str(file) in caught.value.now


@given(
    st.builds(
        Settings,
        reader=st.text(st.characters(exclude_categories=("Cs",))),
        institution=st.text(st.characters(exclude_categories=("Cs",))),
        scale_percent=st.integers(90, 150),
        privacy_mode=st.booleans(),
        engine=st.sampled_from(("auto", "onnxruntime", "openvino", "torch")),
        overlay_opacity=st.floats(0, 1),
    )
)
def test_what_is_saved_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, chosen: Settings
) -> None:
    file = tmp_path_factory.mktemp("settings") / "settings.toml"
    settings.save(file, chosen)
    assert settings.load(file, {}) == chosen


def test_only_what_differs_is_written_with_its_explanation(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "settings.toml"
    settings.save(file, Settings(reader="Dr A"))
    assert tomllib.loads(file.read_text()) == {"reader": "Dr A"}
    assert file.read_text().startswith("# Name of the reader")
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are of Unix")
def test_a_pipe_in_place_of_the_file_is_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.toml")
    with pytest.raises(SettingsInvalid, match="not a file"):
        settings.load(tmp_path / "settings.toml", {})
