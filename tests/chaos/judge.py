"""The judge: the broker's own book against what was planned, and against what our ledger says of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from include.execution.duty.audit import violations
from include.trading.account.books import Break
from include.trading.account.row import Account
from include.trading.order.row import Intent
from include.trading.order.states import FINAL, UNRESOLVED
from include.trading.run.row import Run
from tests.chaos.stage import Stage

ACKNOWLEDGED = FINAL - {"denied", "not_sent", "rejected", "failed"} | {"open"}


@dataclass(frozen=True)
class Facts:
    """Everything both sides know at the end."""

    book: dict[str, Any]
    intents: list[Intent]
    events: list[dict[str, Any]]
    breaks: list[Break]
    account: Account
    runs: list[Run]
    fills: dict[int, Decimal]

    @property
    def unresolved(self) -> list[Intent]:
        return [intent for intent in self.intents if intent.state in UNRESOLVED]

    @property
    def kinds(self) -> set[str]:
        return {found.kind for found in self.breaks}

    def event(self, name: str) -> bool:
        return any(event["event"] == name for event in self.events)


@dataclass
class Verdict:
    """What a scenario ended as. problems: what must not be, in words; empty is a pass."""

    orders: int = 0
    doubled: int = 0
    lost: int = 0
    surfaced: int = 0
    must_surface: int = 0
    kills: int = 0
    problems: list[str] = field(default_factory=list)


def facts_of(stage: Stage) -> Facts:
    with stage.ledger() as ledger:
        intents = [intent for run in stage.runs.values() for intent in ledger.orders.of_plan(run.plan_id or run.run_id)]
        intents = list({intent.id: intent for intent in intents}.values())
        account = ledger.accounts.get(stage.name)
        assert account is not None
        return Facts(
            book=stage.admin.book(),
            intents=intents,
            events=ledger.orders.events([intent.id for intent in intents]),
            breaks=ledger.books.open_breaks(stage.name),
            account=account,
            runs=[found for run in stage.runs.values() if (found := ledger.runs.get(run.run_id)) is not None],
            fills={
                intent.id: sum((row["quantity"] for row in ledger.orders.fills_of(intent.id)), Decimal(0))
                for intent in intents
            },
        )


def judge(stage: Stage, facts: Facts, *, clean: bool, must_surface: bool, resend_is_right: bool) -> Verdict:
    """Return the verdict.

    clean: nothing went wrong that a person must hear of, so no break, no halt and no unknown may be left.
    must_surface: the gateway lied and was heard: a break or an unknown, and the account not active.
    resend_is_right: the gateway denied for long enough that it has an order, so that a second POST was in order.
    """
    verdict = Verdict(orders=len(facts.intents), kills=stage.kills, must_surface=int(must_surface))
    problems = verdict.problems
    posts = facts.book["posts"]
    unsurfaced: list[str] = []
    free = [order for order in facts.book["orders"] if order["broker_order_id"] not in stage.foreign_orders]
    for intent in sorted(facts.intents, key=lambda one: (one.attempt == 0, one.id)):
        own = [order for order in free if _is_of(stage, intent, order)]
        if stage.lane.venue == "v1":
            # v1 knows an order by its content: a twin belongs to a twin of ours, if one was sent.
            twins = [one for one in facts.intents if _content(one) == _content(intent) and one.attempt > 0]
            own = own[: 1 + max(0, len(own) - len(twins))]
        free = [order for order in free if order not in own]
        quantity = sum(order["qty"] for order in own)
        if len(own) > 1 or quantity > intent.quantity:
            verdict.doubled += 1
            problems.append(f"doubled: {_words(intent)}, the broker has {[_order(order) for order in own]}")
        if (text := _differs(intent, own)) is not None:
            unsurfaced.append(f"{_words(intent)}: {text}")
        if own and not resend_is_right:
            later = [
                post
                for post in posts
                if post["client_order_id"] == intent.client_order_id and post["at"] > own[0]["accepted_at"]
            ]
            if later:
                problems.append(f"sent again after it was accepted: {_words(intent)}, {len(later)} times")
        if facts.fills[intent.id] != intent.filled_quantity and not facts.breaks:
            problems.append(f"fills add up to {facts.fills[intent.id]}: {_words(intent)}")
        if intent.client_order_id != intent.mode[0] + hashlib.sha256(intent.slot.encode()).hexdigest()[:23]:
            problems.append(f"identity: {intent.client_order_id} is not made from {intent.slot}")
        if not intent.slot.startswith(f"{intent.mode}|{stage.name}|{intent.strategy_id}|"):
            problems.append(f"identity: {intent.slot} does not name its account and strategy")
    for order in free:
        verdict.doubled += 1
        problems.append(f"doubled: no plan has {_order(order)}")
    surfaced = bool(facts.breaks or facts.unresolved)
    verdict.surfaced = int(surfaced)
    if unsurfaced and not surfaced:
        verdict.lost += len(unsurfaced)
        problems += [f"lost: {text}" for text in unsurfaced]
    problems += _wrong_state(facts)
    with stage.engine.desk(sends=False, actor="audit") as desk:
        problems += violations(desk, surfaced=surfaced)
    if must_surface and not surfaced:
        problems.append(f"not surfaced: account {facts.account.state}")
    if clean and surfaced:
        problems.append(f"surfaced without need: {[found.message for found in facts.breaks]} {facts.unresolved}")
    if clean and facts.account.state != "active":
        problems.append(f"halted without need: {facts.account.state}, {facts.account.state_reason}")
    if stage.posts_when_late is not None and facts.book["posts_total"] > stage.posts_when_late:
        problems.append(f"late: {facts.book['posts_total'] - stage.posts_when_late} POSTs after send_until")
    return verdict


def _wrong_state(facts: Facts) -> list[str]:
    """Return what is wrong with the state of the account and of the runs, given breaks and unknown orders."""
    wrong = []
    state = facts.account.state
    if facts.breaks and state != "halted":
        wrong.append(f"a break leaves the account {state}: {sorted(facts.kinds)}")
    if facts.unresolved and state not in ("reduce_only", "halted"):
        wrong.append(f"an unknown order leaves the account {state}")
    closed = [run for run in facts.runs if run.status == "running"]
    wrong += [f"run {run.airflow_run_id} was not closed" for run in closed]
    for run in facts.runs:
        unknown = [intent for intent in facts.unresolved if intent.plan_id == run.plan_id]
        if unknown and run.status != "failed":
            wrong.append(f"run {run.airflow_run_id} is {run.status} with unknown orders")
    return wrong


def _is_of(stage: Stage, intent: Intent, order: dict[str, Any]) -> bool:
    if stage.lane.venue != "v1":
        return bool(order["client_order_id"] == intent.client_order_id)
    return (order["symbol"], order["side"], order["qty"]) == _content(intent)


def _content(intent: Intent) -> tuple[str, str, Decimal]:
    return intent.symbol, intent.side, intent.quantity


def _differs(intent: Intent, own: list[dict[str, Any]]) -> str | None:
    """Return where ledger and broker disagree about an order."""
    filled = sum(order["filled_qty"] for order in own)
    if own and intent.state not in ACKNOWLEDGED:
        return f"the broker has {[_order(order) for order in own]}"
    if not own and intent.state in ACKNOWLEDGED:
        return "the broker has no such order"
    if filled != intent.filled_quantity:
        return f"the broker filled {filled}"
    # An order whose every share traded is filled, whatever word the broker kept from before its last fill.
    if own and intent.state == "filled" and own[0]["status"] != "filled" and filled != intent.quantity:
        return f"the broker says {own[0]['status']}"
    return None


def _words(intent: Intent) -> str:
    return (
        f"{intent.client_order_id} {intent.words} is {intent.state} "
        f"({intent.reason or intent.message}), {intent.filled_quantity} filled, {intent.attempt} attempts"
    )


def _order(order: dict[str, Any]) -> str:
    return f"{order['side']} {order['qty']} {order['symbol']} {order['status']} {order['filled_qty']} filled"
