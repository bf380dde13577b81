"""Builds the environment once, keeps it where other checkouts find it too, and says where it is.

It lies in `${XDG_CACHE_HOME:-~/.cache}/medvision/env-<key>`; the key is a hash of the pinned
versions and of the Python, so that a new checkout finds what an old one installed. Each step leaves
a marker when it is done, `medvision-ready` last: a build that was interrupted goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

READY = "medvision-ready"
NEEDED_GB = 9
REPORT_EVERY_S = 20.0
# Would install somewhere else than into the environment, or change what is installed.
_MISLEADING = (
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_CONSTRAINT",
)

Say = Callable[[str], None]


class SetupFailed(Exception):
    """The environment cannot be built; the text is for the person, and says what to do."""


def key(constraints: bytes) -> str:
    """What an environment depends on: the pinned versions, the Python, the kind of machine."""
    kind = f"\n{sys.version_info[0]}.{sys.version_info[1]} {sys.platform} {platform.machine()}"
    return hashlib.sha256(constraints + kind.encode()).hexdigest()[:16]


def cache_root() -> Path:
    """The folder that holds every environment."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The specification of base directories wants relative paths ignored.
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "medvision"


def python_of(environment: Path) -> Path:
    """The interpreter inside an environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepared(repository: Path, say: Say) -> tuple[Path, bool]:
    """The interpreter of a finished environment, and whether it had to be built for that."""
    constraints = repository / "packaging" / "constraints.txt"
    environment = cache_root() / f"env-{key(constraints.read_bytes())}"
    is_new = not is_ready(environment)
    if is_new:
        build(environment, constraints, say)
    link(repository / ".venv", environment, say)
    return python_of(environment), is_new


def is_ready(environment: Path) -> bool:
    """Finished, and its interpreter is still on the machine."""
    return (environment / READY).exists() and os.access(python_of(environment), os.X_OK)


def build(environment: Path, constraints: Path, say: Say) -> None:
    """Build or finish an environment. Raises `SetupFailed`."""
    try:
        environment.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupFailed(f"{environment.parent} cannot be made: {error.strerror}.") from error
    with locked(environment.with_name(f"{environment.name}.lock"), say):
        if is_ready(environment):
            return
        began = time.monotonic()
        if (environment / READY).exists() or not (environment / "step-venv").exists():
            # Its interpreter is gone, or it was never made to the end.
            shutil.rmtree(environment, ignore_errors=True)
            check_space(environment.parent)
        say(f"Setting up once, in {environment}. This takes a few minutes and about 8 GB.")
        pip = create(environment, say)
        log = environment / "setup.log"
        for name, title, run in (
            ("packages", "Installing packages", lambda: install(pip, constraints, log, say)),
            ("verified", "Checking what was installed", lambda: mend(environment, pip, log, say)),
            ("bytecode", "Compiling", lambda: compile_all(environment, log, say)),
        ):
            marker = environment / f"step-{name}"
            if not marker.exists():
                say(f"{title} ...")
                run()
                marker.touch()
        (environment / READY).touch()
        say(f"Ready after {time.monotonic() - began:.0f} s.")


def create(environment: Path, say: Say) -> list[str]:
    """Make the bare environment; returns the command that is its pip. Raises `SetupFailed`."""
    marker, python = environment / "step-venv", python_of(environment)
    bundled = importlib.util.find_spec("ensurepip") is not None
    if not marker.exists():
        command = [
            sys.executable,
            "-I",
            "-m",
            "venv",
            *([] if bundled else ["--without-pip"]),
            str(environment),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 and bundled:
            # Debian leaves a stub of ensurepip that only explains itself.
            bundled = False
            shutil.rmtree(environment, ignore_errors=True)
            command = [sys.executable, "-I", "-m", "venv", "--without-pip", str(environment)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = last_line(done.stdout + done.stderr) or "no reason given"
            raise SetupFailed(f"An environment could not be made: {reason}")
        marker.touch()
    return pip_for(python, say)


def pip_for(python: Path, say: Say) -> list[str]:
    """The command that is pip for this environment: its own, this Python's, or one that apt brings."""
    own = [str(python), "-I", "-m", "pip"]
    for attempt in (0, 1):
        borrowed = [sys.executable, "-I", "-m", "pip", "--python", str(python)]
        for command in (own, borrowed):
            if works([*command, "--version"]):
                return command
        if works([str(python), "-I", "-m", "ensurepip", "--version"]) and works(
            [str(python), "-I", "-m", "ensurepip", "--default-pip"]
        ):
            return own
        if attempt == 0 and not install_venv(say):
            break
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise SetupFailed(
        f"Python {version} ({sys.executable}) has neither ensurepip nor pip. "
        f"Run: sudo apt-get install -y python{version}-venv   and start again."
    )


