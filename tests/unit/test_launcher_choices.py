"""Which Python, which libraries, window or demonstration: the launcher's choices."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.helpers.launch import Checkout, checkout, tool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="displays and libraries of Linux")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    ready = checkout(tmp_path_factory.mktemp("built"))
    # Which libraries of X11 this machine has is not what is asked here.
    module = ready.root / "packaging" / "system_libraries.py"
    module.write_text(
        re.sub(r'"lib(X11-xcb|xkbcommon-x11|xcb-[a-z-]+)\.so\.\d"', '"libc.so.6"', module.read_text())
    )
    done = ready.start("first")
    assert done.returncode == 0, done.stderr
    return ready


@pytest.fixture
def made(tmp_path: Path) -> Checkout:
    return checkout(tmp_path)


@pytest.fixture
def warm(made: Checkout, built: Checkout) -> Checkout:
    """A fresh checkout that finds an environment which is ready."""
    made.environment["XDG_CACHE_HOME"] = str(built.cache)
    return made


def arguments(made: Checkout, *given: str, **changes: str) -> list[str]:
    done = made.start(*given, **changes)
    assert done.returncode == 0, done.stderr
    told: list[str] = json.loads(done.stdout)["arguments"]
    return told


def test_without_a_display_it_says_so_and_does_the_demonstration(built: Checkout) -> None:
    done = built.start()
    assert json.loads(done.stdout)["arguments"] == ["demo"]
    assert "no display here" in done.stderr


@pytest.mark.parametrize("display", [":4711", "unix:4711", ":4711.0"])
def test_a_display_that_does_not_answer_is_none(built: Checkout, display: str) -> None:
    assert arguments(built, DISPLAY=display) == ["demo"]


def test_a_display_that_answers_gets_the_window(built: Checkout) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X4712")
        server.listen()
        assert arguments(built, DISPLAY=":4712") == ["open"]


def test_a_display_on_another_machine_is_believed(built: Checkout) -> None:
    assert arguments(built, DISPLAY="localhost:10.0") == ["open"]


def test_a_wayland_compositor_gets_the_window(built: Checkout, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-7"))
        assert arguments(built, WAYLAND_DISPLAY="wayland-7", XDG_RUNTIME_DIR=str(tmp_path)) == ["open"]
    assert arguments(built, WAYLAND_DISPLAY="wayland-8", XDG_RUNTIME_DIR=str(tmp_path)) == ["demo"]


def test_an_offscreen_platform_shows_nothing_so_it_is_no_display(built: Checkout) -> None:
    assert arguments(built, QT_QPA_PLATFORM="offscreen", DISPLAY="localhost:10.0") == ["demo"]


def test_test_runs_pytest_with_the_arguments_in_the_checkout(built: Checkout) -> None:
    done = built.start("test", "-k", "x")
    # The little environment has no pytest, and says so itself.
    assert done.returncode == 1
    assert "No module named pytest" in done.stderr


def test_libraries_that_are_there_need_no_installer(built: Checkout) -> None:
    arguments(built, "demo")
    assert not (built.root.parent / "apt.log").exists()


def test_missing_libraries_are_installed_as_root_else_named_in_one_line(warm: Checkout) -> None:
    module = warm.root / "packaging" / "system_libraries.py"
    module.write_text(module.read_text().replace("libdbus-1.so.3", "libnot-there.so.9"))
    tool(warm.tools, "id", "echo 0")
    done = warm.start("demo")
    assert done.returncode == 2
    assert "libnot-there.so.9" in done.stderr
    assert "sudo apt-get install -y --no-install-recommends libdbus-1-3" in done.stderr
    asked = warm.root.parent / "apt.log"
    assert asked.exists() == (os.geteuid() == 0)
    # A command that draws nothing needs none of them.
    assert warm.start("index").returncode == 0


def test_shims_that_do_not_run_are_passed_over(warm: Checkout) -> None:
    for name in ("python3.13", "python3.12"):
        tool(warm.tools, name, "echo 'not found in the version manager' >&2; exit 127")
    tool(warm.tools, "python3.11", "exit 1")
    (warm.tools / "python3").symlink_to(sys.executable)
    assert arguments(warm, "x") == ["x"]


def test_a_python_that_was_named_is_taken_or_refused_but_never_passed_over(warm: Checkout) -> None:
    old = tool(warm.tools, "old-python", "exit 1")
    done = warm.start("x", MEDVISION_PYTHON=str(old))
    assert done.returncode == 2
    assert str(old) in done.stderr
    assert arguments(warm, "x", MEDVISION_PYTHON=sys.executable) == ["x"]


def test_no_python_at_all_is_said_in_words(made: Checkout) -> None:
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        tool(made.tools, name, "exit 1")
    script = made.launcher.read_text().replace("/usr/bin/python3", "/nowhere/python3")
    made.launcher.write_text(script)
    done = made.start("x")
    assert done.returncode == 2
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert done.stdout == ""
