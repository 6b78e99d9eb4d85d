"""End orders whose outcome can no longer be learned, by the word of a person who looked at the broker's books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, get_args

from include.execution.desk import Desk
from include.execution.duty.recounting import recount
from include.execution.orders.reports import apply_report, reread
from include.execution.orders.resolve import gateway_ids, look_up
from include.execution.steps.track_fills import close_late_orders
from include.ledger.orders import Overtaken
from include.trading.errors import InvalidData, OtherGateway, TradingError
from include.trading.numbers import number_or_none, shares
from include.trading.order.booking import SETTLED, contradicts_itself
from include.trading.order.fills import settled_part
from include.trading.order.row import Intent
from include.trading.order.states import UNRESOLVED, check_transition, fill_contradiction

Outcome = Literal["not_sent", "rejected", "canceled", "expired", "filled"]
OUTCOMES: Final = get_args(Outcome)


@dataclass(frozen=True)
class Verdict:
    """What a person says became of an order. quantity: shares filled in all; price: USD a share, their average."""

    outcome: Outcome
    reason: str
    quantity: Decimal | None = None
    price: Decimal | None = None


@dataclass(frozen=True)
class Settled:
    """One order's end. settled: by this verdict; otherwise `words` say why not, and `state` what it is."""

    client_order_id: str
    symbol: str
    settled: bool
    state: str
    words: str


@dataclass(frozen=True)
class Settlement:
    """The orders asked for, and the runs whose outcome was counted again, each in a line."""

    orders: list[Settled]
    runs: list[str]


def unresolved(desk: Desk, account: str) -> list[str]:
    """Return the ids of all orders of the account whose outcome is not known."""
    return [intent.client_order_id for intent in desk.ledger.orders.live(account) if intent.state in UNRESOLVED]


def settle(
    desk: Desk, account: str, client_order_ids: Sequence[str], verdict: Verdict, *, gateway_silent: bool = False
) -> Settlement:
    """End orders of the account by a person's verdict; each is looked up once more before.

    What the gateway knows of an order is booked and never overwritten: only an order about which it answers without
    an outcome is settled, with `gateway_silent` also one about which it gives no answer. Orders may be `unknown`,
    `sending` with an expired lease, or `open` and vanished from the gateway. Runs that are closed are counted again.
    Raises InvalidData, and does nothing at all, for a verdict or an order that cannot be.
    """
    _check_verdict(desk.actor, verdict)
    intents = [_order(desk, account, id) for id in dict.fromkeys(client_order_ids)]
    for intent in intents:
        check_transition("unknown" if intent.state in UNRESOLVED else intent.state, verdict.outcome)
        _filled(intent, verdict)
    results = [_settle(desk, intent, verdict, gateway_silent=gateway_silent) for intent in intents]
    with desk.ledger.transaction():
        desk.ledger.accounts.refresh(
            desk.ledger.accounts.lock(account),
            desk.ledger.now(),
            after_seconds=desk.settings.unresolved_seconds,
            actor=desk.actor,
        )
    close_late_orders(desk, account)
    plans = dict.fromkeys(intent.plan_id for intent in intents)
    runs = [run for plan_id in plans for run in desk.ledger.runs.of_plan(plan_id) if run.completed_at is not None]
    return Settlement(results, [recount(desk, run).words for run in runs])


def _order(desk: Desk, account: str, client_order_id: str) -> Intent:
    intent = desk.ledger.orders.get(client_order_id)
    if intent is None or intent.account != account:
        raise InvalidData(f"order {client_order_id} is not one of account {account}")
    if intent.state not in {"open", *UNRESOLVED}:
        raise InvalidData(
            f"order {client_order_id} ({intent.words}) is {intent.state}: "
            "only an order without a known outcome is settled"
        )
    return intent


def _check_verdict(actor: str, verdict: Verdict) -> None:
    if verdict.outcome not in OUTCOMES:
        raise InvalidData(f"outcome: expected one of {', '.join(OUTCOMES)}; got {verdict.outcome!r}")
    if not actor.strip() or not verdict.reason.strip():
        raise InvalidData("expected the name of who settles and a reason: both are kept with the order")
    if (verdict.outcome == "filled" or verdict.quantity) and (verdict.price is None or verdict.price <= 0):
        raise InvalidData(
            "price: expected the average price in USD a share, above 0, of what filled; "
            f"got {number_or_none(verdict.price)}"
        )
    if verdict.outcome in ("not_sent", "rejected") and verdict.quantity:
        raise InvalidData(
            f"quantity: nothing fills on an order that is {verdict.outcome}; got {shares(verdict.quantity)}"
        )


