"""The history checker's rules: a good history breaks none, and each rule has histories that break it and no other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.trading.audit.history import (
    AccountEvent,
    AccountHistory,
    Attempt,
    Book,
    BreakRow,
    Event,
    GatewayWords,
    OrderHistory,
    Word,
)
from include.trading.audit.judge import BOOKS, NO_LIST, OTHER_SIDE, OWN, QUANTITY, judge
from include.trading.models import Contract, Fill, OrderReport
from tests.support.reports import meant

NOON = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
SLOT = "paper|sandbox|daily_trading|2026-11-27|1|AAPL|1"
ID = "p" + hashlib.sha256(SLOT.encode()).hexdigest()[:23]
TEN = Decimal(10)
REPORTED = {"status": "pending_new", "broker_order_id": "b1", "filled_quantity": "0"}
FILLED = {"status": "filled", "broker_order_id": "b1", "filled_quantity": "10"}

Step = tuple[Any, ...]
SENT: tuple[Step, ...] = (("planned", "planned"), ("sending", "sending"))
GOOD: tuple[Step, ...] = (*SENT, ("answered", "open", REPORTED), ("tracked", "filled", FILLED))


def events(*steps: Step) -> tuple[Event, ...]:
    """Return events, a second each, from (event, state it ends in, detail, …changes)."""
    found: list[Event] = []
    state, attempt = None, 0
    for number, (name, following, *rest) in enumerate(steps):
        attempt += name == "sending"
        detail: Mapping[str, Any] = rest[0] if rest else {}
        found.append(Event(number, NOON + timedelta(seconds=number), name, state, following, attempt, detail))
        state = following
    return tuple(found)


def tries(count: int, **changes: Any) -> tuple[Attempt, ...]:
    good = [Attempt(one, NOON, NOON + timedelta(seconds=15), (ID,)) for one in range(1, count + 1)]
    return tuple(replace(one, **changes) for one in good)


def order(*steps: Step, **changes: Any) -> OrderHistory:
    """Return an order with these events; everything else agrees with them unless changed."""
    happened = events(*(steps or GOOD))
    sends = sum(event.event == "sending" for event in happened)
    filled = max((event.told_filled for event in happened), default=Decimal(0))
    values: dict[str, Any] = {
        "id": 1,
        "client_order_id": ID,
        "slot": SLOT,
        "mode": "paper",
        "contract": "v2",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": Decimal(10),
        "reduces": False,
        "window_opens": NOON - timedelta(hours=1),
        "send_until": NOON + timedelta(hours=1),
        "events": happened,
        "attempts": tries(sends),
        "fills": (filled,) if filled else (),
        "column_state": happened[-1].to_state,
        "column_attempt": sends,
        "column_filled": filled,
    }
    return OrderHistory(**values | changes)


def account(one: OrderHistory, **changes: Any) -> AccountHistory:
    signed = one.filled if one.side == "buy" else -one.filled
    values: dict[str, Any] = {
        "account": "sandbox",
        "orders": (one,),
        "account_events": (),
        "account_state": "active",
        "books": (Book("daily_trading", "paper", "AAPL", signed, signed, signed),) if signed else (),
        "baseline": {},
        "live_symbols": frozenset(),
        "breaks": (),
    }
    return AccountHistory(**values | changes)


def report(status: str = "filled", filled: Decimal = TEN, **changes: Any) -> OrderReport:
    values: dict[str, Any] = {
        "gateway_order_id": ID,
        "broker_order_id": "b1",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": TEN,
        "status": status,
        "filled_quantity": filled,
        "raw": {"created_at": NOON.isoformat()},
    }
    return meant(values | changes)


def says(word: Word, **positions: int) -> GatewayWords:
    return GatewayWords({ID: word}, {symbol: Decimal(quantity) for symbol, quantity in positions.items()})


TRUE = says(report(), AAPL=10)
NEVER = says(None)
WORKING = says(report("new", Decimal(0)))


def violated(history: AccountHistory, words: GatewayWords) -> dict[str, int]:
    return {result.rule: count for result in judge(history, words) if (count := result.count("violation"))}


def sentences(history: AccountHistory, words: GatewayWords) -> list[str]:
    return [one.words for result in judge(history, words) for one in result.findings if one.outcome == "violation"]


def unprovable(history: AccountHistory, words: GatewayWords) -> dict[str, list[str]]:
    assert all(one.subject for result in judge(history, words) for one in result.findings)
    return {
        result.rule: found
        for result in judge(history, words)
        if (found := [one.words for one in result.findings if one.outcome == "not_provable"])
    }


FREED = ("nothing_stored", "planned")
UNKNOWN = ("outcome_unknown", "unknown")
ONE_404, TWO_404 = ("not_found", "unknown"), ("proven_absent", "planned")
REST = (("answered", "open", REPORTED), ("tracked", "filled", FILLED))


@pytest.mark.parametrize(
    "steps",
    [
        GOOD,
        (*SENT, FREED, ("sending", "sending"), *REST),
        (*SENT, ("put_off", "planned"), ("sending", "sending"), *REST),
        (*SENT, ("noted", "sending"), *REST),
        (*SENT, UNKNOWN, ("looked_up", "open", REPORTED), ("tracked", "filled", FILLED)),
        (*SENT, UNKNOWN, ONE_404, TWO_404, ("sending", "sending"), *REST),
        (*SENT, ("answered", "open", REPORTED), ("tracked", "canceled", REPORTED), ("tracked", "filled", FILLED)),
    ],
)
def test_a_history_that_keeps_the_promise_breaks_no_rule(steps: tuple[Step, ...]) -> None:
    assert violated(account(order(*steps)), TRUE) == {}


def test_every_rule_says_how_much_it_looked_at() -> None:
    results = judge(account(order()), TRUE)

    assert [result.rule for result in results] == [*OWN, QUANTITY[0], *OTHER_SIDE, *BOOKS]
    assert {result.checked for result in results} == {1}
    rules = {**OWN, QUANTITY[0]: QUANTITY[1:], **OTHER_SIDE, **BOOKS}
    assert [result.promise for result in results] == [rules[result.rule][0] for result in results]


OPEN = (*SENT, ("answered", "open", REPORTED))
NOT_SENT = (("planned", "planned"), ("not_sent", "not_sent"))
REJECTED = (*SENT, ("rejected", "rejected", {"status": 422}))
HALTED = AccountEvent(NOON, "active", "halted")
REDUCING = AccountEvent(NOON, "active", "reduce_only")
RESUMED = AccountEvent(NOON + timedelta(minutes=1), "halted", "active")
GONE = NOON + timedelta(hours=2)
BOOK = Book("daily_trading", "paper", "AAPL", TEN, TEN, TEN)
V1: Contract = "v1"

BROKEN: dict[str, tuple[AccountHistory, GatewayWords, dict[str, int]]] = {
    "no event at all": (
        account(replace(order(*NOT_SENT), events=(), column_state="none")),
        NEVER,
        {"transitions": 1},
    ),
    "an event is missing": (
        account(replace(order(), events=tuple(event for event in order().events if event.event != "answered"))),
        TRUE,
        {"transitions": 1},
    ),
    "a final order goes on": (
        account(order(*SENT, ("answered", "expired", REPORTED), ("tracked", "canceled", REPORTED))),
        says(report("canceled", Decimal(0))),
        {"transitions": 1},
    ),
    "it is not planned first": (
        account(order(("planned", "not_sent"))),
        NEVER,
        {"transitions": 1},
    ),
    "an attempt without its event": (account(order(attempts=tries(2))), TRUE, {"attempts": 1}),
    "an event without its attempt": (account(order(attempts=())), TRUE, {"attempts": 1}),
    "sending without an attempt": (
        account(order(("planned", "planned"), ("claimed", "sending"), ("answered", "open", REPORTED))),
        WORKING,
        {"attempts": 1},
    ),
    "a send that leaves it planned": (
        account(order(("planned", "planned"), ("sending", "planned"), ("not_sent", "not_sent"))),
        NEVER,
        {"attempts": 1},
    ),
    "attempts are counted wrongly": (
        account(
            replace(order(), events=(*order().events[:2], *(replace(one, attempt=2) for one in order().events[2:])))
        ),
        TRUE,
        {"attempts": 2},
    ),
    "sent again without a look-up": (
        account(order(*SENT, UNKNOWN, ("resend", "planned"), ("sending", "sending"), *REST)),
        TRUE,
        {"resend": 1},
    ),
    "sent again after one 404": (
        account(order(*SENT, UNKNOWN, TWO_404, ("sending", "sending"), *REST)),
        TRUE,
        {"resend": 1},
    ),
    "two sends with nothing between": (
        account(order(*SENT, ("sending", "sending"), *REST)),
        TRUE,
        {"resend": 1},
    ),
    "the 404 of an earlier try does not count": (
        account(order(*SENT, UNKNOWN, ONE_404, TWO_404, ("sending", "sending"), UNKNOWN, TWO_404, *SENT[1:], *REST)),
        TRUE,
        {"resend": 1},
    ),
    "sent after an answer": (
        account(order(*OPEN, ("nothing_stored", "planned"), ("sending", "sending"), *REST)),
        TRUE,
        {"transitions": 1, "accepted": 1},
    ),
    "sent after a report that changed no state": (
        account(order(*SENT, FREED, ("looked_up_again", "planned", REPORTED), ("sending", "sending"), *REST)),
        TRUE,
        {"accepted": 1},
    ),
    "sent after a fill was told of a refused order": (
        account(
            order(
                *SENT,
                ("answered", "unknown", {"status": "rejected", "filled_quantity": "3"}),
                ONE_404,
                TWO_404,
                ("sending", "sending"),
                *REST,
            )
        ),
        TRUE,
        {"accepted": 1},
    ),
    "before the window": (account(order(window_opens=NOON + timedelta(seconds=1))), TRUE, {"window": 1}),
    "after the window": (account(order(send_until=NOON)), TRUE, {"window": 1}),
    "sent while halted": (account(order(), account_events=(HALTED,)), TRUE, {"halt": 1}),
    "sent before the resume": (account(order(), account_events=(HALTED, RESUMED)), TRUE, {"halt": 1}),
    "sent before the first change": (account(order(), account_events=(RESUMED,)), TRUE, {"halt": 1}),
    "halted from its first day": (account(order(), account_state="halted"), TRUE, {"halt": 1}),
    "added to while reduce_only": (account(order(), account_events=(REDUCING,)), TRUE, {"halt": 1}),
    "an id of no slot": (account(order(slot=SLOT.replace("AAPL", "KO"))), TRUE, {"identity": 1}),
    "another account's slot": (
        account(order(), account="other"),
        TRUE,
        {"identity": 1},
    ),
    "the row's state was changed": (account(order(column_state="expired")), TRUE, {"columns": 1}),
    "the row's attempts were changed": (account(order(column_attempt=0)), TRUE, {"columns": 1}),
    "the row's fills were changed": (account(order(column_filled=Decimal(9))), TRUE, {"columns": 1}),
    "more filled than ordered": (
        account(order(fills=(TEN, Decimal(1)), column_filled=Decimal(11))),
        says(report(filled=Decimal(11)), AAPL=11),
        {"quantity": 1},
    ),
    "a reported fill was not booked": (
        account(order(fills=(Decimal(4),), column_filled=Decimal(4))),
        says(report(filled=Decimal(4)), AAPL=4),
        {"quantity": 1},
    ),
    "two orders at the broker": (
        account(order(*OPEN, ("tracked", "filled", FILLED | {"broker_order_id": "b2"}))),
        TRUE,
        {"once": 1},
    ),
    "two ids at the gateway": (
        account(order(contract=V1, attempts=tries(1, gateway_order_ids=("today", "tomorrow")))),
        GatewayWords(
            {
                "today": report(gateway_order_id="today", filled=Decimal(5)),
                "tomorrow": report(gateway_order_id="tomorrow", filled=Decimal(5)),
            },
            {"AAPL": TEN},
        ),
        {"once": 1},
    ),
    "a never sent order stands at the gateway": (account(order(*NOT_SENT)), WORKING, {"lost": 1}),
    "a refused order works": (account(order(*REJECTED)), WORKING, {"lost": 1}),
    "a refused order filled and is called refused": (
        account(order(*REJECTED), baseline={"AAPL": TEN}),
        says(report("rejected"), AAPL=10),
        {"lost": 1, "filled": 1},
    ),
    "an order that is called over works": (
        account(order(*OPEN, ("tracked", "canceled", REPORTED))),
        WORKING,
        {"lost": 1},
    ),
    "it ended otherwise": (
        account(order(*OPEN, ("tracked", "canceled", REPORTED))),
        says(report("expired", Decimal(0))),
        {"lost": 1},
    ),
    "an open order vanished": (account(order(*OPEN)), NEVER, {"lost": 1}),
    "another order under its id": (account(order()), says(report(symbol="KO"), AAPL=10), {"lost": 1}),
    "the gateway filled more": (
        account(order(*OPEN, ("tracked", "canceled", REPORTED))),
        says(report("canceled", Decimal(3)), AAPL=0),
        {"filled": 1},
    ),
    "the gateway's fills say more than its quantity": (
        account(order(*OPEN, ("tracked", "canceled", REPORTED))),
        says(report("canceled", Decimal(0), fills=(Fill(fill_id="1", quantity=TEN, price=TEN),))),
        {"filled": 1},
    ),
    "more booked than the gateway filled": (account(order()), says(report(filled=Decimal(9)), AAPL=10), {"filled": 1}),
    "accepted long after the window": (
        account(order()),
        says(report(raw={"created_at": GONE.isoformat()}), AAPL=10),
        {"late": 1},
    ),
    "accepted before the window": (
        account(order()),
        says(report(raw={"created_at": (NOON - timedelta(hours=2)).isoformat()}), AAPL=10),
        {"late": 1},
    ),
    "held is not what moved": (account(order(), books=(replace(BOOK, held=Decimal(11)),)), TRUE, {"held": 1}),
    "a movement is not explained": (
        account(order(), books=(replace(BOOK, explained=Decimal(9)),)),
        TRUE,
        {"explained": 1},
    ),
    "the positions are not explained": (account(order()), says(report(), AAPL=11), {"positions": 1}),
    "the baseline is not there": (account(order(), baseline={"AAPL": Decimal(5)}), TRUE, {"positions": 1}),
}


SENTENCES = {
    "no event at all": [
        "it has no event",
    ],
    "an event is missing": [
        "event 3 (tracked) begins in open, the one before ended in sending",
    ],
    "a final order goes on": [
        "event 3 (tracked) leads from expired to canceled",
    ],
    "it is not planned first": [
        "event 0 (planned) makes the order not_sent, not planned",
    ],
    "an attempt without its event": [
        "its events send [1], its attempts are [1, 2]",
    ],
    "an event without its attempt": [
        "its events send [1], its attempts are []",
    ],
    "sending without an attempt": [
        "event 1 (claimed) makes it sending without an attempt",
    ],
    "a send that leaves it planned": [
        "event 1 (sending) makes it planned",
    ],
    "attempts are counted wrongly": [
        "event 2 (answered) counts 2 attempts, there were 1",
        "event 3 (tracked) counts 2 attempts, there were 1",
    ],
    "sent again without a look-up": [
        "attempt 2 was sent after resend, which proves nothing",
    ],
    "sent again after one 404": [
        "attempt 2 was sent after a single 404",
    ],
    "two sends with nothing between": [
        "attempt 2 was sent without a proof that attempt 1 stored nothing",
    ],
    "the 404 of an earlier try does not count": [
        "attempt 3 was sent after a single 404",
    ],
    "sent after an answer": [
        "event 3 (nothing_stored) leads from open to planned",
        "attempt 2 was sent at 2026-11-27 17:00:04 UTC, accepted since 2026-11-27 17:00:02 UTC",
    ],
    "sent after a report that changed no state": [
        "attempt 2 was sent at 2026-11-27 17:00:04 UTC, accepted since 2026-11-27 17:00:03 UTC",
    ],
    "sent after a fill was told of a refused order": [
        "attempt 2 was sent at 2026-11-27 17:00:05 UTC, accepted since 2026-11-27 17:00:02 UTC",
    ],
    "before the window": [
        "attempt 1 began at 2026-11-27 17:00:00 UTC, its window is 2026-11-27 17:00:01 UTC to 2026-11-27 18:00:00 UTC",
    ],
    "after the window": [
        "attempt 1 began at 2026-11-27 17:00:00 UTC, its window is 2026-11-27 16:00:00 UTC to 2026-11-27 17:00:00 UTC",
    ],
    "sent while halted": [
        "attempt 1 was sent at 2026-11-27 17:00:01 UTC while the account was halted",
    ],
    "sent before the resume": [
        "attempt 1 was sent at 2026-11-27 17:00:01 UTC while the account was halted",
    ],
    "sent before the first change": [
        "attempt 1 was sent at 2026-11-27 17:00:01 UTC while the account was halted",
    ],
    "halted from its first day": [
        "attempt 1 was sent at 2026-11-27 17:00:01 UTC while the account was halted",
    ],
    "added to while reduce_only": [
        "attempt 1 was sent at 2026-11-27 17:00:01 UTC while the account was reduce_only",
    ],
    "an id of no slot": [
        "the id of its slot paper|sandbox|daily_trading|2026-11-27|1|KO|1 is p7c4678461de9ee3a6251368",
    ],
    "another account's slot": [
        "its slot paper|sandbox|daily_trading|2026-11-27|1|AAPL|1 is not of account other and mode paper",
    ],
    "the row's state was changed": [
        "its row says expired, its events end in filled",
    ],
    "the row's attempts were changed": [
        "its row counts 0 attempts, its events 1",
    ],
    "the row's fills were changed": [
        "its row says 9 filled, its fills add up to 10",
    ],
    "more filled than ordered": [
        "11 filled of 10",
    ],
    "a reported fill was not booked": [
        "reports said 10 filled, 4 are booked",
    ],
    "two orders at the broker": [
        "it has 2 orders at the broker: b1, b2",
    ],
    "two ids at the gateway": [
        "the gateway has it 2 times: today (filled), tomorrow (filled)",
    ],
    "a never sent order stands at the gateway": [
        "the ledger says not_sent, the gateway new",
    ],
    "a refused order works": [
        "the ledger says rejected, the gateway new",
    ],
    "a refused order filled and is called refused": [
        "the ledger says rejected, the gateway rejected",
        "the gateway says 10 filled, 0 are booked",
    ],
    "an order that is called over works": [
        "it ended canceled, the gateway says new: it may still trade",
    ],
    "it ended otherwise": [
        "it ended canceled, the gateway says expired",
    ],
    "an open order vanished": [
        "it was acknowledged and is open, the gateway has no such order",
    ],
    "another order under its id": [
        "the gateway has buy 10 KO under its id",
    ],
    "the gateway filled more": [
        "the gateway says 3 filled, 0 are booked",
    ],
    "the gateway's fills say more than its quantity": [
        "the gateway says 10 filled, 0 are booked",
    ],
    "more booked than the gateway filled": [
        "the gateway says 9 filled, 10 are booked",
    ],
    "accepted long after the window": [
        "the gateway took it in at 2026-11-27 19:00:00 UTC, outside of its window",
    ],
    "accepted before the window": [
        "the gateway took it in at 2026-11-27 15:00:00 UTC, outside of its window",
    ],
    "held is not what moved": [
        "11 are called held, its movements add up to 10",
    ],
    "a movement is not explained": [
        "10 moved, fills and corrections explain 9",
    ],
    "the positions are not explained": [
        "the gateway holds 11, our books and the adopted baseline say 10",
    ],
    "the baseline is not there": [
        "the gateway holds 10, our books and the adopted baseline say 15",
    ],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_history_that_breaks_a_rule_is_found_by_that_rule(name: str) -> None:
    history, words, expected = BROKEN[name]

    assert violated(history, words) == expected
    assert sentences(history, words) == SENTENCES[name]
    assert all(one.subject for result in judge(history, words) for one in result.findings)


def test_every_rule_has_a_history_that_breaks_it() -> None:
    broken = {rule for _, _, expected in BROKEN.values() for rule in expected}

    assert broken == {*OWN, QUANTITY[0], *OTHER_SIDE, *BOOKS}


def test_a_reduction_may_be_sent_while_reduce_only_and_a_send_before_the_halt_is_none_of_it() -> None:
    late = AccountEvent(NOON + timedelta(minutes=5), "active", "halted")

    assert violated(account(order(reduces=True), account_events=(REDUCING,)), TRUE) == {}
    assert violated(account(order(), account_events=(late,)), TRUE) == {}


def test_a_break_that_a_person_ended_excuses_the_gateway_and_never_us() -> None:
    overfilled = order(fills=(Decimal(11),), column_filled=Decimal(11), send_until=NOON)
    gateway = says(report(filled=Decimal(11)), AAPL=11)

    open_break = account(overfilled, breaks=(BreakRow(7, 1, None),))
    ended = account(overfilled, breaks=(BreakRow(7, 1, "sold the share"),))
    of_another = account(overfilled, breaks=(BreakRow(7, 2, "sold the share"),))

    assert violated(open_break, gateway) == violated(of_another, gateway) == {"quantity": 1, "window": 1}
    assert violated(ended, gateway) == {"window": 1}
    (resolved,) = [one for result in judge(ended, gateway) for one in result.findings if one.outcome == "resolved"]
    assert resolved.words == "11 filled of 10 (break 7 resolved: sold the share)"
    twice = account(overfilled, breaks=(BreakRow(7, 1, "sold the share"), BreakRow(8, 1, "and once more")))
    more = says(report(filled=Decimal(12)), AAPL=11)
    assert [one.words for result in judge(twice, more) for one in result.findings if one.outcome == "resolved"] == [
        "11 filled of 10 (break 7 resolved: sold the share; break 8 resolved: and once more)",
        "the gateway says 12 filled, 11 are booked (break 7 resolved: sold the share; break 8 resolved: and once more)",
    ]


def test_what_the_gateway_cannot_show_is_not_provable() -> None:
    silent = GatewayWords({ID: "no answer: 500"}, "the gateway gave no answer")
    of_v1 = account(order(*NOT_SENT, contract=V1))

    assert unprovable(account(order()), silent) == {
        "once": ["no answer: 500", NO_LIST],
        "filled": ["the gateway says nothing of it, and fills are booked"],
        "positions": ["the gateway gave no answer"],
    }
    assert violated(account(order()), silent) == {}
    assert unprovable(account(order()), TRUE) == {"once": [NO_LIST]}
    assert unprovable(of_v1, NEVER) == {
        "once": [NO_LIST],
        "lost": ["it was never sent, and a v1 gateway has no id by which to ask for it"],
    }


def test_what_is_still_on_its_way_is_not_provable_yet() -> None:
    live = account(order(*OPEN), books=(BOOK,), live_symbols=frozenset({"AAPL"}))
    filling = says(report("partially_filled", Decimal(4)), AAPL=4)

    assert violated(live, filling) == {}
    assert unprovable(live, filling) == {
        "once": [NO_LIST],
        "filled": ["the gateway says 4 filled, 0 are booked: it is still followed"],
        "positions": [
            "the gateway holds 4, our books and the adopted baseline say 10; an order of it may be filling",
        ],
    }
    unknown = account(order(*SENT, UNKNOWN))
    assert unprovable(unknown, NEVER)["lost"] == ["its outcome is not known yet: it is unknown"]


@pytest.mark.parametrize("status", ["pending_new", "canceled", "expired", "calculated"])
@pytest.mark.parametrize("said", [TEN, Decimal(0)], ids=["quantity", "fills alone"])
def test_an_order_that_filled_whole_may_be_called_anything(status: str, said: Decimal) -> None:
    fills = (Fill(fill_id="1", quantity=TEN, price=Decimal(12)),)

    assert violated(account(order()), says(report(status, said, fills=fills), AAPL=10)) == {}
    assert violated(account(order()), says(report(status, Decimal(9)), AAPL=10)).keys() >= {"filled"}


def test_a_gateway_that_forgot_a_final_order_proves_nothing_about_it() -> None:
    found = unprovable(account(order()), GatewayWords({ID: None}, {"AAPL": TEN}))

    assert set(found) == {"once", "lost", "filled"}
    assert found["lost"] == ["it ended filled, the gateway no longer knows it"]


def test_a_gateway_without_the_time_of_acceptance_proves_nothing_about_it() -> None:
    for raw in ({}, {"created_at": "2026-11-27T17:00:00"}, {"created_at": 17}):
        found = unprovable(account(order()), says(report(raw=raw), AAPL=10))
        assert found == {"once": [NO_LIST], "late": ["the gateway does not say when it took it in"]}


def test_every_id_of_an_order_is_looked_at_for_when_it_was_taken_in() -> None:
    late = report(raw={"created_at": GONE.isoformat()})
    ids = ("refused", "timeless", ID)
    two_days = order(contract=V1, attempts=tries(1, gateway_order_ids=ids))
    words = {"refused": report("rejected", Decimal(0)), "timeless": report("canceled", Decimal(0), raw={}), ID: late}

    found = violated(account(two_days), GatewayWords(words, {"AAPL": TEN}))

    assert found["late"] == 1


def test_a_state_that_no_table_knows_is_a_finding() -> None:
    history = account(order(("planned", "planned"), ("broken", "nonsense"), ("mended", "canceled")))

    assert "event 2 (mended) leads from nonsense to canceled" in sentences(history, NEVER)


def test_a_short_position_is_explained_by_what_was_sold() -> None:
    sold = order(side="sell")

    assert violated(account(sold), says(report(side="sell"), AAPL=-10)) == {}


def test_dry_runs_are_not_part_of_the_positions() -> None:
    dry = account(order(), books=(replace(BOOK, mode="dry_run"),))

    assert violated(dry, says(report(), AAPL=0)) == {}


def test_a_finding_names_its_order_or_its_line_of_the_book() -> None:
    overfilled = account(
        order(send_until=NOON, fills=(Decimal(11),), column_filled=Decimal(11)),
        books=(replace(BOOK, held=Decimal(1), explained=Decimal(1)),),
    )
    other = says(report("expired", Decimal(0), broker_order_id="b2", raw={"created_at": GONE.isoformat()}), AAPL=1)

    found = {(rule.rule, one.subject) for rule in judge(overfilled, other) for one in rule.findings}

    line = "daily_trading AAPL (paper)"
    assert found == {
        *((rule, f"{ID} buy 10 AAPL") for rule in ("window", "quantity", "once", "lost", "late", "filled")),
        ("once", "account sandbox"),
        ("held", line),
        ("explained", line),
        ("positions", "AAPL"),
    }


def test_shares_are_written_as_people_write_them() -> None:
    ledger = Decimal("4.000000000")
    partly = order(fills=(ledger,), column_filled=Decimal("4.500000000"))

    assert sentences(account(partly), says(report(filled=Decimal(4)), AAPL=4)) == [
        "its row says 4.5 filled, its fills add up to 4",
        "reports said 10 filled, 4 are booked",
    ]


def test_a_clock_that_differs_by_less_than_the_margin_is_no_finding() -> None:
    late = NOON + timedelta(hours=1, minutes=5, seconds=15)
    early = NOON - timedelta(hours=1, minutes=5)

    for at in (early, late):
        assert violated(account(order()), says(report(raw={"created_at": at.isoformat()}), AAPL=10)) == {}
    for at in (early - timedelta(seconds=1), late + timedelta(seconds=1)):
        found = violated(account(order()), says(report(raw={"created_at": at.isoformat()}), AAPL=10))
        assert found == {"late": 1}


def test_what_a_gateway_stores_as_refused_or_without_the_brokers_id_is_not_accepted() -> None:
    refused = says(report("failed", Decimal(0), broker_order_id=None))
    stored = says(report("pending_new", Decimal(0), broker_order_id=None))

    for words in (refused, stored):
        assert violated(account(order(*REJECTED)), words) == violated(account(order(*NOT_SENT)), words) == {}
    one_share = says(report("pending_new", Decimal(1), broker_order_id=None), AAPL=1)
    failed = says(report("failed", Decimal(1), broker_order_id=None), AAPL=1)
    for words in (one_share, failed):
        assert violated(account(order(*REJECTED), baseline={"AAPL": Decimal(1)}), words) == {"lost": 1, "filled": 1}


def test_positions_are_those_of_all_strategies_and_modes_that_trade_symbol_by_symbol() -> None:
    books = (
        BOOK,
        replace(BOOK, strategy_id="other", mode="live"),
        *(replace(BOOK, symbol=symbol) for symbol in ("IBM", "JPM", "KO", "XOM")),
    )
    history = account(order(), books=books, live_symbols=frozenset({"IBM"}))

    assert sentences(history, says(report(), AAPL=20, KO=9, IBM=9, JPM=10)) == [
        "the gateway holds 9, our books and the adopted baseline say 10",
        "the gateway holds 0, our books and the adopted baseline say 10",
    ]
    silent = GatewayWords({ID: report()}, "it holds nothing")
    assert unprovable(history, silent)["positions"] == ["it holds nothing"] * 5


def test_a_window_begins_with_its_first_moment() -> None:
    assert violated(account(order(window_opens=NOON)), TRUE) == {}


def test_a_halt_in_the_moment_of_a_send_was_before_it() -> None:
    halted = AccountEvent(NOON + timedelta(seconds=1), "active", "halted")

    assert violated(account(order(), account_events=(halted,)), TRUE) == {"halt": 1}
