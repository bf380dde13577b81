"""What every test stands on: an offscreen screen, a home of its own, no network, and no leaks.

A warning, a log record at WARNING, a thread, timer, window or process left behind fails the test
that left it. A test that means to log asks for `expected_log`.
"""

from __future__ import annotations

import gc
import importlib.util
import ipaddress
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

REPOSITORY = Path(__file__).resolve().parent.parent

# Before anything of ours or of Qt is imported: no screen, no home of a real person, no settings.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in [name for name in os.environ if name.startswith("MEDVISION_") and name != "MEDVISION_DATA"]:
    del os.environ[_name]
_home = Path(tempfile.mkdtemp(prefix="medvision-tests-"))
os.environ["HOME"] = str(_home)
for _name, _folder in {
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_CACHE_HOME": ".cache",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",
}.items():
    os.environ[_name] = str(_home / _folder)
    (_home / _folder).mkdir(parents=True, mode=0o700)
# Temporary folders of the tests lie there too: no other run prunes them, and nothing stays behind.
os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_home)
# Child processes find the package as we do, from whatever folder they are started in.
sys.path.insert(0, str(REPOSITORY))
os.environ["PYTHONPATH"] = str(REPOSITORY)

import hypothesis  # noqa: E402
import psutil  # noqa: E402
import pytest  # noqa: E402

from medvision_desktop import paths  # noqa: E402

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

LEAK_GRACE_S = 3.0

# What the offscreen screen says of itself; none of it is about us.
_OFFSCREEN_TALK = (
    r"This plugin does not support (propagateSizeHints\(\)|raise\(\)|grabbing the (keyboard|mouse))",
)
# Threads and processes that libraries keep for themselves once started.
_KEPT_THREADS = ("tqdm_monitor", "pydevd", "ThreadPoolExecutor-joblib")
_KEPT_PROCESSES = ("resource_tracker", "Xvfb")


def pytest_configure(config: pytest.Config) -> None:
    for line in _OFFSCREEN_TALK:
        config.addinivalue_line("qt_log_ignore", line)


