"""Corporate actions in the sandbox: announced as the vendor does, carried out at the broker, and seen in prices."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from include.sandbox.book import Book, Holding
from include.sandbox.cash import Cash, CashMove
from include.sandbox.faults import Json
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings

CUSIP = "000000000"
SPLITS = ("forward_split", "reverse_split")
MERGERS = ("cash_merger", "stock_merger", "stock_and_cash_merger")
# The account's activity of each kind, and its sub-type, as the vendor's files name them.
ACTIVITIES = {
    "forward_split": ("SPLIT", "FSPLIT"),
    "reverse_split": ("SPLIT", "RSPLIT"),
    "name_change": ("NC", "SNC"),
    "cash_merger": ("MA", "CMA"),
    "stock_merger": ("MA", "SMA"),
    "stock_and_cash_merger": ("MA", "SCMA"),
}


class CorporateAction(BaseModel):
    """What a company does. at_broker: carried out there at once; announced: told by market data.

    new_rate, old_rate: new shares for old ones, of a split or of a merger in stock. rate: USD a share of a dividend
    or a merger. new_symbol: of a name change, and the acquirer of a merger.
    parts: what becomes of less than one share. Kept, as the vendor does since August 2021, or paid out in cash.
    id: the announcement's own; used again, it replaces the earlier one. withdrawn: it is no longer announced.
    in_prices: whether the market's prices know of it.
    ex_date: by default the current session, from whose close on prices are of the new shares.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "forward_split",
        "reverse_split",
        "name_change",
        "cash_dividend",
        "cash_merger",
        "stock_merger",
        "stock_and_cash_merger",
    ]
    symbol: str
    new_symbol: str | None = None
    new_rate: int = Field(1, gt=0)
    old_rate: int = Field(1, gt=0)
    rate: Decimal = Field(Decimal(0), ge=0)
    parts: Literal["kept", "paid"] = "kept"
    id: str | None = None
    ex_date: date | None = None
    payable_date: date | None = None
    at_broker: bool = True
    announced: bool = True
    in_prices: bool = True
    withdrawn: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> CorporateAction:
        if self.new_symbol is None and self.kind in ("name_change", "stock_merger", "stock_and_cash_merger"):
            raise ValueError(f"new_symbol: a {self.kind} needs one")
        return self

    @property
    def ratio(self) -> Fraction:
        return Fraction(self.new_rate, self.old_rate)


