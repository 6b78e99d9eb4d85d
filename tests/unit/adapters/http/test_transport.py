"""The deadline of an exchange against servers that drip, reset, stop half-way, or are found too late."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.adapters.http.transport import DeadlineTransport, elapsed
from include.trading.errors import OutcomeUnknown, Unavailable
from tests.support.talking import Talk, client, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def dripping(prefix: bytes, drops: bytes) -> Talk:
    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(prefix)
        for drop in drops:
            time.sleep(0.01)
            connection.sendall(bytes([drop]))

    return talk


@pytest.mark.parametrize(
    ("prefix", "drops"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 100 + b"\r\nContent-Length: 2\r\n\r\n{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 102\r\n\r\n{}", b" " * 100),
    ],
    ids=["headers", "body"],
)
def test_a_dripping_server_is_left_at_the_deadline(prefix: bytes, drops: bytes) -> None:
    with (
        serving(dripping(prefix, drops)) as server,
        client(server, total_timeout_seconds=0.3) as gateway,
        pytest.raises(OutcomeUnknown, match="ReadTimeout"),
    ):
        gateway._exchange("POST", "/x", body={})


def test_nothing_is_sent_when_the_address_is_found_only_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def slow(*names: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return look_up(*names, **options)

    with serving(lambda connection, _: connection.sendall(OK)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with client(server, total_timeout_seconds=0.1) as gateway, pytest.raises(Unavailable, match="nothing was sent"):
            gateway._exchange("POST", "/x", body={})

    assert server.received == []


@pytest.mark.parametrize("awake_for", [1, 2], ids=["before it connects", "between connecting and the first byte"])
def test_nothing_is_sent_once_the_machine_slept_past_the_deadline(awake_for: int) -> None:
    """awake_for: how often the clock is read before the machine falls asleep."""
    readings = 0

    def clock() -> float:
        nonlocal readings
        readings += 1
        return 0.0 if readings <= awake_for else 3600.0

    with (
        serving(lambda connection, _: connection.sendall(OK)) as server,
        closing(DeadlineTransport(10, None, 1, clock)) as transport,
        pytest.raises(httpx.ConnectTimeout, match="the total time-out of the exchange is over"),
    ):
        transport.handle_request(httpx.Request("POST", f"http://127.0.0.1:{server.port}/x", json={}))

    assert server.received == []


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that counts sleep")
def test_the_deadlines_clock_counts_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 7.0}.__getitem__)

    assert elapsed() == 7


def test_a_refused_connection_is_provably_nothing_sent() -> None:
    with serving(lambda *_: None) as server:
        pass

    with client(server) as gateway, pytest.raises(Unavailable, match="nothing was sent"):
        gateway._exchange("POST", "/x", body={})


def test_a_name_that_does_not_resolve_is_provably_nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with serving(lambda *_: None) as server, client(server) as gateway, monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(Unavailable, match="nothing was sent"):
            gateway._exchange("POST", "/x", body={})


@pytest.mark.parametrize(
    "talk",
    [
        lambda connection, _: reset(connection),
        lambda connection, _: connection.close(),
        lambda connection, _: (connection.sendall(OK[:30]), reset(connection)),
        lambda connection, _: (connection.sendall(OK[:-1]), connection.close()),
        lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
        lambda connection, _: None,
        lambda connection, _: connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
        ),
    ],
    ids=["reset", "closed", "reset in headers", "half a body", "not http", "silence", "not gzip"],
)
def test_a_request_that_began_and_has_no_whole_answer_is_unknown(talk: Talk) -> None:
    with (
        serving(talk) as server,
        client(server, read_timeout_seconds=0.2) as gateway,
        pytest.raises(OutcomeUnknown, match="the request began"),
    ):
        gateway._exchange("POST", "/x", body={})


def test_requests_of_one_client_share_a_connection() -> None:
    with serving(lambda connection, _: connection.sendall(OK)) as server, client(server) as gateway:
        answers = [gateway._exchange("GET", "/x").json() for _ in range(3)]

    assert answers == [{}, {}, {}]
    assert server.connections == 1


def test_https_is_spoken_to_a_server_the_ca_file_vouches_for_and_to_no_other(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    with serving(lambda connection, _: connection.sendall(OK), context) as server:
        with client(server, "https", verify=str(certificate)) as gateway:
            assert gateway._exchange("GET", "/x").json() == {}
        with client(server, "https") as gateway, pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            gateway._exchange("POST", "/x", body={})

    assert len(server.received) == 1


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
