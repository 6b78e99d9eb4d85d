"""How the shared client behaves when the network or the service does not: over a scripted transport."""

from __future__ import annotations

import httpx
import pytest

from include.adapters.http.bodies import MAX_BODY_BYTES
from include.adapters.http.client import HttpService
from include.adapters.http.endpoint import Endpoint
from include.trading.errors import (
    BadAnswer,
    InvalidData,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)

Step = httpx.Response | Exception
ENDPOINT = Endpoint(connection_id="market_data", service="market_data", base_url="http://prices")


class Service(HttpService):
    """A service that answers with the steps in turn, and remembers what it was asked and how long it waited."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        super().__init__(
            ENDPOINT, correlation_id="run-1", transport=httpx.MockTransport(self._step), sleep=self.waits.append
        )

    def _step(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


TRANSIENT: list[Step] = [
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("half a body"),
    httpx.Response(500, text="Internal Server Error"),
    httpx.Response(503, json={"detail": "Model not loaded"}),
]


@pytest.mark.parametrize("failure", TRANSIENT, ids=repr)
def test_a_read_is_tried_again_after_a_transient_failure(failure: Step) -> None:
    service = Service(failure, httpx.Response(200, json={}))

    assert service._read_json("GET", "/x").json() == {}
    assert service.waits == [0.5]


@pytest.mark.parametrize("failure", TRANSIENT, ids=repr)
def test_a_read_gives_up_as_unavailable_after_four_tries(failure: Step) -> None:
    service = Service(*[failure] * 4)

    with pytest.raises(Unavailable, match=r"market_data: GET /x.*the last of 4 tries"):
        service._read_json("GET", "/x")

    assert service.waits == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(400, json={"detail": "no"}), Rejected),
        (httpx.Response(401, json={"detail": {"error": "authentication_required"}}), Unauthorized),
        (httpx.Response(403, json={"detail": {"error": "permission_denied"}}), Unauthorized),
        (httpx.Response(404, json={"detail": "Not Found"}), Rejected),
        (httpx.Response(422, json={"detail": []}), Rejected),
        (httpx.Response(429, headers={"Retry-After": "7"}), Paused),
        (httpx.Response(302, headers={"Location": "http://login"}), BadAnswer),
        (httpx.Response(204), BadAnswer),
    ],
    ids=repr,
)
def test_an_answer_that_will_not_change_is_not_asked_for_again(
    response: httpx.Response, expected: type[TradingError]
) -> None:
    service = Service(response)

    with pytest.raises(expected, match="market_data: GET /x answered"):
        service._read_json("GET", "/x")

    assert service.waits == []


def test_a_429_carries_the_seconds_to_wait() -> None:
    with pytest.raises(Paused) as paused:
        Service(httpx.Response(429, headers={"Retry-After": "7"}))._read_json("GET", "/x")

    assert paused.value.retry_after_seconds == 7


def test_an_exchange_tells_what_was_never_sent_from_what_may_have_arrived() -> None:
    with pytest.raises(Unavailable, match="nothing was sent"):
        Service(httpx.ConnectTimeout("slow"))._exchange("POST", "/x", body={})
    with pytest.raises(OutcomeUnknown, match="the request began"):
        Service(httpx.WriteTimeout("slow"))._exchange("POST", "/x", body={})


def test_every_request_carries_the_run_id() -> None:
    service = Service(httpx.Response(200, json={}))

    service._read_json("GET", "/x")

    assert service.requests[0].headers["X-Correlation-ID"] == "run-1"


def test_an_answer_without_end_is_cut_off() -> None:
    with pytest.raises(BadAnswer, match="more than"):
        Service(httpx.Response(200, content=b"x" * (MAX_BODY_BYTES + 1)))._read("GET", "/x")


@pytest.mark.parametrize("run_id", ["", "a b", "a\r\nX-Evil: 1", "ü"])
def test_a_run_id_that_is_no_header_value_is_refused(run_id: str) -> None:
    with pytest.raises(InvalidData, match="correlation_id"):
        HttpService(ENDPOINT, correlation_id=run_id)
