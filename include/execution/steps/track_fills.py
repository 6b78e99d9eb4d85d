"""The last step's eyes: follow orders until they are final, and close those that were never sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from datetime import timedelta

from include.execution.desk import Desk, stop_trading
from include.execution.faultpoints import reach
from include.execution.orders.canceling import cancel_late
from include.execution.orders.pace import seconds_to_wait, share_pace
from include.execution.orders.reports import apply_report, whole_report
from include.execution.orders.resolve import gateway_id, look_up
from include.ledger.orders import Overtaken
from include.trading.errors import TradingError
from include.trading.models import OrderReport
from include.trading.numbers import shares
from include.trading.order.booking import ends_without_quantity
from include.trading.order.row import Intent
from include.trading.order.states import FINAL, UNRESOLVED
from include.trading.plan.ending import cancels_at_send_until
from include.trading.run.row import Run


def track_once(desk: Desk, run: Run, asked: set[str] | None = None) -> bool:
    """Look at every order of the run's plan once; return whether there is nothing more to wait for.

    That is when each order is final, or the cut-off of the plan has passed.
    asked: the orders that were asked to be canceled already, which the sending window's end asks for; added to.
    """
    if run.plan_id is None:
        return True
    close_late_orders(desk, run.account)
    intents = desk.ledger.orders.of_plan(run.plan_id)
    refresh_orders(desk, intents)
    reach("while_tracking")
    intents = desk.ledger.orders.of_plan(run.plan_id)
    if all(intent.state in FINAL for intent in intents):
        return True
    plan, now = desk.ledger.plans.get(run.plan_id), desk.ledger.now()
    if plan is None:
        return False
    if now >= plan.send_until and cancels_at_send_until(plan.parameters):
        cancel_late(desk, intents, set() if asked is None else asked)
        intents = desk.ledger.orders.of_plan(run.plan_id)
    return now >= plan.cutoff_at or all(intent.state in FINAL for intent in intents)


def close_late_orders(desk: Desk, account: str) -> None:
    """Close what is still planned after its plan's `send_until`, halted or not: it is never sent any more."""
    ledger = desk.ledger
    now = ledger.now()
    for plan in ledger.plans.open_plans(account):
        if now < plan.send_until:
            continue
        with ledger.transaction():
            ledger.accounts.lock(account)
            ledger.plans.lock(plan.plan_id)
            for intent in ledger.orders.of_plan(plan.plan_id):
                if intent.state == "planned":
                    locked = ledger.orders.lock(intent.client_order_id)
                    # A flip's second leg is denied without the plan's lock.
                    if locked.state == "planned":
                        ledger.orders.save(
                            locked, event="not_sent", actor=desk.actor, state="not_sent", reason="send_until_passed"
                        )
            if all(intent.state in FINAL for intent in ledger.orders.of_plan(plan.plan_id)):
                ledger.plans.close(plan.plan_id, "every order is final")


def refresh_orders(desk: Desk, intents: Sequence[Intent], doubted: Collection[str] = ()) -> None:
    """Ask the gateway about orders that may be live and book what is new.

    doubted: symbols whose position says otherwise: there the venue's own list of executions counts too.
    A gateway that does not answer leaves them as they are: nothing is concluded from silence.
    """
    for intent in intents:
        if intent.state in UNRESOLVED:
            _look_up(desk, intent)
    open_orders = {id: intent for intent in intents if intent.state == "open" for id in [gateway_id(desk, intent)]}
    # Closed also when booking fails: nothing is asked any more then.
    with closing(desk.gateway.orders(open_orders)) as answers:
        for id, answer in answers:
            if answer is None:
                # Acknowledged before, unknown now: kept open, so that the run ends as unresolved and a person looks.
                continue
            if not isinstance(answer, TradingError):
                _book(desk, open_orders[id], answer, doubted=open_orders[id].symbol in doubted)
    if open_orders:
        share_pace(desk, intents[0].account)
        desk.ledger.orders.note_look_ups([intent.id for intent in open_orders.values()])


def _book(desk: Desk, intent: Intent, report: OrderReport, *, doubted: bool) -> None:
    """Book a report; what is wrong with one order's, which is a break by then, ends the look at no other."""
    report = whole_report(desk, intent, report, doubted=doubted)
    with suppress(TradingError, Overtaken):
        break_without_quantity(
            desk, apply_report(desk, intent, report, "tracked"), after_seconds=desk.settings.unresolved_seconds
        )


def break_without_quantity(desk: Desk, intent: Intent, *, after_seconds: float) -> None:
    """Stop trading when the gateway goes on calling the order ended without saying how much of it filled."""
    waited = timedelta(seconds=after_seconds)
    if ends_without_quantity(intent.gateway_status, intent.state) and desk.ledger.now() >= intent.updated_at + waited:
        stop_trading(
            desk,
            intent.account,
            "ended_without_quantity",
            intent.client_order_id,
            f"order {intent.client_order_id} ({intent.words}): the gateway calls it "
            f"{intent.gateway_status}, and goes on to say that {shares(intent.filled_quantity)} of it are filled",
            intent=intent,
        )


def _look_up(desk: Desk, intent: Intent) -> None:
    try:
        look_up(desk, intent)
    except (TradingError, Overtaken):
        desk.ledger.orders.note_look_ups([intent.id])


def track_for(desk: Desk, run: Run, *, seconds: float) -> bool:
    """Track for up to so many seconds, at least once; return whether there is nothing more to wait for."""
    give_up_at = desk.ledger.now() + timedelta(seconds=seconds)
    asked: set[str] = set()
    while not track_once(desk, run, asked):
        wait = seconds_to_wait(desk, run.account)
        if desk.ledger.now() + timedelta(seconds=wait) >= give_up_at:
            return False
        desk.sleep(max(wait, desk.settings.poll_every_seconds))
    return True
