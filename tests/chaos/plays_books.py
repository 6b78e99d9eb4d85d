"""The courses in which what is held changes while a plan is made from it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import psycopg

from include.execution import faultpoints as points
from include.execution.duty.corrections import correct
from include.trading.account.corrections import HandFill, Ratio, Rename, Wanted
from include.trading.errors import InvalidData
from tests.chaos.plays import finish
from tests.chaos.plays_lies import fill_all, not_bought_twice
from tests.chaos.stage import Stage, track_job
from tests.chaos.workers import Trap

if TYPE_CHECKING:
    from tests.chaos.fault import Fault

# The sandbox knows a price of it, and no strategy of the proof trades it.
NEW_SYMBOL = "GEN007"
# Before a statement that reads or writes orders, fills or movements. Not a point of the engine.
BOOK = "book"
BOOK_TABLES = ("order_intents", "fills", "movements")
# A plan asks the ledger about its books about so often; a later statement is none, and the fill comes after the plan.
MOST_STATEMENTS = 12


def fill_between_reads(stage: Stage, fault: Fault) -> None:
    """Revision 2 is planned while revision 1 tracks: a fill comes, and is booked, before any of the plan's reads."""
    stage.plan()
    stage.admin.settings(fill_after_seconds=3600)
    ids = stage.ids()
    stage.try_all(ids)
    kept = stage.patches
    stage.patches = (*kept, _announce_statements)
    trap = Trap(BOOK, stage.rng.randint(1, MOST_STATEMENTS), "stop")
    started_at = datetime.now(UTC)
    planner = stage.start(lambda: stage.plan_job("second", started_at, {"revision": 2}), [trap])
    stage.patches = kept
    stopped = planner.stops_at(BOOK)
    fill_all(stage)
    tracker = stage.start(lambda: track_job(stage.engine, stage.runs["run"], closes=False))
    # While the plan is made under a lock, who books the fill waits for it.
    stage.until_booked_or_blocked(tracker)
    if stopped:
        planner.go_on()
    stage.outcome(planner)
    stage.outcome(tracker)
    stage.plan("second", revision=2)
    stage.try_all(stage.ids("second"))
    stage.track()
    finish(stage, fault, "second")
    not_bought_twice(stage)


def _announce_statements() -> None:
    execute = psycopg.Cursor.execute

    def announced(cursor, query, *words, **more):
        if any(table in str(query) for table in BOOK_TABLES):
            points.reach(BOOK)
        return execute(cursor, query, *words, **more)

    psycopg.Cursor.execute = announced


def split_overnight(stage: Stage, fault: Fault) -> None:
    """What is held is split or renamed at the broker: nothing is traded from the old books, nor from the corrected."""
    stage.plan()
    stage.try_all(stage.ids())
    stage.track()
    old = stage.victim.symbol
    if renamed := stage.rng.random() < 0.3:
        wanted: Wanted = Rename(NEW_SYMBOL)
        stage.admin.convert(old, becomes=NEW_SYMBOL)
    else:
        wanted = Ratio(stage.rng.choice((Fraction(10), Fraction(1, 10), Fraction(3, 2))))
        ratio = wanted.ratio
        stage.admin.convert(old, shares=ratio.numerator, per=ratio.denominator)
        stage.admin.fault(
            "price_is", match={"symbol": old}, price=str(float(stage.victim.price / Decimal(float(ratio))))
        )
    if any(intent.symbol == old for intent in stage.plan("second", revision=2)):
        raise AssertionError(f"an order for {old} was planned from a book that the split made wrong")
    stage.run(lambda: correct_holding(stage, wanted))
    if not renamed:
        # Worth as much as before: but for what a share more or less makes, there is nothing to trade.
        traded = [int(intent.quantity) for intent in stage.plan("third", revision=3) if intent.symbol == old]
        if sum(traded) > int(stage.victim.quantity) // 5:
            raise AssertionError(f"{traded} {old} more were planned after the correction")
        stage.try_all(stage.ids("third"))
        stage.track("third")
    finish(stage, fault, "second")


def corrected_while_tracking(stage: Stage, fault: Fault) -> None:
    """A person books by hand the late fill of a canceled order while the gateway comes to tell it itself."""
    stage.plan()
    stage.admin.settings(fill_after_seconds=3600)
    stage.try_all(stage.ids())
    victim = stage.victim
    (order,) = [order for order in stage.admin.book()["orders"] if order["symbol"] == victim.symbol]
    filled = stage.rng.randrange(1, int(victim.quantity))
    late = stage.rng.randint(1, int(victim.quantity) - filled)
    stage.admin.order(order["broker_order_id"], fill=filled)
    stage.look_once()
    _not_while_open(stage)
    stage.admin.order(order["broker_order_id"], status="canceled")
    fill_all(stage)
    stage.track()
    by_hand = HandFill(victim.client_order_id, Decimal(late), Decimal(str(victim.price)))
    if stage.rng.random() < 0.5:
        person = stage.start(lambda: correct_holding(stage, by_hand), [Trap("before_correction", 1, "stop")])
        stopped = person.stops_at("before_correction")
        stage.admin.order(order["broker_order_id"], fill=late)
        stage.track()
        if stopped:
            person.go_on()
        stage.outcome(person)
    else:
        hidden = {"status": "canceled", "filled_qty": str(filled), "listed": False}
        stage.admin.fault("fills_contradict_status", match={"symbol": victim.symbol}, **hidden)
        stage.admin.order(order["broker_order_id"], fill=late)
        stage.run(lambda: correct_holding(stage, by_hand))
        stage.track()
        stage.admin.clear_faults()
    finish(stage, fault)


def _not_while_open(stage: Stage) -> None:
    """A split is real, and still nothing is corrected while an order of the symbol may fill."""
    stage.admin.convert(stage.victim.symbol, shares=10)
    said = stage.run(lambda: correct_holding(stage, Ratio(Fraction(10))))
    if said is None or not said.startswith("refused"):
        raise AssertionError(f"a holding was corrected while an order of it was open: {said}")
    stage.admin.convert(stage.victim.symbol, per=10)


def correct_holding(stage: Stage, wanted: Wanted) -> str:
    """Correct, as a person, what the strategy holds of the victim's symbol, and say what came of it."""
    with stage.engine.desk(sends=False, actor="a person") as desk:
        try:
            done = correct(
                desk, stage.name, stage.strategy.id, stage.victim.symbol, wanted, reason="the broker says so"
            )
        except InvalidData as error:
            return f"refused: {error}"
    return f"corrected: {done}"
