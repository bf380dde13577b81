"""The pinned list is complete and free of contradictions, since nothing resolves it any more."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    Requirement(line)
    for line in (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
# What the environment itself brings, and what a checkout puts on the path without installing it.
NOT_PINNED = {"pip", "medvision-desktop"}
SYSTEMS = {
    "linux": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
    },
    "darwin": {
        "sys_platform": "darwin",
        "platform_system": "Darwin",
        "os_name": "posix",
        "platform_machine": "arm64",
    },
    "win32": {
        "sys_platform": "win32",
        "platform_system": "Windows",
        "os_name": "nt",
        "platform_machine": "AMD64",
    },
}


def environment(system: str, python: str) -> dict[str, str]:
    marks = {key: str(value) for key, value in default_environment().items()}
    return {
        **marks,
        **SYSTEMS[system],
        "python_version": python,
        "python_full_version": f"{python}.1",
        "extra": "",
    }


def pinned(marks: dict[str, str]) -> dict[str, str]:
    found = {}
    for line in LINES:
        if line.marker is None or line.marker.evaluate(marks):
            found[canonicalize_name(line.name)] = next(iter(line.specifier)).version
    return found


def direct() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    # Installed beside the direct ones: Grad-CAM asks for parts of its own, torch for setuptools.
    return [Requirement(text) for text in [*named, "grad-cam", "setuptools"]]


def test_every_line_is_one_exact_version() -> None:
    for line in LINES:
        assert re.fullmatch(r"==[\w.+!]+", str(line.specifier)), line
    names = [canonicalize_name(line.name) for line in LINES]
    assert len(names) == len(set(names))


def test_the_installed_environment_is_the_pinned_one() -> None:
    here = pinned(environment(sys.platform, f"{sys.version_info[0]}.{sys.version_info[1]}"))
    installed = {
        canonicalize_name(found.metadata["Name"]): found.version for found in metadata.distributions()
    }
    assert {name: installed.get(name) for name in here} == here
    assert set(installed) - set(here) - NOT_PINNED == set()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_every_package_asks_for_is_pinned_at_a_version_it_accepts(system: str, python: str) -> None:
    """Walks the requirements of the installed packages as another system would read them."""
    marks = environment(system, python)
    have = pinned(marks)
    missing, contradicting = set(), set()
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(wish.name), extra) for wish in direct() for extra in {"", *wish.extras}]
    for wish in direct():
        if not wish.specifier.contains(have.get(canonicalize_name(wish.name), "0")):
            contradicting.add(f"pyproject: {wish}")
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name not in have:
            missing.add(name)
            continue
        try:
            wishes = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another system; its own requirements cannot be read here
        for text in wishes:
            wish = Requirement(text)
            if wish.marker is not None and not wish.marker.evaluate({**marks, "extra": extra}):
                continue
            wanted = canonicalize_name(wish.name)
            waiting += [(wanted, more) for more in {"", *wish.extras}]
            if wanted in have and not wish.specifier.contains(have[wanted], prereleases=True):
                contradicting.add(f"{name} wants {wish}, pinned is {have[wanted]}")
    assert not missing
    assert not contradicting


def test_no_second_opencv_and_no_second_qt_comes_in() -> None:
    names = {canonicalize_name(line.name) for line in LINES}
    assert not names & {
        "opencv-python",
        "opencv-contrib-python",
        "pyside6",
        "pyside6-addons",
        "pyqt5",
        "pyqt6",
    }
    assert "opencv-python-headless" in names
