"""The faults of the emulator of Alpaca: what its client hears, and that the broker's book knows better."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from include.sandbox.runner import Sandbox, start_sandbox

BUY = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "market", "time_in_force": "day", "client_order_id": "one"}
ORDERS, ACCEPTED, NOTHING = "/v2/orders", [("one", 10)], []
DUPLICATE = "422 client_order_id must be unique"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0, alpaca_rate_limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.admin.reset()
    return running


@pytest.fixture
def broker(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """No schema here: a fault may answer anything."""
    with httpx.Client(base_url=sandbox.alpaca_url, headers=sandbox.alpaca_headers, timeout=0.5) as client:
        yield client


def outcome(broker: httpx.Client, **changes: Any) -> str:
    """Post an order and say how that ended: `reset`, `timeout`, or status code and status or message."""
    try:
        answer = broker.post(ORDERS, json=BUY | changes)
    except httpx.ReadError:
        return "reset"
    except httpx.ReadTimeout:
        return "timeout"
    try:
        body = answer.json()
    except ValueError:
        return f"{answer.status_code} unreadable"
    return f"{answer.status_code} {body.get('status') or body.get('message')}"


def found(broker: httpx.Client, own_id: str = "one") -> dict[str, Any]:
    order: dict[str, Any] = broker.get(f"{ORDERS}:by_client_order_id", params={"client_order_id": own_id}).json()
    return order


def at_broker(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(order["client_order_id"], order["qty"]) for order in sandbox.admin.book()["orders"]]


@pytest.mark.parametrize(
    ("fault", "params", "said", "kept", "again"),
    [
        ("reset_before_body", {}, "reset", NOTHING, "200 pending_new"),
        ("reset_after_accept", {}, "reset", ACCEPTED, DUPLICATE),
        ("timeout_before_accept", {}, "timeout", NOTHING, "200 pending_new"),
        ("timeout_after_accept", {}, "timeout", ACCEPTED, DUPLICATE),
        ("slow_answer", {"seconds": 0.05}, "200 pending_new", ACCEPTED, DUPLICATE),
        ("error_5xx_after_accept", {"status": 504}, "504 unreadable", ACCEPTED, DUPLICATE),
        ("error_5xx_after_accept", {"status": 500}, "500 unreadable", ACCEPTED, DUPLICATE),
        ("plain_500", {}, "500 unreadable", NOTHING, "200 pending_new"),
        ("plain_500", {"accept": True}, "500 unreadable", ACCEPTED, DUPLICATE),
        ("down_503", {"body": {"message": "down"}}, "503 down", NOTHING, "200 pending_new"),
        ("html_200", {}, "200 unreadable", ACCEPTED, DUPLICATE),
        ("html_200", {"accept": False}, "200 unreadable", NOTHING, "200 pending_new"),
        ("half_json_200", {}, "200 unreadable", ACCEPTED, DUPLICATE),
        ("rate_limited", {}, "429 rate limit exceeded", NOTHING, "200 pending_new"),
        ("alpaca_refused_but_stored", {}, "403 insufficient buying power", ACCEPTED, DUPLICATE),
        (
            "alpaca_refused_but_stored",
            {"status": 422, "body": {"code": 40010001, "message": "no"}},
            "422 no",
            ACCEPTED,
            DUPLICATE,
        ),
        (
            "broker_rejection_422",
            {"reason": "asset AAPL is not tradable"},
            "422 asset AAPL is not tradable",
            NOTHING,
            "200 pending_new",
        ),
        ("broker_connection_500", {"live": True}, "500 ConnectionError", ACCEPTED, DUPLICATE),
        ("broker_down_503_stored", {}, "503 service unavailable", NOTHING, "200 pending_new"),
        ("rejected_but_live", {"seconds": 3600}, "200 rejected", ACCEPTED, DUPLICATE),
        ("lost_then_appears", {"seconds": 3600}, "reset", NOTHING, "200 pending_new"),
        ("not_found_for_seconds", {"seconds": 3600}, "200 pending_new", ACCEPTED, DUPLICATE),
        ("pending_new_without_broker_id", {}, "200 pending_new", NOTHING, DUPLICATE),
    ],
)
def test_an_answer_says_one_thing_and_the_book_another(
    sandbox: Sandbox,
    broker: httpx.Client,
    fault: str,
    params: dict[str, Any],
    said: str,
    kept: list[tuple[str, int]],
    again: str,
) -> None:
    sandbox.admin.fault(fault, service="alpaca", times=1, **params)

    assert outcome(broker) == said
    assert at_broker(sandbox) == kept
    assert outcome(broker) == again
    assert sandbox.admin.book()["posts_by_id"] == {"one": 2}


def test_refused_connections_reach_nobody(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("refuse_connections", service="alpaca")
    with pytest.raises(httpx.ConnectError):
        broker.post(ORDERS, json=BUY)
    sandbox.admin.clear_faults()

    assert outcome(broker) == "200 pending_new"


def test_an_order_that_was_lost_appears_later_and_fills(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("lost_then_appears", service="alpaca", times=1, seconds=100)
    outcome(broker)
    before = broker.get(f"{ORDERS}:by_client_order_id", params={"client_order_id": "one"}).status_code
    sandbox.admin.settings(clock_offset_seconds=101)

    assert before == 404
    assert (found(broker)["status"], outcome(broker)) == ("filled", DUPLICATE)


def test_an_order_is_not_found_for_a_while_and_not_listed(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("not_found_for_seconds", service="alpaca", times=1, seconds=100)
    outcome(broker)

    assert found(broker)["code"] == 40410000
    assert broker.get(ORDERS, params={"status": "all"}).json() == []
    sandbox.admin.settings(clock_offset_seconds=101)
    assert found(broker)["status"] == "filled"


def test_an_order_called_rejected_turns_out_filled(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("rejected_but_live", service="alpaca", times=1, seconds=100)
    outcome(broker)
    told = found(broker)["status"]
    sandbox.admin.settings(clock_offset_seconds=101)

    assert (told, found(broker)["status"]) == ("rejected", "filled")


def test_more_is_filled_than_was_ordered(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("overfill", service="alpaca", times=1, extra=2)
    outcome(broker)

    assert (found(broker)["qty"], found(broker)["filled_qty"]) == ("10", "12")


def test_a_fill_that_the_order_never_shows_is_in_the_positions(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.fault("fill_before_answer", service="alpaca", times=1)
    outcome(broker)

    assert (found(broker)["status"], found(broker)["filled_qty"]) == ("pending_new", "0")
    assert broker.get("/v2/positions/AAPL").json()["qty"] == "10"


@pytest.mark.parametrize(
    "word", ["done_for_day", "accepted_for_bidding", "calculated", "held", "suspended", "stopped", "pending_replace"]
)
def test_an_order_in_a_rare_state_is_open_does_not_fill_and_can_be_canceled(
    sandbox: Sandbox, broker: httpx.Client, word: str
) -> None:
    sandbox.admin.settings(fill_after_seconds=100)
    outcome(broker)
    sandbox.admin.order("one", status=word)
    sandbox.admin.settings(clock_offset_seconds=200)

    order = found(broker)

    assert (order["status"], order["filled_qty"]) == (word, "0")
    assert [listed["id"] for listed in broker.get(ORDERS).json()] == [order["id"]]
    assert broker.delete(f"{ORDERS}/{order['id']}").status_code == 204
    assert found(broker)["status"] == "canceled"


def test_an_order_in_a_rare_state_still_reserves_buying_power(sandbox: Sandbox, broker: httpx.Client) -> None:
    def power() -> float:
        return float(broker.get("/v2/account").json()["buying_power"])

    full = power()
    outcome(broker, type="limit", limit_price="10")
    sandbox.admin.order("one", status="held")
    held = power()
    sandbox.admin.order("one", status="canceled")

    assert (full - held, power()) == (100, full)


def test_a_replaced_order_names_its_successor_and_is_closed(sandbox: Sandbox, broker: httpx.Client) -> None:
    outcome(broker, type="limit", limit_price="1")
    sandbox.admin.order("one", status="replaced")

    order = found(broker)

    assert order["replaced_by"] not in (None, order["id"])
    assert broker.get(ORDERS).json() == []


def test_a_fill_arrives_after_the_cancel(sandbox: Sandbox, broker: httpx.Client) -> None:
    outcome(broker, type="limit", limit_price="1")
    broker.delete(f"{ORDERS}/{found(broker)['id']}")
    sandbox.admin.order("one", fill="2.5")

    order = found(broker)

    assert (order["status"], order["filled_qty"]) == ("canceled", "2.5")
    assert broker.get("/v2/account/activities/FILL").json()[0]["qty"] == "2.5"


def test_a_cancel_is_promised_and_not_carried_out(sandbox: Sandbox, broker: httpx.Client) -> None:
    outcome(broker, type="limit", limit_price="1")
    sandbox.admin.fault("alpaca_cancel_ignored", times=1)

    assert broker.delete(f"{ORDERS}/{found(broker)['id']}").status_code == 204
    assert found(broker)["status"] == "new"


@pytest.mark.parametrize("value", ["never_heard_of", "a\u0000b", "\ud800", 7, None])
def test_an_order_may_say_any_word(sandbox: Sandbox, broker: httpx.Client, value: Any) -> None:
    outcome(broker)
    sandbox.admin.fault("alpaca_order_says", fields={"status": value})

    assert found(broker)["status"] == value
    assert broker.get(ORDERS, params={"status": "all"}).json()[0]["status"] == value


@pytest.mark.parametrize(
    ("field", "value", "drop"), [("filled_qty", "1e15", False), ("filled_qty", None, True), ("qty", "NaN", False)]
)
def test_a_field_may_be_absurd_or_missing(
    sandbox: Sandbox, broker: httpx.Client, field: str, value: Any, drop: bool
) -> None:
    match = {"method": "GET", "path": f"{ORDERS}:by_client_order_id"}
    outcome(broker)
    sandbox.admin.fault("field_is", service="alpaca", match=match, field=field, value=value, drop=drop)

    assert found(broker).get(field, "missing") == ("missing" if drop else value)


def test_lists_lose_rows_or_have_them_twice(sandbox: Sandbox, broker: httpx.Client) -> None:
    outcome(broker)
    outcome(broker, client_order_id="two", symbol="KO")
    sandbox.admin.fault("alpaca_rows_missing", times=3, keep=1)
    short = [
        len(broker.get(path).json()) for path in (f"{ORDERS}?status=all", "/v2/positions", "/v2/account/activities")
    ]
    sandbox.admin.fault("alpaca_rows_twice", times=3)
    double = [
        len(broker.get(path).json()) for path in (f"{ORDERS}?status=all", "/v2/positions", "/v2/account/activities")
    ]

    assert (short, double) == ([1, 1, 1], [4, 4, 8])


def test_fills_are_renumbered_and_positions_multiplied(sandbox: Sandbox, broker: httpx.Client) -> None:
    outcome(broker)
    path = "/v2/account/activities/FILL"
    before = {row["id"] for row in broker.get(path).json()}
    sandbox.admin.fault("alpaca_fills_renumbered")
    sandbox.admin.fault("alpaca_positions_multiplied")

    assert before.isdisjoint(row["id"] for row in broker.get(path).json())
    assert [row["qty"] for row in broker.get("/v2/positions").json()] == ["20"]


@pytest.mark.parametrize(
    "fields",
    [
        {"trading_blocked": True},
        {"account_blocked": True},
        {"trade_suspended_by_user": True},
        {"status": "ACCOUNT_CLOSED"},
    ],
    ids=json.dumps,
)
def test_a_blocked_account_says_so_and_takes_no_order(
    sandbox: Sandbox, broker: httpx.Client, fields: dict[str, Any]
) -> None:
    sandbox.admin.settings(alpaca_account=fields)

    assert broker.get("/v2/account").json().items() >= fields.items()
    assert outcome(broker).startswith("403 ")
    assert at_broker(sandbox) == []


def test_another_account_is_behind_the_same_keys(sandbox: Sandbox, broker: httpx.Client) -> None:
    first = broker.get("/v2/account").json()["id"]
    other = "4fb2eb55-8b5d-4d86-ac4c-9d20d13d3a9b"
    sandbox.admin.settings(alpaca_account={"id": other})

    assert (first != other, broker.get("/v2/account").json()["id"]) == (True, other)


def test_an_account_that_may_not_short_is_refused_one(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.settings(alpaca_account={"shorting_enabled": False})

    assert outcome(broker, side="sell") == "403 account is not allowed to short"


def test_settings_for_an_asset_that_do_not_exist_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="an asset has no shorttable"):
        sandbox.admin.settings(alpaca_assets={"KO": {"shorttable": False}})


def test_an_asset_that_may_not_be_traded_is_refused(sandbox: Sandbox, broker: httpx.Client) -> None:
    sandbox.admin.settings(alpaca_assets={"AAPL": {"tradable": False}}, reject={"KO": "asset KO is halted"})

    assert outcome(broker) == "422 asset AAPL is not tradable"
    assert outcome(broker, symbol="KO") == "422 asset KO is halted"
    assert outcome(broker, symbol="ZZZZ") == '422 could not find asset "ZZZZ"'
