"""What Alpaca's answers to an order mean: never, again, or look it up. The bodies are recorded ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.adapters.http.answers import Answer
from include.adapters.venues.alpaca.answers import (
    LARGEST_AMOUNT,
    REPLACED,
    accepted_order,
    account_facts,
    allowance_of,
    fill_of,
    is_unknown_order,
    state_of,
    submit_failure,
)
from include.trading.errors import (
    BadAnswer,
    BookMismatch,
    IdExists,
    OutcomeUnknown,
    Paused,
    Rejected,
    Unauthorized,
)
from include.trading.models import OrderRequest
from include.trading.plan.reasons import REFUSALS

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
SENT = OrderRequest(client_order_id="p1", symbol="AAPL", side="buy", quantity=10)
ORDER = {
    "id": "904837e3-3b76-47ec-b432-046db621571b",
    "client_order_id": "p1",
    "symbol": "AAPL",
    "side": "buy",
    "qty": "10",
    "status": "pending_new",
    "filled_qty": "0",
    "filled_avg_price": None,
}


def answer(status: int, body: Any, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer("alpaca: POST /v2/orders", status, httpx.Headers(headers), text.encode())


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (422, {"code": 40010001, "message": "client_order_id must be unique"}, IdExists, None),
        (422, {"code": 40010001, "message": "qty must be > 0"}, Rejected, None),
        (422, {"code": 42210000, "message": "invalid limit_price 1.001. sub-penny"}, Rejected, None),
        (422, {"code": 42210000, "message": "asset KO is not tradable"}, Rejected, None),
        (403, {"code": 40310000, "message": "insufficient buying power"}, Rejected, "insufficient_buying_power"),
        (403, {"code": 40310000, "message": "insufficient qty available for order"}, Rejected, "held_for_orders"),
        (403, {"code": 40310000, "message": "account is not allowed to short"}, Rejected, "may_not_short"),
        (403, {"code": 40310000, "message": 'asset "KO" is not fractionable'}, Rejected, "not_fractionable"),
        (403, {"code": 40310000, "message": "potential wash trade detected"}, Rejected, "wash_trade"),
        (403, {"code": 40310000, "message": "words that are not known"}, Rejected, None),
        (403, {"message": "forbidden."}, Unauthorized, None),
        (401, {"message": "unauthorized."}, Unauthorized, None),
        (429, {"code": 42910000, "message": "rate limit exceeded"}, Paused, None),
        (429, "<html>too many</html>", OutcomeUnknown, None),
        (403, "<html>forbidden</html>", OutcomeUnknown, None),
        (422, "[]", OutcomeUnknown, None),
        (400, {"message": "Bad request"}, OutcomeUnknown, None),
        (400, {"code": 40010001, "message": "request body format is invalid"}, Rejected, None),
        (422, {"code": 40010001, "message": ""}, OutcomeUnknown, None),
        (422, {"code": 40010001, "message": ["qty"]}, OutcomeUnknown, None),
        (422, {"message": "validation failed"}, OutcomeUnknown, None),
        (404, {"message": "endpoint not found"}, OutcomeUnknown, None),
        (500, {"code": 50010000, "message": "internal server error occurred"}, OutcomeUnknown, None),
        (504, {"message": "gateway timeout"}, OutcomeUnknown, None),
        (302, "", OutcomeUnknown, None),
    ],
)
def test_only_the_vendors_own_words_end_an_order_or_free_it(
    status: int, body: Any, kind: type[Exception], reason: str | None
) -> None:
    answered = answer(status, body)

    failure = submit_failure(answered, NOW)

    assert type(failure) is kind
    assert answered.sentence() in str(failure)
    assert getattr(failure, "status", status) == status
    assert getattr(failure, "reason", None) == reason
    assert reason is None or reason in REFUSALS


@pytest.mark.parametrize(
    ("reset", "seconds"), [(NOW.timestamp() + 7, 7), (NOW.timestamp() - 5, 1), (1e12, 60), ("soon", 60), ("nan", 60)]
)
def test_a_rate_limit_is_waited_for_until_its_reset_a_minute_at_most(reset: object, seconds: float) -> None:
    said = answer(429, {"message": "rate limit exceeded"}, **{"X-RateLimit-Reset": str(reset)})

    failure = submit_failure(said, NOW)

    assert isinstance(failure, Paused)
    assert failure.retry_after_seconds == seconds


@pytest.mark.parametrize("word", ["filled", "canceled", "expired", "rejected", "replaced"])
def test_five_words_end_an_order(word: str) -> None:
    assert state_of(word) == word


@pytest.mark.parametrize(
    "word",
    [
        *("new", "pending_new", "accepted", "accepted_for_bidding", "partially_filled", "pending_cancel"),
        *("pending_replace", "stopped", "suspended", "calculated", "held", "done_for_day", "pending_review"),
        "a_word_that_is_not_known",
    ],
)
def test_every_other_word_keeps_an_order_open(word: str) -> None:
    assert state_of(word) == "open"


@pytest.mark.parametrize("word", ["filled", "canceled", "expired", "rejected", "replaced", "new", "done_for_day"])
def test_a_report_has_the_state_of_its_word_and_an_order_that_was_replaced_is_not_ours(word: str) -> None:
    report = accepted_order(answer(200, ORDER | {"status": word}), SENT)

    assert (report.state, report.status) == (state_of(word), word)
    assert report.not_ours == (REPLACED if word == "replaced" else None)
    assert report.raw == ORDER | {"status": word}


@pytest.mark.parametrize("price", ["NaN", "Infinity"])
def test_a_price_that_json_does_not_have_takes_nothing_from_what_filled(price: str) -> None:
    body = json.dumps(ORDER | {"filled_qty": "4"}).replace('"filled_avg_price": null', f'"filled_avg_price": {price}')

    report = accepted_order(answer(200, body), SENT)

    assert (report.filled_quantity, report.filled_avg_price) == (Decimal(4), None)


def test_an_accepted_order_keeps_the_vendors_word_beside_the_state() -> None:
    report = accepted_order(answer(200, ORDER), SENT)

    assert (report.state, report.status, report.broker_order_id) == ("open", "pending_new", ORDER["id"])
    assert (report.gateway_order_id, report.filled_quantity) == ("p1", Decimal(0))


@pytest.mark.parametrize(
    "changes", [{"qty": "11"}, {"side": "sell"}, {"symbol": "KO"}, {"client_order_id": "p2"}, {"qty": "9.999999999"}]
)
def test_an_answer_about_another_order_is_a_mismatch(changes: dict[str, str]) -> None:
    with pytest.raises(BookMismatch, match="sent buy 10 AAPL as p1, Alpaca answered "):
        accepted_order(answer(200, ORDER | changes), SENT)


@pytest.mark.parametrize(
    "changes",
    [
        {"qty": None},
        {"qty": "NaN"},
        {"filled_qty": "-1"},
        {"filled_qty": None},
        {"status": ""},
        {"id": None},
        {"side": "hold"},
        {"client_order_id": ""},
    ],
)
def test_an_order_with_a_part_that_cannot_be_trusted_is_no_answer(changes: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match=f"unusable body: .*{next(iter(changes))}"):
        accepted_order(answer(200, ORDER | changes), SENT)


def test_quantities_are_taken_as_text_and_as_numbers() -> None:
    assert accepted_order(answer(200, ORDER | {"qty": 10, "filled_qty": 0}), SENT).quantity == 10


def test_only_alpacas_own_404_says_that_there_is_no_such_order() -> None:
    assert is_unknown_order(answer(404, {"code": 40410000, "message": "order not found for p1"}))
    assert not is_unknown_order(answer(404, "<html>not found</html>"))
    assert not is_unknown_order(answer(404, {"code": 40410001, "message": "another thing"}))
    assert not is_unknown_order(answer(404, {"message": "endpoint not found."}))
    assert not is_unknown_order(answer(410, {"code": 40410000, "message": "gone"}))


def test_what_is_left_of_the_accounts_requests_is_in_the_headers() -> None:
    headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "7"}
    reset = {"X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}

    told = allowance_of(answer(200, {}, **headers, **reset), NOW)

    assert told is not None
    assert (told.limit, told.left, told.seconds_to_reset) == (200, 7, 30)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-RateLimit-Limit": "200"},
        {"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "7"},
        {"X-RateLimit-Limit": "0", "X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "201"},
    ],
)
def test_headers_that_say_nothing_of_a_limit_limit_nothing(headers: dict[str, str]) -> None:
    assert allowance_of(answer(200, {}, **headers), NOW) is None


FILL_ROW = {
    "id": "20261127103000000::8e6b0b7e-2b7f-4d5c-9d1c-000000000001",
    "activity_type": "FILL",
    "order_id": "904837e3-3b76-47ec-b432-046db621571b",
    "qty": "3",
    "price": "12.5",
    "side": "buy",
    "transaction_time": "2026-11-27T15:30:00.123456789Z",
}


def test_an_execution_has_its_id_its_order_and_its_time() -> None:
    order_id, fill = fill_of(FILL_ROW)

    assert (order_id, fill.fill_id) == (FILL_ROW["order_id"], FILL_ROW["id"])
    assert (fill.quantity, fill.price) == (Decimal(3), Decimal("12.5"))
    assert fill.at is not None
    assert fill.at.minute == 30


@pytest.mark.parametrize(
    "change",
    [
        {"activity_type": "DIV"},
        {"qty": "0"},
        {"qty": "-3"},
        {"qty": None},
        {"price": "0"},
        {"price": "x"},
        {"id": ""},
        {"order_id": None},
    ],
)
def test_a_row_that_is_no_execution_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        fill_of(FILL_ROW | change)

    assert all(repr(value) in str(refused.value) for value in change.values() if value in ("DIV", "0", "-3", "x"))


def test_an_execution_of_a_part_of_a_share_counts() -> None:
    assert fill_of(FILL_ROW | {"qty": "0.000000001"})[1].quantity == Decimal("0.000000001")


def test_money_is_in_whole_cents_and_never_more_than_the_account_says() -> None:
    told = account_facts(answer(200, {"equity": "1000.019", "cash": "-5.001", "buying_power": "2000"}))

    assert (told.equity, told.cash, told.buying_power) == (Decimal("1000.01"), Decimal("-5.01"), Decimal(2000))


@pytest.mark.parametrize("amount", [None, "", "NaN", "1e15", "-1e30", str(LARGEST_AMOUNT), True, []])
def test_money_that_is_no_amount_is_a_bad_answer_that_names_it(amount: Any) -> None:
    with pytest.raises(BadAnswer, match="cash"):
        account_facts(answer(200, {"equity": "1", "cash": amount, "buying_power": "1"}))


def test_an_amount_that_no_account_has_is_shown_as_it_came() -> None:
    with pytest.raises(BadAnswer, match=r"cash: expected an amount below 10,000,000,000,000 USD, got 1E\+15"):
        account_facts(answer(200, {"equity": "1", "cash": "1e15", "buying_power": "1"}))


def test_an_allowance_that_is_used_up_is_none_left() -> None:
    told = allowance_of(answer(200, {}, **{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "-1"}), NOW)

    assert told is not None and told.left == 0


def test_an_allowance_of_a_single_request_is_one() -> None:
    told = allowance_of(answer(200, {}, **{"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "1"}), NOW)

    assert told is not None and (told.limit, told.left) == (1, 1)


@pytest.mark.parametrize(
    ("told", "price"), [("180.16", Decimal("180.16")), (None, None), ("0", None), ("NaN", None), ("-1", None)]
)
def test_an_average_that_is_no_price_takes_nothing_from_what_filled(told: str | None, price: Decimal | None) -> None:
    body = ORDER | {"status": "partially_filled", "filled_qty": "4", "filled_avg_price": told}
    report = accepted_order(answer(200, body), SENT)

    assert (report.filled_quantity, report.filled_avg_price) == (Decimal(4), price)
