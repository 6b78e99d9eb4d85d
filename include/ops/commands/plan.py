"""The command `plan`: the plan that a file of signals makes, without a run."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from include.execution.whatif.files import file_prices, read_signals
from include.execution.whatif.preview import held_now, market_prices, preview
from include.ops import printing
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL
from include.trading.numbers import shares


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--signals",
        required=True,
        type=Path,
        metavar="FILE",
        help="weights or scores as CSV, JSON or Parquet, or an answer of the Signal Service",
    )
    command.add_argument("--prices", type=Path, metavar="FILE", help='JSON like {"AAPL": 189.5}; else market data')
    command.add_argument("--strategy", metavar="ID", help="needed when the file has several")
    command.add_argument("--flat", action="store_true", help="as if nothing were held; needs no ledger")


def run(place: Place, given: argparse.Namespace) -> int:
    strategy = place.strategy(given.strategy)
    venue = place.assembly.venue(strategy.venue)
    with ExitStack() as opened:
        ledger = None if given.flat else opened.enter_context(place.ledger())
        now = datetime.now(UTC) if ledger is None else ledger.now()
        signals = read_signals(given.signals, strategy, held_now(ledger, strategy, venue.account, now), now)
        if given.prices is not None:
            market, pricing = None, file_prices(given.prices, now)
        else:
            market = opened.enter_context(place.assembly.prices(strategy, correlation_id="ops"))
            pricing = market_prices(market, strategy, signals, now)
        plan = preview(
            ledger,
            strategy,
            signals,
            pricing,
            market=market,
            account=venue.account,
            ids_from_content=not venue.traits.takes_our_order_id,
            least_fraction_usd=venue.traits.least_fraction_usd,
            now=now,
        )
    if given.json:
        print(printing.as_json(plan))
        return WELL
    sizes = ("signal", "weight", "held", "open", "target", "bound by", "price")
    headers = ("symbol", "leg", *sizes, "order", "outcome", "why")
    rows = [
        (
            row.symbol,
            row.leg,
            row.signal_weight,
            row.target_weight,
            shares(row.held_quantity),
            shares(row.open_quantity),
            None if row.target_quantity is None else shares(row.target_quantity),
            row.bound,
            row.price,
            None if row.order_quantity is None else f"{row.order_side} {shares(row.order_quantity)}",
            row.outcome if row.reason is None else f"{row.outcome} {row.reason}",
            row.detail,
        )
        for row in plan.rows
    ]
    print(f"strategy {strategy.id}, signals of {signals.as_of_date} by {signals.model_version}")
    print(printing.table(headers, rows))
    in_order = ", ".join(order.words for order in plan.orders)
    print(f"orders, as they would be sent: {in_order or 'none'}")
    print(f"rules off: {', '.join(plan.rules_off) or 'none'}")
    for note in plan.notes:
        print(note)
    return WELL


COMMAND = Command("plan", "show the plan that a file of signals makes; writes nothing", arguments, run=run)