def pytest_unconfigure() -> None:
    shutil.rmtree(_home, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ["QT_QPA_PLATFORM"] != "offscreen":
        return
    skip = pytest.mark.skip(reason="needs a display server: QT_QPA_PLATFORM=xcb ./medvision test -m xvfb")
    for item in items:
        if item.get_closest_marker("xvfb"):
            item.add_marker(skip)


# Fixtures that tests ask for.


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real images, which is never part of the project."""
    named = os.environ.get("MEDVISION_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is not there (set MEDVISION_DATA)")
    return folder


@pytest.fixture(scope="session")
def sample_file() -> Callable[[str], Path]:
    """Files of pydicom-data by name, e.g. `sample_file("RG1_UNCR.dcm")`."""
    found = importlib.util.find_spec("data_store")
    assert found is not None, "pydicom-data is not installed"
    assert found.origin is not None
    folder = Path(found.origin).parent / "data"

    def path(name: str) -> Path:
        file = folder / name
        assert file.is_file(), f"pydicom-data has no {name}"
        return file

    return path


@pytest.fixture
def locations(tmp_path: Path) -> paths.Locations:
    """A data directory of this test's own, already made."""
    return paths.locate(tmp_path / "medvision").ensure()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Decoding children of this module, started before a test counts the processes that it leaves."""
    from medvision_desktop.io.decoder import Decoder
    from medvision_desktop.settings import Settings

    made = Decoder(Settings())
    made.warm()
    yield made
    made.close()


@pytest.fixture
def expected_log() -> list[logging.LogRecord]:
    """Asking for this allows records at WARNING and above; they are in the list, to be asserted on."""
    return []


# Guards that nobody asks for.


class _Recorder(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _nothing_is_logged_in_anger(request: pytest.FixtureRequest) -> Iterator[None]:
    expected = "expected_log" in request.fixturenames
    records: list[logging.LogRecord] = request.getfixturevalue("expected_log") if expected else []
    handler = _Recorder(records)
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if not expected and records:
        lines = [f"{record.name} {record.levelname}: {record.getMessage()}" for record in records]
        pytest.fail("logged at WARNING or above:\n" + "\n".join(lines))


def _loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0]).partition("%")[0]
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_lookup = socket.getaddrinfo

    def refuse(address: Any) -> None:
        # Not an Exception, so no `except Exception` on the way can swallow it.
        pytest.fail(f"a test tried to reach the network: {address!r}", pytrace=True)

    def connect(self: socket.socket, address: Any) -> None:
        if not _loopback(address):
            refuse(address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if not _loopback(address):
            refuse(address)
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _loopback((name,)):
            refuse(name)
        return real_lookup(host, *rest, **options)

    patch.setattr(socket.socket, "connect", connect)
    patch.setattr(socket.socket, "connect_ex", connect_ex)
    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


def _gone(living: Callable[[], set[Any]]) -> set[Any]:
    """What is still there when the time of grace is over."""
    end = time.monotonic() + LEAK_GRACE_S
    left = living()
    while left and time.monotonic() < end:
        gc.collect()
        time.sleep(0.02)
        left = living()
    return left


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield

    def living() -> set[Any]:
        # A QThread that ran Python leaves a dummy entry behind; QThreads are watched below.
        return {
            thread
            for thread in set(threading.enumerate()) - before
            if not isinstance(thread, threading._DummyThread)
            and not thread.name.startswith(_KEPT_THREADS)
            and type(thread).__name__ != "TMonitor"
        }

    left = _gone(living)
    if left:
        pytest.fail(f"threads left behind: {sorted(thread.name for thread in left)}")


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    this = psutil.Process()
    before = {child.pid for child in this.children()}
    yield

    def living() -> set[Any]:
        return {child.pid for child in this.children() if child.pid not in before and _counts(child)}

    left = _gone(living)
    if left:
        pytest.fail(f"child processes left behind: {sorted(left)}")


def _counts(child: psutil.Process) -> bool:
    try:
        words = " ".join(child.cmdline())
        return child.status() != psutil.STATUS_ZOMBIE and not any(kept in words for kept in _KEPT_PROCESSES)
    except psutil.Error:
        return False


@pytest.fixture(autouse=True)
def _nothing_of_qt_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No running QThread, no running QTimer and no top-level widget outlives the test."""
    if "PySide6.QtCore" not in sys.modules:
        yield
        return
    from PySide6.QtCore import QThread, QTimer

    threads: list[QThread] = []
    timers: list[QTimer] = []
    start_thread, start_timer = QThread.start, QTimer.start

    def note_thread(self: QThread, *arguments: Any) -> None:
        threads.append(self)
        start_thread(self, *arguments)

    def note_timer(self: QTimer, *arguments: Any) -> None:
        timers.append(self)
        start_timer(self, *arguments)

    monkeypatch.setattr(QThread, "start", note_thread)
    monkeypatch.setattr(QTimer, "start", note_timer)
    before = _top_level()
    yield
    for thread in threads:
        if _alive(thread) and thread.isRunning() and not thread.wait(int(LEAK_GRACE_S * 1000)):
            pytest.fail(f"a QThread is still running: {thread.objectName() or thread!r}")
    # Windows that nothing holds any more go with a collection; what stays is held by somebody.
    if _top_level() - before:
        gc.collect()
        _deliver_deletions()
    left = _top_level() - before
    names = sorted(_describe(widget) for widget in left)
    for widget in left:
        widget.close()
        widget.deleteLater()
    _deliver_deletions()
    if names:
        pytest.fail(f"windows left behind: {names}")
    if any(_alive(timer) and timer.isActive() for timer in timers):
        gc.collect()
    running = [timer for timer in timers if _alive(timer) and timer.isActive()]
    for timer in running:
        timer.stop()
    if running:
        pytest.fail(f"timers still running: {[_describe(timer) for timer in running]}")


def _alive(thing: Any) -> bool:
    from shiboken6 import isValid

    return bool(isValid(thing))


def _top_level() -> set[Any]:
    if "PySide6.QtWidgets" not in sys.modules:
        return set()
    from PySide6.QtWidgets import QApplication

    if QApplication.instance() is None:
        return set()
    return {widget for widget in QApplication.topLevelWidgets() if widget.parent() is None}


def _deliver_deletions() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _describe(thing: Any) -> str:
    parent = thing.parent()
    of = f" of {type(parent).__name__}" if parent is not None else ""
    return f"{type(thing).__name__} {thing.objectName()!r}{of}"
