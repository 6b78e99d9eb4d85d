"""The steps of a run in order, without a scheduler: the same code, clients and ledger that the operators use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from include.adapters.connection import ConnectionParts
from include.adapters.http.endpoint import Endpoint
from include.execution.assembly import Assembly
from include.execution.desk import Desk
from include.execution.orders.flips import second_leg
from include.execution.orders.submit import submit_order
from include.execution.settings import Settings
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import RunIdentity, open_run, read_run, sends, strategy_of
from include.execution.steps.track_fills import track_for
from include.ledger.ledger import Ledger, open_ledger
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.run.terms import RunType
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy
from tests.support.strategies import made

SYMBOLS = ("AAPL", "MSFT", "JPM", "XOM", "KO")

# Everything that waits in production, shortened; the proportions stay.
FAST = Settings(
    lease_seconds=2.5,
    absent_proof_seconds=0.3,
    look_up_seconds=1.5,
    look_up_every_seconds=0.05,
    unresolved_seconds=5,
    quick_retry_seconds=(0.02, 0.04, 0.08),
    longest_wait_seconds=0.2,
    failure_pause_seconds=0.2,
    halted_pause_seconds=0.2,
    price_patience_seconds=0.2,
    price_every_seconds=0.05,
    position_recheck_seconds=0.2,
    fast_poll_seconds=5,
    poll_every_seconds=0.02,
    flip_deadline_seconds=5,
)


def sandbox_strategy(**changes: Any) -> Strategy:
    """Return the demo's kind of strategy: it sends, to the sandbox, at any hour."""
    values: dict[str, Any] = {
        "id": "daily_trading",
        "mode": "paper",
        "sandbox_only": True,
        "market_hours": False,
        "schedule": None,
        "symbols": SYMBOLS,
        "signals": {"service": {"top_n": 2, "bottom_n": 2}},
        "capital": 100000,
        "max_position_size": 10000,
    }
    return made(values, **changes)


