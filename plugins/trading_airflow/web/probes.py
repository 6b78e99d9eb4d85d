"""Ask several things at once and stop waiting at a deadline, whatever hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

MOST_THREADS = 16


class Probes:
    """Threads for questions. Of one name only one runs at a time: a second caller gets the same answer.

    So a service that hangs holds one thread, no matter how often it is asked about.
    """

    def __init__(self, threads: int = MOST_THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="trading-probe")
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def ask(self, questions: Mapping[str, Callable[[], Any]], *, seconds: float) -> dict[str, Future[Any]]:
        """Return a future for each question after at most so many seconds; one that is not done has no answer yet."""
        futures = {name: self._start(name, question) for name, question in questions.items()}
        wait(futures.values(), timeout=seconds)
        return futures

    def _start(self, name: str, question: Callable[[], Any]) -> Future[Any]:
        with self._lock:
            running = self._running.get(name)
            if running is None or running.done():
                running = self._running[name] = self._pool.submit(question)
            return running
