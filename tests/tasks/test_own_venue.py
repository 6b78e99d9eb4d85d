"""A venue that the package does not know, registered in one place, under the whole DAG."""

from __future__ import annotations

import json

import pytest

from include.adapters.venues.registry import VENUES
from include.execution.preflight import blockers, check
from include.ledger.ledger import open_ledger
from include.trading.strategy.file import load_strategies
from tests.contract import memory_venue
from tests.contract.memory_venue import BROKERS, Broker, MemoryKind
from tests.support.dag_runs import trade
from tests.support.place import Place
from trading_airflow.connections import assembly
from trading_airflow.web import health

pytestmark = pytest.mark.usefixtures("metadata")


@pytest.fixture
def broker(place: Place, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """The memory venue, registered, behind the strategy's connection."""
    monkeypatch.setitem(VENUES, memory_venue.WORD, MemoryKind)
    monkeypatch.setitem(BROKERS, "memory://own", Broker())
    connection = {"conn_type": "generic", "host": "own", "extra": {"venue": memory_venue.WORD, "account": "pocket"}}
    monkeypatch.setenv("AIRFLOW_CONN_EXECUTION_GATEWAY", json.dumps(connection))
    return BROKERS["memory://own"]


def test_a_whole_run_trades_there(place: Place, broker: Broker) -> None:
    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status, run.mode, run.error_message) == ("success", "completed", "paper", None)
    assert (run.num_orders_planned, run.num_orders_accepted, run.num_orders_filled) == (4, 4, 4)
    assert run.account == place.account().account == "pocket"
    assert (place.account().state, place.rows("breaks")) == ("active", 0)
    sent = {intent.client_order_id: (intent.symbol, intent.side, intent.quantity) for intent in place.orders(run)}
    assert sent == {id: (order.symbol, order.side, order.quantity) for id, order in broker.orders.items()}
    assert {intent.filled_avg_price for intent in place.orders(run)} == {memory_venue.PRICE}
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_a_second_run_of_the_day_finds_what_the_first_one_did(place: Place, broker: Broker) -> None:
    trade(place)
    orders = dict(broker.orders)

    again = trade(place)

    assert (again.color, again.run.status) == ("success", "completed")
    assert broker.orders == orders


def test_a_broker_that_stopped_is_told_by_check_and_by_the_health_page_and_gets_no_order(
    place: Place, broker: Broker
) -> None:
    broker.stopped = "closed for the holidays"
    strategies = load_strategies(place.strategies)
    with open_ledger(place.ledger_url) as ledger:
        found = check(ledger, strategies, assembly(), ledger.now())
    components = {each.name: each for each in health.report(seconds=10, with_details=True).components}

    assert [(each.name, each.value) for each in blockers(found)] == [("broker", broker.stopped)]
    assert ("account pocket", "state", "new: its first run writes it") in [
        (each.subject, each.name, each.value) for each in found
    ]
    assert components["venue execution_gateway"].status == "unhealthy"
    assert "closed for the holidays" in str(components["venue execution_gateway"].detail)
    assert (trade(place).run.status, broker.orders) == ("failed", {})
