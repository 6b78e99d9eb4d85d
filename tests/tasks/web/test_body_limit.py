"""A body that is too long is refused before it is read, no matter who sends it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.web import API, Site

LIMIT = 100_000
HALT = f"{API}/accounts/sandbox/halt"


def talk(site: Site, headers: str, body: bytes = b"") -> bytes:
    """Send a request by hand and return what is answered to it."""
    address = urlsplit(str(site.client.base_url))
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(f"POST {HALT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n".encode() + body)
        answer = connection.recv(65536)
        while more := connection.recv(65536):
            answer += more
    return answer


@pytest.mark.parametrize("length", [LIMIT + 1, 150_000_000])
def test_a_body_is_refused_by_its_length_without_a_byte_of_it(site: Site, length: int) -> None:
    answer = talk(site, f"Content-Type: application/json\r\nContent-Length: {length}")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b"at most 100000 bytes" in answer


def test_a_body_of_unknown_length_is_refused_at_the_byte_too_many(site: Site) -> None:
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"

    # More never comes: the answer does not wait for the end.
    answer = talk(site, "Content-Type: application/json\r\nTransfer-Encoding: chunked", chunk * 4)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"at most 100000 bytes" in answer


def test_somebody_unknown_is_told_the_length_and_not_more(site: Site) -> None:
    assert site.ask("POST", HALT, None, content=b" " * (LIMIT + 1)).status_code == 413
    assert site.ask("POST", HALT, None, content=b" " * LIMIT).status_code == 401


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"reason": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"])
def test_a_body_that_is_nested_deeply_is_a_request_that_does_not_fit(site: Site, body: bytes) -> None:
    response = site.ask("POST", HALT, "ada", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code in (400, 422)


def test_a_reason_is_kept_whatever_is_in_it(site: Site) -> None:
    site.break_account("the books differ")

    response = site.post("/accounts/sandbox/halt", {"reason": "a\x00b\x1b[2J"})

    assert response.status_code == 200
    assert response.json()["account"]["state_reason"] == "a\ufffdb\ufffd[2J"
