"""A child never outlives its parent, however the parent ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

PARENT = """
import sys
from medvision_desktop.children import process
process.command = lambda kind, fd: [sys.executable, "-m", "tests.helpers.child_programs", kind, str(fd)]
child = process.ChildProcess("test")
print(child.request("echo")[0]["pid"], flush=True)
{then}
"""


@pytest.mark.parametrize(
    "then",
    ["import os; os.kill(os.getpid(), 9)", "raise SystemExit(0)", "child.request('deaf')"],
    ids=["killed", "forgotten", "killed in a request"],
)
def test_a_child_ends_with_its_parent(then: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    if "request" in then:
        parent.kill()
    parent.wait(timeout=30)
    parent.stdout.close()
    deadline = time.monotonic() + 15
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child still runs"
        time.sleep(0.05)


def test_the_program_finds_its_children_from_any_folder_and_without_help(
    tmp_path: Path, sample_file: Callable[[str], Path]
) -> None:
    """As `python /somewhere/main.py` in a folder that holds another package of the same name."""
    (tmp_path / "medvision_desktop").mkdir()
    (tmp_path / "medvision_desktop" / "__init__.py").write_text("raise SystemExit(9)")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    main = Path(__file__).resolve().parents[2] / "main.py"
    film = sample_file("RG3_J2KR.dcm")
    done = subprocess.run(
        [sys.executable, str(main), "render", str(film), "--data-dir", str(tmp_path / "data")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
