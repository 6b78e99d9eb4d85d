"""What a person on duty may do to an account, each with a name and a reason: halt, resume, adopt; and list orders.

The commands of `include.ops` and the HTTP API call these; settling orders is in settling.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from include.execution.alerts.raising import end_position_alerts
from include.execution.desk import Desk
from include.execution.orders.canceling import cancel
from include.execution.orders.reports import reread
from include.execution.orders.resolve import LOOKED_UP_AGAIN_FOR, gateway_id, look_again_at, look_up
from include.execution.settings import Settings
from include.ledger.alerts import Alert
from include.ledger.ledger import Ledger
from include.ledger.orders import Overtaken
from include.trading.account.books import Break
from include.trading.account.loss import LOSS_CAUSE
from include.trading.account.row import Account
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import ENDED_BY, GATEWAY_PAUSED, LOSS_LIMIT, cause_of_break
from include.trading.errors import InvalidData, NotFound, TradingError
from include.trading.numbers import shares
from include.trading.order.row import Intent
from include.trading.order.states import UNRESOLVED

BY_PERSON = "person"
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Resumed:
    """The account as it is now, and the breaks that were ended."""

    account: Account
    breaks: list[Break]


@dataclass(frozen=True)
class Cancellation:
    """The result of asking to cancel one order. done: it is final now, nothing of it can trade any more."""

    client_order_id: str
    symbol: str
    done: bool
    words: str


@dataclass(frozen=True)
class Adopted:
    """A symbol's books after adopting: they agree when gateway = baseline + fills."""

    account: str
    symbol: str
    gateway: Decimal
    fills: Decimal
    baseline_before: Decimal
    baseline: Decimal


@dataclass(frozen=True)
class OrderHistory:
    """An order with its session and everything that happened to it, oldest first."""

    order: Intent
    session: date
    revision: int
    events: list[dict[str, Any]]
    fills: list[dict[str, Any]]


def halt(ledger: Ledger, account: str, *, actor: str, reason: str) -> Account:
    """Stop the account's sending and return its row; what is sent already is looked up and tracked on.

    An account that is halted already keeps its state and gets the reason too. Planned orders stay planned until
    their `send_until`, so resuming before it lets them go.
    """
    check_words(actor, reason)
    with ledger.transaction():
        ledger.wait_longer()
        ledger.accounts.set_state(lock_account(ledger, account), "halted", cause=BY_PERSON, reason=reason, actor=actor)
    return lock_account(ledger, account)


def cancel_open(desk: Desk, account: str, *, reason: str) -> list[Cancellation]:
    """Ask the gateway to cancel every order of the account that is or may be open; say for each what came of it.

    Raises InvalidData at a venue that has no cancel.
    """
    orders = [intent for intent in desk.ledger.orders.live(account) if intent.state != "planned"]
    if orders and not desk.gateway.traits.can_cancel:
        ids = ", ".join(f"{intent.symbol} ({gateway_id(desk, intent)})" for intent in orders)
        raise InvalidData(f"this gateway has no cancel; cancel at the broker what may be open: {ids}")
    return [_cancel(desk, intent, reason) for intent in orders]


def resume(
    ledger: Ledger, account: str, *, actor: str, reason: str, breaks: Collection[int] = (), settings: Settings
) -> Resumed:
    """Let the account trade again; the reason is the resolution of every open break. Also lifts the gateway's pause.

    breaks: the ids of all open breaks, so that none is ended that came after looking. With orders unresolved past
    the limit of the settings the account becomes `reduce_only`, which ends by itself when their outcome is known.
    Raises InvalidData when an open break is not named, or there is nothing to resume from.
    """
    check_words(actor, reason)
    with ledger.transaction():
        row = lock_account(ledger, account)
        found = ledger.books.open_breaks(account)
        _check_breaks(account, found, breaks)
        paused = row.gateway_paused_until is not None and ledger.now() < row.gateway_paused_until
        if paused:
            ledger.accounts.lift_pause(row, reason=reason, actor=actor)
            ledger.alerts.end(GATEWAY_PAUSED.key(account))
        if row.state != "halted" and not found and row.state_cause != LOSS_CAUSE:
            if paused:
                return Resumed(lock_account(ledger, account), [])
            raise InvalidData(
                f"account {account} is {row.state}, not halted: nothing to resume"
                + (f" ({row.state_reason}; settle those orders)" if row.state == "reduce_only" else "")
            )
        ledger.books.resolve_breaks(account, resolved_by=actor, resolution=reason)
        ledger.alerts.end(LOSS_LIMIT.key(account))
        for ended in found:
            ledger.alerts.end(cause_of_break(ended.kind).key(account, ended.dedupe_key))
        ledger.accounts.set_state(row, "active", cause=BY_PERSON, reason=reason, actor=actor)
        ledger.accounts.refresh(
            lock_account(ledger, account), ledger.now(), after_seconds=settings.unresolved_seconds, actor=actor
        )
        return Resumed(lock_account(ledger, account), found)


