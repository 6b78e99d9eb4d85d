"""The sandbox's subtler lies: what they say, and that the broker's book knows better."""

from __future__ import annotations

import json
import zlib
from typing import Any

import httpx
import pytest

from tests.support.sandbox_client import FILL_AFTER, LATEST, ORDERS, Client


def only_order(client: Client) -> dict[str, Any]:
    (order,) = client.admin.book()["orders"]
    return client.look_up(order["client_order_id"])


def test_a_fill_before_the_answer_never_reaches_the_order(v2: Client) -> None:
    v2.admin.fault("fill_before_answer", times=1)
    v2.post()
    v2.later(2 * FILL_AFTER)

    order = v2.look_up()

    assert (order["status"], order["filled_qty"], order["filled_avg_price"]) == ("pending_new", "0", None)
    assert sum(fill["fill_qty"] for fill in order["metadata"]["fills"]) == 10
    assert v2.admin.book()["positions"] == {"AAPL": 10}


def test_a_v1_broker_that_breaks_after_acceptance_fills_an_order_called_rejected(v1: Client) -> None:
    v1.admin.fault("broker_connection_500", live=True, seconds=FILL_AFTER * 1.5, times=1)

    assert v1.outcome().startswith("500 ")
    v1.later(FILL_AFTER * 1.2)
    refused = only_order(v1)
    assert (refused["status"], refused["broker_order_id"]) == ("rejected", None)
    assert v1.admin.book()["positions"] == {"AAPL": 10}
    v1.later(FILL_AFTER * 1.6)
    assert only_order(v1)["status"] == "filled"


def test_a_v1_gateway_knows_nothing_of_the_order_that_its_own_retry_lost(v1: Client) -> None:
    v1.admin.fault("broker_timeout_422", times=1)

    assert v1.outcome() == "422 Order rejected by broker"
    (order,) = v1.admin.book()["orders"]
    assert v1.gateway.get(f"{ORDERS}/{order['client_order_id']}").status_code == 404


def test_a_v2_gateway_calls_an_order_rejected_that_fills(v2: Client) -> None:
    v2.admin.fault("broker_timeout_422", times=1)
    v2.post()
    v2.later(2 * FILL_AFTER)

    order = v2.look_up()

    assert (order["status"], order["broker_order_id"], order["filled_qty"]) == ("rejected", None, "0")
    assert order["error_message"] == "Order rejected by broker: client_order_id must be unique"
    assert v2.admin.book()["positions"] == {"AAPL": 10}


@pytest.mark.parametrize(("how", "said"), [("null", None), ("zero", "0"), ("missing", "nothing")])
def test_filled_can_come_without_its_quantity_and_then_with_it(v2: Client, how: str, said: str | None) -> None:
    v2.post()
    v2.later(2 * FILL_AFTER)
    v2.admin.fault("filled_without_quantity", how=how, times=1)

    first, then = v2.look_up(), v2.look_up()

    assert (first["status"], first.get("filled_qty", "nothing")) == ("filled", said)
    assert (then["status"], then["filled_qty"]) == ("filled", "10")


def test_fills_can_contradict_the_status_beside_them(v2: Client) -> None:
    v2.post()
    v2.later(2 * FILL_AFTER)
    v2.admin.fault("fills_contradict_status", status="expired", times=1)

    order = v2.look_up()

    assert (order["status"], order["filled_qty"], len(order["metadata"]["fills"])) == ("expired", "0", 2)


def test_two_orders_can_have_the_same_fill_ids(v2: Client) -> None:
    v2.admin.fault("numbered_fills")
    v2.post()
    v2.post(symbol="MSFT", client_order_id="buy-msft")
    v2.later(2 * FILL_AFTER)

    ids = [[fill["fill_id"] for fill in v2.look_up(id)["metadata"]["fills"]] for id in ("buy-aapl", "buy-msft")]

    assert ids == [["1", "2"], ["1", "2"]]


def test_a_filled_quantity_can_come_before_its_fill(v2: Client) -> None:
    v2.post()
    v2.later(2 * FILL_AFTER)
    v2.admin.fault("fills_listed_late", keep=1, times=1)

    listed = [[fill["fill_qty"] for fill in v2.look_up()["metadata"]["fills"]] for _ in range(2)]

    assert listed == [[5], [5, 5]]


UNSTORABLE: list[tuple[str, Any]] = [
    ("error_message", "a\x00b"),
    ("error_message", "a\ud800b"),
    ("filled_avg_price", "0"),
    ("filled_avg_price", 1e15),
    ("qty", 2**31),
    ("metadata", []),
]


@pytest.mark.parametrize(("field", "value"), UNSTORABLE)
def test_any_field_of_an_answer_can_be_anything(v2: Client, field: str, value: Any) -> None:
    v2.post()
    v2.admin.fault("field_is", match={"method": "GET", "path": ORDERS}, field=field, value=value)

    assert v2.look_up()[field] == value


