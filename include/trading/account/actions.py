"""What a company announced, and what that means for a holding: a proposal where everybody agrees, else a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from pydantic import Field

from include.trading.account.corrections import Ratio, Rename, round_shares
from include.trading.models import Value
from include.trading.numbers import shares

_ZERO: Final = Decimal(0)
ActionState = Literal["proposed", "blocked", "applied", "dismissed"]


class Announcement(Value):
    """A corporate action, as a vendor of market data tells it.

    kind: the vendor's word in the singular: forward_split, name_change, cash_dividend, … ratio: new shares for an old
    one, of a split or a stock dividend. cash: USD a share, of a cash dividend. raw: as it came.
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

    @property
    def is_split(self) -> bool:
        return self.ratio is not None and self.new_symbol in (None, self.symbol)

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
        return f"{what} of {self.symbol}, ex {self.ex_date}"


@dataclass(frozen=True)
class Verdict:
    """state: None where the action asks nothing of anybody. wanted: the correction that would book it."""

    state: Literal["proposed", "blocked"] | None
    words: str = ""
    wanted: Ratio | Rename | None = None


def judge(
    action: Announcement, held: Decimal, expected: Mapping[str, Decimal], positions: Mapping[str, Decimal]
) -> Verdict:
    """Say what an action that is effective means for a strategy that holds or trades the symbol.

    expected: what the account should hold by our books. positions: what the venue says that it holds.
    """
    symbol = action.symbol
    if action.kind == "cash_dividend":
        return Verdict(None)
    if action.is_split and action.ratio is not None:
        return Verdict(None) if held == 0 else _split(action, action.ratio, held, expected, positions)
    if action.is_rename and action.new_symbol is not None and held != 0:
        return _rename(action, action.new_symbol, held, expected, positions)
    at_venue = shares(positions.get(symbol, _ZERO))
    return Verdict("blocked", f"{action.words}: the venue shows {at_venue} {symbol}, our books {shares(held)}")


def _split(
    action: Announcement,
    ratio: Decimal,
    held: Decimal,
    expected: Mapping[str, Decimal],
    positions: Mapping[str, Decimal],
) -> Verdict:
    symbol = action.symbol
    exact = Fraction(held) * Fraction(ratio)
    after, at_venue = round_shares(exact), positions.get(symbol, _ZERO)
    agrees = Fraction(after) == exact and at_venue == after and expected.get(symbol, _ZERO) == held
    words = f"{action.words}: our {shares(held)} become {shares(after)}, the venue shows {shares(at_venue)}"
    return Verdict("proposed", words, Ratio(Fraction(ratio))) if agrees else Verdict("blocked", words)


def _rename(
    action: Announcement,
    new: str,
    held: Decimal,
    expected: Mapping[str, Decimal],
    positions: Mapping[str, Decimal],
) -> Verdict:
    old = action.symbol
    agrees = (
        expected.get(old, _ZERO) == held
        and expected.get(new, _ZERO) == 0
        and positions.get(old, _ZERO) == 0
        and positions.get(new, _ZERO) == held
    )
    words = (
        f"{action.words}: our {shares(held)} {old} become {new}, the venue shows "
        f"{shares(positions.get(old, _ZERO))} {old} and {shares(positions.get(new, _ZERO))} {new}"
    )
    return Verdict("proposed", words, Rename(new)) if agrees else Verdict("blocked", words)
