"""`make sizing-proof`: backfill a year with each sizing model on a real Airflow, twice, and compare; write the docs."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest

from include import __version__
from include.execution.whatif.report import report
from include.launcher.paths import ROOT
from include.ops.place import Place
from include.trading.calendar.sessions import trading_calendar
from tests.e2e.backfilling import Backfills
from tests.e2e.live import Live, live_airflow
from tests.e2e.sized import SIZINGS, sized_id, sized_strategies
from tests.support.page import write_between

PAGE = ROOT / "docs" / "backfills.md"
BEGIN, END = "<!-- sizing-proof: begin -->", "<!-- sizing-proof: end -->"
PATIENCE_SECONDS = 4 * 3600
# Both passes over a part of the year before the next part, so that what was done is proven wherever it ends.
PART_SESSIONS = 50


@dataclass
class Proof:
    """What both passes of one model decided. rows: of plans and shadows, each compared with that of the other pass."""

    name: str
    sessions: int = 0
    failed: int = 0
    rows: int = 0
    differing: int = 0
    orders: int = 0
    posts: int = 0
    seconds: float = 0

    @property
    def holds(self) -> bool:
        return self.rows > 0 and self.failed == self.differing == self.posts == 0

    def line(self) -> str:
        return (
            f"| `{self.name}` | {self.sessions} | {self.failed} | {self.orders} | {self.rows} | {self.differing} "
            f"| {self.posts} | {self.seconds:.0f} s |"
        )


def main() -> int:
    """Return 0 when every session was replayed twice with the same rows and nothing was sent."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.sizing_proof", description=__doc__)
    parser.add_argument("--sessions", type=int, default=250, help="default 250")
    parser.add_argument("--models", nargs="+", choices=SIZINGS, default=list(SIZINGS), help="default all")
    parser.add_argument("--no-docs", action="store_true", help="print the result only")
    arguments = parser.parse_args()
    calendar = trading_calendar("XNYS", today=datetime.now(UTC).date())
    newest = calendar.previous(calendar.current(datetime.now(UTC)).day).day
    days = calendar.between(newest - timedelta(days=2 * arguments.sessions + 10), newest)[-arguments.sessions - 1 : -1]
    with live_airflow("strategies:\n" + "\n".join(sized_strategies()) + "\n") as live:
        proofs = [_prove(live, name, days) for name in arguments.models]
        compared = _compared(live, days) if "risk_parity" in arguments.models else []
    text = "\n".join(_told(days, proofs, compared))
    print(text)
    if not arguments.no_docs:
        write_between(PAGE, BEGIN, END, text)
    return 0 if all(proof.holds for proof in proofs) else 1


def _prove(live: Live, name: str, days: Sequence[date]) -> Proof:
    airflow, proof = Backfills(live, f"daily_trading__{sized_id(name)}"), Proof(name)
    airflow.switch_on()
    posts, began = airflow.posts(), datetime.now(UTC)
    for start in range(0, len(days), PART_SESSIONS):
        part = days[start : start + PART_SESSIONS]
        airflow.by_rest(part[0], part[-1])
        once = _decided(airflow, proof, part, proof.sessions + len(part))
        airflow.by_rest(part[0], part[-1], reprocess_behavior="completed", run_backwards=True)
        twice = _decided(airflow, proof, part, proof.sessions + len(part))
        proof.sessions += len(part)
        proof.orders += sum(run.num_orders_planned for run in airflow.replays(part[0], part[-1]))
        proof.rows += len(once)
        proof.differing += sum(first != second for first, second in zip_longest(once, twice))
        proof.posts = airflow.posts() - posts
        proof.seconds = (datetime.now(UTC) - began).total_seconds()
        print(proof.line(), flush=True)
    return proof


def _decided(airflow: Backfills, proof: Proof, part: Sequence[date], count: int) -> list[object]:
    runs = airflow.wait(count, PATIENCE_SECONDS)
    proof.failed += sum(run["state"] != "success" for run in runs)
    return [*airflow.rows(part[0], part[-1]), *airflow.shadows(part[0], part[-1])]


def _compared(live: Live, days: Sequence[date]) -> list[str]:
    """Return the report's comparison of the first strategy with its shadows, a line each."""
    with live.ledger() as ledger:
        found = report(ledger, days[0], days[-1], sized_id("risk_parity"), Place(live.stack.env).assembly)
    return [
        f"| `{each.model}` | {each.sized} | {100 * each.total_return:.2f} % | {each.turnover or 0:.3f} "
        f"| {each.gross or 0:.3f} | {each.net or 0:.3f} |"
        for each in found.models
    ]


def _told(days: Sequence[date], proofs: Sequence[Proof], compared: Sequence[str]) -> list[str]:
    return [
        f"{__version__}, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"LocalExecutor with 4 tasks at once; {days[0]} to {days[-1]}, each session twice:",
        "",
        "| strategy | sessions | runs not well | orders planned | rows compared | differing | POSTs | both passes |",
        "|---|---|---|---|---|---|---|---|",
        *(proof.line() for proof in proofs),
        *(["", "| sizing | sized | total | turnover | gross | net |", "|---|---|---|---|---|---|"] if compared else []),
        *compared,
    ]


if __name__ == "__main__":
    sys.exit(main())
