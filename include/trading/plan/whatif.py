"""What a chain of replayed sessions would have made: each session's plan filled whole at that session's own close.

A plan of session D is sized at the close of its as_of_date, which is the session before; the next close after that is
D's own. Orders filled there, the book after D is what D's plan, which began flat, would hold. A symbol whose order was
denied, whose price, signal or history was missing, or whose holding the strategy keeps has no target: it stays as it
was. Capital is the strategy's on every day, as in trading: gains are not put to work. Nothing costs anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from pydantic import Field

from include.trading.models import Side, Symbol, Value
from include.trading.plan.plan import Outcome
from include.trading.plan.reasons import PRICE_PROBLEMS
from include.trading.strategy.spec import AbsentSignal

_ZERO = Decimal(0)


class Decision(Value):
    """What a replay decided on one symbol, from a flat book."""

    symbol: Symbol
    rank: int | None = Field(description="None when the symbol had no signal")
    target_weight: Decimal | None
    order_side: Side | None
    order_quantity: Decimal | None
    outcome: Outcome
    reason: str | None


class SessionPlan(Value):
    """One session's plan. targets: signed shares to hold after it; a symbol that is not named stays as it was."""

    session: date
    targets: dict[Symbol, Decimal]
    orders: int
    denied: dict[str, int] = Field(description="denied orders by the rule's code")
    skipped: dict[str, int] = Field(description="skipped symbols by reason")


class SymbolDay(Value):
    """One symbol's part of a session, at its close. USD."""

    quantity: Decimal = Field(description="signed shares held after it")
    value: Decimal
    result: Decimal = Field(description="what the shares held before gained, less the costs of the trade")
    traded: Decimal


class SessionResult(Value):
    """The chained book after one session, valued at its close. Ratios are None where equity is not positive."""

    session: date
    equity: Decimal = Field(description="USD")
    daily_return: Decimal | None = Field(description="fraction of the equity after the session before")
    total_return: Decimal = Field(description="fraction of the capital")
    traded: Decimal = Field(description="USD, buys and sells added")
    turnover: Decimal | None = Field(description="traded / equity")
    gross: Decimal | None = Field(description="(longs + shorts) / equity")
    net: Decimal | None = Field(description="(longs - shorts) / equity")
    trades: int = Field(description="symbols whose holding changed")
    orders: int = Field(description="orders of the plan itself, which began flat")
    denied: dict[str, int]
    skipped: dict[str, int]
    symbols: dict[Symbol, SymbolDay] = Field(exclude=True, description="those held before or after it")


def session_plan(
    session: date, decisions: Iterable[Decision], *, absent_signal: AbsentSignal, flatten: bool
) -> SessionPlan:
    """Return what a replay's decisions mean for a book that need not be flat."""
    decisions = list(decisions)
    tradable = flatten or any(decision.target_weight for decision in decisions)
    keeps_absent = absent_signal == "keep" and not flatten
    targets = {
        decision.symbol: _quantity(decision)
        for decision in decisions
        if tradable
        and decision.outcome != "denied"
        and decision.reason not in PRICE_PROBLEMS
        # From a flat book: with a holding these would be UNDECIDED.
        and decision.reason not in ("signal_missing_flat", "no_history_flat")
        and not (keeps_absent and decision.rank is None)
    }
    return SessionPlan(
        session=session,
        targets=targets,
        orders=sum(decision.outcome == "order" for decision in decisions),
        denied=_reasons(decisions, "denied"),
        skipped=_reasons(decisions, "skipped"),
    )


def chain(
    capital: Decimal,
    plans: Sequence[SessionPlan],
    closes: Mapping[date, Mapping[Symbol, Decimal]],
    *,
    cost_bp: Decimal = _ZERO,
) -> list[SessionResult]:
    """Return the book after each session, oldest first.

    cost_bp: what trading costs, in hundredths of a per cent of what is traded: half the spread, and fees.
    closes: USD a share by session. A plan whose session has none is not filled and has no result; a symbol without
    a close in a session is not traded then, and valued at its last one.
    """
    results: list[SessionResult] = []
    cash, equity = capital, capital
    held: dict[Symbol, Decimal] = {}
    values: dict[Symbol, Decimal] = {}
    for plan in sorted(plans, key=lambda plan: plan.session):
        prices = closes.get(plan.session)
        if not prices:
            continue
        previous = dict(values)
        values |= prices
        changes = {
            symbol: target - held.get(symbol, _ZERO)
            for symbol, target in plan.targets.items()
            if symbol in prices and target != held.get(symbol, _ZERO)
        }
        traded = sum((abs(change) * prices[symbol] for symbol, change in changes.items()), _ZERO)
        cash -= sum((change * prices[symbol] for symbol, change in changes.items()), _ZERO)
        cash -= traded * cost_bp / 10_000
        symbols = {
            symbol: _symbol_day(
                held.get(symbol, _ZERO),
                changes.get(symbol, _ZERO),
                previous.get(symbol, values[symbol]),
                values[symbol],
                cost_bp,
            )
            for symbol in {symbol for symbol, quantity in held.items() if quantity} | changes.keys()
        }
        for symbol, change in changes.items():
            held[symbol] = held.get(symbol, _ZERO) + change
        worth = [quantity * values[symbol] for symbol, quantity in held.items()]
        before, equity = equity, cash + sum(worth, _ZERO)
        results.append(
            SessionResult(
                session=plan.session,
                equity=equity,
                daily_return=_ratio(equity - before, before),
                total_return=(equity - capital) / capital,
                traded=traded,
                turnover=_ratio(traded, equity),
                gross=_ratio(sum((abs(value) for value in worth), _ZERO), equity),
                net=_ratio(sum(worth, _ZERO), equity),
                trades=len(changes),
                orders=plan.orders,
                denied=plan.denied,
                skipped=plan.skipped,
                symbols=symbols,
            )
        )
    return results


def _symbol_day(before: Decimal, change: Decimal, last_price: Decimal, price: Decimal, cost_bp: Decimal) -> SymbolDay:
    traded = abs(change) * price
    return SymbolDay(
        quantity=before + change,
        value=(before + change) * price,
        result=before * (price - last_price) - traded * cost_bp / 10_000,
        traded=traded,
    )


def _quantity(decision: Decision) -> Decimal:
    if decision.outcome != "order" or decision.order_quantity is None:
        return _ZERO
    return decision.order_quantity if decision.order_side == "buy" else -decision.order_quantity


def _reasons(decisions: Iterable[Decision], outcome: Outcome) -> dict[str, int]:
    found = Counter(str(decision.reason) for decision in decisions if decision.outcome == outcome)
    return dict(sorted(found.items()))


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole > 0 else None
