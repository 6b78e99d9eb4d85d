"""`make backfill-proof`: backfill a year of sessions on a real Airflow, count what was sent, write it into the docs."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from include import __version__
from include.launcher.paths import ROOT
from include.trading.calendar.sessions import trading_calendar
from include.trading.run.row import Run
from tests.e2e import dated_sources
from tests.e2e.backfilling import DAG_ID, Backfills
from tests.e2e.live import Live, live_airflow
from tests.support.page import write_between

PAGE = ROOT / "docs" / "backfills.md"
BEGIN, END = "<!-- backfill-proof: begin -->", "<!-- backfill-proof: end -->"
PATIENCE_SECONDS = 2 * 3600
SOURCES = ("service", *dated_sources.SYMBOLS)


def main() -> int:
    """Return 0 when every session was replayed and nothing was sent."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.backfill_proof", description=__doc__)
    parser.add_argument("--sessions", type=int, default=250, help="default 250")
    parser.add_argument("--sources", nargs="+", choices=SOURCES, default=SOURCES, help="default: each of them")
    parser.add_argument("--no-docs", action="store_true", help="print the result only")
    arguments = parser.parse_args()
    today = datetime.now(UTC).date()
    calendar = trading_calendar("XNYS", today=today)
    newest = calendar.previous(calendar.current(datetime.now(UTC)).day).day
    days = calendar.between(newest - timedelta(days=2 * arguments.sessions + 10), newest)[-arguments.sessions - 1 : -1]
    with live_airflow() as live:
        # A run reads the rows of the session before; the scheduler's own run, which switching on starts, is today's.
        dated_sources.write(live.folder / "dated", calendar.between(days[0] - timedelta(days=10), today))
        proofs = [_prove(live, source, days) for source in arguments.sources]
    text = _told(proofs, days)
    print(text)
    if not arguments.no_docs:
        write_between(PAGE, BEGIN, END, text)
    return 0 if all(proof.proven for proof in proofs) else 1


@dataclass(frozen=True)
class Proof:
    """What became of the backfill of one source."""

    source: str
    proven: bool
    facts: dict[str, str]


def _prove(live: Live, source: str, days: tuple[date, ...]) -> Proof:
    airflow = Backfills(live, DAG_ID if source == "service" else f"{DAG_ID}_{source}")
    airflow.switch_on()
    before, began = airflow.posts(), datetime.now(UTC)
    airflow.by_rest(days[0], days[-1])
    runs = airflow.wait(len(days), PATIENCE_SECONDS)
    states = Counter(run["state"] for run in runs)
    seconds = (max(datetime.fromisoformat(run["end_date"]) for run in runs) - began).total_seconds()
    replays = airflow.replays(days[0], days[-1])
    posts = airflow.posts() - before
    facts = {
        "DAG runs": ", ".join(f"{count} {state}" for state, count in states.items()),
        "runs in the ledger": ", ".join(
            f"{count} {mode} {status}"
            for (mode, status), count in Counter((run.mode, run.status) for run in replays).items()
        ),
        "orders planned": str(sum(run.num_orders_planned for run in replays)),
        "time": f"{seconds:.0f} s, {seconds / len(days):.1f} s a session",
        "POSTs of orders that reached the gateway": str(posts),
    }
    planned = [(run.session_date, run.mode, run.status) for run in replays]
    proven = (
        states == {"success": len(days)}
        and planned == [(day, "replay", "completed") for day in days]
        and (source == "service" or _own_weights(airflow, source, replays))
        and posts == 0
    )
    return Proof(source, proven, facts)


def _own_weights(airflow: Backfills, source: str, replays: Sequence[Run]) -> bool:
    """Say whether each session was planned with the weights of its own as_of_date."""
    found = airflow.weights(replays[0].session_date, replays[-1].session_date)
    return found == {run.as_of_date: dated_sources.weights_of(source, run.as_of_date) for run in replays}


def _told(proofs: Sequence[Proof], days: tuple[date, ...]) -> str:
    where = (
        f"Version {__version__}, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, LocalExecutor with 4 tasks at once; {len(days)} sessions, {days[0]} to {days[-1]}."
    )
    heads = ["signals from", *(f"`{proof.source}`" for proof in proofs)]
    rows = [[name, *(proof.facts[name] for proof in proofs)] for name in proofs[0].facts]
    return "\n".join([where, "", *(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))])


if __name__ == "__main__":
    sys.exit(main())
