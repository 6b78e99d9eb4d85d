"""An HTTP answer read to its end: its JSON, its error in words, and how long it asks us to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from pydantic import ValidationError

from include.trading.errors import InvalidData

MAX_ERROR_CHARACTERS = 500
MAX_RAW_CHARACTERS = 20_000
DEFAULT_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
# A float holds nothing beyond 1e±324; a longer exponent would only blow up the arithmetic after us.
LARGEST_EXPONENT = 400


class BadAnswer(InvalidData):
    """An answer that is not what the contract says; `raw` is its text as it came, for the ledger."""

    def __init__(self, message: str, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


@dataclass(frozen=True)
class Answer:
    """One whole answer. `asked` names the request in messages: connection, method and path."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def sentence(self) -> str:
        return f"{self.asked} answered {self.status}: {parse_error(self)}"

    def json(self, *, allow_nan: bool = False) -> dict[str, Any]:
        """Return the JSON object with every fraction as Decimal.

        allow_nan: hand NaN and Infinity on as Decimal, for a caller who judges each row by itself.
        Raises BadAnswer when the body is anything else than one JSON object.
        """
        constants = Decimal if allow_nan else _refuse_constant
        return self._object(parse_float=_decimal, parse_constant=constants)

    def plain_json(self) -> dict[str, Any]:
        """Return the JSON object in plain types, to be stored as it came; never to be calculated with."""
        return self._object(parse_constant=_refuse_constant)

    def bad(self, reason: str | ValueError) -> BadAnswer:
        return BadAnswer(
            f"{self.asked} answered {self.status} with an unusable body: {_one_line(_words_of(reason))}",
            self.text[:MAX_RAW_CHARACTERS],
        )

    def _object(self, **parsers: Any) -> dict[str, Any]:
        try:
            value = json.loads(self.body.decode("utf-8"), **parsers)
        except (ValueError, RecursionError) as error:
            raise self.bad(f"expected JSON, got {self.text[:80]!r} ({type(error).__name__}: {error})") from error
        if not isinstance(value, dict):
            raise self.bad(f"expected a JSON object, got {type(value).__name__}")
        return value


def parse_error(answer: Answer) -> str:
    """Return what the service says went wrong, in one line of at most 500 characters.

    Knows `detail` as text, list (FastAPI) and object, `error/detail/timestamp`, `message`, and plain text or HTML.
    Source: service-contracts 2.8.
    """
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return _one_line(re.sub(r"<[^>]*>", " ", answer.text))
    return _one_line(_error_words(body))


def error_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object an error came with, {} for anything else: a proxy's page proves nothing."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def error_detail(answer: Answer) -> str:
    """Return only the service's own JSON `detail` in one line, or "": what rules may be matched on."""
    body = error_object(answer)
    return _one_line(_error_words(body["detail"])) if "detail" in body else ""


def retry_after_seconds(answer: Answer, now: datetime) -> float:
    """Return for how long the service wants to be left alone, 0 to 3600 seconds; 60 when it does not say.

    Read from the Retry-After header (seconds or an HTTP date), then from `retry_after` in the body.
    """
    header = answer.headers.get("retry-after", "").strip()
    seconds = _seconds(header)
    if seconds is None and header:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            until = None
        if until is not None:
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    if seconds is None:
        seconds = _body_retry_after(answer)
    if seconds is None:
        seconds = DEFAULT_PAUSE_SECONDS
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def text_of(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        _expected(name, "a text", value)
    return value


def whole_number_of(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        _expected(name, "a whole number", value)
    return value


def bool_of(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        _expected(name, "true or false", value)
    return value


def decimal_of(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a finite JSON number, or a number the service writes as text; true is not 1."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        _expected(name, "a number", value)
    try:
        number = _decimal(value) if isinstance(value, str) else Decimal(value)
    except ValueError:
        _expected(name, "a number", value)
    if not number.is_finite():
        _expected(name, "a finite number", value)
    return number


def _expected(name: str, what: str, value: object) -> NoReturn:
    raise ValueError(f"{name}: expected {what}, got {value!r}")


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if number.is_finite() and abs(number.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is beyond any number that can be meant")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _error_words(body: object) -> str:
    if isinstance(body, dict):
        if isinstance(body.get("msg"), str):
            # `input` and `ctx` repeat what we sent: left out.
            loc = body.get("loc")
            place = ".".join(str(part) for part in loc) if isinstance(loc, list) else ""
            return f"{place}: {body['msg']}" if place else str(body["msg"])
        found = [_error_words(body[key]) for key in ("error", "message", "detail") if body.get(key)]
        words = list(dict.fromkeys(found)) or [json.dumps(body)]
        return ": ".join(words)
    if isinstance(body, list):
        return "; ".join(_error_words(item) for item in body)
    return str(body)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_ERROR_CHARACTERS] or "(nothing)"


def _words_of(reason: str | ValueError) -> str:
    if isinstance(reason, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}, got {error['input']!r}"
            for error in reason.errors(include_url=False)
        )
    return str(reason)


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else None


def _body_retry_after(answer: Answer) -> float | None:
    body = error_object(answer)
    detail = body.get("detail", body)
    return _seconds(str(detail.get("retry_after"))) if isinstance(detail, dict) else None
