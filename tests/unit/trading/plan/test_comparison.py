"""Shadows beside the planned sizing: each chained by the same rule, from the same closes."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import pytest

from include.trading.plan.comparison import ModelResult, PlannedSession, ShadowSession, compare, shadow_plan
from include.trading.plan.whatif import SessionPlan

MONDAY, TUESDAY, WEDNESDAY = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
CAPITAL = Decimal(1000)
CLOSES = {
    MONDAY: {"AAPL": Decimal(100), "KO": Decimal(50)},
    TUESDAY: {"AAPL": Decimal(110), "KO": Decimal(50)},
    WEDNESDAY: {"AAPL": Decimal(99), "KO": Decimal(55)},
}


def session(day: date, shadow: dict[str, int] | None, **targets: int) -> PlannedSession:
    """A session whose plan and whose one shadow hold so many shares of AAPL and KO."""
    return PlannedSession(
        plan=SessionPlan(session=day, targets=targets, orders=len(targets), denied={}, skipped={}),
        signalled=frozenset({"AAPL", "KO"}),
        shadows=(ShadowSession(model="risk_parity", targets=shadow),),
    )


def both(*sessions: PlannedSession, cost_bp: str = "0") -> tuple[ModelResult, ModelResult]:
    planned, shadow = compare("equal_weight", CAPITAL, sessions, CLOSES, cost_bp=Decimal(cost_bp))
    return planned, shadow


def test_each_model_has_the_result_of_its_own_targets() -> None:
    days = [session(day, {"AAPL": 0, "KO": 10}, AAPL=5, KO=0) for day in CLOSES]

    planned, shadow = both(*days)

    assert (planned.model, planned.planned, shadow.model, shadow.planned) == (
        "equal_weight",
        True,
        "risk_parity",
        False,
    )
    assert planned.equity == (1000, 1050, 995)
    assert shadow.equity == (1000, 1000, 1050)
    assert (planned.traded, shadow.traded) == (500, 500)
    assert (planned.total_return, shadow.total_return) == (Decimal("-0.005"), Decimal("0.05"))
    assert (planned.max_drawdown, shadow.max_drawdown) == (pytest.approx(995 / 1050 - 1), 0)


def test_turnover_and_exposure_are_means_of_the_sessions_and_volatility_that_of_a_year() -> None:
    days = [session(day, {"AAPL": 0, "KO": -10}, AAPL=5) for day in CLOSES]

    _, shadow = both(*days)

    assert shadow.turnover == pytest.approx((500 / 1000 + 0 + 0) / 3)
    assert shadow.gross == pytest.approx((500 / 1000 + 500 / 1000 + 550 / 950) / 3)
    assert shadow.net == pytest.approx(-shadow.gross)
    # Daily returns of 0, 0 and -0.05.
    assert shadow.volatility == pytest.approx(0.05 / math.sqrt(3) * math.sqrt(252))


def test_costs_are_those_of_each_models_own_trades() -> None:
    planned, shadow = both(session(MONDAY, {"AAPL": 10}, AAPL=5), cost_bp="10")

    assert (planned.equity, shadow.equity) == ((Decimal("999.5"),), (Decimal(999),))


def test_a_shadow_that_found_no_weights_keeps_its_book_and_has_a_session_less() -> None:
    planned, shadow = both(session(MONDAY, {"KO": 10}, AAPL=5), session(TUESDAY, None, AAPL=5, KO=0))

    assert (planned.sized, shadow.sized) == (2, 1)
    assert shadow.traded == 500


def test_a_name_that_a_shadow_could_not_size_stays_in_its_book() -> None:
    days = session(MONDAY, {"AAPL": 2, "KO": 4}, AAPL=5), session(TUESDAY, {"AAPL": 2}, AAPL=5, KO=0)

    assert shadow_plan("risk_parity", days[1]).targets == {"AAPL": 2}
    assert both(*days)[1].traded == 400


def test_what_has_no_signal_is_closed_by_a_shadow_as_by_the_plan() -> None:
    found = shadow_plan("risk_parity", session(MONDAY, {"AAPL": 2, "KO": 1}, AAPL=5, XOM=0))

    assert found.targets == {"AAPL": 2, "KO": 1, "XOM": 0}


def test_a_session_without_closes_counts_for_no_model() -> None:
    days = session(MONDAY, {"KO": 10}, AAPL=5), session(date(2026, 1, 8), {"KO": 0}, AAPL=0)

    assert [(each.sized, len(each.equity)) for each in both(*days)] == [(1, 1), (1, 1)]


def test_without_shadows_there_is_nothing_to_compare() -> None:
    alone = session(MONDAY, {"AAPL": 1}, AAPL=5).model_copy(update={"shadows": ()})

    assert compare("target_weight", CAPITAL, [alone], CLOSES) == ()
