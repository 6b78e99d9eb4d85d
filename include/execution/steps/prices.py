"""Prices for a plan: fresh ones while the market is open, the as_of_date's closes otherwise; never an invented one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple, Self

import structlog

from include.execution.desk import Desk
from include.execution.steps.open_run import strategy_of
from include.trading.account.actions import Announced
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import TradingError
from include.trading.models import Price
from include.trading.ports import PriceSource
from include.trading.run.row import Run

log = structlog.get_logger(__name__)


class PriceSet(NamedTuple):
    """For each symbol a price, or why there is none."""

    prices: dict[str, Price | str]
    previous_closes: dict[str, Price | str]


class NotOpened:
    """A price source that could not be opened: every request raises the reason."""

    def __init__(self, reason: TradingError) -> None:
        self._reason = reason

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def latest(self, symbols: Iterable[str], now: datetime) -> dict[str, Price | str]:
        raise self._reason

    def closes(self, symbols: Iterable[str], day: date, close_at: datetime, now: datetime) -> dict[str, Price | str]:
        raise self._reason

    def corporate_actions(self, symbols: Iterable[str], first: date, last: date) -> Announced:
        raise self._reason


def opened(run: Run, open_prices: Callable[[], PriceSource]) -> PriceSource:
    """Return the run's price source, opened. A run that flattens goes on without one, as if it did not answer."""
    try:
        return open_prices()
    except TradingError as error:
        if not run.parameters["flatten"]:
            raise
        return NotOpened(error)


def prices_for(desk: Desk, market: PriceSource, run: Run, symbols: Iterable[str]) -> PriceSet:
    """Return the prices a run is planned at, and the closes they are held against.

    A run that only plans, outside market hours, is priced like a replay: at the as_of_date's close, and nothing later
    is looked at.
    """
    wanted = sorted(symbols)
    strategy = strategy_of(run)
    now = desk.ledger.now()
    calendar = calendar_of(strategy, now)
    session, before = calendar.session(run.session_date), calendar.previous(run.session_date)
    closed = not session.open <= now < session.close and strategy.market_hours
    if run.mode == "replay" or (run.mode == "plan" and closed):
        as_of = calendar.session(run.as_of_date)
        closes = _asked(run, wanted, lambda: market.closes(wanted, as_of.day, as_of.close, now))
        return PriceSet(closes, closes)
    closes = _asked(run, wanted, lambda: market.closes(wanted, before.day, before.close, now))
    return PriceSet(_asked(run, wanted, lambda: _fresh(desk, market, wanted)), closes)


def _asked(run: Run, symbols: Iterable[str], ask: Callable[[], dict[str, Price | str]]) -> dict[str, Price | str]:
    """Return what the market data answers. A run that closes everything goes on without it: it knows its quantities."""
    try:
        return ask()
    except TradingError as error:
        if not run.parameters["flatten"]:
            raise
        log.warning("no market data: closing goes on at the last known prices", reason=str(error))
        return dict.fromkeys(symbols, "missing")


def _fresh(desk: Desk, market: PriceSource, symbols: list[str]) -> dict[str, Price | str]:
    """Ask for the latest trades, and again for those without a usable one, until the patience of the settings ends."""
    settings = desk.settings
    started = now = desk.ledger.now()
    found = {symbol: _judged(price, now, desk) for symbol, price in market.latest(symbols, now).items()}
    while pending := [symbol for symbol in symbols if isinstance(found[symbol], str)]:
        if now - started >= timedelta(seconds=settings.price_patience_seconds):
            break
        desk.sleep(settings.price_every_seconds)
        now = desk.ledger.now()
        found |= {symbol: _judged(price, now, desk) for symbol, price in market.latest(pending, now).items()}
    return found


def _judged(price: Price | str, now: datetime, desk: Desk) -> Price | str:
    if isinstance(price, Price) and now - price.at > timedelta(seconds=desk.settings.price_max_age_seconds):
        return "stale"
    return price


def without_price(symbols: Iterable[str], prices: PriceSet) -> list[str]:
    """Return the symbols that have neither a price nor a previous close."""
    known = [{symbol for symbol, price in found.items() if isinstance(price, Price)} for found in prices]
    return sorted(set(symbols).difference(*known))
