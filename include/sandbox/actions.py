"""Corporate actions in the sandbox: announced as the vendor does, carried out at the broker, and seen in prices."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from include.sandbox.book import Book, Holding
from include.sandbox.cash import Cash, CashMove
from include.sandbox.faults import Json
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings

CUSIP = "000000000"


class CorporateAction(BaseModel):
    """What a company does. at_broker: carried out there at once; announced: told by market data.

    new_rate, old_rate: of a split. rate: USD a share of a dividend or a merger.
    ex_date: by default the current session, from whose close on prices are of the new shares.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["forward_split", "reverse_split", "name_change", "cash_dividend", "cash_merger"]
    symbol: str
    new_symbol: str | None = None
    new_rate: int = Field(1, gt=0)
    old_rate: int = Field(1, gt=0)
    rate: Decimal = Field(Decimal(0), ge=0)
    ex_date: date | None = None
    at_broker: bool = True
    announced: bool = True


class Actions:
    """Everything that was announced since the start or the last reset."""

    def __init__(self, settings: Settings, prices: Prices, book: Book) -> None:
        self.settings, self.prices, self.book = settings, prices, book
        self.lists: dict[str, list[Json]] = {}
        self.cash = Cash(settings)

    def clear(self) -> None:
        self.lists.clear()
        self.cash.rows.clear()
        self.prices.changes.clear()

    def carry_out(self, action: CorporateAction) -> None:
        """Announce it, change prices from its ex-date on, and do at the broker what it says."""
        now = self.settings.now()
        row = self.prices.current_row(now) if action.ex_date is None else self.prices.row(action.ex_date)
        if row is None:
            raise ValueError(f"ex_date: expected a session, got {action.ex_date}")
        day = self.prices.sessions[row]
        if action.announced:
            name, body = _announced(action, day)
            self.lists.setdefault(name, []).append(body)
        ratio = Fraction(action.new_rate, action.old_rate)
        if action.kind in ("forward_split", "reverse_split"):
            self.prices.split(action.symbol, row, ratio)
        elif action.kind == "name_change" and action.new_symbol:
            self.prices.rename(action.symbol, action.new_symbol, row)
        if action.at_broker:
            self._at_broker(action, ratio, now)

    def _at_broker(self, action: CorporateAction, ratio: Fraction, now: datetime) -> None:
        if action.kind == "cash_dividend":
            held = self.book.positions(now.timestamp()).get(action.symbol, Holding()).qty
            if amount := round(held * action.rate, 2):
                symbol, rate = action.symbol, action.rate
                self.cash.move(
                    CashMove(activity_type="DIV", amount=amount, symbol=symbol, qty=held, per_share_amount=rate)
                )
        elif action.kind != "cash_merger":
            becomes = action.new_symbol or action.symbol
            self.book.convert(action.symbol, becomes, ratio, now.timestamp())

    def answer(self, query: Mapping[str, str]) -> Json:
        """Return what market data tells of the symbols and days that are asked for."""
        symbols = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
        first, last = query.get("start", "0000"), query.get("end", "9999")
        found: dict[str, list[Json]] = {}
        for name, bodies in self.lists.items():
            rows = [
                body
                for body in bodies
                if symbols & {str(value) for key, value in body.items() if key.endswith("symbol")}
                and first <= str(body.get("ex_date") or body.get("effective_date") or body["process_date"]) <= last
            ]
            if rows:
                found[name] = rows
        return {"corporate_actions": found, "next_page_token": None}


def _announced(action: CorporateAction, day: date) -> tuple[str, Json]:
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "process_date": str(day)}
    match action.kind:
        case "forward_split":
            more = {"symbol": action.symbol, "cusip": CUSIP, "ex_date": str(day)}
            return "forward_splits", {**body, **more, "new_rate": action.new_rate, "old_rate": action.old_rate}
        case "reverse_split":
            more = {"symbol": action.symbol, "old_cusip": CUSIP, "new_cusip": CUSIP, "ex_date": str(day)}
            return "reverse_splits", {**body, **more, "new_rate": action.new_rate, "old_rate": action.old_rate}
        case "name_change":
            more = {"old_symbol": action.symbol, "old_cusip": CUSIP, "new_cusip": CUSIP}
            return "name_changes", {**body, **more, "new_symbol": action.new_symbol}
        case "cash_dividend":
            more = {"symbol": action.symbol, "cusip": CUSIP, "ex_date": str(day), "payable_date": str(day)}
            return "cash_dividends", {**body, **more, "rate": float(action.rate), "special": False, "foreign": False}
        case "cash_merger":
            more = {"acquiree_symbol": action.symbol, "acquiree_cusip": CUSIP, "effective_date": str(day)}
            return "cash_mergers", {**body, **more, "rate": float(action.rate)}
