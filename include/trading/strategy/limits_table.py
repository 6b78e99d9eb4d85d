"""Writes docs/limits.md, the one table of all rules, from the code: python -m include.trading.strategy.limits_table"""

from __future__ import annotations

from typing import Any, Final

from include.trading.plan.reasons import DENIALS
from include.trading.plan.risk import RULES, Rule
from include.trading.strategy.limits import OFF, Limits
from include.trading.strategy.spec import Strategy

_HEAD = """# Pre-trade rules and their limits

Every order of a plan is judged by these rules; a value exactly at its limit passes. A strategy sets a limit in the
strategies file under the name given here. A numeric limit may be `off`, which every plan then shows; an empty list
restricts nothing. A rule that is on and cannot be evaluated (no previous close, a holding that never had a price)
denies. A denied order is recorded with the code and the numbers, and the other orders go on.

Before these rules the sizing decides how much is wanted. Each row of a plan names what bound that (`bound`: `cap`,
`liquidity`, `gross`, `volatility_target`, `lot`, `side_conflict` or `none`); docs/sizing/README.md has their meaning.

No limit stands in the way of a reduction: an order that only reduces a position, a flip's first leg included, is
denied only by a person's restriction or by a halt. A reduction whose price is farther from the previous close than
`limits.price_distance`, or cannot be compared, is sent; its row and the alert `far_price` say so.

Where a limit does not leave room for every order, reductions come first, then the strongest signals: best ranks to
buy, worst ranks to sell. Net exposure is judged last, on the whole plan: the weakest increases of the heavier side are
denied until it fits. Exposures count what is held, what open orders may still trade, and the plan; a holding without
a price today is valued at its previous close, or else at the last price the ledger knows (alert `old_price`), and only
its own increase is denied.

Where the venue tells the account's buying power, the plan's increases count against it as the venue reserves money for
them: a buy at 1.05 times the planned price, a short at 1.03 times. Its figure is net of what open orders reserve; what
other plans of the account are about to take is subtracted, so that two strategies never count on the same money. With
`when_short_of_money: scale` all increases that the rules let through are scaled by one factor and rounded down; with
`deny` the weakest ones are denied. Where a venue never tells its buying power, the rule is off, and the plan says
so; a venue that does not answer gets reductions only.

Where the venue tells of a symbol whether it may be traded, sold short and bought in parts of a share, it is asked when
the plan is made. A venue that never tells has these rules off, and every plan says so in its notes; one that fails to
answer gets reductions only. A reduction of a symbol that is not tradable is sent all the same, with a warning: the
venue decides. With `quantities: fractional` longs of symbols that the venue trades in parts of a share have nine
decimals; everything else is in whole shares. An order that closes a long sells the exact part of a share even with
`whole`; a part that is worth less than the venue's least order stays (`dust_stays`), and no short is opened over it.

This file is generated; `python -m include.trading.strategy.limits_table > docs/limits.md` writes it again.
"""


def limits_table() -> str:
    """Return the whole document."""
    rows = [
        ("Setting", "Unit", "Default", "Code", "Judges", "Denies when", "Source of the default"),
        ("---",) * 7,
        *map(_row, RULES),
        *map(_of_the_sizing, OF_THE_SIZING),
        *map(_of_the_book, OF_THE_BOOK),
    ]
    return _HEAD + "\n" + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


# Judged on the strategy's own book, when a plan is made and when its day is closed; not on orders one by one.
OF_THE_BOOK: Final = ("daily_loss", "drawdown")
# What a target is cut to before there is an order.
OF_THE_SIZING: Final = ("volume_share",)


def _of_the_book(name: str) -> tuple[str, ...]:
    return _by_no_order(name, "`account_state`", "the book")


def _of_the_sizing(name: str) -> tuple[str, ...]:
    return _by_no_order(name, "–", "the sizing's target, and denies nothing")


def _by_no_order(name: str, code: str, judges: str) -> tuple[str, ...]:
    field = Limits.model_fields[name]
    extra: Any = field.json_schema_extra
    description = field.description or ""
    words = f"{description[:1].upper()}{description[1:]}."
    return f"`limits.{name}`", extra["unit"], f"`{OFF}`", code, judges, words, extra["source"]


_ASKED: Final = "the venue's answer when the plan is made"
_UNSET: Final = {
    "not_tradable": ("what the venue says of the symbol", "–", "on", _ASKED),
    "hard_to_borrow": ("what the venue says of the symbol", "–", "on", _ASKED),
    "not_fractionable": ("what the venue says of the symbol", "–", "on", _ASKED),
    "account_state": ("the account's state", "–", "`active`", "set by people and by breaks"),
    "account_equity": ("`capital.equity.at_least`", "USD", "none", _ASKED),
    "corporate_actions": ("announced corporate actions", "–", "–", "the market data service's answer"),
}


def _default(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`"
    return "none" if value == () else f"{value:,}"


def _row(rule: Rule) -> tuple[str, ...]:
    if rule.setting is None:
        setting, unit, default, source = _UNSET[rule.code]
    else:
        group, _, name = rule.setting.rpartition(".")
        field = (Limits if group == "limits" else Strategy).model_fields[name]
        extra: Any = field.json_schema_extra
        setting, unit, source = f"`{rule.setting}`", extra["unit"], extra["source"]
        default = _default(field.default)
        if group == "limits":
            default += f" or `{OFF}`"
    return setting, unit, default, f"`{rule.code}`", rule.judges, DENIALS[rule.code], source


if __name__ == "__main__":
    print(limits_table(), end="")
