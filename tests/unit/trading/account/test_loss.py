"""When losses stop an account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from include.trading.account.loss import Losses, exceeded
from include.trading.strategy.limits import Limits

D = Decimal


def losses(*earlier: int, session: int | None = 0) -> Losses:
    return Losses([D(each) for each in earlier], None if session is None else D(session))


@pytest.mark.parametrize(("session", "stops"), [(-30, False), (-31, True), (31, False), (None, False)])
def test_a_session_may_lose_so_much_and_no_more(session: int | None, stops: bool) -> None:
    found = exceeded(Limits(daily_loss=D("0.03")), D(1000), losses(-500, session=session))

    assert (found is not None) is stops


@pytest.mark.parametrize(
    ("earlier", "session", "stops"),
    [((100, -50), -50, False), ((100, -50), -51, True), ((-101,), 0, True), ((-101, 60), 0, False), ((), None, False)],
)
def test_a_drawdown_is_counted_from_the_highest_result(earlier: tuple[int, ...], session: int, stops: bool) -> None:
    found = exceeded(Limits(drawdown=D("0.1")), D(1000), losses(*earlier, session=session))

    assert (found is not None) is stops


def test_without_limits_nothing_stops() -> None:
    assert exceeded(Limits(), D(1000), losses(-900, session=-900)) is None


def test_the_words_have_the_numbers() -> None:
    found = exceeded(Limits(daily_loss=D("0.01")), D(1000), losses(session=-20))

    assert found == "the session's loss is 20.00 USD, more than daily_loss allows (10.00 USD)"
