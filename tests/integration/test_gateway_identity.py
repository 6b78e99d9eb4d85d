"""An account belongs to one gateway: nothing is asked of another, sent there, or concluded from what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from include.adapters.venues.gateway.client import GatewayReader
from include.execution import faultpoints as points
from include.execution.desk import Desk, stop_trading
from include.execution.duty import account as operations
from include.execution.duty.settlement import Verdict, settle
from include.execution.duty.watchdog import Findings, Watchdog
from include.execution.orders.resolve import look_again, look_up
from include.execution.orders.submit import submit_order
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import check_may_trade
from include.execution.steps.track_fills import track_once
from include.launcher.demo import follow_sandbox
from include.ledger.pages import Pages
from include.ops.main import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import BookMismatch, InvalidData, OtherGateway, OutcomeUnknown
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.support.engine import Engine
from tests.support.trading import Trade


class WorkerDied(BaseException):
    """The worker's process is gone: nothing of ours may handle that."""


@pytest.fixture(scope="module")
def v1() -> Iterator[tuple[Sandbox, Sandbox]]:
    with start_sandbox(contract="v1") as one, start_sandbox(contract="v1") as other:
        yield one, other


@pytest.fixture(scope="module")
def v2() -> Iterator[tuple[Sandbox, Sandbox]]:
    with start_sandbox(contract="v2") as one, start_sandbox(contract="v2") as other:
        yield one, other


@pytest.fixture(params=["v1", "v2"])
def sandboxes(request: pytest.FixtureRequest) -> tuple[Sandbox, Sandbox]:
    both: tuple[Sandbox, Sandbox] = request.getfixturevalue(request.param)
    both[1].admin.reset()
    return both


@pytest.fixture
def trade(sandboxes: tuple[Sandbox, Sandbox], ledger_url: str, request: pytest.FixtureRequest) -> Trade:
    return Trade.begin(ledger_url, sandboxes[0], request.node.callspec.params["sandboxes"])


@pytest.fixture
def other(sandboxes: tuple[Sandbox, Sandbox]) -> Sandbox:
    return sandboxes[1]


def at(engine: Engine, sandbox: Sandbox) -> Engine:
    """The engine of a person who wrote another host into the gateway's connection."""
    return replace(engine, gateway_url=sandbox.gateway_url)


def lose_the_answer(trade: Trade) -> tuple[Run, Intent]:
    """Plan one order and send it so that the gateway has it, its answer is lost, and the worker died."""
    trade.admin.fault("reset_after_accept", times=1)
    run, order = trade.plan_one()

    def die(point: str) -> None:
        # Not before: a busy machine may need several tries to connect.
        if point == "before_claim" and trade.order(order).state == "unknown":
            raise WorkerDied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "on_reach", die)
        with pytest.raises(WorkerDied):
            trade.submit(order)
    assert trade.order(order).state == "unknown"
    return run, trade.order(order)


def watch(engine: Engine, gateway_url: str) -> Findings:
    endpoint = replace(engine, gateway_url=gateway_url).endpoint("execution_gateway")
    gateway = partial(GatewayReader, endpoint, correlation_id="watchdog")
    with engine.ledger() as ledger:
        return Watchdog(ledger, engine.assembly(), {engine.account: gateway}, ()).look()


def alerts(trade: Trade) -> list[tuple[str, int]]:
    with trade.engine.ledger() as ledger:
        return [(alert.kind, alert.count) for alert in ledger.alerts.open() if alert.kind == "other_gateway"]


def test_a_404_of_another_gateway_proves_nothing_and_the_order_is_sent_once(trade: Trade, other: Sandbox) -> None:
    run, order = lose_the_answer(trade)

    for _ in range(3):
        with pytest.raises(OtherGateway, match=r"belongs to the gateway at .*rebind --account sandbox --same-account"):
            at(trade.engine, other).submit(order.client_order_id)
    between = trade.order(order)
    closed = trade.engine.track(run)

    assert (between.state, between.not_found_count, between.attempt) == ("unknown", 0, 1)
    assert (closed.status, trade.posts(), other.admin.book()["posts_total"]) == ("completed", 1, 0)
    assert trade.breaks() == []


