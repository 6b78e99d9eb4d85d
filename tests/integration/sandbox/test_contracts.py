"""The sandbox keeps the services' contracts, over real sockets."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import exchange_calendars
import httpx
import pytest

from include.sandbox.data.make_closes import FIRST_SESSION
from include.sandbox.prices import Prices
from include.sandbox.runner import PROJECT, start_sandbox
from tests.support.sandbox_client import BUY, FILL_AFTER, GENERATE, LATEST, ORDERS, Client

SECRET = "s" * 64


@pytest.fixture(scope="module")
def secured() -> Iterator[Client]:
    with start_sandbox(secret=SECRET, market_key="id:key", rate_limit=3) as sandbox:
        client = Client(sandbox)
        yield client
        client.close()


def first_24(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def at_two_in_utc(client: Client) -> date:
    """Move the sandbox's clock to 02:00 UTC, when New York still has yesterday; return the UTC date."""
    now = datetime.now(UTC)
    at = now.replace(hour=2, minute=0) + timedelta(days=1)
    client.later((at - now).total_seconds())
    return at.date()


# ── order ids, duplicates, refusals ──


def test_v1_ignores_the_clients_id_and_hashes_the_local_date(v1: Client) -> None:
    new_york_day = at_two_in_utc(v1) - timedelta(days=1)

    made = v1.post(order_type="limit", limit_price="150.00").json()["client_order_id"]

    assert made == first_24(f"AAPL|buy|10|150.00|None|alpha_baseline|{new_york_day}")


def test_v2_hashes_type_and_utc_date_when_no_id_is_given(v2: Client) -> None:
    utc_day = at_two_in_utc(v2)

    made = v2.post(order_type="limit", limit_price=150, client_order_id=None).json()["client_order_id"]

    assert made == first_24(f"AAPL|buy|10|150.00|None|limit|day|alpha_baseline|{utc_day}")


def test_v2_takes_the_clients_id(v2: Client) -> None:
    answer = v2.post().json()

    assert answer["client_order_id"] == "buy-aapl"
    assert answer["status"] == "pending_new"
    assert answer["broker_order_id"]
    assert answer["stop_price"] is None


def test_v1_answers_accepted_and_has_no_stop_price(v1: Client) -> None:
    answer = v1.post().json()

    assert answer["status"] == "accepted"
    assert "stop_price" not in answer


def test_a_duplicate_is_answered_200_and_is_one_order(either: Client) -> None:
    first, second = either.post(), either.post()

    assert first.json()["client_order_id"] == second.json()["client_order_id"]
    assert "already" in second.json()["message"]
    book = either.admin.book()
    assert len(book["orders"]) == 1
    assert book["posts_total"] == 2
    assert book["posts_by_id"] == {"buy-aapl": 2}


def test_v2_answers_409_when_an_id_comes_with_another_payload(v2: Client) -> None:
    v2.post()

    answer = v2.post(qty=11)

    assert answer.status_code == 409
    assert "already exists for a different order" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("contract", "fault", "first", "retry"),
    [
        ("v1", "broker_validation_400", "400 Order validation failed", "200 accepted"),
        ("v1", "broker_rejection_422", "422 Order rejected by broker", "200 accepted"),
        ("v1", "broker_down_503_stored", "503 Broker connection error", "200 accepted"),
        ("v1", "broker_connection_500", "500 Unexpected error during order submission", "200 rejected"),
        ("v2", "broker_validation_400", "400 Order validation failed: asset is not tradable", "200 rejected"),
        ("v2", "broker_rejection_422", "422 Order rejected by broker: insufficient buying power", "200 rejected"),
        ("v2", "broker_down_503_stored", "503 Broker connection error: service unavailable", "200 failed"),
        (
            "v2",
            "broker_connection_500",
            "500 Unexpected error during order submission: ConnectionError",
            "200 pending_new",
        ),
    ],
)
def test_v1_forgets_what_the_broker_refused_and_v2_stores_it(
    sandboxes: dict[str, Client], contract: str, fault: str, first: str, retry: str
) -> None:
    client = sandboxes[contract]
    client.admin.reset()
    client.admin.fault(fault, times=1)

    assert [client.outcome(), client.outcome()] == [first, retry]
    assert len(client.admin.book()["orders"]) == (1 if retry == "200 accepted" else 0)


def test_a_symbol_can_be_set_to_be_rejected(either: Client) -> None:
    either.admin.settings(reject={"AAPL": "not shortable"})

    assert either.post().status_code == 422
    assert either.post(symbol="MSFT", client_order_id="other").status_code == 200


