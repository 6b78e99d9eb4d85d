"""The book of a day: what a strategy had, what happened, and what it has at the close.

Every amount is in whole cents, so that *equity = equity before + result + flows* holds exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from typing import Final

from include.trading.errors import InvalidData
from include.trading.results.entries import ZERO, Entry, cents
from include.trading.results.holding import Holding, Method, merged, split, take_out, trade

EMPTY: Final = Holding()
_PRICE: Final = Decimal("0.000001")


@dataclass(frozen=True)
class BookState:
    """What a day leaves to the next."""

    cash: Decimal = ZERO
    holdings: Mapping[str, Holding] = field(default_factory=dict)

    @property
    def equity(self) -> Decimal:
        return self.cash + sum((holding.value for holding in self.holdings.values()), ZERO)


@dataclass(frozen=True)
class SymbolDay:
    """One symbol's part of a day, in USD. stale: no close was known, so it is valued at an earlier price.

    corrected: the worth of shares that a correction brought or took, and of changed prices of earlier fills.
    cost_to_plan, cost_to_close: what the fills cost more than the plan's prices, and more than the close; what a
    changed price adds to an earlier fill is in both.
    """

    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    price: Decimal | None = None
    value: Decimal = ZERO
    realised: Decimal = ZERO
    unrealised: Decimal = ZERO
    dividends: Decimal = ZERO
    corrected: Decimal = ZERO
    turnover: Decimal = ZERO
    cost_to_plan: Decimal = ZERO
    cost_to_close: Decimal = ZERO
    stale: bool = False

    @property
    def result(self) -> Decimal:
        return self.realised + self.unrealised + self.dividends + self.corrected


@dataclass(frozen=True)
class Day:
    """A day's book in USD. realised, unrealised and so on are of this day alone; unrealised is its change."""

    equity_before: Decimal
    flows: Decimal
    fees: Decimal
    symbols: tuple[SymbolDay, ...]
    state: BookState

    def _sum(self, name: str) -> Decimal:
        return sum((getattr(symbol, name) for symbol in self.symbols), ZERO)

    @property
    def realised(self) -> Decimal:
        return self._sum("realised")

    @property
    def unrealised(self) -> Decimal:
        return self._sum("unrealised")

    @property
    def dividends(self) -> Decimal:
        return self._sum("dividends")

    @property
    def corrected(self) -> Decimal:
        return self._sum("corrected")

    @property
    def turnover(self) -> Decimal:
        return self._sum("turnover")

    @property
    def cost_to_plan(self) -> Decimal:
        return self._sum("cost_to_plan")

    @property
    def cost_to_close(self) -> Decimal:
        return self._sum("cost_to_close")

    @property
    def result(self) -> Decimal:
        return self._sum("result") - self.fees

    @property
    def equity(self) -> Decimal:
        return self.state.equity

    @property
    def gross(self) -> Decimal:
        return sum((abs(symbol.value) for symbol in self.symbols), ZERO)

    @property
    def net(self) -> Decimal:
        return self._sum("value")

    @property
    def stale(self) -> tuple[str, ...]:
        return tuple(symbol.symbol for symbol in self.symbols if symbol.stale)


def close_day(
    before: BookState,
    entries: Iterable[Entry],
    closes: Mapping[str, Decimal],
    method: Method = "average",
    *,
    unapplied: Mapping[str, Decimal] | None = None,
) -> Day:
    """Return the book of a day that began with `before`.

    closes: USD a share, unadjusted. A symbol without one is valued at its last known close, or at its first fill's
    price where there was none.
    unapplied: new shares for one old one of splits that are effective and not booked yet, so that the close, which is
    of the new shares, values the old ones right.
    """
    work = _Work(before, closes, method)
    for entry in entries:
        work.apply(entry)
    return work.closed(unapplied or {})


