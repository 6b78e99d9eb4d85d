"""Signals of any form and prices from files that a person names, for `ops plan`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any

from include.adapters.http.answers import parse_json
from include.adapters.signals.service import parse_signals
from include.adapters.signals.tables import table_of
from include.execution.steps.fetch_signals import signal_request
from include.trading.bounds import usable_price
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData
from include.trading.models import Price, SignalSet
from include.trading.signals.answer import Given, answer_of
from include.trading.signals.judge import check_answer
from include.trading.signals.rows import read_rows
from include.trading.signals.table import MOST_BYTES
from include.trading.strategy.signals_dated import ByColumn, Standing
from include.trading.strategy.signals_spec import FileSignals, ServiceSignals
from include.trading.strategy.signals_table import TableSignals
from include.trading.strategy.spec import Strategy
from include.trading.strategy.values import check_symbols
from include.trading.validation import shown

Prices = Mapping[str, Price | str]
# For symbols, the prices to plan at and the closes before.
Pricing = Callable[[Sequence[str]], tuple[Prices, Prices]]


def read_signals(path: Path, strategy: Strategy, held: Collection[str], now: datetime) -> SignalSet:
    """Return the signals of a file of any form, checked like fresh ones.

    An answer of the Signal Service is checked as that. Any other table is of the day that it names, or of the data of
    the session to come. held: by the strategy now.
    """
    content = read_whole(path)
    service = strategy.signals if isinstance(strategy.signals, ServiceSignals) else None
    try:
        if service is not None and (body := _answer_of_a_service(content)) is not None:
            found = _from_service(content, body, strategy, service)
        else:
            found = _from_table(path, content, strategy, held, now)
        check_answer(found, strategy, signal_request(strategy, found.as_of_date, found.as_of_date))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidData(f"{path}: expected signals for strategy {strategy.id}, found: {error}") from error
    return found


def _answer_of_a_service(content: bytes) -> Any:
    """Return the object of an answer of the Signal Service, None where the content is none."""
    try:
        body = parse_json(content.decode(), parse_float=Decimal)
    except ValueError:
        return None
    return body if isinstance(body, dict) and {"signals", "metadata"} <= body.keys() else None


def _from_service(content: bytes, body: Any, strategy: Strategy, asked: ServiceSignals) -> SignalSet:
    day = datetime.fromisoformat(body["metadata"]["as_of_date"]).date()
    return parse_signals(body, parse_json(content.decode()), strategy.symbols, day, asked.top_n, asked.bottom_n)


def _from_table(path: Path, content: bytes, strategy: Strategy, held: Collection[str], now: datetime) -> SignalSet:
    calendar, asked = calendar_of(strategy, now), strategy.signals
    table = table_of(content)
    rows = read_rows(table)
    days = {row.day for row in rows.rows if row.day is not None}
    day = max(days) if days else calendar.previous(calendar.current(now).day).day
    if days and isinstance(asked, TableSignals) and asked.dates_are == "session":
        day = calendar.previous(day).day
    terms = {name: getattr(asked, name) for name in ("dates_are", "complete", "max_vanished") if hasattr(asked, name)}
    # The Signal Service always has them, and a file of symbols and numbers has weights then.
    longs, shorts = (None, None) if rows.bare and not isinstance(asked, TableSignals) else asked.most_names
    spec = FileSignals(
        # The Signal Service's answers are never complete.
        **{"path": str(path.absolute()), "complete": False, **terms},
        dated=ByColumn() if days else Standing(),
        top_n=longs,
        bottom_n=shorts,
    )
    given = Given(table, str(path), sha256(content).hexdigest())
    return answer_of(given, spec, signal_request(strategy, day, calendar.next(day).day, held=held), now)


def file_prices(path: Path, now: datetime) -> Pricing:
    """Return what reads a JSON file with a price in USD a share for each symbol; it is the previous close too."""
    like = f'{path}: expected prices like {{"AAPL": 189.5}}'
    try:
        found = parse_json(read_whole(path).decode(), parse_float=str, parse_int=str, parse_constant=str)
    except ValueError as error:
        raise InvalidData(f"{like}, found no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidData(f"{like}, found {shown(found)}")
    try:
        check_symbols(list(found))
    except ValueError as error:
        raise InvalidData(f"{path}: expected {error}") from error
    prices = {
        symbol: Price(symbol=symbol, price=_price(path, symbol, value), at=now, source=f"file:{path.name}")
        for symbol, value in found.items()
    }

    def look_up(symbols: Sequence[str]) -> tuple[Prices, Prices]:
        wanted = {symbol: prices.get(symbol, "missing") for symbol in symbols}
        return wanted, wanted

    return look_up


def _price(path: Path, symbol: str, value: Any) -> Decimal:
    """Return a price that the file has as text or, with its digits untouched, as a number."""
    try:
        price = usable_price(Decimal(value)) if isinstance(value, str) else None
    except InvalidOperation:
        price = None
    if price is None:
        raise InvalidData(
            f"{path}: expected for {symbol} a price in USD a share, above 0 and below 10^14, found {shown(value)}"
        )
    return price


def read_whole(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidData(f"{path}: expected a file that can be read, found: {error}") from error
    if len(content) > MOST_BYTES:
        raise InvalidData(f"{path}: expected at most {MOST_BYTES:,} bytes, found more")
    return content
