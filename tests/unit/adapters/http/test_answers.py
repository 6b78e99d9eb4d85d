"""Every shape an error comes in becomes one line of words; numbers come in exact or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from include.adapters.http.answers import (
    Answer,
    decimal_of,
    id_of,
    parse_error,
    quantity_of,
    retry_after_seconds,
    time_of,
)
from include.trading.errors import BadAnswer

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def answer(body: object, headers: dict[str, str] | None = None, status: int = 500) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer("test: GET /x", status, httpx.Headers(headers), content)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Model not loaded"}, "Model not loaded"),
        (
            {"detail": [{"type": "missing", "loc": ["body", "symbols"], "msg": "Field required", "input": {"a": 1}}]},
            "body.symbols: Field required",
        ),
        (
            {"detail": {"error": "Kill-switch unavailable", "message": "no state", "fail_closed": True}},
            "Kill-switch unavailable: no state",
        ),
        (
            {"error": "Order rejected by broker", "detail": "no shares", "timestamp": "2026-11-20T14:30:00"},
            "Order rejected by broker: no shares",
        ),
        ({"error": "Internal server error", "detail": None, "path": "/x"}, "Internal server error"),
        ({"code": 40010001, "message": "invalid symbol: A B"}, "invalid symbol: A B"),
        ({"detail": {"error": "same", "message": "same"}}, "same"),
        ({"other": 1}, '{"other": 1}'),
        (b"Internal Server Error", "Internal Server Error"),
        (b"<html>\n<h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        (b'{"detail": "cut o', '{"detail": "cut o'),
        (b"\xff\xfe", "��"),
        (b"", "(nothing)"),
        (b"[" * 100_000, "[" * 500),
        (b"[" * 600 + b"]" * 600, "[" * 500),
        ({"detail": "a\x00b\x1b[31m\ud800"}, "a\ufffdb\ufffd[31m\ufffd"),
        (b"<p>a\x00b\x1b[2J</p>", "a\ufffdb\ufffd[2J"),
    ],
)
def test_every_error_shape_becomes_one_line(body: object, words: str) -> None:
    assert parse_error(answer(body)) == words


def test_an_endless_error_is_cut() -> None:
    assert len(parse_error(answer({"detail": "x" * 10_000}))) == 500


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, {}, 7),
        ({"Retry-After": "Fri, 20 Nov 2026 14:31:30 GMT"}, {}, 90),
        ({"Retry-After": "Fri, 20 Nov 2026 14:00:00 GMT"}, {}, 1),
        ({"Retry-After": "0"}, {}, 1),
        ({"Retry-After": "0.05"}, {}, 1),
        ({"Retry-After": "-5"}, {}, 1),
        ({"Retry-After": "2.5"}, {}, 2.5),
        ({"Retry-After": "1e3"}, {}, 1000),
        ({"Retry-After": "0"}, {"detail": {"retry_after": 45}}, 45),
        ({"Retry-After": "45"}, {"detail": {"retry_after": 0}}, 45),
        ({"Retry-After": "Fri, 20 Nov 99999 14:00:00 GMT"}, {}, 60),
        ({"Retry-After": "Fri, 20 Nov 2926 14:00:00 +2500"}, {}, 60),
        ({"Retry-After": "Fri, 20 Nov 2926 14:00:00 GMT"}, {}, 3600),
        ({"Retry-After": "9" * 400}, {}, 3600),
        ({"Retry-After": "inf"}, {}, 3600),
        ({"Retry-After": "1_000"}, {}, 60),
        ({"Retry-After": "120, 120"}, {}, 120),
        ({"Retry-After": "120,Fri, 20 Nov 2026 14:31:30 GMT"}, {}, 120),
        ({"Retry-After": "Fri, 20 Nov 2026 14:31:30 GMT, Fri, 20 Nov 2026 14:33:00 GMT"}, {}, 180),
        ({"Retry-After": "soon, 90"}, {}, 90),
        ({"Retry-After": "Friday, 20-Nov-26 14:31:30 GMT"}, {}, 90),
        ({"Retry-After": "2026-11-20T14:31:30Z"}, {}, 90),
        ({"Retry-After": "2026-11-20 14:31:30"}, {}, 90),
        ({"Retry-After": "2026-11-20T15:31:30+01:00"}, {}, 90),
        ({"Retry-After": "2026-13-20T14:31:30Z"}, {}, 60),
        ({"Retry-After": "120s"}, {}, 120),
        ({"Retry-After": "120 seconds"}, {}, 120),
        ({"Retry-After": "120m"}, {}, 60),
        ({}, {"retry_after": "٣"}, 60),
        ({}, b'{"retry_after": Infinity}', 3600),
        ({}, b'{"retry_after": 1e400}', 3600),
        ({}, {"retry_after": -1}, 1),
        ({}, {"retry_after": True}, 60),
        ({}, {"retry_after": None}, 60),
        ({}, {"retry_after": [5]}, 60),
        ({"Retry-After": "soon"}, {"detail": {"retry_after": 12}}, 12),
        ({}, {"detail": {"error": "rate_limited", "retry_after": 30}}, 30),
        ({}, {"retry_after": 5}, 5),
        ({}, {"detail": {"retry_after": "nan"}}, 60),
        ({}, b"slow down", 60),
        ({"Retry-After": "999999999"}, {}, 3600),
    ],
)
def test_the_pause_is_the_one_asked_for(headers: dict[str, str], body: object, seconds: float) -> None:
    assert retry_after_seconds(answer(body, headers, 429), NOW) == seconds


def test_fractions_arrive_exact() -> None:
    assert answer(b'{"price": 0.1, "rank": 1}').json() == {"price": Decimal("0.1"), "rank": 1}


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
        b"[]",
        b"<html>",
        b'{"a": ',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_not_an_exact_json_object_is_refused_and_kept(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="test: GET /x answered 200 with an unusable body") as refused:
        answer(body, status=200).json()

    assert refused.value.raw == body.decode(errors="replace")[:20_000]


def test_an_answer_is_clean_in_its_texts_and_keys_as_it_is_kept() -> None:
    body = b'{"a\\u0000": ["\\ud800", {"b": "\\u001b[2J"}]}'

    assert answer(body).json() == answer(body).plain_json() == {"a\ufffd": ["\ufffd", {"b": "\ufffd[2J"}]}


def test_numbers_that_mean_nothing_are_handed_on_where_each_is_judged_by_itself() -> None:
    body = f'{{"a": NaN, "b": 1e400, "c": {"9" * 5000}, "d": 1.5}}'.encode()

    found = answer(body).json(allow_nan=True)

    assert [found[name].is_nan() for name in "abc"] == [True, True, True]
    assert found["d"] == Decimal("1.5")


@pytest.mark.parametrize(
    "value",
    [None, True, "", "ten", "NaN", "Infinity", "1e999999", "1e400", "1_000", "٣", " 5 ", "0x10", "9" * 200, [], {}],
)
def test_what_is_not_a_finite_number_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="qty: expected a"):
        decimal_of({"qty": value}, "qty")


@pytest.mark.parametrize("value", ["1e30", 10**14, "1.0000000001", "-99999999999999.9999999999", True, "NaN"])
def test_what_nobody_can_hold_is_no_quantity(value: object) -> None:
    with pytest.raises(ValueError, match="qty: expected"):
        quantity_of({"qty": value}, "qty")


@pytest.mark.parametrize("value", ["-0.123456789", "10.000000000000", 10, "1e2", 0])
def test_a_quantity_has_up_to_nine_decimals(value: object) -> None:
    assert quantity_of({"qty": value}, "qty") == Decimal(str(value))


@pytest.mark.parametrize(
    "value", [None, 5, "", "yesterday", "2026-11-20T14:30:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_what_is_no_time_of_a_trade_is_no_time(value: object) -> None:
    assert time_of(value) is None


@pytest.mark.parametrize("value", [None, "", "a b", "a\n", "ä", "x" * 101, 5, "\ufffd"])
def test_what_cannot_be_looked_up_again_is_no_id(value: object) -> None:
    with pytest.raises(ValueError, match="id: expected"):
        id_of({"id": value}, "id")


def test_a_page_of_tags_that_never_end_is_cut_before_it_is_read() -> None:
    # As many as an answer may have; each of them once looked for its end in all that follow.
    assert parse_error(answer(b"<" * 5_000_000)).startswith("<")
    assert parse_error(answer(b"<html><h1>Bad Gateway</h1>" + b"<" * 5_000_000)).startswith("Bad Gateway")


@pytest.mark.parametrize("number", ["1e9999999999999999999", "NaN", "-Infinity", "9" * 200])
def test_a_number_that_is_none_is_left_to_who_reads_its_row(number: str) -> None:
    rows = answer(f'[{{"qty": {number}}}, {{"qty": 1.5}}]'.encode()).json_rows()

    assert not rows[0]["qty"].is_finite() and rows[1]["qty"] == Decimal("1.5")
    with pytest.raises(ValueError, match="qty"):
        quantity_of(rows[0], "qty")


@pytest.mark.parametrize("body", ["{}", "[1]", "[", "null", "[[]]"])
def test_rows_that_are_no_list_of_objects_are_a_bad_answer(body: str) -> None:
    with pytest.raises(BadAnswer):
        answer(body.encode()).json_rows()
