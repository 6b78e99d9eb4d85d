"""Orders, positions, symbols and an account's history across runs, and what the session before wanted."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from include.execution.duty.corrections import correct
from include.trading.account.corrections import Quantity, Ratio
from tests.support.engine import sandbox_strategy
from tests.support.web import Site


def test_orders_are_listed_page_by_page_with_their_run(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())

    first = site.get("/orders", limit=3).json()
    rest = site.get("/orders", limit=3, offset=3).json()

    assert (first["total"], len(first["orders"]), len(rest["orders"])) == (4, 3, 1)
    orders = [*first["orders"], *rest["orders"]]
    assert len({order["client_order_id"] for order in orders}) == 4
    assert {(order["dag_id"], order["airflow_run_id"], order["run_id"]) for order in orders} == {
        ("daily_trading", "one", str(run.run_id))
    }
    assert site.get("/orders", live="true").json()["total"] == 0
    assert site.get("/orders", live="false").json()["total"] == 4
    assert site.get("/orders", symbol="AAPL").json()["total"] == 1
    assert site.get("/orders", account="elsewhere").json()["total"] == 0


def test_an_order_that_may_still_fill_is_live(site: Site) -> None:
    site.sandbox.admin.settings(fill_after_seconds=3600)
    identity = site.engine.identity("one")
    _, intents = site.engine.plan(identity, sandbox_strategy())
    site.engine.submit_all(intents)

    found = site.get("/orders", live="true").json()["orders"]

    assert {order["state"] for order in found} == {"open"}
    assert len(found) == len(intents)


def test_positions_are_valued_at_the_newest_plans_prices(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    found = {row["symbol"]: row for row in site.get("/positions").json()["positions"]}

    with site.engine.ledger() as ledger:
        held = ledger.movements.held("sandbox", strategy_id="daily_trading", mode="paper")
    assert {symbol: Decimal(row["quantity"]) for symbol, row in found.items()} == held
    for row in found.values():
        value = Decimal(row["quantity"]) * Decimal(row["price"])
        assert Decimal(row["value"]) == pytest.approx(value, abs=Decimal("0.01"))
        assert Decimal(row["weight"]) == pytest.approx(value / 100000, abs=Decimal("0.000001"))
    assert len(site.get("/positions", limit=1, offset=1).json()["positions"]) == 1


def test_a_price_from_before_a_correction_values_nothing_after_it(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    with site.engine.desk() as desk:
        wanted = Ratio(Fraction(10))
        correct(desk, "sandbox", "daily_trading", "AAPL", wanted, reason="10 for 1", against_gateway=True)

    found = {row["symbol"]: row for row in site.get("/positions").json()["positions"]}

    assert (found["AAPL"]["price"], found["AAPL"]["value"], found["AAPL"]["weight"]) == (None, None, None)
    assert found["MSFT"]["value"] is not None


def test_a_symbols_events_are_told_in_time_with_the_position_after_each(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    with site.engine.ledger() as ledger:
        held = ledger.movements.held("sandbox", strategy_id="daily_trading", mode="paper")["AAPL"]
    with site.engine.desk() as desk:
        wanted = Quantity(Decimal(0))
        correct(desk, "sandbox", "daily_trading", "AAPL", wanted, reason="written off", against_gateway=True)

    found = site.get("/symbols/AAPL").json()

    assert [event["kind"] for event in found["events"]] == ["correction", "fill", "order", "signal"]
    correction, fill, order, signal = found["events"]
    assert (Decimal(fill["quantity"]), Decimal(fill["position"])) == (held, held)
    assert (Decimal(correction["quantity"]), Decimal(correction["position"])) == (-held, 0)
    assert "written off" in correction["reason"]
    assert (order["client_order_id"], order["words"]) == (fill["client_order_id"], "filled")
    assert (signal["rank"], signal["words"]) == (1, "order")
    assert found["positions"] == []
    assert [session["quantity"] for session in found["sessions"]] == [fill["quantity"]]
    assert [event["kind"] for event in site.get("/symbols/AAPL", limit=1, offset=1).json()["events"]] == ["fill"]


def test_a_symbol_that_no_strategy_knows_is_not_found(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    assert site.get("/symbols/GE").status_code == 404
    assert site.get("/symbols/aapl").status_code == 422
    assert site.get("/symbols").json()["symbols"] == ["AAPL", "JPM", "KO", "MSFT", "XOM"]
    assert site.get("/symbols", limit=2, offset=4).json()["symbols"] == ["XOM"]


@pytest.mark.parametrize("path", ["/orders", "/positions", "/symbols", "/symbols/AAPL"])
def test_who_may_read_no_strategy_is_refused(site: Site, path: str) -> None:
    assert site.get(path, "nemo").status_code == 403


def test_books_side_by_side_show_what_a_correction_made_and_what_differs(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    with site.engine.desk() as desk:
        before = desk.ledger.movements.of_account("sandbox")["AAPL"]
        wanted = Quantity(before - 10)
        correct(desk, "sandbox", "daily_trading", "AAPL", wanted, reason="ten are gone", against_gateway=True)

    moved = {row["symbol"]: row for row in site.get("/accounts/sandbox").json()["holdings"]}
    with site.engine.desk() as desk:
        desk.ledger.books.store_positions("sandbox", desk.gateway.positions(), None)
    asked = {row["symbol"]: row for row in site.get("/accounts/sandbox").json()["holdings"]}

    assert Decimal(moved["AAPL"]["corrections"]) == -10
    assert Decimal(asked["AAPL"]["difference"]) == 10
    assert Decimal(asked["MSFT"]["difference"]) == 0


def test_what_moved_since_the_venue_was_asked_has_no_difference(site: Site) -> None:
    with site.engine.desk() as desk:
        desk.ledger.accounts.ensure("sandbox")
        desk.ledger.books.store_positions("sandbox", {}, None)
    identity = site.engine.identity("one")
    _, intents = site.engine.plan(identity, sandbox_strategy())
    site.engine.submit_all(intents)
    with site.engine.ledger() as ledger:
        order = ledger.orders.of_plan(intents[0].plan_id)[0]
        ledger.orders.save(order, event="fill", actor="test", filled_quantity=Decimal(1), filled_avg_price=order.price)

    (row,) = (row for row in site.get("/accounts/sandbox").json()["holdings"] if Decimal(row["fills"]) != 0)

    assert row["difference"] is None


def test_an_accounts_history_is_one_list_of_everything_done(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    site.break_account("the books differ")
    (found,) = site.get("/accounts/sandbox").json()["breaks"]
    site.post("/accounts/sandbox/resume", {"reason": "found it", "breaks": [found["id"]]})
    body = {"strategy_id": "daily_trading", "symbol": "AAPL", "quantity": "0", "reason": "gone"}
    made = site.post("/accounts/sandbox/correct", {**body, "against_gateway": True}).json()

    history = site.get("/accounts/sandbox/history").json()

    kinds = [entry["kind"] for entry in history["entries"]]
    assert kinds[0] == "correction"
    assert {"break", "settled", "state"} <= set(kinds)
    assert history["entries"][0]["correction_id"] == made["id"]
    assert history["total"] == len(kinds)
    assert len(site.get("/accounts/sandbox/history", limit=2, offset=1).json()["entries"]) == 2


def test_an_account_is_given_the_gateway_of_its_connection_by_a_person(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.engine.run("one", sandbox_strategy())
    moved = site.sandbox.gateway_url.replace("127.0.0.1", "localhost")
    connection = f'{{"conn_type": "http", "host": "{moved}", "extra": {{"contract": "v2", "account": "sandbox"}}}}'
    monkeypatch.setenv("AIRFLOW_CONN_EXECUTION_GATEWAY", connection)
    before = site.get("/accounts/sandbox").json()["gateway"]
    assert before["address"] != before["connection_address"]

    forbidden = site.post("/accounts/sandbox/rebind", {"same_account": True, "reason": "it moved"}, "vera")
    another = site.post("/accounts/sandbox/rebind", {"same_account": False, "reason": "it moved"})
    done = site.post("/accounts/sandbox/rebind", {"same_account": True, "reason": "it moved"})

    assert forbidden.status_code == 403
    assert another.status_code == 422
    assert "holdings" in another.json()["detail"]
    assert done.json()["changed"] is True
    assert done.json()["gateway"]["address"] == before["connection_address"]
    assert "it moved" in site.get("/accounts/sandbox/history").json()["entries"][0]["reason"]


def test_a_plan_is_compared_with_the_session_before(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())
    assert site.get(f"/runs/{run.run_id}/previous").json() == {
        "run_id": None,
        "session_date": None,
        "links": None,
        "symbols": [],
    }

    with site.engine.ledger() as ledger:
        ledger.connection.execute("UPDATE orchestration_runs SET session_date = session_date - 1")
    later = site.engine.run("two", sandbox_strategy())

    found = site.get(f"/runs/{later.run_id}/previous").json()
    assert found["run_id"] == str(run.run_id)
    assert {row["symbol"] for row in found["symbols"]} == {"AAPL", "MSFT", "JPM", "XOM", "KO"}
    assert site.get("/runs/00000000-0000-0000-0000-000000000000/previous").status_code == 404


def test_a_runs_sizings_are_compared_only_where_there_are_others(site: Site) -> None:
    alone = site.engine.run("one", sandbox_strategy())
    assert site.get(f"/runs/{alone.run_id}/sizings").json() == {"symbols": [], "shadows": []}

    with site.engine.ledger() as ledger:
        ledger.connection.execute(
            """
            INSERT INTO shadow_sizings (run_id, model, targets, refused)
            VALUES (%(run_id)s, 'equal_weight',
                '[{"symbol": "AAPL", "weight": "0.2", "quantity": "7", "bound": ""}]', NULL)
            """,
            {"run_id": alone.run_id},
        )
    found = site.get(f"/runs/{alone.run_id}/sizings").json()

    assert {row["symbol"] for row in found["symbols"]} == {"AAPL", "MSFT", "JPM", "XOM", "KO"}
    assert [(each["model"], each["targets"][0]["symbol"]) for each in found["shadows"]] == [("equal_weight", "AAPL")]
    assert found["shadows"] == site.get(f"/runs/{alone.run_id}").json()["shadows"]
    assert site.get("/runs/00000000-0000-0000-0000-000000000000/sizings").status_code == 404


def test_runs_that_trade_are_listed_without_backfills(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    site.engine.run("looking_back", sandbox_strategy(), mode="replay")

    kinds = {
        kind: [run["mode"] for run in site.get("/runs", kind=kind).json()["runs"]] for kind in ("trading", "replay")
    }

    assert kinds == {"trading": ["paper"], "replay": ["replay"]}
    assert site.get("/runs").json()["total"] == 2


def test_alerts_are_listed_page_by_page(site: Site) -> None:
    site.break_account("the books differ")
    every = site.get("/alerts").json()

    second = site.get("/alerts", limit=1, offset=1).json()

    assert second["total"] == every["total"] == len(every["alerts"]) >= 2
    assert second["alerts"] == every["alerts"][1:2]
