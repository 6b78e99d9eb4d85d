"""The engine path: the code of the four steps without a scheduler, over a real PostgreSQL and the sandbox's sockets."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import httpx

from include.adapters.http.client import MAX_CONNECTIONS, RETRY_DELAYS_SECONDS
from include.adapters.http.transport import DeadlineTransport
from include.adapters.prices.alpaca import MarketDataClient
from include.execution.desk import Desk
from include.execution.orders.submit import submit_order
from include.execution.settings import Settings
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import read_run, strategy_of
from include.execution.steps.track_fills import track_for
from include.launcher.paths import AIRFLOW_SETTINGS
from include.launcher.postgres import EmbeddedPostgres
from include.launcher.settings import read_env_file
from include.ledger.migrations import migrate
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.models import Price, Signal
from include.trading.order.row import Intent
from include.trading.plan.plan import PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.run.row import Run
from include.trading.strategy.signals_spec import ServiceSignals
from include.trading.strategy.spec import Strategy
from tests.bench.results import EngineResult, EngineRun, Incomplete
from tests.bench.stack import all_filled
from tests.bench.strategies import entry
from tests.support.databases import fresh_database, settle_in, temporary_home
from tests.support.engine import Engine

VENUES = ("gateway", "alpaca")
ORDERS = 500
SIGNALS = (10, 1000)
MOST_ORDERS = 1024  # Airflow's max_map_length


def measure(repetitions: int, venues: Sequence[str]) -> dict[str, EngineResult]:
    """Measure everything so many times, each with an empty ledger and a flat book, after a small run not counted.

    venues: measured in turn; what no venue has a part in is measured beside the first.
    Raises Incomplete when not every order was filled.
    """
    workers = int(read_env_file(AIRFLOW_SETTINGS)["AIRFLOW__CORE__PARALLELISM"])
    found = {
        venue: EngineResult(workers, [], *({number: [] for number in SIGNALS if place == 0} for _ in range(2)))
        for place, venue in enumerate(venues)
    }
    with (
        temporary_home() as home,
        EmbeddedPostgres(home / "server") as server,
        # Nothing is bought on credit at Alpaca: no order is scaled.
        start_sandbox(contract="v2", fill_after=0, alpaca_rate_limit=0, alpaca_cash=100_000_000) as sandbox,
    ):
        migrate(server.ensure_database("template_ledger"))
        place = _Place(server.socket_url("postgres"), sandbox)
        # What tasks find loaded, because the process they fork from did so, is loaded here; LocalExecutor also hides it
        # from the garbage collector before it forks.
        for venue in venues:
            place.trade(5, workers, venue)
        gc.freeze()
        for number in range(1, repetitions + 1):
            for venue, result in found.items():
                run = place.trade(ORDERS, workers, venue)
                result.runs.append(run)
                for signals in result.planning:
                    result.planning[signals].append(plan_seconds(signals))
                    result.mapping[signals].append(place.map(signals, venue))
                told = f"repetition {number} of {repetitions}, {venue}"
                print(f"  {told}: {ORDERS} orders sent in {run.sending:.2f} s, {run.whole:.2f} s in all", flush=True)
    return found


class _Place:
    """A server and a sandbox, both as new for each measurement."""

    def __init__(self, admin_url: str, sandbox: Sandbox) -> None:
        self._admin_url = admin_url
        self._sandbox = sandbox

    def trade(self, orders: int, workers: int, venue: str) -> EngineRun:
        """Trade as many orders, the sending shared by so many processes."""
        self._sandbox.admin.reset()
        with fresh_database(self._admin_url, "template_ledger") as url:
            settle_in(url)
            engine = self._engine(url, venue)
            run, intents, mapping = _map(engine, orders)
            computed = cpu_seconds(self._sandbox.process.pid)
            began = perf_counter()
            submits, sent = _submit(engine, intents, workers)
            sending = perf_counter() - began
            sandbox_cpu = None if computed is None else (cpu_seconds(self._sandbox.process.pid) or 0) - computed
            tracking, requests, closing = _track(engine, run, orders)
        return EngineRun(orders, mapping, sending, submits, sandbox_cpu, tracking, requests, closing, sent)

    def map(self, signals: int, venue: str) -> float:
        """Return the seconds of the step `map_orders` for so many signals, which all become orders."""
        self._sandbox.admin.reset()
        with fresh_database(self._admin_url, "template_ledger") as url:
            settle_in(url)
            return _map(self._engine(url, venue), signals)[2]

    def _engine(self, ledger_url: str, venue: str) -> Engine:
        at_alpaca = venue == "alpaca"
        return Engine(
            ledger_url,
            self._sandbox.signals_url,
            self._sandbox.alpaca_url if at_alpaca else self._sandbox.gateway_url,
            self._sandbox.market_url,
            settings=Settings(),
            timeout_seconds=10,
            retry_delays_seconds=RETRY_DELAYS_SECONDS,
            alpaca_key=self._sandbox.alpaca_key if at_alpaca else None,
        )


def _map(engine: Engine, orders: int) -> tuple[Run, list[Intent], float]:
    """Open a run and fetch its signals; return it with its plan, and how long making that took."""
    run = engine.open(engine.identity("bench"), Strategy.model_validate(entry(orders)))
    with engine.desk() as desk:
        with engine.assembly().signals(strategy_of(run), correlation_id=str(run.run_id)) as source:
            signals = fetch_signals(desk, source, run)
        if signals is None:
            raise Incomplete("the run asked for no signals")
        began = perf_counter()
        with MarketDataClient(engine.endpoint("market_data"), correlation_id=str(run.run_id)) as market:
            intents = map_orders(desk, market, run, signals.signals, most_orders=MOST_ORDERS)
        seconds = perf_counter() - began
        if len(intents) != orders:
            raise Incomplete(f"expected {orders} orders planned, got {len(intents)}")
        return read_run(desk.ledger, run.run_id), intents, seconds


def _submit(engine: Engine, intents: Sequence[Intent], workers: int) -> tuple[list[float], int]:
    """Send the orders by so many forked processes, each with one connection and one client.

    Return each one's time, and how many requests they all made at the venue.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        futures = [pool.submit(_submit_share, engine, intents[number::workers]) for number in range(workers)]
        shares = [future.result() for future in futures]
    return [seconds for share, _ in shares for seconds in share], sum(requests for _, requests in shares)


