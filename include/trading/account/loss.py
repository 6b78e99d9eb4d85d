"""When an account takes reductions only because a strategy lost too much: in a session, or since its best day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Final

from include.trading.strategy.limits import OFF, Limits

LOSS_CAUSE: Final = "loss"
_ZERO: Final = Decimal(0)


@dataclass(frozen=True)
class Losses:
    """A strategy's results in USD. earlier: of the sessions that count for the drawdown, oldest first.

    session: of the session to judge; None where a person resumed the account in it, so that it is not judged again.
    """

    earlier: Sequence[Decimal]
    session: Decimal | None


def exceeded(limits: Limits, capital: Decimal, losses: Losses) -> str | None:
    """Return which limit the losses exceed, with the numbers; None while they exceed none."""
    if capital <= 0:
        return None
    if limits.daily_loss != OFF and losses.session is not None:
        loss, most = -losses.session, limits.daily_loss * capital
        if loss > most:
            return f"the session's loss is {loss:,.2f} USD, more than daily_loss allows ({most:,.2f} USD)"
    if limits.drawdown != OFF:
        below, most = _below_the_highest([*losses.earlier, losses.session or _ZERO]), limits.drawdown * capital
        if below > most:
            return (
                f"the book's result is {below:,.2f} USD below its highest, more than drawdown allows ({most:,.2f} USD)"
            )
    return None


def _below_the_highest(results: Sequence[Decimal]) -> Decimal:
    sums = list(accumulate(results, initial=_ZERO))
    return max(sums) - sums[-1]
