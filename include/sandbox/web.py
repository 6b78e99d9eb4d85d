"""What the three services share on the wire: error bodies as FastAPI writes them, S2S signatures, time stamps."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]
ModelT = TypeVar("ModelT", bound=BaseModel)

SERVICE_IDS = frozenset({"orchestrator", "signal_service", "execution_gateway", "web_console_ng"})
MAX_CLOCK_SKEW_SECONDS = 300


class Problem(Exception):
    """An error answer with exactly this body."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers


def build_app(routes: list[Route]) -> Starlette:
    async def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return JSONResponse(error.body, error.status, error.headers)

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)

    return Starlette(routes=routes, exception_handlers={Problem: problem, HTTPException: http_error})


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def parse(request: Request, model: type[ModelT]) -> ModelT:
    """Read the body into a model, or answer 422 in FastAPI's list form."""
    try:
        return model.model_validate(json.loads(await request.body()))
    except json.JSONDecodeError as error:
        problem = {"type": "json_invalid", "loc": ["body", error.pos], "msg": "JSON decode error", "input": {}}
        raise Problem(422, {"detail": [problem]}) from error
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        detail = [{**problem, "loc": ["body", *problem["loc"]]} for problem in problems]
        raise Problem(422, json.loads(json.dumps({"detail": detail}, default=str))) from error


class SignatureCheck:
    """The services' S2S check: HMAC over the request's parts, fresh time, a nonce never seen, a service that may."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._nonces: set[str] = set()

    def guard(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            self._check(request, await request.body())
            return await handler(request)

        return guarded

    def _check(self, request: Request, body: bytes) -> None:
        headers = request.headers
        token, timestamp, nonce = (headers.get(f"X-Internal-{name}", "") for name in ("Token", "Timestamp", "Nonce"))
        service_id, body_hash = headers.get("X-Service-ID", ""), headers.get("X-Body-Hash", "")
        if not (token and timestamp and nonce and service_id):
            raise _unauthorized("authentication_required", "Missing authentication headers")
        signed = {
            "service_id": service_id,
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "timestamp": timestamp,
            "nonce": nonce,
            "user_id": headers.get("X-User-ID", ""),
            "strategy_id": headers.get("X-Strategy-ID", ""),
            "body_hash": body_hash,
        }
        text = json.dumps(signed, sort_keys=True, separators=(",", ":"))
        expected = hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
        fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= MAX_CLOCK_SKEW_SECONDS
        must_hash = request.method in ("POST", "PUT", "PATCH", "DELETE")
        whole = body_hash == hashlib.sha256(body).hexdigest() or not (body_hash or must_hash)
        known = service_id in SERVICE_IDS and len(nonce) <= 128 and nonce not in self._nonces
        if not (fresh and whole and known and hmac.compare_digest(token.encode(), expected.encode())):
            raise _unauthorized("invalid_internal_token", "Invalid internal token")
        self._nonces.add(nonce)
        if service_id != "orchestrator":
            raise Problem(403, {"detail": {"error": "permission_denied", "message": f"{service_id} may not do this"}})


def _unauthorized(error: str, message: str) -> Problem:
    return Problem(401, {"detail": {"error": error, "message": message}})
