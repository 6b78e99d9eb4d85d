"""The sandbox does exactly the wrong that is asked for: each fault is what its name says, and the book knows better."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from include.sandbox.faults import TABLE
from tests.support.sandbox_client import FILL_AFTER, ORDERS, Client

ORDER_FAULTS: list[tuple[str, dict[str, Any], str, str, int]] = [
    ("reset_before_body", {}, "reset", "200 pending_new", 1),
    ("reset_after_accept", {}, "reset", "200 pending_new", 1),
    ("timeout_before_accept", {}, "timeout", "200 pending_new", 1),
    ("timeout_after_accept", {}, "timeout", "200 pending_new", 1),
    ("slow_answer", {"seconds": 0.05}, "200 pending_new", "200 pending_new", 1),
    ("html_200", {}, "200 unreadable", "200 pending_new", 1),
    ("half_json_200", {}, "200 unreadable", "200 pending_new", 1),
    ("plain_500", {}, "500 unreadable", "200 pending_new", 1),
    ("error_5xx_after_accept", {}, "502 unreadable", "200 pending_new", 1),
    ("rate_limited", {}, "429 rate_limited", "200 pending_new", 1),
    ("down_503", {}, "503 Position lookup unavailable: database connection failed", "200 pending_new", 1),
    ("halted_503", {}, "503 Kill-switch engaged - new orders blocked", "200 pending_new", 1),
    ("broker_validation_400", {}, "400 Order validation failed: asset is not tradable", "200 rejected", 0),
    ("broker_rejection_422", {}, "422 Order rejected by broker: insufficient buying power", "200 rejected", 0),
    ("broker_down_503_stored", {}, "503 Broker connection error: service unavailable", "200 failed", 0),
    (
        "broker_connection_500",
        {},
        "500 Unexpected error during order submission: ConnectionError",
        "200 pending_new",
        0,
    ),
    (
        "unique_422_after_timeout",
        {},
        "timeout",
        "422 Order rejected by broker: client_order_id must be unique",
        1,
    ),
    ("unique_422", {}, "422 Order rejected by broker: client_order_id must be unique", "200 pending_new", 1),
    ("broker_timeout_422", {}, "422 Order rejected by broker: client_order_id must be unique", "200 rejected", 1),
    ("refused_but_stored", {}, "503 Kill-switch engaged - new orders blocked", "200 pending_new", 1),
    ("refused_but_stored", {"way": "breaker"}, "503 Circuit breaker tripped - trading paused", "200 pending_new", 1),
    ("refused_but_stored", {"way": "auth"}, "503 service_unavailable", "200 pending_new", 1),
    ("refused_but_stored", {"way": "rate_limited"}, "429 rate_limited", "200 pending_new", 1),
    ("refused_but_stored", {"way": "page"}, "403 unreadable", "200 pending_new", 1),
    (
        "refused_but_stored",
        {"way": "data_unavailable"},
        "400 Order rejected by fat-finger checks: data_unavailable",
        "200 pending_new",
        1,
    ),
    ("fill_before_answer", {}, "200 pending_new", "200 pending_new", 1),
    ("rejected_but_live", {"seconds": 60}, "200 rejected", "200 rejected", 1),
    ("pending_new_without_broker_id", {}, "200 pending_new", "200 pending_new", 0),
    ("not_found_for_seconds", {"reset": True}, "reset", "200 pending_new", 1),
    ("lost_then_appears", {"seconds": 60}, "reset", "200 pending_new", 1),
    ("overfill", {}, "200 pending_new", "200 pending_new", 1),
]


@pytest.mark.parametrize(("fault", "params", "first", "retry", "orders"), ORDER_FAULTS, ids=lambda value: str(value))
def test_a_fault_of_a_post_does_what_it_says(
    v2: Client, fault: str, params: dict[str, Any], first: str, retry: str, orders: int
) -> None:
    v2.admin.fault(fault, times=1, match={"symbol": "AAPL"}, **params)

    assert [v2.outcome(), v2.outcome()] == [first, retry]
    assert len(v2.admin.book()["orders"]) == orders
    assert v2.admin.book()["posts_by_id"] == {"buy-aapl": 2}


@pytest.mark.parametrize("fault", ["reset_before_body", "timeout_before_accept", "plain_500", "rate_limited"])
def test_before_acceptance_the_broker_has_nothing(either: Client, fault: str) -> None:
    either.admin.fault(fault, times=1)
    either.outcome()

    assert either.admin.book()["orders"] == []


@pytest.mark.parametrize("fault", ["reset_after_accept", "timeout_after_accept", "html_200", "error_5xx_after_accept"])
def test_after_acceptance_the_broker_has_the_order(either: Client, fault: str) -> None:
    either.admin.fault(fault, times=1)
    either.outcome()

    assert len(either.admin.book()["orders"]) == 1


def test_fail_closed_503_is_an_object(v2: Client) -> None:
    v2.admin.fault("fail_closed_503")

    answer = v2.post()

    assert answer.status_code == 503
    assert answer.json()["detail"]["fail_closed"] is True


def test_a_fault_meets_only_what_it_matches(v2: Client) -> None:
    v2.admin.fault("plain_500", match={"symbol": "MSFT"}, times=2)

    assert v2.outcome() == "200 pending_new"
    outcomes = [v2.outcome(symbol="MSFT", client_order_id="msft") for _ in range(3)]
    assert outcomes == ["500 unreadable", "500 unreadable", "200 pending_new"]


def test_a_rejected_order_that_lives_fills_at_the_broker(v2: Client) -> None:
    v2.admin.fault("rejected_but_live", seconds=2 * FILL_AFTER, times=1)
    v2.post()
    v2.later(1.5 * FILL_AFTER)

    assert v2.look_up()["status"] == "rejected"
    assert v2.admin.book()["positions"] == {"AAPL": 10}
    v2.later(2.5 * FILL_AFTER)
    assert v2.look_up()["status"] == "filled"


@pytest.mark.parametrize(("live", "positions"), [(False, {}), (True, {"AAPL": 10})])
def test_an_order_without_broker_id_may_be_live(v2: Client, live: bool, positions: dict[str, int]) -> None:
    v2.admin.fault("pending_new_without_broker_id", live=live, seconds=60, times=1)

    assert v2.post().json()["broker_order_id"] is None
    assert v2.look_up()["broker_order_id"] is None
    v2.later(2 * FILL_AFTER)
    assert v2.admin.book()["positions"] == positions


def test_an_accepted_order_may_not_be_found_for_a_while(v2: Client) -> None:
    v2.admin.fault("not_found_for_seconds", seconds=60, times=1)
    v2.post()

    assert v2.gateway.get(f"{ORDERS}/buy-aapl").status_code == 404
    assert len(v2.admin.book()["orders"]) == 1
    v2.later(61)
    assert v2.look_up()["status"] == "pending_new"


def test_a_lost_order_appears_in_both_books_later(either: Client) -> None:
    either.admin.fault("lost_then_appears", seconds=60, times=1)

    assert either.outcome() == "reset"
    assert either.admin.book()["orders"] == []
    either.later(61)
    (order,) = either.admin.book()["orders"]
    assert either.look_up(order["client_order_id"])["broker_order_id"] == order["broker_order_id"]


def test_look_ups_can_list_fills_twice_and_another_quantity(v2: Client) -> None:
    v2.post()
    v2.later(2 * FILL_AFTER)
    v2.admin.fault("duplicate_fills", times=1, match={"symbol": "AAPL"})
    assert len(v2.look_up()["metadata"]["fills"]) == 4

    v2.admin.fault("wrong_quantity_reported", times=1)
    assert v2.look_up()["qty"] == 11


def test_an_overfill_is_real(v2: Client) -> None:
    v2.admin.fault("overfill", extra=2)
    v2.post()
    v2.later(2 * FILL_AFTER)

    assert v2.look_up()["filled_qty"] == "12"
    assert v2.admin.book()["positions"] == {"AAPL": 12}


def test_positions_can_fail_miss_some_and_count_double(either: Client) -> None:
    either.admin.positions(AAPL=3, MSFT=-4)

    def positions() -> dict[str, str]:
        return {p["symbol"]: p["qty"] for p in either.gateway.get("/api/v1/positions").json()["positions"]}

    assert positions() == {"AAPL": "3", "MSFT": "-4"}
    either.admin.fault("positions_incomplete", times=1, symbols=["AAPL"])
    assert positions() == {"MSFT": "-4"}
    either.admin.fault("positions_multiplied", times=1)
    assert positions() == {"AAPL": "6", "MSFT": "-8"}
    either.admin.fault("positions_fail_500")
    assert either.gateway.get("/api/v1/positions").text == "Internal Server Error"


def test_an_unhealthy_gateway_answers_200(either: Client) -> None:
    either.admin.fault("health_unhealthy")

    answer = either.gateway.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "unhealthy")


@pytest.mark.parametrize("service", ["gateway", "signals", "market"])
def test_a_port_can_refuse_connections_and_open_again(v2: Client, service: str) -> None:
    client: httpx.Client = getattr(v2, service)
    client.get("/health")

    v2.admin.fault("refuse_connections", service=service)

    with pytest.raises(httpx.HTTPError):  # the connection that was open breaks
        client.get("/health")
    with pytest.raises(httpx.ConnectError):
        client.get("/health")
    v2.admin.clear_faults()
    assert client.get("/health").status_code == 200


def test_a_port_opens_by_itself_when_its_seconds_are_over(v2: Client) -> None:
    v2.admin.fault("refuse_connections", seconds=0.2)
    refused, until = 0, time.monotonic() + 10
    while time.monotonic() < until:
        try:
            v2.gateway.get("/health")
            break
        except httpx.TransportError:
            refused += 1
            time.sleep(0.02)

    assert refused > 0
    assert v2.gateway.get("/health").status_code == 200


SIGNAL_FAULTS: dict[str, Callable[[list[dict[str, Any]], dict[str, Any]], bool]] = {
    "empty_signals": lambda rows, metadata: rows == [] and metadata["num_signals"] == 0,
    "nan_weight": lambda rows, metadata: rows[0]["target_weight"] != rows[0]["target_weight"],
    "wrong_as_of_date": lambda rows, metadata: metadata["as_of_date"] == "2024-05-16",
    "duplicate_rows": lambda rows, metadata: rows[0] == rows[1],
    "missing_symbol": lambda rows, metadata: {row["symbol"] for row in rows} == {"AAPL", "KO"},
    "one_more_position": lambda rows, metadata: {row["symbol"]: row["target_weight"] for row in rows}["MSFT"] == -0.5,
    "unknown_symbol_row": lambda rows, metadata: rows[0]["symbol"] == "ZZZZ",
}


@pytest.mark.parametrize("fault", SIGNAL_FAULTS)
def test_signals_can_be_wrong(either: Client, fault: str) -> None:
    either.admin.fault(fault, match={"symbol": "MSFT"})

    answer = either.generate().json()

    assert SIGNAL_FAULTS[fault](answer["signals"], answer["metadata"])


def test_the_signal_service_can_be_down_or_not_ready(v1: Client, v2: Client) -> None:
    v2.admin.fault("down_503", service="signals", body={"detail": "Model not loaded"})
    for client in (v1, v2):
        client.admin.fault("signals_not_ready")

    assert v2.generate().json() == {"detail": "Model not loaded"}
    assert v2.signals.get("/ready").status_code == 503
    assert v2.signals.get("/health").json()["status"] == "degraded"
    assert v1.signals.get("/health").status_code == 503


PRICE_FAULTS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "price_missing": ({}, lambda trades: trades.keys() == {"MSFT"}),
    "price_stale": ({}, lambda trades: age_of(trades["AAPL"]) > 80_000 > age_of(trades["MSFT"])),
    "price_from_the_future": ({}, lambda trades: age_of(trades["AAPL"]) < -3_000 < age_of(trades["MSFT"])),
    "price_is": ({"price": "-1"}, lambda trades: trades["AAPL"]["p"] == -1 < trades["MSFT"]["p"]),
    "price_of_another_symbol": ({}, lambda trades: trades.keys() == {"MSFT", "ZZZZ"}),
}


def age_of(trade: dict[str, Any]) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(trade["t"])).total_seconds()


@pytest.mark.parametrize("fault", PRICE_FAULTS)
def test_prices_can_be_wrong(v2: Client, fault: str) -> None:
    params, seen = PRICE_FAULTS[fault]
    v2.admin.fault(fault, match={"symbol": "AAPL"}, **params)

    assert seen(v2.trades())


def test_every_fault_has_a_test() -> None:
    elsewhere = {"fail_closed_503", "duplicate_fills", "wrong_quantity_reported", "positions_fail_500"}
    elsewhere |= {"positions_incomplete", "positions_multiplied", "health_unhealthy", "signals_not_ready"}
    # … and in ops/test_check.py:
    elsewhere |= {"model_not_active"}
    # … and in test_lies.py:
    elsewhere |= {"filled_without_quantity", "fills_contradict_status", "numbered_fills", "fills_listed_late"}
    elsewhere |= {"field_is", "bomb", "invalid_symbol_400"}

    # … and in test_alpaca_lies.py:
    elsewhere |= {name for name in TABLE if name.startswith("alpaca_")}

    assert {row[0] for row in ORDER_FAULTS} | SIGNAL_FAULTS.keys() | PRICE_FAULTS.keys() | elsewhere == TABLE.keys()


@pytest.mark.parametrize(
    ("fault", "params", "words"),
    [("no_such_fault", {}, "does not exist; there are"), ("plain_500", {"secnds": 1}, "has no parameter secnds")],
)
def test_a_misspelt_fault_is_refused(v2: Client, fault: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        v2.admin.fault(fault, **params)


def test_a_wrong_setting_changes_nothing(v2: Client) -> None:
    with pytest.raises(ValueError, match="fill_parts"):
        v2.admin.settings(mode="dry_run", fill_parts=0)

    assert v2.gateway.get("/health").json()["dry_run"] is False
