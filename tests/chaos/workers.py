"""Workers: forked from the preloaded parent, killed with SIGKILL or stopped with SIGSTOP at named points."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from include.adapters.http import transport
from include.execution import faultpoints as points

# Where the request has left and no answer is read yet: not a point of the engine, because services cannot name one.
POST_LEFT = "post_left"
PR_SET_PDEATHSIG = 1

Job = Callable[[], Any]
Patch = Callable[[], None]


class Hung(Exception):
    """A worker did not end in time."""


@dataclass(frozen=True)
class Trap:
    """What happens to a worker when it passes a point for the nth time.

    kill: it dies there. stop: it stands still until it may go on. hold: it stands still and is to be killed.
    """

    point: str
    nth: int = 1
    action: str = "kill"


@dataclass
class Worker:
    """One forked process and the lines it said so far."""

    pid: int
    pipe: int
    deadline: float
    said: list[str] = field(default_factory=list)
    ended: bool = False
    _rest: bytes = b""

    def read_until(self, *words: str) -> str | None:
        """Return the first of its lines that begins with one of the words; None when it ended without."""
        while True:
            for line in self.said:
                if line.startswith(words):
                    return line
            if not self.read():
                return None

    def stops_at(self, point: str) -> bool:
        """Return whether it stands still at the point; False when it was held, or ended, before."""
        said = self.read_until(f"stop {point}", "hold", "{")
        if said != f"stop {point}":
            return False
        # It stops just after it said so. Told to go on in between, it would stop after that and never go on.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return True

    def wait(self) -> dict[str, Any] | None:
        """Return what its job returned; None when it was killed."""
        while self.read():
            pass
        for line in self.said:
            if line.startswith("{"):
                result: dict[str, Any] = json.loads(line)
                return result
        return None

    def has_ended(self) -> bool:
        """Say whether it has ended by now, without waiting for it."""
        while not self.ended and select.select([self.pipe], [], [], 0)[0]:
            self.read()
        return self.ended

    def go_on(self) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def read(self) -> bool:
        """Take in what it says next; return False once it has ended and said all."""
        if self.ended:
            return False
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.pipe)
            self.ended = True
            raise Hung(f"worker {self.pid} did not end; it said {self.said}")
        received = os.read(self.pipe, 65536)
        *lines, self._rest = (self._rest + received).split(b"\n")
        self.said += [line.decode() for line in lines]
        if not received:
            os.waitpid(self.pid, 0)
            os.close(self.pipe)
            self.ended = True
        return not self.ended or bool(lines)


def start(job: Job, *, traps: Iterable[Trap] = (), patches: Iterable[Patch] = (), seconds: float = 60) -> Worker:
    """Fork a worker that does the job, and return it."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        return Worker(pid, read_end, time.monotonic() + seconds)
    code = 1
    try:
        die_with_parent()
        _leave_parents_files(write_end)
        _do(job, tuple(traps), tuple(patches), write_end)
        code = 0
    finally:
        # Never back into the parent's code: its clean-up is not ours.
        sys.stderr.flush()
        os._exit(code)


def die_with_parent() -> None:
    """Let nothing of the proof outlive it: a stopped worker would wait for ever."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave_parents_files(but: int) -> None:
    """Put nothing behind every file of the parent: locks and sockets are its own. The numbers stay taken."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > 2 and number not in (but, nothing):
            with suppress(OSError):  # the listing's own is closed
                os.fstat(number)
                os.dup2(nothing, number)


def _do(job: Job, traps: tuple[Trap, ...], patches: tuple[Patch, ...], pipe: int) -> None:
    passed: dict[str, int] = {}

    def reach(point: str) -> None:
        passed[point] = passed.get(point, 0) + 1
        for trap in traps:
            if trap.point == point and trap.nth == passed[point]:
                os.write(pipe, f"{trap.action} {point}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL if trap.action == "kill" else signal.SIGSTOP)

    points.on_reach = reach
    if any(trap.point == POST_LEFT for trap in traps):
        _announce_sent_posts(reach)
    for patch in patches:
        patch()
    try:
        result = {"result": job()}
    except Exception as error:  # noqa: BLE001 - whatever it is, Airflow would call it a failed try
        result = {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
    os.write(pipe, json.dumps(result, default=str).encode() + b"\n")


def _announce_sent_posts(reach: Callable[[str], None]) -> None:
    read, write = transport._Stream.read, transport._Stream.write

    def remember(stream: transport._Stream, buffer: bytes, timeout: float | None = None) -> None:
        write(stream, buffer, timeout)
        if buffer.startswith((b"POST /api/v1/orders ", b"POST /v2/orders ")):
            stream.__dict__["sent_a_post"] = True

    def announce(stream: transport._Stream, max_bytes: int, timeout: float | None = None) -> bytes:
        if stream.__dict__.pop("sent_a_post", False):
            reach(POST_LEFT)
        return read(stream, max_bytes, timeout)

    transport._Stream.write, transport._Stream.read = remember, announce
