"""The real clients against the sandbox's three services, over sockets, in both contract versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from include.adapters.http.client import HttpService
from include.adapters.http.endpoint import Endpoint
from include.adapters.prices.alpaca import MarketDataClient
from include.adapters.signals.service import SignalServiceClient
from include.adapters.venues.gateway.client import GatewayClient
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import (
    Halted,
    IdExists,
    InvalidData,
    NotFound,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)
from include.trading.models import Contract, OrderReport, OrderRequest, Price

SECRET = "a-secret-between-the-services-" * 3
SYMBOLS = ["AAPL", "MSFT", "JPM", "XOM", "WMT"]
DAY = date(2025, 11, 20)
CLOSE = datetime(2025, 11, 20, 21, 0, tzinfo=UTC)
ORDER = OrderRequest(client_order_id="p-0123456789abcdef", symbol="AAPL", side="buy", quantity=10)

Client = TypeVar("Client", bound=HttpService)


@pytest.fixture(scope="module", params=["v1", "v2"])
def contract(request: pytest.FixtureRequest) -> Contract:
    found: Contract = request.param
    return found


@pytest.fixture(scope="module")
def started(contract: Contract) -> Iterator[Sandbox]:
    secrets = {"secret": SECRET, "market_key": "key-id:key-secret"} if contract == "v2" else {}
    with start_sandbox(contract=contract, fill_after=0, **secrets) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    started.admin.reset()
    return started


@pytest.fixture
def connect(sandbox: Sandbox, contract: Contract) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a client of a class; keywords change its endpoint."""
    opened: list[HttpService] = []
    addresses: dict[type[HttpService], dict[str, Any]] = {
        SignalServiceClient: {"service": "signal_service", "base_url": sandbox.signals_url, "secret": SECRET},
        GatewayClient: {"service": "execution_gateway", "base_url": sandbox.gateway_url, "secret": SECRET},
        MarketDataClient: {
            "service": "market_data",
            "base_url": sandbox.market_url,
            "api_key": "key-id",
            "api_secret": "key-secret",
        },
    }

    def make(kind: type[Client], **changes: Any) -> Client:
        values = {"contract": contract, "account": "main", **addresses[kind], **changes}
        client = kind(
            Endpoint(connection_id=values["service"], **values),
            correlation_id="run-1",
            retry_delays_seconds=(0.01, 0.01, 0.01),
        )
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def signals(connect: Callable[..., Any]) -> SignalServiceClient:
    client: SignalServiceClient = connect(SignalServiceClient)
    return client


@pytest.fixture
def gateway(connect: Callable[..., Any]) -> GatewayClient:
    client: GatewayClient = connect(GatewayClient, read_timeout_seconds=0.5)
    return client


@pytest.fixture
def market(connect: Callable[..., Any]) -> MarketDataClient:
    client: MarketDataClient = connect(MarketDataClient)
    return client


# --- signals ---


def test_a_ready_service_answers_each_symbol_once(signals: SignalServiceClient) -> None:
    assert signals.check_ready().words

    found = signals.generate([*SYMBOLS, "aapl"], DAY, top_n=2, bottom_n=1)

    assert sorted(signal.symbol for signal in found.signals) == sorted(SYMBOLS)
    assert sum(signal.target_weight for signal in found.signals) == 0
    assert found.as_of_date == DAY
    assert found.model_version


def test_weights_may_all_be_zero(signals: SignalServiceClient) -> None:
    found = signals.generate(SYMBOLS, DAY, top_n=0, bottom_n=0)

    assert {signal.target_weight for signal in found.signals} == {Decimal(0)}


def test_asking_for_more_than_there_is_is_refused_in_the_services_words(signals: SignalServiceClient) -> None:
    with pytest.raises(Rejected, match="Cannot select 3 long \\+ 3 short from 5 symbols"):
        signals.generate(SYMBOLS, DAY, top_n=3, bottom_n=3)


def test_a_day_without_bars_is_refused(signals: SignalServiceClient) -> None:
    with pytest.raises(Rejected, match="400"):
        signals.generate(SYMBOLS, date(2025, 11, 22), top_n=1, bottom_n=1)


def test_a_signal_service_that_refuses_connections_is_unavailable(
    sandbox: Sandbox, signals: SignalServiceClient
) -> None:
    sandbox.admin.fault("refuse_connections", service="signals")

    with pytest.raises(Unavailable, match="nothing was sent"):
        signals.generate(SYMBOLS, DAY, top_n=1, bottom_n=1)


# --- orders ---


