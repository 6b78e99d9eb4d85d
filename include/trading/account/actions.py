"""What a company announced, and what that means for a holding: a proposal where everybody agrees, else a block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from pydantic import Field, field_validator

from include.trading.account.corrections import Ratio, Rename, exact_split, round_shares
from include.trading.models import Value
from include.trading.numbers import shares

_ZERO: Final = Decimal(0)
_UNREADABLE: Final = "unreadable"
ActionState = Literal["proposed", "blocked", "applied", "dismissed"]


class Announcement(Value):
    """A corporate action, as a vendor of market data tells it.

    kind: the vendor's word in the singular: forward_split, name_change, cash_dividend, … ratio: new shares for an old
    one, of a split or a stock dividend. cash: USD a share, of a cash dividend. raw: as it came, numbers as text where
    JSON could not keep them.
    """

    vendor_id: str
    kind: str
    symbol: str
    new_symbol: str | None = None
    ratio: Decimal | None = Field(default=None, gt=0)
    cash: Decimal | None = None
    ex_date: date
    payable_date: date | None = None
    raw: dict[str, Any] = Field(default_factory=dict)

    @field_validator("raw")
    @classmethod
    def _can_be_kept(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return {name: _plain(value) for name, value in raw.items()}

    @classmethod
    def unreadable(
        cls, vendor_id: str, kind: str, symbol: str, ex_date: date, raw: Mapping[str, Any], *, reason: str
    ) -> Announcement:
        """Return one of which only symbol and day are known: it blocks its symbol and cannot be booked."""
        kept = {**raw, _UNREADABLE: reason}
        return cls(vendor_id=vendor_id, kind=f"{_UNREADABLE}_{kind}", symbol=symbol, ex_date=ex_date, raw=kept)

    @property
    def is_split(self) -> bool:
        return self.ratio is not None and self.new_symbol in (None, self.symbol)

    @property
    def factor(self) -> Fraction | None:
        """Return the ratio exactly: a third is no decimal number."""
        rates = [self.raw.get(name) for name in ("new_rate", "old_rate")]
        if self.kind in ("forward_split", "reverse_split") and None not in rates:
            new, old = (Fraction(str(rate)) for rate in rates)
            return new / old
        return None if self.ratio is None else Fraction(self.ratio)

    @property
    def is_rename(self) -> bool:
        return self.kind == "name_change" and self.new_symbol is not None

    @property
    def words(self) -> str:
        """Return what was announced in one phrase."""
        what = self.kind.replace("_", " ")
        if self.is_split and self.ratio is not None:
            return f"{what} of {self.symbol}, {self.ratio.normalize():f} new shares for each, ex {self.ex_date}"
        if self.new_symbol is not None:
            return f"{what} of {self.symbol}, {self.new_symbol}, ex {self.ex_date}"
        if self.kind.startswith(_UNREADABLE):
            return f"{what} of {self.symbol}, ex {self.ex_date} ({self.raw.get(_UNREADABLE)})"
        return f"{what} of {self.symbol}, ex {self.ex_date}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


class Announced(NamedTuple):
    """What a source says is announced of symbols. refused: those of which it says nothing."""

    found: Sequence[Announcement]
    refused: frozenset[str] = frozenset()


def splits_since(day: date, actions: Iterable[Announcement]) -> dict[str, Fraction]:
    """Return how many new shares replace an old one, by symbol split after the day; one announced twice counts once."""
    told = {(one.symbol, one.factor) for one in actions if one.is_split and one.ex_date > day}
    found: dict[str, Fraction] = {}
    for symbol, factor in told:
        if factor is not None:
            found[symbol] = found.get(symbol, Fraction(1)) * factor
    return found


@dataclass(frozen=True)
class Verdict:
    """state: None where the action asks nothing of anybody. wanted: the correction that would book it."""

    state: Literal["proposed", "blocked"] | None
    words: str = ""
    wanted: Ratio | Rename | None = None


@dataclass(frozen=True)
class Known:
    """What is known of the symbol when it is judged.

    held: by the strategy. others: by each other strategy of the account. before: of the strategy's, what it held before
    the ex-date. expected: what the account should hold by our books. positions: what the venue says that it holds.
    """

    held: Decimal
    expected: Mapping[str, Decimal]
    positions: Mapping[str, Decimal]
    before: Decimal
    others: Sequence[Decimal] = ()

    @property
    def parts(self) -> tuple[Decimal, ...]:
        return (self.held, *self.others)

    def agrees_on(self, *symbols: str | None) -> bool:
        """Say whether venue and books hold the same of these symbols."""
        return all(
            self.expected.get(symbol, _ZERO) == self.positions.get(symbol, _ZERO) for symbol in symbols if symbol
        )


# What leaves the shares that are held as they are: bought after its ex-date, they are owed nothing.
_GIVES_MORE: Final = frozenset({"spin_off", "rights_distribution"})


def judge(action: Announcement, known: Known) -> Verdict:
    """Say what an action that is effective means for a strategy that holds or trades the symbol."""
    symbol = action.symbol
    if action.kind == "cash_dividend":
        return Verdict(None)
    if action.is_split and action.factor is not None:
        return Verdict(None) if known.held == 0 else _split(action, action.factor, known)
    if action.is_rename and action.new_symbol is not None and known.held != 0:
        return _rename(action, action.new_symbol, known)
    if action.kind in _GIVES_MORE and known.before == 0 and known.agrees_on(symbol, action.new_symbol):
        return Verdict(None)
    at_venue = shares(known.positions.get(symbol, _ZERO))
    return Verdict("blocked", f"{action.words}: the venue shows {at_venue} {symbol}, our books {shares(known.held)}")


def _split(action: Announcement, factor: Fraction, known: Known) -> Verdict:
    symbol, at_venue = action.symbol, known.positions.get(action.symbol, _ZERO)
    after = [exact_split(part, factor) for part in known.parts]
    total = sum((part for part in after if part is not None), _ZERO)
    agrees = None not in after and at_venue == total and known.expected.get(symbol, _ZERO) == sum(known.parts, _ZERO)
    if not agrees and known.before == 0 and known.agrees_on(symbol):
        # Bought after the ex-date: these are the new shares.
        return Verdict(None)
    becomes = shares(round_shares(Fraction(known.held) * factor))
    words = f"{action.words}: our {shares(known.held)} become {becomes}, the venue shows {shares(at_venue)}"
    if known.others:
        words += f"; other strategies of the account hold {shares(sum(known.others, _ZERO))}"
    return Verdict("proposed", words, Ratio(factor, is_exact=True)) if agrees else Verdict("blocked", words)


def _rename(action: Announcement, new: str, known: Known) -> Verdict:
    old, total, positions = action.symbol, sum(known.parts, _ZERO), known.positions
    agrees = (
        known.expected.get(old, _ZERO) == total
        and known.expected.get(new, _ZERO) == 0
        and positions.get(old, _ZERO) == 0
        and positions.get(new, _ZERO) == total
    )
    words = (
        f"{action.words}: our {shares(known.held)} {old} become {new}, the venue shows "
        f"{shares(positions.get(old, _ZERO))} {old} and {shares(positions.get(new, _ZERO))} {new}"
    )
    return Verdict("proposed", words, Rename(new)) if agrees else Verdict("blocked", words)


@dataclass(frozen=True)
class Form:
    """One form of an announcement, and what became of it for a strategy.

    is_same: it says the same as the form that is asked about. is_own: under the same id of the vendor's.
    """

    id: int
    is_own: bool
    is_same: bool
    withdrawn: bool
    state: ActionState | None


def decided(forms: Sequence[Form], *, withdrawn: bool = False) -> Literal["done", "changed"] | None:
    """Say whether an announcement was decided on before in this or another form, oldest first.

    done: booked or dismissed as it is, under this id or another. changed: booked, and announced otherwise since.
    What a person dismissed is a question again once the vendor said something else in between.
    """
    dismissed = changed = False
    for form in forms:
        if form.state == "applied" and form.is_same:
            return "done"
        if not form.is_own:
            if form.is_same and form.state == "dismissed":
                return "done"
            continue
        changed |= form.state == "applied"
        if not form.is_same or form.withdrawn != withdrawn:
            dismissed = False
        else:
            dismissed |= form.state == "dismissed"
    if dismissed:
        return "done"
    return "changed" if changed else None
