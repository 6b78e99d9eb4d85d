"""Children end when asked, are killed with all they started when they do not, and no other process is touched."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from include.launcher import airflow, processes
from include.launcher.errors import CannotRun

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """A zombie that its new parent has not collected yet is not alive."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_for(child: processes.Child, text_length: int = 1) -> str:
    while len(child.log.read_text().strip()) < text_length:
        assert child.is_running()
    return child.log.read_text().strip()


def test_a_child_that_ignores_the_signal_is_killed_with_what_it_started(tmp_path: Path) -> None:
    child = processes.start("stubborn", [sys.executable, "-c", STUBBORN], log=tmp_path / "log")
    grandchild = int(wait_for(child))

    processes.stop([child], timeout_seconds=0.2)

    assert child.process.returncode == -signal.SIGKILL
    # A killed process ends once it gets a processor. One that was not killed sleeps for ten minutes.
    deadline = time.monotonic() + 60
    while is_alive(grandchild):
        assert time.monotonic() < deadline


def test_a_child_that_ended_long_ago_is_not_signalled_again(tmp_path: Path) -> None:
    child = processes.start("quick", [sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log")
    assert child.wait(30)

    processes.stop([child])
    processes.stop([child])

    assert child.process.returncode == 3


def test_a_component_that_ends_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('why it ended'); raise SystemExit(3)"]
    child = processes.start("scheduler", command, log=tmp_path / "log")
    assert child.wait(30)

    with pytest.raises(CannotRun, match=r"(?s)scheduler ended \(exit code 3\), .*why it ended"):
        airflow.refuse_dead([child])
