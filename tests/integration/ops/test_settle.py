"""ops settle and ops adopt: what a person says of orders and positions."""

from __future__ import annotations

import pytest

from tests.support.commands import REASON, Duty
from tests.support.engine import FAST, sandbox_strategy


def test_settle_ends_many_orders_that_the_gateway_does_not_have(duty: Duty) -> None:
    intents = duty.lose("reset_before_body", count=3)

    code, out, _ = duty.ops("settle", "--all", "--outcome", "not_sent", *REASON)

    assert code == 0
    assert out.count("yes") == 3
    for intent in intents:
        order = duty.order(intent)
        assert (order.state, order.reason) == ("not_sent", "settled")
        assert order.message == "settled by ann: seen at the broker"


def test_settle_books_what_a_person_saw_filled(duty: Duty) -> None:
    (intent,) = duty.lose("reset_before_body")

    code, _, _ = duty.ops("settle", intent.client_order_id, "--outcome", "filled", "--price", "12.5", *REASON)

    order = duty.order(intent)
    assert (code, order.state, order.filled_quantity) == (0, "filled", intent.quantity)
    with duty.engine.ledger() as ledger:
        (fill,) = ledger.orders.fills_of(intent.id)
        held = ledger.movements.held("sandbox", strategy_id="daily_trading", mode="paper")
    assert str(fill["price"]) == "12.5"
    assert held == {intent.symbol: intent.signed_quantity}


def test_settle_books_a_part_that_filled_before_the_cancel(duty: Duty) -> None:
    (intent,) = duty.lose("reset_before_body")
    words = ("--outcome", "canceled", "--quantity", "2", "--price", "12.5")

    code, _, _ = duty.ops("settle", intent.client_order_id, *words, *REASON)

    order = duty.order(intent)
    assert (code, order.state, order.filled_quantity) == (0, "canceled", 2)


def test_settle_never_overwrites_what_the_gateway_knows(duty: Duty) -> None:
    (intent,) = duty.lose("reset_after_accept")

    code, out, _ = duty.ops("settle", intent.client_order_id, "--outcome", "not_sent", *REASON)

    order = duty.order(intent)
    assert (code, order.state, order.filled_quantity) == (1, "filled", intent.quantity)
    assert "the gateway has it: filled" in out


def test_settle_takes_no_silence_for_an_answer_unless_told_to(duty: Duty) -> None:
    (intent,) = duty.lose("reset_before_body")
    duty.sandbox.admin.fault("refuse_connections", service="gateway")
    words = ("settle", intent.client_order_id, "--outcome", "not_sent", *REASON)

    refused, out, _ = duty.ops(*words)
    between = duty.order(intent).state
    done, _, _ = duty.ops(*words, "--gateway-silent")

    assert (refused, between) == (1, "unknown")
    assert "the gateway gave no answer" in out
    assert (done, duty.order(intent).state) == (0, "not_sent")


def test_settle_believes_the_proof_of_absence_over_a_person(duty: Duty) -> None:
    (intent,) = duty.lose("reset_before_body")
    duty.environ["TRADING_ABSENT_PROOF_SECONDS"] = "0"
    with duty.engine.ledger() as ledger:
        order = duty.order(intent)
        ledger.orders.save(
            order, event="not_found", actor="test", not_found_count=1, post_timed_out_at=order.first_sent_at
        )
    words = ("--outcome", "filled", "--price", "1")

    code, out, _ = duty.ops("settle", intent.client_order_id, *words, *REASON)

    assert (code, duty.order(intent).state) == (1, "planned")
    assert "proven that the gateway never stored it" in out


