"""Risk rules of the strategy's own: asked of increases only, after the package's, and able to deny and nothing else."""

from __future__ import annotations

from functools import partial
from typing import Final

from include.trading.plan.own import OwnParts, OwnRule
from include.trading.plan.plan import PlannedOrder, RuleCheck
from include.trading.plan.reasons import OWN_RULE
from include.trading.plan.risk import Judge, Situation
from include.trading.text import one_line
from include.trading.validation import shown

_LONGEST_REASON: Final = 300


def own_judges(own: OwnParts, *, reduces: bool) -> tuple[Judge, ...]:
    """Return the own rules for orders that reduce a position, which none of them judges, or for those that do not."""
    if reduces:
        return tuple(_passed for _ in own.rules)
    return tuple(partial(_check, rule) for rule in own.rules)


def _passed(_: PlannedOrder, __: Situation) -> RuleCheck:
    return RuleCheck(OWN_RULE, "passed")


def _check(rule: OwnRule, order: PlannedOrder, situation: Situation) -> RuleCheck:
    """Deny for a sentence, pass for None; a rule that cannot be asked, or answers anything else, denies too."""
    if rule.function is None:
        return _not_evaluable(rule, rule.problem or "it was not imported")
    try:
        answer = rule.function(order, situation)
    except Exception as error:  # noqa: BLE001 - it may raise anything, and must not stand in the way of a reduction
        return _not_evaluable(rule, f"it raised {type(error).__name__}: {error}")
    if answer is None:
        return RuleCheck(OWN_RULE, "passed")
    if isinstance(answer, str) and answer.strip():
        return RuleCheck(OWN_RULE, "denied", detail=_told(rule, answer))
    return _not_evaluable(rule, f"expected None or the sentence why not, found {shown(answer)}")


def _not_evaluable(rule: OwnRule, why: str) -> RuleCheck:
    return RuleCheck(OWN_RULE, "not_evaluable", detail=_told(rule, why))


def _told(rule: OwnRule, why: str) -> str:
    return f"{OWN_RULE}: {rule.name}: {one_line(why)[:_LONGEST_REASON]}"
