"""python -m tests.head_to_head.alpaca_py: send orders by Alpaca's own client, as its documentation shows it.

A careful script around it: each order is tried three times, and one whose call returned is written down, so that the
script leaves it out when it is started again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TRIES = 3


def main() -> None:
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import MarketOrderRequest

    asked = json.loads(sys.stdin.read())
    client = TradingClient(asked["key"], asked["secret"], paper=True, url_override=asked["url"])
    noted = Path(asked["notes"])
    done = noted.read_text().split() if noted.exists() else []
    for number, (symbol, side, quantity) in enumerate(asked["orders"]):
        if symbol in done:
            continue
        own_id = {"client_order_id": f"h2h-{number}"} if asked["own_ids"] else {}
        order = MarketOrderRequest(
            symbol=symbol, qty=quantity, side=OrderSide(side), time_in_force=TimeInForce.DAY, **own_id
        )
        for _ in range(TRIES):
            try:
                client.submit_order(order_data=order)
            except Exception as error:  # noqa: BLE001 - whatever it is, the call failed
                print(f"{symbol}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            with noted.open("a") as notes:
                notes.write(f"{symbol}\n")
            break


if __name__ == "__main__":
    main()
