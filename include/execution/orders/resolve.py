"""The one way to learn what became of an order whose outcome is not known: look it up, never send it again blindly."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from include.execution.binding import proves_absence
from include.execution.desk import Desk, check_gateway, stop_trading
from include.execution.orders.pace import seconds_to_wait, share_pace
from include.execution.orders.reports import apply_report, mark_unknown, reread, whole_report
from include.ledger.orders import Overtaken
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import OtherGateway, TradingError
from include.trading.order.gate import proven_absent
from include.trading.order.row import Intent
from include.trading.order.states import MAY_BE_LIVE, UNRESOLVED
from include.trading.strategy.kept import strategy_kept

# The gateway's status of an order whose id it called taken: no 404 proves after that word that nothing is there.
ID_EXISTS = "id_exists"
# Longer than any weekend with holidays: an order that may be live is looked up again until its next session opens.
LOOKED_UP_AGAIN_FOR = timedelta(days=10)


def resolve(desk: Desk, intent: Intent, *, budget_seconds: float) -> Intent:
    """Look the order up until its outcome is known or the budget is spent; return it as the ledger has it then.

    The outcome may be an acknowledged order, a final word, or proof of absence (then it is `planned` again).
    A gateway that does not answer proves nothing: the order stays `unknown`.
    """
    give_up_at = desk.ledger.now() + timedelta(seconds=budget_seconds)
    while True:
        try:
            intent = look_up(desk, intent)
        except Overtaken:
            intent = reread(desk, intent)
        except OtherGateway:
            raise
        except TradingError as error:
            desk.ledger.orders.note_look_ups([intent.id])
            if desk.ledger.now() >= give_up_at:
                raise error
        if intent.state not in UNRESOLVED or desk.ledger.now() >= give_up_at:
            return intent
        share_pace(desk, intent.account)
        desk.sleep(max(seconds_to_wait(desk, intent.account), desk.settings.look_up_every_seconds))


def look_up(desk: Desk, intent: Intent) -> Intent:
    """Ask the gateway once for an order that is `unknown`, or `sending` with an expired lease; book what it says."""
    asked_at = desk.ledger.now()
    if intent.state == "sending":
        if intent.lease_until is not None and asked_at < intent.lease_until:
            return intent
        intent = mark_unknown(desk, intent, f"the worker {intent.lease_owner} did not report before its lease ended")
    if intent.state != "unknown":
        return intent
    check_gateway(desk, intent.account, intent.mode)
    found = [report for id in gateway_ids(desk, intent) if (report := desk.gateway.order(id)) is not None]
    if len(found) > 1:
        stop_trading(
            desk,
            intent.account,
            "two_orders",
            intent.client_order_id,
            f"order {intent.client_order_id} stands twice at the gateway: "
            + " and ".join(f"{report.gateway_order_id} ({report.status})" for report in found),
            intent=intent,
        )
    if found:
        return apply_report(desk, intent, whole_report(desk, intent, found[0]), "looked_up")
    return _not_found(desk, intent, asked_at)


def gateway_ids(desk: Desk, intent: Intent) -> list[str]:
    """Return every id under which the gateway may hold this order: ours in v2, those of each try's days in v1."""
    ids = [id for attempt in desk.ledger.orders.attempts(intent.id) for id in attempt.gateway_order_ids]
    return list(dict.fromkeys([*ids, *filter(None, [intent.gateway_order_id])]))


def gateway_id(desk: Desk, intent: Intent) -> str:
    """Return the id under which the gateway has an order that it acknowledged."""
    return intent.gateway_order_id or gateway_ids(desk, intent)[-1]


def _not_found(desk: Desk, intent: Intent, asked_at: datetime) -> Intent:
    """Note a 404. It counts from when it was asked for: a worker that stood still since then has old news."""
    if not proves_absence(desk.ledger, desk.bound, intent):
        desk.ledger.orders.note_look_ups([intent.id])
        return intent
    timed_out_at = intent.post_timed_out_at or asked_at
    if intent.gateway_status != ID_EXISTS and proven_absent(
        not_found_before=intent.not_found_count,
        now=asked_at,
        post_timed_out_at=timed_out_at,
        proof_seconds=desk.settings.absent_proof_seconds,
    ):
        return desk.ledger.orders.save(
            intent,
            event="proven_absent",
            actor=desk.actor,
            state="planned",
            proven_absent_at=asked_at,
            unknown_since=None,
            not_found_count=intent.not_found_count + 1,
            last_looked_up_at=asked_at,
        )
    return desk.ledger.orders.save(
        intent,
        event="not_found",
        actor=desk.actor,
        not_found_count=intent.not_found_count + 1,
        last_looked_up_at=asked_at,
    )


def may_be_live(intent: Intent) -> bool:
    """Say whether the gateway may have an order that was sent and then freed, refused, or ended unfilled."""
    return intent.attempt > 0 and intent.state in MAY_BE_LIVE


def look_again(desk: Desk, intent: Intent, *, doubted: bool = False) -> Intent:
    """Ask once more for an order that may be live after all, and book what the gateway has; that may be a break.

    doubted: a position says otherwise, so the venue's own list of executions counts too.
    """
    for id in gateway_ids(desk, intent):
        report = desk.gateway.order(id)
        if report is not None:
            whole = whole_report(desk, intent, report, doubted=doubted)
            intent = apply_report(desk, intent, whole, "looked_up_again")
    return intent


def look_again_at(desk: Desk, intents: Iterable[Intent], *, doubted: bool = False) -> dict[str, str]:
    """Look again at each order; return those that could not be asked for, with why. One's trouble stops no other."""
    failed = {}
    for intent in intents:
        try:
            look_again(desk, intent, doubted=doubted)
        except (TradingError, Overtaken) as error:
            failed[intent.client_order_id] = str(error)
    return failed


def to_look_up_again(desk: Desk, account: str) -> list[Intent]:
    """Return the account's orders that may be live after all and whose next session has not opened yet."""
    now = desk.ledger.now()
    return [
        intent
        for intent in desk.ledger.orders.ended(account, now - LOOKED_UP_AGAIN_FOR)
        if before_next_open(desk, intent, now)
    ]


def before_next_open(desk: Desk, intent: Intent, now: datetime) -> bool:
    """Say whether the session after the order's own has not opened yet."""
    plan = desk.ledger.plans.get(intent.plan_id)
    return plan is not None and now < calendar_of(strategy_kept(plan.parameters), now).next(plan.session_date).open
