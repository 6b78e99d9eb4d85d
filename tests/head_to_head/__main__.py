"""python -m tests.head_to_head: the same 20 orders under the same faults, by Alpaca's own client and by this package.

The judge is the emulator's book: how many orders and shares the broker has, against what was intended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.migrations import migrate
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.order.states import FINAL, NEVER_SENT, REFUSED
from tests.head_to_head.ours import engine_at
from tests.support.databases import fresh_database, settle_in, temporary_home
from tests.support.engine import sandbox_strategy

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- head to head -->\n", "<!-- end of head to head -->"
ORDERS = 20
RATE_WINDOW_SECONDS = 2
# Which orders meet a fault, by their place.
PLACES = (1, 5, 9, 13)
KILLED = 15
TIMEOUT_SECONDS = 240

Order = tuple[str, str, int]


@dataclass(frozen=True)
class Scenario:
    """faults: each with its parameters and the places of the orders that meet it once. kills: the process dies."""

    name: str
    faults: tuple[tuple[str, dict[str, Any], Sequence[int]], ...] = ()
    kills: bool = False


GATEWAY_TIMEOUT = ("error_5xx_after_accept", {"status": 504})
LOST, LIMITED = ("reset_after_accept", {}), ("rate_limited", {})
SCENARIOS = (
    Scenario("none"),
    Scenario("504 after acceptance", ((*GATEWAY_TIMEOUT, PLACES),)),
    Scenario("answer lost after acceptance", ((*LOST, PLACES),)),
    Scenario("429", ((*LIMITED, PLACES),)),
    Scenario("process killed, started again", kills=True),
    Scenario("all of them", ((*GATEWAY_TIMEOUT, (1, 2)), (*LOST, (5, 6)), (*LIMITED, (9, 10))), kills=True),
)


@dataclass(frozen=True)
class Outcome:
    """orders, shares: what the broker has. wrong: orders of which the client believes something else."""

    orders: int
    shares: int
    wrong: int

    @property
    def words(self) -> str:
        return f"{self.orders} orders, {self.shares:,} shares, {self.wrong} misjudged"


# Sends the orders, and returns the symbols that it believes to be at the broker.
Client = Callable[["Field", Scenario], tuple[list[Order], list[str]]]


@dataclass
class Field:
    """Where clients compete: the emulator, a server for ledgers, and a folder for notes."""

    sandbox: Sandbox
    admin_url: str
    folder: Path

    def asked(self, **more: Any) -> dict[str, Any]:
        key, secret = self.sandbox.alpaca_key
        return {"url": self.sandbox.alpaca_url, "key": key, "secret": secret, **more}

    def begin(self, scenario: Scenario, orders: Sequence[Order]) -> None:
        self.sandbox.admin.reset()
        self.sandbox.admin.settings(fill_after_seconds=0, alpaca_rate_window_seconds=RATE_WINDOW_SECONDS)
        for fault, params, places in scenario.faults:
            for place in places:
                match = {"symbol": orders[place][0]}
                self.sandbox.admin.fault(fault, service="alpaca", match=match, times=1, **params)

    def send(self, module: str, asked: dict[str, Any], scenario: Scenario, orders: Sequence[Order]) -> None:
        """Run a client to its end; where the scenario kills it, once its POST is at the broker, and start it again."""
        if scenario.kills:
            symbol = orders[KILLED][0]
            self.sandbox.admin.fault(
                "timeout_after_accept", service="alpaca", match={"symbol": symbol}, times=1, seconds=60
            )
            first = self._start(module, asked)
            while not any(order["symbol"] == symbol for order in self.sandbox.admin.book()["orders"]):
                if first.poll() is not None:
                    raise RuntimeError(f"{module} ended before it was killed")
                time.sleep(0.01)
            first.kill()
            first.wait()
        if self._start(module, asked).wait(TIMEOUT_SECONDS):
            raise RuntimeError(f"{module} failed")

    def _start(self, module: str, asked: dict[str, Any]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(json.dumps(asked))
        return process


def by_alpaca_py(orders: Sequence[Order], *, own_ids: bool) -> Client:
    def send(field: Field, scenario: Scenario) -> tuple[list[Order], list[str]]:
        notes = field.folder / f"notes-{time.monotonic_ns()}"
        field.begin(scenario, orders)
        asked = field.asked(orders=orders, own_ids=own_ids, notes=str(notes))
        field.send("tests.head_to_head.alpaca_py", asked, scenario, orders)
        return list(orders), notes.read_text().split()

    return send


def by_us(field: Field, scenario: Scenario) -> tuple[list[Order], list[str]]:
    with fresh_database(field.admin_url, "template_ledger") as ledger:
        settle_in(ledger)
        sandbox = field.sandbox
        asked = field.asked(ledger=ledger, signals=sandbox.signals_url, market=sandbox.market_url)
        engine = engine_at(asked)
        field.begin(Scenario("planning"), ())
        run, intents = engine.plan(engine.identity("head_to_head"), strategy())
        orders = [(intent.symbol, intent.side, int(intent.quantity)) for intent in intents]
        field.begin(scenario, orders)
        ids = [intent.client_order_id for intent in intents]
        field.send("tests.head_to_head.ours", {**asked, "ids": ids}, scenario, orders)
        engine.track(run)
        with engine.ledger() as opened:
            assert run.plan_id is not None
            rows = opened.orders.of_plan(run.plan_id)
        there = (FINAL | {"open"}) - NEVER_SENT - REFUSED
        return orders, [row.symbol for row in rows if row.state in there]


def strategy() -> Any:
    symbols = tuple(f"GEN{number:03}" for number in range(1, ORDERS + 1))
    return sandbox_strategy(symbols=symbols, top_n=ORDERS, bottom_n=0)


def judged(field: Field, client: Client, scenario: Scenario) -> tuple[Outcome, list[Order]]:
    orders, believed = client(field, scenario)
    book = field.sandbox.admin.book()["orders"]
    there = {order["symbol"] for order in book}
    wrong = sum((symbol in there) != (symbol in believed) for symbol, _, _ in orders)
    return Outcome(len(book), sum(order["filled_qty"] for order in book), wrong), orders


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.head_to_head", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    given = parser.parse_args()
    with (
        temporary_home() as home,
        EmbeddedPostgres(home / "server") as server,
        start_sandbox(fill_after=0, alpaca_rate_limit=0) as sandbox,
        TemporaryDirectory() as folder,
    ):
        migrate(server.ensure_database("template_ledger"))
        field = Field(sandbox, server.socket_url("postgres"), Path(folder))
        _, orders = judged(field, by_us, SCENARIOS[0])
        shares = sum(quantity for _, _, quantity in orders)
        clients = (by_alpaca_py(orders, own_ids=False), by_alpaca_py(orders, own_ids=True), by_us)
        lines = [
            "| fault | alpaca-py | alpaca-py, with ids of one's own | this package |",
            "|---|---|---|---|",
        ]
        exact = True
        for scenario in SCENARIOS:
            outcomes = [judged(field, client, scenario)[0] for client in clients]
            exact = exact and outcomes[-1] == Outcome(ORDERS, shares, 0)
            lines.append(f"| {scenario.name} | {' | '.join(outcome.words for outcome in outcomes)} |")
            print(lines[-1], flush=True)
    head = f"`make head-to-head`, {datetime.now(UTC):%Y-%m-%d}, alpaca-py {version('alpaca-py')}. "
    text = "\n".join([f"{head}Intended each time: {ORDERS} orders, {shares:,} shares.", "", *lines])
    print(f"\n{text}")
    if given.write:
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}\n{END}{rest.split(END)[1]}")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
