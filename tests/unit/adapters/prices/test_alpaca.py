"""A symbol has a price the service gave, or the reason it has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.adapters.http.endpoint import Endpoint
from include.adapters.prices.alpaca import MOST_PAGES, MOST_REFUSALS, MarketDataClient
from include.trading.errors import BadAnswer, InvalidData, Paused, Rejected, TradingError, Unauthorized
from include.trading.models import Price
from include.trading.plan.reasons import PRICE_PROBLEMS, price_problem

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY = date(2026, 11, 19)
RECENT = "2026-11-20T14:29:59Z"
CLOSE = datetime(2026, 11, 19, 21, 0, tzinfo=UTC)


def client(handle: Callable[[httpx.Request], httpx.Response]) -> MarketDataClient:
    endpoint = Endpoint(
        connection_id="market_data",
        service="market_data",
        base_url="http://prices",
        api_key="key-id",
        api_secret="key-secret",
    )
    return MarketDataClient(endpoint, correlation_id="run-1", transport=httpx.MockTransport(handle))


def trades(rows: str) -> MarketDataClient:
    return client(lambda _: httpx.Response(200, text=f'{{"trades": {rows}}}'))


def test_a_trade_gives_its_exact_price_time_and_source() -> None:
    prices = trades('{"AAPL": {"t": "2026-11-20T14:29:59.202838951Z", "p": 171.1}}').latest(["AAPL"], NOW)

    at = datetime(2026, 11, 20, 14, 29, 59, 202838, tzinfo=UTC)
    assert prices == {"AAPL": Price(symbol="AAPL", price=Decimal("171.1"), at=at, source="alpaca:latest_trade:iex")}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "missing"),
        ("171.1", "missing"),
        ({"t": RECENT}, "not a number"),
        ({"t": RECENT, "p": "171.1"}, "not a number"),
        ({"t": RECENT, "p": True}, "not a number"),
        ({"t": RECENT, "p": float("nan")}, "not a number"),
        ({"t": RECENT, "p": float("inf")}, "not a number"),
        ({"t": RECENT, "p": 0}, "not positive"),
        ({"t": RECENT, "p": 1e-7}, "too small"),
        ({"t": RECENT, "p": 4e-320}, "not a number"),
        ({"t": RECENT, "p": 1e14}, "too large"),
        ({"t": RECENT, "p": 10**30}, "too large"),
        ({"t": RECENT, "p": 10**200}, "not a number"),
        ({"t": "0001-01-01T00:00:00+14:00", "p": 171.1}, "no time"),
        ({"t": RECENT, "p": -1.5}, "not positive"),
        ({"t": RECENT, "p": 171.1, "S": "MSFT"}, "wrong symbol"),
        ({"t": RECENT, "p": 171.1, "symbol": "MSFT"}, "wrong symbol"),
        ({"t": None, "p": 171.1}, "no time"),
        ({"t": "2026-11-20T14:29:59", "p": 171.1}, "no time"),
        ({"t": "2026-11-20T14:30:06Z", "p": 171.1}, "in the future"),
    ],
)
def test_an_unusable_trade_is_a_reason_and_hides_no_other(row: object, reason: str) -> None:
    good = {"t": "2026-11-20T14:30:05Z", "p": 171.1}

    prices = trades(json.dumps({"AAPL": row, "MSFT": good})).latest(["AAPL", "MSFT"], NOW)

    assert prices["AAPL"] == reason
    assert isinstance(prices["MSFT"], Price)


def test_symbols_without_any_trade_are_missing() -> None:
    assert trades("null").latest(["AAPL"], NOW) == {"AAPL": "missing"}


def test_many_symbols_are_asked_for_in_batches_once_each_with_the_key() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["APCA-API-KEY-ID"] == "key-id"
        assert request.headers["APCA-API-SECRET-KEY"] == "key-secret"
        assert request.url.params["feed"] == "iex"
        asked.append(request.url.params["symbols"])
        return httpx.Response(200, json={"trades": {}})

    symbols = [f"S{number}" for number in range(450)]
    prices = client(handle).latest([*symbols, "S0"], NOW)

    assert [len(batch.split(",")) for batch in asked] == [200, 200, 50]
    assert prices == dict.fromkeys(symbols, "missing")


@pytest.mark.parametrize("body", ["{}", '{"trades": []}', "<html>"])
def test_an_answer_without_trades_is_an_error_and_no_missing_price(body: str) -> None:
    with pytest.raises(BadAnswer):
        client(lambda _: httpx.Response(200, text=body)).latest(["AAPL"], NOW)


def test_a_refused_key_is_unauthorized() -> None:
    with pytest.raises(Unauthorized, match="forbidden"):
        client(lambda _: httpx.Response(403, json={"message": "forbidden."})).latest(["AAPL"], NOW)


def bar(close: float, day: str = "2026-11-19") -> dict[str, Any]:
    return {"t": f"{day}T05:00:00Z", "c": close}


def test_closes_are_collected_over_pages_and_carry_the_close_of_the_session() -> None:
    asked: list[httpx.QueryParams] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params)
        if "page_token" not in request.url.params:
            return httpx.Response(200, json={"bars": {"AAPL": [bar(180.5)]}, "next_page_token": "two"})
        return httpx.Response(200, json={"bars": {"MSFT": [bar(400)]}, "next_page_token": None})

    closes = client(handle).closes(["AAPL", "MSFT"], DAY, CLOSE, NOW)

    source = "alpaca:daily_bar:iex"
    assert closes == {
        "AAPL": Price(symbol="AAPL", price=Decimal("180.5"), at=CLOSE, source=source),
        "MSFT": Price(symbol="MSFT", price=Decimal(400), at=CLOSE, source=source),
    }
    assert [params.get("page_token") for params in asked] == [None, "two"]
    assert (asked[0]["timeframe"], asked[0]["adjustment"]) == ("1Day", "raw")
    assert (asked[0]["start"], asked[0]["end"]) == ("2026-11-19T00:00:00Z", "2026-11-19T23:59:59Z")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "missing"),
        ([bar(180.5, "2026-11-18")], "missing"),
        ([bar(180.5), bar(180.6)], "more than one bar"),
        ([bar(0)], "not positive"),
        ([{"t": "2026-11-19T05:00:00Z"}], "not a number"),
    ],
)
def test_a_day_without_one_usable_bar_has_no_close(rows: list[object], reason: str) -> None:
    found = client(lambda _: httpx.Response(200, json={"bars": {"AAPL": rows}, "next_page_token": None}))

    assert found.closes(["AAPL"], DAY, CLOSE, NOW) == {"AAPL": reason}


def test_the_bar_of_a_session_still_open_is_no_close() -> None:
    found = client(lambda _: httpx.Response(200, json={"bars": {"AAPL": [bar(1)]}, "next_page_token": None}))

    assert found.closes(["AAPL"], DAY, NOW + timedelta(hours=1), NOW) == {"AAPL": "in the future"}


@pytest.mark.parametrize("body", [{}, {"bars": []}, {"bars": {"AAPL": {}}}])
def test_an_answer_without_bars_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        client(lambda _: httpx.Response(200, json=body)).closes(["AAPL"], DAY, CLOSE, NOW)


def test_pages_without_end_are_refused() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"bars": None, "next_page_token": "again"})

    with pytest.raises(InvalidData, match="at most"):
        client(handle).closes(["AAPL"], DAY, CLOSE, NOW)

    assert len(asked) == MOST_PAGES


def dividend(symbol: str) -> dict[str, Any]:
    return {"id": symbol, "symbol": symbol, "ex_date": "2026-11-20", "rate": 0.5, "process_date": "2026-11-20"}


class Fussy:
    """A service that refuses every request with one of some symbols; keeps what it was asked for."""

    def __init__(self, *refused: str, status: int = 400) -> None:
        self.refused = set(refused)
        self.status = status
        self.asked: list[list[str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        symbols = request.url.params["symbols"].split(",")
        self.asked.append(symbols)
        if found := self.refused.intersection(symbols):
            return httpx.Response(self.status, json={"message": f"invalid symbol: {min(found)}"})
        if request.url.path.endswith("corporate-actions"):
            return httpx.Response(200, json={"corporate_actions": {"cash_dividends": [dividend(symbols[0])]}})
        if request.url.path.endswith("bars"):
            return httpx.Response(200, json={"bars": {symbol: [bar(171.1)] for symbol in symbols}})
        return httpx.Response(200, json={"trades": {symbol: {"t": RECENT, "p": 171.1} for symbol in symbols}})


SYMBOLS = [f"S{number}" for number in range(200)]


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize("refused", [["S0"], ["S57"], ["S199"], ["S3", "S4", "S198"]])
def test_a_symbol_that_the_service_refuses_has_no_price_and_takes_none_from_the_others(
    status: int, refused: list[str]
) -> None:
    fussy = Fussy(*refused, status=status)
    market = client(fussy)

    prices = market.latest(SYMBOLS, NOW)
    closes = market.closes(SYMBOLS, DAY, CLOSE, NOW)

    assert prices.keys() == closes.keys() == set(SYMBOLS)
    for found in (prices, closes):
        assert {symbol: price for symbol, price in found.items() if isinstance(price, str)} == dict.fromkeys(
            refused, "refused"
        )
    assert len(fussy.asked) < 40 * len(refused)


def test_a_symbol_that_was_refused_is_not_asked_for_again() -> None:
    fussy = Fussy("BF-B")
    market = client(fussy)
    market.latest(["AAPL", "BF-B"], NOW)
    fussy.asked.clear()

    assert market.latest(["BF-B"], NOW) == {"BF-B": "refused"}
    assert isinstance(market.latest(["BF-B", "AAPL"], NOW)["AAPL"], Price)
    assert fussy.asked == [["AAPL"]]


def test_the_only_symbol_can_be_refused() -> None:
    assert client(Fussy("BF-B")).latest(["BF-B"], NOW) == {"BF-B": "refused"}


@pytest.mark.parametrize("count", [2, 200])
def test_a_request_that_is_wrong_for_every_symbol_is_an_error_after_a_bounded_number_of_tries(count: int) -> None:
    fussy = Fussy(*SYMBOLS)

    with pytest.raises(Rejected, match="invalid symbol"):
        client(fussy).latest(SYMBOLS[:count], NOW)

    assert len(fussy.asked) <= MOST_REFUSALS + 1


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (403, Unauthorized), (429, Paused)])
def test_a_refusal_that_is_not_about_symbols_is_not_asked_again_in_parts(
    status: int, error: type[TradingError]
) -> None:
    fussy = Fussy(*SYMBOLS, status=status)

    with pytest.raises(error):
        client(fussy).latest(SYMBOLS, NOW)

    assert len(fussy.asked) == 1


@pytest.mark.parametrize("volume", [None, "1000", True, -1, 10**12, float("nan"), float("inf")])
def test_what_was_traded_is_close_times_volume_of_days_that_have_both(volume: object) -> None:
    days = ("2026-11-17T05:00:00Z", "2026-11-18T05:00:00Z", "2026-11-19T05:00:00Z")
    bars = [
        {"t": days[0], "c": 100.5, "v": 1001},
        {"t": days[1], "c": 100.5, "v": volume},
        {"t": days[2], "c": 0, "v": 1000},
    ]
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["adjustment"])
        return httpx.Response(200, text=json.dumps({"bars": {"AAPL": bars}, "next_page_token": None}))

    found = client(handle).traded_usd(["AAPL", "KO"], date(2026, 11, 17), DAY)

    # As it was traded: a product of adjusted closes would change with each dividend.
    assert (found, asked) == ({"AAPL": {date(2026, 11, 17): Decimal(100_600)}, "KO": {}}, ["raw"])


def test_every_reason_without_a_price_can_be_planned_with() -> None:
    reasons = ["missing", "not a number", "not positive", "too small", "too large", "wrong symbol", "no time"]
    assert {price_problem(reason) for reason in [*reasons, "in the future", "refused"]} <= PRICE_PROBLEMS.keys()


def test_a_symbol_of_which_no_actions_are_told_hides_those_of_no_other() -> None:
    fussy = Fussy("BF-B")

    found, refused = client(fussy).corporate_actions(["AAPL", "BF-B", "KO"], DAY, DAY)

    assert {each.symbol for each in found} == {"AAPL", "KO"}
    assert refused == {"BF-B"}


@pytest.mark.parametrize("symbols", [["BF-B"], ["BF-B", "S1"]])
def test_actions_that_are_told_of_no_symbol_are_not_known(symbols: list[str]) -> None:
    with pytest.raises(TradingError):
        client(Fussy("BF-B", "S1")).corporate_actions(symbols, DAY, DAY)
