"""The libraries of the system that Qt loads, and fonts: looked for, and installed where we may.

Names from Qt's list for X11 (https://doc.qt.io/qt-6/linux-requirements.html), less what PySide6
brings itself.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from environment import SetupFailed, apt_install, may_apt

# (library, package of Debian and Ubuntu)
OFFSCREEN = (
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libGL.so.1", "libgl1"),
    ("libEGL.so.1", "libegl1"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libdbus-1.so.3", "libdbus-1-3"),
)
XCB = (
    ("libX11-xcb.so.1", "libx11-xcb1"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libxcb-cursor.so.0", "libxcb-cursor0"),
    ("libxcb-icccm.so.4", "libxcb-icccm4"),
    ("libxcb-image.so.0", "libxcb-image0"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libxcb-randr.so.0", "libxcb-randr0"),
    ("libxcb-render-util.so.0", "libxcb-render-util0"),
    ("libxcb-shape.so.0", "libxcb-shape0"),
    ("libxcb-xkb.so.1", "libxcb-xkb1"),
)
# Names of patients are written in every script; the program's own font has Latin only. One of the
# names in a file's name is enough.
FONTS = (
    (("dejavu",), "fonts-dejavu-core", "Cyrillic and Greek"),
    (("cjk", "wqy", "droidsansfallback"), "fonts-droid-fallback", "Chinese, Japanese and Korean"),
)
# What some tests need: a renderer of another house to compare with, a display server. (command, package)
TEST_TOOLS = (("dcmj2pnm", "dcmtk"), ("Xvfb", "xvfb"))
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")

Libraries = tuple[tuple[str, str], ...]
Say = Callable[[str], None]


def provide(libraries: Libraries, say: Say) -> None:
    """See that these libraries are there. Raises `SetupFailed` with the one line that brings them."""
    if not sys.platform.startswith("linux"):
        return
    absent = missing(libraries)
    if not absent:
        return
    packages = [package for _, package in absent]
    if may_apt():
        say(f"Installing {' '.join(packages)} ...")
        apt_install(packages)
        absent = missing(libraries)
    if absent:
        names = " ".join(library for library, _ in absent)
        raise SetupFailed(
            f"Qt needs libraries of the system that are not here ({names}). Run: "
            f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
        )


def missing(libraries: Libraries) -> list[tuple[str, str]]:
    """Those that the loader cannot find."""
    return [entry for entry in libraries if not loads(entry[0])]


def loads(library: str) -> bool:
    """Whether the loader finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def provide_fonts(say: Say) -> None:
    """Bring fonts for names of patients, or say once what is not there. Never stops a start."""
    absent = absent_fonts() if sys.platform.startswith("linux") else []
    if absent and may_apt():
        say(f"Installing fonts: {' '.join(package for package, _ in absent)} ...")
        for package, _ in absent:
            apt_install([package])
        absent = absent_fonts()
    if absent:
        say(
            f"There is no font for {' nor for '.join(script for _, script in absent)}; names in it show as "
            f"boxes. To have it: sudo apt-get install {' '.join(package for package, _ in absent)}"
        )


def provide_test_tools(say: Say) -> None:
    """Bring the programs that tests compare with. Without them those tests are skipped, and say so."""
    absent = [package for command, package in TEST_TOOLS if shutil.which(command) is None]
    if absent and sys.platform.startswith("linux") and may_apt():
        say(f"Installing {' '.join(absent)} ...")
        apt_install(absent)


def absent_fonts() -> list[tuple[str, str]]:
    """(package, script) of each kind of font of which no file lies in a folder for fonts."""
    present = [
        name.lower()
        for folder in FONT_FOLDERS
        for _, _, names in os.walk(Path(folder).expanduser())
        for name in names
    ]
    return [
        (package, script)
        for marks, package, script in FONTS
        if not any(mark in name for mark in marks for name in present)
    ]
