"""Guards broken on purpose, one at a time: for each the search must find a counterexample within the bounds named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from include.trading.models import OrderReport
from include.trading.order import booking, gate
from include.trading.order.booking import Booking, KnownOrder
from include.trading.order.gate import GateDecision, GateFacts
from tests.model.bounds import ALONE, FILLED, HALTED, HIDDEN, LIED_TO, LONG, MOVED, OVERFILLED, REVISED
from tests.model.rules import Rules, alpacas_report
from tests.model.world import Bounds

REAL = Rules()
AT_ALPACA = Rules(report=alpacas_report)
TWICE = "is accepted 2 times"
EARLIEST, LATEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def _facts(**changes: Any) -> Rules:
    """Break the facts that the gate is given: it decides as if these facts were so."""
    return replace(REAL, decide=lambda facts: gate.decide(facts.model_copy(update=changes)))


def _decides(broken: Callable[[GateFacts], GateDecision]) -> Rules:
    return replace(REAL, decide=broken)


def _others_lease_ignored(facts: GateFacts) -> GateDecision:
    return gate.decide(facts.model_copy(update={"state": "planned"}) if facts.state == "sending" else facts)


def _gate_skipped(facts: GateFacts) -> GateDecision:
    return GateDecision(outcome="send", reason="send") if facts.state == "planned" else gate.decide(facts)


def _contradictions_unseen(order: KnownOrder, report: OrderReport, **words: Any) -> Booking:
    return replace(booking.book(order, report, **words), contradictions=())


def _always(**_: Any) -> bool:
    return True


def _two_404s_at_any_time(*, not_found_before: int, **_: Any) -> bool:
    return not_found_before >= 1


def _one_404_after_a_while(*, not_found_before: int, **times: Any) -> bool:
    return gate.proven_absent(not_found_before=1, **times)


@dataclass(frozen=True)
class Guard:
    """A guard, the rules without it, where its absence shows, and by what."""

    name: str
    rules: Rules
    bounds: Bounds
    sign: str = ""


GUARDS = (
    Guard("lease not looked at before the POST", replace(REAL, may_post=_always), LONG, TWICE),
    Guard("another worker's lease ignored", _decides(_others_lease_ignored), ALONE),
    Guard("gate skipped", _decides(_gate_skipped), HALTED),
    Guard("halt ignored", _facts(account_state="active"), HALTED),
    Guard("end of the window ignored", _facts(send_until=LATEST), HALTED),
    Guard("start of the window ignored", _facts(window_opens=EARLIEST), HALTED),
    Guard("one 404 taken for proof, at once", replace(REAL, proven_absent=_always), ALONE, TWICE),
    Guard("one 404 taken for proof, after the wait", replace(REAL, proven_absent=_one_404_after_a_while), HIDDEN),
    Guard("two 404s taken for proof, at once", replace(REAL, proven_absent=_two_404s_at_any_time), ALONE, TWICE),
    Guard("a 404 dated by when it is booked", replace(REAL, dates_by_asking=False), LONG, TWICE),
    Guard("404s taken for proof although the id is taken", replace(REAL, heeds_taken_id=False), LIED_TO),
    Guard("blind resend without a look-up", replace(REAL, looks_up=False), ALONE, TWICE),
    Guard("time-out read as failure", replace(REAL, doubts_silence=False), ALONE),
    Guard("intent stored after the POST", replace(REAL, claims_before_post=False), ALONE, TWICE),
    Guard("compare-and-set off", replace(REAL, compares_and_sets=False), LONG, TWICE),
    Guard("identity of the venue unchecked", replace(REAL, unlike=lambda *_: None), MOVED),
    Guard("contradictions unseen", replace(REAL, book=_contradictions_unseen), OVERFILLED),
    Guard("fills counted each time they are seen", replace(REAL, knows_fills=False), FILLED),
    Guard("revision 1 not closed by revision 2", replace(REAL, closes_revision=False), REVISED),
    Guard("revision 2 planned beside an unknown order", replace(REAL, stops_at_unknown=False), REVISED),
    Guard("what is held and what works read apart", replace(REAL, reads_book_at_once=False), REVISED),
    Guard("refused orders never looked at again", replace(REAL, looks_again=False), LIED_TO),
    Guard("books not compared", replace(REAL, compares_books=False), LIED_TO),
)
