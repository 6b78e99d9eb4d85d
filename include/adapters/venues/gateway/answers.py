"""What the gateway's answers about an order mean: the table that decides between never, again, and look it up.

200      well formed and about our order      a report; its status decides
200      about another order                  BookMismatch
4xx 5xx  the id is taken                      IdExists
400      v2, only data_unavailable            Unavailable: nothing was stored
400 422  in the gateway's own shape           Rejected
401 403  in the gateway's own words           Unauthorized: nothing was stored
429      in the gateway's own words           Paused: nothing was stored
503      v2, sign-in service down             Unavailable: nothing was stored
503      v2, a listed gate                    Halted: nothing was stored
else     a proxy's page among them            OutcomeUnknown
Source: service-contracts 2.3 to 2.8; architecture 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from include.adapters.http.answers import (
    Answer,
    decimal_of,
    error_detail,
    error_object,
    id_of,
    quantity_of,
    text_of,
    time_of,
    words_of,
)
from include.adapters.venues.gateway.words import says_id_is_taken, state_of
from include.trading.bounds import usable_price
from include.trading.errors import (
    BookMismatch,
    Halted,
    IdExists,
    OutcomeUnknown,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)
from include.trading.models import Contract, Fill, OrderReport, OrderRequest, Side
from include.trading.numbers import shares

# The codes of the gateway's own errors that are raised before anything is stored.
_NOT_SIGNED_IN = frozenset({"authentication_required", "invalid_internal_token", "permission_denied"})
_RATE_LIMITED = "rate_limited"
_FAT_FINGER = "order rejected by fat-finger checks:"
_SIGN_IN_DOWN = "service_unavailable: auth service temporarily unavailable"
_GATES = (
    "kill-switch engaged",
    "kill-switch unavailable",
    "circuit breaker tripped",
    "circuit-breaker state unavailable",
    "position-reservation state unavailable",
    "symbol quarantined",
    "reconciliation in progress",
)


def submit_failure(answer: Answer, contract: Contract) -> TradingError:
    """Return the error that an answer other than 200 to an order means; of a 429 what it means for the order."""
    status = answer.status
    # Rules that end an order or free it for another try match on the service's own JSON, never on a proxy's page.
    detail = error_detail(answer).lower()
    if status == 409 or (status >= 400 and says_id_is_taken(answer.text)):
        return IdExists(answer.sentence(), status)
    if status in (401, 403) and _error_code(answer) in _NOT_SIGNED_IN:
        return Unauthorized(answer.sentence(), status)
    if status in (400, 422) and detail:
        if contract == "v2" and status == 400 and _only_data_unavailable(detail):
            return Unavailable(f"{answer.sentence()} (nothing was stored)")
        return Rejected(answer.sentence(), status)
    if status == 503 and contract == "v2":
        if detail.startswith(_SIGN_IN_DOWN):
            return Unavailable(f"{answer.sentence()} (nothing was stored)")
        if detail.startswith(_GATES):
            return Halted(answer.sentence())
    return OutcomeUnknown(f"{answer.sentence()} (the order may have been stored)")


def accepted_order(answer: Answer, sent: OrderRequest, contract: Contract) -> OrderReport:
    """Return the report of a 200 to an order that was sent.

    Raises BadAnswer when it cannot be read, BookMismatch when it is about another order.
    """
    report = order_report(answer, contract)
    found = (report.symbol, report.side, report.quantity)
    if found != (sent.symbol, sent.side, sent.quantity):
        raise BookMismatch(
            f"{answer.asked}: sent {sent.words} as {sent.client_order_id}, "
            f"the gateway answered {report.words} as {report.gateway_order_id}"
        )
    if contract == "v2" and report.gateway_order_id != sent.client_order_id:
        raise BookMismatch(
            f"{answer.asked}: sent {sent.client_order_id}, the gateway stored it as {report.gateway_order_id}"
        )
    return report


def order_report(answer: Answer, contract: Contract) -> OrderReport:
    """Return the order that a POST or a look-up answered with; raise BadAnswer when any part cannot be trusted.

    A price that is none leaves the quantity as it is.
    """
    body = answer.json(allow_nan=True)
    try:
        status, broker_order_id = order_status(body), _optional_text(body, "broker_order_id")
        message = words_of(body, "message") or words_of(body, "error_message")
        return OrderReport(
            gateway_order_id=id_of(body, "client_order_id"),
            broker_order_id=broker_order_id,
            symbol=text_of(body, "symbol"),
            side=cast("Side", text_of(body, "side").lower()),
            quantity=quantity_of(body, "qty"),
            state=state_of(status, broker_order_id, message, contract),
            status=status,
            filled_quantity=_filled_quantity(body),
            filled_avg_price=_price(body, "filled_avg_price"),
            fills=_fills(body.get("metadata"), _price(body, "filled_avg_price")),
            message=message,
            raw=answer.plain_json(),
        )
    except ValueError as error:
        raise answer.bad(error) from error


def order_status(body: Mapping[str, Any]) -> str:
    """Return the gateway's word in lower case, with the one spelling of canceled."""
    # An enum's name comes with its class: OrderStatus.FILLED.
    status = "_".join(re.split(r"[\s_-]+", text_of(body, "status").lower().rpartition(".")[2].strip()))
    if not status:
        raise ValueError(f"status: expected a word, got {body['status']!r}")
    return "canceled" if status == "cancelled" else status


def asks_to_wait(answer: Answer) -> bool:
    """Say whether a 429 is the gateway's own, which it answers before it looks at the order."""
    return answer.status == 429 and _error_code(answer) == _RATE_LIMITED


def _error_code(answer: Answer) -> object:
    detail = error_object(answer).get("detail")
    return detail.get("error") if isinstance(detail, dict) else None


def _only_data_unavailable(detail: str) -> bool:
    reasons = detail.removeprefix(_FAT_FINGER)
    return reasons != detail and {reason.strip() for reason in reasons.split(",")} == {"data_unavailable"}


def _optional_text(body: Mapping[str, Any], name: str) -> str | None:
    return text_of(body, name) if body.get(name) else None


def _filled_quantity(body: Mapping[str, Any]) -> Decimal | None:
    if body.get("filled_qty") is None:
        return None
    number = quantity_of(body, "filled_qty")
    if number < 0:
        raise ValueError(f"filled_qty: expected 0 or more, got {shares(number)}")
    return number


def _price(row: Mapping[str, Any], name: str) -> Decimal | None:
    """Return the price with the ledger's decimals, None for what is none: what was filled counts all the same."""
    try:
        return usable_price(decimal_of(row, name))
    except ValueError:
        return None


def _fills(metadata: object, average: Decimal | None) -> tuple[Fill, ...]:
    """Return the listed executions. Unreadable rows are skipped: the order's own quantity and status still count."""
    rows = metadata.get("fills") if isinstance(metadata, dict) else None
    return tuple(fill for row in (rows if isinstance(rows, list) else ()) if (fill := _fill(row, average)) is not None)


def _fill(row: object, average: Decimal | None) -> Fill | None:
    """Return one execution, None for an unreadable row. Without a usable price it gets the order's average, if any."""
    if not isinstance(row, dict):
        return None
    id = row.get("fill_id")
    try:
        return Fill(
            fill_id=str(id) if type(id) is int else text_of(row, "fill_id"),
            quantity=quantity_of(row, "fill_qty"),
            price=_price(row, "fill_price") or average,
            at=time_of(row.get("timestamp")),
        )
    except ValueError:
        return None
