"""Histories that break a rule: what each breaks, and the sentences that say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from include.trading.audit.history import (
    AccountHistory,
    GatewayWords,
)
from include.trading.models import Fill
from tests.support.histories import (
    BOOK,
    FILLED,
    FREED,
    GONE,
    HALTED,
    NEVER,
    NOON,
    NOT_SENT,
    ONE_404,
    OPEN,
    REDUCING,
    REJECTED,
    REPORTED,
    REST,
    RESUMED,
    SENT,
    SLOT,
    TEN,
    TRUE,
    TWO_404,
    UNKNOWN,
    V1,
    WORKING,
    account,
    order,
    report,
    says,
    tries,
)

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