def acknowledge_alert(ledger: Ledger, id: int, *, actor: str, reason: str) -> Alert:
    """Note that a person looks after an alert; it stays open until its cause is over or it is closed."""
    check_words(actor, reason)
    return _found(ledger, id, ledger.alerts.acknowledge(id, by=actor, reason=reason))


def close_alert(ledger: Ledger, id: int, *, actor: str, reason: str) -> Alert:
    """End an alert by a person's word. If its cause comes back, that is a new alert.

    Raises InvalidData while the ledger itself says that the cause lasts: acknowledging is for that.
    """
    check_words(actor, reason)
    alert = ledger.alerts.get(id)
    if alert is not None and alert.over_at is None and (ends_by := ENDED_BY.get(alert.kind)) is not None:
        raise InvalidData(f"alert {id} ({alert.kind}): its cause lasts, and ends by {ends_by}; acknowledge it instead")
    return _found(ledger, id, ledger.alerts.close(id, by=actor, reason=reason))


def _found(ledger: Ledger, id: int, alert: Alert | None) -> Alert:
    if alert is not None:
        return alert
    known = ledger.alerts.get(id)
    if known is None:
        raise NotFound(f"alert {id} does not exist; open are {listed([str(each.id) for each in ledger.alerts.open()])}")
    raise InvalidData(f"alert {id} is over since {known.over_at:%Y-%m-%d %H:%M} UTC: nothing was changed")


def adopt(
    desk: Desk, account: str, symbol: str, *, reason: str, quantity: Decimal | None = None, not_ours: bool = False
) -> Adopted:
    """Declare a symbol's position, as far as our books do not explain it, not to be ours: its new baseline.

    quantity: signed shares; by default what the gateway holds less what our strategies hold.
    not_ours: needed where a strategy holds the symbol, or an order of ours ended there without filling whole: what
    differs is mostly its own, and is corrected.
    Raises InvalidData while an order of the symbol may still fill: its fills would be taken for another's.
    """
    check_words(desk.actor, reason)
    ledger = desk.ledger
    lock_account(ledger, account)
    # What the gateway knows by now of orders that ended is ours, not another's.
    look_again_at(desk, _ended_short(ledger, account, symbol), doubted=True)
    fills_before = _settled_fills(ledger, account, symbol)
    actual = desk.confirmed.positions()
    held = actual.get(symbol, _ZERO)
    with ledger.transaction():
        lock_account(ledger, account)
        fills = _settled_fills(ledger, account, symbol)
        if fills != fills_before:
            raise InvalidData(f"{symbol}: an order filled while the gateway was asked; nothing was adopted, try again")
        before = ledger.books.baseline(account).get(symbol, _ZERO)
        wanted = held - fills if quantity is None else quantity
        if wanted == before:
            raise InvalidData(
                f"{symbol}: nothing to adopt: the gateway holds {shares(held)}, our strategies {shares(fills)} and "
                f"the baseline is {shares(before)} already"
            )
        holders = ledger.corrections.holders(account, symbol)
        ended = _ended_short(ledger, account, symbol)
        if (holders or ended) and not not_ours:
            found = ", ".join(
                [
                    *(f"{strategy} holds {shares(own)}" for strategy, own in holders.items()),
                    *(
                        f"order {each.client_order_id} ({each.words}) ended {each.state} with "
                        f"{shares(each.filled_quantity)} filled"
                        for each in ended
                    ),
                ]
            )
            raise InvalidData(
                f"{symbol}: {found}. A split, a new symbol, a late fill or an order changed by hand is corrected "
                "(correct); adopt only shares that are certainly not a strategy's, and say so: --not-ours"
            )
        ledger.books.store_positions(account, actual, None)
        ledger.books.adopt(account, symbol, wanted, adopted_by=desk.actor, reason=reason)
        if held == wanted + fills:
            end_position_alerts(ledger, account, symbol)
    return Adopted(account, symbol, held, fills, before, wanted)


