"""Errors as problem details (RFC 9457): what was expected, what came, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from include.ledger.orders import Overtaken
from include.trading.errors import (
    BookMismatch,
    Halted,
    InvalidData,
    LedgerUnavailable,
    NotFound,
    OtherGateway,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unavailable,
)

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class FieldProblem(BaseModel):
    field: str = Field(description="where in the request, for example body.capital")
    message: str


class ProblemDetails(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "The DAG is paused",
                "status": 409,
                "detail": "daily_trading is paused, its run would never start: unpause it first",
            }
        }
    )

    type: str = Field(default="about:blank", description="always about:blank: status and title say what it is")
    title: str
    status: int
    detail: str | None = Field(default=None, description="what was expected, what came, what to do")
    errors: list[FieldProblem] | None = Field(default=None, description="one entry a field that is wrong")


class Problem(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail


# The first that fits: a class before its base.
_STATUS: tuple[tuple[type[TradingError], int, str], ...] = (
    (NotFound, 404, "Not found"),
    (InvalidData, 422, "The request does not fit"),
    (Paused, 503, "A service asks to be left alone"),
    (LedgerUnavailable, 503, "The ledger is not available"),
    (Unavailable, 503, "A service is not available"),
    (Halted, 409, "Trading is halted"),
    (BookMismatch, 409, "The books disagree"),
    (OtherGateway, 409, "Another gateway answers"),
    (OutcomeUnknown, 502, "A service gave no clear answer"),
    (Rejected, 502, "A service refused"),
)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these error answers."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }


def answer(
    status: int,
    title: str,
    detail: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
) -> JSONResponse:
    body = ProblemDetails(title=title, status=status, detail=detail, errors=errors)
    given = dict(headers or {})
    if status == 401:
        given.setdefault("WWW-Authenticate", "Bearer")
    if status == 503:
        given.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return JSONResponse(
        jsonable_encoder(body, exclude_none=True), status_code=status, headers=given, media_type=MEDIA_TYPE
    )


def handle_problems(app: FastAPI) -> None:
    """Make every error of the app a problem detail."""

    @app.exception_handler(Problem)
    def on_problem(request: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.title, error.detail)

    @app.exception_handler(StarletteHTTPException)
    def on_http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        return answer(error.status_code, phrase, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            FieldProblem(field=".".join(map(str, found["loc"])), message=found["msg"]) for found in error.errors()
        ]
        words = "; ".join(f"{found.field}: {found.message}" for found in fields)
        return answer(422, "The request does not fit", words, errors=fields)

    @app.exception_handler(TradingError)
    def on_trading_error(request: Request, error: TradingError) -> JSONResponse:
        for kind, status, title in _STATUS:
            if isinstance(error, kind):
                return answer(status, title, str(error))
        raise error

    @app.exception_handler(Overtaken)
    def on_overtaken(request: Request, error: Overtaken) -> JSONResponse:
        return answer(409, "Changed in the meantime", f"{error}: look again and decide again")

    @app.exception_handler(psycopg.OperationalError)
    def on_lost_ledger(request: Request, error: psycopg.OperationalError) -> JSONResponse:
        log.warning("the ledger was lost during a request", error=str(error).strip())
        return answer(503, "The ledger is not available", "its database broke off the connection: try again")

    @app.exception_handler(Exception)
    def on_defect(request: Request, error: Exception) -> JSONResponse:
        return answer(500, "A defect", "this should not happen: the API server's log has the traceback")
