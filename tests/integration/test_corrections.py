"""Corrections by a person: from a book that is broken to a plan that trades the right quantity, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from include.execution import faultpoints as points
from include.execution.duty.account import adopt
from include.execution.orders.resolve import look_again
from include.execution.steps.track_fills import refresh_orders
from include.ops.main import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import InvalidData
from include.trading.order.row import Intent
from tests.support.commands import STRATEGIES
from tests.support.trading import Trade

STRATEGY = "daily_trading"
REASON = ("--reason", "seen at the broker", "--by", "ann")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


class Desk:
    """An account on which one strategy bought AAPL, and the command `correct`."""

    def __init__(self, trade: Trade, capsys: pytest.CaptureFixture[str]) -> None:
        self.trade, self.capsys = trade, capsys
        gateway = trade.engine.endpoint("execution_gateway")
        self.environ = {
            "AIRFLOW_CONN_TRADING_LEDGER": trade.engine.ledger_url,
            "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(
                {"conn_type": "http", "host": gateway.base_url, "extra": {"contract": "v2", "account": "sandbox"}}
            ),
        }

    @property
    def admin(self) -> Any:
        return self.trade.admin

    def ops(self, *argv: str) -> tuple[int, str]:
        self.capsys.readouterr()
        code = main([*argv, *REASON], self.environ)
        printed = self.capsys.readouterr()
        return code, printed.out + printed.err

    def correct(self, *words: str, symbol: str | None = "AAPL", strategy: str = STRATEGY) -> tuple[int, str]:
        named = () if symbol is None else ("--symbol", symbol)
        return self.ops("correct", "--strategy", strategy, *named, *words)

    def buy(self, filled: int | None = None) -> Intent:
        """Buy AAPL; `filled`: so many shares only, and the order stays open."""
        self.admin.settings(fill_after_seconds=3600)
        _, order = self.trade.plan_one()
        order = self.trade.submit(order)
        self.fill(order, order.quantity if filled is None else filled)
        return self.trade.order(order)

    def fill(self, order: Intent, quantity: int, status: str | None = None) -> None:
        self.admin.order(order.gateway_order_id or order.client_order_id, fill=quantity or None, status=status)
        self.refresh(order)

    def refresh(self, order: Intent) -> None:
        with self.trade.engine.desk() as desk:
            refresh_orders(desk, desk.ledger.orders.live(order.account))

    def held(self, strategy: str = STRATEGY) -> dict[str, Decimal]:
        with self.trade.engine.ledger() as ledger:
            return ledger.movements.held("sandbox", strategy_id=strategy, mode="paper")

    def next_orders(self, revision: int = 2) -> list[tuple[str, str, int]]:
        """Return what the next plan trades."""
        _, orders = self.trade.plan(f"revision {revision}", revision=revision)
        return [(order.side, order.symbol, order.quantity) for order in orders]

    def skipped(self, revision: int = 2) -> dict[str, str]:
        run, _ = self.trade.plan(f"revision {revision}", revision=revision)
        with self.trade.engine.ledger() as ledger:
            return {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(run.run_id) if row["skip_reason"]}

    def alerts(self) -> list[str]:
        with self.trade.engine.ledger() as ledger:
            return [alert.dedupe_key for alert in ledger.alerts.open()]


@pytest.fixture
def desk(ledger_url: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(Trade.begin(ledger_url, sandbox, "v2"), capsys)


@pytest.mark.parametrize(
    ("name", "at_broker", "words", "held"),
    [
        ("10:1 split", lambda had: 10 * had, ("--ratio", "10"), lambda had: 10 * had),
        ("1:10 reverse split", lambda had: had // 10, ("--ratio", "1/10"), lambda had: had // 10),
        ("delisted: write off", lambda had: 0, ("--quantity", "0"), lambda had: 0),
        ("counted at the broker", lambda had: had + 300, ("--quantity", "{held}"), lambda had: had + 300),
    ],
)
def test_a_book_that_a_corporate_action_broke_is_corrected_and_trades_to_its_target(
    desk: Desk, name: str, at_broker: Callable[[int], int], words: tuple[str, ...], held: Callable[[int], int]
) -> None:
    order = desk.buy()
    had, target = order.quantity, order.quantity
    desk.admin.positions(AAPL=at_broker(had) - had)
    assert desk.skipped(2) == {"AAPL": "unexplained_position"}
    assert "blocked_symbol:sandbox:daily_trading:AAPL" in desk.alerts()

    code, out = desk.correct(*(word.format(held=held(had)) for word in words))

    assert code == 0, out
    assert desk.held().get("AAPL", Decimal(0)) == held(had)
    assert "blocked_symbol:sandbox:daily_trading:AAPL" not in desk.alerts()
    change = target - held(had)
    assert desk.next_orders(3) == [("buy" if change > 0 else "sell", "AAPL", abs(change))]


def test_a_split_that_leaves_a_part_of_a_share_takes_the_gateways_word(desk: Desk) -> None:
    order = desk.buy()
    # What was bought depends on the day's price.
    parts = next(parts for parts in (7, 11, 13) if order.quantity % parts)
    whole = order.quantity // parts
    desk.admin.positions(AAPL=whole - order.quantity)

    code, out = desk.correct("--ratio", f"1/{parts}")

    assert (code, desk.held()) == (0, {"AAPL": whole}), out


def test_a_renamed_symbol_keeps_its_shares_under_the_new_name(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=-order.quantity, MSFT=order.quantity)

    code, out = desk.correct("--rename", "MSFT")

    assert (code, desk.held()) == (0, {"MSFT": Decimal(order.quantity)}), out


@pytest.mark.parametrize("status", ["replaced", "canceled", "rejected"])
def test_a_fill_that_no_look_up_shows_is_booked_on_its_order_by_hand(desk: Desk, status: str) -> None:
    """An order replaced by hand, a late fill, and an order that the gateway calls refused though it traded."""
    order = desk.buy(filled=0)
    desk.fill(order, 0, status)
    assert desk.trade.order(order).state == status
    desk.admin.positions(AAPL=300)
    assert desk.skipped(2) == {"AAPL": "unexplained_position"}

    code, out = desk.correct("--fill", order.client_order_id, "300", "12.33", symbol=None)

    assert (code, desk.held()) == (0, {"AAPL": Decimal(300)}), out
    assert desk.next_orders(3) == [("buy", "AAPL", order.quantity - 300)]


def test_a_real_fill_takes_the_place_of_one_booked_by_hand(desk: Desk) -> None:
    order = desk.buy(filled=0)
    desk.fill(order, 0, "canceled")
    desk.admin.positions(AAPL=300)
    assert desk.correct("--fill", order.client_order_id, "300", "12.33", symbol=None)[0] == 0

    held = []
    for more in (200, 150):
        desk.admin.order(order.client_order_id, fill=more)
        with desk.trade.engine.desk() as worker:
            look_again(worker, desk.trade.order(order))
        held.append(desk.held())

    # 200 of the 300 were real, then all of them and 50 more.
    assert held == [{"AAPL": Decimal(300)}, {"AAPL": Decimal(350)}]


def test_a_fill_by_hand_and_those_the_gateway_knows_are_never_more_than_was_ordered(desk: Desk) -> None:
    order = desk.buy(filled=10)
    desk.fill(order, 0, "canceled")
    rest = order.quantity - 10
    desk.admin.positions(AAPL=rest)
    again = ("--fill", order.client_order_id, "1", "12.33")

    too_many, why = desk.correct("--fill", order.client_order_id, str(rest + 1), "12.33", symbol=None)
    code, _ = desk.correct("--fill", order.client_order_id, str(rest), "12.33", symbol=None)
    one_more, _ = desk.correct(*again, "--against-gateway", symbol=None)

    assert (too_many, code, one_more) == (2, 0, 2)
    assert f"{order.quantity + 1} filled of {order.quantity} ordered" in why
    assert desk.held() == {"AAPL": Decimal(order.quantity)}


def test_holdings_under_an_id_that_no_strategy_has_block_their_symbols_until_they_are_moved(desk: Desk) -> None:
    order = desk.buy()
    desk.trade.strategy = desk.trade.strategy.model_copy(update={"id": "renamed"})
    assert desk.skipped(1) == {"AAPL": "held_by_another_strategy"}
    with desk.trade.engine.ledger() as ledger:
        (step,) = [alert.next_step for alert in ledger.alerts.open() if alert.kind == "blocked_symbol"]
    assert f"correct --account sandbox --strategy renamed --move-from {STRATEGY}" in step

    code, out = desk.correct("--move-from", STRATEGY, symbol=None, strategy="renamed")

    assert (code, desk.held(), desk.held("renamed")) == (0, {}, {"AAPL": Decimal(order.quantity)}), out
    assert desk.next_orders(2) == []


def test_what_is_undone_is_held_as_before_and_only_once(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=9 * order.quantity)
    assert desk.correct("--ratio", "10")[0] == 0

    wrong, why = desk.ops("correct", "--undo", "1")
    desk.admin.positions(AAPL=0)
    code, out = desk.ops("correct", "--undo", "1")
    again, twice = desk.ops("correct", "--undo", "1")
    undo_of_undo, third = desk.ops("correct", "--undo", "2")

    assert (wrong, "the gateway holds" in why) == (2, True)
    assert (code, desk.held()) == (0, {"AAPL": Decimal(order.quantity)}), out
    assert (again, "undone already" in twice) == (2, True)
    assert (undo_of_undo, "make that correction again" in third) == (2, True)
    with desk.trade.engine.ledger() as ledger:
        kept = [(each.kind, each.undoes, each.actor, each.reason) for each in ledger.corrections.of_account("sandbox")]
    assert kept == [("undo", 1, "ann", REASON[1]), ("ratio", None, "ann", REASON[1])]
    desk.capsys.readouterr()
    assert main(["corrections"], desk.environ) == 0
    assert ["undo of 1" in line for line in desk.capsys.readouterr().out.splitlines()] == [False, True, False]


def test_what_the_gateway_contradicts_is_refused_unless_the_person_says_so(desk: Desk) -> None:
    order = desk.buy()

    refused, why = desk.correct("--ratio", "2")
    assert desk.held() == {"AAPL": Decimal(order.quantity)}
    code, out = desk.correct("--ratio", "2", "--against-gateway")

    assert refused == 2
    assert f"the gateway holds {order.quantity}, our books would say {2 * order.quantity}" in why
    assert (code, desk.held()) == (1, {"AAPL": Decimal(2 * order.quantity)}), out


def test_nothing_but_a_fill_is_corrected_while_an_order_of_the_symbol_may_fill(desk: Desk, tmp_path: Path) -> None:
    order = desk.buy(filled=100)
    file = tmp_path / "strategies.yaml"
    file.write_text(STRATEGIES.replace("id: daily_trading,", "id: renamed,"))
    desk.environ["TRADING_STRATEGIES_FILE"] = str(file)

    refusals = [
        desk.correct(*words, "--against-gateway")
        for words in (("--ratio", "2"), ("--quantity", "0"), ("--rename", "MSFT"))
    ] + [desk.correct("--move-from", STRATEGY, symbol=None, strategy="renamed")]
    on_the_open_one = desk.correct("--fill", order.client_order_id, "1", "12", symbol=None)

    for code, why in refusals:
        assert (code, f"{order.client_order_id} (open)" in why) == (2, True), why
    assert on_the_open_one[0] == 2
    assert desk.held() == {"AAPL": Decimal(100)}


def test_orders_planned_from_what_was_held_before_are_not_sent_any_more(desk: Desk) -> None:
    order = desk.buy(filled=100)
    desk.fill(order, 0, "canceled")
    _, (planned,) = desk.trade.plan("two", revision=2)
    desk.admin.positions(AAPL=100)

    code, out = desk.correct("--ratio", "2")

    assert (code, planned.client_order_id in out) == (0, True)
    assert (desk.trade.order(planned).state, desk.trade.order(planned).reason) == ("not_sent", "corrected")
    assert desk.next_orders(3) == [("buy", "AAPL", order.quantity - 200)]


def test_a_fill_booked_while_the_gateway_is_asked_makes_the_correction_begin_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.buy(filled=100)
    desk.fill(order, 0, "canceled")
    late = iter([True])

    def book(point: str) -> None:
        if point == "before_correction" and next(late, False):
            desk.admin.order(order.client_order_id, fill=50)
            with desk.trade.engine.desk() as worker:
                look_again(worker, desk.trade.order(order))

    desk.admin.positions(AAPL=0)
    with monkeypatch.context() as patch:
        patch.setattr(points, "on_reach", book)
        code, why = desk.correct("--quantity", "100")

    # 100 were held when it was asked, 150 when it was decided: that is no correction of 0 but one the gateway denies.
    assert (code, "the gateway holds 150, our books would say 100" in why) == (2, True), why
    assert desk.held() == {"AAPL": Decimal(150)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ratio", "0/0"), "expected new shares for old ones"),
        (("--ratio", "NaN"), "expected new shares for old ones"),
        (("--ratio", "1/-3"), "expected new shares for old ones"),
        (("--quantity", "NaN"), "at most nine decimals"),
        (("--quantity", "{held}"), "nothing would change"),
        (("--rename", "AAPL"), "got the same"),
        (("--rename", "apple pie"), "symbol: expected"),
        (("--fill", "p-nothing", "1", "12"), "is not one of account sandbox"),
        (("--fill", "p-nothing", "-1", "12"), "a number above 0"),
        (("--fill", "p-nothing", "1", "NaN"), "price: expected"),
        (("--move-from", "nobody"), "holds no AAPL"),
        (("--move-from", STRATEGY), "got the same"),
        (("--undo", "77"), "is not one of account sandbox"),
    ],
)
def test_what_is_no_correction_is_refused_in_a_sentence(desk: Desk, words: tuple[str, ...], message: str) -> None:
    order = desk.buy()

    code, out = desk.correct(*(word.format(held=order.quantity) for word in words))

    assert (code, message in out, out.count("\n")) == (2, True, 1), out
    assert desk.held() == {"AAPL": Decimal(order.quantity)}


def test_a_blank_at_the_end_of_a_strategys_name_names_the_same_strategy(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=order.quantity)

    assert desk.correct("--ratio", "2", strategy=f" {STRATEGY} ")[0] == 0
    assert desk.held() == {"AAPL": Decimal(2 * order.quantity)}


def test_adopting_what_a_strategy_holds_needs_the_word_that_it_is_not_ours(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=9 * order.quantity)

    with desk.trade.engine.desk(actor="ann") as worker, pytest.raises(InvalidData, match="--not-ours"):
        adopt(worker, "sandbox", "AAPL", reason="a split")
    with desk.trade.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {}


def test_corrections_and_movements_are_never_changed(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=order.quantity)
    desk.correct("--ratio", "2")

    for table in ("corrections", "movements"):
        for words in ("UPDATE {} SET account = account", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            statement = sql.SQL(words).format(sql.Identifier(table))
            with (
                psycopg.connect(desk.trade.engine.ledger_url) as connection,
                pytest.raises(psycopg.IntegrityError, match="append-only"),
            ):
                connection.execute(statement)


def test_two_corrections_at_once_follow_each_other(desk: Desk) -> None:
    order = desk.buy()
    desk.admin.positions(AAPL=order.quantity)

    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(lambda _: main_quietly(desk), range(2)))

    assert (codes, desk.held()) == ([0, 2], {"AAPL": Decimal(2 * order.quantity)})


def main_quietly(desk: Desk) -> int:
    words = ["correct", "--strategy", STRATEGY, "--symbol", "AAPL", "--ratio", "2", *REASON]
    return main(words, desk.environ)
