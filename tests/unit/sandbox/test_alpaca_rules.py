"""What the emulator of Alpaca refuses, rule by rule: its own rules are pure, so no port is needed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from include.sandbox.alpaca.errors import Refused
from include.sandbox.alpaca.form import Form, read_form
from include.sandbox.alpaca.money import Standing, check_money, reserved, unit_cost
from include.sandbox.alpaca.rules import Asset, OpenOrder, check_form, check_shares, check_wash_trade, opens

APPLE = Asset("id", "AAPL", "Apple", "NASDAQ")
PRICE = Decimal(100)


def form(**changes: object) -> Form:
    body = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "market", "time_in_force": "day"}
    return read_form({name: value for name, value in (body | changes).items() if value is not None})


def resting(side: str, rest: str, kind: str = "limit", limit: str | None = "100", cost: str = "0") -> OpenOrder:
    return OpenOrder("o", "AAPL", side, kind, None if limit is None else Decimal(limit), Decimal(rest), Decimal(cost))


def refused(check: Callable[[], object]) -> tuple[int, int, str]:
    with pytest.raises(Refused) as refusal:
        check()
    return refusal.value.status, refusal.value.body["code"], refusal.value.body["message"]


@pytest.mark.parametrize(
    ("changes", "asset", "code", "words"),
    [
        ({"type": "limit", "limit_price": "100.001"}, {}, 42210000, "sub-penny"),
        ({"type": "limit", "limit_price": "0.12345"}, {}, 42210000, "sub-penny"),
        ({"type": "stop", "stop_price": "101.001"}, {}, 42210000, "sub-penny"),
        ({"type": "stop", "stop_price": "99"}, {}, 42210000, "greater"),
        ({"type": "stop", "stop_price": "101", "side": "sell"}, {}, 42210000, "less"),
        ({}, {"tradable": False}, 42210000, "not tradable"),
        ({}, {"active": False}, 42210000, "not tradable"),
        ({"extended_hours": True}, {}, 42210000, "extended hours"),
        ({"time_in_force": "opg", "type": "stop", "stop_price": "101"}, {}, 42210000, "opg"),
        ({"qty": "0.5"}, {"fractionable": False}, 40310000, "not fractionable"),
        ({"qty": None, "notional": "50"}, {"fractionable": False}, 40310000, "not fractionable"),
        ({"qty": "0.5", "time_in_force": "gtc"}, {}, 42210000, "DAY"),
        ({"qty": "0.5", "time_in_force": "opg"}, {}, 42210000, "DAY"),
        ({"qty": None, "notional": "50", "type": "limit", "limit_price": "100"}, {}, 42210000, "market"),
        ({"qty": "0.009999999"}, {}, 40310000, "minimal amount of order 1"),
        ({"qty": None, "notional": "0.99"}, {}, 40310000, "minimal amount of order 1"),
    ],
)
def test_an_order_that_cannot_be_of_this_asset_is_refused_with_its_cause(
    changes: dict[str, object], asset: dict[str, bool], code: int, words: str
) -> None:
    changed = Asset("id", "AAPL", "Apple", "NASDAQ", **asset)

    _, given, message = refused(lambda: check_form(form(**changes), changed, PRICE))

    assert given == code
    assert words in message


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "limit", "limit_price": "100.01"},
        {"type": "limit", "limit_price": "0.1234"},
        {"type": "stop", "stop_price": "101"},
        {"type": "stop", "stop_price": "99", "side": "sell"},
        {"qty": "0.01"},
        {"qty": None, "notional": "1"},
        {"time_in_force": "opg"},
        {"type": "limit", "limit_price": "5", "extended_hours": True},
    ],
)
def test_an_order_at_the_edge_of_a_rule_passes(changes: dict[str, object]) -> None:
    check_form(form(**changes), APPLE, PRICE)


@pytest.mark.parametrize(
    ("side", "position", "expected"),
    [("buy", 0, True), ("buy", 5, True), ("buy", -5, False), ("sell", 0, True), ("sell", -5, True), ("sell", 5, False)],
)
def test_an_order_opens_unless_the_position_is_on_the_other_side(side: str, position: int, expected: bool) -> None:
    assert opens(side, Decimal(position)) is expected


@pytest.mark.parametrize(("side", "position"), [("sell", "10"), ("buy", "-10")])
def test_a_position_is_closed_up_to_what_is_not_held_for_other_orders(side: str, position: str) -> None:
    def check(qty: str) -> None:
        order = form(side=side, qty=qty)
        check_shares(order, Decimal(qty), APPLE, Decimal(position), [resting(side, "4")], may_short=True)

    check("6")
    with pytest.raises(Refused) as refusal:
        check("6.000000001")
    body = refusal.value.body
    assert (refusal.value.status, body["code"]) == (403, 40310000)
    assert (body["existing_qty"], body["held_for_orders"], body["available"]) == ("10", "4", "6")


def test_a_short_needs_an_account_and_an_asset_that_allow_it_and_whole_shares() -> None:
    hard = Asset("id", "AAPL", "Apple", "NASDAQ", easy_to_borrow=False)
    not_shortable = Asset("id", "AAPL", "Apple", "NASDAQ", shortable=False)

    def short(asset: Asset, qty: str = "1", may_short: bool = True) -> None:
        check_shares(form(side="sell", qty=qty), Decimal(qty), asset, Decimal(0), [], may_short)

    short(APPLE)
    assert refused(lambda: short(APPLE, may_short=False)) == (403, 40310000, "account is not allowed to short")
    assert refused(lambda: short(APPLE, qty="0.5")) == (422, 42210000, "fractional orders cannot be sold short")
    assert refused(lambda: short(hard)) == refused(lambda: short(not_shortable))
    assert refused(lambda: short(hard))[:2] == (422, 42210000)


@pytest.mark.parametrize(
    ("changes", "order", "reason"),
    [
        ({}, resting("sell", "1", "market", None), "opposite side market/stop order exists"),
        ({}, resting("sell", "1", "stop", None), "opposite side market/stop order exists"),
        ({}, resting("sell", "1"), "opposite side limit order exists"),
        ({"type": "limit", "limit_price": "100"}, resting("sell", "1"), "opposite side limit order exists"),
        (
            {"type": "limit", "limit_price": "100", "side": "sell"},
            resting("buy", "1"),
            "opposite side limit order exists",
        ),
        ({"type": "limit", "limit_price": "99"}, resting("sell", "1"), None),
        ({"type": "limit", "limit_price": "101", "side": "sell"}, resting("buy", "1"), None),
        ({}, resting("buy", "1", "market", None), None),
        ({"symbol": "KO"}, resting("sell", "1", "market", None), None),
    ],
)
def test_an_order_that_could_meet_an_own_open_one_is_a_wash_trade(
    changes: dict[str, object], order: OpenOrder, reason: str | None
) -> None:
    if reason is None:
        check_wash_trade(form(**changes), [order])
        return
    with pytest.raises(Refused) as refusal:
        check_wash_trade(form(**changes), [order])
    assert refusal.value.body["reject_reason"] == reason
    assert (refusal.value.status, refusal.value.body["code"]) == (403, 40310000)


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ({}, "105"),
        ({"type": "limit", "limit_price": "90"}, "90"),
        ({"type": "stop", "stop_price": "110"}, "110"),
        ({"type": "stop_limit", "stop_price": "110", "limit_price": "111"}, "111"),
        ({"side": "sell"}, "103"),
        ({"side": "sell", "type": "limit", "limit_price": "120"}, "120"),
        ({"side": "sell", "type": "limit", "limit_price": "90"}, "103"),
    ],
)
def test_a_buy_reserves_its_limit_and_a_short_at_least_three_percent_above_the_ask(
    changes: dict[str, object], cost: str
) -> None:
    assert unit_cost(form(**changes), Decimal(100)) == Decimal(cost)


def test_buying_power_is_a_multiple_of_the_equity_less_what_is_held_and_reserved() -> None:
    orders = [resting("buy", "2", cost="100"), resting("sell", "3", cost="0")]

    worth = Standing(Decimal(5000), Decimal(1000), Decimal(-100), reserved(orders), 4)

    assert (worth.equity, worth.reserved) == (Decimal(5900), Decimal(200))
    assert worth.buying_power == 4 * Decimal(5900) - 1000 - 100 - 200
    assert Standing(Decimal(5000), Decimal(0), Decimal(0), Decimal(200), 1).buying_power == Decimal(4800)


def test_an_order_may_use_all_the_buying_power_and_no_cent_more() -> None:
    check_money(Decimal(100), Decimal(100))
    with pytest.raises(Refused) as refusal:
        check_money(Decimal("100.01"), Decimal(100))
    assert refusal.value.body == {
        "code": 40310000,
        "message": "insufficient buying power",
        "buying_power": "100",
        "cost_basis": "100.01",
    }


@pytest.mark.parametrize(("multiplier", "equity", "may"), [(4, 2000, True), (4, 1999, False), (1, 5000, False)])
def test_shorting_needs_margin_and_two_thousand_dollars(multiplier: int, equity: int, may: bool) -> None:
    assert Standing(Decimal(equity), Decimal(0), Decimal(0), Decimal(0), multiplier).may_short is may
