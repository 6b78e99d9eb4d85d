"""A plan from a file of signals, to be read by a person: nothing is written, nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from include.adapters.http.answers import parse_json
from include.adapters.signals.service import parse_signals
from include.adapters.signals.tables import table_of
from include.execution.own_parts import own_parts
from include.execution.steps.fetch_signals import signal_request
from include.execution.steps.prices import PriceSet, without_price
from include.execution.steps.snapshot import FLAT
from include.ledger.ledger import Ledger
from include.trading.bounds import usable_price
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData
from include.trading.models import Price, SignalSet
from include.trading.order.identity import SENDING_MODES
from include.trading.plan.plan import Plan, PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.ports import PriceSource
from include.trading.signals.answer import Given, answer_of
from include.trading.signals.judge import check_answer
from include.trading.signals.rows import read_rows
from include.trading.signals.table import MOST_BYTES
from include.trading.strategy.narrowing import replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.signals_dated import ByColumn, Standing
from include.trading.strategy.signals_spec import FileSignals, ServiceSignals
from include.trading.strategy.signals_table import TableSignals
from include.trading.strategy.spec import Strategy

Prices = Mapping[str, Price | str]
# For symbols, the prices to plan at and the closes before.
Pricing = Callable[[Sequence[str]], tuple[Prices, Prices]]


def read_signals(path: Path, strategy: Strategy, held: Collection[str], now: datetime) -> SignalSet:
    """Return the signals of a file of any form, checked like fresh ones.

    An answer of the Signal Service is checked as that. Any other table is of the day that it names, or of the data of
    the session to come. held: by the strategy now.
    """
    content = _read(path)
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
    try:
        found = parse_json(_read(path).decode(), parse_float=Decimal)
        prices = {
            symbol: Price(symbol=symbol, price=usable_price(Decimal(price)), at=now, source=f"file:{path.name}")
            for symbol, price in found.items()
        }
    except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
        raise InvalidData(f'{path}: expected prices like {{"AAPL": 189.5}}, found: {error}') from error

    def look_up(symbols: Sequence[str]) -> tuple[Prices, Prices]:
        wanted = {symbol: prices.get(symbol, "missing") for symbol in symbols}
        return wanted, wanted

    return look_up


def market_prices(market: PriceSource, strategy: Strategy, signals: SignalSet, now: datetime) -> Pricing:
    """Return what asks the market data: for fresh prices while the session is open, for the last closes otherwise."""
    calendar = calendar_of(strategy, now)
    as_of = calendar.session(signals.as_of_date)
    session = calendar.next(as_of.day)

    def ask(symbols: Sequence[str]) -> tuple[Prices, Prices]:
        closes = market.closes(symbols, as_of.day, as_of.close, now)
        is_open = session.open <= now < session.close
        return (market.latest(symbols, now) if is_open else closes), closes

    return ask


def held_now(ledger: Ledger | None, strategy: Strategy, account: str, now: datetime) -> set[str]:
    """Return the names that the strategy holds, or has open orders in."""
    if ledger is None or strategy.mode not in SENDING_MODES:
        return set()
    session = calendar_of(strategy, now).current(now).day
    book = ledger.movements.book(account, strategy_id=strategy.id, mode=strategy.mode, session=session)
    return {symbol for quantities in (book.held, book.working) for symbol in quantities if quantities[symbol]}


def preview(
    ledger: Ledger | None,
    strategy: Strategy,
    signals: SignalSet,
    pricing: Pricing,
    *,
    account: str,
    ids_from_content: bool,
    least_fraction_usd: Decimal | None,
    now: datetime,
) -> Plan:
    """Return the plan that these signals and prices make of the strategy's book now.

    ledger: None plans from a flat book and an active account. The gateway's positions are not asked: a symbol that
    `check` calls unexplained would get no order. Nor are the account's money and what may be traded: where capital is
    a share of the equity, the plan is made with replay_capital.
    """
    strategy = replayed(strategy, RunRequest())
    book = FLAT
    if ledger is not None and strategy.mode in SENDING_MODES:
        session = calendar_of(strategy, now).next(signals.as_of_date).day
        book = ledger.movements.book(account, strategy_id=strategy.id, mode=strategy.mode, session=session)
    elif ledger is not None and (row := ledger.accounts.get(account)) is not None:
        book = FLAT.on(row.state)
    if not strategy.symbols:
        universe = {*(signal.symbol for signal in signals.signals), *book.held, *book.working}
        strategy = strategy.model_copy(update={"symbols": tuple(sorted(universe))})
    found = PriceSet(*map(dict, pricing(sorted({*strategy.symbols, *book.held, *book.working}))))
    unpriced = without_price({*book.held, *book.working}, found)
    return make_plan(
        PlanInputs(
            strategy=strategy,
            signals=signals.signals,
            prices=found.prices,
            previous_closes=found.previous_closes,
            last_prices=ledger.orders.last_prices(account, unpriced) if ledger is not None and unpriced else {},
            held=book.held,
            open_quantity=book.working,
            blocked={
                **dict.fromkeys(book.unresolved, "unresolved_order"),
                **dict.fromkeys(book.of_others, "held_by_another_strategy"),
            },
            account_state=book.account_state or "active",
            traded_today=book.traded,
            ids_from_content=ids_from_content,
            least_fraction_usd=least_fraction_usd,
            now=now,
            own=own_parts(strategy),
        )
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidData(f"{path}: expected a file that can be read, found: {error}") from error
    if len(content) > MOST_BYTES:
        raise InvalidData(f"{path}: expected at most {MOST_BYTES:,} bytes, found more")
    return content
