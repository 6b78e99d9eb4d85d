"""Figures of returns, against empyrical."""

from __future__ import annotations

from datetime import date

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.results.measures import by_month, compounded, drawdowns, measures

returns = st.lists(st.floats(-0.2, 0.2).map(lambda each: round(each, 6)), min_size=2, max_size=120)


@given(returns)
def test_figures_are_those_of_empyrical(given: list[float]) -> None:
    series = np.array(given)
    found = measures(given)

    assert found.total_return == pytest.approx(empyrical.cum_returns_final(series), abs=1e-9)
    assert found.annual_return == pytest.approx(empyrical.annual_return(series), rel=1e-9, abs=1e-9)
    assert found.volatility == pytest.approx(empyrical.annual_volatility(series), abs=1e-9)
    assert found.max_drawdown == pytest.approx(empyrical.max_drawdown(series), abs=1e-9)
    if found.sharpe is not None and found.volatility is not None and found.volatility > 1e-6:
        assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(series), rel=1e-9, abs=1e-9)


def test_a_drawdown_is_measured_from_the_highest_value_before() -> None:
    assert drawdowns([0.1, -0.5, 0.2]) == pytest.approx([0, -0.5, -0.4])


def test_too_few_returns_say_nothing_of_their_spread() -> None:
    assert measures([]).annual_return is None
    assert measures([0.01]).volatility is None
    assert measures([0.01, 0.01]).sharpe is None


def test_months_compound_their_own_days() -> None:
    found = by_month([(date(2026, 1, 30), 0.1), (date(2026, 2, 2), 0.1), (date(2026, 2, 3), -0.1)])

    assert found == {(2026, 1): pytest.approx(0.1), (2026, 2): pytest.approx(compounded([0.1, -0.1]))}