def test_the_difference_is_told_once_and_ends_when_the_right_gateway_answers(trade: Trade, other: Sandbox) -> None:
    run, order = lose_the_answer(trade)
    for _ in range(3):
        with pytest.raises(OtherGateway):
            at(trade.engine, other).submit(order.client_order_id)
    told = alerts(trade)

    trade.engine.track(run)

    assert [kind for kind, _ in told] == ["other_gateway"]
    assert alerts(trade) == []


def test_a_changed_account_name_in_the_connection_of_a_run_is_refused(trade: Trade, other: Sandbox) -> None:
    _, order = lose_the_answer(trade)
    elsewhere = replace(at(trade.engine, other), account="another")

    with elsewhere.desk() as desk:
        desk.account = trade.engine.account
        with pytest.raises(OtherGateway, match="is of account another, not sandbox"):
            submit_order(desk, order.plan_id, order.client_order_id)

    assert (trade.order(order).state, other.admin.book()["posts_total"]) == ("unknown", 0)


def test_the_watchdog_concludes_nothing_from_another_gateway(trade: Trade, other: Sandbox) -> None:
    _, order = lose_the_answer(trade)

    found = [watch(trade.later(), other.gateway_url) for _ in range(3)]
    between = trade.order(order)
    watch(trade.later(), trade.engine.gateway_url)

    assert (between.state, between.not_found_count) == ("unknown", 0)
    assert all("belongs to the gateway at" in problem for look in found for problem in look.problems)
    assert trade.order(order).state in ("open", "filled")


USES: dict[str, Callable[[Desk, Run, Intent], object]] = {
    "look-up": lambda desk, run, order: look_up(desk, order),
    "look again": lambda desk, run, order: look_again(desk, order),
    "tracking": lambda desk, run, order: track_once(desk, run),
    "close": lambda desk, run, order: close_run(desk, run),
    "sending": lambda desk, run, order: submit_order(desk, order.plan_id, order.client_order_id),
    "adopt": lambda desk, run, order: operations.adopt(desk, run.account, "MSFT", reason="test"),
    "cancel": lambda desk, run, order: desk.client.cancel(order.client_order_id),
    "positions": lambda desk, run, order: desk.gateway.positions(),
}


def test_no_step_reaches_another_gateway(trade: Trade) -> None:
    """Nothing listens at the other address: asking it would show that and not the refusal."""
    run, order = lose_the_answer(trade)
    elsewhere = replace(trade.engine, gateway_url="http://127.0.0.1:9")

    for name, use in USES.items():
        with elsewhere.desk() as desk, pytest.raises(OtherGateway):
            use(desk, run, order)
        assert trade.order(order).state == "unknown", name


def test_settling_by_hand_does_not_take_another_gateway_for_silence(trade: Trade, other: Sandbox) -> None:
    run, order = lose_the_answer(trade)
    verdict = Verdict("not_sent", "the broker has none")

    with at(trade.engine, other).desk() as desk:
        (refused,) = settle(desk, run.account, [order.client_order_id], verdict).orders

    assert (refused.settled, trade.order(order).state) == (False, "unknown")
    assert "belongs to the gateway at" in refused.words


def test_a_plan_made_at_one_gateway_is_not_sent_through_another(trade: Trade, other: Sandbox) -> None:
    _, order = trade.plan_one()

    with pytest.raises(OtherGateway):
        at(trade.engine, other).submit(order.client_order_id)

    assert (trade.order(order).state, trade.posts(), other.admin.book()["posts_total"]) == ("planned", 0, 0)


def test_plan_and_attempt_keep_the_gateway_they_are_of(trade: Trade) -> None:
    _, order = trade.plan_one()
    trade.submit(order)

    with trade.engine.ledger() as ledger:
        plan = ledger.plans.get(order.plan_id)
        (attempt,) = ledger.orders.attempts(order.id)
        account = ledger.accounts.get(trade.engine.account)

    assert plan is not None and account is not None
    address = trade.engine.endpoint("execution_gateway").address
    facts = {"strategy_id": "alpha_baseline", "broker_url": "https://paper-api.alpaca.markets:443"}
    wanted = {"address": address, "version": account.gateway_version, **facts}
    assert (plan.gateway, attempt.gateway, attempt.binding) == (wanted, wanted, 1)