def test_settle_lifts_reduce_only_and_counts_the_closed_run_anew(duty: Duty) -> None:
    duty.engine.settings = FAST.model_copy(update={"absent_proof_seconds": 3600, "fast_poll_seconds": 0.2})
    run, intents = duty.engine.plan(duty.engine.identity("one"), sandbox_strategy())
    lost = duty.lose("reset_before_body")[0]
    duty.engine.submit_all([intent for intent in intents if intent.client_order_id != lost.client_order_id])
    duty.environ["TRADING_UNRESOLVED_SECONDS"] = "0.001"
    closed = duty.engine.track(run)
    duty.ops("halt", *REASON)
    duty.ops("resume", *REASON)
    limited = duty.state()

    done = duty.json("settle", lost.client_order_id, "--outcome", "rejected", *REASON)

    assert (closed.status, closed.num_orders_unknown, limited) == ("failed", 1, "reduce_only")
    assert duty.state() == "active"
    (line,) = done["runs"]
    assert "partial" in line
    with duty.engine.ledger() as ledger:
        again = ledger.runs.get(run.run_id)
    assert again is not None
    assert (again.num_orders_unknown, again.num_orders_rejected) == (0, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--outcome", "filled"), "expected the average price"),
        (("--outcome", "filled", "--price", "-1"), "expected the average price"),
        (("--outcome", "filled", "--price", "1", "--quantity", "1"), "called filled with 1 of"),
        (("--outcome", "canceled", "--price", "1", "--quantity", "100000"), "filled 100000 of an order for"),
        (("--outcome", "rejected", "--price", "1", "--quantity", "1"), "nothing fills on an order that is rejected"),
        (("--outcome", "canceled", "--all"), "expected either client order ids or --all"),
    ],
)
def test_settle_refuses_a_verdict_that_cannot_be(duty: Duty, words: tuple[str, ...], message: str) -> None:
    (intent,) = duty.lose("reset_before_body")

    code, _, err = duty.ops("settle", intent.client_order_id, *words, *REASON)

    assert code == 2
    assert message in err
    assert duty.order(intent).state == "unknown"


@pytest.mark.parametrize("words", [("--price", "1e15"), ("--price", "0.0000004"), ("--quantity", "1e30")])
def test_settle_refuses_a_number_that_the_ledger_cannot_keep(
    duty: Duty, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        duty.ops("settle", "p-1", "--outcome", "filled", *words, *REASON)

    assert f"argument {words[0]}: expected" in capsys.readouterr().err


def test_settle_refuses_orders_with_a_known_outcome_and_settles_none_of_the_others(duty: Duty) -> None:
    (lost,) = duty.lose("reset_before_body")
    planned = duty.planned()[1]

    code, _, err = duty.ops("settle", lost.client_order_id, planned.client_order_id, "--outcome", "not_sent", *REASON)
    missing, _, _ = duty.ops("settle", "p-nothing", "--outcome", "not_sent", *REASON)

    assert (code, missing, duty.order(lost).state) == (2, 2, "unknown")
    assert "is planned: only an order without a known outcome is settled" in err


def test_settle_all_says_when_there_is_nothing(duty: Duty) -> None:
    duty.trade()

    assert duty.ops("settle", "--all", "--outcome", "not_sent", *REASON) == (
        0,
        "account sandbox has no order without a known outcome\n",
        "",
    )


def test_adopt_takes_what_our_fills_do_not_explain(duty: Duty) -> None:
    duty.trade()
    with duty.engine.ledger() as ledger:
        ours = int(ledger.movements.of_account("sandbox").get("AAPL", 0))
    duty.sandbox.admin.positions(AAPL=7)

    refused, _, why = duty.ops("adopt", "--symbol", "AAPL", *REASON)
    code, out, _ = duty.ops("adopt", "--symbol", "AAPL", "--not-ours", *REASON)
    again, _, err = duty.ops("adopt", "--symbol", "AAPL", "--not-ours", *REASON)

    assert (refused, f"daily_trading holds {ours}" in why) == (2, True)
    assert code == 0
    assert f"baseline 7, was 0; the gateway holds {ours + 7}, our strategies {ours}; the books agree" in out
    assert again == 2
    assert "nothing to adopt" in err
    assert duty.ops("check")[0] == 0


def test_adopt_takes_a_given_quantity_and_says_what_stays(duty: Duty) -> None:
    duty.trade()
    duty.sandbox.admin.positions(TLT=7)

    code, out, _ = duty.ops("adopt", "--symbol", "TLT", "--quantity", "5", *REASON)

    assert code == 1
    assert "2 shares stay unexplained" in out


def test_adopt_refuses_while_an_order_of_the_symbol_may_still_fill(duty: Duty) -> None:
    (intent,) = duty.lose("reset_before_body")
    duty.sandbox.admin.positions(**{intent.symbol: 7})

    code, _, err = duty.ops("adopt", "--symbol", intent.symbol, *REASON)

    assert code == 2
    assert f"{intent.client_order_id} (unknown)" in err
    with duty.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {}
