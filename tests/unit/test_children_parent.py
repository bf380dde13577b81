"""A child never outlives its parent, however the parent ends."""

from __future__ import annotations

import subprocess
import sys
import time

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
