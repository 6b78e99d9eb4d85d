"""The watchdog's look: trouble with one order, run, account, strategy or file ends the look at nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.adapters.venues.gateway.client import GatewayReader
from include.execution.duty.watchdog import HEARTBEAT, Watched
from include.trading.errors import InvalidData
from include.trading.order.row import Intent
from include.trading.strategy.schedule_spec import Arrival
from tests.support.duty import Duty
from tests.support.engine import sandbox_strategy

TROUBLE = "[CRITICAL] watchdog problem"


def execute(duty: Duty, statement: str) -> None:
    with duty.engine.ledger() as ledger:
        ledger.connection.execute(statement)


def states(duty: Duty, intents: list[Intent]) -> list[str]:
    with duty.engine.ledger() as ledger:
        return [ledger.orders.get(intent.client_order_id).state for intent in intents]  # type: ignore[union-attr]


def beats(duty: Duty) -> bool:
    with duty.engine.ledger() as ledger:
        return ledger.steps.last_beat(HEARTBEAT) is not None


def sent_and_open(duty: Duty) -> list[Intent]:
    _, intents = duty.plan()
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    duty.engine.submit_all(intents)
    for intent in intents:
        duty.sandbox.admin.order(intent.client_order_id, status="canceled")
    assert set(states(duty, intents)) == {"open"}
    return intents


def make_unbookable(duty: Duty, intent: Intent) -> None:
    """Make the ledger refuse every change of one order, as it does with a word or a number that no column takes."""
    execute(
        duty,
        f"""
        CREATE FUNCTION refuse_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE numeric_value_out_of_range; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON order_intents FOR EACH ROW
            WHEN (OLD.id = {intent.id} AND NEW.state <> OLD.state) EXECUTE FUNCTION refuse_order();
        """,
    )


@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_order_that_cannot_be_booked_keeps_no_other_from_being_followed(duty: Duty, place: int) -> None:
    intents = sent_and_open(duty)
    make_unbookable(duty, intents[place])

    duty.watch()

    assert states(duty, intents) == ["open" if n == place else "canceled" for n in range(len(intents))]
    assert beats(duty)


def test_an_order_whose_plan_cannot_be_read_is_told_and_stops_nothing(duty: Duty) -> None:
    intents = sent_and_open(duty)
    execute(
        duty,
        # Past every guard.
        "SET session_replication_role = replica; UPDATE order_intents "  # noqa: S608
        f"SET proven_absent_at = clock_timestamp(), state = 'not_sent' WHERE id = {intents[0].id}",
    )
    execute(duty, "UPDATE plans SET parameters = '{}'")

    found = duty.watch()

    assert intents[0].client_order_id in "".join(found.problems)
    assert set(states(duty, intents[1:])) == {"canceled"}
    assert TROUBLE in duty.send()


def test_a_run_that_cannot_be_closed_keeps_no_other_from_being_closed(duty: Duty) -> None:
    broken, _ = duty.plan()
    duty.engine.open(duty.engine.identity("two"), sandbox_strategy(id="other", symbols=("T", "F"), top_n=1, bottom_n=1))
    execute(
        duty,
        f"""
        CREATE FUNCTION refuse_run() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE numeric_value_out_of_range; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON orchestration_runs FOR EACH ROW
            WHEN (OLD.run_id = '{broken.run_id}' AND NEW.status <> OLD.status) EXECUTE FUNCTION refuse_run();
        """,
    )

    found = duty.watch(later=timedelta(minutes=40))

    assert [words.split()[0] for words in found.closed] == ["other"]
    titles = duty.send()
    assert TROUBLE in titles
    assert titles.count("[CRITICAL] stuck run: daily_trading") == 1
    assert beats(duty)


def refused() -> GatewayReader:
    raise InvalidData("connection gateway_b: expected a host, got none")


def crashing() -> GatewayReader:
    raise ValueError("no error of ours")


@pytest.mark.parametrize("gateway", [refused, crashing])
def test_an_account_whose_gateway_cannot_be_opened_keeps_no_other_from_being_looked_after(
    duty: Duty, gateway: object
) -> None:
    intents = sent_and_open(duty)
    with duty.engine.ledger() as ledger:
        ledger.accounts.ensure("another")

    duty.watch(others={"another": gateway})  # type: ignore[dict-item]

    assert set(states(duty, intents)) == {"canceled"}
    assert TROUBLE in duty.send()

    duty.watch()

    assert "[OVER] watchdog problem" in duty.send()


def test_orders_that_no_connection_leads_to_are_told(duty: Duty) -> None:
    intents = sent_and_open(duty)
    execute(duty, "INSERT INTO accounts (account) VALUES ('gone')")
    execute(duty, f"UPDATE order_intents SET account = 'gone' WHERE id = {intents[0].id}")  # noqa: S608

    duty.watch()

    assert TROUBLE in duty.send()
    assert intents[0].client_order_id in duty.inbox.about(TROUBLE)["message"]
    assert set(states(duty, intents[1:])) == {"canceled"}


def test_a_strategy_without_a_calendar_keeps_no_other_from_being_missed(duty: Duty) -> None:
    scheduled = sandbox_strategy(schedule="session")
    duty.engine.run("one", scheduled)
    broken = scheduled.model_copy(update={"id": "broken", "calendar": "NONE"})

    found = duty.watch(Watched(broken, paused=False), Watched(scheduled, paused=False), later=timedelta(days=14))

    assert [words.split()[0] for words in found.missed] == ["daily_trading"]
    assert TROUBLE in duty.send()


@pytest.mark.parametrize(
    ("schedule", "missed"),
    [(Arrival(assets=("scores",), deadline="session+60"), ["daily_trading"]), (Arrival(assets=("scores",)), [])],
)
def test_a_session_whose_signals_do_not_come_is_alerted_at_its_deadline(
    duty: Duty, schedule: Arrival, missed: list[str]
) -> None:
    waiting = sandbox_strategy(schedule=schedule)
    duty.engine.run("one", waiting)

    found = duty.watch(Watched(waiting, paused=False), later=timedelta(days=14))

    assert [words.split()[0] for words in found.missed] == missed
    duty.send()
    assert any("events of scores" in message["message"] for message in duty.inbox.messages) == bool(missed)


def test_an_unreadable_strategies_file_is_an_alert_of_its_own_and_stops_no_look(duty: Duty) -> None:
    intents = sent_and_open(duty)

    duty.watch(file_problem="strategies file x: expected YAML")

    assert set(states(duty, intents)) == {"canceled"}
    assert "[CRITICAL] strategies file" in duty.send()

    duty.watch()

    assert duty.send() == ["[OVER] strategies file"]
