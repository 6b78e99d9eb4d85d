"""A chain of replays by month and by symbol: both add up to what the capital became."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from include.trading.plan.whatif import SessionPlan, SessionResult, chain
from include.trading.plan.whatif_tables import by_month, by_symbol

CAPITAL = Decimal(1000)
DAYS = (date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 2), date(2026, 2, 2))


def chained(
    targets: list[dict[str, int]], closes: list[dict[str, int]], cost_bp: Decimal = Decimal(0)
) -> list[SessionResult]:
    plans = [
        SessionPlan(session=day, targets=wanted, orders=0, denied={}, skipped={})
        for day, wanted in zip(DAYS, targets, strict=False)
    ]
    priced = {
        day: {symbol: Decimal(price) for symbol, price in prices.items()}
        for day, prices in zip(DAYS, closes, strict=False)
    }
    return chain(CAPITAL, plans, priced, cost_bp=cost_bp)


def test_a_months_return_is_of_the_equity_before_it() -> None:
    results = chained([{"AAPL": 10}] * 4, [{"AAPL": price} for price in (100, 110, 121, 242)])

    december, january, february = by_month(CAPITAL, results)

    assert (december.year, december.month, december.sessions) == (2025, 12, 2)
    assert (december.result, december.month_return, december.equity) == (100, Decimal("0.1"), 1100)
    assert (december.traded, december.trades) == (1000, 1)
    assert (january.result, january.month_return, january.trades) == (110, Decimal("0.1"), 0)
    assert (february.result, february.month_return, february.equity) == (1210, 1, 2420)


def test_a_month_after_the_equity_is_gone_has_no_return() -> None:
    results = chained([{"AAPL": 20}] * 4, [{"AAPL": price} for price in (100, 50, 40, 60)])

    assert [each.month_return for each in by_month(CAPITAL, results)] == [-1, None, None]


def test_symbols_are_listed_the_best_first_with_what_they_traded_and_still_hold() -> None:
    results = chained(
        [{"AAPL": 5, "KO": -10}, {"AAPL": 0, "KO": -10}, {"AAPL": 0, "KO": 10}],
        [{"AAPL": 100, "KO": 50, "XOM": 7}, {"AAPL": 130, "KO": 51, "XOM": 8}, {"AAPL": 1, "KO": 60, "XOM": 9}],
        cost_bp=Decimal(10),
    )

    apple, coke = by_symbol(CAPITAL, results)

    assert (apple.symbol, apple.trades, apple.sessions, apple.quantity, apple.value) == ("AAPL", 2, 1, 0, 0)
    assert (apple.traded, apple.result) == (500 + 650, 150 - Decimal(1150) / 1000)
    assert (coke.symbol, coke.trades, coke.sessions, coke.quantity, coke.value) == ("KO", 2, 3, 10, 600)
    assert (coke.traded, coke.result) == (500 + 1200, -100 - Decimal(1700) / 1000)
    assert coke.contribution == coke.result / CAPITAL


@given(
    targets=st.lists(st.dictionaries(st.sampled_from("ABC"), st.integers(-20, 20)), min_size=4, max_size=4),
    closes=st.lists(st.dictionaries(st.sampled_from("ABC"), st.integers(1, 500)), min_size=4, max_size=4),
    cost_bp=st.sampled_from([Decimal(0), Decimal("2.5")]),
)
@settings(max_examples=100, deadline=None)
def test_months_and_symbols_add_up_to_what_the_capital_became(
    targets: list[dict[str, int]], closes: list[dict[str, int]], cost_bp: Decimal
) -> None:
    results = chained(targets, closes, cost_bp)

    months, symbols = by_month(CAPITAL, results), by_symbol(CAPITAL, results)

    gained = (results[-1].equity if results else CAPITAL) - CAPITAL
    assert sum(each.result for each in months) == gained
    assert sum(each.result for each in symbols) == gained
    traded = sum(result.traded for result in results)
    assert sum(each.traded for each in months) == sum(each.traded for each in symbols) == traded
