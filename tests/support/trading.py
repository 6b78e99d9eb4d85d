"""One account, one ledger and one sandbox for tests that send orders: plan, send, track, and look at both books."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from include.execution.settings import Settings
from include.sandbox.runner import AdminClient, Sandbox
from include.trading.account.books import Break
from include.trading.account.row import Account
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.support.engine import FAST, Engine, sandbox_strategy

QUICK = FAST.model_copy(
    update={"lease_seconds": 1.0, "absent_proof_seconds": 0.1, "look_up_seconds": 0.8, "fast_poll_seconds": 1.0}
)
# Beyond `send_until` and cut-off of a sandbox strategy.
LATE = timedelta(minutes=12)


@dataclass
class Trade:
    """An engine on a sandbox with empty books."""

    engine: Engine
    admin: AdminClient
    strategy: Strategy

    @classmethod
    def begin(cls, ledger_url: str, sandbox: Sandbox, contract: str, settings: Settings = QUICK) -> Trade:
        sandbox.admin.reset()
        sandbox.admin.settings(fill_after_seconds=0.05)
        engine = Engine(
            ledger_url,
            sandbox.signals_url,
            sandbox.gateway_url,
            sandbox.market_url,
            contract="v2" if contract == "alpaca" else contract,
            settings=settings,
            timeout_seconds=0.5,
        )
        if contract == "alpaca":
            engine = replace(engine, gateway_url=sandbox.alpaca_url, alpaca_key=sandbox.alpaca_key)
        return cls(engine, sandbox.admin, sandbox_strategy(symbols=("AAPL", "KO"), top_n=1, bottom_n=0))

    def plan(self, name: str = "one", **params: Any) -> tuple[Run, list[Intent]]:
        return self.engine.plan(self.engine.identity(name), self.strategy, **params)

    def plan_one(self, name: str = "one") -> tuple[Run, Intent]:
        run, (intent,) = self.plan(name)
        return run, intent

    def submit(self, intent: Intent) -> Intent:
        return self.engine.submit(intent.client_order_id)

    def later(self) -> Engine:
        """Return the engine of a time when nothing may be sent any more."""
        return replace(self.engine, clock_offset=self.engine.clock_offset + LATE)

    def order(self, intent: Intent) -> Intent:
        with self.engine.ledger() as ledger:
            found = ledger.orders.get(intent.client_order_id)
        assert found is not None
        return found

    def fills(self, intent: Intent) -> list[dict[str, Any]]:
        with self.engine.ledger() as ledger:
            return ledger.orders.fills_of(intent.id)

    def account(self) -> Account:
        with self.engine.ledger() as ledger:
            account = ledger.accounts.get(self.engine.account)
        assert account is not None
        return account

    def breaks(self) -> list[Break]:
        with self.engine.ledger() as ledger:
            return ledger.books.open_breaks(self.engine.account)

    def posts(self) -> int:
        return int(self.admin.book()["posts_total"])

    def broker_orders(self) -> list[dict[str, Any]]:
        orders: list[dict[str, Any]] = self.admin.book()["orders"]
        return orders

    def until_broker_filled(self) -> None:
        """Wait until every order at the broker is filled; the sandbox's fills are due by time."""
        while any(order["filled_qty"] < order["qty"] for order in self.broker_orders()):
            pass
