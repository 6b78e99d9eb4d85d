"""The Signal Service's answers, taken whole or refused whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.adapters.http.endpoint import Endpoint
from include.adapters.signals.service import SignalServiceClient
from include.trading.errors import BadAnswer, InvalidData, Rejected, TradingError, Unauthorized, Unavailable
from include.trading.models import Contract

DAY = date(2026, 11, 20)


def service(contract: Contract, routes: dict[str, httpx.Response]) -> SignalServiceClient:
    def handle(request: httpx.Request) -> httpx.Response:
        return routes.get(request.url.path, httpx.Response(404, json={"detail": "Not Found"}))

    endpoint = Endpoint(
        connection_id="signal_service", service="signal_service", base_url="http://t3", contract=contract
    )
    return SignalServiceClient(
        endpoint, correlation_id="run-1", transport=httpx.MockTransport(handle), sleep=lambda _: None
    )


def good() -> dict[str, Any]:
    return {
        "signals": [
            {"symbol": "AAPL", "predicted_return": 0.02578386, "rank": 1, "target_weight": 0.5},
            {"symbol": "MSFT", "predicted_return": 0.001, "rank": 2, "target_weight": 0.0},
            {"symbol": "TSLA", "predicted_return": -1e-17, "rank": 3, "target_weight": -1},
        ],
        "metadata": {
            "as_of_date": "2026-11-20",
            "model_version": "v1.0.0",
            "strategy": "alpha_baseline",
            "num_signals": 3,
            "generated_at": "2026-11-22T22:04:27.888033Z",
            "top_n": 2,
            "bottom_n": 1,
        },
    }


def answering(content: bytes | dict[str, Any], status: int = 200) -> SignalServiceClient:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return service("v2", {"/api/v1/signals/generate": httpx.Response(status, content=body)})


def ask(client: SignalServiceClient) -> Any:
    return client.generate(["AAPL", "MSFT", "TSLA", "NVDA"], DAY, 2, 1)


def test_a_good_answer_keeps_exact_numbers_neutral_symbols_and_the_raw_text() -> None:
    found = ask(answering(good()))

    assert [signal.symbol for signal in found.signals] == ["AAPL", "MSFT", "TSLA"]
    assert [signal.target_weight for signal in found.signals] == [Decimal("0.5"), Decimal(0), Decimal(-1)]
    assert found.signals[0].predicted_return == Decimal("0.02578386")
    assert (found.as_of_date, found.model_version, found.strategy) == (DAY, "v1.0.0", "alpha_baseline")
    assert found.raw == good()


def test_symbols_are_sent_once_in_upper_case_and_counts_always() -> None:
    sent: list[dict[str, Any]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.read()))
        return httpx.Response(200, json={**good(), "signals": [], "metadata": {**good()["metadata"], "num_signals": 0}})

    endpoint = Endpoint(connection_id="signal_service", service="signal_service", base_url="http://t3", contract="v1")
    client = SignalServiceClient(endpoint, correlation_id="run-1", transport=httpx.MockTransport(handle))
    client.generate(["tsla", "AAPL", "TSLA", "aapl"], DAY, 2, 1)

    assert sent == [{"symbols": ["TSLA", "AAPL"], "as_of_date": "2026-11-20", "top_n": 2, "bottom_n": 1}]


def test_no_symbols_are_not_asked_for() -> None:
    with pytest.raises(InvalidData, match="at least one"):
        answering(good()).generate([], DAY, 0, 0)


def edited(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    body = good()
    edit(body)
    return body


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda body: body["signals"].append(body["signals"][0]), "one row per symbol, got several for AAPL"),
        (lambda body: body["signals"][0].update(symbol="GOOG"), "got also GOOG"),
        (lambda body: body["signals"][0].update(symbol="aapl"), "symbol"),
        (lambda body: body["signals"][0].update(target_weight=True), "target_weight: expected a number, got True"),
        (lambda body: body["signals"][0].update(target_weight=None), "target_weight: expected a number, got None"),
        (lambda body: body["signals"][0].update(target_weight="NaN"), "target_weight: expected a finite number"),
        (lambda body: body["signals"][0].update(rank=0), "rank"),
        (lambda body: body["signals"][0].update(rank=1.5), "rank: expected a whole number"),
        (lambda body: body["signals"][0].pop("predicted_return"), "predicted_return: expected a number, got None"),
        (lambda body: body["signals"].append("AAPL"), "expected objects"),
        (lambda body: body.update(signals=None), "a list `signals`"),
        (lambda body: body.pop("metadata"), "an object `metadata`"),
        (lambda body: body["metadata"].update(as_of_date="2026-11-19"), "as_of_date: expected 2026-11-20, got"),
        (lambda body: body["metadata"].pop("as_of_date"), "as_of_date: expected a text"),
        (lambda body: body["metadata"].update(num_signals=5), "num_signals: expected 3, the number of rows, got 5"),
        (lambda body: body["metadata"].update(model_version=""), "model_version: expected a text"),
        (lambda body: body["metadata"].pop("model_version"), "model_version: expected a text"),
        (lambda body: body["metadata"].update(top_n=3), "top_n: expected 2, got 3"),
        (lambda body: body["metadata"].update(bottom_n=None), "bottom_n: expected 1, got None"),
        (lambda body: body["metadata"].update(generated_at="yesterday"), "yesterday"),
        (lambda body: body["metadata"].update(generated_at=5), "generated_at: expected a time"),
        (lambda body: body["metadata"].update(generated_at="9999-12-31T23:59:59-12:00"), "generated_at: expected a"),
        (lambda body: body["metadata"].update(model_version="m" * 101), "model_version: expected at most 100"),
        (lambda body: body["metadata"].update(strategy="s" * 201), "strategy: expected at most 200"),
        (lambda body: body["signals"][0].update(rank=2**31), "rank: expected at most 2147483647"),
        (lambda body: body["signals"][0].update(predicted_return=1e20), "predicted_return: expected a number of"),
        (lambda body: body["signals"][0].update(predicted_return="1e8"), "predicted_return: expected a number of"),
        (lambda body: body["signals"][0].update(target_weight="0." + "3" * 40), "target_weight: expected a number of"),
        (lambda body: body["signals"][0].update(target_weight=1e6), "target_weight: expected a number of at most"),
        (lambda body: body["signals"][0].update(target_weight="0_5"), "target_weight: expected a finite number"),
        (lambda body: body["signals"][0].update(symbol="A\x00"), "symbol"),
        (lambda body: body["signals"][1].update(target_weight=-0.5), "at most 1 short .bottom_n., got 2: MSFT, TSLA"),
        (lambda body: [row.update(target_weight=0.4) for row in body["signals"]], "at most 2 long .top_n., got 3"),
    ],
)
def test_an_answer_with_one_wrong_part_is_refused_whole_and_kept(
    edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    body = edited(edit)

    with pytest.raises(BadAnswer, match=told) as refused:
        ask(answering(body))

    assert json.loads(refused.value.raw) == body


def test_a_short_where_none_was_asked_for_refuses_the_answer() -> None:
    body = edited(lambda body: body["metadata"].update(top_n=2, bottom_n=0))

    with pytest.raises(BadAnswer, match=r"at most 0 short \(bottom_n\), got 1: TSLA"):
        answering(body).generate(["AAPL", "MSFT", "TSLA"], DAY, 2, 0)


def test_ranks_may_be_tied_and_fewer_may_have_a_weight_than_asked_for() -> None:
    def tie(body: dict[str, Any]) -> None:
        for row in body["signals"]:
            row.update(rank=1, target_weight=-0.0)

    found = ask(answering(edited(tie)))

    assert [(signal.rank, str(signal.target_weight)) for signal in found.signals] == [(1, "0")] * 3


@pytest.mark.parametrize("content", [json.dumps(good()).replace("0.5", "NaN").encode(), b"<html>", b'{"signals": ['])
def test_an_answer_that_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(BadAnswer, match="unusable body"):
        ask(answering(content))


def test_a_time_without_a_zone_counts_as_no_time() -> None:
    found = ask(answering(edited(lambda body: body["metadata"].update(generated_at="2026-11-22T22:04:27"))))

    assert found.generated_at is None


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"detail": "Cannot select 3 long + 3 short from 5 symbols"}, Rejected),
        (404, {"detail": "Requested market data not found"}, Rejected),
        (422, {"detail": [{"type": "x", "loc": ["body", "top_n"], "msg": "negative", "input": -1}]}, Rejected),
        (401, {"detail": {"error": "invalid_internal_token", "message": "bad"}}, Unauthorized),
        (403, {"detail": {"error": "permission_denied", "message": "no"}}, Unauthorized),
        (
            503,
            {"detail": {"error": "service_unavailable", "message": "Auth service temporarily unavailable"}},
            Unavailable,
        ),
        (503, {"detail": "Cannot verify strategy 'a' status"}, Unavailable),
        (500, {"error": "Internal server error", "detail": "x", "path": "/"}, Unavailable),
    ],
)
def test_each_refusal_has_its_error(status: int, body: dict[str, Any], expected: type[TradingError]) -> None:
    with pytest.raises(TradingError) as refused:
        ask(answering(body, status))

    assert type(refused.value) is expected


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refusal_tells_the_date_and_the_symbols_that_were_asked_for(status: int) -> None:
    client = answering({"detail": "Invalid request parameters or data unavailable"}, status)

    with pytest.raises(
        Rejected, match=rf"answered {status}: Invalid .*\(asked for 2026-11-20: AAPL, MSFT\)"
    ) as refused:
        client.generate(["AAPL", "MSFT"], DAY, 1, 0)
    assert refused.value.status == status
    with pytest.raises(Rejected, match=r"S0, S1, .*, S9 and 490 more\)"):
        client.generate([f"S{number}" for number in range(500)], DAY, 1, 0)


def test_an_inactive_strategy_is_a_rejection_and_no_matter_of_credentials() -> None:
    body = {"detail": "Strategy 'alpha_baseline' is not active. Signal generation blocked."}

    with pytest.raises(Rejected, match="not active") as refused:
        ask(answering(body, 403))

    assert not isinstance(refused.value, Unauthorized)


def health(status: str = "healthy", loaded: object = True) -> httpx.Response:
    return httpx.Response(200, json={"status": status, "model_loaded": loaded, "redis_status": "connected"})


def test_readiness_is_the_ready_route_in_v2_and_the_body_of_health_in_v1() -> None:
    v2 = service("v2", {"/ready": httpx.Response(200, json={"status": "ready"}), "/health": health("degraded")})
    v1 = service("v1", {"/ready": httpx.Response(503), "/health": health()})

    assert v2.check_ready().words == "contract v2, /ready says ready"
    assert v1.check_ready().words == "contract v1, /health says healthy, redis connected"


def test_v2_without_a_ready_route_is_judged_by_the_body_of_health() -> None:
    assert (
        service("v2", {"/health": health()}).check_ready().words == "contract v2, /health says healthy, redis connected"
    )


@pytest.mark.parametrize(
    ("contract", "routes", "words"),
    [
        ("v2", {"/ready": httpx.Response(503, json={"detail": "Service not ready: degraded"})}, "not ready: degraded"),
        ("v2", {"/health": health("degraded")}, "got 'degraded'"),
        ("v1", {"/health": health("unhealthy")}, "got 'unhealthy'"),
        ("v1", {"/health": health(loaded=False)}, "model_loaded False"),
        ("v1", {"/health": httpx.Response(503, json={"detail": "Model not loaded"})}, "Model not loaded"),
    ],
)
def test_a_service_that_is_not_ready_is_unavailable_in_its_own_words(
    contract: Contract, routes: dict[str, httpx.Response], words: str
) -> None:
    with pytest.raises(Unavailable, match=words):
        service(contract, routes).check_ready()


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>ok</html>"), health(loaded="yes")], ids=repr)
def test_a_200_that_says_nothing_is_not_readiness(answer: httpx.Response) -> None:
    with pytest.raises(BadAnswer):
        service("v1", {"/health": answer}).check_ready()
