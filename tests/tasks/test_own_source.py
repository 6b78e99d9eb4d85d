"""A source of signals that the package does not know, registered with one call, under the whole DAG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.adapters.signals.registry import register
from include.execution.preflight import blockers, check
from include.ledger.ledger import open_ledger
from include.trading.strategy.file import load_strategies
from tests.contract.memory_source import MISSING, MemorySignals, MemorySource
from tests.support.dag_runs import trade
from tests.support.engine import sandbox_strategy
from tests.support.place import Place
from tests.support.sources import as_before
from trading_airflow.connections import assembly
from trading_airflow.web import health

pytestmark = pytest.mark.usefixtures("metadata")


@pytest.fixture(autouse=True)
def source(place: Place) -> Iterator[None]:
    """The strategy's signals come from memory; the Signal Service is down."""
    with as_before():
        register(MemorySignals, MemorySource)
        place.sandbox.admin.fault("down_503", service="signals")
        place.trades(own(longs=["AAPL"], shorts=["KO", "XOM"]))
        yield
    MISSING.clear()


def own(**parameters: Any) -> dict[str, Any]:
    entry = sandbox_strategy().model_dump(mode="json", exclude_defaults=True)
    return entry | {"signals": {"memory": parameters}}


def test_a_whole_run_trades_on_its_signals(place: Place) -> None:
    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status, run.error_message) == ("success", "completed", None)
    assert (run.num_signals, run.model_version, run.num_orders_filled) == (5, "memory-1", 3)
    assert {(intent.symbol, intent.side) for intent in place.orders(run)} == {
        ("AAPL", "buy"),
        ("KO", "sell"),
        ("XOM", "sell"),
    }
    assert ended.answers["signal_service_response"] == {
        "weights": {"AAPL": "1", "KO": "-0.5", "XOM": "-0.5"},
        "day": run.as_of_date.isoformat(),
    }
    weights = {row["symbol"]: row["target_weight"] for row in ended.mappings}
    assert weights == dict.fromkeys(("MSFT", "JPM"), 0) | {"AAPL": 1, "KO": Decimal("-0.5"), "XOM": Decimal("-0.5")}


def test_an_answer_of_other_symbols_is_kept_with_the_reason_and_trades_nothing(place: Place) -> None:
    place.trades(own(longs=["TSLA"]))

    ended = trade(place)

    assert (ended.color, ended.run.status, ended.run.num_orders_planned) == ("failed", "failed", 0)
    assert "the source memory: expected only what was asked for, got TSLA" in (ended.run.error_message or "")
    assert "TSLA" in ended.answers["signal_service_response"]["answer"]
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_check_and_the_health_page_ask_the_source_and_call_it_by_its_word(place: Place) -> None:
    strategies = load_strategies(place.strategies)
    with open_ledger(place.ledger_url) as ledger:
        well = {each.name: each.value for each in check(ledger, strategies, assembly(), ledger.now())}
        MISSING.update(map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", well["signals"])))
        ill = blockers(check(ledger, strategies, assembly(), ledger.now()))
    found = {each.name: each for each in health.report(seconds=10, with_details=True).components}

    assert (well["symbols"], well["signal source"]) == ("5, signals of memory", "in memory")
    assert well["signals"].startswith("1 long and 2 short of 5")
    assert [each.next_step for each in ill] == ["ask the source memory's owner: the run would fail, or wait for it"]
    assert (found["signals memory"].status, found["signals memory"].detail) == ("healthy", "in memory")
