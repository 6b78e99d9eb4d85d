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

from include.trading.bounds import LARGEST_INTEGER, storable_quantity
from include.trading.depth import TOO_DEEP, is_too_deep
from include.trading.errors import BadAnswer
from include.trading.text import clean, clean_json, one_line

MAX_ERROR_CHARACTERS = 500
MAX_RAW_CHARACTERS = 20_000
# Each takes some hundred bytes of memory, however short it is in the text.
MAX_VALUES = 500_000
DEFAULT_PAUSE_SECONDS = 60.0
SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_NAME = 200
# A float holds nothing beyond 1e±308; a longer exponent would only blow up the arithmetic after us.
LARGEST_EXPONENT = 300
LONGEST_NUMBER = 100
# Characters of an HTML error page that are read; its message is near the top.
MOST_OF_A_PAGE = 20_000
# Decimal and float also take underscores, spaces, and digits of any script.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?) ?s(?:ec(?:onds?)?)?", re.ASCII | re.IGNORECASE)
_BETWEEN_HEADERS = re.compile(r"(?<!\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)),")
_ID = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True)
class Answer:
    """One whole answer. `asked` names the request in messages: connection, method and path."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return clean(self.body.decode("utf-8", errors="replace"))

    def sentence(self) -> str:
        return f"{self.asked} answered {self.status}: {parse_error(self)}"

    def json(self, *, allow_nan: bool = False) -> dict[str, Any]:
        """Return the JSON object with every fraction as Decimal.

        allow_nan: hand NaN on as Decimal, also for a number that is beyond any that can be meant, for a caller who
        judges each value by itself.
        Raises BadAnswer when the body is anything else than one JSON object.
        """
        if allow_nan:
            return self._object(parse_float=_number_or_nan, parse_int=_whole_or_nan, parse_constant=Decimal)
        return self._object(parse_float=_decimal, parse_int=_whole, parse_constant=_refuse_constant)

    def json_rows(self) -> list[dict[str, Any]]:
        """Return the JSON list of objects, numbers as `json` gives them with allow_nan: a caller judges row by row.

        Raises BadAnswer when the body is anything else.
        """
        try:
            rows = parse_json(self.text, parse_float=_number_or_nan, parse_int=_whole_or_nan, parse_constant=Decimal)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError("expected a list of objects")
        except ValueError as error:
            raise self.bad(error) from error
        return rows

    def plain_json(self) -> dict[str, Any]:
        """Return the JSON object in plain types, to be stored; never to be calculated with."""
        return self._object(parse_constant=str)

    def bad(self, reason: str | ValueError) -> BadAnswer:
        """Return the error for this answer, whose body does not say what it must."""
        return BadAnswer(
            f"{self.asked} answered {self.status} with an unusable body: {_one_line(_words_of(reason))}",
            self.text[:MAX_RAW_CHARACTERS],
        )

    def _object(self, **parsers: Any) -> dict[str, Any]:
        try:
            value = parse_json(self.body.decode("utf-8"), **parsers)
        except ValueError as error:
            raise self.bad(f"expected JSON, got {self.text[:80]!r} ({type(error).__name__}: {error})") from error
        if not isinstance(value, dict):
            raise self.bad(f"expected a JSON object, got {type(value).__name__}")
        return value


def parse_json(text: str, **parsers: Any) -> Any:
    """Return a JSON value whose texts can be stored and shown; raises ValueError for none or a huge one."""
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")
    try:
        value = json.loads(text, **parsers)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    if is_too_deep(value):
        raise ValueError(TOO_DEEP)
    return clean_json(value)


def parse_error(answer: Answer) -> str:
    """Return what the service says went wrong, in one line of at most 500 characters.

    Knows `detail` as text, list (FastAPI) and object, `error/detail/timestamp`, `message`, and plain text or HTML.
    Source: service-contracts 2.8.
    """
    try:
        body = parse_json(answer.body.decode("utf-8"))
    except ValueError:
        return _one_line(re.sub(r"<[^<>]*>", " ", answer.text[:MOST_OF_A_PAGE]))
    return _one_line(_error_words(body))


def error_object(answer: Answer) -> dict[str, Any]:
    """Return the JSON object an error came with, {} for anything else: a proxy's page proves nothing."""
    try:
        body = parse_json(answer.body.decode("utf-8"))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def error_detail(answer: Answer) -> str:
    """Return only the service's own JSON `detail` in one line, or "": what rules may be matched on."""
    body = error_object(answer)
    return _one_line(_error_words(body["detail"])) if "detail" in body else ""


