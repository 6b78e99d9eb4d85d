"""What the clients share: one pool of connections, one deadline an exchange, signing, and quick retries for reads.

Requests go to httpx's transport directly: what its client adds is cookies, redirects, proxies and logins, all unwanted.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import httpx

from include.adapters.http.answers import Answer, retry_after_seconds
from include.adapters.http.bodies import ACCEPTED_ENCODING, read_body
from include.adapters.http.endpoint import Endpoint
from include.adapters.http.signing import signed_headers
from include.adapters.http.transport import DeadlineTransport
from include.trading.errors import (
    InvalidData,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)

RETRY_DELAYS_SECONDS = (0.5, 1.0, 2.0)
MAX_CONNECTIONS = 32
CORRELATION_ID = re.compile(r"[!-~]{1,200}")
# A task asks the same addresses again and again.
_parsed = lru_cache(maxsize=256)(httpx.URL)


class HttpService:
    """A service behind an endpoint. One instance per task; it may be used from several threads.

    correlation_id: the run's id, sent with every request.  transport: for tests only.
    retry_delays_seconds: the waits between the tries of a read; a request that changes something has one try.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        correlation_id: str,
        transport: httpx.BaseTransport | None = None,
        retry_delays_seconds: Sequence[float] = RETRY_DELAYS_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not CORRELATION_ID.fullmatch(correlation_id):
            raise InvalidData(f"correlation_id: expected 1 to 200 printable characters, got {correlation_id!r}")
        self.endpoint = endpoint
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED_ENCODING,
            "Connection": "keep-alive",
            "User-Agent": "daily-trading",
            "X-Correlation-ID": correlation_id,
        }
        self._timeouts = httpx.Timeout(
            connect=endpoint.connect_timeout_seconds,
            read=endpoint.read_timeout_seconds,
            write=endpoint.read_timeout_seconds,
            pool=endpoint.connect_timeout_seconds,
        ).as_dict()
        self._transport = transport
        self._retry_delays_seconds = tuple(retry_delays_seconds)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._opened: httpx.BaseTransport | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _read(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask something that changes nothing, and again after a short wait while the service does not answer.

        Returns any answer below 500.  Raises Unavailable after the last try: a read that got lost did no harm.
        """
        delays = iter(self._retry_delays_seconds)
        while True:
            failure: TradingError
            try:
                answer = self._exchange(method, path, params=params, body=body)
            except (Unavailable, OutcomeUnknown) as error:
                failure = error
            else:
                if answer.status < 500:
                    return answer
                failure = Unavailable(answer.sentence())
            delay = next(delays, None)
            if delay is None:
                tries = len(self._retry_delays_seconds) + 1
                raise Unavailable(f"{failure} (the last of {tries} tries)") from failure
            self._sleep(delay)

    def _read_json(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Read as `_read` does, and turn every answer but 200 into its error."""
        return self._accepted(self._read(method, path, params=params, body=body))

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: Answer) -> TradingError:
        """Return the error that an answer other than 200 means for a request that changed nothing."""
        if answer.status == 429:
            return self._paused(answer)
        if answer.status in (401, 403):
            return self._unauthorized(answer)
        if 400 <= answer.status < 500:
            return Rejected(answer.sentence(), answer.status)
        if answer.status >= 500:
            return Unavailable(answer.sentence())
        return answer.bad(f"expected 200; is {self.endpoint.base_url} the service's own address?")

    def _paused(self, answer: Answer) -> Paused:
        return Paused(answer.sentence(), retry_after_seconds(answer, datetime.now(UTC)))

    def _unauthorized(self, answer: Answer) -> Unauthorized:
        return Unauthorized(
            f"{answer.sentence()}; check login and password of the connection {self.endpoint.connection_id!r}",
            answer.status,
        )

    def _exchange(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Send one request once and read its answer to the end.

        Raises Unavailable when provably not one byte of it was sent, OutcomeUnknown when it began and no whole
        answer came, BadAnswer when the answer is longer than any answer may be, or packed in another way.
        """
        asked = f"{self.endpoint.connection_id}: {method} {path}"
        transport = self._open()
        # Serialised once: the bytes that are signed are the bytes that are sent.
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        request = httpx.Request(
            method,
            _parsed(f"{self.endpoint.base_url}{path}"),
            params=params,
            headers=self._headers,
            content=content or None,
            extensions={"timeout": self._timeouts},
        )
        if content:
            request.headers["Content-Type"] = "application/json"
        request.headers.update(self._credentials(request, content))
        try:
            response = transport.handle_request(request)
            try:
                received = read_body(asked, response)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise Unavailable(
                f"{asked}: nothing was sent, {self.endpoint.base_url} could not be reached ({_named(error)})"
            ) from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"{asked}: the request began and no whole answer came ({_named(error)})") from error
        return Answer(asked, response.status_code, response.headers, received)

    def _credentials(self, request: httpx.Request, content: bytes) -> dict[str, str]:
        endpoint = self.endpoint
        if endpoint.api_key is not None and endpoint.api_secret is not None:
            return {
                "APCA-API-KEY-ID": endpoint.api_key.get_secret_value(),
                "APCA-API-SECRET-KEY": endpoint.api_secret.get_secret_value(),
            }
        if endpoint.secret is None:
            return {}
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        return signed_headers(
            endpoint.secret.get_secret_value(),
            service_id=endpoint.service_id,
            method=request.method,
            path=path,
            query=query,
            body=content,
            timestamp=int(time.time()),
            nonce=uuid.uuid4().hex,
        )

    def _open(self) -> httpx.BaseTransport:
        with self._lock:
            if self._opened is None:
                endpoint = self.endpoint
                self._opened = self._transport or DeadlineTransport(
                    endpoint.total_timeout_seconds, _ssl_context(endpoint), MAX_CONNECTIONS
                )
            return self._opened


def _ssl_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """Return what checks the server's certificate; plain http needs none, and making one takes time."""
    if not endpoint.base_url.startswith("https:"):
        return None
    if isinstance(endpoint.verify, str):
        try:
            return ssl.create_default_context(cafile=endpoint.verify)
        except (OSError, ssl.SSLError) as error:
            raise InvalidData(
                f"connection {endpoint.connection_id!r}: verify must be true, false or a CA file, "
                f"got {endpoint.verify!r} ({error})"
            ) from error
    return httpx.create_ssl_context(verify=endpoint.verify)


def _named(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