def orders(
    ledger: Ledger,
    *,
    account: str | None = None,
    session: date | None = None,
    states: Sequence[str] | None = None,
    limit: int = 100,
) -> list[OrderHistory]:
    """Return the newest orders that fit, each with its events and fills."""
    found = ledger.orders.find(account=account, session=session, states=states, limit=limit)
    events: dict[int, list[dict[str, Any]]] = {intent.id: [] for intent in found}
    for event in ledger.orders.events(list(events)):
        events[event["intent_id"]].append(event)
    plans = {plan_id: ledger.plans.get(plan_id) for plan_id in {intent.plan_id for intent in found}}
    return [
        OrderHistory(
            order=intent,
            session=plan.session_date,
            revision=plan.revision,
            events=events[intent.id],
            fills=ledger.orders.fills_of(intent.id) if intent.filled_quantity else [],
        )
        for intent in found
        if (plan := plans[intent.plan_id]) is not None
    ]


def lock_account(ledger: Ledger, account: str) -> Account:
    """Lock the account's row; raises InvalidData, with the accounts that there are, for one that is not."""
    try:
        return ledger.accounts.lock(account)
    except LookupError:
        known = ", ".join(row.account for row in ledger.accounts.all()) or "none yet"
        raise InvalidData(f"account {account!r} is not in the ledger; known are {known}") from None


def check_words(actor: str, reason: str) -> None:
    """Raise InvalidData without a name of who acts and a reason."""
    for name, value in (("your name", actor), ("a reason", reason)):
        if not value.strip():
            raise InvalidData(f"expected {name}, got nothing: both are kept with what was done")


def _check_breaks(account: str, found: Sequence[Break], named: Collection[int]) -> None:
    unnamed = [row for row in found if row.id not in named]
    if unnamed:
        listed = "; ".join(f"{row.id} {row.kind}: {row.message}" for row in unnamed)
        ids = " ".join(str(row.id) for row in found)
        raise InvalidData(
            f"account {account} has open breaks: {listed}. When the reason settles them all, name them: --breaks {ids}"
        )
    if unknown := sorted(set(named) - {row.id for row in found}):
        raise InvalidData(f"breaks: expected open ones of account {account}, got {', '.join(map(str, unknown))}")


def _cancel(desk: Desk, intent: Intent, reason: str) -> Cancellation:
    def answer(current: Intent, words: str) -> Cancellation:
        return Cancellation(intent.client_order_id, intent.symbol, current.state not in {"open", *UNRESOLVED}, words)

    try:
        if intent.state in UNRESOLVED:
            intent = look_up(desk, intent)
        if intent.state != "open":
            return answer(intent, f"it is {intent.state}")
        intent, word = cancel(desk, intent, reason=reason, event="canceled_by_person")
    except (TradingError, Overtaken) as error:
        return answer(reread(desk, intent), f"not confirmed: {error}")
    return answer(intent, f"the gateway says {word}")


def _ended_short(ledger: Ledger, account: str, symbol: str) -> list[Intent]:
    """Return the symbol's recent orders that were sent and ended without filling completely: they may have filled."""
    ended = ledger.orders.ended(account, ledger.now() - LOOKED_UP_AGAIN_FOR)
    return [intent for intent in ended if intent.symbol == symbol]


def _settled_fills(ledger: Ledger, account: str, symbol: str) -> Decimal:
    """Return our fills of a symbol; raises InvalidData while one of its orders may still add to them."""
    live = [row for row in ledger.orders.live(account) if row.symbol == symbol and row.state != "planned"]
    if live:
        found = ", ".join(f"{intent.client_order_id} ({intent.state})" for intent in live)
        raise InvalidData(f"{symbol}: expected no order that may still fill, found {found}; wait for it or settle it")
    return ledger.movements.of_account(account).get(symbol, _ZERO)
