"""Starts a sandbox for a test: its own process on free ports, stopped with the `with` block or with its parent.

    with start_sandbox(fill_after=0, alpaca_rate_limit=0) as sandbox:
        client = httpx.Client(base_url=sandbox.alpaca_url, headers=sandbox.alpaca_headers)
        client.post("/v2/orders", json={...})
        sandbox.admin.fault("error_5xx_after_accept", service="alpaca", status=504)  # the next POST /v2/orders
        sandbox.admin.fault("plain_500", service="alpaca", match={"method": "GET", "path": "/v2/account$"})
        sandbox.admin.settings(alpaca_account={"trading_blocked": True}, alpaca_assets={"KO": {"shortable": False}})
        sandbox.admin.order(order_id, status="held")  # what the broker says of it; fill=3 fills so many shares late
        sandbox.admin.book()  # the truth: orders, executions, posts_by_id

The market is always open unless alpaca_clock says otherwise: "real", or the time at which the clock starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from include.sandbox.settings import ALPACA_KEY

SERVICES = ("signals", "gateway", "market", "alpaca", "admin")
PROJECT = Path(__file__).parents[2]
SECRET_VARIABLES = {
    "secret": "SANDBOX_SECRET",
    "market_key": "SANDBOX_MARKET_KEY",
    "alpaca_key": "SANDBOX_ALPACA_KEY",
}


class AdminClient:
    """The sandbox's admin API; every method returns its answer and raises on an error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url)

    def close(self) -> None:
        self._http.close()

    def fault(
        self,
        fault: str,
        *,
        service: str | None = None,
        match: dict[str, str] | None = None,
        times: int | None = None,
        **params: Any,
    ) -> None:
        """Arm one fault of include/sandbox/faults.py, or `refuse_connections`."""
        armed = {"fault": fault, "service": service, "match": match or {}, "times": times, "params": params}
        self._call("POST", "/admin/faults", armed)

    def clear_faults(self) -> None:
        self._call("DELETE", "/admin/faults")

    def book(self) -> dict[str, Any]:
        """Return orders with executions, positions, posts_total and posts_by_id."""
        book: dict[str, Any] = self._call("GET", "/admin/book")
        return book

    def inbox(self) -> list[dict[str, Any]]:
        """Return what came to the webhook, /hooks/<status>: the status it answered and the body."""
        alerts: list[dict[str, Any]] = self._call("GET", "/admin/inbox")
        return alerts

    def reset(self) -> None:
        """Empty the books, clear faults, go back to the settings of the start."""
        self._call("POST", "/admin/reset")

    def settings(self, **changes: Any) -> None:
        self._call("POST", "/admin/settings", changes)

    def positions(self, **holdings: int | str | Decimal) -> None:
        """Set what is held besides the executions."""
        self._call("POST", "/admin/positions", holdings)

    def convert(self, symbol: str, *, becomes: str | None = None, shares: int = 1, per: int = 1) -> None:
        """Split or rename what is held: every `per` shares of a symbol become `shares`, at times of another one."""
        self._call("POST", "/admin/convert", {"symbol": symbol, "becomes": becomes, "shares": shares, "per": per})

    def corporate_action(self, kind: str, symbol: str, **words: Any) -> None:
        """Announce a corporate action and carry it out at the broker; words as in include/sandbox/actions.py."""
        self._call("POST", "/admin/corporate-actions", {"kind": kind, "symbol": symbol, **words})

    def cash(self, activity_type: str, amount: str, **words: Any) -> None:
        """Change the cash of Alpaca's account and list it there; words as in include/sandbox/cash.py."""
        self._call("POST", "/admin/cash", {"activity_type": activity_type, "amount": amount, **words})

    def order(
        self, order_id: str, *, status: str | None = None, fill: int | str | Decimal | None = None
    ) -> dict[str, Any]:
        """Force a status, a fill of some shares, or both."""
        order: dict[str, Any] = self._call("POST", f"/admin/order/{order_id}", {"status": status, "fill": fill})
        return order

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        # Escaped, because a fault may hold text that UTF-8 cannot; a quantity as text, which keeps every decimal.
        content = None if body is None else json.dumps(body, default=str)
        response = self._http.request(method, path, content=content, headers={"Content-Type": "application/json"})
        if response.is_error:
            raise ValueError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


@dataclass(frozen=True)
class Sandbox:
    """alpaca_key: key id and secret of the account behind alpaca_url."""

    signals_url: str
    gateway_url: str
    market_url: str
    alpaca_url: str
    alpaca_key: tuple[str, str]
    admin: AdminClient
    process: subprocess.Popen[str]

    @property
    def alpaca_headers(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self.alpaca_key[0], "APCA-API-SECRET-KEY": self.alpaca_key[1]}


@contextmanager
def start_sandbox(
    *,
    secret: str | None = None,
    market_key: str | None = None,
    alpaca_key: str = ALPACA_KEY,
    **options: str | float,
) -> Iterator[Sandbox]:
    """Start a sandbox and stop it at the end.

    options: those of `python -m include.sandbox`, with underscores: contract="v1", fill_after=0.2, book=path,
    gateway_port=8002. Ports not given are free ones.  Raises RuntimeError when it does not start.
    """
    settings: dict[str, str | float] = {f"{name}_port": 0 for name in SERVICES}
    secrets = {"secret": secret, "market_key": market_key, "alpaca_key": alpaca_key}
    environment = {SECRET_VARIABLES[name]: value for name, value in secrets.items() if value is not None}
    settings |= options | {name: SECRET_VARIABLES[name] for name, value in secrets.items() if value is not None}
    arguments = [part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "include.sandbox", "--json", "--die-with-parent", *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the sandbox did not start, exit code {process.wait()}; its reason is above")
            urls = json.loads(line)
            admin = AdminClient(urls["admin"])
            try:
                key_id, _, key = alpaca_key.partition(":")
                yield Sandbox(
                    signals_url=urls["signals"],
                    gateway_url=urls["gateway"],
                    market_url=urls["market"],
                    alpaca_url=urls["alpaca"],
                    alpaca_key=(key_id, key),
                    admin=admin,
                    process=process,
                )
            finally:
                admin.close()
        finally:
            process.terminate()
            process.wait(10)
