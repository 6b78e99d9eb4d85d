"""What trading needs from the outside: signals, prices, and a venue to read or to trade at.

A step is given a port and never an adapter; a run that never sends is given a VenueReader, which has no way to send.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from include.trading.account.actions import Announced
from include.trading.errors import TradingError
from include.trading.models import (
    AccountFacts,
    Allowance,
    AssetFacts,
    CashActivity,
    Fill,
    OrderReport,
    OrderRequest,
    Price,
    SignalSet,
    Value,
    VenueInfo,
)


class Closing(Protocol):
    """Opened for one task, closed at its end."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SourceHealth(Value):
    """A source that is ready. words: what it is and where it said so."""

    words: str


class SignalRequest(Value):
    """What a run asks for: the signals made from the data of as_of_date, for the session after it.

    A source has what else the strategy says of it since it was opened.
    symbols: empty where the universe is what the answer names. held: the names that the strategy holds now.
    event: the extra of the asset event that started the run.
    """

    symbols: tuple[str, ...]
    as_of_date: date
    session: date
    held: tuple[str, ...] = ()
    replay: bool = False
    event: dict[str, Any] | None = None


class SignalSource(Closing, Protocol):
    """Where a strategy's signals come from. Asking changes nothing and may be repeated."""

    def check_ready(self) -> SourceHealth:
        """Return that it can answer now; raises Unavailable with its words when it cannot."""
        ...

    def signals(self, ask: SignalRequest) -> SignalSet:
        """Return the whole answer, checked; raises BadAnswer, with its text, for one that is not what was asked."""
        ...


@runtime_checkable
class KnownAgain(Protocol):
    """A source whose answer can be looked at again, without judging it, to see whether it changed."""

    def fingerprint(self, ask: SignalRequest) -> str:
        """Return the hash that the answer's origin would have now."""
        ...


class PriceSource(Closing, Protocol):
    """Where prices come from. A symbol without a usable price gets the reason as text instead."""

    def latest(self, symbols: Iterable[str], now: datetime) -> dict[str, Price | str]:
        """Return each symbol's last trade, in USD a share."""
        ...

    def closes(self, symbols: Iterable[str], day: date, close_at: datetime, now: datetime) -> dict[str, Price | str]:
        """Return each symbol's unadjusted close of the day; close_at: when that session closed."""
        ...


@runtime_checkable
class Announcer(Protocol):
    """A price source that also tells corporate actions."""

    def corporate_actions(self, symbols: Iterable[str], first: date, last: date) -> Announced:
        """Return what is announced for these symbols and days, but for those that the source refuses.

        Raises where the whole of the others is not known.
        """
        ...


