"""Prices from Alpaca's market data API: the latest trades, a day's closes, a history; never one it did not give.

Source: https://docs.alpaca.markets/reference (stocks/trades/latest, stocks/bars).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from include.adapters.http.answers import Answer, time_of
from include.adapters.http.client import HttpService
from include.adapters.prices.announcements import PAGE, PATH, announcements
from include.trading.account.actions import Announced, Announcement
from include.trading.bounds import PRICE, usable_price
from include.trading.errors import InvalidData, Rejected
from include.trading.models import Price

SYMBOLS_PER_REQUEST = 200
BARS_PER_PAGE = 10_000
MOST_PAGES = 50
# A history's requests are few and long: what a server takes as the first line of a request is 8 kB.
LONGEST_LIST = 6_000
# A dozen symbols of two hundred that the service refuses are found with fewer.
MOST_REFUSALS = 100
CLOCK_TOLERANCE = timedelta(seconds=5)
# Shares of one symbol in a day; more is no volume.
MOST_VOLUME = 10**12
REFUSED = "refused"
# One that the service refuses makes the whole request a 400 or a 422, or a 404.
SYMBOL_STATUS = (400, 404, 422)

Rows = Mapping[str, Any]
Told = TypeVar("Told")
Batches = Callable[[Iterable[str]], Iterator[tuple[str, ...]]]


def _batches(symbols: Iterable[str]) -> Iterator[tuple[str, ...]]:
    wanted = tuple(dict.fromkeys(symbols))
    for start in range(0, len(wanted), SYMBOLS_PER_REQUEST):
        yield wanted[start : start + SYMBOLS_PER_REQUEST]


def _long_batches(symbols: Iterable[str]) -> Iterator[tuple[str, ...]]:
    part: list[str] = []
    length = 0
    for symbol in dict.fromkeys(symbols):
        # A comma is three characters in a URL.
        if part and length + len(symbol) + 3 > LONGEST_LIST:
            yield tuple(part)
            part, length = [], 0
        part.append(symbol)
        length += len(symbol) + 3
    if part:
        yield tuple(part)


class MarketDataClient(HttpService):
    """Reads prices. A symbol without a usable one gets the reason as text in its place.

    Symbols of a request that the service refuses are asked for again in halves, and one that it refuses alone is not
    asked for again.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._refused: dict[str, set[str]] = {"trades": set(), "bars": set(), "actions": set()}

    def latest(self, symbols: Iterable[str], now: datetime) -> dict[str, Price | str]:
        """Return each symbol's last trade, or why there is none to use: missing, not a number, not positive,
        wrong symbol, no time, in the future. How old a price may be is the caller's to judge, by `Price.at`.
        """
        feed = self.endpoint.feed
        found: dict[str, Price | str] = {}
        for batch, trades in self._in_parts("trades", symbols, self._trades):
            for symbol in batch:
                found[symbol] = (
                    REFUSED
                    if trades is None
                    else _last_trade(symbol, trades.get(symbol), now, f"alpaca:latest_trade:{feed}")
                )
        return found

    def closes(self, symbols: Iterable[str], day: date, close_at: datetime, now: datetime) -> dict[str, Price | str]:
        """Return each symbol's unadjusted close of the day, or why there is none to use.

        close_at: when that session closed, which is the price's time; a close still to come is "in the future".
        """
        source = f"alpaca:daily_bar:{self.endpoint.feed}"
        found: dict[str, Price | str] = {}
        for batch, bars in self._in_parts("bars", symbols, lambda part: self._bars(part, day)):
            for symbol in batch:
                rows = [] if bars is None else bars[symbol]
                if bars is None:
                    found[symbol] = REFUSED
                elif len(rows) > 1:
                    found[symbol] = "more than one bar"
                elif close_at > now + CLOCK_TOLERANCE:
                    found[symbol] = "in the future"
                else:
                    found[symbol] = _price(symbol, rows[0] if rows else None, "c", close_at, source)
        return found

    def corporate_actions(self, symbols: Iterable[str], first: date, last: date) -> Announced:
        """Return what companies announced for these days; raises where the whole is not known."""
        found: list[Announcement] = []
        refused: list[str] = []
        asked = tuple(dict.fromkeys(symbols))
        for batch, told in self._in_parts("actions", asked, lambda part: self._announced(part, first, last)):
            if told is None:
                refused += batch
            else:
                found += told
        if asked and len(refused) == len(asked):
            raise InvalidData(f"{self.endpoint.connection_id}: no corporate actions are told of {', '.join(asked)}")
        return Announced(found, frozenset(refused))

    def _announced(self, batch: Sequence[str], first: date, last: date) -> list[Announcement]:
        found: list[Announcement] = []
        params = {"symbols": ",".join(batch), "start": str(first), "end": str(last), "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            answer = self._read_json("GET", PATH, params=params)
            body = answer.json(allow_nan=True)
            lists = body.get("corporate_actions")
            try:
                found += announcements(lists if lists is not None else {})
            except (ValueError, AttributeError) as error:
                raise answer.bad(f"corporate_actions: {error}") from error
            token = body.get("next_page_token")
            if not token:
                return found
            params["page_token"] = str(token)
        raise InvalidData(f"{self.endpoint.connection_id}: expected at most {MOST_PAGES} pages of actions")

    @property
    def history_of(self) -> str:
        return f"alpaca:adjusted:{self.endpoint.feed} {self.endpoint.base_url}"

    def adjusted_closes(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        """Return the closes from first to last, adjusted for splits and dividends; none that is no usable price."""
        return self._by_day(symbols, lambda part: self._history(part, first, last))

    @property
    def volumes_of(self) -> str:
        return f"alpaca:traded_usd:{self.endpoint.feed} {self.endpoint.base_url}"

    def traded_usd(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        """Return each day's close × volume in whole USD; a day without a usable price or volume is left out.

        On the feed `iex` that is only what was traded on that exchange, a few per cent of the market's volume.
        """
        return self._by_day(symbols, lambda part: self._traded(part, first, last))

    def _by_day(self, symbols: Iterable[str], ask: Callable[[Sequence[str]], Rows]) -> dict[str, dict[date, Decimal]]:
        found: dict[str, dict[date, Decimal]] = {}
        for batch, rows in self._in_parts("bars", symbols, ask, _long_batches):
            if rows is not None:
                found |= {symbol: rows[symbol] for symbol in batch}
        return found

    def _history(self, batch: Sequence[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        found: dict[str, dict[date, Decimal]] = {symbol: {} for symbol in batch}
        for symbol, day, close, _ in self._usable_bars(batch, first, last, "all"):
            found[symbol][day] = close
        return found

    def _traded(self, batch: Sequence[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        found: dict[str, dict[date, Decimal]] = {symbol: {} for symbol in batch}
        # As it was traded: a split changes closes and volumes, and not their product.
        for symbol, day, close, row in self._usable_bars(batch, first, last, "raw"):
            volume = _number(row.get("v"))
            if volume is not None and 0 <= volume < MOST_VOLUME:
                found[symbol][day] = (close * volume).quantize(Decimal(1))
        return found

    def _usable_bars(
        self, batch: Sequence[str], first: date, last: date, adjustment: str
    ) -> Iterator[tuple[str, date, Decimal, Rows]]:
        """Yield symbol, day, close and the whole bar, of bars with a usable close from first to last."""
        at = datetime.combine(last, time(), UTC)
        for symbol, row in self._bars_of(batch, first, last, adjustment):
            day, close = _day_of(row), _price(symbol, row, "c", at, "")
            if day is not None and first <= day <= last and isinstance(close, Price) and isinstance(row, dict):
                yield symbol, day, close.price, row

    def _in_parts(
        self,
        kind: str,
        symbols: Iterable[str],
        ask: Callable[[Sequence[str]], Told],
        batches: Batches = _batches,
    ) -> Iterator[tuple[Sequence[str], Told | None]]:
        """Yield each part of the symbols with what was answered for it, None for those that the service refuses.

        Raises the refusal when it cannot be about a symbol: several are asked for, and each of them is refused.
        """
        refused = self._refused[kind]
        wanted = tuple(dict.fromkeys(symbols))
        parts = list(batches([symbol for symbol in wanted if symbol not in refused]))
        refusals, answered = 0, not parts or any(symbol in refused for symbol in wanted)
        while parts:
            part = parts.pop(0)
            try:
                rows = ask(part)
            except Rejected as error:
                refusals += 1
                if error.status not in SYMBOL_STATUS or refusals > MOST_REFUSALS:
                    raise
                middle = len(part) // 2
                if middle:
                    parts[:0] = [part[:middle], part[middle:]]
                    continue
                refused.update(part)
                if not parts and not answered and len(wanted) > 1:
                    raise
            else:
                answered = True
                yield part, rows
        yield tuple(symbol for symbol in wanted if symbol in refused), None

    def _trades(self, batch: Sequence[str]) -> Rows:
        params = {"symbols": ",".join(batch), "feed": self.endpoint.feed}
        answer = self._read_json("GET", "/v2/stocks/trades/latest", params=params)
        return _by_symbol(answer, answer.json(allow_nan=True), "trades")

    def _bars(self, batch: Sequence[str], day: date) -> dict[str, list[object]]:
        """Return each symbol's bars of the day, two at most: more than one is too many."""
        bars: dict[str, list[object]] = {symbol: [] for symbol in batch}
        for symbol, row in self._bars_of(batch, day, day, "raw"):
            if _day_of(row) == day and len(bars[symbol]) < 2:
                bars[symbol].append(row)
        return bars

    def _bars_of(self, batch: Sequence[str], first: date, last: date, adjustment: str) -> Iterator[tuple[str, object]]:
        """Yield every daily bar that is answered for the symbols, page by page."""
        # A daily bar is stamped at midnight in New York: 4 or 5 o'clock UTC of its own day.
        params = {
            "symbols": ",".join(batch),
            "timeframe": "1Day",
            "start": f"{first}T00:00:00Z",
            "end": f"{last}T23:59:59Z",
            "adjustment": adjustment,
            "feed": self.endpoint.feed,
            "limit": str(BARS_PER_PAGE),
        }
        wanted = frozenset(batch)
        pages = MOST_PAGES + len(batch) * ((last - first).days + 1) // BARS_PER_PAGE
        for _ in range(pages):
            answer = self._read_json("GET", "/v2/stocks/bars", params=params)
            body = answer.json(allow_nan=True)
            for symbol, rows in _by_symbol(answer, body, "bars").items():
                if not isinstance(rows, list):
                    raise answer.bad(f"bars.{symbol}: expected a list, got {type(rows).__name__}")
                if symbol in wanted:
                    yield from ((symbol, row) for row in rows)
            token = body.get("next_page_token")
            if not token:
                return
            params["page_token"] = str(token)
        raise InvalidData(f"{self.endpoint.connection_id}: expected at most {pages} pages of bars, got more")


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
    number = _number(row.get(name))
    if number is None:
        return "not a number"
    if number <= 0:
        return "not positive"
    price = usable_price(number)
    if price is None:
        return "too small" if PRICE.holds(number) else "too large"
    return Price(symbol=symbol, price=price, at=at, source=source)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None


def _time_of(row: object) -> datetime | None:
    return time_of(row.get("t")) if isinstance(row, dict) else None


def _day_of(row: object) -> date | None:
    at = _time_of(row)
    return at.date() if at is not None else None
