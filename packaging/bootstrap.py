"""First half of `./medvision`: sees to the environment, then becomes the program or its tests.

Standard library only: it runs on the Python of the machine, before anything is installed. All it
says goes to standard error, so that `--json` on standard output stays clean.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "packaging"))

from environment import SetupFailed, prepared  # noqa: E402
from system_libraries import (  # noqa: E402
    OFFSCREEN,
    XCB,
    provide,
    provide_fonts,
    provide_test_tools,
)

NEEDS_QT = ("open", "demo", "test", "bench")
# pytest's exit code when no test was selected.
NO_TESTS = 5


def main(arguments: list[str]) -> int:
    """Prepare, decide what is wanted, and run it. Returns an exit code where it returns at all."""
    if not arguments:
        if has_display():
            arguments = ["open"]
        else:
            say("There is no display here, so this does the main job without one: medvision demo.")
            arguments = ["demo"]
    try:
        python, is_new = prepared(REPOSITORY, say)
        if is_new:
            provide_fonts(say)
        if arguments[0] in NEEDS_QT:
            if arguments == ["test"]:
                provide_test_tools(say)
            windowed = arguments[0] == "open" and bool(os.environ.get("DISPLAY"))
            windowed = windowed or (arguments == ["test"] and shutil.which("Xvfb") is not None)
            provide(OFFSCREEN + XCB if windowed else OFFSCREEN, say)
    except SetupFailed as failure:
        say(str(failure))
        return 2
    if arguments[0] == "test":
        return run_tests(python, arguments[1:])
    return become(python, ["-m", "medvision_desktop", *arguments])


def run_tests(python: Path, arguments: list[str]) -> int:
    """The tests; without arguments also those that want a display server, where Xvfb is installed."""
    os.chdir(REPOSITORY)
    if arguments or shutil.which("Xvfb") is None:
        return become(python, ["-m", "pytest", *arguments])
    first = subprocess.call([python, "-m", "pytest"], env=clean_environment())
    display = {**clean_environment(), "QT_QPA_PLATFORM": "xcb"}
    second = subprocess.call([python, "-m", "pytest", "-q", "-m", "xvfb"], env=display)
    return first or (0 if second == NO_TESTS else second)


def become(python: Path, arguments: list[str]) -> int:
    """Replace this process, so that signals and the exit code are the program's own."""
    command = [str(python), *arguments]
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(command[0], command, clean_environment())  # noqa: S606 - no shell is wanted
    return subprocess.call(command, env=clean_environment())


def clean_environment() -> dict[str, str]:
    """Ours, with the package on the path from wherever it is called, and nobody else's packages."""
    environment = dict(os.environ)
    # Without compiled modules every start pays for compiling them again.
    for name in ("PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP"):
        environment.pop(name, None)
    environment["PYTHONPATH"] = str(REPOSITORY)
    # `python -m` would look into the folder we are called from first.
    environment["PYTHONSAFEPATH"] = "1"
    environment["PYTHONNOUSERSITE"] = "1"
    return environment


def has_display() -> bool:
    """Whether a window opened now would be seen."""
    if not sys.platform.startswith("linux"):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform:
        return platform.partition(":")[0] not in ("offscreen", "minimal")
    return wayland_answers() or x11_answers()


def wayland_answers() -> bool:
    """Whether the compositor that WAYLAND_DISPLAY names has its socket there."""
    name = os.environ.get("WAYLAND_DISPLAY", "")
    return bool(name) and (Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name).is_socket()


def x11_answers() -> bool:
    """Whether DISPLAY names a server that takes a connection; one on another machine is believed."""
    name = os.environ.get("DISPLAY", "")
    host, colon, rest = name.rpartition(":")
    if not name or not colon or host not in ("", "unix"):
        return bool(name)
    path = f"/tmp/.X11-unix/X{rest.partition('.')[0]}"  # noqa: S108 - the place X11 has for it
    for address in (f"\0{path}", path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            return True
    return False


def say(text: str) -> None:
    """One line to the person."""
    print(f"medvision: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