def test_v2_has_the_contracts_limits_when_they_are_set(v2: Client) -> None:
    v2.admin.settings(max_position_shares=1000, max_notional_usd=100_000, max_order_shares=10_000)
    v2.admin.positions(GEN001=995)

    assert v2.outcome(qty=20_000) == "400 Order rejected by fat-finger checks: notional, qty"
    assert v2.outcome(symbol="ZZZZ") == "400 Order rejected by fat-finger checks: data_unavailable"
    too_many = v2.post(symbol="GEN001").json()["detail"]
    assert too_many["message"] == "Position limit exceeded: 1005 > 1000"
    assert v2.outcome(symbol="GEN001", side="sell") == "200 pending_new"


@pytest.mark.parametrize("order", [{"qty": 1.5}, {"qty": 0}, {"side": "hold"}, {"symbol": None}])
def test_a_malformed_order_is_answered_with_a_list(either: Client, order: dict[str, Any]) -> None:
    answer = either.post(**order)

    assert answer.status_code == 422
    assert {"type", "loc", "msg", "input"} <= answer.json()["detail"][0].keys()


def test_dry_run_stores_without_sending(either: Client) -> None:
    either.admin.settings(mode="dry_run")

    answer = either.post().json()

    assert (answer["status"], answer["broker_order_id"]) == ("dry_run", None)
    assert answer["message"] == "Order logged (DRY_RUN mode)"
    either.later(10 * FILL_AFTER)
    assert either.look_up(answer["client_order_id"])["filled_qty"] == "0"
    assert either.admin.book()["orders"] == []
    assert either.gateway.get("/health").json()["dry_run"] is True


def test_only_v2_can_cancel_list_its_config_and_halt(v1: Client, v2: Client) -> None:
    v2.post()

    assert v1.gateway.get("/api/v1/config").status_code == 404
    assert v1.gateway.post(f"{ORDERS}/x/cancel").status_code == 404
    assert v1.signals.get("/ready").status_code == 404
    assert v2.signals.get("/ready").status_code == 200
    assert v2.gateway.get(ORDERS).status_code == v1.gateway.get(ORDERS).status_code == 405
    assert v2.gateway.post(f"{ORDERS}/buy-aapl/cancel").json()["status"] == "canceled"
    assert v2.gateway.post(f"{ORDERS}/buy-aapl/cancel").json()["message"] == "Order already in terminal state"
    assert v2.admin.book()["orders"][0]["status"] == "canceled"


def test_a_live_gateway_says_so(v1: Client, v2: Client) -> None:
    assert v2.gateway.get("/api/v1/config").json()["alpaca_paper"] is True
    for client in (v1, v2):
        client.admin.settings(mode="live")

    assert v2.gateway.get("/api/v1/config").json()["alpaca_paper"] is False
    assert v1.gateway.get("/health").json()["details"]["alpaca_base_url"] == "https://api.alpaca.markets"
    assert v1.gateway.get("/health").json()["service"] == "sandbox_execution_gateway"


def test_the_kill_switch_stops_duplicates_too(v2: Client) -> None:
    v2.post()
    engaged = v2.gateway.post("/api/v1/kill-switch/engage", json={"reason": "drill", "operator": "me"})

    assert engaged.json()["state"] == "ENGAGED"
    assert v2.outcome() == "503 Kill-switch engaged - new orders blocked"
    assert v2.gateway.post("/api/v1/kill-switch/disengage", json={"operator": "me"}).json()["state"] == "ACTIVE"
    assert v2.gateway.post("/api/v1/kill-switch/disengage", json={"operator": "me"}).status_code == 400
    assert v2.outcome() == "200 pending_new"


# ── fills, the book ──


def test_fills_arrive_in_parts_over_time(either: Client) -> None:
    order_id = either.post().json()["client_order_id"]
    seen = []
    for seconds in (1, FILL_AFTER * 0.3, FILL_AFTER * 0.6, FILL_AFTER * 1.1):
        either.later(seconds)
        order = either.look_up(order_id)
        seen.append((order["status"], order["filled_qty"]))

    assert seen[0] in [("accepted", "0"), ("pending_new", "0")]
    assert seen[1:] == [("new", "0"), ("partially_filled", "5"), ("filled", "10")]
    position = either.gateway.get("/api/v1/positions").json()["positions"][0]
    assert (position["symbol"], position["qty"]) == ("AAPL", "10")


def test_v2_lists_fills_with_unique_ids(v2: Client) -> None:
    v2.post()
    v2.later(2 * FILL_AFTER)

    fills = v2.look_up()["metadata"]["fills"]

    assert [fill["fill_qty"] for fill in fills] == [5, 5]
    assert len({fill["fill_id"] for fill in fills}) == 2


