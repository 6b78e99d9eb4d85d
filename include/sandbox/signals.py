"""The Signal Service (T3) in both contract versions, around a small real model: cross-sectional momentum.

A symbol's score is its return over 126 sessions that end 5 sessions before the as_of_date. A daily-bar model knows the
as_of_date's own close, so that session must have closed.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from statistics import fmean, pstdev
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, field_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from include.sandbox.faults import Json
from include.sandbox.prices import Prices
from include.sandbox.settings import NOTICE, Settings
from include.sandbox.web import Problem, SignatureCheck, build_app, parse, stamp

SERVICE = "sandbox_signal_service"
MODEL_VERSION = "sandbox-momentum-1"
STRATEGY = "alpha_baseline"
LOOKBACK, SKIPPED = 126, 5
DEFAULT_TOP_N = DEFAULT_BOTTOM_N = 3
STANDARD_DEVIATION = 0.02


class SignalRequest(BaseModel):
    symbols: list[Annotated[str, StringConstraints(to_upper=True)]] = Field(min_length=1)
    as_of_date: str | None = None
    top_n: int | None = Field(None, ge=0)
    bottom_n: int | None = Field(None, ge=0)

    @field_validator("as_of_date")
    @classmethod
    def _is_a_date(cls, text: str | None) -> str | None:
        if text is not None:
            datetime.fromisoformat(text)
        return text


class SignalService:
    def __init__(self, settings: Settings, prices: Prices) -> None:
        self.settings, self.prices = settings, prices

    def app(self) -> Starlette:
        v2 = self.settings.contract == "v2"
        generate = self._generate
        routes = [
            Route("/", self._root),
            Route("/health", self._health),
            Route("/api/v1/model/info", self._info),
        ]
        if v2:
            routes.append(Route("/ready", self._ready))
        if v2 and self.settings.secret:
            guarded = SignatureCheck(self.settings.secret.get_secret_value()).guard(generate)
            routes.append(Route("/api/v1/signals/generate", guarded, methods=["POST"]))
        else:
            routes.append(Route("/api/v1/signals/generate", generate, methods=["POST"]))
        return build_app(routes)

    def notice(self, _: Scope, fields: Json) -> set[str]:
        """Say which symbols a request is about."""
        symbols = fields.get("symbols")
        return {str(symbol).upper() for symbol in symbols} if isinstance(symbols, list) else set()

    async def _root(self, _: Request) -> Response:
        about = {"service": SERVICE, "version": MODEL_VERSION, "status": "running", "notice": NOTICE}
        return JSONResponse(about)

    async def _health(self, _: Request) -> Response:
        health: Json = {"status": "healthy", "model_loaded": True, "model_info": self._model()}
        if self.settings.contract == "v2":
            health |= {"service": SERVICE, "redis_status": "disabled", "feature_cache_enabled": False}
        return JSONResponse({**health, "timestamp": stamp(self.settings.now())})

    async def _ready(self, _: Request) -> Response:
        return JSONResponse({"status": "ready", "service": SERVICE})

    async def _info(self, _: Request) -> Response:
        return JSONResponse(self._model())

    def _model(self) -> Json:
        config = {"lookback_sessions": LOOKBACK, "skipped_sessions": SKIPPED, "notice": NOTICE}
        since = "2005-01-03T00:00:00Z"
        return {
            "strategy_name": STRATEGY,
            "version": MODEL_VERSION,
            "status": "active",
            "model_path": "include/sandbox/signals.py",
            "activated_at": since,
            "created_at": since,
            "performance_metrics": {},
            "config": config,
        }

    async def _generate(self, request: Request) -> Response:
        asked = await parse(request, SignalRequest)
        top_n = DEFAULT_TOP_N if asked.top_n is None else asked.top_n
        bottom_n = DEFAULT_BOTTOM_N if asked.bottom_n is None else asked.bottom_n
        if top_n + bottom_n > len(asked.symbols):
            words = f"Cannot select {top_n} long + {bottom_n} short from {len(asked.symbols)} symbols"  # noqa: S608 - no SQL
            raise Problem(400, {"detail": words})
        day = datetime.fromisoformat(asked.as_of_date).date() if asked.as_of_date else self.settings.gateway_day()
        signals = rows(self._scores(asked.symbols, day), top_n, bottom_n)
        metadata = {
            "as_of_date": day.isoformat(),
            "model_version": MODEL_VERSION,
            "strategy": STRATEGY,
            "num_signals": len(signals),
            "generated_at": stamp(self.settings.now()),
            "top_n": top_n,
            "bottom_n": bottom_n,
        }
        return JSONResponse({"signals": signals, "metadata": metadata})

    def _scores(self, symbols: list[str], day: date) -> list[tuple[str, float]]:
        """Score every symbol; one asked for k times comes k * k times, as the service's join does."""
        row = self.prices.row(day)
        if row is None or row >= self.prices.current_row(self.settings.now()):
            raise self._unavailable(day, "no bar for this day")
        scores = []
        for symbol, count in Counter(symbols).items():
            end, start = (self.prices.close(symbol, row - back) for back in (SKIPPED, SKIPPED + LOOKBACK))
            if end is None or start is None:
                raise self._unavailable(day, symbol)
            scores += [(symbol, end / start - 1)] * count**2
        return scores

    def _unavailable(self, day: date, what: str) -> Problem:
        if self.settings.contract == "v1":
            return Problem(400, {"detail": f"Invalid request: No features available for {day}: {what}"})
        return Problem(400, {"detail": "Invalid request parameters or data unavailable"})


def rows(scores: list[tuple[str, float]], top_n: int, bottom_n: int) -> list[dict[str, Any]]:
    """Return the answer's rows, best first: returns of mean 0 and a fixed deviation, dense ranks, equal weights."""
    mean, deviation = fmean(score for _, score in scores), pstdev(score for _, score in scores)
    ordered = sorted(scores, key=lambda item: (-item[1], item[0]))
    ranks = {score: rank for rank, score in enumerate(dict.fromkeys(score for _, score in ordered), start=1)}
    first_short = len(ordered) - bottom_n
    return [
        {
            "symbol": symbol,
            "predicted_return": (score - mean) / deviation * STANDARD_DEVIATION if deviation else 0.0,
            "rank": ranks[score],
            "target_weight": 1 / top_n if place < top_n else -1 / bottom_n if place >= first_short else 0.0,
        }
        for place, (symbol, score) in enumerate(ordered)
    ]
