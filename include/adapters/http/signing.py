"""The signature between the services (contract v2): an HMAC over caller, request, time and the exact body."""

from __future__ import annotations

import hashlib
import hmac
import json


def signed_headers(
    secret: str, *, service_id: str, method: str, path: str, query: str, body: bytes, timestamp: int, nonce: str
) -> dict[str, str]:
    """Return the headers that prove one request; every try needs a fresh timestamp and nonce.

    query: as on the wire, without "?".  body: exactly the bytes that are sent.  timestamp: epoch seconds.
    Source: service-contracts 3.
    """
    body_hash = hashlib.sha256(body).hexdigest()
    text = json.dumps(
        {
            "service_id": service_id,
            "method": method,
            "path": path,
            "query": query,
            "timestamp": str(timestamp),
            "nonce": nonce,
            "user_id": "",
            "strategy_id": "",
            "body_hash": body_hash,
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    return {
        "X-Internal-Token": hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        "X-Internal-Timestamp": str(timestamp),
        "X-Internal-Nonce": nonce,
        "X-Service-ID": service_id,
        "X-Body-Hash": body_hash,
    }