def test_zero_seconds_fill_at_once_and_a_sell_reduces_the_position(v2: Client) -> None:
    v2.admin.settings(fill_after_seconds=0)
    v2.admin.positions(AAPL=4)
    v2.post()
    v2.post(side="sell", qty=3, client_order_id="sell")

    assert v2.look_up("sell")["status"] == "filled"
    assert v2.admin.book()["positions"] == {"AAPL": 11}


def test_an_order_can_be_filled_in_part_canceled_and_filled_late(v2: Client) -> None:
    v2.post()

    v2.admin.order("buy-aapl", fill=4)
    canceled = v2.admin.order("buy-aapl", status="canceled")
    late = v2.admin.order("buy-aapl", fill=2)

    assert (canceled["status"], canceled["filled_qty"]) == ("canceled", 4)
    assert (late["status"], late["filled_qty"]) == ("canceled", 6)
    assert v2.look_up()["filled_qty"] == "6"


def test_the_book_outlives_a_killed_process(tmp_path: Path) -> None:
    book = str(tmp_path / "book.sqlite")
    with start_sandbox(book=book, fill_after=FILL_AFTER) as sandbox:
        assert httpx.post(f"{sandbox.gateway_url}{ORDERS}", json=BUY).status_code == 200
        sandbox.process.kill()
    with start_sandbox(book=book, fill_after=FILL_AFTER) as sandbox:
        again = httpx.post(f"{sandbox.gateway_url}{ORDERS}", json=BUY).json()
        sandbox.admin.settings(clock_offset_seconds=FILL_AFTER)
        orders, posts = sandbox.admin.book()["orders"], sandbox.admin.book()["posts_total"]

    assert "already exists" in again["message"]
    assert [(order["status"], order["filled_qty"]) for order in orders] == [("filled", 10)]
    assert posts == 2
    assert sandbox.process.returncode == 0


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        started = subprocess.run(
            [sys.executable, "-m", "include.sandbox", "--signals-port", port],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert started.returncode == 1
    assert started.stderr == f"Port {port} is in use: stop what listens there, or give another with --signals-port.\n"


# ── signatures, keys, rates ──


def sign(service_id: str = "orchestrator", nonce: str = "n1", body: bytes = b"", path: str = ORDERS) -> dict[str, str]:
    timestamp, body_hash = str(int(time.time())), hashlib.sha256(body).hexdigest()
    signed = {"service_id": service_id, "method": "POST", "path": path, "query": "", "timestamp": timestamp}
    signed |= {"nonce": nonce, "user_id": "", "strategy_id": "", "body_hash": body_hash}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
    token = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    headers = {"X-Internal-Token": token, "X-Internal-Timestamp": timestamp, "X-Internal-Nonce": nonce}
    return headers | {"X-Service-ID": service_id, "X-Body-Hash": body_hash}


def test_signatures_are_enforced(secured: Client) -> None:
    body = json.dumps(BUY).encode()

    def post(headers: dict[str, str]) -> tuple[int, Any]:
        answer = secured.gateway.post(ORDERS, content=body, headers=headers)
        return answer.status_code, answer.json().get("detail", {}).get("error")

    assert post({}) == (401, "authentication_required")
    assert post(sign(nonce="a", body=body + b" ")) == (401, "invalid_internal_token")
    assert post(sign(nonce="b", body=body, service_id="airflow")) == (401, "invalid_internal_token")
    assert post(sign(nonce="c", body=body, service_id="signal_service")) == (403, "permission_denied")
    assert post(sign(nonce="d", body=body)) == (200, None)
    assert post(sign(nonce="d", body=body)) == (401, "invalid_internal_token"), "a nonce serves once"
    assert post(sign(nonce="e", body=body)) == (200, None)
    assert post(sign(nonce="f", body=body)) == (200, None)
    assert post(sign(nonce="g", body=body)) == (429, "rate_limited")


def test_signals_need_a_signature_and_health_none(secured: Client) -> None:
    body = json.dumps({"symbols": ["AAPL"], "top_n": 1, "bottom_n": 0, "as_of_date": "2024-05-17"}).encode()

    assert secured.signals.post(GENERATE, content=body).status_code == 401
    signed = sign(nonce="s", body=body, path=GENERATE)
    assert secured.signals.post(GENERATE, content=body, headers=signed).status_code == 200
    assert secured.gateway.get("/health").status_code == 200
    assert secured.gateway.get("/api/v1/config").status_code == 200


def test_market_data_asks_for_its_key(secured: Client) -> None:
    keys = {"APCA-API-KEY-ID": "id", "APCA-API-SECRET-KEY": "key"}

    refused = secured.market.get(LATEST, params={"symbols": "AAPL"})

    assert (refused.status_code, refused.json()) == (403, {"message": "forbidden."})
    assert secured.market.get(LATEST, params={"symbols": "AAPL"}, headers=keys).status_code == 200


# ── signals and prices ──


def test_signals_have_the_contracts_shape(either: Client) -> None:
    answer = either.generate(symbols=["aapl", "MSFT", "KO", "GEN001", "GEN002"], top_n=2, bottom_n=2).json()

    rows = answer["signals"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["target_weight"] for row in rows] == [0.5, 0.5, 0.0, -0.5, -0.5]
    returns = [row["predicted_return"] for row in rows]
    assert fmean(returns) == pytest.approx(0)
    assert pstdev(returns) == pytest.approx(0.02)
    assert answer["metadata"]["as_of_date"] == "2024-05-17"
    assert answer["metadata"]["model_version"] == "sandbox-momentum-1"
    assert answer["metadata"]["num_signals"] == 5


def test_a_symbol_asked_for_twice_comes_four_times(v2: Client) -> None:
    rows = v2.generate(symbols=["AAPL", "AAPL", "MSFT"]).json()["signals"]

    assert sorted(row["symbol"] for row in rows) == ["AAPL"] * 4 + ["MSFT"]
    assert {row["rank"] for row in rows} == {1, 2}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"top_n": None, "bottom_n": None}, 400, "Cannot select 3 long + 3 short from 3 symbols"),
        ({"as_of_date": "2024-05-18"}, 400, "Invalid request"),
        ({"as_of_date": "2031-05-16"}, 400, "Invalid request"),
        ({"as_of_date": "2005-02-01"}, 400, "Invalid request"),
        ({"symbols": ["AAPL", "ZZZZ"]}, 400, "Invalid request"),
    ],
)
def test_signals_are_refused(either: Client, changes: dict[str, Any], status: int, words: str) -> None:
    answer = either.generate(**changes)

    assert answer.status_code == status
    assert answer.json()["detail"].startswith(words)


