"""The history checker's rules: a good history breaks none, and each rule has histories that break it and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from include.trading.audit.history import (
    AccountEvent,
    AccountHistory,
    BreakRow,
    GatewayWords,
)
from include.trading.audit.judge import BOOKS, NO_LIST, OTHER_SIDE, OWN, QUANTITY, judge
from include.trading.models import Fill
from tests.support.broken_histories import BROKEN, SENTENCES
from tests.support.histories import (
    BOOK,
    FILLED,
    FREED,
    GONE,
    GOOD,
    ID,
    NEVER,
    NOON,
    NOT_SENT,
    ONE_404,
    OPEN,
    REDUCING,
    REJECTED,
    REPORTED,
    REST,
    SENT,
    TEN,
    TRUE,
    TWO_404,
    UNKNOWN,
    V1,
    Step,
    account,
    order,
    report,
    says,
    tries,
)


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
