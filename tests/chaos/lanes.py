"""Lanes: processes that play scenarios side by side, each with a server, a ledger and sandboxes of its own."""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.context import ForkContext
from pathlib import Path
from typing import Any

from include.launcher.postgres import EmbeddedPostgres
from include.ledger.ledger import Ledger
from include.ledger.migrations import migrate
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from tests.chaos.alpaca import AlpacaAdmin
from tests.chaos.mutations import BY_NAME
from tests.chaos.scenario import Case, Result, play
from tests.chaos.stage import Lane, contract_of
from tests.chaos.workers import die_with_parent
from tests.support.databases import temporary_home


def migrate_home(home: Path) -> None:
    """Make a server's home with a migrated ledger for lanes to copy: to migrate takes longer than ten scenarios."""
    with EmbeddedPostgres(home, durable=False) as server:
        migrate(server.ensure_database("chaos"))
    # Each lane finds a port of its own.
    (home / "port").unlink()


@contextmanager
def open_lane(venues: Sequence[str], migrated: Path) -> Iterator[dict[str, Lane]]:
    """Start what a lane needs and yield it by venue. A server of its own, because one fault restarts it."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home())
        # Its owners as well: root's server runs as another user.
        subprocess.run(["cp", "--archive", f"{migrated}/.", home], check=True)
        server = stack.enter_context(EmbeddedPostgres(home, durable=False))
        ledger_url = server.ensure_database("chaos")
        lent: list[Ledger] = []
        others: dict[str, Sandbox] = {}
        # One process serves a v2 gateway and Alpaca: scenarios of a lane come one after the other.
        sandboxes = {
            contract: stack.enter_context(start_sandbox(contract=contract, alpaca_rate_limit=0))
            for contract in sorted({contract_of(venue) for venue in venues})
        }
        lanes = {}
        for venue in venues:
            sandbox = sandboxes[contract_of(venue)]
            admin = sandbox.admin
            if venue == "alpaca":
                admin = stack.enter_context(closing(AlpacaAdmin(sandbox.admin.url)))
            lanes[venue] = Lane(ledger_url, sandbox, venue, admin, server, stack, lent, others)
        for lane in lanes.values():
            stack.callback(lane.close)
        yield lanes


def run_cases(cases: Sequence[Case], *, lanes: int, report: Callable[[Result], None]) -> list[Result]:
    """Play the cases on so many lanes and return their results; `report` gets each as it ends."""
    if not cases:
        return []
    preload()
    context = multiprocessing.get_context("fork")
    with temporary_home() as migrated:
        # In a process of its own: what every worker is forked from stays small.
        maker = context.Process(target=migrate_home, args=(migrated,))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise RuntimeError("the lanes' ledger could not be made")
        return _played(cases, context, lanes=min(lanes, len(cases)), migrated=migrated, report=report)


def preload() -> None:
    """Load before forking what every worker needs: calendars bring pandas, two seconds of work."""
    trading_calendar("XNYS", today=datetime.now(UTC).date())
    # What is here stays, so no collection need look at it, in whichever process.
    gc.collect()
    gc.freeze()


def _played(
    cases: Sequence[Case], context: ForkContext, *, lanes: int, migrated: Path, report: Callable[[Result], None]
) -> list[Result]:
    jobs: Any = context.SimpleQueue()
    done: Any = context.SimpleQueue()
    venues = sorted({case.venue for case in cases})
    processes = [context.Process(target=_work, args=(jobs, done, venues, migrated)) for _ in range(lanes)]
    for process in processes:
        process.start()
    # A queue holds only so much: the results must be taken while the cases are put.
    feeder = threading.Thread(target=lambda: [jobs.put(case) for case in [*cases, *[None] * lanes]], daemon=True)
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
    for process in processes:
        process.join()
    return results


def _work(jobs: Any, done: Any, venues: Sequence[str], migrated: Path) -> None:
    die_with_parent()
    try:
        with open_lane(venues, migrated) as lane:
            while (case := jobs.get()) is not None:
                patches = () if case.mutation is None else (BY_NAME[case.mutation].patch,)
                done.put(play(lane[case.venue], case, patches))
    except BaseException as error:
        done.put(RuntimeError(f"a lane ended: {type(error).__name__}: {error}"))
        raise
