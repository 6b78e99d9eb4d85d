"""Guards broken on purpose, one at a time, inside the workers: each must make the proof fail.

A patch takes the place of one function of the engine and leaves everything else as it is. The seeds are ones whose
course leads through that guard; the same seeds pass with the guard in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from include.adapters.venues.alpaca import client as alpaca_client
from include.adapters.venues.gateway import answers as gateway_answers
from include.adapters.venues.gateway.client import GatewayReader
from include.adapters.venues.gateway.words import state_of
from include.execution import desk as desk_module
from include.execution.binding import Bound
from include.execution.desk import Desk
from include.execution.duty import corrections
from include.execution.orders import reports, resolve, submit
from include.execution.steps import close_run as closing
from include.execution.steps import freeze, plan_store, positions, snapshot
from include.execution.steps import map_orders as mapping
from include.ledger import orders as ledger_orders
from include.ledger.accounts import Accounts
from include.ledger.gate import Locked
from include.ledger.ledger import Ledger
from include.ledger.orders import Orders
from include.ledger.plans import Plans
from include.trading.account.row import Account, AccountState
from include.trading.errors import Rejected
from include.trading.models import OrderRequest
from include.trading.order import booking, fills
from include.trading.order.gate import GateDecision, GateFacts
from include.trading.order.row import Intent
from tests.chaos import stage


@dataclass(frozen=True)
class Mutation:
    """seeds: at least one of these scenarios must fail."""

    name: str
    patch: Callable[[], None]
    fault: str
    seeds: tuple[int, ...]
    venue: str
    point: str = "none"


def _lease_not_looked_at() -> None:
    submit.may_post = lambda **_: True


def _others_lease_ignored() -> None:
    decide = submit.decide

    def blind(facts: GateFacts) -> GateDecision:
        return decide(facts.model_copy(update={"state": "planned"}) if facts.state == "sending" else facts)

    submit.decide = blind


def _gate_skipped() -> None:
    decide = submit.decide

    def open_gate(facts: GateFacts) -> GateDecision:
        return GateDecision(outcome="send", reason="send") if facts.state == "planned" else decide(facts)

    submit.decide = open_gate


def _blind_resend() -> None:
    def resend(desk: Desk, intent: Intent, *, budget_seconds: float) -> Intent:
        if intent.state == "sending":
            intent = reports.mark_unknown(desk, intent, "no look-up")
        return desk.ledger.orders.save(intent, event="resend", actor=desk.actor, state="planned")

    submit.resolve = resend


def _quantity_recomputed() -> None:
    def request(intent: Intent) -> OrderRequest:
        quantity = intent.quantity if intent.attempt == 1 else intent.quantity * 107 // 100
        return OrderRequest(
            client_order_id=intent.client_order_id, symbol=intent.symbol, side=intent.side, quantity=quantity
        )

    Intent.request = property(request)


def _slot_key_random() -> None:
    plan_store.slot = lambda *_: uuid4().hex
    plan_store.client_order_id = lambda key, *_: key.mode[0] + uuid4().hex[:23]


def _collision_check_off() -> None:
    submit._already_there = lambda *_: None
    locked_order = Ledger.locked_order

    @contextmanager
    def held_by_nobody(*words: Any) -> Iterator[Locked]:
        with locked_order(*words) as locked:
            yield locked._replace(traffic=locked.traffic._replace(holder=None))

    Ledger.locked_order = held_by_nobody


def _absent_after_one_404() -> None:
    resolve.proven_absent = lambda **_: True


def _mode_not_read_again() -> None:
    submit.check_gateway = lambda desk, *_, **__: desk.gateway.info()


def _contradictions_unseen() -> None:
    booking.contradictions = lambda *_: ()


def _break_does_not_halt() -> None:
    set_state = Accounts.set_state

    def never_halted(accounts: Accounts, account: Account, state: AccountState, **words: str) -> None:
        if state != "halted":
            set_state(accounts, account, state, **words)

    Accounts.set_state = never_halted


def _books_not_compared() -> None:
    closing._compare_books = lambda *_: None


def _never_looked_at_again() -> None:
    """Neither when the run is closed, nor when a position differs."""
    closing.look_again = lambda *_: None
    positions.look_again_at = lambda *_: {}


def _plan_made_again() -> None:
    Plans.get = lambda *_: None


def _revision_not_closed() -> None:
    freeze._supersede = lambda *_: None


def _timeout_read_as_failure() -> None:
    def failed(desk: Desk, intent: Intent, why: str, **_: Any) -> Intent:
        return desk.ledger.orders.save(intent, event="rejected", actor=desk.actor, state="rejected", message=why)

    submit.mark_unknown = failed


def _fills_counted_each_time() -> None:
    rows_of = ledger_orders._rows_of
    ledger_orders._rows_of = lambda fills: rows_of([fill.model_copy(update={"fill_id": uuid4().hex}) for fill in fills])


def _committed_after_the_post() -> None:
    send = stage.submit_order

    def uncommitted(desk: Desk, plan_id: UUID, client_order_id: str) -> Intent:
        with desk.ledger.transaction():
            return send(desk, plan_id, client_order_id)

    stage.submit_order = uncommitted


def _compare_and_set_off() -> None:
    save = Orders.save

    def overwrite(orders: Orders, old: Intent, **changes: Any) -> Intent:
        current = orders.get(old.client_order_id)
        assert current is not None
        return save(orders, replace(old, version=current.version, state=current.state), **changes)

    Orders.save = overwrite


def _any_gateway_is_ours() -> None:
    def bind(ledger: Ledger, account: str, reader: GatewayReader) -> Bound:
        ledger.accounts.ensure(account)
        row = ledger.accounts.get(account)
        assert row is not None
        if row.venue is None:
            row = ledger.accounts.bind(account, reader.endpoint.address)
        assert row.venue is not None
        return Bound(reader, row, row.venue)

    desk_module.bind = bind


def _any_404_proves_absence() -> None:
    for module in (resolve, submit):
        module.proves_absence = lambda *_: True


def _freed_order_not_looked_up() -> None:
    submit._freed_by_word = lambda _: False


def _ended_orders_not_looked_up() -> None:
    mapping.look_again_at = lambda *_: {}


def _end_believed_without_quantity() -> None:
    booking._meant = lambda order, report, filled: report.state


def _executions_left_out() -> None:
    booking.listed = lambda _: []


def _refusal_without_broker_id_believed() -> None:
    gateway_answers.state_of = lambda status, id, message, _: state_of(status, id, message, "v2")


def _made_up_part_kept() -> None:
    fills._made_up = lambda *_: []


def _late_answer_thrown_away() -> None:
    reports.SETTLED = "nobody's word"


def _book_read_at_two_moments() -> None:
    """Take what is held from before the outside is asked, and the rest from under the lock."""
    early: list[Any] = []
    read_early, read_late = snapshot.read_book, freeze.read_book

    def before(*words: Any) -> Any:
        early.append(read_early(*words))
        return early[-1]

    def under_lock(*words: Any) -> Any:
        book = read_late(*words)
        return replace(book, held=early[0].held, moved=frozenset()) if early else book

    snapshot.read_book, freeze.read_book = before, under_lock


def _error_page_believed() -> None:
    alpaca_client.submit_failure = lambda answer, _: Rejected(answer.sentence(), answer.status)


def _corrected_while_open() -> None:
    corrections._refuse_live = lambda *_: None


PAUSED = "paused worker wakes after its lease"
MUTATIONS = [
    Mutation("lease not looked at before the POST", _lease_not_looked_at, PAUSED, tuple(range(6)), "v2", "before_post"),
    Mutation(
        "another worker's lease ignored", _others_lease_ignored, "two workers on one order", tuple(range(6)), "v2"
    ),
    Mutation("gate skipped", _gate_skipped, "account halted by a person", (0, 1), "v2"),
    Mutation("blind resend without a look-up", _blind_resend, "reset after acceptance", (0, 1), "v2"),
    Mutation("blind resend without a look-up, v1", _blind_resend, "reset after acceptance", (0, 1), "v1"),
    Mutation("blind resend without a look-up, Alpaca", _blind_resend, "reset after acceptance", (0, 1), "alpaca"),
    Mutation(
        "an error page read as a refusal, Alpaca", _error_page_believed, "5xx, stored or not", (0, 1, 2), "alpaca"
    ),
    Mutation("quantity recomputed for a resend", _quantity_recomputed, "reset before the body", (0, 1), "v2"),
    Mutation("quantity recomputed for a resend, v1", _quantity_recomputed, "reset before the body", (0, 1), "v1"),
    Mutation("slot key random", _slot_key_random, "none", (0,), "v2"),
    Mutation("v1 collision check off", _collision_check_off, "the same order again in revision 2", (0, 1), "v1"),
    Mutation("one 404 taken for proof", _absent_after_one_404, "404 shortly after acceptance", (0, 1, 2), "v2"),
    Mutation("gateway's mode not read again", _mode_not_read_again, "gateway in another mode", (0, 1, 2, 3), "v2"),
    Mutation("contradictions unseen", _contradictions_unseen, "overfill", (0, 1), "v2"),
    Mutation("a break does not halt", _break_does_not_halt, "wrong quantity reported", (0, 1), "v2"),
    Mutation("books not compared", _books_not_compared, "200 rejected though live", tuple(range(4)), "v2"),
    Mutation(
        "never looked at again", _never_looked_at_again, "order appears after it was confirmed absent", (0, 1, 2), "v1"
    ),
    Mutation("plan made again by the second run", _plan_made_again, "two runs of one session", (0, 1), "v2"),
    Mutation(
        "revision 1 not closed by revision 2",
        _revision_not_closed,
        "revision 2 while a retry sleeps",
        tuple(range(4)),
        "v2",
    ),
    Mutation("time-out read as failure", _timeout_read_as_failure, "time-out after acceptance", (0, 1), "v2"),
    Mutation(
        "fills counted each time they are seen", _fills_counted_each_time, "late fill after cancel", (0, 1, 2, 3), "v2"
    ),
    Mutation("intent committed after the POST", _committed_after_the_post, "none", (0, 1, 2), "v2", "after_answer"),
    Mutation("any gateway believed", _any_gateway_is_ours, "another gateway behind the name", (0, 1), "v2"),
    Mutation("freed order sent without a look-up", _freed_order_not_looked_up, "refused though stored", (0, 1), "v2"),
    Mutation(
        "ended orders not looked up by revision 2",
        _ended_orders_not_looked_up,
        "refused though stored, then revision 2",
        (1, 2, 3),
        "v2",
    ),
    Mutation(
        "an end believed without its quantity",
        _end_believed_without_quantity,
        "filled without its quantity",
        (0, 1),
        "v2",
    ),
    Mutation("executions left out", _executions_left_out, "fill before the answer", (0, 1), "v2"),
    Mutation(
        "refusal without a broker's id believed, v1",
        _refusal_without_broker_id_believed,
        "rejected on the way from the broker",
        (1, 2, 3),
        "v1",
    ),
    Mutation(
        "made-up part kept beside the real one",
        _made_up_part_kept,
        "filled quantity before its fill",
        (0, 1),
        "v2",
    ),
    Mutation(
        "late answer thrown away", _late_answer_thrown_away, "settled while the answer is on its way", (0, 1), "v2"
    ),
    Mutation("clock not looked at before the POST", _lease_not_looked_at, "suspended sender", (0, 1, 2), "v2"),
    Mutation(
        "held and working read at two moments",
        _book_read_at_two_moments,
        "fill between two reads of a plan",
        (2, 4, 22),
        "v2",
    ),
    Mutation(
        "corrected while an order is open",
        _corrected_while_open,
        "corrected while the gateway comes to tell",
        (0,),
        "v2",
    ),
    Mutation(
        "404 of another gateway taken for proof",
        _any_404_proves_absence,
        "rebound while an order is unknown",
        (0, 1),
        "v2",
    ),
    Mutation("compare-and-set off", _compare_and_set_off, "two paused workers on one order", (0, 1), "v2"),
]
BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
