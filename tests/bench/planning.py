"""How long the planning part of `map_orders` takes, without network and ledger: python -m tests.bench.planning"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

from include.trading.plan.packed import packed
from include.trading.plan.plan import PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.sizing.inputs import History
from tests.support.planning import inputs, prices, signals, strategy
from tests.support.sizing import history_of, random_returns

REPETITIONS = 5
SESSIONS = 252


def sized(names: int, sizing: Any, *, sessions: int = 0) -> PlanInputs:
    """Return a plan's inputs, with closes in cents where the sizing looks at some."""
    symbols = [f"S{number:03}" for number in range(names)]
    return inputs(
        strategy=strategy(
            symbols=symbols, sizing=sizing, capital=10_000_000, max_position_size=10_000_000, no_trade_band=0
        ),
        signals=signals(**dict.fromkeys(symbols, "0.001")),
        prices=prices(**dict.fromkeys(symbols, "101.37")),
        history=_in_cents(history_of(random_returns(symbols, count=sessions - 1))) if sessions else None,
    )


def _in_cents(history: History) -> History:
    closes = {
        symbol: [None if each is None else round(each, 2) for each in found] for symbol, found in history.closes.items()
    }
    return History(history.sessions, {symbol: tuple(found) for symbol, found in closes.items()})


def seconds(made_from: PlanInputs) -> list[tuple[float, float]]:
    """Return how long making the plan and packing its inputs took, after a first time that is not counted."""
    found = []
    for _ in range(REPETITIONS + 1):
        began = perf_counter()
        plan = make_plan(made_from)
        planned = perf_counter()
        packed(made_from)
        found.append((planned - began, perf_counter() - planned))
        if not plan.orders:
            raise RuntimeError("expected a plan with orders, got one without: its time says nothing")
    return found[1:]


def main() -> None:
    for what, made_from in (
        ("500 names, 252 sessions, risk_parity", sized(500, "risk_parity", sessions=SESSIONS)),
        ("1000 signals, target_weight", sized(1000, "target_weight")),
    ):
        times = seconds(made_from)
        planning, packing = (f"{median(each):.3f} s (least {min(each):.3f} s)" for each in zip(*times, strict=True))
        print(f"{what}: planning {planning}, packing {packing}, median of {REPETITIONS}")


if __name__ == "__main__":
    main()
