"""Lanes: processes that play scenarios side by side, each with a ledger and sandboxes of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from include.launcher.postgres import EmbeddedPostgres
from include.ledger.migrations import migrate
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.sessions import trading_calendar
from tests.chaos.scenario import Case, Result, play
from tests.chaos.stage import Lane
from tests.chaos.workers import Patch
from tests.support.databases import temporary_home

RESTARTS = "PostgreSQL restarted"


@contextmanager
def open_lane(contracts: Sequence[str], server_url: str | None = None) -> Iterator[dict[str, Lane]]:
    """Start what a lane needs and yield it by contract; without a server's URL the lane has one of its own."""
    from tests.support.databases import fresh_database

    with ExitStack() as stack:
        server = None
        if server_url is None:
            home = stack.enter_context(temporary_home())
            server = stack.enter_context(EmbeddedPostgres(home, durable=False))
            server_url = server.url("postgres")
        ledger_url = stack.enter_context(fresh_database(server_url))
        migrate(ledger_url)
        sandboxes: dict[str, Sandbox] = {
            contract: stack.enter_context(start_sandbox(contract=contract)) for contract in contracts
        }
        yield {contract: Lane(ledger_url, sandbox, contract, server) for contract, sandbox in sandboxes.items()}


def run_cases(
    cases: Sequence[Case], *, lanes: int, report: Callable[[Result], None], patches: tuple[Patch, ...] = ()
) -> list[Result]:
    """Play the cases on so many lanes and return their results; `report` gets each as it ends."""
    preload()
    context = multiprocessing.get_context("fork")
    todo: Any = context.SimpleQueue()
    done: Any = context.SimpleQueue()
    contracts = sorted({case.contract for case in cases})
    processes = [
        context.Process(target=_work, args=(todo, done, contracts, patches), name=f"lane {number}")
        for number in range(lanes)
    ]
    for process in processes:
        process.start()
    import threading

    def feed() -> None:
        for case in [*cases, *[None] * lanes]:
            todo.put(case)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    results = []
    for _ in cases:
        result = done.get()
        if isinstance(result, BaseException):
            for process in processes:
                process.terminate()
            raise result
        results.append(result)
        report(result)
    feeder.join()
    for process in processes:
        process.join()
    return results


def preload() -> None:
    """Load before forking what every worker needs: calendars bring pandas, two seconds of work."""
    trading_calendar("XNYS", today=datetime.now(UTC).date())


def _work(todo: Any, done: Any, contracts: Sequence[str], patches: tuple[Patch, ...]) -> None:
    try:
        with open_lane(contracts) as lane:
            while (case := todo.get()) is not None:
                done.put(play(lane[case.contract], case, patches))
    except BaseException as error:
        done.put(RuntimeError(f"a lane ended: {type(error).__name__}: {error}"))
        raise