def test_the_gateway_tells_its_mode_and_strategy(gateway: GatewayClient) -> None:
    found = gateway.info()

    assert (found.mode, found.status) == ("paper", "healthy")
    # What it is known again by; a v1 gateway also makes order ids from it.
    assert found.strategy_id == "alpha_baseline"
    assert "sandbox" in found.service


@pytest.mark.parametrize("mode", ["dry_run", "live"])
def test_a_gateway_in_another_mode_says_so(sandbox: Sandbox, gateway: GatewayClient, mode: str) -> None:
    sandbox.admin.settings(mode=mode)

    assert gateway.info().mode == mode


def test_the_wrong_contract_is_found_out(connect: Callable[..., Any], contract: Contract) -> None:
    other: Contract = "v1" if contract == "v2" else "v2"

    with pytest.raises(InvalidData, match=f"says contract {other}"):
        connect(GatewayClient, contract=other).info()


def test_an_order_is_stored_filled_and_held(sandbox: Sandbox, gateway: GatewayClient, contract: Contract) -> None:
    sent = gateway.submit(ORDER)
    found = gateway.order(sent.gateway_order_id)

    assert (sent.gateway_order_id == ORDER.client_order_id) == (contract == "v2")
    assert found is not None
    assert (found.status, found.filled_quantity, found.symbol, found.side) == ("filled", 10, "AAPL", "buy")
    assert found.filled_avg_price is not None
    assert sum(fill.quantity for fill in found.fills) == (10 if contract == "v2" else 0)
    assert gateway.positions() == {"AAPL": Decimal(10)}
    assert sandbox.admin.book()["posts_total"] == 1


def test_the_same_order_again_is_the_same_order(sandbox: Sandbox, gateway: GatewayClient) -> None:
    first, second = gateway.submit(ORDER), gateway.submit(ORDER)

    assert first.gateway_order_id == second.gateway_order_id
    assert len(sandbox.admin.book()["orders"]) == 1


def test_a_dry_run_answers_dry_run_and_holds_nothing(sandbox: Sandbox, gateway: GatewayClient) -> None:
    sandbox.admin.settings(mode="dry_run")

    assert gateway.submit(ORDER).status == "dry_run"
    assert gateway.positions() == {}


def test_unknown_orders_are_absent_and_known_ones_found_in_one_call(gateway: GatewayClient) -> None:
    known = gateway.submit(ORDER).gateway_order_id

    found = dict(gateway.orders([known, "p-none"]))

    assert isinstance(found[known], OrderReport)
    assert found["p-none"] is None


@pytest.mark.parametrize(
    ("fault", "params", "expected", "stored"),
    [
        ("reset_before_body", {}, OutcomeUnknown, 0),
        ("reset_after_accept", {}, OutcomeUnknown, 1),
        ("timeout_before_accept", {"seconds": 2}, OutcomeUnknown, 0),
        ("timeout_after_accept", {"seconds": 2}, OutcomeUnknown, 1),
        ("html_200", {}, OutcomeUnknown, 1),
        ("half_json_200", {}, OutcomeUnknown, 1),
        ("plain_500", {}, OutcomeUnknown, 0),
        ("error_5xx_after_accept", {}, OutcomeUnknown, 1),
        ("down_503", {}, OutcomeUnknown, 0),
        ("broker_down_503_stored", {}, OutcomeUnknown, 0),
        ("broker_connection_500", {}, OutcomeUnknown, 0),
        ("broker_validation_400", {}, Rejected, 0),
        ("broker_rejection_422", {}, Rejected, 0),
        ("unique_422", {}, IdExists, 0),
        ("rate_limited", {"retry_after": 7}, Paused, 0),
    ],
)
def test_each_failure_of_a_post_is_told_and_the_post_left_once(
    sandbox: Sandbox,
    gateway: GatewayClient,
    fault: str,
    params: dict[str, Any],
    expected: type[TradingError],
    stored: int,
) -> None:
    sandbox.admin.fault(fault, **params)

    with pytest.raises(TradingError) as failed:
        gateway.submit(ORDER)

    book = sandbox.admin.book()
    assert type(failed.value) is expected
    assert (book["posts_total"], len(book["orders"])) == (1, stored)


def test_a_shut_gate_is_a_halt_only_where_the_contract_has_gates(
    sandbox: Sandbox, gateway: GatewayClient, contract: Contract
) -> None:
    expected = Halted if contract == "v2" else OutcomeUnknown
    for fault in ("halted_503", "fail_closed_503"):
        sandbox.admin.fault(fault, times=1)
        with pytest.raises(TradingError) as failed:
            gateway.submit(ORDER)
        assert type(failed.value) is expected


