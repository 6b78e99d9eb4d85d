"""Short ways to ask one sandbox, for tests of the sandbox itself."""

from __future__ import annotations

from typing import Any

import httpx

from include.sandbox.runner import Sandbox

ORDERS = "/api/v1/orders"
GENERATE = "/api/v1/signals/generate"
LATEST = "/v2/stocks/trades/latest"
BUY = {"symbol": "AAPL", "side": "buy", "qty": 10, "client_order_id": "buy-aapl"}
FILL_AFTER = 1000


class Client:
    """Short ways to ask one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.admin = sandbox.admin
        self.gateway = httpx.Client(base_url=sandbox.gateway_url)
        self.signals = httpx.Client(base_url=sandbox.signals_url)
        self.market = httpx.Client(base_url=sandbox.market_url)

    def close(self) -> None:
        for client in (self.gateway, self.signals, self.market):
            client.close()

    def post(self, **changes: Any) -> httpx.Response:
        return self.gateway.post(ORDERS, json={**BUY, **changes})

    def look_up(self, order_id: str = "buy-aapl") -> dict[str, Any]:
        order: dict[str, Any] = self.gateway.get(f"{ORDERS}/{order_id}").json()
        return order

    def outcome(self, **changes: Any) -> str:
        """Post an order and say how that ended: `reset`, `timeout`, or status code and status or text."""
        try:
            response = self.gateway.post(ORDERS, json={**BUY, **changes}, timeout=0.3)
        except httpx.ReadError:
            return "reset"
        except httpx.ReadTimeout:
            return "timeout"
        try:
            body = response.json()
        except ValueError:
            return f"{response.status_code} unreadable"
        words = body.get("status") or body.get("error") or body["detail"]
        return f"{response.status_code} {words['error'] if isinstance(words, dict) else words}"

    def generate(self, **changes: Any) -> httpx.Response:
        asked = {"symbols": ["AAPL", "MSFT", "KO"], "as_of_date": "2024-05-17", "top_n": 1, "bottom_n": 1}
        return self.signals.post(GENERATE, json={**asked, **changes})

    def trades(self, symbols: str = "AAPL,MSFT") -> dict[str, Any]:
        trades: dict[str, Any] = self.market.get(LATEST, params={"symbols": symbols}).json()["trades"]
        return trades

    def later(self, seconds: float) -> None:
        """Move the sandbox's clock, seconds from the true time."""
        self.admin.settings(clock_offset_seconds=seconds)
