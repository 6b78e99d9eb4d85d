"""What each answer of the Execution Gateway means for an order: the whole table of both contracts."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.adapters.http.endpoint import Endpoint
from include.adapters.venues.gateway.client import GatewayClient, GatewayReader
from include.trading.errors import (
    BadAnswer,
    BookMismatch,
    Halted,
    IdExists,
    InvalidData,
    NotFound,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)
from include.trading.models import Contract, OrderReport, OrderRequest

ID = "p-1f2e3d4c5b6a79880"
V1_ID = "f0a14016382a7f852ce555ba"
ORDER = OrderRequest(client_order_id=ID, symbol="AAPL", side="buy", quantity=10)
NO_ROUTE = httpx.Response(404, json={"detail": "Not Found"})
Routes = dict[str, httpx.Response | Exception]


def endpoint(contract: Contract = "v2") -> Endpoint:
    return Endpoint(
        connection_id="execution_gateway",
        service="execution_gateway",
        base_url="http://t4",
        contract=contract,
        account="main",
    )


def gateway(routes: Routes, contract: Contract = "v2", seen: list[httpx.Request] | None = None) -> GatewayClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        step = routes.get(request.url.path, NO_ROUTE)
        if isinstance(step, Exception):
            raise step
        return step

    return GatewayClient(
        endpoint(contract), correlation_id="run-1", transport=httpx.MockTransport(handle), sleep=lambda _: None
    )


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "client_order_id": ID,
        "status": "pending_new",
        "broker_order_id": None,
        "symbol": "AAPL",
        "side": "buy",
        "qty": 10,
        "order_type": "market",
        "limit_price": None,
        "stop_price": None,
        "created_at": "2026-11-22T22:00:31.561923Z",
        "message": "Order submitted",
        **changes,
    }


def submit(response: httpx.Response | Exception, contract: Contract = "v2") -> OrderReport:
    return gateway({"/api/v1/orders": response}, contract).submit(ORDER)


# --- the reader cannot trade ---


def test_the_reader_has_no_way_to_send_or_cancel() -> None:
    assert not hasattr(GatewayReader, "submit")
    assert not hasattr(GatewayReader, "cancel")


# --- submit: 200 ---


def test_an_order_goes_out_once_as_a_market_day_order_with_our_id() -> None:
    seen: list[httpx.Request] = []

    gateway({"/api/v1/orders": httpx.Response(200, json=stored())}, seen=seen).submit(ORDER)

    assert [json.loads(request.read()) for request in seen] == [
        {
            "symbol": "AAPL",
            "side": "buy",
            "qty": 10,
            "order_type": "market",
            "time_in_force": "day",
            "client_order_id": ID,
        }
    ]


@pytest.mark.parametrize("status", ["pending_new", "dry_run", "rejected", "failed", "blocked_circuit_breaker"])
def test_a_200_is_a_report_whose_status_decides(status: str) -> None:
    report = submit(httpx.Response(200, json=stored(status=status)))

    assert (report.status, report.gateway_order_id, report.quantity) == (status, ID, Decimal(10))
    assert report.raw == stored(status=status)


def test_v1_answers_with_an_id_of_its_own_and_without_a_stop_price() -> None:
    body = stored(client_order_id=V1_ID, status="Accepted", broker_order_id="b-1")
    del body["stop_price"]

    report = submit(httpx.Response(200, json=body), "v1")

    assert (report.gateway_order_id, report.status, report.broker_order_id) == (V1_ID, "accepted", "b-1")


@pytest.mark.parametrize("change", [{"symbol": "MSFT"}, {"side": "sell"}, {"qty": 11}, {"qty": "10.5"}])
@pytest.mark.parametrize("contract", ["v1", "v2"])
def test_a_200_about_another_order_is_a_break(change: dict[str, Any], contract: Contract) -> None:
    with pytest.raises(BookMismatch, match=f"sent buy 10 AAPL as {ID}"):
        submit(httpx.Response(200, json=stored(**change)), contract)


def test_v2_storing_the_order_under_another_id_is_a_break() -> None:
    with pytest.raises(BookMismatch, match=V1_ID):
        submit(httpx.Response(200, json=stored(client_order_id=V1_ID)))


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>Welcome</html>"),
        httpx.Response(200, text='{"client_order_id": "p-1", "sta'),
        httpx.Response(200),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=stored(status=None)),
        httpx.Response(200, json=stored(status="")),
        httpx.Response(200, json=stored(symbol=None)),
        httpx.Response(200, json=stored(side="hold")),
        httpx.Response(200, json=stored(qty=True)),
        httpx.Response(200, json=stored(client_order_id=None)),
        httpx.Response(200, text=json.dumps(stored(qty=float("nan")))),
        httpx.Response(200, content=b"x" * 10_000_001),
    ],
    ids=lambda response: response.text[:40],
)
def test_a_200_that_cannot_be_read_leaves_the_outcome_unknown(response: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown, match=f"order {ID}"):
        submit(response)


# --- submit: everything else ---

BOTH: tuple[Contract, ...] = ("v1", "v2")
V2: tuple[Contract, ...] = ("v2",)
V1: tuple[Contract, ...] = ("v1",)
FAT_FINGER = "Order rejected by fat-finger checks: "
SIGN_IN_DOWN = {"error": "service_unavailable", "message": "Auth service temporarily unavailable"}
GATES: list[Any] = [
    "Kill-switch engaged - new orders blocked",
    {"error": "Kill-switch unavailable", "message": "state missing", "fail_closed": True},
    "Circuit breaker tripped - trading paused",
    "Circuit-breaker state unavailable (fail-closed for safety)",
    "Position-reservation state unavailable (fail-closed for safety)",
    {"error": "Symbol quarantined", "message": "AAPL"},
    {"error": "Reconciliation in progress", "message": "wait"},
]
TABLE: list[tuple[tuple[Contract, ...], int, Any, type[TradingError]]] = [
    (BOTH, 422, {"detail": [{"type": "int", "loc": ["body", "qty"], "msg": "whole", "input": 1.5}]}, Rejected),
    (V1, 400, {"error": "Order validation failed", "detail": "no", "timestamp": "t"}, Rejected),
    (V2, 400, {"detail": "Order validation failed: no"}, Rejected),
    (V1, 422, {"error": "Order rejected by broker", "detail": "no", "timestamp": "t"}, Rejected),
    (V2, 422, {"detail": "Order rejected by broker: no"}, Rejected),
    (V2, 422, {"detail": {"error": "Position limit exceeded", "message": "20000 > 1000", "symbol": "A"}}, Rejected),
    (V2, 400, {"detail": FAT_FINGER + "notional"}, Rejected),
    (V2, 400, {"detail": FAT_FINGER + "notional, data_unavailable"}, Rejected),
    (V2, 400, {"detail": FAT_FINGER + "data_unavailable"}, Unavailable),
    (V1, 400, {"detail": FAT_FINGER + "data_unavailable"}, Rejected),
    (V2, 422, {"detail": FAT_FINGER + "data_unavailable"}, Rejected),
    (BOTH, 409, {"detail": f"client_order_id '{ID}' already exists for a different order."}, IdExists),
    (BOTH, 409, {"detail": "conflict"}, IdExists),
    (BOTH, 422, {"detail": "Order rejected by broker: client_order_id must be unique"}, IdExists),
    (V1, 422, {"error": "Order rejected by broker", "detail": "client_order_id must be unique"}, IdExists),
    (BOTH, 400, {"detail": "order id already exists"}, IdExists),
    (BOTH, 403, {"detail": "client order id must be unique"}, IdExists),
    (BOTH, 503, {"detail": "Broker connection error: client_order_id must be unique"}, IdExists),
    (V1, 500, {"error": "x", "detail": f"{'long ' * 200}client_order_id must be unique"}, IdExists),
    (BOTH, 401, {"detail": {"error": "authentication_required", "message": "m"}}, Unauthorized),
    (BOTH, 401, {"detail": {"error": "invalid_internal_token", "message": "m"}}, Unauthorized),
    (BOTH, 401, {"detail": {"error": "Please sign in", "message": "m"}}, OutcomeUnknown),
    (BOTH, 401, "<html>Please sign in</html>", OutcomeUnknown),
    (BOTH, 401, {"message": "Unauthorized"}, OutcomeUnknown),
    (BOTH, 403, "<html>Access denied: authentication_required</html>", OutcomeUnknown),
    (BOTH, 403, {"detail": "Forbidden"}, OutcomeUnknown),
    (BOTH, 403, [], OutcomeUnknown),
    (BOTH, 400, "<html>Bad Request</html>", OutcomeUnknown),
    (BOTH, 400, {"message": "Bad Request"}, OutcomeUnknown),
    (BOTH, 422, "Unprocessable", OutcomeUnknown),
    (BOTH, 429, {"detail": {"error": "rate_limited", "message": "m"}}, Paused),
    (BOTH, 429, "<html>Too many requests</html>", OutcomeUnknown),
    (BOTH, 429, {"error": "rate_limited"}, OutcomeUnknown),
    (BOTH, 429, {"detail": "Too Many Requests"}, OutcomeUnknown),
    (BOTH, 403, {"detail": {"error": "permission_denied", "message": "m"}}, Unauthorized),
    (V2, 503, {"detail": SIGN_IN_DOWN}, Unavailable),
    (V1, 503, {"detail": SIGN_IN_DOWN}, OutcomeUnknown),
    *[(V2, 503, {"detail": gate}, Halted) for gate in GATES],
    *[(V1, 503, {"detail": gate}, OutcomeUnknown) for gate in GATES],
    *[(V2, 500, {"detail": gate}, OutcomeUnknown) for gate in GATES],
    (V2, 503, "Kill-switch engaged - new orders blocked", OutcomeUnknown),
    (V2, 503, "<h1>Auth service temporarily unavailable</h1>", OutcomeUnknown),
    (V2, 503, {"detail": {"error": "Something new", "message": "m"}}, OutcomeUnknown),
    (V2, 503, {"detail": "Broker connection error: after Kill-switch engaged"}, OutcomeUnknown),
    (V2, 503, {"detail": "Position lookup unavailable"}, OutcomeUnknown),
    (V1, 503, {"error": "Broker connection error", "detail": "x", "timestamp": "t"}, OutcomeUnknown),
    (BOTH, 500, "Internal Server Error", OutcomeUnknown),
    (BOTH, 502, "<html>Bad Gateway</html>", OutcomeUnknown),
    (BOTH, 504, "", OutcomeUnknown),
    (BOTH, 404, {"detail": "Not Found"}, OutcomeUnknown),
    (BOTH, 408, "", OutcomeUnknown),
    (BOTH, 302, "", OutcomeUnknown),
    (BOTH, 201, stored(), OutcomeUnknown),
    (BOTH, 202, "", OutcomeUnknown),
]


@pytest.mark.parametrize(
    ("contract", "status", "body", "expected"),
    [(contract, status, body, expected) for contracts, status, body, expected in TABLE for contract in contracts],
)
def test_each_answer_to_an_order_means_exactly_one_thing(
    contract: Contract, status: int, body: Any, expected: type[TradingError]
) -> None:
    response = httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

    with pytest.raises(TradingError) as refused:
        submit(response, contract)

    assert type(refused.value) is expected


def test_a_rejection_keeps_the_gateways_words_and_status() -> None:
    with pytest.raises(Rejected, match="Order rejected by broker: insufficient buying power") as refused:
        submit(httpx.Response(422, json={"detail": "Order rejected by broker: insufficient buying power"}))

    assert refused.value.status == 422


def test_a_429_pauses_for_as_long_as_it_says() -> None:
    with pytest.raises(Paused) as paused:
        submit(httpx.Response(429, headers={"Retry-After": "60"}, json={"detail": {"error": "rate_limited"}}))

    assert paused.value.retry_after_seconds == 60


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError("refused"), Unavailable),
        (httpx.ConnectTimeout("slow"), Unavailable),
        (httpx.PoolTimeout("busy"), Unavailable),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.WriteTimeout("slow"), OutcomeUnknown),
        (httpx.ReadError("reset"), OutcomeUnknown),
        (httpx.WriteError("reset"), OutcomeUnknown),
        (httpx.RemoteProtocolError("half"), OutcomeUnknown),
        (httpx.DecodingError("gzip"), OutcomeUnknown),
    ],
    ids=repr,
)
def test_an_order_is_sent_once_whatever_the_network_does(failure: Exception, expected: type[TradingError]) -> None:
    seen: list[httpx.Request] = []

    with pytest.raises(TradingError) as failed:
        gateway({"/api/v1/orders": failure}, seen=seen).submit(ORDER)

    assert type(failed.value) is expected
    assert len(seen) == 1


def test_an_order_is_not_sent_again_after_a_500() -> None:
    seen: list[httpx.Request] = []

    with pytest.raises(OutcomeUnknown):
        gateway({"/api/v1/orders": httpx.Response(500)}, seen=seen).submit(ORDER)

    assert len(seen) == 1


# --- look-ups ---


def look_up(response: httpx.Response | Exception, contract: Contract = "v2") -> OrderReport | None:
    return gateway({f"/api/v1/orders/{ID}": response}, contract).order(ID)


def test_a_look_up_gives_fills_and_amounts_exactly() -> None:
    fill = {"fill_id": "f1", "fill_qty": "4", "fill_price": "180.16", "timestamp": "2026-11-20T14:31:00+00:00"}
    body = stored(
        status="cancelled", filled_qty="4", filled_avg_price="180.16", error_message=None, metadata={"fills": [fill]}
    )

    report = look_up(httpx.Response(200, json=body))

    assert report is not None
    assert (report.status, report.filled_quantity, report.filled_avg_price) == (
        "canceled",
        Decimal(4),
        Decimal("180.16"),
    )
    assert [(each.fill_id, each.quantity, each.price) for each in report.fills] == [
        ("f1", Decimal(4), Decimal("180.16"))
    ]


def test_a_fill_has_its_own_price_and_time_and_the_orders_average_where_its_own_is_no_price() -> None:
    own = {"fill_id": "f1", "fill_qty": "1", "fill_price": "180.10", "timestamp": "2026-11-20T14:31:00+00:00"}
    without = {"fill_id": "f2", "fill_qty": "3", "fill_price": "0"}
    words = {"status": "cancelled", "filled_qty": "4", "metadata": {"fills": [own, without]}}

    report = look_up(httpx.Response(200, json=stored(filled_avg_price="180.16", **words)))
    priceless = look_up(httpx.Response(200, json=stored(filled_avg_price=None, **words)))

    assert report is not None and priceless is not None
    assert [(each.price, each.at) for each in report.fills] == [
        (Decimal("180.10"), datetime(2026, 11, 20, 14, 31, tzinfo=UTC)),
        (Decimal("180.16"), None),
    ]
    # Its quantity counts without one.
    assert [(each.fill_id, each.quantity, each.price) for each in priceless.fills] == [
        ("f1", Decimal(1), Decimal("180.10")),
        ("f2", Decimal(3), None),
    ]


GOOD_FILL = {"fill_id": "f1", "fill_qty": "4", "fill_price": "180.16"}


@pytest.mark.parametrize(
    "odd",
    [
        *("f1", None, 7, [], {}),
        *({**GOOD_FILL, "fill_id": each} for each in (None, "", " ", True, 1.5, "x" * 1000)),
        *({**GOOD_FILL, "fill_qty": each} for each in (None, "0", "-4", "four", "NaN", True)),
    ],
)
def test_a_fill_that_is_none_leaves_the_others_and_the_order_as_they_are(odd: object) -> None:
    body = stored(status="filled", filled_qty="10", filled_avg_price="180.16", metadata={"fills": [odd, GOOD_FILL]})

    report = look_up(httpx.Response(200, json=body))

    assert report is not None
    assert (report.state, report.filled_quantity) == ("filled", Decimal(10))
    assert [(each.fill_id, each.quantity) for each in report.fills] == [("f1", Decimal(4))]


@pytest.mark.parametrize("fills", ["f1", {}, 7, True])
def test_a_list_of_fills_that_is_none_leaves_the_order_as_it_is(fills: object) -> None:
    body = stored(status="filled", filled_qty="10", filled_avg_price="180.16", metadata={"fills": fills})

    report = look_up(httpx.Response(200, json=body))

    assert report is not None and report.fills == () and report.filled_quantity == 10


def test_a_fills_id_may_be_a_number() -> None:
    body = stored(filled_qty="4", filled_avg_price=None, metadata={"fills": [{**GOOD_FILL, "fill_id": 17}]})

    report = look_up(httpx.Response(200, json=body))

    assert report is not None and [each.fill_id for each in report.fills] == ["17"]


@pytest.mark.parametrize("metadata", [None, {}, {"fills": None}, {"fills": []}])
def test_an_order_without_fills_has_none(metadata: object) -> None:
    report = look_up(httpx.Response(200, json=stored(filled_qty="0", filled_avg_price=None, metadata=metadata)))

    assert report is not None and report.fills == () and report.filled_quantity == 0


def test_only_the_gateways_own_not_found_proves_absence() -> None:
    assert look_up(httpx.Response(404, json={"detail": f"Order not found: {ID}"})) is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(404, json={"detail": "Not Found"}), OutcomeUnknown),
        (httpx.Response(404, json={"detail": "Order not found: another"}), OutcomeUnknown),
        (httpx.Response(404, json={"detail": {"message": f"Order not found: {ID}"}}), OutcomeUnknown),
        (httpx.Response(404, text=f"Order not found: {ID}"), OutcomeUnknown),
        (httpx.Response(404, text="<html>no such page</html>"), OutcomeUnknown),
        (httpx.Response(200, text="<html>"), OutcomeUnknown),
        (httpx.Response(200, json=stored(client_order_id=V1_ID)), OutcomeUnknown),
        (httpx.Response(200, json=stored(filled_qty="-1")), OutcomeUnknown),
        (httpx.Response(302), OutcomeUnknown),
        (httpx.Response(405), OutcomeUnknown),
        (httpx.Response(500, text="Internal Server Error"), Unavailable),
        (httpx.ReadTimeout("slow"), Unavailable),
        (httpx.Response(401, json={"detail": "no"}), Unauthorized),
        (httpx.Response(429), Paused),
    ],
    ids=repr,
)
def test_any_other_answer_proves_nothing_about_an_order(
    response: httpx.Response | Exception, expected: type[TradingError]
) -> None:
    with pytest.raises(TradingError) as failed:
        look_up(response)

    assert type(failed.value) is expected


def test_an_id_stays_one_part_of_the_path() -> None:
    seen: list[httpx.Request] = []

    with pytest.raises(OutcomeUnknown):
        gateway({}, seen=seen).order("../positions?x=1")
    with pytest.raises(InvalidData):
        gateway({}).order("")

    assert seen[0].url.raw_path == b"/api/v1/orders/..%2Fpositions%3Fx%3D1"


def test_many_orders_are_looked_up_at_once_and_one_failure_hides_no_other() -> None:
    both_asked = threading.Barrier(2, timeout=5)

    def handle(request: httpx.Request) -> httpx.Response:
        asked = request.url.path.rsplit("/", 1)[1]
        if asked in ("a", "b"):
            both_asked.wait()
        if asked == "a":
            return httpx.Response(200, json=stored(client_order_id="a"))
        if asked == "b":
            return httpx.Response(404, json={"detail": "Order not found: b"})
        return httpx.Response(403, json={"detail": "no"})

    reader = GatewayReader(endpoint(), correlation_id="run-1", transport=httpx.MockTransport(handle))
    found = dict(reader.orders(["a", "b", "c", "a"], concurrency=2))

    assert list(found) == ["a", "b", "c"]
    assert isinstance(found["a"], OrderReport)
    assert found["b"] is None
    assert isinstance(found["c"], Unauthorized)
    assert list(reader.orders([])) == []


# --- the gateway about itself ---


def health(**changes: Any) -> httpx.Response:
    body = {
        "status": "healthy",
        "service": "execution_gateway",
        "version": "0.1.0",
        "dry_run": False,
        "database_connected": True,
        "alpaca_connected": True,
        "details": {"strategy_id": "alpha_baseline", "alpaca_base_url": "https://paper-api.alpaca.markets"},
        **changes,
    }
    return httpx.Response(200, json=body)


def config(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json={"service": "execution_gateway", "dry_run": False, "alpaca_paper": True, **changes})


@pytest.mark.parametrize(
    ("contract", "routes", "mode"),
    [
        ("v1", {"/health": health(dry_run=True, details={})}, "dry_run"),
        ("v1", {"/health": health()}, "paper"),
        ("v1", {"/health": health(details={"alpaca_base_url": "https://api.alpaca.markets"})}, "live"),
        ("v2", {"/health": health(dry_run=True), "/api/v1/config": config(dry_run=True)}, "dry_run"),
        ("v2", {"/health": health(), "/api/v1/config": config()}, "paper"),
        ("v2", {"/health": health(), "/api/v1/config": config(alpaca_paper=False)}, "live"),
    ],
)
def test_the_mode_is_what_the_gateway_does_with_orders(contract: Contract, routes: Routes, mode: str) -> None:
    found = gateway(routes, contract).info()

    assert (found.mode, found.status) == (mode, "healthy")


def test_the_status_is_the_bodys_and_the_strategy_is_kept() -> None:
    found = gateway({"/health": health(status="unhealthy", database_connected=False)}, "v1").info()

    assert (found.status, found.strategy_id) == ("unhealthy", "alpha_baseline")
    assert found.detail == "database_connected False, alpaca_connected True"


@pytest.mark.parametrize(
    ("contract", "routes", "told"),
    [
        ("v1", {"/health": health(), "/api/v1/config": config()}, 'says contract v1.*as v2 does.*"contract": "v2"'),
        ("v2", {"/health": health()}, 'says contract v2.*as v1 does.*"contract": "v1"'),
        ("v2", {"/health": health(), "/api/v1/config": config(dry_run=True)}, "/health says False"),
        ("v2", {"/health": health(), "/api/v1/config": config(alpaca_paper=None)}, "alpaca_paper"),
        ("v1", {"/health": health(details={"alpaca_base_url": "https://broker.example"})}, "to tell paper from live"),
        ("v1", {"/health": health(details={})}, "to tell paper from live"),
        ("v1", {"/health": health(details="none")}, "details: expected an object"),
        ("v1", {"/health": health(dry_run=None)}, "dry_run: expected true or false"),
        ("v1", {"/health": health(status="fine")}, "status"),
        ("v1", {"/health": httpx.Response(200, text="<html>")}, "unusable body"),
    ],
)
def test_a_gateway_that_is_not_what_the_connection_says_is_refused(
    contract: Contract, routes: Routes, told: str
) -> None:
    with pytest.raises(InvalidData, match=told):
        gateway(routes, contract).info()


def positions(body: Any) -> dict[str, Decimal]:
    return gateway({"/api/v1/positions": httpx.Response(200, json=body)}).positions()


def test_positions_are_signed_shares_by_symbol() -> None:
    rows = [{"symbol": "AAPL", "qty": "10"}, {"symbol": "TSLA", "qty": "-3.5"}]

    assert positions({"positions": rows, "total_positions": 2}) == {"AAPL": Decimal(10), "TSLA": Decimal("-3.5")}
    assert positions({"positions": [], "total_positions": 0}) == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"positions": []},
        {"positions": [], "total_positions": 1},
        {"positions": None, "total_positions": 0},
        {"positions": [{"symbol": "AAPL", "qty": "10"}], "total_positions": 2},
        {"positions": [{"symbol": "AAPL", "qty": None}], "total_positions": 1},
        {"positions": [{"symbol": "AAPL", "qty": "NaN"}], "total_positions": 1},
        {"positions": [{"qty": "10"}], "total_positions": 1},
        {"positions": ["AAPL"], "total_positions": 1},
        {"positions": [{"symbol": "AAPL", "qty": "1"}, {"symbol": "AAPL", "qty": "2"}], "total_positions": 2},
    ],
)
def test_an_incomplete_position_answer_is_never_a_flat_book(body: Any) -> None:
    with pytest.raises(BadAnswer):
        positions(body)


def test_positions_that_cannot_be_had_are_never_a_flat_book() -> None:
    with pytest.raises(Unavailable):
        gateway({"/api/v1/positions": httpx.Response(500, text="Internal Server Error")}).positions()
    with pytest.raises(Rejected):
        gateway({}).positions()


@pytest.mark.parametrize(("state", "engaged"), [("ACTIVE", False), ("ENGAGED", True)])
def test_the_kill_switch_is_read(state: str, engaged: bool) -> None:
    body = {"state": state, "engaged_at": None, "engaged_by": "ops", "engagement_reason": "drill"}
    found = gateway({"/api/v1/kill-switch/status": httpx.Response(200, json=body)}).kill_switch()

    assert found is not None and (found.engaged, found.reason, found.engaged_by) == (engaged, "drill", "ops")


def test_v1_has_no_kill_switch() -> None:
    assert gateway({}, "v1").kill_switch() is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(200, json={"state": "UNSURE"}), BadAnswer),
        (httpx.Response(200, json={}), BadAnswer),
        (httpx.Response(503, json={"detail": "Kill-switch state missing"}), Unavailable),
    ],
    ids=repr,
)
def test_a_kill_switch_that_cannot_be_read_is_not_open(response: httpx.Response, expected: type[TradingError]) -> None:
    with pytest.raises(expected):
        gateway({"/api/v1/kill-switch/status": response}).kill_switch()


# --- cancel ---


def cancel(response: httpx.Response | Exception, contract: Contract = "v2") -> str:
    return gateway({f"/api/v1/orders/{ID}/cancel": response}, contract).cancel(ID)


def test_cancel_answers_the_status_the_order_has_now() -> None:
    assert cancel(httpx.Response(200, json={"client_order_id": ID, "status": "filled", "message": "final"})) == "filled"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(404, json={"detail": f"Order not found: {ID}"}), NotFound),
        (httpx.Response(404, json={"detail": "Not Found"}), Rejected),
        (httpx.Response(500), OutcomeUnknown),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.ConnectError("refused"), Unavailable),
        (httpx.Response(429), Paused),
        (httpx.Response(200, json={}), BadAnswer),
    ],
    ids=repr,
)
def test_each_failure_of_a_cancel_has_its_error(
    response: httpx.Response | Exception, expected: type[TradingError]
) -> None:
    with pytest.raises(TradingError) as failed:
        cancel(response)

    assert type(failed.value) is expected


def test_v1_has_no_cancel() -> None:
    with pytest.raises(Rejected, match="v1 has no cancel"):
        cancel(httpx.Response(200, json={"status": "canceled"}), "v1")
