"""The pre-trade rules: each a small pure function of one order, a limit and the situation, with a stable code.

Limits are inclusive. A rule that is on and cannot be evaluated denies. No limit stands in the way of a reduction: an
order that only reduces a position is denied by nothing but a person's restriction and the account's state; a price
far from the previous close is a warning there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

from include.trading.models import AccountFacts, AssetFacts, Price
from include.trading.numbers import amount, shares
from include.trading.plan.assets import Assets, is_fraction
from include.trading.plan.exposure import Totals
from include.trading.plan.plan import AccountState, PlannedOrder, RuleCheck, RuleOutcome
from include.trading.strategy.limits import OFF
from include.trading.strategy.spec import Strategy

BUYING_POWER: Final = "buying_power"
# Judged by what the venue says of the symbol.
ASSET_RULES: Final = ("not_tradable", "hard_to_borrow", "not_fractionable")


class Situation(NamedTuple):
    """What a rule may look at besides the order.

    reductions_only: why nothing may be increased, where that is so. no_increase: why the order's symbol may not be.
    money: what the venue says of the account's, why it did not answer, or None where it was not asked.
    assets: what the venue says of the symbols, why it did not answer, or None where it tells none.
    price: today's, or why there is none; an order that closes a position without one has the last known price.
    before, after: the book without and with the order; for the net rule both are the whole plan's.
    unvalued: symbols held without any price.
    traded_today: USD that the strategy traded in this session before this plan.
    now: the plan's moment; a replay's is the open of its session.
    """

    account_state: AccountState
    reductions_only: str | None
    no_increase: str | None
    money: AccountFacts | str | None
    assets: Assets
    price: Price | str | None
    previous_close: Price | str | None
    before: Totals
    after: Totals
    unvalued: tuple[str, ...]
    traded_today: Decimal
    now: datetime


Check = Callable[[PlannedOrder, Any, Situation], RuleCheck]
Judge = Callable[[PlannedOrder, Situation], RuleCheck]


Judges = Literal["every order", "increases", "increases; warns at reductions"]


@dataclass(frozen=True, slots=True)
class Rule:
    """setting: where the strategy keeps the limit, None when nothing is to be set.

    of_capital: the setting is a multiple of the strategy's capital; `check` gets the limit in USD.
    """

    code: str
    check: Check
    judges: Judges
    setting: str | None
    of_capital: bool = False


def order_notional(order: PlannedOrder, limit: Decimal, _: Situation) -> RuleCheck:
    return _at_most("order_notional", order.notional, limit, "USD")


def order_shares(order: PlannedOrder, limit: Decimal, _: Situation) -> RuleCheck:
    return _at_most("order_shares", order.quantity, limit, "shares")


def price_distance(order: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    close = situation.previous_close
    if not isinstance(situation.price, Price):
        why = (
            f"the price today is {situation.price or 'missing'}; the order closes at the market, and is valued at the "
            f"last known price, {amount(order.price)}"
        )
        return RuleCheck(code="price_distance", outcome="not_evaluable", limit=limit, detail=f"price_distance: {why}")
    if not isinstance(close, Price):
        why = f"the previous close is {close or 'missing'}"
        return RuleCheck(code="price_distance", outcome="not_evaluable", limit=limit, detail=f"price_distance: {why}")
    away = abs(order.price - close.price)
    denied = away > limit * close.price
    return RuleCheck(
        code="price_distance",
        outcome="denied" if denied else "passed",
        value=round(away / close.price, 6),
        limit=limit,
        detail=f"price_distance: {amount(order.price)} is more than {limit:%} from the previous close "
        f"{amount(close.price)}"
        if denied
        else None,
    )


def restricted_symbol(order: PlannedOrder, symbols: tuple[str, ...], _: Situation) -> RuleCheck:
    if order.symbol not in symbols:
        return _without_numbers("restricted_symbol", "passed")
    return _denied("restricted_symbol", f"{order.symbol} is restricted")


def not_shortable(order: PlannedOrder, symbols: tuple[str, ...], _: Situation) -> RuleCheck:
    if not order.opens_short or order.symbol not in symbols:
        return _without_numbers("not_shortable", "passed")
    return _denied("not_shortable", f"selling {shares(order.quantity)} {order.symbol} may leave a short")


def not_tradable(order: PlannedOrder, _: None, situation: Situation) -> RuleCheck:
    return _of_asset(
        "not_tradable", order, situation, lambda facts: facts.tradable, f"the venue does not trade {order.symbol} now"
    )


def hard_to_borrow(order: PlannedOrder, _: None, situation: Situation) -> RuleCheck:
    if not order.opens_short and situation.assets is not None:
        return _without_numbers("hard_to_borrow", "passed")
    words = f"the venue does not lend {order.symbol} now, or it is hard to borrow"
    return _of_asset("hard_to_borrow", order, situation, lambda facts: facts.shortable, words)


def not_fractionable(order: PlannedOrder, _: None, situation: Situation) -> RuleCheck:
    if not is_fraction(order.quantity) and situation.assets is not None:
        return _without_numbers("not_fractionable", "passed")
    words = f"{shares(order.quantity)} shares of {order.symbol} are not whole, and it is traded in whole shares only"
    return _of_asset("not_fractionable", order, situation, lambda facts: facts.fractionable, words)


def _of_asset(
    code: str, order: PlannedOrder, situation: Situation, allows: Callable[[AssetFacts], bool], words: str
) -> RuleCheck:
    assets = situation.assets
    if assets is None:
        return _without_numbers(code, "off")
    if isinstance(assets, str):
        return RuleCheck(code=code, outcome="not_evaluable", detail=f"{code}: the venue did not say: {assets}")
    facts = assets.get(order.symbol)
    if facts is None:
        return _denied(code, f"the venue knows no symbol {order.symbol}")
    return _without_numbers(code, "passed") if allows(facts) else _denied(code, words)


def least_notional(order: PlannedOrder, limit: Decimal, _: Situation) -> RuleCheck:
    if order.notional >= limit:
        return RuleCheck("least_notional", "passed", order.notional, limit)
    detail = f"least_notional: {amount(order.notional)} USD is below the limit of {amount(limit)} USD"
    return RuleCheck("least_notional", "denied", order.notional, limit, detail)


def account_state(order: PlannedOrder, _: None, situation: Situation) -> RuleCheck:
    state = situation.account_state
    if state == "active" or (state == "reduce_only" and order.reduces):
        return _without_numbers("account_state", "passed")
    return _denied("account_state", f"the account is {state}")


def account_equity(_: PlannedOrder, __: None, situation: Situation) -> RuleCheck:
    if situation.reductions_only is None:
        return _without_numbers("account_equity", "passed")
    return _denied("account_equity", situation.reductions_only)


def corporate_actions(_: PlannedOrder, __: None, situation: Situation) -> RuleCheck:
    if situation.no_increase is None:
        return _without_numbers("corporate_actions", "passed")
    return _denied("corporate_actions", situation.no_increase)


def buying_power(order: PlannedOrder, when_short: str, situation: Situation) -> RuleCheck:
    """Deny what no money is left for, in the order of conviction; scaling happens after the rules (funding.py)."""
    money, cost = situation.money, situation.after.cost
    if money is None:
        return _without_numbers(BUYING_POWER, "off")
    if isinstance(money, str):
        detail = f"{BUYING_POWER}: it is not known: {money}"
        return RuleCheck(code=BUYING_POWER, outcome="not_evaluable", detail=detail)
    if order.scaled is not None:
        return RuleCheck(BUYING_POWER, "warned", cost, money.buying_power, f"{BUYING_POWER}: {order.scaled}")
    if when_short == "scale":
        return RuleCheck(BUYING_POWER, "passed", limit=money.buying_power)
    return _at_most(BUYING_POWER, cost, money.buying_power, "USD")


def gross_exposure(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _exposure("gross_exposure", situation.before.gross, situation.after.gross, limit, situation)


def long_exposure(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _exposure("long_exposure", situation.before.longs, situation.after.longs, limit, situation)


def short_exposure(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _exposure("short_exposure", situation.before.shorts, situation.after.shorts, limit, situation)


def net_exposure(order: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    """Deny on the heavier side only: an order of the lighter one brings the book nearer to balance."""
    net = situation.after.net
    heavier = order.side == ("buy" if net > 0 else "sell")
    return _exposure("net_exposure", Decimal(0) if heavier else abs(net), abs(net), limit, situation)


def number_of_orders(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _at_most("number_of_orders", Decimal(situation.after.orders), limit, "orders")


def turnover_per_run(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _at_most("turnover_per_run", situation.after.traded, limit, "USD")


def turnover_per_day(_: PlannedOrder, limit: Decimal, situation: Situation) -> RuleCheck:
    return _at_most("turnover_per_day", situation.traded_today + situation.after.traded, limit, "USD")


def _exposure(code: str, before: Decimal, after: Decimal, limit: Decimal, situation: Situation) -> RuleCheck:
    if situation.unvalued:
        detail = f"{code}: no price and no previous close for {', '.join(situation.unvalued)}, which the strategy holds"
        return RuleCheck(code=code, outcome="not_evaluable", limit=limit, detail=detail)
    if after <= before:
        return RuleCheck(code, "passed", after, limit)
    return _at_most(code, after, limit, "USD")


def _at_most(code: str, value: Decimal, limit: Decimal, unit: str) -> RuleCheck:
    if value <= limit:
        return RuleCheck(code, "passed", value, limit)
    detail = f"{code}: {amount(value)} {unit} is above the limit of {amount(limit)} {unit}"
    return RuleCheck(code=code, outcome="denied", value=value, limit=limit, detail=detail)


def _denied(code: str, detail: str) -> RuleCheck:
    return RuleCheck(code=code, outcome="denied", detail=f"{code}: {detail}")


@cache
def _without_numbers(code: str, outcome: Literal["passed", "off"]) -> RuleCheck:
    return RuleCheck(code, outcome)


# The first denial, in this order, gives a denied order its reason.
ORDER_RULES: Final = (
    Rule("restricted_symbol", restricted_symbol, "every order", "restricted_symbols"),
    Rule("account_state", account_state, "every order", None),
    Rule("account_equity", account_equity, "increases", None),
    Rule("corporate_actions", corporate_actions, "increases", None),
    Rule("not_shortable", not_shortable, "increases", "not_shortable_symbols"),
    Rule("not_tradable", not_tradable, "increases; warns at reductions", None),
    Rule("hard_to_borrow", hard_to_borrow, "increases", None),
    Rule("not_fractionable", not_fractionable, "increases; warns at reductions", None),
    Rule("price_distance", price_distance, "increases; warns at reductions", "limits.price_distance"),
    Rule("order_notional", order_notional, "increases", "limits.order_notional_usd"),
    Rule("least_notional", least_notional, "increases", "limits.least_notional_usd"),
    Rule("order_shares", order_shares, "increases", "limits.order_shares"),
    Rule("gross_exposure", gross_exposure, "increases", "limits.gross_exposure", of_capital=True),
    Rule("long_exposure", long_exposure, "increases", "limits.long_exposure", of_capital=True),
    Rule("short_exposure", short_exposure, "increases", "limits.short_exposure", of_capital=True),
    Rule(BUYING_POWER, buying_power, "increases", "when_short_of_money"),
    Rule("number_of_orders", number_of_orders, "increases", "limits.number_of_orders"),
    Rule("turnover_per_run", turnover_per_run, "increases", "limits.turnover_per_run", of_capital=True),
    Rule("turnover_per_day", turnover_per_day, "increases", "limits.turnover_per_day", of_capital=True),
)
# Judged once the others are through: a long that a later short balances is no net exposure.
NET_RULE: Final = Rule("net_exposure", net_exposure, "increases", "limits.net_exposure", of_capital=True)
RULES: Final = (*ORDER_RULES, NET_RULE)


def judges(strategy: Strategy, rules: Iterable[Rule], *, reduces: bool) -> tuple[Judge, ...]:
    """Return the rules under the strategy's limits, for orders that reduce a position or for those that do not."""
    return tuple(_judge(rule, strategy, reduces=reduces) for rule in rules)


