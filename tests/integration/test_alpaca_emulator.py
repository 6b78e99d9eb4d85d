"""The emulator of Alpaca's Trading API over a real socket; every answer is validated by Alpaca's own schema."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from include.sandbox.runner import PROJECT, Sandbox, start_sandbox
from tests.support.alpaca_schema import Emulator, refusal

DUPLICATE = (422, 40010001, "client_order_id must be unique")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0, alpaca_rate_limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.admin.reset()
    return running


@pytest.fixture
def broker(sandbox: Sandbox) -> Iterator[Emulator]:
    with Emulator(sandbox.alpaca_url, sandbox.alpaca_headers) as client:
        yield client


def test_an_order_is_pending_new_and_then_filled_under_the_clients_own_id(broker: Emulator) -> None:
    first = broker.place(client_order_id="one").json()
    found = broker.find("one")

    assert (first["status"], first["filled_qty"], first["filled_avg_price"]) == ("pending_new", "0", None)
    assert (found["id"], found["status"], found["filled_qty"]) == (first["id"], "filled", "10")
    assert broker.get(f"/v2/orders/{first['id']}").json() == found


def test_an_order_fills_in_parts_while_its_time_runs(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(fill_after_seconds=1000, fill_parts=2)
    broker.place(client_order_id="slow")

    seen = []
    for seconds in (0, 300, 600, 1100):
        sandbox.admin.settings(clock_offset_seconds=seconds)
        order = broker.find("slow")
        seen.append((order["status"], order["filled_qty"]))
    assert seen == [("accepted", "0"), ("new", "0"), ("partially_filled", "5"), ("filled", "10")]


@pytest.mark.parametrize("qty", ["0.123456789", 0.5, 1.0, 1, "7"])
def test_quantities_are_taken_as_text_or_numbers_and_never_rounded(broker: Emulator, qty: str | float) -> None:
    placed = broker.place(qty=qty, client_order_id="q").json()

    assert Decimal(placed["qty"]) == Decimal(str(qty))
    assert broker.find("q")["filled_qty"] == placed["qty"]
    assert broker.get("/v2/positions/AAPL").json()["qty"] == placed["qty"]


def test_an_id_is_used_once_for_ever_whatever_the_payload(broker: Emulator) -> None:
    broker.place(client_order_id="x")
    resting = broker.place("KO", type="limit", limit_price="1", client_order_id="y").json()
    broker.delete(f"/v2/orders/{resting['id']}")

    answers = [broker.place(client_order_id="x"), broker.place("MSFT", qty="1", client_order_id="y")]

    assert [refusal(answer) for answer in answers] == [DUPLICATE, DUPLICATE]


def test_wrong_keys_are_unauthorized_and_place_nothing(sandbox: Sandbox) -> None:
    with Emulator(sandbox.alpaca_url, {**sandbox.alpaca_headers, "APCA-API-SECRET-KEY": "wrong"}) as stranger:
        answers = [stranger.get("/v2/account"), stranger.place(), stranger.get("/v2/orders")]

    assert [(answer.status_code, set(answer.json())) for answer in answers] == [(401, {"message"})] * 3
    assert sandbox.admin.book()["orders"] == []


def test_every_answer_names_the_emulator_and_has_a_request_id_and_the_limit(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.fault("plain_500", service="alpaca", times=1)
    answers = [broker.get("/v2/clock"), broker.get("/v2/orders/none"), httpx.post(f"{sandbox.alpaca_url}/v2/orders")]

    assert [answer.status_code for answer in answers] == [200, 404, 500]
    assert {answer.headers["X-Trading-Emulator"] for answer in answers} == {"sandbox"}
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 3
    assert all(answer.headers[f"X-RateLimit-{name}"].isdigit() for answer in answers for name in ("Limit", "Reset"))


def test_the_rate_limit_is_counted_and_a_new_minute_frees_it(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(clock_offset_seconds=5000)
    sandbox.admin.settings(alpaca_rate_limit_per_minute=3)
    left = [broker.get("/v2/clock").headers["X-RateLimit-Remaining"] for _ in range(3)]
    refused = broker.place()
    sandbox.admin.settings(clock_offset_seconds=5061)

    assert left == ["2", "1", "0"]
    assert refusal(refused) == (429, 42910000, "rate limit exceeded")
    assert sandbox.admin.book()["orders"] == []
    assert broker.place().status_code == 200


def test_a_reset_frees_the_rate_limit(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(clock_offset_seconds=5000)
    sandbox.admin.settings(alpaca_rate_limit_per_minute=1)
    before = [broker.get("/v2/clock").status_code for _ in range(2)]
    sandbox.admin.reset()
    sandbox.admin.settings(clock_offset_seconds=5000)
    sandbox.admin.settings(alpaca_rate_limit_per_minute=1)

    assert (before, broker.get("/v2/clock").status_code) == ([200, 429], 200)


def test_an_order_may_name_its_asset_by_id(broker: Emulator) -> None:
    asset_id = broker.get("/v2/assets/AAPL").json()["id"]
    broker.place(asset_id, client_order_id="by-id")

    assert (broker.find("by-id")["symbol"], broker.find("by-id")["status"]) == ("AAPL", "filled")


def test_a_list_is_paged_by_the_last_orders_id_and_loses_none(broker: Emulator) -> None:
    names = [f"n{number}" for number in range(7)]
    for name in names:
        broker.place(qty="1", client_order_id=name)

    pages, last = [], None
    while page := broker.get(
        "/v2/orders",
        params={"status": "all", "limit": 3, "direction": "asc", **({"after_order_id": last} if last else {})},
    ).json():
        pages.append([order["client_order_id"] for order in page])
        last = page[-1]["id"]

    assert pages == [names[:3], names[3:6], names[6:]]
    newest = broker.get("/v2/orders", params={"status": "all", "limit": 1}).json()[0]
    assert broker.listed(status="all", limit=2, before_order_id=newest["id"]) == ["n5", "n4"]


def test_a_list_is_filtered_by_status_symbol_side_and_time(broker: Emulator) -> None:
    broker.place(client_order_id="done")
    waiting = broker.place("KO", type="limit", limit_price="1", client_order_id="waiting").json()

    assert broker.listed() == ["waiting"]
    assert broker.listed(status="closed") == ["done"]
    assert broker.listed(status="all", symbols="KO,MSFT") == ["waiting"]
    assert broker.listed(status="all", side="sell") == []
    assert broker.listed(status="all", until=waiting["submitted_at"]) == ["done"]
    assert broker.listed(status="all", after=waiting["submitted_at"]) == []


@pytest.mark.parametrize("query", [{"limit": 501}, {"limit": 0}, {"status": "some"}, {"after": "yesterday"}])
def test_a_list_that_cannot_be_is_refused(broker: Emulator, query: dict[str, str | int]) -> None:
    assert broker.get("/v2/orders", params=query).status_code == 422


def test_an_open_order_is_canceled_and_a_closed_one_is_not(broker: Emulator) -> None:
    waiting = broker.place(type="limit", limit_price="1", client_order_id="waiting").json()
    done = broker.place("KO").json()

    assert broker.delete(f"/v2/orders/{waiting['id']}").status_code == 204
    assert broker.find("waiting")["status"] == "canceled"
    again, too_late = broker.delete(f"/v2/orders/{waiting['id']}"), broker.delete(f"/v2/orders/{done['id']}")
    assert (again.status_code, too_late.status_code) == (422, 422)
    assert broker.delete("/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d").status_code == 404


def test_what_fills_before_a_cancel_is_carried_out_stays_filled(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(fill_after_seconds=100, fill_parts=2, alpaca_cancel_seconds=60)
    order = broker.place(client_order_id="c").json()
    broker.delete(f"/v2/orders/{order['id']}")
    pending = broker.find("c")["status"]
    sandbox.admin.settings(clock_offset_seconds=200)

    canceled = broker.find("c")

    assert pending == "pending_cancel"
    assert (canceled["status"], canceled["filled_qty"]) == ("canceled", "5")


def test_all_open_orders_are_canceled_at_once(broker: Emulator) -> None:
    ids = {broker.place(s, type="limit", limit_price="1").json()["id"] for s in ("AAPL", "KO")}

    answer = broker.delete("/v2/orders")

    assert (answer.status_code, {row["id"] for row in answer.json()}) == (207, ids)
    assert broker.listed() == []


def test_positions_and_account_follow_the_fills(broker: Emulator) -> None:
    before = broker.account()
    broker.place("AAPL", "buy", "10.5")
    broker.place("KO", "sell", "4")

    positions = {p["symbol"]: (p["side"], p["qty"], p["qty_available"]) for p in broker.get("/v2/positions").json()}
    after = broker.account()

    assert positions == {"AAPL": ("long", "10.5", "10.5"), "KO": ("short", "-4", "-4")}
    assert Decimal(after["equity"]) == Decimal(before["equity"])
    assert Decimal(after["buying_power"]) < Decimal(before["buying_power"])
    assert broker.get("/v2/positions/MSFT").status_code == 404


def test_a_position_is_closed_in_part_and_then_all_are(broker: Emulator) -> None:
    broker.place("AAPL", "buy", "8.25")
    broker.place("KO", "sell", "4")

    half = broker.delete("/v2/positions/AAPL", params={"qty": "4.25"})
    closed = broker.delete("/v2/positions", params={"cancel_orders": "true"})

    assert (half.status_code, half.json()["qty"], half.json()["position_intent"]) == (200, "4.25", "sell_to_close")
    assert (closed.status_code, {row["symbol"] for row in closed.json()}) == (207, {"AAPL", "KO"})
    assert broker.get("/v2/positions").json() == []


def test_fills_are_paged_by_the_last_rows_id(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(fill_parts=4)
    order = broker.place(qty="8").json()
    broker.place("KO", qty="1")

    every = broker.get("/v2/account/activities/FILL", params={"order_id": order["id"], "direction": "asc"}).json()
    paged, token = [], None
    while page := broker.get(
        "/v2/account/activities",
        params={
            "activity_types": "FILL",
            "page_size": 2,
            "direction": "asc",
            **({"page_token": token} if token else {}),
        },
    ).json():
        paged += page
        token = page[-1]["id"]

    assert [row["cum_qty"] for row in every] == ["2", "4", "6", "8"]
    assert [row["order_status"] for row in every] == ["partially_filled"] * 3 + ["filled"]
    assert len({row["id"] for row in paged}) == len(paged) == 5
    assert broker.get("/v2/account/activities/DIV").json() == []


def test_what_changes_cash_besides_fills_is_listed_by_kind_and_category(sandbox: Sandbox, broker: Emulator) -> None:
    broker.place(qty="8")
    before = Decimal(broker.account()["cash"])
    sandbox.admin.cash("DIV", "1.02", symbol="AAPL", qty="2", per_share_amount="0.51")
    sandbox.admin.cash("FEE", "-0.07")

    listed = {
        category: [
            row["activity_type"]
            for row in broker.get("/v2/account/activities", params={"category": category, "direction": "asc"}).json()
        ]
        for category in ("trade_activity", "non_trade_activity")
    }
    (dividend,) = broker.get("/v2/account/activities/DIV").json()

    assert set(listed["trade_activity"]) == {"FILL"}
    assert listed["non_trade_activity"] == ["DIV", "FEE"]
    assert (dividend["net_amount"], dividend["symbol"], dividend["per_share_amount"]) == ("1.02", "AAPL", "0.51")
    assert Decimal(broker.account()["cash"]) == before + Decimal("0.95")
    sandbox.admin.reset()
    assert broker.get("/v2/account/activities").json() == []


def test_assets_are_found_by_symbol_and_by_id_and_changed_by_settings(sandbox: Sandbox, broker: Emulator) -> None:
    apple = broker.get("/v2/assets/AAPL").json()
    sandbox.admin.settings(alpaca_assets={"AAPL": {"fractionable": False, "easy_to_borrow": False}})

    changed = broker.get(f"/v2/assets/{apple['id']}").json()

    assert (apple["fractionable"], apple["borrow_status"]) == (True, "easy_to_borrow")
    assert (changed["symbol"], changed["fractionable"]) == ("AAPL", False)
    assert changed["borrow_status"] == "hard_to_borrow"
    assert broker.get("/v2/assets/ZZZZ").status_code == 404
    assert "AAPL" in {asset["symbol"] for asset in broker.get("/v2/assets", params={"exchange": "NASDAQ"}).json()}


def test_market_data_answers_to_the_same_keys_on_the_same_port(broker: Emulator) -> None:
    trade = broker.get("/v2/stocks/trades/latest", params={"symbols": "AAPL"}).json()["trades"]["AAPL"]
    quote = broker.get("/v2/stocks/quotes/latest", params={"symbols": "AAPL"}).json()["quotes"]["AAPL"]
    bars = broker.get(
        "/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": "1Day", "start": "2024-05-01", "end": "2024-05-10"}
    )

    assert quote["bp"] < trade["p"] < quote["ap"]
    assert len(bars.json()["bars"]["AAPL"]) == 8


def test_market_datas_own_port_takes_the_accounts_keys_beside_its_own() -> None:
    with start_sandbox(market_key="data:key") as sandbox:
        keys = [sandbox.alpaca_headers, {"APCA-API-KEY-ID": "data", "APCA-API-SECRET-KEY": "key"}, {}]
        url = f"{sandbox.market_url}/v2/stocks/trades/latest?symbols=AAPL"
        answers = [httpx.get(url, headers=headers).status_code for headers in keys]

    assert answers == [200, 200, 403]


def test_both_doors_lead_to_one_book(sandbox: Sandbox, broker: Emulator) -> None:
    broker.place(qty="5")
    gateway = httpx.Client(base_url=sandbox.gateway_url)
    gateway.post("/api/v1/orders", json={"symbol": "AAPL", "side": "buy", "qty": 3, "client_order_id": "t4"})

    (there,) = gateway.get("/api/v1/positions").json()["positions"]

    assert there["qty"] == broker.get("/v2/positions/AAPL").json()["qty"] == "8"
    gateway.close()


@pytest.mark.parametrize("body", ["{", "[]", "NaN", '{"qty": 1e999999999999999999999}', "[" * 5000, '"\\ud800"'])
def test_a_body_that_is_no_order_is_refused(sandbox: Sandbox, broker: Emulator, body: str) -> None:
    assert broker.post("/v2/orders", content=body).status_code in (400, 422)


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": None},
        {"symbol": "\x00"},
        {"side": "hold"},
        {"type": "limit"},
        {"limit_price": "5"},
        {"qty": "0"},
        {"qty": "-1"},
        {"qty": "1e-10"},
        {"qty": True},
        {"qty": "ten"},
        {"qty": None},
        {"notional": "5"},
        {"time_in_force": "forever"},
        {"client_order_id": "x" * 129},
        {"client_order_id": "\ud800"},
        {"type": "trailing_stop"},
        {"order_class": "bracket"},
        {"stop_loss": {"stop_price": "1"}},
        {"advanced_instructions": {"algorithm": "TWAP"}},
        {"extended_hours": "yes"},
    ],
    ids=json.dumps,
)
def test_a_malformed_order_is_refused_and_not_kept(
    sandbox: Sandbox, broker: Emulator, wrong: dict[str, object]
) -> None:
    body = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day", **wrong}
    answer = broker.post("/v2/orders", content=json.dumps(body))

    assert refusal(answer)[:2] == (422, 40010001)
    assert sandbox.admin.book()["orders"] == []


# ── money, shares, wash trades ──


def test_open_orders_reserve_buying_power_and_free_it_when_they_end(sandbox: Sandbox, broker: Emulator) -> None:
    def power() -> Decimal:
        return Decimal(broker.account()["buying_power"])

    full = power()
    waiting = broker.place("KO", qty="1000", type="limit", limit_price="10").json()
    with_one = power()
    short = broker.place("JPM", "sell", qty="1", type="limit", limit_price="5000").json()
    with_two = power()
    broker.delete(f"/v2/orders/{waiting['id']}")
    broker.delete(f"/v2/orders/{short['id']}")

    assert (full - with_one, with_one - with_two) == (10000, 5000)
    assert power() == full


def test_an_order_beyond_the_buying_power_is_refused_with_what_there_is(sandbox: Sandbox, broker: Emulator) -> None:
    sandbox.admin.settings(alpaca_cash="1000", alpaca_multiplier=1)
    broker.place("KO", qty="90", type="limit", limit_price="10")

    answer = broker.place("AAPL", qty="11", type="limit", limit_price="10")

    assert refusal(answer) == (403, 40310000, "insufficient buying power")
    assert {name: answer.json()[name] for name in ("buying_power", "cost_basis")} == {
        "buying_power": "100",
        "cost_basis": "110",
    }
    assert broker.place("AAPL", qty="10", type="limit", limit_price="10").status_code == 200


def test_what_is_partly_filled_reserves_the_rest_only(sandbox: Sandbox, broker: Emulator) -> None:
    full = Decimal(broker.account()["buying_power"])
    broker.place("KO", qty="100", type="limit", limit_price="10", client_order_id="part")
    sandbox.admin.order("part", fill=40)

    used = full - Decimal(broker.account()["buying_power"])

    price = Decimal(broker.get("/v2/positions/KO").json()["current_price"])
    assert used == 60 * 10 + 40 * price


def test_a_sale_frees_no_buying_power_until_it_fills(sandbox: Sandbox, broker: Emulator) -> None:
    broker.place("KO", qty="100")
    before = broker.account()["buying_power"]
    broker.place("KO", "sell", qty="100", type="limit", limit_price="5000", client_order_id="sale")
    waiting = broker.account()["buying_power"]
    sandbox.admin.order("sale", status="filled")

    assert before == waiting
    assert Decimal(broker.account()["buying_power"]) > Decimal(waiting)


def test_shares_held_for_an_open_sale_are_not_sold_again(broker: Emulator) -> None:
    broker.place("KO", qty="10.5")
    broker.place("KO", "sell", qty="4", type="limit", limit_price="5000")

    assert broker.get("/v2/positions/KO").json()["qty_available"] == "6.5"
    answer = broker.place("KO", "sell", qty="6.500000001")
    assert refusal(answer)[:2] == (403, 40310000)
    assert (answer.json()["available"], answer.json()["held_for_orders"]) == ("6.5", "4")
    assert broker.place("KO", "sell", qty="6.5").status_code == 200


def test_a_long_position_is_not_turned_into_a_short_by_one_order(broker: Emulator) -> None:
    broker.place("KO", qty="10")

    assert refusal(broker.place("KO", "sell", qty="11"))[:2] == (403, 40310000)
    assert broker.place("KO", "sell", qty="10").status_code == 200
    assert broker.place("KO", "sell", qty="1").status_code == 200


def test_an_order_against_an_own_open_one_is_a_wash_trade(broker: Emulator) -> None:
    waiting = broker.place("KO", type="limit", limit_price="1").json()

    answer = broker.place("KO", "sell", qty="1")

    assert refusal(answer) == (403, 40310000, "potential wash trade detected. use complex orders")
    assert answer.json()["existing_order_id"] == waiting["id"]


def test_a_notional_order_buys_a_fraction_for_so_much_and_says_no_quantity(broker: Emulator) -> None:
    placed = broker.place("KO", qty=None, notional="100.50", client_order_id="usd").json()
    found = broker.find("usd")

    spent = Decimal(found["filled_qty"]) * Decimal(found["filled_avg_price"])
    assert (placed["qty"], placed["notional"]) == (None, "100.5")
    assert Decimal("100.49") < spent <= Decimal("100.50")


# ── the market's clock ──


@contextmanager
def opened_at(moment: str, **options: str | float) -> Iterator[tuple[Sandbox, Emulator]]:
    with (
        start_sandbox(fill_after=0, alpaca_rate_limit=0, alpaca_clock=moment, **options) as sandbox,
        Emulator(sandbox.alpaca_url, sandbox.alpaca_headers) as broker,
    ):
        yield sandbox, broker


def test_orders_wait_for_the_open_and_expire_at_the_close_with_what_they_have() -> None:
    with opened_at("2026-11-27T08:00:00-05:00") as (sandbox, broker):
        offset = sandbox.admin.settings
        start = datetime.fromisoformat(broker.get("/v2/clock").json()["timestamp"])
        first = broker.place(client_order_id="market").json()
        broker.place("KO", type="limit", limit_price="1", client_order_id="far")
        broker.place("JPM", type="limit", limit_price="1", time_in_force="gtc", client_order_id="gtc")
        waiting = broker.find("market")
        sandbox.admin.order("far", fill=3)

        moved = (start - datetime.now(UTC)).total_seconds()
        offset(clock_offset_seconds=moved + 2 * 3600)
        at_ten = (
            broker.get("/v2/clock").json()["is_open"],
            broker.find("market")["status"],
            broker.find("far")["status"],
        )
        offset(clock_offset_seconds=moved + 5.5 * 3600)
        far = broker.find("far")

        assert (first["status"], waiting["status"], waiting["filled_qty"]) == ("accepted", "accepted", "0")
        assert at_ten == (True, "filled", "partially_filled")
        assert (far["status"], far["filled_qty"]) == ("expired", "3")
        assert far["expired_at"] == far["expires_at"] == "2026-11-27T18:00:00.000000000Z"
        assert broker.find("gtc")["status"] == "new"


def test_auctions_fill_at_their_time_and_are_refused_after_the_cut_off() -> None:
    with opened_at("2026-11-27T09:00:00-05:00") as (sandbox, broker):
        broker.place(time_in_force="opg", client_order_id="open")
        broker.place("KO", time_in_force="cls", client_order_id="close")
        broker.place("JPM", type="limit", limit_price="1", time_in_force="opg", client_order_id="low")
        before = broker.find("open")["status"]
        moved = (datetime.fromisoformat("2026-11-27T12:55:00-05:00") - datetime.now(UTC)).total_seconds()
        sandbox.admin.settings(clock_offset_seconds=moved)
        late = [broker.place("MSFT", time_in_force=kind).status_code for kind in ("opg", "cls")]
        noon = [broker.find(own_id)["status"] for own_id in ("open", "close", "low")]
        sandbox.admin.settings(clock_offset_seconds=moved + 600)

        assert (before, late) == ("accepted", [422, 422])
        assert noon == ["filled", "accepted", "canceled"]
        assert broker.find("close")["status"] == "filled"


# ── started alone, started again ──


def test_it_runs_alone_with_its_admin_and_says_so() -> None:
    command = [sys.executable, "-m", "include.sandbox", "--alpaca", "--json", "--alpaca-port", "0", "--admin-port", "0"]
    with subprocess.Popen(
        [*command, "--alpaca-key", "PAPER_KEY"],
        cwd=PROJECT,
        env=os.environ | {"PAPER_KEY": "me:secret"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            urls = json.loads(process.stdout.readline())
            with Emulator(urls["alpaca"], {"APCA-API-KEY-ID": "me", "APCA-API-SECRET-KEY": "secret"}) as broker:
                assert broker.place().status_code == 200
                httpx.post(f"{urls['admin']}/admin/faults", json={"fault": "refuse_connections"})
                with pytest.raises(httpx.TransportError):
                    broker.place()
            assert urls.keys() == {"alpaca", "admin"}
        finally:
            process.terminate()


def test_a_clock_without_a_time_zone_is_one_sentence() -> None:
    started = subprocess.run(
        [sys.executable, "-m", "include.sandbox", "--alpaca", "--alpaca-clock", "2026-11-27T09:00:00"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 1
    assert "needs a time zone" in started.stderr
    assert "Traceback" not in started.stderr


def test_orders_fractions_and_reservations_outlive_a_killed_process(tmp_path: Path) -> None:
    book = str(tmp_path / "book.sqlite")
    with (
        start_sandbox(book=book, fill_after=0) as sandbox,
        Emulator(sandbox.alpaca_url, sandbox.alpaca_headers) as broker,
    ):
        broker.place(qty="0.123456789", client_order_id="fraction")
        broker.place("KO", qty="100", type="limit", limit_price="10", client_order_id="waiting")
        before = broker.account()
        sandbox.process.kill()
    with (
        start_sandbox(book=book, fill_after=0) as sandbox,
        Emulator(sandbox.alpaca_url, sandbox.alpaca_headers) as broker,
    ):
        assert broker.find("fraction")["filled_qty"] == "0.123456789"
        assert broker.account()["buying_power"] == before["buying_power"]
        assert refusal(broker.place(client_order_id="waiting")) == DUPLICATE


def test_a_book_of_an_older_sandbox_is_read_and_takes_fractions(tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite"
    with closing(sqlite3.connect(book)) as old, old:
        old.executescript(
            "CREATE TABLE broker_orders (broker_order_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL,"
            " symbol TEXT NOT NULL, side TEXT NOT NULL, qty INTEGER NOT NULL, overfill INTEGER NOT NULL,"
            " accepted_at REAL NOT NULL, fill_after REAL, fill_parts INTEGER NOT NULL,"
            " final_status TEXT, final_at REAL);"
            "CREATE TABLE executions (fill_id TEXT PRIMARY KEY, broker_order_id TEXT NOT NULL, symbol TEXT NOT NULL,"
            " signed_qty INTEGER NOT NULL, price TEXT NOT NULL, at REAL NOT NULL);"
            "CREATE TABLE holdings (symbol TEXT PRIMARY KEY, qty INTEGER NOT NULL);"
            "INSERT INTO broker_orders VALUES ('b', 'old', 'AAPL', 'buy', 7, 0, 1e9, 0, 1, 'filled', 1e9);"
            "INSERT INTO executions VALUES ('b:1', 'b', 'AAPL', 7, '10', 1e9);"
            "INSERT INTO holdings VALUES ('KO', 3);"
        )
    with (
        start_sandbox(book=str(book), fill_after=0) as sandbox,
        Emulator(sandbox.alpaca_url, sandbox.alpaca_headers) as broker,
    ):
        broker.place(qty="0.123456789")

        assert sandbox.admin.book()["positions"] == {"AAPL": "7.123456789", "KO": 3}
