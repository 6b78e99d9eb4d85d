"""Whatever a service answers, a client returns a checked value or raises one of our errors; nothing else gets out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.adapters.http.endpoint import Endpoint, ServiceName
from include.adapters.prices.alpaca import MarketDataClient
from include.adapters.signals.service import SignalServiceClient
from include.adapters.venues.gateway.client import GatewayClient
from include.trading.bounds import PRICE, QUANTITY
from include.trading.errors import BookMismatch, OutcomeUnknown, TradingError
from include.trading.models import OrderRequest
from include.trading.text import clean, clean_json

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
ORDER = OrderRequest(client_order_id="p-1", symbol="AAPL", side="buy", quantity=10)

FIELDS = [
    "client_order_id",
    "status",
    "symbol",
    "side",
    "qty",
    "broker_order_id",
    "filled_qty",
    "filled_avg_price",
    "metadata",
    "fills",
    "fill_id",
    "detail",
    "error",
    "message",
    "loc",
    "msg",
    "retry_after",
    "positions",
    "total_positions",
    "state",
    "signals",
    "predicted_return",
    "rank",
    "target_weight",
    "as_of_date",
    "num_signals",
    "model_version",
    "strategy",
    "generated_at",
    "details",
    "dry_run",
    "alpaca_paper",
    "alpaca_base_url",
    "service",
    "version",
    "model_loaded",
    "trades",
    "bars",
    "AAPL",
    "t",
    "p",
    "c",
    "S",
    "next_page_token",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters() | st.sampled_from("\x00\x1b\ud800"), max_size=8)
    | st.sampled_from(["p-1", "AAPL", "buy", "filled", "10", "NaN", "2026-11-20", "2026-11-20T14:29:59Z"])
    | st.sampled_from(["1e400", "1_000", "٣", "9999-12-31T23:59:59-12:00", "m" * 300, 10**30, 1e15, "0.0000004"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=20,
)
ANSWERS = st.tuples(
    st.sampled_from([200, 200, 200, 400, 403, 404, 409, 422, 429, 500, 503]),
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30),
)


def client(kind: type[Any], service: ServiceName, answer: tuple[int, bytes]) -> Any:
    status, body = answer
    endpoint = Endpoint(connection_id="c", service=service, base_url="http://service", contract="v2", account="main")
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    return kind(endpoint, correlation_id="run-1", transport=transport, retry_delays_seconds=())


CALLS: dict[str, Callable[[tuple[int, bytes]], object]] = {
    "info": lambda answer: client(GatewayClient, "execution_gateway", answer).info(),
    "order": lambda answer: client(GatewayClient, "execution_gateway", answer).order("p-1"),
    "positions": lambda answer: client(GatewayClient, "execution_gateway", answer).positions(),
    "kill_switch": lambda answer: client(GatewayClient, "execution_gateway", answer).kill_switch(),
    "cancel": lambda answer: client(GatewayClient, "execution_gateway", answer).cancel("p-1"),
    "check_ready": lambda answer: client(SignalServiceClient, "signal_service", answer).check_ready(),
    "generate": lambda answer: client(SignalServiceClient, "signal_service", answer).generate(
        ["AAPL"], date(2026, 11, 20), 1, 0
    ),
    "latest_prices": lambda answer: client(MarketDataClient, "market_data", answer).latest(["AAPL"], NOW),
    "daily_closes": lambda answer: client(MarketDataClient, "market_data", answer).closes(
        ["AAPL"], date(2026, 11, 20), NOW, NOW
    ),
}


@pytest.mark.parametrize("call", CALLS)
@settings(deadline=None)
@given(answer=ANSWERS)
def test_any_answer_is_a_value_or_one_of_our_errors(call: str, answer: tuple[int, bytes]) -> None:
    try:
        CALLS[call](answer)
    except TradingError as error:
        assert str(error)
        assert clean_json([str(error), getattr(error, "raw", "")]) == [str(error), getattr(error, "raw", "")]


GOOD = {"client_order_id": "p-1", "status": "new", "symbol": "AAPL", "side": "buy", "qty": 10}


@settings(deadline=None)
@given(changes=st.dictionaries(st.sampled_from([*GOOD, "filled_qty", "metadata"]), JSON, max_size=2))
def test_any_200_to_an_order_is_its_report_a_break_or_unknown(changes: dict[str, Any]) -> None:
    gateway = client(GatewayClient, "execution_gateway", (200, json.dumps({**GOOD, **changes}).encode()))

    try:
        report = gateway.submit(ORDER)
    except (OutcomeUnknown, BookMismatch):
        assert changes
        return

    assert (report.gateway_order_id, report.symbol, report.side, report.quantity) == ("p-1", "AAPL", "buy", 10)
    assert QUANTITY.holds(report.filled_quantity)
    for price in (report.filled_avg_price, *(fill.price for fill in report.fills)):
        assert price is None or (PRICE.rounded(price) == price > 0 and PRICE.holds(price))
    for text in (report.message, report.broker_order_id, report.status, *(fill.fill_id for fill in report.fills)):
        assert text is None or (clean(text) == text and len(text) <= 500)
    assert clean_json(report.raw) == report.raw
