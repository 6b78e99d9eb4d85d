"""What a person must hear about a plan at once: missing signals or histories, far prices, holdings without a price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from include.trading.alerts.catalogue import FAR_PRICE, HISTORY_MISSING, OLD_PRICE, SIGNALS_MISSING, Alarm, Cause
from include.trading.models import Mode
from include.trading.numbers import shares
from include.trading.plan.plan import MappingRow, OldValue, Plan

# A message is read on a phone; the run's page has them all.
_NAMED = 10


def plan_alarms(plan: Plan, *, strategy_id: str, source: str, session: date, mode: Mode) -> list[Alarm]:
    """Return what a plan raises, one alarm a cause with its symbols in it.

    source: where its signals come from, as a sentence calls it.
    """
    replay = mode == "replay"
    found: list[Alarm] = []

    def add(cause: Cause, message: str) -> None:
        key = cause.key(strategy_id, mode, None if replay else session)
        words = f"{strategy_id} {session}: {message}"
        found.append(cause.alarm(key, words, severity="warning" if replay else None, source=source))

    if missing := [row for row in plan.rows if row.reason in ("signal_missing", "signal_missing_flat")]:
        add(
            SIGNALS_MISSING,
            f"the signals leave out {_list([_holding(row) for row in missing])}; holdings stay",
        )
    # Of a name that is not held nothing is left open, so the run's page is enough.
    if unsized := [row for row in plan.rows if row.reason == "no_history"]:
        add(HISTORY_MISSING, f"holdings without a size stay: {_list([_holding(row) for row in unsized])}")
    if warned := [row for row in plan.rows if row.outcome == "order" and _is_far(row)]:
        add(FAR_PRICE, f"reductions are sent anyway: {_list([_order(row) for row in warned])}")
    if plan.old_values:
        add(
            OLD_PRICE,
            f"holdings without a usable price: {_list([_value(old) for old in plan.old_values])}",
        )
    return found


def _is_far(row: MappingRow) -> bool:
    return any(check.code == "price_distance" and check.outcome == "warned" for check in row.rules)


def _list(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return "; ".join(words[:_NAMED]) + more


def _holding(row: MappingRow) -> str:
    return f"{row.symbol} ({shares(row.held_quantity + row.open_quantity)} held)"


def _order(row: MappingRow) -> str:
    quantity = "–" if row.order_quantity is None else shares(row.order_quantity)
    return f"{row.symbol} {row.order_side} {quantity} ({row.detail})"


def _value(old: OldValue) -> str:
    if old.price is None:
        worth = "no price is known at all, so every increase is denied"
    else:
        worth = f"the limits value it at {old.price.price:f} of {old.price.at:%Y-%m-%d %H:%M} UTC ({old.price.source})"
    return f"{shares(old.quantity)} {old.symbol}, {old.problem}: {worth}"
