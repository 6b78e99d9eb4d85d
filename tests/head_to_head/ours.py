"""python -m tests.head_to_head.ours: send a plan's orders through the package, as its tasks do."""

from __future__ import annotations

import json
import sys

from include.trading.errors import TradingError
from include.trading.order.states import FINAL
from tests.support.engine import Engine

# What Airflow's retries make of a task.
TRIES = 6


def main() -> None:
    asked = json.loads(sys.stdin.read())
    engine = engine_at(asked)
    left = list(asked["ids"])
    for _ in range(TRIES):
        left = [id for id in left if not sent(engine, id)]


def sent(engine: Engine, client_order_id: str) -> bool:
    """Say whether the order has an outcome after one more try."""
    try:
        state = engine.submit(client_order_id).state
    except TradingError as error:
        print(f"{client_order_id}: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    return state in FINAL | {"open"}


def engine_at(asked: dict[str, str]) -> Engine:
    key = (asked["key"], asked["secret"])
    urls = (asked["ledger"], asked["signals"], asked["url"], asked["market"])
    return Engine(*urls, alpaca_key=key)


if __name__ == "__main__":
    main()