@contextmanager
def _counted(engine: Engine, actor: str) -> Iterator[tuple[Desk, list[str]]]:
    """Open a desk whose requests at the venue are kept."""
    venue = engine.assembly().venue("execution_gateway")
    wire = CountingTransport(DeadlineTransport(venue.connection.total_timeout_seconds, None, MAX_CONNECTIONS))
    options = {"correlation_id": "bench", "retry_delays_seconds": RETRY_DELAYS_SECONDS, "transport": wire}
    with engine.ledger() as ledger, venue.venue(**options) as opened:
        yield engine.assembly().desk(ledger, engine.account, opened, actor=actor), wire.asked


def _submit_share(engine: Engine, intents: Sequence[Intent]) -> tuple[list[float], int]:
    seconds = []
    with _counted(engine, "submit_orders") as (desk, asked):
        for intent in intents:
            began = perf_counter()
            sent = submit_order(desk, intent.plan_id, intent.client_order_id)
            seconds.append(perf_counter() - began)
            if sent.state != "open":
                raise Incomplete(
                    f"order {sent.client_order_id}: expected it to be acknowledged, got {sent.state}: {sent.message}"
                )
        return seconds, len(asked)


def _track(engine: Engine, run: Run, orders: int) -> tuple[float, int, float]:
    """Follow the open orders to their end and close the run; return seconds, requests at the venue, seconds."""
    with _counted(engine, "track_fills") as (desk, asked):
        began = perf_counter()
        if not track_for(desk, run, seconds=engine.settings.fast_poll_seconds):
            raise Incomplete(f"not every order was final after {engine.settings.fast_poll_seconds} s")
        tracked, requests = perf_counter(), len(asked)
        closed = close_run(desk, run)
        seconds = perf_counter() - tracked
    all_filled(closed, orders)
    return tracked - began, requests, seconds


class CountingTransport(httpx.BaseTransport):
    """Passes requests on and keeps what was asked; used by several threads at once."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def plan_seconds(number: int) -> float:
    """Return the seconds of planning alone: from ready signals, prices and positions to a plan."""
    inputs = plan_inputs(number)
    began = perf_counter()
    plan = make_plan(inputs)
    seconds = perf_counter() - began
    if len(plan.orders) != number:
        raise Incomplete(f"expected {number} orders planned, got {len(plan.orders)}")
    return seconds


def plan_inputs(number: int) -> PlanInputs:
    """Return so many signals with prices; of every other symbol some shares are held."""
    strategy = Strategy.model_validate(entry(number))
    now = datetime.now(UTC)
    prices = {
        symbol: Price(symbol=symbol, price=Decimal(10 + place % 190), at=now, source="bench")
        for place, symbol in enumerate(strategy.symbols)
    }
    asked = strategy.signals
    assert isinstance(asked, ServiceSignals)
    top_n, bottom_n = asked.top_n, asked.bottom_n
    weights = [Decimal(1) / top_n] * top_n + [Decimal(-1) / bottom_n] * bottom_n
    return PlanInputs(
        strategy=strategy,
        signals=tuple(
            Signal(symbol=symbol, predicted_return=Decimal(0), rank=rank, target_weight=weight)
            for rank, (symbol, weight) in enumerate(zip(strategy.symbols, weights, strict=True), start=1)
        ),
        prices=prices,
        previous_closes=prices,
        held={
            symbol: Decimal(1 if weight > 0 else -1)
            for symbol, weight in zip(strategy.symbols[::2], weights[::2], strict=True)
        },
        open_quantity={},
        blocked={},
        account_state="active",
        traded_today=Decimal(0),
        ids_from_content=False,
        now=now,
    )


def cpu_seconds(pid: int) -> float | None:
    """Return the seconds a process has computed, None where the system has no /proc."""
    try:
        # Behind the name in parentheses, which may hold anything: the 14th and 15th field, user and system, in ticks.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