def install_venv(say: Say) -> bool:
    """Let apt bring ensurepip, where that needs nobody's permission. Whether it says it did."""
    if not may_apt():
        return False
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    say(f"Installing python{version}-venv ...")
    return apt_install([f"python{version}-venv"]) or apt_install(["python3-venv", "python3-pip"])


def install(pip: list[str], constraints: Path, log: Path, say: Say) -> None:
    """Every pinned package, exactly.

    The list is complete, so nothing is resolved: the same file always gives the same environment, and
    no package can bring a second OpenCV, whose own Qt would break ours.
    """
    options = ["--no-deps", "--no-compile", "--progress-bar", "off", "--disable-pip-version-check"]
    watched([*pip, "install", *options, "-r", str(constraints)], log, say)


def mend(environment: Path, pip: list[str], log: Path, say: Say) -> None:
    """Install again what lost files to an interruption. pip's own record says which files there are."""
    broken = [
        f"{found.metadata['Name']}=={found.version}"
        for found in metadata.distributions(path=[str(site_packages(environment))])
        if any(
            file.suffix != ".pyc" and not Path(str(found.locate_file(file))).exists()
            for file in found.files or []
        )
    ]
    if broken:
        say(f"Installing again: {', '.join(broken)}")
        options = ["--no-deps", "--no-compile", "--force-reinstall", "--disable-pip-version-check"]
        watched([*pip, "install", *options, *broken], log, say)


def compile_all(environment: Path, log: Path, say: Say) -> None:
    """Compile every module: without this the first imports take four times as long.

    Some packages carry templates or tests that no Python compiles, so the exit code says nothing.
    """
    command = [str(python_of(environment)), "-I", "-m", "compileall", "-q", "-j", "0"]
    watched([*command, str(site_packages(environment))], log, say, must_work=False)


def site_packages(environment: Path) -> Path:
    """Where packages lie."""
    if os.name == "nt":
        return environment / "Lib" / "site-packages"
    return environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def link(name: Path, environment: Path, say: Say) -> None:
    """Let `.venv` of the checkout lead to the environment, replaced in one step.

    A real folder of that name is somebody's own and stays; a checkout nobody may write to works
    without the link.
    """
    if os.name == "nt" or (name.exists() and not name.is_symlink()):
        return
    with contextlib.suppress(OSError):
        if name.is_symlink() and name.readlink() == environment:
            return
        fresh = name.with_name(f".venv-{os.getpid()}")
        fresh.symlink_to(environment, target_is_directory=True)
        fresh.replace(name)
        say(f".venv leads to {environment}.")


@contextlib.contextmanager
def locked(path: Path, say: Say) -> Iterator[None]:
    """Hold the build lock; a second launcher waits here. The system frees it if we are killed."""
    with path.open("a+") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            while True:
                # Gives up by itself after ten seconds.
                with contextlib.suppress(OSError):
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
            yield
            return
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another start is setting up; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_space(folder: Path) -> None:
    """Refuse early rather than fail after minutes. Raises `SetupFailed`."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < NEEDED_GB:
        raise SetupFailed(
            f"Setting up needs {NEEDED_GB} GB and {folder} has {free:.1f} GB free. "
            "Make room, or set XDG_CACHE_HOME to a larger disk."
        )


def watched(command: list[str], log: Path, say: Say, *, must_work: bool = True) -> None:
    """Run a long step with its output in the log, saying now and then that it goes on."""
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    began = time.monotonic()
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            while True:
                try:
                    code = process.wait(timeout=REPORT_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    with log.open("rb") as written:
                        written.seek(max(start, output.seek(0, os.SEEK_END) - 4000))
                        latest = last_line(written.read().decode(errors="replace"))
                    say(f"  {time.monotonic() - began:4.0f} s  {latest[:90]}")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if code != 0 and must_work:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
        raise SetupFailed(
            f"Setting up did not come to an end:\n{tail}\n"
            f"All of it is in {log}. Start again to go on from here; installing needs the network once."
        )


def may_apt() -> bool:
    """Whether packages of the system can be installed without asking anybody."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> bool:
    """Install packages of the system; stale lists are refreshed only where that is needed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    for refresh in (False, True):
        if refresh and not works(["apt-get", "update"], environment):
            continue
        if works(command, environment):
            return True
    return False


def works(command: list[str], environment: dict[str, str] | None = None) -> bool:
    """Whether a command can be run and ends well; what it says is nobody's concern."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
