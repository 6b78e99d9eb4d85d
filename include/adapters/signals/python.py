"""Signals from a function, called in a process of its own that is killed when its time is over."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from include.adapters.signals.tables import Opened, answered_by_value
from include.trading.depth import TOO_DEEP
from include.trading.errors import BadAnswer, Unavailable
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest, SourceHealth
from include.trading.signals.table import MOST_BYTES
from include.trading.strategy.signals_python import PythonSignals
from include.trading.text import one_line

CHILD = "include.adapters.signals.python_child"
MOST_TOLD = 300


class PythonSource(Opened):
    """Calls the function each time."""

    def __init__(self, spec: PythonSignals) -> None:
        self._spec = spec

    def check_ready(self) -> SourceHealth:
        return SourceHealth(words=f"{self._spec.function}, for at most {self._spec.timeout_seconds} s")

    def signals(self, ask: SignalRequest) -> SignalSet:
        answer = self._call(ask)
        if "raised" in answer:
            raise Unavailable(f"{self._spec.function}: expected rows, found that it raised {_line(answer['raised'])}")
        if "rubbish" in answer:
            raise BadAnswer(f"{self._spec.function}: {_line(answer['rubbish'])}", "")
        return answered_by_value(self._spec.function, answer["rows"], self._spec, ask)

    def _call(self, ask: SignalRequest) -> dict[str, Any]:
        """Return what the child says: the rows, or how the function failed."""
        read, write = os.pipe()
        command = [sys.executable, "-m", CHILD, self._spec.function, str(write)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                # What it prints is for the log, and not for whoever reads what this process prints.
                stdout=2,
                pass_fds=[write],
                process_group=0,
                env=environ,
            )
        finally:
            os.close(write)
        try:
            with os.fdopen(read, "rb") as pipe:
                text = self._read(child, pipe.fileno(), ask.model_dump_json().encode())
            if not text.endswith(b"\n"):
                raise Unavailable(f"{self._spec.function}: expected rows, found that its process {_ended(child)}")
        finally:
            _kill(child)
        try:
            answer: dict[str, Any] = json.loads(text)
        except RecursionError as error:
            raise BadAnswer(f"{self._spec.function}: expected rows, found that {TOO_DEEP}", "") from error
        return answer

    def _read(self, child: subprocess.Popen[bytes], pipe: int, request: bytes) -> bytes:
        """Return one line, or less where the process ended before."""
        until = time.monotonic() + self._spec.timeout_seconds
        if child.stdin is not None:
            # It reads before it imports anything of the function's; where it ended already, `_ended` tells.
            with suppress(BrokenPipeError), child.stdin as stdin:
                stdin.write(request)
        found = bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                if not ready.select(left):
                    continue
                part = os.read(pipe, 1 << 20)
                found += part
                if not part or part.endswith(b"\n"):
                    return bytes(found)
                if len(found) > MOST_BYTES:
                    raise BadAnswer(f"{self._spec.function}: expected at most {MOST_BYTES:,} bytes, found more", "")
        raise Unavailable(
            f"{self._spec.function}: expected rows within {self._spec.timeout_seconds} s (timeout_seconds), found "
            "none; its process was killed"
        )


def _line(words: str) -> str:
    return one_line(words)[:MOST_TOLD]


def _ended(child: subprocess.Popen[bytes]) -> str:
    try:
        return f"ended with {child.wait(1)} and said nothing"
    except subprocess.TimeoutExpired:
        return "said nothing"


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started; it may have ended already."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
