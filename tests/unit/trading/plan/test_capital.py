"""A share of the account's equity becomes the plan's capital: clamped, or reductions only, and never made up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import AccountFacts
from include.trading.plan.capital import Sized, capital_kept, money_kept, sized
from include.trading.plan.plan import Plan
from include.trading.plan.planning import make_plan
from include.trading.strategy.spec import Strategy
from tests.support.planning import inputs, prices, quantities, row, signals, strategy, traded

PRICES = prices(AAPL=100, AMZN=100, GOOGL=100, MSFT=100, TSLA=100)
WEIGHTS = signals(AAPL="0.5", AMZN="0", GOOGL="0", MSFT="0", TSLA="-0.5")


def money(equity: str | int, buying_power: str | int = 10**9) -> AccountFacts:
    return AccountFacts(equity=Decimal(equity), cash=Decimal(equity), buying_power=Decimal(buying_power))


def by_equity(share: str = "0.5", max_position_size: Any = None, **bounds: Any) -> Strategy:
    return strategy(
        capital={"equity": {"share": share, **bounds}}, max_position_size=max_position_size or {"capital": 1}
    )


def plan_of(sizing: Sized, facts: AccountFacts | str | None, **changes: Any) -> Plan:
    values = {"signals": WEIGHTS, "prices": PRICES, "money": facts, "reductions_only": sizing.reductions_only}
    return make_plan(inputs(strategy=sizing.strategy, **values | changes))


@pytest.mark.parametrize(
    ("equity", "bounds", "asked", "capital"),
    [
        ("100000", {}, {}, "50000"),
        ("100000.05", {}, {}, "50000.02"),
        ("100000", {"at_most": 50_000}, {}, "50000"),
        ("100000.02", {"at_most": 50_000}, {}, "50000"),
        ("100000", {"at_least": 50_000}, {}, "50000"),
        ("100000", {"at_most": 40_000}, {"capital": "30000"}, "30000"),
        ("100000", {"at_most": 40_000}, {"capital": "45000"}, "40000"),
        ("100000", {}, {"capital": "60000"}, "50000"),
    ],
)
def test_the_share_becomes_a_number_between_its_bounds_and_never_more_than_the_run_asked_for(
    equity: str, bounds: dict[str, Any], asked: dict[str, str], capital: str
) -> None:
    amounts = {name: Decimal(amount) for name, amount in asked.items()}

    found = sized(by_equity(**bounds), money(equity), amounts)

    assert (found.strategy.capital, found.reductions_only) == (Decimal(capital), None)
    assert found.note is not None
    assert f"equity of {equity} USD" in found.note


def test_a_number_stays_as_it_is_whatever_the_account_has() -> None:
    assert sized(strategy(), money(5), {}) == Sized(strategy())


@pytest.mark.parametrize(("asked", "most"), [(None, "5000"), ("4000", "4000"), ("6000", "5000")])
def test_a_position_is_at_most_the_strategys_share_and_what_the_run_asked_for(asked: str | None, most: str) -> None:
    amounts = {} if asked is None else {"max_position_size": Decimal(asked)}

    found = sized(by_equity(max_position_size={"capital": "0.1"}), money(100_000), amounts)

    assert found.strategy.max_position_usd == Decimal(most)


def test_less_than_at_least_plans_reductions_to_the_smaller_capital_and_nothing_else() -> None:
    sizing = sized(by_equity(at_least=20_000), money("39999.99"), {})

    plan = plan_of(sizing, money("39999.99"), held=quantities(AAPL=150, TSLA=-50))

    assert sizing.strategy.capital == Decimal("19999.99")
    assert traded(plan) == [("AAPL", 1, "sell", 51)]
    denied = row(plan, "TSLA")
    assert (denied.outcome, denied.reason) == ("denied", "account_equity")
    assert denied.detail is not None
    assert "19999.99 USD, less than at_least, 20000 USD" in denied.detail
    assert any(note.startswith("reductions only") for note in plan.notes)


def test_an_equity_that_is_not_known_closes_what_has_no_weight_or_the_other_sign_and_leaves_the_rest() -> None:
    sizing = sized(by_equity(), "Alpaca answered 503", {})

    plan = plan_of(sizing, "Alpaca answered 503", held=quantities(AAPL=150, AMZN=7, TSLA=50))

    assert sizing.strategy.capital_or_none is None
    assert sorted(traded(plan)) == [("AMZN", 1, "sell", 7), ("TSLA", 1, "sell", 50)]
    assert (row(plan, "AAPL").outcome, row(plan, "AAPL").reason) == ("skipped", "equity_unknown")
    assert any("Alpaca answered 503" in note for note in plan.notes)


@pytest.mark.parametrize("equity", ["0", "-5", "0.01"])
def test_no_equity_is_no_capital_and_closes_nothing_that_is_wanted(equity: str) -> None:
    sizing = sized(by_equity(), money(equity), {})

    plan = plan_of(sizing, money(equity), held=quantities(AAPL=150))

    assert sizing.strategy.capital_or_none is None
    assert traded(plan) == []


@pytest.mark.parametrize("facts", [None, "no answer"])
def test_closing_everything_needs_no_equity(facts: str | None) -> None:
    sizing = sized(by_equity(), facts, {})

    plan = plan_of(sizing, facts, flatten=True, signals=(), held=quantities(AAPL=150, TSLA=-50))

    assert sorted(traded(plan)) == [("AAPL", 1, "sell", 150), ("TSLA", 1, "buy", 50)]


def test_a_plan_keeps_the_number_and_the_equity_that_it_came_from() -> None:
    sizing = sized(by_equity(), money(100_000, 7), {})

    kept = money_kept(sizing, money(100_000, 7), ["scaled"])

    assert kept == {
        "money": {
            "capital": "50000.00",
            "equity": "100000",
            "cash": "100000",
            "buying_power": "7",
            "notes": ["0.5 of the account's equity of 100000 USD is 50000 USD", "scaled"],
        }
    }
    assert capital_kept(kept) == 50_000
    assert money_kept(Sized(strategy()), None, []) == {}
    assert capital_kept({}) is None


def test_an_own_book_is_the_capital_down_to_the_cent() -> None:
    own = strategy(capital={"own": {"start": 1000}})

    found = sized(own, None, {}, Decimal("1234.567"))

    assert found.strategy.capital_usd == Decimal("1234.56")
    assert found.note == "the equity of the strategy's own book is 1234.56 USD"
    assert sized(own, None, {"capital": Decimal(500)}, Decimal("1234.567")).strategy.capital_usd == 500


@pytest.mark.parametrize("equity", [None, Decimal(0), Decimal(-5)])
def test_an_own_book_without_equity_takes_reductions_only(equity: Decimal | None) -> None:
    found = sized(strategy(capital={"own": {"start": 1000}}), None, {}, equity)

    assert found.strategy.capital_or_none is None
    assert found.reductions_only is not None
