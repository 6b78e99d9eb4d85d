"""The signature between the services, recomputed here from the contract's words."""

from __future__ import annotations

import hashlib
import hmac
import json

import httpx
import pytest

from include.adapters.http.client import HttpService
from include.adapters.http.endpoint import Endpoint
from include.adapters.http.signing import signed_headers
from include.trading.errors import Unavailable

SECRET = "k" * 64


def test_the_token_is_the_hmac_of_the_sorted_compact_json_of_the_request() -> None:
    headers = signed_headers(
        SECRET,
        service_id="orchestrator",
        method="POST",
        path="/api/v1/orders",
        query="a=1",
        body=b'{"qty":1}',
        timestamp=1_700_000_000,
        nonce="n1",
    )

    body_hash = hashlib.sha256(b'{"qty":1}').hexdigest()
    text = (
        f'{{"body_hash":"{body_hash}","method":"POST","nonce":"n1","path":"/api/v1/orders","query":"a=1",'
        '"service_id":"orchestrator","strategy_id":"","timestamp":"1700000000","user_id":""}'
    )
    assert headers == {
        "X-Internal-Token": hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest(),
        "X-Internal-Timestamp": "1700000000",
        "X-Internal-Nonce": "n1",
        "X-Service-ID": "orchestrator",
        "X-Body-Hash": body_hash,
    }


def test_the_bytes_that_are_signed_are_the_bytes_that_are_sent_and_every_try_has_its_own_nonce() -> None:
    seen: list[httpx.Request] = []

    def busy(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503)

    endpoint = Endpoint(
        connection_id="signal_service",
        service="signal_service",
        base_url="http://t3/base",
        contract="v2",
        secret=SECRET,
    )
    service = HttpService(
        endpoint,
        correlation_id="run-1",
        transport=httpx.MockTransport(busy),
        retry_delays_seconds=(1,),
        sleep=lambda _: None,
    )
    with pytest.raises(Unavailable):
        service._read_json("POST", "/path", params={"q": "é b"}, body={"symbols": ["ÄÖ"]})

    assert len({request.headers["X-Internal-Nonce"] for request in seen}) == 2
    for request in seen:
        body = request.read()
        assert json.loads(body) == {"symbols": ["ÄÖ"]}
        assert request.headers["X-Correlation-ID"] == "run-1"
        expected = signed_headers(
            SECRET,
            service_id="orchestrator",
            method="POST",
            path="/base/path",
            query=request.url.query.decode(),
            body=body,
            timestamp=int(request.headers["X-Internal-Timestamp"]),
            nonce=request.headers["X-Internal-Nonce"],
        )
        assert {name: request.headers[name] for name in expected} == expected
