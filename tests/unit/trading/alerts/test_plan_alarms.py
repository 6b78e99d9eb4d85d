"""What a person must hear about a plan: one alert per cause, with the symbols in it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.trading.alerts.plan_alarms import plan_alarms
from include.trading.models import AccountFacts, Mode
from include.trading.plan.planning import make_plan
from tests.support.planning import inputs, prices, quantities, signals, strategy
from tests.support.sizing import history_of, random_returns

PRICES = prices(AAPL=100, AMZN=100, GOOGL=100, MSFT=100, TSLA=100)
WHOLE = signals(AAPL="0.5", AMZN="0", GOOGL="0", MSFT="0.5", TSLA="0")


def alarms(mode: Mode = "paper", **changes: Any) -> dict[str, tuple[str, str]]:
    plan = make_plan(inputs(**{"signals": WHOLE, "prices": PRICES} | changes))
    found = plan_alarms(plan, strategy_id="s", source="the file picks.csv", session=date(2026, 1, 5), mode=mode)
    assert len({alarm.kind for alarm in found}) == len(found)
    return {alarm.kind: (alarm.severity, alarm.message) for alarm in found}


def test_a_plan_from_whole_facts_raises_nothing() -> None:
    assert alarms(held=quantities(AAPL=500, GOOGL=3)) == {}


def test_every_symbol_that_the_answer_leaves_out_is_named_once_with_what_is_held() -> None:
    found = alarms(signals=signals(AAPL="0.5", AMZN="0", TSLA="0"), held=quantities(MSFT=40, AAPL=500))

    assert found == {
        "signals_missing": (
            "warning",
            "s 2026-01-05: the signals leave out GOOGL (0 held); MSFT (40 held); holdings stay",
        )
    }


def test_an_increase_that_the_money_made_smaller_is_no_reduction_at_a_far_price() -> None:
    told = AccountFacts(equity=Decimal(1), cash=Decimal(1), buying_power=Decimal(500))

    assert alarms(money=told) == {}


def test_a_reduction_at_a_far_price_is_critical() -> None:
    severity, message = alarms(
        strategy=strategy(limits={"price_distance": "0.2"}),
        previous_closes=PRICES | prices(GOOGL=10),
        held=quantities(AAPL=500, GOOGL=3, MSFT=500),
    )["far_price"]

    assert severity == "critical"
    assert "GOOGL sell 3 (price_distance: 100 is more than 20" in message


@pytest.mark.parametrize(
    ("last", "words"),
    [(prices(XOM=70), "7 XOM, price_missing: the limits value it at 70 of"), ({}, "no price is known at all")],
)
def test_a_holding_without_a_price_says_what_it_is_valued_at(last: dict[str, Any], words: str) -> None:
    found = alarms(held=quantities(XOM=7), last_prices=last, strategy=strategy(absent_signal="keep"))

    assert words in found["old_price"][1]


def test_a_message_names_ten_symbols_and_counts_the_others() -> None:
    names = [f"S{number:02}" for number in range(14)]
    severity, message = alarms(
        strategy=strategy(symbols=names),
        signals=signals(S00="0.5"),
        held={name: Decimal(1) for name in names},
        prices={},
    )["signals_missing"]

    assert severity == "warning"
    assert message.endswith("S10 (1 held) and 3 more; holdings stay")


def test_a_backfill_has_one_name_for_each_cause() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES))

    keys = {
        plan_alarms(plan, strategy_id="s", source="the file picks.csv", session=date(2026, 1, day), mode="replay")[
            0
        ].key
        for day in (5, 6)
    }

    assert keys == {"signals_missing:s:replay:"}


def test_a_holding_without_a_usable_history_is_named_and_a_name_that_is_not_held_is_not() -> None:
    sized = strategy(sizing="risk_parity")
    whole = history_of(random_returns(["AAPL"]))

    found = alarms(strategy=sized, signals=WHOLE, history=whole, held=quantities(MSFT=40))

    assert found["history_missing"] == ("warning", "s 2026-01-05: holdings without a size stay: MSFT (40 held)")
    assert "history_missing" not in alarms(strategy=sized, signals=WHOLE, history=whole)