def test_an_account_under_a_new_name_at_the_same_gateway_is_refused(trade: Trade) -> None:
    trade.engine.run("one", trade.strategy)
    renamed = replace(trade.engine, account="renamed")

    with pytest.raises(OtherGateway, match=r"belongs to account sandbox of this ledger.*write sandbox as the account"):
        renamed.run("two", trade.strategy)

    assert trade.posts() == 1


def test_another_gateway_behind_the_same_address_is_refused(trade: Trade) -> None:
    """It has other orders, and in v1 it would name ours otherwise: its 404 says nothing."""
    _, order = lose_the_answer(trade)
    trade.admin.settings(strategy_id="another_strategy")

    for _ in range(3):
        with pytest.raises(OtherGateway, match="strategy id alpha_baseline, found another_strategy"):
            trade.submit(order)

    assert (trade.order(order).state, trade.order(order).not_found_count, trade.posts()) == ("unknown", 0, 1)


def test_no_plan_is_made_at_another_gateway_behind_the_same_address(trade: Trade) -> None:
    trade.plan_one()
    trade.admin.settings(strategy_id="another_strategy")

    with pytest.raises(OtherGateway, match="strategy id alpha_baseline, found another_strategy"):
        trade.plan_one("second")


def test_the_check_before_the_next_run_names_another_gateway_behind_the_same_address(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    trade.plan_one()
    trade.admin.settings(strategy_id="another_strategy")

    assert check_findings(trade, capsys)["venue"] == (
        "belongs to the venue with strategy id alpha_baseline, found another_strategy"
    )
    assert ops(trade, trade.engine.gateway_url, *SAME) == 0
    capsys.readouterr()
    assert check_findings(trade, capsys)["venue"] == trade.engine.endpoint("execution_gateway").address


def check_findings(trade: Trade, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what `ops check` finds of the account."""
    main(["check", "--json"], environment(trade, trade.engine.gateway_url))
    found = json.loads(capsys.readouterr().out)["findings"]
    return {finding["name"]: finding["value"] for finding in found if finding["subject"] == "account sandbox"}


def test_an_order_that_another_gateway_does_not_know_has_not_vanished(trade: Trade, other: Sandbox) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    run, order = trade.plan_one()
    trade.submit(order)

    with pytest.raises(OtherGateway):
        at(trade.later(), other).track(run)

    assert (trade.order(order).state, trade.breaks(), trade.account().state) == ("open", [], "active")


def ops(trade: Trade, gateway_url: str, *words: str, account: str = "sandbox") -> int:
    """Run a command for which the gateway's connection leads to `gateway_url`."""
    return main([*words, "--by", "ada", "--reason", "test"], environment(trade, gateway_url, account))


def environment(trade: Trade, gateway_url: str, account: str = "sandbox") -> dict[str, str]:
    gateway = {
        "conn_type": "http",
        "host": gateway_url,
        "extra": {"contract": trade.engine.contract, "account": account},
    }
    return {
        "AIRFLOW_CONN_TRADING_LEDGER": trade.engine.ledger_url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(gateway),
    }


SAME, ANOTHER = ("rebind", "--same-account"), ("rebind", "--another-account")


def test_after_a_move_an_order_is_looked_up_until_it_is_found_and_no_404_proves_it_absent(
    trade: Trade, other: Sandbox
) -> None:
    run, order = lose_the_answer(trade)
    moved = at(trade.engine, other)

    assert ops(trade, other.gateway_url, *SAME) == 0
    with pytest.raises(OutcomeUnknown):
        moved.submit(order.client_order_id)
    between = trade.order(order)
    assert ops(trade, trade.engine.gateway_url, *SAME) == 0
    closed = trade.engine.track(run)

    assert (between.state, between.not_found_count, between.last_looked_up_at is None) == ("unknown", 0, False)
    assert (closed.status, trade.posts(), other.admin.book()["posts_total"]) == ("completed", 1, 0)


def test_after_a_move_a_person_may_settle_an_order_that_is_not_found(trade: Trade, other: Sandbox) -> None:
    _, order = lose_the_answer(trade)
    assert ops(trade, other.gateway_url, *SAME) == 0

    words = ("settle", order.client_order_id, "--outcome", "not_sent")
    assert ops(trade, other.gateway_url, *words) == 0

    assert trade.order(order).state == "not_sent"


def test_after_a_move_plans_are_sent_at_the_new_address(trade: Trade, other: Sandbox) -> None:
    _, order = trade.plan_one()

    assert ops(trade, other.gateway_url, *SAME) == 0
    sent = at(trade.engine, other).submit(order.client_order_id)

    assert sent.state in ("open", "filled")
    assert (trade.posts(), other.admin.book()["posts_total"]) == (0, 1)


def test_a_rebind_is_recorded_and_repeating_it_changes_nothing(v2: tuple[Sandbox, Sandbox], ledger_url: str) -> None:
    trade = Trade.begin(ledger_url, v2[0], "v2")
    trade.engine.run("one", trade.strategy)

    assert [ops(trade, v2[1].gateway_url, *SAME) for _ in range(2)] == [0, 0]

    with trade.engine.ledger() as ledger:
        account = ledger.accounts.get("sandbox")
        (event,) = Pages(ledger.connection).account_events("sandbox", limit=5)
    assert account is not None
    assert (account.binding, account.gateway_address, account.environment) == (2, v2[1].gateway_url, "paper")
    assert (event["cause"], event["actor"]) == ("rebind", "ada")
    assert event["reason"] == f"same account: {v2[0].gateway_url} to {v2[1].gateway_url}: test"


def test_the_demos_account_follows_its_sandbox_to_another_port(v2: tuple[Sandbox, Sandbox], ledger_url: str) -> None:
    trade = Trade.begin(ledger_url, v2[0], "v2")
    env = {
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": f"{v2[1].gateway_url}/?contract=v2&account=sandbox",
    }
    follow_sandbox(env)
    trade.plan_one()

    follow_sandbox(env)
    follow_sandbox(env)

    assert (trade.account().gateway_address, trade.account().binding) == (v2[1].gateway_url, 2)


def test_an_account_goes_to_another_broker_account_only_without_live_orders_and_holdings(
    trade: Trade, other: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run, order = lose_the_answer(trade)
    assert ops(trade, other.gateway_url, *ANOTHER) == 2
    assert "or may be at the gateway, found" in capsys.readouterr().err
    trade.engine.track(run)

    assert ops(trade, other.gateway_url, *ANOTHER) == 2
    assert f"found {order.quantity} {order.symbol} (daily_trading)" in capsys.readouterr().err
    assert trade.engine.run("flat", trade.strategy, revision=2, flatten=True).status == "completed"
    assert ops(trade, other.gateway_url, *ANOTHER) == 0

    account = trade.account()
    assert (account.binding, account.environment) == (2, None)


def test_a_hand_over_ends_what_is_planned_and_what_was_adopted(trade: Trade, other: Sandbox) -> None:
    trade.admin.positions(XOM=7)
    _, order = trade.plan_one()
    with trade.engine.desk() as desk:
        operations.adopt(desk, "sandbox", "XOM", reason="another system's")

    assert ops(trade, other.gateway_url, *ANOTHER) == 0

    with trade.engine.ledger() as ledger:
        plan, baseline = ledger.plans.get(order.plan_id), ledger.books.baseline("sandbox")
    assert (trade.order(order).state, trade.order(order).reason) == ("not_sent", "account_rebound")
    assert plan is not None and plan.state == "closed"
    assert baseline == {}


def test_a_gateway_is_free_for_another_name_only_after_the_old_account_let_go_of_it(trade: Trade) -> None:
    trade.engine.run("one", trade.strategy)
    renamed = replace(trade.engine, account="renamed")
    here = trade.engine.gateway_url
    with pytest.raises(OtherGateway):
        renamed.plan(renamed.identity("two"), trade.strategy)

    assert ops(trade, here, *ANOTHER, "--account", "sandbox", account="renamed") == 0
    renamed.plan(renamed.identity("three"), trade.strategy)

    with pytest.raises(OtherGateway, match="was taken off its gateway"), trade.engine.desk() as desk:
        desk.gateway.positions()


def test_what_the_gateway_before_a_rebind_said_is_no_break(trade: Trade, other: Sandbox) -> None:
    trade.plan_one("first")

    with trade.engine.desk() as desk:
        desk.gateway.positions()
        assert ops(trade, other.gateway_url, *SAME) == 0
        with pytest.raises(OtherGateway, match="was bound to a gateway again"):
            stop_trading(desk, "sandbox", "test", "test", "nothing of the gateway before counts")

    assert (trade.breaks(), trade.account().state) == ([], "active")


def test_a_run_of_another_mode_than_the_gateways_is_refused_and_the_next_one_trades(trade: Trade) -> None:
    with pytest.raises(InvalidData, match=r"the run's mode is dry_run, the gateway's is paper.*nothing is changed"):
        trade.plan("safer", mode="dry_run")

    assert (trade.breaks(), trade.account().state) == ([], "active")
    assert trade.engine.run("one", trade.strategy).status == "completed"


@pytest.mark.parametrize("mode", ["live", "dry_run"])
def test_a_gateway_whose_mode_changes_after_the_plan_is_a_break(trade: Trade, mode: str) -> None:
    _, order = trade.plan_one()
    trade.admin.settings(mode=mode)

    with pytest.raises(BookMismatch):
        trade.submit(order)

    assert ([found.kind for found in trade.breaks()], trade.account().state) == (["gateway_mode"], "halted")
    assert trade.posts() == 0


def test_paper_and_live_are_two_accounts(trade: Trade) -> None:
    trade.engine.run("one", trade.strategy)
    open_market = trading_calendar("XNYS", today=datetime.now(UTC).date())
    session = open_market.next(open_market.current(datetime.now(UTC)).day)
    engine = replace(trade.engine, clock_offset=session.open + timedelta(minutes=5) - datetime.now(UTC))
    live = Strategy.model_validate(
        {**trade.strategy.model_dump(), "mode": "live", "sandbox_only": False, "market_hours": True}
    )
    trade.admin.settings(mode="live")

    with pytest.raises(InvalidData, match=r"is a paper account since its first run.*write sandbox-live as the account"):
        engine.open(engine.identity("two"), live)
    as_told = replace(engine, account="sandbox-live")
    run = as_told.open(as_told.identity("three"), live)
    with as_told.desk() as desk:
        check_may_trade(desk, run)

    with engine.ledger() as ledger:
        environments = {row.account: (row.state, row.environment) for row in ledger.accounts.all()}
        assert ledger.runs.get(engine.identity("two").run_id) is None
    assert environments == {"sandbox": ("active", "paper"), "sandbox-live": ("active", "live")}
    assert (run.mode, trade.breaks()) == ("live", [])


def test_a_dry_run_leaves_the_account_open_to_paper_and_live(trade: Trade) -> None:
    trade.admin.settings(mode="dry_run")
    dry = trade.strategy.model_copy(update={"mode": "dry_run"})
    assert trade.engine.run("dry", dry).status == "completed"
    assert trade.account().environment is None

    trade.admin.settings(mode="paper")
    trade.plan("one")

    assert trade.account().environment == "paper"


def test_an_account_that_had_paper_and_live_before_stays_open_to_both(
    v2: tuple[Sandbox, Sandbox], ledger_url: str
) -> None:
    trade = Trade.begin(ledger_url, v2[0], "v2")
    trade.engine.run("one", trade.strategy)
    with psycopg.connect(ledger_url) as connection:
        connection.execute("UPDATE plans SET mode = 'live'")
        connection.execute("UPDATE accounts SET environment = NULL")

    _, orders = trade.plan("two")

    assert len(orders) == 1
    assert trade.account().environment is None
