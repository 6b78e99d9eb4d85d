"""The no-trade band: by drift from the capital or the position, for each symbol or for the book as a whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import AssetFacts
from include.trading.plan.plan import Plan
from include.trading.plan.planning import make_plan
from include.trading.plan.reasons import REASONS
from tests.support.planning import ALL_OFF, inputs, prices, quantities, row, signals, strategy, traded

PRICES = prices(AAPL=100, AMZN=100, GOOGL=100, MSFT=100, TSLA=100)
HALVES = signals(AAPL="0.5", MSFT="0.1")


def plan_of(band: Any, settings: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """A plan of targets of 500 AAPL and 100 MSFT, unless the changes name others."""
    given = {"signals": HALVES, "prices": PRICES, "strategy": strategy(no_trade_band=band, **(settings or {}))}
    return make_plan(inputs(**given | changes))


def book(drift: str, of: str = "capital") -> dict[str, str]:
    return {"drift": drift, "of": of, "scope": "book"}


@pytest.mark.parametrize(
    ("of", "held", "outcome"),
    [
        ("capital", "460", "order"),
        ("capital", "460.01", "skipped"),
        ("capital", "540", "order"),
        ("capital", "539.99", "skipped"),
        ("position", "480", "order"),
        ("position", "480.01", "skipped"),
        ("position", "520", "order"),
        ("position", "519.99", "skipped"),
        ("position", "500", "unchanged"),
    ],
)
def test_a_position_is_traded_from_the_drift_on(of: str, held: str, outcome: str) -> None:
    plan = plan_of({"drift": "0.04", "of": of}, held=quantities(AAPL=held, MSFT=100))

    assert row(plan, "AAPL").outcome == outcome


def test_a_number_and_the_drift_of_capital_it_stands_for_make_the_same_plan() -> None:
    held = quantities(AAPL=461, MSFT=60)

    assert plan_of("0.04", held=held) == plan_of({"drift": "0.04"}, held=held)


def test_a_change_inside_the_band_of_a_position_says_what_it_would_have_to_be_worth() -> None:
    plan = plan_of({"drift": "0.04", "of": "position"}, held=quantities(AAPL=481, MSFT=100))

    detail = f"{REASONS['inside_band']} (19 shares at 100 are less than 2000 USD)"
    assert (row(plan, "AAPL").reason, row(plan, "AAPL").detail) == ("inside_band", detail)
    assert plan.planned_change_symbols == 0


@pytest.mark.parametrize("scope", ["symbol", "book"])
@pytest.mark.parametrize("held", [0, -3])
def test_a_position_that_is_opened_or_turned_over_is_out_of_any_band_of_its_own(held: int, scope: str) -> None:
    band = {"drift": "0.99", "of": "position", "scope": scope}

    plan = plan_of(band, signals=signals(AAPL="0.01"), held=quantities(AAPL=held))

    assert sum(order.signed_quantity for order in plan.orders) == 10 - held


def test_open_orders_count_as_if_they_were_filled() -> None:
    plan = plan_of(book("0.04"), held=quantities(AAPL=400, MSFT=100), open_quantity=quantities(AAPL=99))

    assert plan.orders == ()


def test_the_book_stays_while_no_name_has_drifted_that_far() -> None:
    plan = plan_of(book("0.04"), held=quantities(AAPL=461, MSFT=139))

    assert plan.orders == ()
    assert [row(plan, symbol).reason for symbol in ("AAPL", "MSFT")] == ["inside_band"] * 2


@pytest.mark.parametrize("drift", [book("0.04"), book("0.4", of="position")])
def test_the_whole_book_goes_once_one_name_has_drifted_that_far(drift: dict[str, str]) -> None:
    plan = plan_of(drift, held=quantities(AAPL=499, MSFT=140))

    assert traded(plan) == [("MSFT", 1, "sell", 40), ("AAPL", 1, "buy", 1)]


def test_small_positions_are_closed_and_the_rest_of_the_book_stays() -> None:
    plan = plan_of(
        book("0.04"),
        signals=signals(AAPL="0.5", MSFT="0.1", TSLA="0"),
        held=quantities(AAPL=490, MSFT=100, TSLA=39, XOM=2),
        prices=PRICES | prices(XOM=100),
    )

    assert {(order.symbol, order.side, order.quantity) for order in plan.orders} == {
        ("TSLA", "sell", 39),
        ("XOM", "sell", 2),
    }


@pytest.mark.parametrize(("of", "closed"), [("capital", 40), ("position", 1)])
def test_a_position_to_close_counts_as_drifted_too(of: str, closed: int) -> None:
    plan = plan_of(
        book("0.04", of=of),
        signals=signals(AAPL="0.5", MSFT="0.1", TSLA="0"),
        held=quantities(AAPL=499, MSFT=100, TSLA=closed),
    )

    assert traded(plan) == [("TSLA", 1, "sell", closed), ("AAPL", 1, "buy", 1)]


NOT_LENT = {
    symbol: AssetFacts(symbol=symbol, tradable=True, shortable=symbol != "TSLA", fractionable=True)
    for symbol in ("AAPL", "AMZN", "GOOGL", "MSFT", "TSLA")
}


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({"restricted_symbols": ["TSLA"]}, {}),
        ({"not_shortable_symbols": ["TSLA"]}, {}),
        ({}, {"assets": NOT_LENT}),
        ({}, {"blocked": {"TSLA": "corporate_action"}}),
        ({}, {"prices": PRICES | {"TSLA": "stale"}, "previous_closes": PRICES}),
    ],
    ids=["restricted", "not shortable", "not lent", "blocked", "no price"],
)
def test_a_name_that_may_not_be_traded_moves_no_book(settings: dict[str, Any], changes: dict[str, Any]) -> None:
    wanted = {"signals": signals(AAPL="0.5", MSFT="0.1", TSLA="-0.3"), "held": quantities(AAPL=499, MSFT=100)}

    assert plan_of(book("0.04"), settings, **wanted, **changes).orders == ()
    assert {order.symbol for order in plan_of(book("0.04"), **wanted).orders} == {"AAPL", "TSLA"}


def test_a_name_that_the_book_leaves_no_room_for_moves_it_and_so_makes_room() -> None:
    limits = ALL_OFF | {"gross_exposure": "0.6"}

    plan = plan_of(book("0.04"), {"limits": limits}, held=quantities(AAPL=535, MSFT=60))

    assert traded(plan) == [("AAPL", 1, "sell", 35), ("MSFT", 1, "buy", 40)]


@pytest.mark.parametrize(("msft", "orders"), [(140, [("AAPL", 1, "buy", 1)]), (139, [])])
def test_a_run_of_some_symbols_trades_what_the_whole_plan_would_of_them(msft: int, orders: list[Any]) -> None:
    plan = plan_of(book("0.04"), held=quantities(AAPL=499, MSFT=msft), only_symbols=("AAPL",))

    assert traded(plan) == orders
    assert {story.symbol for story in plan.rows} == {"AAPL"}


def test_what_cannot_be_traded_of_a_share_moves_no_book() -> None:
    dear = PRICES | prices(MSFT=9_000)

    plan = plan_of(book("0.04"), prices=dear, held=quantities(AAPL=499, MSFT="1.5"))

    assert plan.orders == ()
    assert row(plan, "MSFT").reason == "under_one_share"


def test_parts_of_a_share_drift_and_go_like_whole_ones() -> None:
    settings = {"quantities": "fractional", "capital": 1_000, "max_position_size": 1_000}
    given = {"signals": signals(AAPL="0.5", MSFT="0.1"), "least_fraction_usd": Decimal(1)}

    # Targets are 5 and 1; 4 % of the position in AAPL is 0.2 of a share.
    still = plan_of(book("0.04", of="position"), settings, held=quantities(AAPL="4.800000001", MSFT="0.99"), **given)
    gone = plan_of(book("0.04", of="position"), settings, held=quantities(AAPL="4.8", MSFT="0.99"), **given)

    assert still.orders == ()
    assert traded(gone) == [("AAPL", 1, "buy", Decimal("0.2")), ("MSFT", 1, "buy", Decimal("0.01"))]


def test_closing_everything_asks_no_band() -> None:
    plan = plan_of(book("0.9"), signals=(), held=quantities(AAPL=3, MSFT=1), flatten=True)

    assert {(order.symbol, order.quantity) for order in plan.orders} == {("AAPL", 3), ("MSFT", 1)}


def test_while_the_capital_is_not_known_positions_are_closed_and_the_rest_stays() -> None:
    plan = plan_of(
        book("0.04"),
        {"capital": {"equity": {"share": "0.5"}}},
        signals=signals(AAPL="0.5", MSFT="0"),
        held=quantities(AAPL=3, MSFT=90),
        reductions_only="the equity is not known",
    )

    assert traded(plan) == [("MSFT", 1, "sell", 90)]