def test_a_field_can_be_deep_inside_or_left_out(v2: Client) -> None:
    v2.admin.fault("field_is", service="signals", field="signals.0.rank", value=2**31, times=1)
    v2.admin.fault("field_is", service="signals", field="metadata.model_version", value="m" * 101, times=1)
    v2.admin.fault("field_is", service="signals", field="signals.0.rank", drop=True, times=1)

    deep, long, gone = (v2.generate().json() for _ in range(3))

    assert deep["signals"][0]["rank"] == 2**31
    assert long["metadata"]["model_version"] == "m" * 101
    assert "rank" not in gone["signals"][0]


def test_a_refusal_can_hold_text_that_no_database_stores(v2: Client) -> None:
    v2.admin.settings(reject={"AAPL": "no"})
    v2.admin.fault("field_is", match={"method": "POST"}, field="detail", value="a\x00b\ud800")

    answer = v2.post()

    assert (answer.status_code, answer.json()["detail"]) == (422, "a\x00b\ud800")


@pytest.mark.parametrize("retry_after", [0, 3600, "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_limit_can_ask_for_any_wait(v2: Client, retry_after: float | str) -> None:
    v2.admin.fault("rate_limited", retry_after=retry_after)

    assert v2.post().headers["Retry-After"] == str(retry_after)


def test_a_bomb_is_small_until_it_is_unpacked(v2: Client) -> None:
    v2.admin.fault("bomb", service="signals", mebibytes=64, layers=2)

    with v2.signals.stream("POST", "/api/v1/signals/generate", json={}) as answer:
        packed = b"".join(answer.iter_raw())

    assert answer.headers["Content-Encoding"] == "gzip, gzip"
    assert len(packed) < 2048
    inner = zlib.decompressobj(31).decompress(packed)
    assert len(zlib.decompressobj(31).decompress(inner)) == 64 << 20


def test_one_symbol_can_make_a_batch_of_prices_a_400(v2: Client) -> None:
    v2.admin.fault("invalid_symbol_400", match={"symbol": "KO"})

    bars = {"symbols": "AAPL,KO", "timeframe": "1Day"}
    answers = [v2.market.get(path, params=bars) for path in (LATEST, "/v2/stocks/bars")]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(400, {"message": "invalid symbol: KO"})] * 2
    assert v2.trades().keys() == {"AAPL", "MSFT"}


@pytest.mark.parametrize(
    ("breaker", "health", "outcome"),
    [
        ("open", "healthy", "200 pending_new"),
        ("tripped", "healthy", "503 Circuit breaker tripped - trading paused"),
        ("missing", "degraded", "503 Circuit-breaker state unavailable (fail-closed for safety)"),
    ],
)
def test_health_tells_of_a_missing_breaker_and_not_of_a_tripped_one(
    v2: Client, breaker: str, health: str, outcome: str
) -> None:
    v2.admin.settings(breaker=breaker)

    assert v2.gateway.get("/health").json()["status"] == health
    assert v2.outcome() == outcome
    assert v2.gateway.get("/api/v1/circuit-breaker/status").status_code == 403


@pytest.mark.parametrize(
    ("conversion", "positions"),
    [
        ({"shares": 10}, {"AAPL": 130, "MSFT": -4}),
        ({"per": 10}, {"AAPL": 1, "MSFT": -4}),
        ({"becomes": "GEN001"}, {"GEN001": 13, "MSFT": -4}),
        ({"becomes": "MSFT", "shares": 2}, {"MSFT": 22}),
    ],
)
def test_what_is_held_can_be_split_and_renamed(
    v2: Client, conversion: dict[str, Any], positions: dict[str, int]
) -> None:
    v2.admin.positions(AAPL=3, MSFT=-4)
    v2.post()
    v2.later(2 * FILL_AFTER)

    v2.admin.convert("AAPL", **conversion)

    assert v2.admin.book()["positions"] == positions
    assert len(v2.admin.book()["orders"]) == 1


def test_a_webhook_answers_what_its_address_says_and_keeps_what_came(v2: Client) -> None:
    hooks = str(v2.admin.url)

    answers = [httpx.post(f"{hooks}/hooks/{status}", content=f"to {status}").status_code for status in (200, 410)]

    assert answers == [200, 410]
    assert v2.admin.inbox() == [{"status": 200, "body": "to 200"}, {"status": 410, "body": "to 410"}]


def test_faults_with_any_text_can_be_listed(v2: Client) -> None:
    v2.admin.fault("field_is", value="\ud800")

    listed = httpx.get(f"{v2.admin.url}/admin/faults").content

    assert json.loads(listed)[0]["params"]["value"] == "\ud800"
