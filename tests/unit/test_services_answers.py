"""Every shape an error comes in becomes one line of words; numbers come in exact or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from include.services.answers import Answer, BadAnswer, decimal_of, parse_error, retry_after_seconds

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
        ({"Retry-After": "Fri, 20 Nov 2026 14:00:00 GMT"}, {}, 0),
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
    [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999999}', b"[]", b"<html>", b'{"a": ', b"\xff", b"[" * 100_000],
)
def test_what_is_not_an_exact_json_object_is_refused_and_kept(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="test: GET /x answered 200 with an unusable body") as refused:
        answer(body, status=200).json()

    assert refused.value.raw == body.decode(errors="replace")[:20_000]


@pytest.mark.parametrize("value", [None, True, "", "ten", "NaN", "Infinity", "1e999999", [], {}])
def test_what_is_not_a_finite_number_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="qty: expected a"):
        decimal_of({"qty": value}, "qty")