@runtime_checkable
class HistorySource(Protocol):
    """A price source that also gives closes of many sessions; sizing by past returns needs one."""

    @property
    def history_of(self) -> str:
        """Whose closes they are: what was kept of another source is not this one's."""
        ...

    def adjusted_closes(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        """Return the daily closes from first to last, both included, adjusted for splits and dividends.

        A day without a usable close is left out, and so is a symbol that the source refuses.
        """
        ...


@runtime_checkable
class VolumeSource(Protocol):
    """A price source that also gives how much was traded; a limit by volume needs one."""

    @property
    def volumes_of(self) -> str:
        """Whose volumes they are: what was kept of another source is not this one's."""
        ...

    def traded_usd(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        """Return how much was traded each day from first to last, both included: its close × its volume, whole USD.

        A day without a usable close or volume is left out, and so is a symbol that the source refuses.
        """
        ...


@dataclass(frozen=True)
class VenueTraits:
    """What a venue can do and promises, by name, so that nothing above its adapter asks which venue it is.

    kind: the name that a plan is frozen with. called: what a sentence calls it.
    takes_our_order_id: it stores an order under the id that we give it. Otherwise it makes ids from the content, and
        two orders of one day and content are one to it.
    positions_are_exact: a position that differs from our books is a break. Otherwise it only warns; positions_note
        says why.
    can_cancel: an open order can be canceled here. has_rate_limit: orders are sent at the strategy's pace.
    tells_account: it says what the account's equity and buying power are. Otherwise capital is a number of the file's.
    lists_fills: it lists executions with ids apart from the orders, which may say less.
    mode_holds_seconds: for how long the mode that it said counts, for every task of the account; 0: each order asks.
    tells_assets: it says of a symbol whether it may be traded, sold short and bought in parts of a share.
    least_fraction_usd: what an order for a part of a share must be worth at least; None: it takes whole shares only.
    has_dry_run: it can be of the mode dry_run, in which it takes orders and sends none on.
    """

    kind: str
    called: str
    takes_our_order_id: bool
    positions_are_exact: bool
    can_cancel: bool
    has_rate_limit: bool
    tells_account: bool
    tells_assets: bool
    least_fraction_usd: Decimal | None
    has_dry_run: bool
    lists_fills: bool = False
    mode_holds_seconds: float = 0
    positions_note: str = ""


class VenueConnection(Protocol):
    """Where a venue is and whose account trades there, checked without asking it. Secrets show in no repr."""

    @property
    def connection_id(self) -> str: ...
    @property
    def account(self) -> str | None: ...
    @property
    def address(self) -> str: ...
    @property
    def login(self) -> str:
        """What tells this address and login from others, without a secret."""
        ...

    @property
    def total_timeout_seconds(self) -> float: ...


class VenueGate(Value):
    """One thing of the venue's own that can stop every order. next_step: what ends that, where it does so now."""

    name: str
    words: str
    next_step: str | None = None


@runtime_checkable
class VenueReader(Closing, Protocol):
    """A venue that can be asked and not traded at."""

    @property
    def traits(self) -> VenueTraits: ...
    @property
    def endpoint(self) -> VenueConnection: ...

    def info(self) -> VenueInfo:
        """Return what the venue says of itself; raises InvalidData when it is not what its connection says."""
        ...

    def mode_now(self) -> VenueInfo:
        """Return its mode at this moment, with one request: asked before each order, or as often as the traits say."""
        ...

    def allowance(self) -> Allowance | None:
        """Return what the last answer said is left of the account's requests; None where none said so. Asks nothing."""
        ...

    def refusal(self) -> str | None:
        """Return why it would take no order now, in its own words; None when nothing is known against it."""
        ...

    def gates(self) -> Iterator[VenueGate]:
        """Yield the state of everything of its own that can stop orders, for a person to read."""
        ...

    def order_ids(self, order: OrderRequest, info: VenueInfo, starts_at: datetime, ends_at: datetime) -> list[str]:
        """Return the ids under which it stores the order if that is sent between the two moments."""
        ...

    def order(self, venue_order_id: str) -> OrderReport | None:
        """Return the order, None when the venue itself says that it has none; any other answer raises."""
        ...

    def orders(self, venue_order_ids: Iterable[str]) -> Generator[tuple[str, OrderReport | TradingError | None]]:
        """Yield each id with what `order` returns or raises: one lost answer hides no other."""
        ...

    def fills(self, since: datetime, broker_order_id: str | None = None) -> dict[str, tuple[Fill, ...]]:
        """Return the executions since then by the broker's order id, of one order or of all; none where it lists none.

        Raises for a list that is not whole.
        """
        ...

    def positions(self) -> dict[str, Decimal]:
        """Return the account's signed shares by symbol; an incomplete answer raises and is never an empty book."""
        ...

    def account(self) -> AccountFacts | None:
        """Return the account's money; None exactly where the traits say that the venue tells none."""
        ...

    def assets(self, symbols: Iterable[str]) -> dict[str, AssetFacts | None] | None:
        """Return what the venue says of each symbol, None for one that it does not know.

        The whole answer is None exactly where the traits say that the venue tells none.
        """
        ...


@runtime_checkable
class CashTeller(Protocol):
    """A venue that also lists what changes the account's cash besides fills."""

    def cash_activities(self, since: date) -> list[CashActivity]:
        """Return what it listed since that day, oldest first; raises for a list that is not whole."""
        ...


@runtime_checkable
class Venue(VenueReader, Protocol):
    """A venue that orders can be sent to. Neither call is ever repeated inside."""

    def submit(self, order: OrderRequest) -> OrderReport:
        """Send the order once.

        Raises Unavailable, Paused, Unauthorized or Halted only when the venue itself says that it stored nothing,
        Rejected or IdExists when it said no, BookMismatch for an answer about another order, OutcomeUnknown otherwise.
        """
        ...

    def cancel(self, venue_order_id: str) -> str:
        """Ask for the order to be canceled and return the state it has now, which may be another final one."""
        ...


def symbols_in_order(symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the symbols in capitals, each once: a service answers a repeated symbol with repeated rows."""
    return tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
