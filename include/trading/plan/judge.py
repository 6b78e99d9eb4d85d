"""Which of the wanted orders the rules let through: reductions first, then increases by conviction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from include.trading.plan.exposure import Book, Totals
from include.trading.plan.own_rules import own_judges
from include.trading.plan.plan import PlanInputs, PlannedOrder, RuleCheck
from include.trading.plan.risk import NET_RULE, ORDER_RULES, QUIET, Situation, denies, judges
from include.trading.plan.valuation import positions, valuation

# A symbol and a leg.
Key = tuple[str, int]


class Verdict(NamedTuple):
    """reason is None when the order may be sent; detail then says what a rule warns of."""

    rules: tuple[RuleCheck, ...]
    reason: str | None = None
    detail: str | None = None


def judge(
    orders: Sequence[PlannedOrder], inputs: PlanInputs, decided: Mapping[Key, Verdict] = MappingProxyType({})
) -> dict[Key, Verdict]:
    """Return the verdict on each order, by symbol and leg. orders: in the order in which they may use up a limit.

    decided: of further orders, all denied.
    """
    book = Book(positions(inputs), valuation(inputs))
    rules = {
        reduces: judges(inputs.strategy, ORDER_RULES, reduces=reduces) + own_judges(inputs.own, reduces=reduces)
        for reduces in (True, False)
    }
    verdicts = dict(decided)
    accepted: list[PlannedOrder] = []
    for order in orders:
        if order.leg == 2 and verdicts[order.symbol, 1].reason:
            verdicts[order.symbol, 2] = Verdict((), "first_leg_denied", verdicts[order.symbol, 1].detail)
            continue
        after = book.after(order)
        situation = _situation(order, inputs, book, after=after)
        verdict = _verdict(tuple([rule(order, situation) for rule in rules[order.reduces]]))
        verdicts[order.symbol, order.leg] = verdict
        if verdict.reason is None:
            book.take(order, after)
            accepted.append(order)
    _judge_net(accepted, inputs, book, verdicts)
    return verdicts


def _judge_net(accepted: Sequence[PlannedOrder], inputs: PlanInputs, book: Book, verdicts: dict[Key, Verdict]) -> None:
    """Deny the weakest increases of the heavier side until longs less shorts fit their limit."""
    rules = {reduces: judges(inputs.strategy, (NET_RULE,), reduces=reduces)[0] for reduces in (True, False)}

    def judge_one(order: PlannedOrder) -> Verdict:
        check = rules[order.reduces](order, _situation(order, inputs, book, after=book.totals))
        checks = (*verdicts[order.symbol, order.leg].rules, check)
        verdict = verdicts[order.symbol, order.leg] = _verdict(checks)
        return verdict

    increases = {
        side: [order for order in accepted if order.side == side and not order.reduces] for side in ("buy", "sell")
    }
    settled: set[Key] = set()
    while heavier := increases["buy" if book.totals.net > 0 else "sell"]:
        weakest = heavier.pop()
        settled.add((weakest.symbol, weakest.leg))
        if judge_one(weakest).reason is None:
            break
        book.drop(weakest)
    for order in accepted:
        if (order.symbol, order.leg) not in settled:
            judge_one(order)


def _verdict(checks: tuple[RuleCheck, ...]) -> Verdict:
    said = [check for check in checks if check.outcome not in QUIET]
    if (denial := next(filter(denies, said), None)) is not None:
        return Verdict(checks, denial.code, denial.detail)
    warnings = [check.detail for check in said if check.outcome == "warned" and check.detail]
    return Verdict(checks, detail="; ".join(warnings) or None)


def _situation(order: PlannedOrder, inputs: PlanInputs, book: Book, after: Totals) -> Situation:
    return Situation(
        account_state=inputs.account_state,
        reductions_only=inputs.reductions_only,
        no_increase=inputs.no_increases.get(order.symbol),
        money=inputs.money,
        assets=inputs.assets,
        price=inputs.prices.get(order.symbol),
        previous_close=inputs.closes_in_new_shares.get(order.symbol) or inputs.previous_closes.get(order.symbol),
        before=book.totals,
        after=after,
        unvalued=book.unvalued,
        traded_today=inputs.traded_today,
        now=inputs.now,
    )