@pytest.mark.parametrize("changes", [{"symbols": []}, {"as_of_date": "soon"}, {"top_n": -1}, {"symbols": None}])
def test_a_malformed_signal_request_is_answered_with_a_list(either: Client, changes: dict[str, Any]) -> None:
    answer = either.generate(**changes)

    assert answer.status_code == 422
    assert {"type", "loc", "msg", "input"} <= answer.json()["detail"][0].keys()


def test_the_first_row_lies_on_the_first_session_of_2005_for_good(v2: Client) -> None:
    query = {"symbols": "AAPL,MSFT,ZZZZ", "timeframe": "1Day", "start": "2005-01-03", "end": "2005-01-04"}

    answer = v2.market.get("/v2/stocks/bars", params=query).json()

    closes = {symbol: [(bar["t"], bar["c"]) for bar in bars] for symbol, bars in answer["bars"].items()}
    assert closes == {
        "AAPL": [("2005-01-03T05:00:00Z", 0.264), ("2005-01-04T05:00:00Z", 0.266)],
        "MSFT": [("2005-01-03T05:00:00Z", 0.384), ("2005-01-04T05:00:00Z", 0.386)],
    }
    assert answer["next_page_token"] is None


def test_the_rows_lie_on_the_sessions_of_the_exchange() -> None:
    prices = Prices()
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_SESSION)

    assert prices.sessions[: len(calendar.sessions)] == [session.date() for session in calendar.sessions]
    assert prices.session_closes[: len(calendar.closes)] == [close.timestamp() for close in calendar.closes]


def test_bars_come_in_pages(v2: Client) -> None:
    query = {"symbols": "AAPL,MSFT", "timeframe": "1Day", "start": "2024-05-13", "end": "2024-05-17", "limit": "4"}
    pages, token = [], "0"
    while token is not None:
        answer = v2.market.get("/v2/stocks/bars", params={**query, "page_token": token}).json()
        pages.append({symbol: len(bars) for symbol, bars in answer["bars"].items()})
        token = answer["next_page_token"]

    assert pages == [{"AAPL": 4}, {"AAPL": 1, "MSFT": 3}, {"MSFT": 2}]


def test_latest_prices_are_stamped_now_and_orders_fill_at_them(v2: Client) -> None:
    v2.admin.settings(fill_after_seconds=0)
    before = datetime.now(UTC)

    trade = v2.trades("AAPL,GEN999,ZZZZ")

    v2.post()
    assert trade.keys() == {"AAPL", "GEN999"}
    assert before <= datetime.fromisoformat(trade["AAPL"]["t"]) <= datetime.now(UTC)
    assert float(v2.look_up()["filled_avg_price"]) == trade["AAPL"]["p"]
    assert trade["GEN999"]["p"] > 5


def test_every_service_says_that_its_prices_are_not_todays(v2: Client) -> None:
    for service in (v2.gateway, v2.signals, v2.market):
        assert "laid on other dates" in service.get("/").json()["notice"]
