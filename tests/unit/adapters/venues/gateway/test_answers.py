"""What each part of a gateway's report says of an order, and in which words the rest is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.adapters.http.answers import Answer
from include.adapters.venues.gateway.answers import accepted_order, order_report, submit_failure
from include.trading.errors import BadAnswer, Rejected, Unavailable
from include.trading.models import Contract, OrderReport, OrderRequest

ID = "p-1"
SENT = OrderRequest(client_order_id=ID, symbol="AAPL", side="buy", quantity=Decimal(10))
STORED = {
    "client_order_id": ID,
    "status": "pending_new",
    "broker_order_id": None,
    "symbol": "AAPL",
    "side": "buy",
    "qty": 10,
}
TAKEN = "client_order_id must be unique"


def answer(status: int, body: Any) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer("gateway: GET /order", status, httpx.Headers(), text.encode())


def report(contract: Contract = "v2", **changes: Any) -> OrderReport:
    return order_report(answer(200, STORED | changes), contract)


@pytest.mark.parametrize("field", ["message", "error_message"])
def test_the_gateways_words_are_kept_and_a_taken_id_in_them_proves_nothing(field: str) -> None:
    said = report(status="rejected", **{field: TAKEN})

    assert (said.state, said.status, said.message) == ("unknown", "rejected", TAKEN)


def test_the_message_counts_before_the_error_message() -> None:
    said = report(status="rejected", message="no buying power", error_message=TAKEN)

    assert (said.state, said.message) == ("rejected", "no buying power")


@pytest.mark.parametrize(
    ("contract", "broker_order_id", "state"),
    [("v2", None, "rejected"), ("v1", None, "unknown"), ("v1", "b-1", "rejected"), ("v2", "b-1", "rejected")],
)
def test_a_refusal_counts_as_the_contract_and_the_brokers_id_say(
    contract: Contract, broker_order_id: str | None, state: str
) -> None:
    assert report(contract, status="rejected", broker_order_id=broker_order_id).state == state


@pytest.mark.parametrize(("broker_order_id", "state"), [(None, "unknown"), ("", "unknown"), ("b-1", "open")])
def test_a_working_order_is_open_once_the_broker_has_it(broker_order_id: str | None, state: str) -> None:
    assert report(broker_order_id=broker_order_id).state == state


def test_an_accepted_order_of_v1_that_was_refused_without_a_brokers_id_is_unknown() -> None:
    accepted = answer(200, STORED | {"status": "rejected", "client_order_id": "f0a14016382a7f852ce555ba"})

    assert accepted_order(accepted, SENT, "v1").state == "unknown"


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_price_that_json_does_not_have_takes_nothing_from_what_filled(price: str) -> None:
    body = json.dumps(STORED | {"broker_order_id": "b-1", "filled_qty": 4})
    said = order_report(answer(200, body.removesuffix("}") + f', "filled_avg_price": {price}}}'), "v2")

    assert (said.filled_quantity, said.filled_avg_price) == (Decimal(4), None)


@pytest.mark.parametrize("word", ["PENDING_CANCEL", "OrderStatus.PENDING_CANCEL", "pending cancel", "pending - cancel"])
def test_a_word_is_the_same_however_it_is_spelled(word: str) -> None:
    assert report(status=word).status == "pending_cancel"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "OrderStatus."}, "status: expected a word, got 'OrderStatus.'"),
        ({"filled_qty": "-3.50"}, "filled_qty: expected 0 or more, got -3.5"),
    ],
)
def test_what_cannot_be_is_told_as_it_came(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        report(**changes)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        ("data_unavailable", Unavailable),
        ("data_unavailable, data_unavailable", Unavailable),
        ("data_unavailable,data_unavailable", Unavailable),
        ("data_unavailable, max_notional", Rejected),
        ("data_unavailable max_notional", Rejected),
    ],
)
def test_only_missing_data_frees_an_order_for_another_try(reasons: str, kind: type[Exception]) -> None:
    failure = submit_failure(answer(400, {"detail": f"Order rejected by fat-finger checks: {reasons}"}), "v2")

    assert type(failure) is kind
