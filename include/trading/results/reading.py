"""How what the ledger has becomes the entries of a day's book: fills with their money, corrections by their kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from include.trading.results.entries import ZERO, Entry, EntryKind, cents

Row = Mapping[str, Any]
# What a day counted of an order before: signed shares, and USD paid for them.
Counted = Mapping[int, tuple[Decimal, Decimal]]
_KINDS: Final[Mapping[str, EntryKind]] = {"ratio": "split", "quantity": "quantity", "move": "transfer"}


def entries_of(movements: Iterable[Row], counted: Counted, session: date) -> list[Entry]:
    """Return the entries that movements of shares make, oldest first.

    movements: rows of `Results.movements`. A rename's two movements are one entry.
    """
    seen = dict(counted)
    found: list[Entry] = []
    renamed: dict[tuple[int, Decimal], Row] = {}
    for row in movements:
        kind = row["detail"]["kind"] if row["correction"] == "undo" else row["correction"]
        if row["kind"] == "fill":
            found.append(_fill(row, seen, session))
        elif kind == "fill":
            found.append(_by_hand(row, session))
        elif kind == "rename":
            # Its other half has the opposite quantity.
            other = renamed.pop((row["correction_id"], -row["quantity"]), None)
            if other is None:
                renamed[row["correction_id"], row["quantity"]] = row
            else:
                found.append(_renamed(*sorted((other, row), key=lambda each: each["id"])))
        else:
            found.append(_corrected(_KINDS[kind], row))
    return [*found, *(_corrected("quantity", row) for row in renamed.values())]


def repriced(rows: Iterable[Row], session: date) -> list[Entry]:
    """Return what changed prices of fills add that closed days counted at others.

    rows: of `Results.repriced`.
    """
    found = []
    for row in rows:
        if row["filled_avg_price"] is None:
            continue
        more = cents(row["quantity"] * row["filled_avg_price"]) - row["amount"]
        if more:
            found.append(
                Entry(
                    "price",
                    row["symbol"],
                    amount=more,
                    of_session=_earlier(row, session),
                    intent_id=row["id"],
                    words=f"the venue now says {row['filled_avg_price'].normalize():f} USD a share",
                )
            )
    return found


def flows_of(rows: Iterable[Row]) -> list[Entry]:
    return [Entry("flow", amount=row["amount"], flow_id=row["id"], words=row["reason"]) for row in rows]


def start_of(capital: Decimal) -> Entry:
    """Return the money that a book begins with."""
    return Entry("start", amount=cents(capital), words="what the first plan was made with")


def cash_of(rows: Iterable[Row], shares: Mapping[int, Decimal]) -> list[Entry]:
    """Return what a venue's dividends and fees are for one strategy.

    shares: by the activity's id the USD that are this strategy's.
    """
    found = []
    for row in rows:
        amount = shares.get(row["id"], ZERO)
        if amount and row["kind"] == "dividend":
            found.append(
                Entry("dividend", row["symbol"], amount=amount, activity_id=row["id"], words=row["words"] or None)
            )
        elif amount:
            found.append(Entry("fee", row["symbol"], amount=-amount, activity_id=row["id"], words=row["words"] or None))
    return found


def shared(amount: Decimal, weights: Sequence[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Return an amount in whole cents divided by weights, so that the parts add up to it exactly."""
    whole = sum((abs(weight) for _, weight in weights), ZERO)
    parts: dict[str, Decimal] = {}
    left, rest = amount, whole
    for name, weight in weights:
        part = ZERO if rest == 0 else cents(left * abs(weight) / rest)
        parts[name] = parts.get(name, ZERO) + part
        left, rest = left - part, rest - abs(weight)
    return parts


def _fill(row: Row, seen: dict[int, tuple[Decimal, Decimal]], session: date) -> Entry:
    quantity, paid = seen.get(row["intent_id"], (ZERO, ZERO))
    price = row["filled_avg_price"] or row["plan_price"]
    after = quantity + row["quantity"]
    amount = cents(after * price) - paid
    seen[row["intent_id"]] = (after, paid + amount)
    return Entry(
        "fill",
        row["symbol"],
        row["quantity"],
        amount,
        plan_price=row["plan_price"],
        of_session=_earlier(row, session),
        intent_id=row["intent_id"],
        words=None if row["filled_avg_price"] else "no price was told: the plan's",
    )


def _by_hand(row: Row, session: date) -> Entry:
    price = Decimal(row["detail"]["price"])
    return Entry(
        "fill",
        row["symbol"],
        row["quantity"],
        cents(row["quantity"] * price),
        plan_price=row["plan_price"],
        of_session=_earlier(row, session),
        intent_id=row["intent_id"],
        correction_id=row["correction_id"],
        words=row["reason"],
    )


def _renamed(first: Row, second: Row) -> Entry:
    """Return the rename; the movement that was stored first takes the shares away."""
    return Entry(
        "rename",
        first["symbol"],
        second["quantity"],
        to=second["symbol"],
        correction_id=first["correction_id"],
        words=first["reason"],
    )


def _corrected(kind: EntryKind, row: Row) -> Entry:
    return Entry(kind, row["symbol"], row["quantity"], correction_id=row["correction_id"], words=row["reason"])


def _earlier(row: Row, session: date) -> date | None:
    of_session: date | None = row["session_date"]
    return of_session if of_session is not None and of_session < session else None
