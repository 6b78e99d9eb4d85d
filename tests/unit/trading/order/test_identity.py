"""Ids are made from what an order, a plan and a run are for, and from nothing else."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.models import Mode
from include.trading.order.identity import (
    SENDING_MODES,
    PlanKey,
    broker_days,
    client_order_id,
    gateway_order_id_v1,
    run_id,
    slot,
)

SYMBOLS = st.from_regex(r"[A-Z][A-Z0-9.\-]{0,14}", fullmatch=True)
LEGS: st.SearchStrategy[Literal[1, 2]] = st.sampled_from([1, 2])
KEYS = st.builds(
    PlanKey,
    mode=st.sampled_from(SENDING_MODES),
    account=st.from_regex(r"[A-Za-z0-9_\-]{1,20}", fullmatch=True),
    strategy_id=st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True),
    session=st.dates(date(2005, 1, 3), date(2100, 1, 1)),
    revision=st.integers(1, 99),
)
SLOTS = st.tuples(KEYS, SYMBOLS, LEGS)


def key(**changes: Any) -> PlanKey:
    values: dict[str, Any] = {
        "mode": "paper",
        "account": "main",
        "strategy_id": "daily_trading",
        "session": date(2026, 11, 20),
        "revision": 1,
    }
    return PlanKey(**(values | changes))


@given(SLOTS)
def test_an_order_id_fits_the_gateway_and_begins_with_the_mode(of: tuple[PlanKey, str, Literal[1, 2]]) -> None:
    made = client_order_id(*of)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,24}", made)
    assert made[0] == of[0].mode[0]


@given(SLOTS)
def test_an_order_id_is_the_same_whenever_it_is_made(of: tuple[PlanKey, str, Literal[1, 2]]) -> None:
    plan, symbol, leg = of

    assert client_order_id(PlanKey.model_validate(plan.model_dump()), symbol, leg) == client_order_id(plan, symbol, leg)


def test_order_ids_never_change_between_versions() -> None:
    # A new version that made others would send a session's orders again.
    assert client_order_id(key(), "AAPL", 1) == "pd0df93bba5f63874ea2c175"
    assert str(key().plan_id) == "73b4f990-0f1f-5f79-b314-7a3b3a370813"
    assert (
        str(run_id("daily_trading", "scheduled__2026-11-20T14:30:00+00:00", is_backfill=False))
        == "09403fbb-3dd3-59a3-a213-612f62371bf9"
    )


@given(SLOTS, SLOTS)
def test_two_orders_share_an_id_only_when_they_are_the_same_slot(
    one: tuple[PlanKey, str, Literal[1, 2]], other: tuple[PlanKey, str, Literal[1, 2]]
) -> None:
    assert (client_order_id(*one) == client_order_id(*other)) == (slot(*one) == slot(*other)) == (one == other)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "live"},
        {"account": "second"},
        {"strategy_id": "other"},
        {"session": date(2026, 11, 23)},
        {"revision": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_part_of_a_plans_key_makes_another_plan_and_other_orders(changes: dict[str, Any]) -> None:
    assert key(**changes).plan_id != key().plan_id
    assert client_order_id(key(**changes), "AAPL", 1) != client_order_id(key(), "AAPL", 1)


def test_symbol_and_leg_make_other_orders() -> None:
    ids = {client_order_id(key(), symbol, leg) for symbol in ("AAPL", "AAPL.B") for leg in (1, 2)}  # type: ignore[arg-type]

    assert len(ids) == 4


def test_ids_of_a_thousand_symbols_over_a_year_never_meet() -> None:
    days = [date(2026, 1, 1) + timedelta(days=day) for day in range(250)]
    ids = {client_order_id(key(session=day), f"S{number}", 1) for day in days for number in range(100)}

    assert len(ids) == 25_000


def test_what_an_order_is_worth_or_when_it_is_sent_has_no_say_in_its_id() -> None:
    assert set(PlanKey.model_fields) == {"mode", "account", "strategy_id", "session", "revision"}
    assert slot(key(), "BRK.B", 2) == "paper|main|daily_trading|2026-11-20|1|BRK.B|2"


@pytest.mark.parametrize("mode", ["replay", "plan"])
def test_a_run_that_never_sends_has_no_order_ids(mode: Mode) -> None:
    with pytest.raises(ValueError, match=f"a {mode} run has no orders"):
        client_order_id(key(mode=mode), "AAPL", 1)


def test_a_backfill_that_reprocesses_a_run_is_another_run() -> None:
    name = "scheduled__2026-11-20T14:30:00+00:00"

    assert run_id("daily_trading", name, is_backfill=True) != run_id("daily_trading", name, is_backfill=False)


@given(st.text(min_size=1), st.text(min_size=1))
def test_run_ids_tell_airflow_runs_apart(one: str, other: str) -> None:
    ids = {run_id("daily_trading", name, is_backfill=False) for name in (one, other)}

    assert len(ids) == len({one, other})


@pytest.mark.parametrize("quantity", ["222", "222.000000000"])
def test_a_v1_gateways_id_is_made_as_it_makes_it(quantity: str) -> None:
    made = gateway_order_id_v1("AAPL", "buy", Decimal(quantity), "alpha_baseline", date(2026, 11, 20))

    text = "AAPL|buy|222|None|None|alpha_baseline|2026-11-20"
    assert made == hashlib.sha256(text.encode()).hexdigest()[:24]


@pytest.mark.parametrize(
    ("sent_at", "days"),
    [
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), (date(2026, 11, 20),)),
        # 04:58 UTC is 23:58 in New York in winter.
        (datetime(2026, 11, 20, 4, 58, tzinfo=UTC), (date(2026, 11, 19), date(2026, 11, 20))),
        (datetime(2026, 11, 20, 5, 3, tzinfo=UTC), (date(2026, 11, 19), date(2026, 11, 20))),
        (datetime(2026, 11, 20, 5, 6, tzinfo=UTC), (date(2026, 11, 20),)),
    ],
)
def test_around_the_gateways_midnight_an_order_may_lie_under_either_day(
    sent_at: datetime, days: tuple[date, ...]
) -> None:
    assert broker_days(sent_at, sent_at + timedelta(seconds=30), "America/New_York") == days


def test_a_gateway_in_another_zone_has_its_own_midnight() -> None:
    # 14:58 UTC is 23:58 in Tokyo.
    sent_at = datetime(2026, 11, 20, 14, 58, tzinfo=UTC)

    days = broker_days(sent_at, sent_at + timedelta(seconds=12), "Asia/Tokyo")

    assert days == (date(2026, 11, 20), date(2026, 11, 21))


def test_run_ids_never_change_between_versions() -> None:
    name = "scheduled__2026-11-20T14:30:00+00:00"

    assert str(run_id("daily_trading", name, is_backfill=False)) == "09403fbb-3dd3-59a3-a213-612f62371bf9"
    assert str(run_id("daily_trading", name, is_backfill=True)) == "edab7099-9967-547c-b86b-28b78f0b0701"
