"""A plan from a saved signal answer, to be read by a person: nothing is written, nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from include.adapters.http.answers import parse_json
from include.adapters.signals.service import parse_signals
from include.execution.own_parts import own_parts
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
from include.trading.strategy.narrowing import replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.signals_spec import ServiceSignals
from include.trading.strategy.spec import Strategy

Prices = Mapping[str, Price | str]
# For symbols, the prices to plan at and the closes before.
Pricing = Callable[[Sequence[str]], tuple[Prices, Prices]]


def read_signals(path: Path, strategy: Strategy) -> SignalSet:
    """Return the signals of a file with an answer of the Signal Service, checked like a fresh one."""
    asked = strategy.signals
    if not isinstance(asked, ServiceSignals):
        raise InvalidData(
            f"strategy {strategy.id}: expected signals of the Signal Service, whose answers can be read from a file, "
            f"found {asked.word}"
        )
    text = _read(path)
    try:
        body = parse_json(text, parse_float=Decimal)
        as_of_date = datetime.fromisoformat(body["metadata"]["as_of_date"]).date()
        return parse_signals(body, parse_json(text), strategy.symbols, as_of_date, asked.top_n, asked.bottom_n)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidData(
            f"{path}: expected a Signal Service's answer for strategy {strategy.id}, found: {error}"
        ) from error


def file_prices(path: Path, now: datetime) -> Pricing:
    """Return what reads a JSON file with a price in USD a share for each symbol; it is the previous close too."""
    try:
        found = parse_json(_read(path), parse_float=Decimal)
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path}: expected a readable text file, found: {error}") from error