def retry_after_seconds(answer: Answer, now: datetime) -> float:
    """Return for how long the service wants to be left alone, 1 to 3600 seconds; 60 when it does not say.

    The longest of the Retry-After headers (seconds, an HTTP date or an ISO time) and `retry_after` in the body.
    """
    header = answer.headers.get("retry-after", "").strip()
    body = error_object(answer)
    detail = body.get("detail")
    values = [detail.get("retry_after")] if isinstance(detail, dict) else []
    # Several headers come joined by commas, and an HTTP date has a comma of its own after the day of the week.
    headers = _BETWEEN_HEADERS.split(header)
    asked = [_seconds(value, now) for value in (*headers, *values, body.get("retry_after"))]
    seconds = max((each for each in asked if each is not None), default=DEFAULT_PAUSE_SECONDS)
    return min(max(seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def text_of(row: Mapping[str, Any], name: str, longest: int = LONGEST_NAME) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        _expected(name, "a text", value)
    if len(value) > longest:
        _expected(name, f"at most {longest} characters", value)
    return value


def id_of(row: Mapping[str, Any], name: str) -> str:
    """Return an id under which something can be looked up again."""
    value = text_of(row, name)
    if not _ID.fullmatch(value):
        _expected(name, "an id of 1 to 100 printable characters without a space", value)
    return value


def words_of(row: Mapping[str, Any], name: str) -> str | None:
    """Return what is written there for people, in one line of at most 500 characters; None for nothing or no text."""
    value = row.get(name)
    return _one_line(value) if isinstance(value, str) and value.strip() else None


def whole_number_of(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        _expected(name, "a whole number", value)
    if abs(value) > LARGEST_INTEGER:
        _expected(name, f"at most {LARGEST_INTEGER}", value)
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
        number = _decimal(str(value))
    except ValueError:
        _expected(name, "a finite number", value)
    return number


def quantity_of(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a number of shares, signed, with at most nine decimals."""
    number = decimal_of(row, name)
    try:
        return storable_quantity(number)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def time_of(value: object) -> datetime | None:
    """Return the time a text says; None where it has no zone (v1), or is none that an order, a trade or a bar has."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None and 1970 < time.year < 2200 else None


def _expected(name: str, what: str, value: object) -> NoReturn:
    found = repr(value)
    raise ValueError(f"{name}: expected {what}, got {found if len(found) <= 80 else found[:80] + '…'}")


def _decimal(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a number") from error
    if number and abs(number.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is beyond any number that can be meant")
    return number if number else Decimal(0)


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits is beyond any that can be meant")
    return int(text)


def _number_or_nan(text: str) -> Decimal:
    try:
        return _decimal(text)
    except ValueError:
        return Decimal("NaN")


def _whole_or_nan(text: str) -> int | Decimal:
    try:
        return _whole(text)
    except ValueError:
        return Decimal("NaN")


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
    return one_line(text)[:MAX_ERROR_CHARACTERS] or "(nothing)"


def _words_of(reason: str | ValueError) -> str:
    if isinstance(reason, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}, got {error['input']!r}"
            for error in reason.errors(include_url=False)
        )
    return str(reason)


def _seconds(value: object, now: datetime) -> float | None:
    """Return the seconds that a number, its text, an HTTP date or an ISO time means, however many; None for others."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    if _NUMBER.fullmatch(text) or text.lower() in ("inf", "infinity"):
        return float(text)
    if with_unit := _WITH_UNIT.fullmatch(text):
        return float(with_unit[1])
    try:
        until = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
        return (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