def _judge(rule: Rule, strategy: Strategy, *, reduces: bool) -> Judge:
    limit = _limit(rule, strategy)
    if limit == OFF:
        return _always(_without_numbers(rule.code, "off"))
    if rule.judges == "increases" and reduces:
        return _always(_without_numbers(rule.code, "passed"))
    if reduces and rule.judges != "every order":
        return lambda order, situation: _warning(rule.check(order, limit, situation))
    if rule.of_capital and strategy.capital_or_none is None:
        return _always(RuleCheck(rule.code, "not_evaluable", detail=f"{rule.code}: the capital is not known"))
    if rule.of_capital:
        limit *= strategy.capital_usd
    elif isinstance(limit, int):
        limit = Decimal(limit)
    return lambda order, situation: rule.check(order, limit, situation)


def _always(check: RuleCheck) -> Judge:
    return lambda order, situation: check


def _limit(rule: Rule, strategy: Strategy) -> Any:
    return attrgetter(rule.setting)(strategy) if rule.setting else None


# Outcomes of which an order's verdict says nothing.
QUIET: Final = frozenset[RuleOutcome](("passed", "off"))
_DENYING: Final = frozenset[RuleOutcome](("denied", "not_evaluable"))


def _warning(check: RuleCheck) -> RuleCheck:
    return check._replace(outcome="warned") if denies(check) else check


def denies(check: RuleCheck) -> bool:
    """Say whether this check stops its order."""
    return check.outcome in _DENYING


def rules_off(strategy: Strategy) -> tuple[str, ...]:
    """Return the codes of the rules that the strategy switched off."""
    return tuple(rule.code for rule in RULES if _limit(rule, strategy) == OFF)