class _Work:
    """A day while its entries are applied one after the other."""

    def __init__(self, before: BookState, closes: Mapping[str, Decimal], method: Method) -> None:
        self.equity_before = before.equity
        self.cash = before.cash
        self.holdings = dict(before.holdings)
        self.closes = closes
        self.method = method
        self.flows = self.fees = ZERO
        self.days: dict[str, SymbolDay] = {}
        # Unrealised result at the beginning; it moves along with a rename.
        self.base = {symbol: holding.value - holding.cost for symbol, holding in before.holdings.items()}

    def apply(self, entry: Entry) -> None:
        symbol = entry.symbol or ""
        match entry.kind:
            case "start" | "flow":
                self.cash += entry.amount
                self.flows += entry.amount
            case "fee":
                self.cash -= entry.amount
                self.fees += entry.amount
            case "dividend":
                self.cash += entry.amount
                self._add(symbol, dividends=entry.amount)
            case "price":
                self.cash -= entry.amount
                to_plan = ZERO if entry.plan_price is None else entry.amount
                self._add(symbol, corrected=-entry.amount, cost_to_plan=to_plan, cost_to_close=entry.amount)
            case "fill":
                self.cash -= entry.amount
                self._trade(symbol, entry.quantity, entry.amount)
                self._take_price(entry)
                self._count_costs(entry)
            case "split":
                self._split(entry)
            case "rename":
                self._rename(entry)
            case "quantity":
                self._bring(symbol, entry.quantity)
            case "transfer":
                worth = self._worth(symbol, entry.quantity)
                self._trade(symbol, entry.quantity, worth)
                self.flows += worth

    def closed(self, unapplied: Mapping[str, Decimal]) -> Day:
        for symbol in {*self.holdings, *self.base}:
            holding = self.holdings.get(symbol, EMPTY)
            close = self.closes.get(symbol)
            if close is not None:
                holding = replace(holding, price=close * unapplied.get(symbol, Decimal(1)))
            self.holdings[symbol] = holding
            self._add(symbol, unrealised=holding.value - holding.cost - self.base.get(symbol, ZERO))
            self.days[symbol] = replace(
                self.days[symbol],
                quantity=holding.quantity,
                cost=holding.cost,
                price=holding.price,
                value=holding.value,
                stale=close is None and holding.quantity != 0,
            )
        held = {symbol: holding for symbol, holding in sorted(self.holdings.items()) if holding.quantity != 0}
        days = tuple(day for _, day in sorted(self.days.items()))
        return Day(self.equity_before, self.flows, self.fees, days, BookState(self.cash, held))

    def _trade(self, symbol: str, quantity: Decimal, paid: Decimal) -> None:
        self.holdings[symbol], realised = trade(self.holdings.get(symbol, EMPTY), quantity, paid, self.method)
        self._add(symbol, realised=realised)

    def _take_price(self, entry: Entry) -> None:
        """Let a fill's price do where no close was ever known: unlike the cost it does not depend on the method."""
        symbol = entry.symbol or ""
        holding = self.holdings[symbol]
        if holding.price is None and entry.quantity:
            with localcontext(prec=50):
                price = (entry.amount / entry.quantity).quantize(_PRICE)
            if price > 0:
                self.holdings[symbol] = replace(holding, price=price)

    def _count_costs(self, entry: Entry) -> None:
        symbol, quantity = entry.symbol or "", entry.quantity
        close = self.closes.get(symbol)
        self._add(
            symbol,
            turnover=abs(entry.amount),
            cost_to_plan=ZERO if entry.plan_price is None else entry.amount - cents(quantity * entry.plan_price),
            cost_to_close=ZERO if close is None else entry.amount - cents(quantity * close),
        )

    def _split(self, entry: Entry) -> None:
        symbol = entry.symbol or ""
        holding = self.holdings.get(symbol, EMPTY)
        if (holding.quantity + entry.quantity) * holding.quantity <= 0:
            self._bring(symbol, entry.quantity)
        else:
            self.holdings[symbol] = split(holding, entry.quantity)

    def _rename(self, entry: Entry) -> None:
        old, new, moved = entry.symbol or "", entry.to or "", entry.quantity
        # Of a rename that was undone the two symbols come in any order: what is held says which way it went.
        for source, target, quantity in ((old, new, moved), (new, old, -moved)):
            holding, other = self.holdings.get(source, EMPTY), self.holdings.get(target, EMPTY)
            held = quantity * holding.quantity > 0 and abs(quantity) <= abs(holding.quantity)
            if held and other.quantity * quantity >= 0:
                self._move(source, target, quantity)
                return
        self._bring(old, -moved)
        self._bring(new, moved)

    def _move(self, source: str, target: str, quantity: Decimal) -> None:
        holding = self.holdings[source]
        left, taken = take_out(holding, quantity)
        base = self.base.pop(source, ZERO)
        stays = ZERO if left.quantity == 0 else cents(base * left.quantity / holding.quantity)
        self.base[source] = stays
        self.base[target] = self.base.get(target, ZERO) + base - stays
        self.holdings[source] = left
        self.holdings[target] = merged(self.holdings.get(target, EMPTY), taken, self.method)

    def _bring(self, symbol: str, quantity: Decimal) -> None:
        """Take in shares without cash, or give them up: what they are worth is the day's result."""
        worth = self._worth(symbol, quantity)
        self._trade(symbol, quantity, worth)
        self._add(symbol, corrected=worth)

    def _worth(self, symbol: str, quantity: Decimal) -> Decimal:
        price = self.closes.get(symbol, self.holdings.get(symbol, EMPTY).price)
        return ZERO if price is None else cents(quantity * price)

    def _add(self, symbol: str, **amounts: Decimal) -> None:
        if not symbol:
            raise InvalidData(f"books of a day: expected a symbol with {', '.join(amounts)}, got none")
        day = self.days.get(symbol, SymbolDay(symbol))
        self.days[symbol] = replace(day, **{name: getattr(day, name) + amount for name, amount in amounts.items()})
