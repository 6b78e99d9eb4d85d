"""From signals, prices and the book to a plan. The same inputs, in any order, make the same plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from include.trading.errors import InvalidData
from include.trading.models import Price
from include.trading.numbers import amount
from include.trading.plan.assets import NOT_TOLD
from include.trading.plan.changes import Change
from include.trading.plan.funding import less_promised, scale
from include.trading.plan.judge import Key, Verdict, judge
from include.trading.plan.one_run import left_out
from include.trading.plan.own_sizing import own_weights
from include.trading.plan.plan import MappingRow, Outcome, Plan, PlanInputs, PlannedOrder
from include.trading.plan.reasons import BLOCKS, PRICE_PROBLEMS, price_problem
from include.trading.plan.risk import ASSET_RULES, BUYING_POWER, rules_off
from include.trading.plan.sizing import sizing_of
from include.trading.plan.valuation import old_values
from include.trading.plan.wanted import changes_of, ranked

_NOT_JUDGED = Verdict(())


def make_plan(inputs: PlanInputs) -> Plan:
    """Decide for every symbol of the signals, of the book and of the strategy what to trade, and say why.

    Raises InvalidData for inputs that no plan may be made of: a signal twice or outside the strategy's symbols,
    a price under another symbol's name, a reason that reasons.py does not know, weights of the strategy's own sizing
    that none can be made of.
    """
    _check(inputs)
    signalled = {signal.symbol: signal.target_weight for signal in inputs.signals}
    inputs = less_promised(own_weights(inputs))
    sizing = sizing_of(inputs)
    changes = changes_of(inputs, sizing)
    wanted = ranked(changes)
    orders, verdicts, note = scale(wanted, judge(wanted, inputs), inputs)
    verdicts, left = left_out(orders, verdicts, inputs)
    by_key = {order.key: order for order in orders}
    return Plan(
        rows=tuple(row for change in changes for row in _rows(change, inputs, signalled, by_key, verdicts)),
        orders=tuple(order for order in orders if verdicts[order.key].reason is None),
        rules_off=(*rules_off(inputs.strategy), *not_told(inputs)),
        old_values=old_values(inputs),
        notes=tuple(_notes(inputs, note, left)),
    )


def _notes(inputs: PlanInputs, scaled: str | None, left: str | None) -> Iterable[str]:
    if inputs.reductions_only is not None:
        yield f"reductions only: {inputs.reductions_only}"
    if isinstance(inputs.money, str):
        yield f"the buying power is not known, so nothing is increased: {inputs.money}"
    if inputs.promised:
        yield f"other plans of the account are about to take {amount(inputs.promised)} USD of the buying power"
    if scaled is not None:
        yield scaled
    if left is not None:
        yield left
    if inputs.assets is None:
        yield f"{NOT_TOLD}: {', '.join(ASSET_RULES)} are off"
    if isinstance(inputs.assets, str):
        yield f"the venue did not say what may be traded, so nothing is increased: {inputs.assets}"


def not_told(inputs: PlanInputs) -> Iterable[str]:
    """Yield the codes of the rules that are off because the venue tells nothing that they could be judged by."""
    if inputs.money is None:
        yield BUYING_POWER
    if inputs.assets is None:
        yield from ASSET_RULES


def _rows(
    change: Change,
    inputs: PlanInputs,
    signalled: Mapping[str, Decimal],
    orders: Mapping[Key, PlannedOrder],
    verdicts: Mapping[Key, Verdict],
) -> Iterable[MappingRow]:
    signal, price = change.signal, change.price
    for leg in change.legs:
        order = orders[leg.order.key] if leg.order else None
        verdict = verdicts[order.key] if order else _NOT_JUDGED
        reason = verdict.reason or leg.reason
        yield MappingRow(
            symbol=change.symbol,
            leg=leg.number,
            predicted_return=signal.predicted_return if signal else None,
            rank=signal.rank if signal else None,
            signal_weight=signalled.get(change.symbol),
            target_weight=signal.target_weight if signal else None,
            bound=change.bound,
            target_quantity=change.target_quantity,
            held_quantity=change.held,
            open_quantity=change.open,
            delta_quantity=leg.delta_quantity,
            price=price.price if price else None,
            price_source=price.source if price else None,
            price_at=price.at if price else None,
            price_age_seconds=Decimal(str((inputs.now - price.at).total_seconds())) if price else None,
            order_side=order.side if order else None,
            order_quantity=order.quantity if order else None,
            outcome=_outcome(order, reason),
            reason=reason,
            detail=verdict.detail or leg.detail,
            rules=verdict.rules,
        )


def _outcome(order: PlannedOrder | None, reason: str | None) -> Outcome:
    if order is None:
        return "skipped" if reason else "unchanged"
    return "denied" if reason else "order"


def _check(inputs: PlanInputs) -> None:
    if tuple(rule.name for rule in inputs.own.rules) != inputs.strategy.rules:
        raise TypeError(f"strategy {inputs.strategy.id}: its own rules were not imported before the plan was made")
    symbols = Counter(signal.symbol for signal in inputs.signals)
    if twice := sorted(symbol for symbol, times in symbols.items() if times > 1):
        raise InvalidData(f"signals: expected each symbol once, found twice: {', '.join(twice)}")
    allowed = inputs.strategy.symbols
    if foreign := sorted(symbols.keys() - set(allowed)):
        raise InvalidData(f"signals: expected symbols of strategy {inputs.strategy.id}, found {', '.join(foreign)}")
    for name, prices in (
        ("prices", inputs.prices),
        ("previous_closes", inputs.previous_closes),
        ("last_prices", inputs.last_prices),
    ):
        for symbol, price in prices.items():
            if isinstance(price, Price) and price.symbol != symbol:
                raise InvalidData(f"{name}: expected a price of {symbol}, found one of {price.symbol}")
            if isinstance(price, str) and price_problem(price) not in PRICE_PROBLEMS:
                known = ", ".join(PRICE_PROBLEMS)
                raise InvalidData(f"{name}: expected for {symbol} a price or the words of {known}, found {price!r}")
    for symbol, reason in inputs.blocked.items():
        if reason not in BLOCKS:
            raise InvalidData(f"blocked: expected for {symbol} one of {', '.join(BLOCKS)}, found {reason!r}")
