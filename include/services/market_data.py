"""Prices from Alpaca's market data API: the latest trades and a day's closes; never one it did not give.

Source: https://docs.alpaca.markets/reference (stocks/trades/latest, stocks/bars).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from include.services.answers import Answer
from include.services.http import HttpService
from include.trading.errors import InvalidData
from include.trading.models import Price

SYMBOLS_PER_REQUEST = 200
BARS_PER_PAGE = 10_000
MOST_PAGES = 50
CLOCK_TOLERANCE = timedelta(seconds=5)


class MarketDataClient(HttpService):
    """Reads prices. A symbol without a usable one gets the reason as text in its place."""

    def latest_prices(self, symbols: Iterable[str], now: datetime) -> dict[str, Price | str]:
        """Return each symbol's last trade, or why there is none to use: missing, not a number, not positive,
        wrong symbol, no time, in the future. How old a price may be is the caller's to judge, by `Price.at`.
        """
        feed = self.endpoint.feed
        found: dict[str, Price | str] = {}
        for batch in _batches(symbols):
            params = {"symbols": ",".join(batch), "feed": feed}
            answer = self._read_json("GET", "/v2/stocks/trades/latest", params=params)
            trades = _by_symbol(answer, answer.json(allow_nan=True), "trades")
            for symbol in batch:
                found[symbol] = _last_trade(symbol, trades.get(symbol), now, f"alpaca:latest_trade:{feed}")
        return found

    def daily_closes(
        self, symbols: Iterable[str], day: date, close_at: datetime, now: datetime
    ) -> dict[str, Price | str]:
        """Return each symbol's unadjusted close of the day, or why there is none to use.

        close_at: when that session closed, which is the price's time; a close still to come is "in the future".
        """
        source = f"alpaca:daily_bar:{self.endpoint.feed}"
        found: dict[str, Price | str] = {}
        for batch in _batches(symbols):
            bars = self._bars(batch, day)
            for symbol in batch:
                rows = [row for row in bars[symbol] if _day_of(row) == day]
                if len(rows) > 1:
                    found[symbol] = "more than one bar"
                elif close_at > now + CLOCK_TOLERANCE:
                    found[symbol] = "in the future"
                else:
                    found[symbol] = _price(symbol, rows[0] if rows else None, "c", close_at, source)
        return found

    def _bars(self, batch: Sequence[str], day: date) -> dict[str, list[object]]:
        bars: dict[str, list[object]] = {symbol: [] for symbol in batch}
        # A daily bar is stamped at midnight in New York: 4 or 5 o'clock UTC of its own day.
        params = {
            "symbols": ",".join(batch),
            "timeframe": "1Day",
            "start": f"{day}T00:00:00Z",
            "end": f"{day}T23:59:59Z",
            "adjustment": "raw",
            "feed": self.endpoint.feed,
            "limit": str(BARS_PER_PAGE),
        }
        for _ in range(MOST_PAGES):
            answer = self._read_json("GET", "/v2/stocks/bars", params=params)
            body = answer.json(allow_nan=True)
            for symbol, rows in _by_symbol(answer, body, "bars").items():
                if not isinstance(rows, list):
                    raise answer.bad(f"bars.{symbol}: expected a list, got {type(rows).__name__}")
                if symbol in bars:
                    bars[symbol] += rows
            token = body.get("next_page_token")
            if not token:
                return bars
            params["page_token"] = str(token)
        raise InvalidData(f"{self.endpoint.connection_id}: expected at most {MOST_PAGES} pages of bars, got more")


def _batches(symbols: Iterable[str]) -> Iterator[tuple[str, ...]]:
    wanted = tuple(dict.fromkeys(symbols))
    for start in range(0, len(wanted), SYMBOLS_PER_REQUEST):
        yield wanted[start : start + SYMBOLS_PER_REQUEST]


def _by_symbol(answer: Answer, body: dict[str, Any], name: str) -> dict[str, Any]:
    rows = body.get(name)
    if rows is None and name in body:
        return {}
    if not isinstance(rows, dict):
        raise answer.bad(f"{name}: expected an object by symbol, got {type(rows).__name__}")
    return rows


def _last_trade(symbol: str, row: object, now: datetime, source: str) -> Price | str:
    at = _time_of(row)
    if isinstance(row, dict) and at is None:
        return "no time"
    if at is not None and at > now + CLOCK_TOLERANCE:
        return "in the future"
    return _price(symbol, row, "p", at or now, source)


def _price(symbol: str, row: object, name: str, at: datetime, source: str) -> Price | str:
    if not isinstance(row, dict):
        return "missing"
    if any(row.get(key, symbol) != symbol for key in ("S", "symbol")):
        return "wrong symbol"
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "not a number"
    price = Decimal(value)
    if not price.is_finite():
        return "not a number"
    if price <= 0:
        return "not positive"
    return Price(symbol=symbol, price=price, at=at, source=source)


def _time_of(row: object) -> datetime | None:
    text = row.get("t") if isinstance(row, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _day_of(row: object) -> date | None:
    at = _time_of(row)
    return at.date() if at is not None else None
