"""A person in front of the API: who it is, what is asked, and a ledger and sandbox behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from include.execution.desk import stop_trading
from include.sandbox.runner import Sandbox
from tests.support.engine import Engine

API = "/api/v1/orchestration"
STRATEGIES = """
strategies:
  - {id: daily_trading, mode: paper, schedule: null, sandbox_only: true, market_hours: false,
     symbols: [AAPL, MSFT, JPM, XOM, KO], signals: {service: {top_n: 2, bottom_n: 2}},
     capital: 100000, max_position_size: 10000}
"""
# In the words of Airflow's simple auth manager; a user without a role may do nothing at all.
ROLES = {"ada": "ADMIN", "uwe": "USER", "vera": "VIEWER", "nemo": None}


def connections(sandbox: Sandbox, ledger_url: str) -> dict[str, str]:
    """Return the environment that names a test's services."""

    def http(url: str, **extra: str) -> str:
        return json.dumps({"conn_type": "http", "host": url, "extra": extra})

    return {
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        "AIRFLOW_CONN_SIGNAL_SERVICE": http(sandbox.signals_url, contract="v2"),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": http(sandbox.gateway_url, contract="v2", account="sandbox"),
        "AIRFLOW_CONN_MARKET_DATA": http(sandbox.market_url),
    }


def token(name: str) -> str:
    """Return the token that Airflow would give to a user of this name after a login."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    made: str = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=ROLES[name]))
    return made


@dataclass(frozen=True)
class Site:
    """The API server with one test's ledger and sandbox behind it."""

    client: httpx.Client
    engine: Engine
    sandbox: Sandbox

    def ask(self, method: str, path: str, name: str | None = "ada", **given: Any) -> httpx.Response:
        """Send a request as a user; None: without a login."""
        headers = dict(given.pop("headers", {}))
        if name is not None:
            headers["Authorization"] = f"Bearer {token(name)}"
        return self.client.request(method, path, headers=headers, **given)

    def get(self, path: str, name: str | None = "ada", **params: Any) -> httpx.Response:
        return self.ask("GET", API + path, name, params=params)

    def post(self, path: str, body: Any, name: str | None = "ada", **headers: str) -> httpx.Response:
        return self.ask("POST", API + path, name, json=body, headers=headers)

    def break_account(self, message: str) -> None:
        with self.engine.desk() as desk:
            desk.ledger.accounts.ensure("sandbox")
            stop_trading(desk, "sandbox", "position_mismatch", "today", message, symbol="AAPL")
