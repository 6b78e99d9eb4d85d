"""A plan from a file of signals, to be read by a person: nothing is written, nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from include.execution.own_parts import own_parts
from include.execution.steps.history import history, traded_usd, without_shadows
from include.execution.steps.prices import PriceSet, without_price
from include.execution.steps.snapshot import FLAT
from include.execution.whatif.files import Prices, Pricing
from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import calendar_of
from include.trading.models import SignalSet
from include.trading.order.identity import SENDING_MODES
from include.trading.plan.plan import Plan, PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.ports import PriceSource
from include.trading.strategy.narrowing import replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy


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
    market: PriceSource | None,
    account: str,
    ids_from_content: bool,
    least_fraction_usd: Decimal | None,
    now: datetime,
) -> Plan:
    """Return the plan that these signals and prices make of the strategy's book now.

    market: what past closes are asked of, where the sizing looks at some; nothing of them is kept. Shadows get none.
    ledger: None plans from a flat book and an active account. The gateway's positions are not asked: a symbol that
    `check` calls unexplained would get no order. Nor are the account's money and what may be traded: where capital is
    a share of the equity, the plan is made with replay_capital.
    """
    strategy = without_shadows(replayed(strategy, RunRequest()))
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
            history=history(None, market, strategy, signals.signals, signals.as_of_date, now),
            traded_usd=traded_usd(None, market, strategy, signals.signals, signals.as_of_date, now),
            own=own_parts(strategy),
        )
    )