@dataclass
class Engine:
    """Runs strategies against one sandbox and one ledger."""

    ledger_url: str
    signals_url: str
    gateway_url: str
    market_url: str
    contract: str = "v2"
    account: str = "sandbox"
    settings: Settings = FAST
    timeout_seconds: float = 1.0
    clock_offset: timedelta = field(default_factory=timedelta)
    retry_delays_seconds: tuple[float, ...] = (0.02, 0.05)
    # Key id and secret where `gateway_url` is Alpaca's Trading API.
    alpaca_key: tuple[str, str] | None = None
    # Further connections, of sources.
    others: dict[str, ConnectionParts] = field(default_factory=dict)
    most_orders: int = 1024

    def identity(self, name: str, run_type: RunType = "manual", logical_date: datetime | None = None) -> RunIdentity:
        started_at = logical_date or datetime.now(UTC) + self.clock_offset
        return RunIdentity("daily_trading", name, run_type, logical_date, started_at)

    def endpoint(self, service: str) -> Endpoint:
        url = {
            "signal_service": self.signals_url,
            "execution_gateway": self.gateway_url,
            "market_data": self.market_url,
        }[service]
        return Endpoint(
            connection_id=service,
            service=service,  # type: ignore[arg-type]
            base_url=url,
            contract=None if service == "market_data" else self.contract,  # type: ignore[arg-type]
            account=self.account if service == "execution_gateway" else None,
            connect_timeout_seconds=self.timeout_seconds,
            read_timeout_seconds=self.timeout_seconds,
            total_timeout_seconds=self.timeout_seconds,
        )

    def assembly(self) -> Assembly:
        """Return what opens this engine's services by their connections' usual names."""
        seconds = dict.fromkeys(
            ("connect_timeout_seconds", "read_timeout_seconds", "total_timeout_seconds"), self.timeout_seconds
        )

        def connections(connection_id: str) -> ConnectionParts:
            if connection_id in self.others:
                return self.others[connection_id]
            if connection_id == "execution_gateway" and self.alpaca_key is not None:
                extra: dict[str, Any] = {"venue": "alpaca", "account": self.account}
                login, password = self.alpaca_key
                return ConnectionParts(
                    connection_id, host=self.gateway_url, login=login, password=password, extra=extra | seconds
                )
            endpoint = self.endpoint(connection_id)
            extra = {"contract": endpoint.contract, "account": endpoint.account}
            given = {name: value for name, value in extra.items() if value is not None}
            return ConnectionParts(connection_id, conn_type="http", host=endpoint.base_url, extra=given | seconds)

        return Assembly(connections=connections, settings=self.settings, code_version="test")

    @contextmanager
    def desk(self, *, sends: bool = True, actor: str = "test") -> Iterator[Desk]:
        venue = self.assembly().venue("execution_gateway")
        opened = venue.venue if sends else venue.reader
        options = {"correlation_id": "test", "retry_delays_seconds": self.retry_delays_seconds}
        with self.ledger() as ledger, opened(**options) as gateway:
            yield Desk(
                ledger=ledger,
                account=self.account,
                reader=gateway,
                settings=self.settings,
                actor=actor,
                code_version="test",
            )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with open_ledger(self.ledger_url, clock_offset=self.clock_offset) as ledger:
            yield ledger

    def open(
        self, identity: RunIdentity, strategy: Strategy, *, event: dict[str, Any] | None = None, **params: Any
    ) -> Run:
        with self.ledger() as ledger:
            return open_run(
                ledger,
                identity,
                strategy,
                RunRequest.from_params(params),
                account=self.account,
                code_version="test",
                signal_event=event,
            )

    def plan(self, identity: RunIdentity, strategy: Strategy, **params: Any) -> tuple[Run, list[Intent]]:
        """Do fetch_signals and map_orders."""
        run = self.open(identity, strategy, **params)
        with self.desk(sends=sends(run)) as desk:
            signals = None
            if run.plan_id is None:
                with self.assembly().signals(strategy_of(run), **self.options(run)) as source:
                    signals = fetch_signals(desk, source, run)
            with self.assembly().prices(strategy_of(run), **self.options(run)) as market:
                intents = map_orders(
                    desk, market, run, signals.signals if signals else (), most_orders=self.most_orders
                )
            return read_run(desk.ledger, run.run_id), intents

    def options(self, run: Run) -> dict[str, Any]:
        return {"correlation_id": str(run.run_id), "retry_delays_seconds": self.retry_delays_seconds}

    def submit(self, client_order_id: str, actor: str = "test") -> Intent:
        with self.desk(actor=actor) as desk:
            return submit_order(desk, plan_of(desk, client_order_id), client_order_id)

    def submit_all(self, intents: list[Intent]) -> None:
        with self.desk() as desk:
            by_symbol: dict[str, list[Intent]] = {}
            for intent in intents:
                by_symbol.setdefault(intent.symbol, []).append(intent)
            for legs in by_symbol.values():
                first, *second = sorted(legs, key=lambda leg: leg.leg)
                sent = submit_order(desk, first.plan_id, first.client_order_id)
                for leg in second:
                    assert second_leg(desk, sent, leg.client_order_id) == "go"
                    submit_order(desk, leg.plan_id, leg.client_order_id)

    def track(self, run: Run) -> Run:
        with self.desk(sends=sends(run)) as desk:
            run = read_run(desk.ledger, run.run_id)
            track_for(desk, run, seconds=self.settings.fast_poll_seconds)
            return close_run(desk, run)

    def run(self, name: str, strategy: Strategy, **params: Any) -> Run:
        """Do a whole run and return its closed row."""
        run, intents = self.plan(self.identity(name), strategy, **params)
        self.submit_all(intents)
        return self.track(run)


def plan_of(desk: Desk, client_order_id: str) -> UUID:
    """Return the plan that an order in the ledger is of."""
    intent = desk.ledger.orders.get(client_order_id)
    assert intent is not None
    return intent.plan_id
