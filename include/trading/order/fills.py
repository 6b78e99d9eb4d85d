"""The executions of one order as they are booked: they always add up to its filled quantity, and none is booked twice.

Where the gateway reports a quantity without its executions, a part of our own making stands in for them. It gives way
to the real ones when they come, by an execution of the opposite quantity: what is booked is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, count
from typing import Final

from pydantic import AwareDatetime

from include.trading.errors import InvalidData
from include.trading.models import Fill, OrderReport, Value
from include.trading.numbers import amount, shares

_PRICE_STEP: Final = Decimal("0.000001")
_ZERO: Final = Decimal(0)
_GAVE_WAY: Final = ":gave_way"
# After the order's id: what a person settled, or the quantities before and after.
_OURS: Final = r":(settled|[0-9.]+-[0-9.]+)(~[0-9]+)?"


class Execution(Value):
    """One booked execution. quantity: negative where a part of our own making gave way. price: None is not known."""

    fill_id: str
    quantity: Decimal
    price: Decimal | None = None
    at: AwareDatetime | None = None


def listed(report: OrderReport) -> list[Execution]:
    """Return the executions that a report lists, each once."""
    unique = {fill.fill_id: fill for fill in report.fills}
    return [
        Execution(fill_id=fill.fill_id, quantity=fill.quantity, price=rounded_price(fill.price), at=fill.at)
        for fill in unique.values()
    ]


def says_too_little(report: OrderReport) -> bool:
    """Say whether a report leaves open how many shares filled, or at which price."""
    filled = report.filled_quantity or _ZERO
    return (report.state == "filled" and filled < report.quantity) or (
        filled > 0 and report.filled_avg_price is None and not report.fills
    )


def with_executions(report: OrderReport, fills: Collection[Fill]) -> OrderReport:
    """Return the report with the executions that the venue lists apart from it; its quantity counts them at least."""
    if not fills:
        return report
    own = sum((fill.quantity for fill in fills), _ZERO)
    filled = max(report.filled_quantity or _ZERO, own)
    value = _value(fills)
    price = report.filled_avg_price
    if value is not None and (price is None or own > (report.filled_quantity or _ZERO)):
        price = rounded_price(value / own)
    return report.model_copy(update={"fills": tuple(fills), "filled_quantity": filled, "filled_avg_price": price})


def real_executions(order_id: str, booked: Collection[Execution]) -> tuple[Execution, ...]:
    """Return what is booked of the gateway's own executions."""
    ours = re.compile(re.escape(order_id) + _OURS)
    return tuple(each for each in booked if not ours.fullmatch(each.fill_id.removesuffix(_GAVE_WAY)))


def total(executions: Iterable[Execution]) -> Decimal:
    return sum((each.quantity for each in executions), _ZERO)


def rounded_price(price: Decimal | None) -> Decimal | None:
    """Return a price as the ledger keeps it, so that it can be compared; None for one that is not above 0 there."""
    if price is None or not price.is_finite() or price.adjusted() > 13:
        return None
    rounded = price.quantize(_PRICE_STEP, ROUND_HALF_UP)
    return rounded if rounded > 0 else None


def average_price(executions: Collection[Execution]) -> Decimal | None:
    """Return the average price of what was executed; None where a price is not known, or nothing was."""
    quantity, value = total(executions), _value(executions)
    return None if value is None or quantity <= 0 else rounded_price(value / quantity)


def executions_to_book(
    order_id: str,
    booked: Collection[Execution],
    known: Collection[Execution],
    filled: Decimal,
    report: OrderReport,
) -> tuple[Execution, ...]:
    """Return what to add to the booked executions, so that all together are the filled quantity.

    known: the gateway's own executions that count, booked or not. One without a price is not booked itself: a part of
    our own making stands in for it, which gives way once its price is known.
    """
    ids = {each.fill_id for each in booked}
    priced = [each for each in known if each.price is not None or each.fill_id in ids]
    new = [each for each in priced if each.fill_id not in ids]
    made_up, real = _made_up(order_id, booked), total(priced)
    average = rounded_price(report.filled_avg_price)
    gone: list[Execution] = []
    for part in made_up:
        stands = total(made_up) - total(gone)
        if real + stands > filled or (part.price is None and average is not None):
            gone.append(part)
    undone = [
        Execution(fill_id=f"{part.fill_id}{_GAVE_WAY}", quantity=-part.quantity, price=part.price) for part in gone
    ]
    added = [*new, *undone]
    if (missing := filled - total(booked) - total(added)) > 0:
        price = _implied_price((*booked, *added), average, report.filled_quantity == filled, filled, missing)
        taken = ids | {each.fill_id for each in added}
        added.append(
            Execution(fill_id=_part_id(order_id, filled - missing, filled, taken), quantity=missing, price=price)
        )
    return tuple(added)


def settled_part(order_id: str, booked: Collection[Execution], filled: Decimal, average: Decimal) -> Execution | None:
    """Return the execution that a person's verdict adds to the booked ones, None if nothing is missing.

    filled, average: shares filled in all, and the USD a share that they cost on average.
    Raises InvalidData where the average leaves the part that is added no price.
    """
    missing, value = filled - total(booked), _value(booked)
    if missing <= 0:
        return None
    price = average if value is None else rounded_price((average * filled - value) / missing)
    if price is None:
        raise InvalidData(
            f"price: expected the average in USD of all {shares(filled)} shares; at {amount(average)} the "
            f"{shares(missing)} shares that are added to what is booked would have cost nothing, or less"
        )
    names = _names(f"{order_id}:settled", {each.fill_id for each in booked})
    return Execution(fill_id=next(names), quantity=missing, price=price)


def _made_up(order_id: str, booked: Collection[Execution]) -> list[Execution]:
    """Return the parts of our own making that still stand, also one that a person settled."""
    ours = re.compile(re.escape(order_id) + _OURS)
    gone = {each.fill_id.removesuffix(_GAVE_WAY) for each in booked if each.fill_id.endswith(_GAVE_WAY)}
    return [each for each in booked if ours.fullmatch(each.fill_id) and each.fill_id not in gone]


def _part_id(order_id: str, before: Decimal, after: Decimal, taken: Collection[str]) -> str:
    """Name a part by the quantity before and after it; by a number too where one of that name gave way."""
    return next(_names(f"{order_id}:{before.normalize():f}-{after.normalize():f}", taken))


def _names(name: str, taken: Collection[str]) -> Iterator[str]:
    """Yield the free names: this one, then numbered ones."""
    numbered = (f"{name}~{number}" for number in count(2))
    return (each for each in chain([name], numbered) if each not in taken)


def _implied_price(
    others: Collection[Execution], average: Decimal | None, is_of_all: bool, filled: Decimal, missing: Decimal
) -> Decimal | None:
    """Return the price of the part that is missing, such that the average of all is what the gateway says."""
    value = _value(others)
    if average is None or value is None or not is_of_all:
        return average
    return rounded_price((average * filled - value) / missing) or average


def _value(executions: Iterable[Execution | Fill]) -> Decimal | None:
    value = _ZERO
    for each in executions:
        if each.price is None:
            return None
        value += each.quantity * each.price
    return value
