"""What a run may ask of its strategy: less, fewer and safer, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.trading.errors import InvalidData
from include.trading.strategy.form import params_schema
from include.trading.strategy.narrowing import at_most, narrowed, replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import MODES, Strategy
from tests.support.planning import strategy

PAPER = strategy(mode="paper", top_n=2, bottom_n=2)


def test_params_left_empty_change_nothing() -> None:
    params = {name: schema["default"] for name, schema in params_schema(PAPER).items()}

    assert narrowed(PAPER, RunRequest.from_params(params)) == PAPER


def test_a_request_narrows_what_it_names() -> None:
    request = RunRequest.from_params(
        {"symbols": ["TSLA", "AAPL"], "capital": 5000.25, "max_position_size": 100, "mode": "dry_run"}
    )

    result = narrowed(PAPER, request)

    assert result.mode == "dry_run"
    assert (result.capital, result.max_position_size) == (Decimal("5000.25"), Decimal(100))


@pytest.mark.parametrize("symbols", [["AAPL"], ["TSLA", "MSFT"]])
def test_naming_symbols_changes_neither_what_the_signals_are_asked_for_nor_how_many_names_are_picked(
    symbols: list[str],
) -> None:
    assert narrowed(PAPER, RunRequest.from_params({"symbols": symbols})) == PAPER


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"symbols": ["AAPL", "KO"]}, "symbols: expected some of AAPL, .*, found KO"),
        ({"mode": "live"}, "mode: expected paper or safer, found live"),
        ({"capital": 100000.01}, "capital: expected at most 100000 USD, found 100000.01"),
        ({"max_position_size": 100001}, "max_position_size: expected at most 100000 USD, found 100001"),
    ],
)
def test_anything_wider_is_refused_with_the_limit_and_what_came(params: dict[str, Any], message: str) -> None:
    request = RunRequest.from_params(params)

    with pytest.raises(InvalidData, match=message):
        narrowed(PAPER, request)


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidData, match=r"mode: .*; capital: "):
        narrowed(PAPER, RunRequest(mode="live", capital=Decimal(200_000)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"capital": 0}, "capital: expected greater than 0, found 0"),
        ({"capital": -1}, "capital: expected greater than 0, found -1"),
        ({"capital": False}, "capital: expected a number, found False"),
        ({"capital": "5000"}, "capital: expected a number, found '5000'"),
        ({"capital": 0.004}, "capital: expected at least 0.01, found 0.004"),
        ({"capital": float("inf")}, "capital: "),
        ({"capital": float("nan")}, "capital: "),
        ({"max_position_size": 0}, "max_position_size: expected greater than 0, found 0"),
        ({"symbols": []}, "symbols: "),
        ({"symbols": ["AAPL", "AAPL"]}, "symbols: expected each symbol once"),
        ({"symbols": ["AA PL"]}, "symbols: .*no space"),
        ({"mode": "safe"}, "mode: expected 'replay'"),
        ({"revision": 0}, "revision: expected greater than or equal to 1"),
        ({"revision": "2"}, "revision: "),
        ({"revision": 1.5}, "revision: "),
        ({"revision": True}, "revision: "),
        ({"revision": 10**12}, "revision: expected less than or equal to 9999"),
        ({"reason": ""}, "reason: "),
        ({"reason": "two\nlines"}, "reason: expected one line of printable text"),
        ({"reason": "\u0000"}, "reason: expected one line of printable text"),
        ({"reason": "\ud800"}, "reason: expected one line of printable text"),
        ({"reason": "x" * 501}, "reason: "),
        ({"flatten": "yes"}, "flatten: "),
        ({"session_date": 20260105}, "session_date: expected a date as YYYY-MM-DD, found 20260105"),
        ({"session_date": "2026-02-30"}, "session_date: "),
        ({"session_date": "2026-01-05", "as_of_date": "2026-01-05"}, "as_of_date: expected a day before"),
        ({"strategy_id": "other"}, "strategy_id: expected no such key"),
    ],
)
def test_nonsense_in_the_params_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        RunRequest.from_params(params)


def test_dates_are_read() -> None:
    request = RunRequest.from_params({"session_date": "2026-01-05", "as_of_date": "2026-01-02"})

    assert (request.session_date, request.as_of_date) == (date(2026, 1, 5), date(2026, 1, 2))


@given(data=st.data(), mode=st.sampled_from(MODES))
def test_a_narrowed_strategy_is_a_valid_one_and_never_wider(data: st.DataObject, mode: str) -> None:
    top_n = data.draw(st.integers(0, 5))
    whole = strategy(mode=mode, top_n=top_n, bottom_n=data.draw(st.integers(0, 5 - top_n)))
    request = RunRequest(
        symbols=data.draw(st.none() | st.lists(st.sampled_from(whole.symbols), min_size=1, unique=True).map(tuple)),
        capital=data.draw(st.none() | st.decimals("0.01", "100000", places=2)),
        mode=data.draw(st.none() | st.sampled_from(MODES[: MODES.index(whole.mode) + 1])),
    )

    result = narrowed(whole, request)

    assert Strategy.model_validate(result.model_dump()) == result
    assert set(result.symbols) <= set(whole.symbols)
    assert result.capital_usd <= whole.capital_usd
    assert MODES.index(result.mode) <= MODES.index(whole.mode)
    assert result.signals == whole.signals


def test_the_form_offers_no_mode_that_is_less_safe_and_no_amount_above_the_strategys() -> None:
    form = params_schema(strategy(mode="dry_run", capital="5000.50", max_position_size=700))

    assert form["mode"]["enum"] == [None, "replay", "plan", "dry_run"]
    assert form["capital"] == {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "default": None,
        "description": "at most 5,000.50 USD; empty: 5,000.50 USD",
        "type": ["null", "number"],
        "minimum": 0.01,
        "maximum": 5000.5,
    }
    assert form["max_position_size"]["maximum"] == 700


def test_the_form_has_every_param_with_a_description() -> None:
    form = params_schema(PAPER)

    assert form.keys() == RunRequest.model_fields.keys()
    assert all(schema["description"] for schema in form.values())
    assert form["symbols"]["items"] == {"type": "string", "enum": ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA"]}


def test_a_number_counts_whatever_way_json_writes_it() -> None:
    request = RunRequest.from_params({"revision": 2.0, "capital": 5000.259, "max_position_size": 7})

    assert (request.revision, type(request.revision)) == (2, int)
    result = narrowed(PAPER, request)
    assert (result.capital, result.max_position_size) == (Decimal("5000.25"), Decimal(7))


# What a form, a script or a curious person may put into any param.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 100_003)
    | st.sampled_from([0.004, 0.005, 0.01, 0.07, 0.1 + 0.2, 1.0, 1.5, 2.0, 99_999.999, 100_000.0, 100_000.001, 1e300])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*MODES, "papre", "", "2026-01-05", "2026-1-5", "20260105", "2026-02-30", "2026-W01-1"])
    | st.sampled_from(["2026-01-05\n", "two\nlines", "\u0660\u0660\u0660\u0660-01-05", "null", "1", "AAPL", "x" * 501])
    | st.text(max_size=6)
)
FORM = {
    name: jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    for name, schema in params_schema(PAPER).items()
}
ANYTHING = SCALARS | st.lists(st.sampled_from([*PAPER.symbols, "KO", "aapl", ""]) | SCALARS, max_size=3)


@given(name=st.sampled_from(sorted(FORM)), value=ANYTHING)
@settings(max_examples=400, deadline=None)
def test_the_form_and_the_task_take_the_same_values(name: str, value: Any) -> None:
    takes = FORM[name].is_valid(value)

    try:
        narrowed(PAPER, RunRequest.from_params({name: value}))
    except InvalidData as error:
        assert not takes, f"the form takes {value!r}, the task says: {error}"
    else:
        assert takes, f"the task takes {value!r}, the form does not"


def by_equity(**changes: Any) -> Strategy:
    return strategy(**{"capital": {"equity": {"share": "0.5"}}, "max_position_size": {"capital": "0.1"}} | changes)


def test_a_share_of_equity_has_a_form_without_an_upper_bound_and_one_where_it_has_a_most() -> None:
    free, bound = (
        params_schema(by_equity()),
        params_schema(by_equity(capital={"equity": {"share": 1, "at_most": 5000}})),
    )

    assert [("maximum" in free[name]) for name in ("capital", "max_position_size")] == [False, False]
    assert (bound["capital"]["maximum"], bound["max_position_size"]["maximum"]) == (5000, 500)


def test_what_a_run_asks_of_a_share_of_equity_waits_for_the_equity() -> None:
    request = RunRequest.from_params({"capital": 300, "max_position_size": 20})

    assert narrowed(by_equity(), request) == by_equity()
    assert at_most(by_equity(), request) == {"capital": 300, "max_position_size": 20}
    assert at_most(PAPER, request) == {}


def test_a_run_asks_no_more_than_the_most_of_a_share_of_equity() -> None:
    bound = by_equity(capital={"equity": {"share": 1, "at_most": 5000}})

    with pytest.raises(InvalidData, match="capital: expected at most 5000 USD, found 5001"):
        narrowed(bound, RunRequest.from_params({"capital": 5001}))
    with pytest.raises(InvalidData, match=r"max_position_size: expected at most 500 USD, found 501"):
        narrowed(bound, RunRequest.from_params({"max_position_size": 501}))


def test_a_replay_takes_the_request_as_the_upper_bound_of_replay_capital() -> None:
    both = by_equity(replay_capital=1000)

    result = replayed(both, RunRequest.from_params({"capital": 300, "max_position_size": 20}))

    assert (result.capital, result.max_position_usd, replayed(both, RunRequest()).capital) == (300, 20, 1000)
    assert replayed(PAPER, RunRequest()) == PAPER
    with pytest.raises(InvalidData, match="at most 1000 USD"):
        replayed(both, RunRequest.from_params({"capital": 1001}))
    with pytest.raises(InvalidData, match="replay_capital: 100000"):
        replayed(by_equity(), RunRequest())
