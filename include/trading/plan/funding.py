"""Where a plan's increases cost more than the buying power that is left: all of them become smaller by one factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from include.trading.bounds import PART
from include.trading.models import AccountFacts
from include.trading.numbers import amount, shares
from include.trading.plan.assets import in_parts
from include.trading.plan.exposure import cost_of
from include.trading.plan.judge import Key, Verdict, judge
from include.trading.plan.plan import PlanInputs, PlannedOrder, RuleCheck
from include.trading.plan.risk import BUYING_POWER


class Funded(NamedTuple):
    """The orders as they may be sent, with the verdict on each. note: by what they were scaled."""

    orders: tuple[PlannedOrder, ...]
    verdicts: Mapping[Key, Verdict]
    note: str | None = None


def less_promised(inputs: PlanInputs) -> PlanInputs:
    """Return the inputs with a buying power that other plans of the account leave, never below none."""
    money = inputs.money
    if not isinstance(money, AccountFacts) or not inputs.promised:
        return inputs
    left = min(money.buying_power, max(money.buying_power - inputs.promised, Decimal(0)))
    return inputs.model_copy(update={"money": money.model_copy(update={"buying_power": left})})


def scale(orders: Sequence[PlannedOrder], verdicts: Mapping[Key, Verdict], inputs: PlanInputs) -> Funded:
    """Shrink the increases that the rules let through, rounded down to whole shares or their parts; never a reduction.

    What a rule denied stays denied: there is no money for it either. The smaller orders are judged again, because
    whole shares leave longs and shorts a little out of balance.
    """
    money = inputs.money
    if inputs.strategy.when_short_of_money != "scale" or not isinstance(money, AccountFacts):
        return Funded(tuple(orders), verdicts)
    accepted = [order for order in orders if verdicts[order.key].reason is None]
    cost = sum(map(cost_of, accepted), Decimal(0))
    if cost <= money.buying_power or cost == 0:
        return Funded(tuple(orders), verdicts)
    factor = Fraction(max(money.buying_power, Decimal(0))) / Fraction(cost)
    why = (
        f"all increases together cost {amount(cost)} USD, and {amount(money.buying_power)} USD of buying power are left"
    )
    decided = {key: verdict for key, verdict in verdicts.items() if verdict.reason is not None}
    smaller: dict[Key, PlannedOrder] = {}
    for order in accepted:
        if order.reduces:
            continue
        step = PART if order.side == "buy" and in_parts(order.symbol, inputs) else Decimal(1)
        quantity = (Fraction(order.quantity) * factor // Fraction(step)) * step
        words = f"{shares(quantity)} of {shares(order.quantity)} shares, because {why}"
        if quantity == 0:
            decided[order.key] = _denied(verdicts[order.key], order, words, money.buying_power)
        else:
            notional = quantity * order.price
            smaller[order.key] = order.model_copy(update={"quantity": quantity, "notional": notional, "scaled": words})
    funded = tuple(smaller.get(order.key, order) for order in orders)
    again = judge([order for order in funded if order.key not in decided], inputs, decided)
    return Funded(funded, again, f"increases are scaled by {float(factor):.6f}: {why}")


def _denied(verdict: Verdict, order: PlannedOrder, words: str, power: Decimal) -> Verdict:
    check = RuleCheck(BUYING_POWER, "denied", cost_of(order), power, f"{BUYING_POWER}: {words}")
    checks = tuple(check if each.code == BUYING_POWER else each for each in verdict.rules)
    return Verdict(checks, BUYING_POWER, check.detail)
