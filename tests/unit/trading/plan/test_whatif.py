"""The chain of a backfill: what each session's plan would have made of the book, filled at the session's close."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.plan.plan import Outcome
from include.trading.plan.whatif import Decision, SessionPlan, SessionResult, chain, session_plan

MONDAY, TUESDAY, WEDNESDAY = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
CAPITAL = Decimal(1000)


def decision(
    symbol: str, quantity: int = 0, *, weight: str | None = "0.5", outcome: Outcome | None = None, reason: Any = None
) -> Decision:
    return Decision(
        symbol=symbol,
        rank=None if weight is None else 1,
        target_weight=None if weight is None else Decimal(weight),
        order_side=None if quantity == 0 else "buy" if quantity > 0 else "sell",
        order_quantity=abs(quantity) or None,
        outcome=outcome or ("order" if quantity else "unchanged"),
        reason=reason,
    )


def plan(*decisions: Decision, day: date = MONDAY, keep: bool = False, flatten: bool = False) -> SessionPlan:
    return session_plan(day, decisions, absent_signal="keep" if keep else "close", flatten=flatten)


def holding(day: date, **targets: int) -> SessionPlan:
    return SessionPlan(session=day, targets=targets, orders=len(targets), denied={}, skipped={})


def prices(**amounts: str | int) -> dict[str, Decimal]:
    return {symbol: Decimal(amount) for symbol, amount in amounts.items()}


def test_orders_are_signed_targets() -> None:
    assert plan(decision("AAPL", 5), decision("KO", -7)).targets == {"AAPL": 5, "KO": -7}


@pytest.mark.parametrize("reason", ["inside_band", "under_one_share"])
def test_what_a_flat_book_would_not_buy_is_held_no_longer(reason: str) -> None:
    found = plan(decision("AAPL", 5), decision("KO", outcome="skipped", reason=reason))

    assert found.targets == {"AAPL": 5, "KO": 0}
    assert found.skipped == {reason: 1}


def test_a_denied_order_leaves_what_is_held() -> None:
    found = plan(decision("AAPL", 5), decision("KO", -7, outcome="denied", reason="not_shortable"))

    assert found.targets == {"AAPL": 5}
    assert (found.orders, found.denied) == (1, {"not_shortable": 1})


def test_a_symbol_without_a_price_leaves_what_is_held() -> None:
    assert plan(decision("AAPL", 5), decision("KO", outcome="skipped", reason="price_missing")).targets == {"AAPL": 5}


@pytest.mark.parametrize("reason", ["signal_missing_flat", "no_history_flat"])
def test_a_symbol_of_which_nothing_was_decided_leaves_what_is_held(reason: str) -> None:
    assert plan(decision("AAPL", 5), decision("KO", outcome="skipped", reason=reason)).targets == {"AAPL": 5}


@pytest.mark.parametrize(("keep", "targets"), [(True, {"AAPL": 5}), (False, {"AAPL": 5, "KO": 0})])
def test_a_symbol_without_a_signal_is_closed_or_kept_as_the_strategy_says(keep: bool, targets: dict[str, int]) -> None:
    assert plan(decision("AAPL", 5), decision("KO", weight=None), keep=keep).targets == targets


def test_a_day_without_a_tradable_signal_leaves_the_book() -> None:
    assert plan(decision("AAPL", weight="0"), decision("KO", weight=None)).targets == {}


def test_a_day_that_flattens_closes_everything() -> None:
    assert plan(decision("AAPL", weight=None), flatten=True, keep=True).targets == {"AAPL": 0}


def test_a_plan_is_filled_at_its_own_sessions_close_and_earns_from_then_on() -> None:
    plans = [holding(MONDAY, AAPL=5, KO=-10), holding(TUESDAY, AAPL=5, KO=-10)]
    closes = {MONDAY: prices(AAPL=100, KO=50), TUESDAY: prices(AAPL=110, KO=51)}

    first, second = chain(CAPITAL, plans, closes)

    assert (first.equity, first.daily_return, first.traded, first.trades) == (1000, 0, 1000, 2)
    assert (first.turnover, first.gross, first.net) == (1, 1, 0)
    # +5 x 10 on the long, -10 x 1 on the short
    assert second.equity == 1040
    assert second.daily_return == second.total_return == Decimal("0.04")
    assert (second.traded, second.turnover, second.trades) == (0, 0, 0)
    assert second.gross == Decimal(5 * 110 + 10 * 51) / 1040
    assert second.net == Decimal(5 * 110 - 10 * 51) / 1040


def test_costs_are_taken_from_what_is_traded() -> None:
    plans = [holding(MONDAY, AAPL=5, KO=-10)]

    (first,) = chain(CAPITAL, plans, {MONDAY: prices(AAPL=100, KO=50)}, cost_bp=Decimal("2.5"))

    assert first.equity == 1000 - Decimal(1000) * Decimal("2.5") / 10_000


def test_only_the_change_is_traded_and_a_flip_is_one_trade() -> None:
    plans = [holding(MONDAY, AAPL=5), holding(TUESDAY, AAPL=-3)]
    closes = {MONDAY: prices(AAPL=100), TUESDAY: prices(AAPL=100)}

    _, second = chain(CAPITAL, plans, closes)

    assert (second.traded, second.trades) == (800, 1)


def test_a_returns_base_is_the_equity_before_and_a_totals_the_capital() -> None:
    plans = [holding(day, AAPL=10) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    closes = {MONDAY: prices(AAPL=100), TUESDAY: prices(AAPL=110), WEDNESDAY: prices(AAPL=121)}

    results = chain(CAPITAL, plans, closes)

    assert [result.daily_return for result in results] == [0, Decimal("0.1"), Decimal("0.1")]
    assert [result.total_return for result in results] == [0, Decimal("0.1"), Decimal("0.21")]


def test_a_session_without_closes_is_not_filled_and_the_next_goes_on_from_the_book_before() -> None:
    plans = [holding(MONDAY, AAPL=5), holding(TUESDAY, AAPL=0), holding(WEDNESDAY, AAPL=5)]
    closes = {MONDAY: prices(AAPL=100), WEDNESDAY: prices(AAPL=104)}

    results = chain(CAPITAL, plans, closes)

    assert [(result.session, result.equity, result.trades) for result in results] == [
        (MONDAY, 1000, 1),
        (WEDNESDAY, 1020, 0),
    ]


def test_a_symbol_without_a_close_is_not_traded_and_keeps_its_last_value() -> None:
    plans = [holding(MONDAY, AAPL=5, KO=2), holding(TUESDAY, AAPL=0, KO=0)]
    closes = {MONDAY: prices(AAPL=100, KO=50), TUESDAY: prices(KO=60)}

    _, second = chain(CAPITAL, plans, closes)

    assert (second.equity, second.trades, second.gross) == (1020, 1, Decimal(500) / 1020)


def test_ratios_to_an_equity_that_is_gone_are_none() -> None:
    plans = [holding(MONDAY, AAPL=-10), holding(TUESDAY, AAPL=-10), holding(WEDNESDAY, AAPL=-10)]
    closes = {MONDAY: prices(AAPL=100), TUESDAY: prices(AAPL=200), WEDNESDAY: prices(AAPL=300)}

    _, second, third = chain(CAPITAL, plans, closes)

    assert (second.equity, second.turnover, second.gross, second.daily_return) == (0, None, None, -1)
    assert (third.equity, third.daily_return, third.total_return) == (-1000, None, -2)


DAYS = tuple(MONDAY + timedelta(days=day) for day in range(4))


@given(
    targets=st.lists(st.tuples(*[st.integers(-20, 20)] * 2), min_size=4, max_size=4),
    closes=st.lists(st.tuples(*[st.integers(1, 500)] * 2), min_size=4, max_size=4),
    order=st.permutations(range(4)),
)
def test_equity_is_capital_plus_what_each_held_share_gained_and_no_order_of_plans_matters(
    targets: list[tuple[int, int]], closes: list[tuple[int, int]], order: list[int]
) -> None:
    plans = [holding(day, AAPL=a, KO=b) for day, (a, b) in zip(DAYS, targets, strict=True)]
    priced = {day: prices(AAPL=a, KO=b) for day, (a, b) in zip(DAYS, closes, strict=True)}

    results = chain(CAPITAL, [plans[place] for place in order], priced)

    gained = 0
    expected = [CAPITAL]
    for day in range(1, 4):
        gained += sum(targets[day - 1][n] * (closes[day][n] - closes[day - 1][n]) for n in range(2))
        expected.append(CAPITAL + gained)
    assert [result.equity for result in results] == expected
    assert all(isinstance(result, SessionResult) for result in results)
