"""Corporate actions of held and traded symbols: asked for, compared with the venue, proposed, booked or blocked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import structlog

from include.execution.desk import Desk
from include.execution.duty.account import check_words
from include.execution.duty.corrections import Corrected, correct
from include.ledger.ledger import Ledger
from include.trading.account.actions import Announcement, Verdict, judge
from include.trading.account.corrections import Ratio, Rename
from include.trading.alerts.catalogue import CORPORATE_ACTION
from include.trading.errors import InvalidData, NotFound, TradingError
from include.trading.ports import Announcer, PriceSource
from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)

# How far back an action that is not booked is looked for.
LOOK_BACK: Final = timedelta(days=30)
_ZERO: Final = Decimal(0)


@dataclass
class Watched:
    """What a plan must mind. blocked: symbols with an action that is not booked. unasked: why nothing is known."""

    blocked: list[str] = field(default_factory=list)
    unasked: str | None = None


def watch_actions(
    desk: Desk, market: PriceSource, account: str, strategy: Strategy, mode: str, symbols: Collection[str], day: date
) -> Watched:
    """Ask what is announced for the symbols, and propose, book or block what is effective by the day.

    A source that tells no actions blocks nothing. One that does not answer is a reason to increase nothing held.
    """
    if not isinstance(market, Announcer) or not symbols:
        return Watched()
    ledger, first = desk.ledger, day - LOOK_BACK
    try:
        ledger.actions.store(market.corporate_actions(sorted(symbols), first, day))
    except TradingError as error:
        log.warning("corporate actions are not known", reason=str(error))
        return Watched(unasked=str(error))
    found = Watched()
    positions: Mapping[str, Decimal] | None = None
    for id, action in ledger.actions.effective(sorted(symbols), first, day):
        if action.kind == "cash_dividend" or ledger.actions.state(id, account, strategy.id) in ("applied", "dismissed"):
            continue
        held = ledger.movements.held(account, strategy_id=strategy.id, mode=mode)
        if positions is None:
            positions = desk.gateway.positions()
        verdict = judge(
            action, held.get(action.symbol, _ZERO), ledger.movements.expected(account).quantities, positions
        )
        if verdict.state is None:
            continue
        if not _settled(desk, id, action, verdict, account, strategy):
            found.blocked += [symbol for symbol in (action.symbol, action.new_symbol) if symbol]
    return found


def _settled(desk: Desk, id: int, action: Announcement, verdict: Verdict, account: str, strategy: Strategy) -> bool:
    """Book what may be booked; propose or block the rest, with an alert. Return whether it is booked."""
    ledger, words = desk.ledger, verdict.words
    if verdict.state == "proposed" and strategy.corporate_actions == "apply" and verdict.wanted is not None:
        try:
            done = correct(desk, account, strategy.id, action.symbol, verdict.wanted, reason=f"announced: {words}")
        except InvalidData as error:
            words = f"{words}; it was not booked: {error}"
        else:
            _record_applied(ledger, id, account, strategy.id, action, done, words, desk.actor)
            return True
    state = verdict.state or "blocked"
    ledger.actions.record(id, account, strategy.id, state, words, actor=desk.actor)
    key = CORPORATE_ACTION.key(account, strategy.id, action.vendor_id)
    ledger.alerts.raise_alert(
        CORPORATE_ACTION.alarm(key, f"{strategy.id} ({state}): {words}", account=account),
        account=account,
        strategy_id=strategy.id,
    )
    return False


def apply_action(desk: Desk, account: str, action_id: int, *, reason: str) -> list[Corrected]:
    """Book a proposed split or new symbol for each strategy that it is proposed to; refused as `correct` is."""
    check_words(desk.actor, reason)
    ledger, done = desk.ledger, []
    for row in _of(ledger, action_id, account, "proposed"):
        action = Announcement.model_validate({name: row[name] for name in Announcement.model_fields})
        wanted = _wanted(action)
        booked = correct(desk, account, row["strategy_id"], action.symbol, wanted, reason=reason)
        _record_applied(ledger, action_id, account, row["strategy_id"], action, booked, row["words"], desk.actor)
        done.append(booked)
    return done


def dismiss_action(ledger: Ledger, account: str, action_id: int, *, actor: str, reason: str) -> None:
    """Say that an action needs nothing any more: it was corrected by hand, or never concerned what is held."""
    check_words(actor, reason)
    for row in _of(ledger, action_id, account, "proposed", "blocked"):
        ledger.actions.record(action_id, account, row["strategy_id"], "dismissed", reason, actor=actor)
        ledger.alerts.end(CORPORATE_ACTION.key(account, row["strategy_id"], row["vendor_id"]))


def _of(ledger: Ledger, action_id: int, account: str, *states: str) -> list[dict[str, Any]]:
    rows = ledger.actions.get(action_id, account)
    if not rows:
        raise NotFound(f"corporate action {action_id} is none of account {account}")
    open_now = [row for row in rows if row["state"] in states]
    if not open_now:
        raise InvalidData(
            f"corporate action {action_id}: expected it to be {' or '.join(states)}, it is {rows[0]['state']}"
        )
    return open_now


def _wanted(action: Announcement) -> Ratio | Rename:
    if action.is_rename and action.new_symbol is not None:
        return Rename(action.new_symbol)
    if action.ratio is None:
        raise InvalidData(f"{action.words}: expected a split or a new symbol")
    return Ratio(Fraction(action.ratio))


def _record_applied(
    ledger: Ledger,
    id: int,
    account: str,
    strategy_id: str,
    action: Announcement,
    done: Corrected,
    words: str,
    actor: str,
) -> None:
    ledger.actions.record(id, account, strategy_id, "applied", words, actor=actor, correction_id=done.id)
    ledger.alerts.end(CORPORATE_ACTION.key(account, strategy_id, action.vendor_id))


def unapplied(
    ledger: Ledger, account: str, strategy_id: str, symbols: Collection[str], day: date
) -> dict[str, Decimal]:
    """Return new shares for each old one of the splits that are effective by the day and not booked."""
    found: dict[str, Decimal] = {}
    for id, action in ledger.actions.effective(sorted(symbols), day - LOOK_BACK, day):
        open_now = ledger.actions.state(id, account, strategy_id) in (None, "proposed", "blocked")
        if action.is_split and action.ratio is not None and open_now:
            found[action.symbol] = found.get(action.symbol, Decimal(1)) * action.ratio
    return found
