"""The emulator under what is not ours: Alpaca's own Python client, and requests made from Alpaca's schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from tests.support.alpaca_schema import check_answer, spec

if TYPE_CHECKING:
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.trading.client import TradingClient

EXAMPLES_EACH = 12
ENDPOINTS = (
    "/v2/orders",
    "/v2/orders/{order_id}",
    "/v2/orders:by_client_order_id",
    "/v2/positions",
    "/v2/positions/{symbol_or_asset_id}",
    "/v2/account",
    "/v2/account/activities",
    "/v2/account/activities/{activity_type}",
    "/v2/assets",
    "/v2/assets/{symbol_or_asset_id}",
    "/v2/clock",
    "/v2/calendar",
    "/v2/stocks/bars",
    "/v2/stocks/trades/latest",
    "/v2/stocks/quotes/latest",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0, alpaca_rate_limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.admin.reset()
    return running


def validate(response: Any, *_: Any, **__: Any) -> None:
    method, path = response.request.method, response.request.path_url.partition("?")[0]
    check_answer(method, path, response.status_code, response.content)


@pytest.fixture
def trading(sandbox: Sandbox) -> Iterator[TradingClient]:
    from alpaca.trading.client import TradingClient

    client = TradingClient(*sandbox.alpaca_key, url_override=sandbox.alpaca_url)
    client._session.hooks["response"] = [validate]
    with closing(client._session):
        yield client


@pytest.fixture
def data(sandbox: Sandbox) -> Iterator[StockHistoricalDataClient]:
    from alpaca.data.historical import StockHistoricalDataClient

    client = StockHistoricalDataClient(*sandbox.alpaca_key, url_override=sandbox.alpaca_url)
    client._session.hooks["response"] = [validate]
    with closing(client._session):
        yield client


def test_alpacas_own_client_does_a_whole_day(sandbox: Sandbox, trading: TradingClient) -> None:
    from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
    from alpaca.trading.requests import GetCalendarRequest, GetOrdersRequest, LimitOrderRequest, MarketOrderRequest

    account = trading.get_account()
    assert (account.status.value, account.trading_blocked) == ("ACTIVE", False)
    assert trading.get_clock().is_open
    days = trading.get_calendar(GetCalendarRequest(start=date(2026, 11, 25), end=date(2026, 11, 28)))
    assert [(day.date, day.close.hour) for day in days] == [(date(2026, 11, 25), 16), (date(2026, 11, 27), 13)]
    assert trading.get_asset("AAPL").fractionable
    assert len(trading.get_all_assets()) > 1000

    def buy(symbol: str, qty: float, own_id: str) -> Any:
        terms = {"side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, "client_order_id": own_id}
        return trading.submit_order(MarketOrderRequest(symbol=symbol, qty=qty, **terms))

    first = buy("AAPL", 1.5, "day-1")
    buy("KO", 3, "day-2")
    far = {"side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, "client_order_id": "day-3"}
    waiting = trading.submit_order(LimitOrderRequest(symbol="MSFT", qty=1, limit_price=1.25, **far))
    assert first.status is OrderStatus.PENDING_NEW
    filled = trading.get_order_by_client_id("day-1")
    assert (filled.id, filled.status, filled.filled_qty) == (first.id, OrderStatus.FILLED, "1.5")
    assert trading.get_order_by_id(first.id).client_order_id == "day-1"

    seen: list[str] = []
    until: datetime | None = None
    while page := trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=2, until=until)):
        seen += [order.client_order_id for order in page]
        until = page[-1].submitted_at
    assert seen == ["day-3", "day-2", "day-1"]
    trading.cancel_order_by_id(waiting.id)
    assert trading.get_order_by_id(waiting.id).status is OrderStatus.CANCELED
    assert trading.cancel_orders() == []

    assert {p.symbol: p.qty for p in trading.get_all_positions()} == {"AAPL": "1.5", "KO": "3"}
    assert trading.get_open_position("KO").side.value == "long"
    assert [row["order_id"] for row in trading.get("/account/activities/FILL")][-1] == str(first.id)
    assert trading.close_position("AAPL").qty == "1.5"
    assert {closed.symbol for closed in trading.close_all_positions()} == {"KO"}
    assert trading.get_all_positions() == []
    assert sandbox.admin.book()["positions"] == {}


def test_alpacas_own_client_reads_bars_trades_and_quotes(data: StockHistoricalDataClient) -> None:
    from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockLatestTradeRequest
    from alpaca.data.timeframe import TimeFrame

    symbols = ["AAPL", "KO"]
    bars = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=symbols,
            timeframe=TimeFrame.Day,
            start=datetime(2024, 5, 1, tzinfo=UTC),
            end=datetime(2024, 5, 11, tzinfo=UTC),
        )
    )
    trades = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbols))
    quotes = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols))

    assert {symbol: len(bars[symbol]) for symbol in symbols} == {"AAPL": 8, "KO": 8}
    assert all(quotes[symbol].bid_price < trades[symbol].price < quotes[symbol].ask_price for symbol in symbols)


def test_alpacas_own_client_sends_an_order_four_times_after_504_and_the_emulator_takes_one(
    sandbox: Sandbox, trading: TradingClient
) -> None:
    from alpaca.common.exceptions import APIError
    from alpaca.trading.enums import OrderSide, TimeInForce
    from alpaca.trading.requests import MarketOrderRequest

    trading._retry_wait = 0
    trading._session.hooks["response"] = []  # the 504 is a proxy's page
    sandbox.admin.fault("error_5xx_after_accept", service="alpaca", status=504)
    terms = {"side": OrderSide.BUY, "time_in_force": TimeInForce.DAY, "client_order_id": "once"}

    with pytest.raises(APIError):
        trading.submit_order(MarketOrderRequest(symbol="AAPL", qty=1, **terms))

    book = sandbox.admin.book()
    assert (book["posts_by_id"], len(book["orders"])) == ({"once": 4}, 1)


@pytest.mark.parametrize(
    ("method", "path", "status", "content"),
    [
        ("GET", "/v2/orders", 200, b'[{"notional": null, "type": "market", "time_in_force": "day", "status": "odd"}]'),
        ("GET", "/v2/account", 200, b'{"id": "not-a-uuid", "status": "ACTIVE"}'),
        ("GET", "/v2/account", 200, b'{"status": "ACTIVE"}'),
        ("GET", "/v2/clock", 200, b'{"timestamp": "noon", "is_open": true, "next_open": "", "next_close": ""}'),
        ("GET", "/v2/stocks/quotes/latest", 200, b'{"quotes": {"KO": {"ap": "1"}}}'),
        ("POST", "/v2/orders", 403, b'{"message": "no code"}'),
        ("POST", "/v2/orders", 201, b"{}"),
        ("GET", "/v2/nothing", 200, b"{}"),
        ("DELETE", "/v2/orders/x", 204, b"{}"),
    ],
)
def test_the_check_of_answers_refuses_what_the_schema_does_not_have(
    method: str, path: str, status: int, content: bytes
) -> None:
    with pytest.raises(AssertionError):
        check_answer(method, path, status, content)


@pytest.mark.parametrize("name", ["trading-api", "market-data-api"])
def test_requests_made_from_the_schema_are_answered_as_it_says(sandbox: Sandbox, name: str) -> None:
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance

    content = spec(name)
    paths = {path: content["paths"][path] for path in ENDPOINTS if path in content["paths"]}
    operations = {path: {word: part for word, part in item.items() if word != "patch"} for path, item in paths.items()}
    schema = schemathesis.openapi.from_dict({**content, "paths": operations})
    tried = set()

    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=EXAMPLES_EACH,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def keep(case: Any) -> None:
            if isinstance(case.body, dict) and "symbol" in case.body:
                case.body["symbol"] = "KO"  # a made-up one gets no further than that there is no such asset
            response = case.call(base_url=sandbox.alpaca_url, headers=sandbox.alpaca_headers)
            refused = [part for part in response.json() if part["status"] >= 400] if response.status_code == 207 else []
            # The schema knows only the parts of an answer that succeeded.
            assert all({"code", "message"} <= part["body"].keys() for part in refused)
            checks = [not_a_server_error] if refused else [not_a_server_error, response_schema_conformance]
            case.validate_response(response, checks=checks)

        keep()
        tried.add((operation.method, operation.path))

    assert {path for _, path in tried} == set(paths)