class Actions:
    """Everything that was announced since the start or the last reset."""

    def __init__(self, settings: Settings, prices: Prices, book: Book) -> None:
        self.settings, self.prices, self.book = settings, prices, book
        self.lists: dict[str, list[Json]] = {}
        self.cash = Cash(settings)

    def clear(self) -> None:
        self.lists.clear()
        self.cash.rows.clear()
        self.prices.forget()

    def carry_out(self, action: CorporateAction) -> None:
        """Announce it, change prices from its ex-date on, and do at the broker what it says."""
        now = self.settings.now()
        row = self.prices.current_row(now) if action.ex_date is None else self.prices.row(action.ex_date)
        if row is None:
            raise ValueError(f"ex_date: expected a session, got {action.ex_date}")
        if action.announced:
            self._announce(action, self.prices.sessions[row])
        if action.in_prices and not action.withdrawn:
            self._in_prices(action, row)
        if action.at_broker and not action.withdrawn:
            self._at_broker(action, now)

    def _announce(self, action: CorporateAction, day: date) -> None:
        name, body = _announced(action, day)
        if action.id is not None:
            for bodies in self.lists.values():
                bodies[:] = [each for each in bodies if each["id"] != action.id]
        if not action.withdrawn:
            self.lists.setdefault(name, []).append(body)

    def _in_prices(self, action: CorporateAction, row: int) -> None:
        if action.kind in SPLITS:
            self.prices.split(action.symbol, row, action.ratio)
        elif action.kind == "name_change" and action.new_symbol:
            self.prices.rename(action.symbol, action.new_symbol, row)
        elif action.kind in MERGERS:
            self.prices.end(action.symbol, row)

    def _at_broker(self, action: CorporateAction, now: datetime) -> None:
        held = self.book.positions(now.timestamp()).get(action.symbol, Holding()).qty
        if not held:
            return
        if action.kind == "cash_dividend":
            # Who is short pays it.
            if amount := round(held * action.rate, 2):
                symbol, rate = action.symbol, action.rate
                self.cash.move(
                    CashMove(
                        activity_type="DIV",
                        activity_sub_type="CDIV" if held > 0 else "SPD",
                        amount=amount,
                        symbol=symbol,
                        qty=held,
                        per_share_amount=rate,
                    )
                )
            return
        becomes = action.new_symbol or action.symbol
        exact = Fraction(0) if action.kind == "cash_merger" else Fraction(held) * action.ratio
        after = Decimal(int(exact)) if action.parts == "paid" else _nine_decimals(exact)
        self.book.become(action.symbol, becomes, after, now.timestamp())
        self._list(action, becomes, held, after, exact, now)

    def _list(
        self, action: CorporateAction, becomes: str, held: Decimal, after: Decimal, exact: Fraction, now: datetime
    ) -> None:
        """List what left the account and what came into it, and the cash that came with it.

        That a name change makes two rows is documented; that splits and mergers do, and which of them has the cash,
        is not known of the vendor.
        """
        kind, sub_type = ACTIVITIES[action.kind]
        price = self.prices.latest(becomes, now) or Decimal(0)
        part = Decimal(0) if action.parts == "kept" else _nine_decimals(exact - Fraction(after))
        cash = round(part * price + (held * action.rate if action.kind in MERGERS else 0), 2)
        rows = [(action.symbol, -held, cash if not after else Decimal(0)), (becomes, after, cash)]
        for symbol, qty, amount in rows[: 2 if after else 1]:
            self.cash.move(
                CashMove(activity_type=kind, activity_sub_type=sub_type, amount=amount, symbol=symbol, qty=qty)
            )

    def answer(self, query: Mapping[str, str]) -> Json:
        """Return what market data tells of the symbols and days that are asked for.

        The vendor sorts by the process date. That its interval is of that date too is not verified; it is the one of
        the two readings with which a dividend is not in an interval that ends with its ex-date.
        """
        symbols = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
        first, last = query.get("start", "0000"), query.get("end", "9999")
        found: dict[str, list[Json]] = {}
        for name, bodies in self.lists.items():
            rows = [
                body
                for body in bodies
                if symbols & {str(value) for key, value in body.items() if key.endswith("symbol")}
                and first <= str(body["process_date"]) <= last
            ]
            if rows:
                found[name] = rows
        return {"corporate_actions": found, "next_page_token": None}


def _announced(action: CorporateAction, day: date) -> tuple[str, Json]:
    body: dict[str, Any] = {"id": action.id or str(uuid.uuid4()), "process_date": str(action.payable_date or day)}
    if action.payable_date is not None:
        body["payable_date"] = str(action.payable_date)
    rates = {"new_rate": action.new_rate, "old_rate": action.old_rate}
    match action.kind:
        case "forward_split":
            return "forward_splits", {**body, **rates, "symbol": action.symbol, "cusip": CUSIP, "ex_date": str(day)}
        case "reverse_split":
            more = {"symbol": action.symbol, "old_cusip": CUSIP, "new_cusip": CUSIP, "ex_date": str(day)}
            return "reverse_splits", {**body, **rates, **more}
        case "name_change":
            more = {"old_symbol": action.symbol, "old_cusip": CUSIP, "new_cusip": CUSIP}
            return "name_changes", {**body, **more, "new_symbol": action.new_symbol}
        case "cash_dividend":
            more = {"symbol": action.symbol, "cusip": CUSIP, "ex_date": str(day)}
            flags = {"special": False, "foreign": False}
            return "cash_dividends", {"payable_date": str(day), **body, **more, **flags, "rate": float(action.rate)}
        case "cash_merger":
            more = {"acquiree_symbol": action.symbol, "acquiree_cusip": CUSIP, "effective_date": str(day)}
            return "cash_mergers", {**body, **more, "rate": float(action.rate)}
    body |= {"acquiree_symbol": action.symbol, "acquiree_cusip": CUSIP, "effective_date": str(day)}
    body |= {"acquirer_symbol": action.new_symbol, "acquirer_cusip": CUSIP}
    body |= {"acquirer_rate": action.new_rate, "acquiree_rate": action.old_rate}
    if action.kind == "stock_merger":
        return "stock_mergers", body
    return "stock_and_cash_mergers", {**body, "cash_rate": float(action.rate)}


def _nine_decimals(number: Fraction) -> Decimal:
    return round(Decimal(number.numerator) / Decimal(number.denominator), 9)
