"""What stands before every order at a v2 gateway: rate limit, kill switch, circuit breaker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.sandbox.faults import Json
from include.sandbox.settings import Settings
from include.sandbox.web import Handler, Problem, parse, stamp

BREAKER_WORDS = {
    "tripped": "Circuit breaker tripped - trading paused",
    "missing": "Circuit-breaker state unavailable (fail-closed for safety)",
}


class Engage(BaseModel):
    reason: str
    operator: str


class Disengage(BaseModel):
    operator: str


class Gates:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clear()

    def clear(self) -> None:
        self.kill_switch: Json = dict.fromkeys(
            ("engaged_at", "engaged_by", "engagement_reason", "disengaged_at", "disengaged_by")
        )
        self.kill_switch |= {"state": "ACTIVE", "engagement_count_today": 0}
        self._recent_posts: deque[float] = deque()

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            Route("/api/v1/kill-switch/status", guard(self._kill_switch_status)),
            Route("/api/v1/kill-switch/engage", guard(self._engage), methods=["POST"]),
            Route("/api/v1/kill-switch/disengage", guard(self._disengage), methods=["POST"]),
            Route("/api/v1/circuit-breaker/status", guard(self._breaker_status)),
        ]

    def limit_rate(self) -> None:
        limit = self.settings.rate_limit_per_minute
        if not limit:
            return
        now = time.monotonic()
        while self._recent_posts and self._recent_posts[0] < now - 60:
            self._recent_posts.popleft()
        if len(self._recent_posts) >= limit:
            detail = {"error": "rate_limited", "message": "Rate limit exceeded", "retry_after": 60}
            headers = {"Retry-After": "60", "X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0"}
            raise Problem(429, {"detail": {**detail, "reason": "global_limit_exceeded"}}, headers)
        self._recent_posts.append(now)

    def check(self) -> None:
        """Refuse every order while a gate is shut, also one that exists already."""
        if self.kill_switch["state"] == "ENGAGED":
            raise Problem(503, {"detail": "Kill-switch engaged - new orders blocked"})
        if words := BREAKER_WORDS.get(self.settings.breaker):
            raise Problem(503, {"detail": words})

    async def _kill_switch_status(self, _: Request) -> Response:
        return JSONResponse(self.kill_switch)

    async def _engage(self, request: Request) -> Response:
        asked = await parse(request, Engage)
        self._switch("ACTIVE", "ENGAGED", "Kill-switch is already engaged")
        count = self.kill_switch["engagement_count_today"] + 1
        self.kill_switch |= {"engaged_at": stamp(self.settings.now()), "engaged_by": asked.operator}
        self.kill_switch |= {"engagement_reason": asked.reason, "engagement_count_today": count}
        return JSONResponse(self.kill_switch)

    async def _disengage(self, request: Request) -> Response:
        asked = await parse(request, Disengage)
        self._switch("ENGAGED", "ACTIVE", "Kill-switch is not engaged")
        self.kill_switch |= {"disengaged_at": stamp(self.settings.now()), "disengaged_by": asked.operator}
        return JSONResponse(self.kill_switch)

    def _switch(self, before: str, after: str, otherwise: str) -> None:
        if self.kill_switch["state"] != before:
            raise Problem(400, {"detail": otherwise})
        self.kill_switch["state"] = after

    async def _breaker_status(self, _: Request) -> Response:
        """Refuse: the orchestrator's service id lacks the permission, at the real gateway too."""
        detail = {"error": "permission_denied", "message": "orchestrator may not read the circuit breaker"}
        raise Problem(403, {"detail": detail})