def _settle(desk: Desk, intent: Intent, verdict: Verdict, *, gateway_silent: bool) -> Settled:
    try:
        intent, known = _look(desk, intent, verdict)
    except OtherGateway as error:
        # Another gateway's answer does not mean that the account's own is silent.
        return Settled(intent.client_order_id, intent.symbol, False, reread(desk, intent).state, str(error))
    except (TradingError, Overtaken) as error:
        intent = reread(desk, intent)
        known = None if gateway_silent else f"the gateway gave no answer ({error}); if it never will: --gateway-silent"
    if known is None:
        try:
            saved = _write(desk, intent, verdict)
            return Settled(intent.client_order_id, intent.symbol, True, saved.state, verdict.reason)
        except (InvalidData, Overtaken) as error:
            intent, known = reread(desk, intent), str(error)
    return Settled(intent.client_order_id, intent.symbol, False, intent.state, known)


def _look(desk: Desk, intent: Intent, verdict: Verdict) -> tuple[Intent, str | None]:
    """Look the order up once more; return it, and what is known of it that forbids the verdict, None if nothing is."""
    if intent.state == "open":
        for id in gateway_ids(desk, intent):
            report = desk.confirmed.order(id)
            if report is not None:
                intent = apply_report(desk, intent, report, "looked_up")
                if intent.state == "open" and contradicts_itself(report):
                    # What is booked stays; of the rest the gateway's own word is not to be relied on.
                    continue
                return intent, f"the gateway has it: {report.status}"
        return intent, None
    intent = look_up(desk, intent)
    match intent.state:
        case "unknown":
            return intent, None
        case "sending":
            return intent, f"worker {intent.lease_owner} is sending it until {intent.lease_until:%H:%M:%S} UTC"
        case "planned":
            proof = "it is proven that the gateway never stored it"
            return intent, None if verdict.outcome == "not_sent" else proof
        case _:
            return intent, f"the gateway has it: {intent.gateway_status}"


def _write(desk: Desk, seen: Intent, verdict: Verdict) -> Intent:
    ledger = desk.ledger
    with ledger.transaction():
        ledger.accounts.lock(seen.account)
        ledger.plans.lock(seen.plan_id)
        intent = ledger.orders.lock(seen.client_order_id)
        if intent.version != seen.version:
            raise Overtaken(f"order {seen.client_order_id} changed while it was settled: it is {intent.state} now")
        filled = _filled(intent, verdict)
        booked = ledger.orders.executions(intent.id)
        part = None if verdict.price is None else settled_part(seen.client_order_id, booked, filled, verdict.price)
        changes: dict[str, Any] = {} if part is None else {"filled_quantity": filled}
        if verdict.price is not None and (part is not None or intent.filled_avg_price is None):
            changes["filled_avg_price"] = verdict.price
        if verdict.outcome == "not_sent":
            # Not proven, but declared: so it is looked up again like one that is, and a break if it appears.
            changes["proven_absent_at"] = intent.proven_absent_at or ledger.now()
        elif verdict.outcome != "rejected":
            changes["acknowledged_at"] = intent.acknowledged_at or ledger.now()
        return ledger.orders.save(
            intent,
            event="settled",
            actor=desk.actor,
            detail={"outcome": verdict.outcome, "reason": verdict.reason, "filled_quantity": str(filled)},
            fills=[] if part is None else [part],
            # A completely filled order is filled, whatever word the person chose.
            state="filled" if filled == intent.quantity else verdict.outcome,
            reason=SETTLED,
            message=f"settled by {desk.actor}: {verdict.reason}",
            unknown_since=None,
            lease_owner=None,
            lease_until=None,
            **changes,
        )


def _filled(intent: Intent, verdict: Verdict) -> Decimal:
    """Return the shares filled in all; raises InvalidData for a quantity that cannot be."""
    default = intent.quantity if verdict.outcome == "filled" else intent.filled_quantity
    filled = default if verdict.quantity is None else verdict.quantity
    problem = fill_contradiction(verdict.outcome, intent.quantity, filled, intent.filled_quantity)
    if problem is None and filled > 0 and intent.mode == "dry_run":
        problem = f"{shares(filled)} filled in mode dry_run, where nothing does"
    if problem is not None:
        raise InvalidData(f"order {intent.client_order_id} ({intent.words}): {problem}")
    return filled