def test_a_gateway_that_refuses_connections_was_sent_nothing(sandbox: Sandbox, gateway: GatewayClient) -> None:
    sandbox.admin.fault("refuse_connections", service="gateway")

    with pytest.raises(Unavailable, match="nothing was sent"):
        gateway.submit(ORDER)
    with pytest.raises(Unavailable):
        gateway.positions()


# --- what only v2 has ---


v2_only = pytest.mark.parametrize("contract", ["v2"], indirect=True, scope="module")


@v2_only
def test_our_id_with_another_order_is_told_apart(gateway: GatewayClient) -> None:
    gateway.submit(ORDER)

    with pytest.raises(IdExists, match="already exists for a different order"):
        gateway.submit(ORDER.model_copy(update={"quantity": Decimal(11)}))


@v2_only
def test_an_order_without_a_price_at_the_gateway_was_not_stored(sandbox: Sandbox, gateway: GatewayClient) -> None:
    with pytest.raises(Unavailable, match="data_unavailable"):
        gateway.submit(ORDER.model_copy(update={"symbol": "NOSUCH"}))

    assert gateway.order(ORDER.client_order_id) is None


@v2_only
def test_limits_of_the_gateway_are_rejections(sandbox: Sandbox, gateway: GatewayClient) -> None:
    sandbox.admin.settings(max_position_shares=5)
    with pytest.raises(Rejected, match="Position limit exceeded: 10 > 5"):
        gateway.submit(ORDER)

    sandbox.admin.settings(max_order_shares=5)
    with pytest.raises(Rejected, match="fat-finger checks: qty"):
        gateway.submit(ORDER)


@v2_only
def test_an_open_order_is_canceled_once(sandbox: Sandbox, gateway: GatewayClient) -> None:
    sandbox.admin.settings(fill_after_seconds=60)
    gateway.submit(ORDER)

    assert gateway.cancel(ORDER.client_order_id) == "canceled"
    assert gateway.cancel(ORDER.client_order_id) == "canceled"
    with pytest.raises(NotFound):
        gateway.cancel("p-none")


@v2_only
def test_the_kill_switch_is_seen_active(gateway: GatewayClient) -> None:
    found = gateway.kill_switch()

    assert found is not None and not found.engaged


@v2_only
@pytest.mark.parametrize("change", [{"secret": None}, {"secret": "x" * 64}, {"service_id": "airflow"}])
def test_a_caller_who_cannot_prove_who_he_is_is_unauthorized(
    connect: Callable[..., Any], sandbox: Sandbox, change: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized, match="401"):
        connect(GatewayClient, **change).submit(ORDER)
    with pytest.raises(Unauthorized, match="401"):
        connect(SignalServiceClient, **change).generate(SYMBOLS, DAY, top_n=1, bottom_n=1)

    assert sandbox.admin.book()["orders"] == []


@v2_only
def test_market_data_asks_for_the_key(connect: Callable[..., Any]) -> None:
    with pytest.raises(Unauthorized, match="forbidden"):
        connect(MarketDataClient, api_secret="wrong").latest(SYMBOLS, datetime.now(UTC))


# --- prices ---


def test_latest_prices_are_fresh_and_unknown_symbols_missing(market: MarketDataClient) -> None:
    before = datetime.now(UTC)
    prices = market.latest([*SYMBOLS, "NOSUCH"], before)

    assert prices.pop("NOSUCH") == "missing"
    assert list(prices) == SYMBOLS
    for price in prices.values():
        assert isinstance(price, Price) and price.at >= before and price.price > 0


def test_a_price_from_a_clock_that_runs_ahead_is_not_used(sandbox: Sandbox, market: MarketDataClient) -> None:
    sandbox.admin.settings(clock_offset_seconds=30)

    assert market.latest(["AAPL"], datetime.now(UTC)) == {"AAPL": "in the future"}


def test_closes_of_a_session_are_the_same_each_time_and_a_weekend_has_none(market: MarketDataClient) -> None:
    now = datetime.now(UTC)
    symbols = [*SYMBOLS, *(f"GEN{number:03}" for number in range(1, 300))]

    closes = market.closes(symbols, DAY, CLOSE, now)

    assert list(closes) == symbols
    for close in closes.values():
        assert isinstance(close, Price) and close.at == CLOSE
    assert closes == market.closes(symbols, DAY, CLOSE, now)
    assert market.closes(["AAPL"], date(2025, 11, 22), CLOSE, now) == {"AAPL": "missing"}
