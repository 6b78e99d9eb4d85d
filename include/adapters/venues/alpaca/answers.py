"""What Alpaca's answers about an order mean: the table that decides between never, again, and look it up.

200                       an order of the vendor's shape   a report; its status decides
200                       another order than sent          BookMismatch
422 40010001 "…unique"    the client order id is taken     IdExists
403 40310000              one of five causes, told apart   Rejected, with a reason code
                          by the message
400 403 422 with a code   malformed, not tradable, …       Rejected
401, 403 without a code   wrong keys                       Unauthorized: nothing was stored
429, own JSON             rate limit                       Paused until the reset; looked up before the next try
else                      5xx, a page, another shape       OutcomeUnknown
Source: https://docs.alpaca.markets/reference (orders), the vendor's OpenAPI file, recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final, cast

from include.adapters.http.answers import Answer, decimal_of, error_object, id_of, quantity_of, text_of, time_of
from include.trading.bounds import usable_price
from include.trading.errors import (
    BookMismatch,
    IdExists,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
)
from include.trading.models import AccountFacts, Allowance, Fill, OrderReport, OrderRequest, Side
from include.trading.numbers import shares

NOT_FOUND: Final = 40410000
LONGEST_PAUSE_SECONDS: Final = 60.0
# More than any account has, and its products still are exact.
LARGEST_AMOUNT: Final = Decimal(10) ** 13

MONEY: Final = ("equity", "cash", "buying_power")

# Words after which an order is over. `done_for_day` goes on tomorrow, `calculated` waits for its settlement; they and
# every word that is not known stay open, so that an order is followed and never closed unseen.
ENDS: Final = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})

# We never replace an order: what took its place has an id that is not ours.
REPLACED: Final = "it was replaced at Alpaca by another order, which nothing here follows"

# The causes that one code covers, by the vendor's words.
_CAUSES: Final = (
    ("insufficient_buying_power", re.compile(r"buying power|cost basis", re.IGNORECASE)),
    ("held_for_orders", re.compile(r"insufficient qty|held for orders", re.IGNORECASE)),
    ("may_not_short", re.compile(r"not allowed to short|cannot be sold short", re.IGNORECASE)),
    ("not_fractionable", re.compile(r"not fractionable", re.IGNORECASE)),
    ("wash_trade", re.compile(r"wash trade", re.IGNORECASE)),
)


def state_of(status: str) -> str:
    """Return the state that Alpaca's word means by itself."""
    return status if status in ENDS else "open"


def order_report(answer: Answer) -> OrderReport:
    """Return the order that an answer holds; raise BadAnswer when any part cannot be trusted."""
    body = answer.json(allow_nan=True)
    try:
        return report_of(body, answer.plain_json())
    except ValueError as error:
        raise answer.bad(error) from error


def report_of(body: Mapping[str, Any], raw: dict[str, Any]) -> OrderReport:
    """Return the report of one order object; raises ValueError with what is wrong.

    raw: the same in plain types, to be stored.
    """
    status = text_of(body, "status").lower()
    filled = quantity_of(body, "filled_qty")
    if filled < 0:
        raise ValueError(f"filled_qty: expected 0 or more, got {shares(filled)}")
    return OrderReport(
        gateway_order_id=id_of(body, "client_order_id"),
        broker_order_id=text_of(body, "id"),
        symbol=text_of(body, "symbol"),
        side=cast("Side", text_of(body, "side").lower()),
        quantity=quantity_of(body, "qty"),
        state=state_of(status),
        status=status,
        filled_quantity=filled,
        filled_avg_price=_price(body, "filled_avg_price"),
        not_ours=REPLACED if status == "replaced" else None,
        raw=raw,
    )


def fill_of(row: Mapping[str, Any]) -> tuple[str, Fill]:
    """Return an execution of the account's activities with its order's id at Alpaca; raises ValueError for another row.

    Its id is a name and nothing else: the time in it is New York's.
    """
    if row.get("activity_type") != "FILL":
        raise ValueError(f"activity_type: expected FILL, got {row.get('activity_type')!r}")
    quantity, price = quantity_of(row, "qty"), _price(row, "price")
    if quantity <= 0 or price is None:
        raise ValueError(f"qty and price: expected both above 0, got {row.get('qty')!r} and {row.get('price')!r}")
    at = time_of(row.get("transaction_time"))
    return id_of(row, "order_id"), Fill(fill_id=id_of(row, "id"), quantity=quantity, price=price, at=at)


