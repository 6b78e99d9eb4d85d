"""What `new-strategy` asks for, and the entry that the answers make."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from include.trading.errors import InvalidData

# By flag, in the order in which they are asked.
QUESTIONS: Final = {
    "signals": "Where do its signals come from: file, sql, python, event or service?",
    "id": "A name for it (a-z, 0-9, _; it is part of the order ids and cannot be changed later)",
    "path": "The file: an absolute path or a URL; {as_of_date} and {session} stand for the days",
    "query": "One SELECT that answers symbol and weight; %(as_of_date)s stands for the day",
    "function": "The function that returns the weights, as package.module:function",
    "under": "The folder that the announced files are in: an absolute path or a URL that ends with a slash",
    "connection": "The Airflow connection that the signals are read by",
    "dated": (
        "What says which day they are of: column (each row), name (the path or the query), event, standing (nothing: "
        "valid until changed) or fresh (a file written within 20 hours)?"
    ),
    "symbols": "Its symbols, separated by commas",
    "top_n": "How many names to hold long? Weights need no number, scores do",
    "bottom_n": "How many names to hold short? Weights need no number, scores do",
    "venue": "The Airflow connection that orders are sent to",
    "mode": "Its mode: plan (sends nothing), paper or live?",
    "capital": "Its capital: USD, or a share of the account's equity such as 0.95",
    "schedule": "When it runs: session (at the open), session+15, or null (by hand, or when its signals arrive)",
    "assets": "The Airflow assets whose events announce its signals, separated by commas",
    "deadline": "Until when signals that come late are still traded, like session+60",
}
# What an empty answer means: nothing where it may be left out, None where it may not.
Defaults = Mapping[str, str | None]
_COMMON: Final[Defaults] = {
    "id": "my_weights",
    "signals": "file",
    "venue": "execution_gateway",
    "mode": "plan",
    "capital": "100000",
    "schedule": "session",
}
_OF_TABLES: Final[Defaults] = {"symbols": "", "top_n": "", "bottom_n": ""}
_OF_SOURCE: Final[Mapping[str, Defaults]] = {
    "file": {"path": None, "connection": "", "dated": "column", **_OF_TABLES},
    "sql": {"connection": None, "query": None, "dated": "name", **_OF_TABLES},
    "python": {"function": None, "dated": "name", **_OF_TABLES},
    "event": {
        "under": None,
        "connection": "",
        "dated": "event",
        **_OF_TABLES,
        "assets": None,
        "deadline": "session+60",
    },
    "service": {"connection": "", "symbols": None, "top_n": "2", "bottom_n": "2"},
}
_OWN_TO_SOURCES: Final = {"path", "connection", "query", "function", "under", "dated", "top_n", "bottom_n"}
_COUNTS: Final = {"top_n", "bottom_n"}
_MOST_DIGITS: Final = 40
_FRESH: Final = {"modified_within_hours": 20}


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def defaults_for(source: str) -> Defaults:
    """Return what is asked for a source of signals, in order, with the defaults; raises InvalidData for an unknown."""
    if source not in _OF_SOURCE:
        raise InvalidData(f"--signals: expected {', '.join(_OF_SOURCE)}, found {source!r}")
    found = {**_COMMON, **_OF_SOURCE[source]}
    return {name: found[name] for name in QUESTIONS if name in found}


def default_of(name: str, defaults: Defaults, answers: Mapping[str, str]) -> str | None:
    """Return what an empty answer means after these: signals that are waited for at no time need no deadline."""
    return "" if name == "deadline" and answers.get("schedule") == "null" else defaults[name]


def settings_of(answers: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of an entry from the answers as text; what they may be is for the file's reader to judge.

    answers: without those that were left out.
    """
    capital = _number("capital", answers["capital"])
    by_equity = capital <= 1
    source = {name: _setting(name, answers[name]) for name in QUESTIONS if name in _OWN_TO_SOURCES & answers.keys()}
    return {
        "id": answers["id"],
        "mode": answers["mode"],
        "venue": answers["venue"],
        "schedule": _schedule(answers),
        "signals": {answers["signals"]: source},
        **({"symbols": _words(answers["symbols"])} if "symbols" in answers else {}),
        "capital": {"equity": {"share": capital}} if by_equity else capital,
        # A backfill never asks the venue what the equity is.
        **({"replay_capital": 100000} if by_equity else {}),
    }


def _schedule(answers: Mapping[str, str]) -> Any:
    time = None if answers["schedule"] == "null" else answers["schedule"]
    if "assets" not in answers:
        return time
    deadline = {"deadline": answers["deadline"]} if "deadline" in answers else {}
    return {**({} if time is None else {"at": time}), "assets": _words(answers["assets"]), **deadline}


def _setting(name: str, answer: str) -> Any:
    if name in _COUNTS:
        return _count(name, answer)
    return _FRESH if (name, answer) == ("dated", "fresh") else answer


def _words(answer: str) -> list[str]:
    return answer.replace(",", " ").split()


def _count(name: str, text: str) -> int:
    number = _number(name, text)
    if number != number.to_integral_value():
        raise InvalidData(f"{flag(name)}: expected a whole number, found {text!r}")
    return int(number)


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    # The file's reader judges its size; one with so many digits could not even be written.
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise InvalidData(f"{flag(name)}: expected a number, found {text[:50]!r}")
    return number
