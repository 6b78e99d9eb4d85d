"""Accounts through the API: what they are, and halt, resume, settle and adopt as `ops` does them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import sandbox_strategy
from tests.support.web import Site


def state(site: Site) -> str:
    with site.engine.ledger() as ledger:
        row = ledger.accounts.get("sandbox")
    assert row is not None
    return row.state


def test_an_account_is_halted_and_resumed_with_who_and_why(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    halted = site.post("/accounts/sandbox/halt", {"reason": "wrong prices"}).json()
    resumed = site.post("/accounts/sandbox/resume", {"reason": "right again"}).json()

    assert halted["account"]["state"] == "halted"
    assert resumed["account"]["state"] == "active"
    newest, before = site.get("/accounts/sandbox").json()["events"][:2]
    assert (newest["actor"], newest["reason"]) == ("ada", "right again")
    assert (before["actor"], before["reason"], before["to_state"]) == ("ada", "wrong prices", "halted")


def test_an_account_that_never_traded_can_be_halted(site: Site) -> None:
    assert site.post("/accounts/sandbox/halt", {"reason": "not today"}).status_code == 200
    assert state(site) == "halted"


def test_halting_can_cancel_what_is_open(site: Site) -> None:
    site.sandbox.admin.settings(fill_after_seconds=600)
    _, intents = site.engine.plan(site.engine.identity("one"), sandbox_strategy())
    site.engine.submit_all(intents)

    found = site.post("/accounts/sandbox/halt", {"reason": "wrong prices", "cancel_open": True}).json()

    assert [order["done"] for order in found["cancellations"]] == [True] * len(intents)
    assert {order["status"] for order in site.sandbox.admin.book()["orders"]} == {"canceled"}


def test_an_account_is_halted_although_the_gateway_hangs_up(site: Site) -> None:
    site.sandbox.admin.settings(fill_after_seconds=600)
    _, intents = site.engine.plan(site.engine.identity("one"), sandbox_strategy())
    site.engine.submit_all(intents)
    site.sandbox.admin.fault("refuse_connections", service="gateway")

    response = site.post("/accounts/sandbox/halt", {"reason": "wrong prices", "cancel_open": True})

    assert response.status_code == 200
    assert not any(order["done"] for order in response.json()["cancellations"])
    assert state(site) == "halted"


def test_resuming_needs_every_open_break_by_name(site: Site) -> None:
    site.break_account("the gateway holds 5 AAPL, we hold 4")

    refused = site.post("/accounts/sandbox/resume", {"reason": "found it"})
    (found,) = site.get("/accounts/sandbox").json()["breaks"]
    resumed = site.post("/accounts/sandbox/resume", {"reason": "found it", "breaks": [found["id"]]})

    assert refused.status_code == 422
    assert "the gateway holds 5 AAPL" in refused.json()["detail"]
    assert resumed.status_code == 200
    assert state(site) == "active"


def test_an_active_account_has_nothing_to_resume_from(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    assert site.post("/accounts/sandbox/resume", {"reason": "why not"}).status_code == 422


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x", "resaon": "y"}])
def test_nothing_is_done_without_a_reason(site: Site, body: dict[str, Any]) -> None:
    assert site.post("/accounts/sandbox/halt", body).status_code == 422
    assert site.get("/accounts/sandbox").json()["state"] == "new"


def test_an_account_that_nothing_names_is_not_found(site: Site) -> None:
    assert site.get("/accounts/another").status_code == 404
    assert site.post("/accounts/another/halt", {"reason": "a test"}).status_code == 404


def test_an_order_without_a_known_outcome_is_settled(site: Site) -> None:
    _, intents = site.engine.plan(site.engine.identity("one"), sandbox_strategy())
    order = intents[0]
    with site.engine.ledger() as ledger:
        sending = ledger.orders.save(order, event="sending", actor="test", state="sending", attempt=1)
        ledger.orders.save(sending, event="lost", actor="test", state="unknown", unknown_since=ledger.now())

    done = site.post(
        "/accounts/sandbox/settle",
        {"client_order_ids": [order.client_order_id], "outcome": "not_sent", "reason": "the broker has none"},
    ).json()

    assert [(found["client_order_id"], found["settled"]) for found in done["orders"]] == [(order.client_order_id, True)]


def test_settling_names_its_orders(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    response = site.post("/accounts/sandbox/settle", {"outcome": "not_sent", "reason": "a test"})

    assert response.status_code == 422
    assert "at least one order" in response.json()["detail"]


def test_a_position_that_is_not_ours_is_adopted(site: Site) -> None:
    site.sandbox.admin.positions(KO=7)

    done = site.post("/accounts/sandbox/adopt", {"symbol": "KO", "reason": "bought by hand"}).json()

    assert (done["baseline_before"], done["baseline"]) == ("0", "7")
    (holding,) = site.get("/accounts/sandbox").json()["holdings"]
    assert (holding["symbol"], float(holding["gateway"]), float(holding["baseline"])) == ("KO", 7, 7)


def test_a_part_of_a_share_is_adopted_with_all_decimals_that_the_ledger_keeps(site: Site) -> None:
    site.sandbox.admin.positions(KO=7)
    ask = {"symbol": "KO", "reason": "of another system"}

    done = site.post("/accounts/sandbox/adopt", {**ask, "quantity": "-0.123456789"}).json()
    refused = [
        site.post("/accounts/sandbox/adopt", {**ask, "quantity": quantity})
        for quantity in ("0.1234567891", "1e14", "1e999999", "NaN")
    ]

    assert done["baseline"] == "-0.123456789"
    assert [answer.status_code for answer in refused] == [422] * 4


@pytest.mark.parametrize("numbers", [{"quantity": "1e14"}, {"quantity": "0.0000000001"}, {"price": "0.0000001"}])
def test_settling_refuses_a_number_that_the_ledger_cannot_keep(site: Site, numbers: dict[str, str]) -> None:
    body = {"all_unresolved": True, "outcome": "filled", "reason": "a test", **numbers}

    assert site.post("/accounts/sandbox/settle", body).status_code == 422


def test_what_a_person_did_is_in_airflows_audit_log(site: Site) -> None:
    from airflow.models import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    site.post("/accounts/sandbox/halt", {"reason": "for the audit"})

    with create_session() as session:
        found = session.scalars(
            select(Log).where(Log.event == "trading_halt", Log.extra.contains("for the audit"))
        ).all()
        assert [(row.owner, row.dag_id) for row in found] == [("ada", "daily_trading")]


def test_a_split_is_corrected_and_undone_with_who_and_why(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())
    with site.engine.ledger() as ledger:
        symbol, held = next(iter(ledger.movements.held("sandbox", strategy_id=run.strategy_id, mode=run.mode).items()))
    site.sandbox.admin.positions(**{symbol: int(held) * 9})
    split = {"strategy_id": "daily_trading", "symbol": symbol, "ratio": "10", "reason": "split of 10 for 1"}

    corrected = site.post("/accounts/sandbox/correct", split).json()
    undone = site.post(
        "/accounts/sandbox/correct", {"undo": corrected["id"], "reason": "a mistake", "against_gateway": True}
    ).json()

    (holding,) = corrected["holdings"]
    assert (float(holding["before"]), float(holding["after"])) == (float(held), float(held) * 10)
    assert (undone["kind"], undone["differences"]) == ("undo", [symbol])
    with site.engine.ledger() as ledger:
        newest = ledger.corrections.of_account("sandbox", limit=2)
    assert {(each.actor, each.reason) for each in newest} == {("ada", "split of 10 for 1"), ("ada", "a mistake")}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"symbol": "AAPL", "strategy_id": "daily_trading"}, "expected exactly one of ratio"),
        ({"symbol": "AAPL", "strategy_id": "daily_trading", "ratio": "2", "quantity": "0"}, "got ratio, quantity"),
        ({"symbol": "AAPL", "strategy_id": "daily_trading", "ratio": "-2"}, "ratio: expected"),
        ({"symbol": "AAPL", "quantity": "0"}, "strategy: expected"),
        ({"undo": 99}, "correction 99 is not one of account sandbox"),
    ],
)
def test_a_correction_that_does_not_fit_is_refused_and_changes_nothing(
    site: Site, body: dict[str, Any], words: str
) -> None:
    site.engine.run("one", sandbox_strategy())

    response = site.post("/accounts/sandbox/correct", {**body, "reason": "a test"})

    assert response.status_code == 422
    assert words in response.json()["detail"]
    with site.engine.ledger() as ledger:
        assert ledger.corrections.of_account("sandbox", limit=1) == []