def accepted_order(answer: Answer, sent: OrderRequest) -> OrderReport:
    """Return the report of a 200 to an order that was sent.

    Raises BadAnswer when it cannot be read, BookMismatch when it is about another order.
    """
    report = order_report(answer)
    found = (report.gateway_order_id, report.symbol, report.side, report.quantity)
    if found != (sent.client_order_id, sent.symbol, sent.side, sent.quantity):
        raise BookMismatch(
            f"{answer.asked}: sent {sent.words} as {sent.client_order_id}, "
            f"Alpaca answered {report.words} as {report.gateway_order_id}"
        )
    return report


def account_facts(answer: Answer) -> AccountFacts:
    """Return the money that the account's answer tells, in whole cents and never more than it says."""
    body = answer.json()
    try:
        return AccountFacts(**{name: _amount_of(body, name) for name in MONEY})
    except ValueError as error:
        raise answer.bad(error) from error


def _amount_of(body: Mapping[str, Any], name: str) -> Decimal:
    amount = decimal_of(body, name)
    if abs(amount) >= LARGEST_AMOUNT:
        raise ValueError(f"{name}: expected an amount below {LARGEST_AMOUNT:,} USD, got {str(amount)[:50]}")
    return amount.quantize(Decimal("0.01"), rounding=ROUND_FLOOR)


def submit_failure(answer: Answer, now: datetime) -> TradingError:
    """Return the error that an answer other than 200 to an order means."""
    status, code, message = answer.status, code_of(answer), message_of(answer)
    if message is None:
        # Not the vendor's own JSON: a proxy's page says nothing about the order.
        return OutcomeUnknown(f"{answer.sentence()} (the order may have been stored)")
    if status == 401 or (status == 403 and code is None):
        return Unauthorized(answer.sentence(), status)
    if status == 429:
        return Paused(answer.sentence(), seconds_to_reset(answer, now))
    if status == 422 and "must be unique" in message.lower():
        return IdExists(answer.sentence(), status)
    # The vendor gives each refusal of an order a code: a proxy's JSON has none.
    if status in (400, 403, 422) and code is not None:
        return Rejected(answer.sentence(), status, reason=cause_of(message))
    return OutcomeUnknown(f"{answer.sentence()} (the order may have been stored)")


def is_unknown_order(answer: Answer) -> bool:
    """Say whether Alpaca itself says that it has no such order."""
    return answer.status == 404 and message_of(answer) is not None and code_of(answer) == NOT_FOUND


def cause_of(message: str) -> str | None:
    """Return the reason code of a refusal's words, None for words that name none of the known causes."""
    return next((code for code, words in _CAUSES if words.search(message)), None)


def code_of(answer: Answer) -> int | None:
    code = error_object(answer).get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def message_of(answer: Answer) -> str | None:
    """Return the message of the vendor's own error object, None where the answer is none."""
    message = error_object(answer).get("message")
    return message if isinstance(message, str) and message else None


def allowance_of(answer: Answer, now: datetime) -> Allowance | None:
    """Return what the headers say is left of the account's requests, None where they do not say it."""
    try:
        limit, left = (int(answer.headers.get(f"X-RateLimit-{name}", "")) for name in ("Limit", "Remaining"))
    except ValueError:
        return None
    if limit < 1 or left > limit:
        return None
    return Allowance(limit=limit, left=max(left, 0), seconds_to_reset=seconds_to_reset(answer, now))


def seconds_to_reset(answer: Answer, now: datetime) -> float:
    """Return how long to wait until the account's rate limit is reset: at most a minute, the limit's own window."""
    try:
        reset = float(answer.headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return LONGEST_PAUSE_SECONDS
    left = reset - now.timestamp()
    # Not a number compares with nothing.
    return max(1.0, left) if left <= LONGEST_PAUSE_SECONDS else LONGEST_PAUSE_SECONDS


def _price(row: Mapping[str, Any], name: str) -> Decimal | None:
    """Return the price with the ledger's decimals, None for what is none: what was filled counts all the same."""
    if row.get(name) is None:
        return None
    try:
        return usable_price(decimal_of(row, name))
    except ValueError:
        return None
