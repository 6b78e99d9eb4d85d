"""When a task is tried again, as Airflow asks the policy: with the error, the try and `max_tries`."""

from __future__ import annotations

from datetime import timedelta
from decimal import InvalidOperation

import pytest
from airflow.sdk import RetryDecision
from airflow.sdk.definitions.retry_policy import RetryAction
from psycopg import DataError, OperationalError

from include.trading.errors import (
    BookMismatch,
    Halted,
    IdExists,
    InvalidData,
    NotFound,
    OtherGateway,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)
from trading_airflow.retries import TradingRetryPolicy

POLICY = TradingRetryPolicy((5, 10, 20))
RETRIES = 3


def decision(error: BaseException, try_number: int = 1, max_tries: int = RETRIES) -> RetryDecision:
    return POLICY.evaluate(error, try_number, max_tries)


def waits(*, first_try: int, max_tries: int) -> list[float]:
    """Return the minutes before each of the three retries, beginning with the try `first_try`."""
    found = []
    for try_number in range(first_try, first_try + RETRIES):
        delay = decision(Unavailable("down"), try_number, max_tries).retry_delay
        assert delay is not None
        found.append(delay / timedelta(minutes=1))
    return found


@pytest.mark.parametrize(
    "error",
    [Unavailable("down"), OutcomeUnknown("timed out"), Halted("kill switch"), OperationalError("gone"), OSError("x")],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again_after_five_ten_and_twenty_minutes(error: Exception) -> None:
    delays = [decision(error, try_number).retry_delay for try_number in (1, 2, 3)]

    assert delays == [timedelta(minutes=minutes) for minutes in (5, 10, 20)]


@pytest.mark.parametrize("last_try", range(1, 12))
def test_after_a_clear_the_waits_begin_anew(last_try: int) -> None:
    # Airflow's clear sets max_tries to the tries so far plus the task's retries; the next try has the next number.
    assert waits(first_try=last_try + 1, max_tries=last_try + RETRIES) == [5, 10, 20]


def test_a_task_cleared_twice_while_waiting_counts_from_the_last_clear() -> None:
    assert waits(first_try=3, max_tries=2 + RETRIES) == [5, 10, 20]


def test_a_gateway_that_asks_to_be_left_alone_is_left_alone_so_long() -> None:
    found = decision(Paused("429", retry_after_seconds=61.5), try_number=3)

    assert (found.action, found.retry_delay) == (RetryAction.RETRY, timedelta(seconds=61.5))


@pytest.mark.parametrize(("try_number", "seconds"), [(1, 15), (2, 30), (3, 60)])
def test_a_service_that_asks_for_no_wait_is_left_alone_longer_from_try_to_try(try_number: int, seconds: float) -> None:
    found = decision(Paused("429", retry_after_seconds=0), try_number=try_number)

    assert (found.action, found.retry_delay) == (RetryAction.RETRY, timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "error",
    [
        DataError("invalid byte sequence"),
        ValueError("not a number"),
        KeyError("status"),
        InvalidOperation("beyond any number"),
        Rejected("no"),
        IdExists("taken"),
        Unauthorized("who are you"),
        InvalidData("wrong"),
        NotFound("nothing there"),
        BookMismatch("a break"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_would_be_refused_again_fails_at_once(error: TradingError) -> None:
    assert decision(error).action is RetryAction.FAIL


def test_every_error_of_the_tree_has_its_decision() -> None:
    kinds = {TradingError, *TradingError.__subclasses__()}
    failing = {Rejected, InvalidData, BookMismatch, OtherGateway}

    for kind in kinds:
        assert (decision(kind("x")).action is RetryAction.FAIL) == (kind in failing)


@pytest.mark.parametrize("max_tries", [2, 9])
def test_a_task_with_other_retries_than_waits_still_gets_one_of_the_waits(max_tries: int) -> None:
    assert set(waits(first_try=1, max_tries=max_tries)) <= {5, 10, 20}


def test_the_policy_is_kept_in_a_serialized_dag_as_plain_data() -> None:
    assert POLICY.serialize() == {"__type": "TradingRetryPolicy", "minutes": [5, 10, 20]}
