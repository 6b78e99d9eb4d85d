"""How what the ledger has becomes the entries of a day's book: fills with their money, corrections by their kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from include.trading.account.actions import Announcement
from include.trading.results.entries import ZERO, Entry, EntryKind, cents

Row = Mapping[str, Any]
# What a day counted of an order before: signed shares, and USD paid for them.
Counted = Mapping[int, tuple[Decimal, Decimal]]
_KINDS: Final[Mapping[str, EntryKind]] = {"ratio": "split", "quantity": "quantity", "move": "transfer"}

_ANNOUNCED: Final = "announced as "


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
                    plan_price=row["plan_price"],
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


def costs_of(rows: Iterable[Row]) -> list[Entry]:
    """Return the fees and interest that a venue lists for symbols of one book.

    rows: of `Results.costs`.
    """
    return [
        Entry(
            "fee",
            row["symbol"],
            amount=-row["amount"],
            activity_id=row["id"],
            words=f"{row['words'] or row['kind']}, listed for {row['day']}",
        )
        for row in rows
    ]


def dividend_of(action: Announcement, held: Decimal, session: date, counted: Decimal = ZERO) -> Entry | None:
    """Return what is due on the signed shares held before the ex-date, which a short position pays; None for nothing.

    session: whose book takes it, the ex-date's or, where the announcement became known later, one after it.
    counted: what closed days have of it, in USD.
    """
    if action.cash is None or not (amount := cents(held * action.cash) - counted):
        return None
    return Entry(
        "dividend",
        action.symbol,
        amount=amount,
        of_session=action.ex_date if action.ex_date < session else None,
        words=f"{action.cash.normalize():f} USD a share, {_ANNOUNCED}{action.vendor_id}",
    )


def announcement_of(words: str | None) -> str | None:
    """Return the announcement whose dividend a line of these words has; None for another line."""
    found = None if words is None else words.rpartition(_ANNOUNCED)
    return found[2] if found and found[1] else None


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
