"""The commands for the person on duty, on a real ledger and the sandbox, in both contract versions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from include.execution import faultpoints as points
from include.execution.desk import stop_trading
from include.ledger.migrations import NEWEST
from include.ops.main import main
from include.sandbox.runner import PROJECT, Sandbox, start_sandbox
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.engine import FAST, Engine, sandbox_strategy

STRATEGIES = """
strategies:
  - {id: daily_trading, schedule: session, mode: paper, sandbox_only: true, market_hours: false,
     symbols: [AAPL, MSFT, JPM, XOM, KO], signals: {service: {top_n: 2, bottom_n: 2}},
     capital: 100000, max_position_size: 10000, limits: {order_shares: off}}
"""
REASON = ("--reason", "seen at the broker", "--by", "ann")


class WorkerDied(Exception):
    """Ends a worker at a point, as a kill would."""


@dataclass
class Duty:
    """The commands, and the runs they are about."""

    engine: Engine
    sandbox: Sandbox
    environ: dict[str, str]
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def ops(self, *argv: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(argv, self.environ)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *argv: str) -> Any:
        _, out, err = self.ops(*argv, "--json")
        assert not err
        return json.loads(out)

    def blocker(self) -> dict[str, str]:
        """Return the one thing that would stop tomorrow's run."""
        stops = self.json("check")["blockers"]
        assert len(stops) == 1, stops
        return dict(stops[0])

    def trade(self, name: str = "one") -> Run:
        return self.engine.run(name, sandbox_strategy())

    def planned(self, name: str = "one") -> list[Intent]:
        _, intents = self.engine.plan(self.engine.identity(name), sandbox_strategy())
        return intents

    def lose(self, fault: str, count: int = 1) -> list[Intent]:
        """Plan, and send the first orders so that their outcome is not known."""
        intents = self.planned()[:count]
        # However slow the machine is, no look-up of this worker proves an absence.
        unproven = self.engine.settings.model_copy(update={"absent_proof_seconds": 3600})
        engine = replace(self.engine, settings=unproven)
        for intent in intents:
            self.sandbox.admin.fault(fault, times=1)
            claims = iter([False, True])

            def die(point: str, claims: Iterator[bool] = claims) -> None:
                if point == "before_claim" and next(claims):
                    raise WorkerDied

            with self.monkeypatch.context() as patch:
                patch.setattr(points, "on_reach", die)
                with pytest.raises(WorkerDied):
                    engine.submit(intent.client_order_id)
            assert self.order(intent).state == "unknown"
        return intents

    def order(self, intent: Intent) -> Intent:
        with self.engine.ledger() as ledger:
            found = ledger.orders.get(intent.client_order_id)
        assert found is not None
        return found

    def break_account(self, message: str = "the books differ") -> None:
        with self.engine.desk() as desk:
            desk.ledger.accounts.ensure("sandbox")
            stop_trading(desk, "sandbox", "position_mismatch", "today", message, symbol="AAPL")

    def state(self) -> str:
        with self.engine.ledger() as ledger:
            row = ledger.accounts.get("sandbox")
        assert row is not None
        return row.state


@pytest.fixture(scope="module", params=["v1", "v2"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    with start_sandbox(contract=request.param, fill_after=0) as sandbox:
        yield request.param, sandbox


@pytest.fixture
def contract(started: tuple[str, Sandbox]) -> str:
    return started[0]


@pytest.fixture
def duty(
    started: tuple[str, Sandbox],
    ledger_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Duty:
    contract, sandbox = started
    sandbox.admin.reset()
    (tmp_path / "strategies.yaml").write_text(STRATEGIES)

    def connection(url: str, **extra: str) -> str:
        # A busy machine may take longer to connect than production allows.
        return json.dumps({"conn_type": "http", "host": url, "extra": {"connect_timeout_seconds": 12, **extra}})

    environ = {
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        "AIRFLOW_CONN_SIGNAL_SERVICE": connection(sandbox.signals_url, contract=contract),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": connection(sandbox.gateway_url, contract=contract, account="sandbox"),
        "AIRFLOW_CONN_MARKET_DATA": connection(sandbox.market_url),
        "TRADING_STRATEGIES_FILE": str(tmp_path / "strategies.yaml"),
        "TRADING_POSITION_RECHECK_SECONDS": "0",
    }
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url, contract)
    return Duty(engine, sandbox, environ, capsys, monkeypatch)


def test_prints_one_line_a_command_when_none_is_given(duty: Duty) -> None:
    code, out, _ = duty.ops()

    assert code == 0
    for name in ("check", "plan", "orders", "settle", "correct", "adopt", "halt", "resume", "migrate"):
        assert [line for line in out.splitlines() if line.split()[:1] == [name]]


def test_runs_as_a_module_without_airflow(duty: Duty) -> None:
    script = "import sys, include.ops.main; print('airflow' in sys.modules)"

    imported = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False)
    checked = subprocess.run(
        [sys.executable, "-m", "include.ops", "check"],
        cwd=PROJECT,
        env=duty.environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (imported.stdout, imported.stderr) == ("False\n", "")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith("what would stop tomorrow's run: nothing\n")


def test_migrates_an_empty_database_and_says_so_again(duty: Duty, empty_database_url: str) -> None:
    duty.environ["AIRFLOW_CONN_TRADING_LEDGER"] = empty_database_url

    before, _, _ = duty.ops("check")
    first = duty.ops("migrate")
    second = duty.ops("migrate")
    after, _, _ = duty.ops("check")

    assert (before, after) == (1, 0)
    assert first == second == (0, f"the ledger is at version {NEWEST}\n", "")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "is missing: set AIRFLOW_CONN_TRADING_LEDGER"),
        ("postgresql://user:secret@127.0.0.1:1/none", "did not answer"),
        ("mysql://user:secret@host/none", "expected the type postgres, got 'mysql'"),
        ('{"conn_type": "postgres", "password": "secret"', "expected JSON"),
        ("postgresql://user:secret@host", "expected the name of the database"),
        ("postgresql://user:secret@host/db?ssl=yes", "no option ssl"),
    ],
)
def test_says_in_a_sentence_why_there_is_no_ledger(duty: Duty, value: str, words: str) -> None:
    duty.environ["AIRFLOW_CONN_TRADING_LEDGER"] = value

    for command in (("orders",), ("migrate",), ("halt", *REASON)):
        code, _, err = duty.ops(*command)

        assert code == 2
        assert words in err
        assert "secret" not in err


# check


def test_check_finds_nothing_in_the_way_of_a_healthy_strategy(duty: Duty, contract: str) -> None:
    code, out, _ = duty.ops("check")

    assert code == 0
    found = {finding["name"]: finding["value"] for finding in duty.json("check")["findings"]}
    assert found["venue"] == f"the Execution Gateway (contract {contract})"
    assert found["mode"] == "paper"
    assert found["latest trades"] == "5 of 5 symbols"
    assert found["rules off"] == "order_shares"
    assert found["rule order_notional"].startswith("100,000 USD (default: ")
    assert "for session" in found["next run"]
    assert found["version"] == NEWEST
    assert found["state"] == "new: its first run writes it"
    assert out.endswith("what would stop tomorrow's run: nothing\n")


def test_check_writes_nothing(duty: Duty) -> None:
    duty.ops("check")

    with duty.engine.ledger() as ledger:
        assert ledger.accounts.all() == []


def test_check_names_every_service_that_does_not_answer(duty: Duty) -> None:
    for service in ("signals", "gateway", "market"):
        duty.sandbox.admin.fault("refuse_connections", service=service)

    answer = duty.json("check")

    assert [stop["name"] for stop in answer["blockers"]] == ["signal source", "price source", "health", "positions"]
    assert all(stop["next_step"] for stop in answer["blockers"])


def test_check_goes_on_without_connections_ledger_and_strategies(duty: Duty) -> None:
    names = [name for name in duty.environ if name.startswith("AIRFLOW_CONN_")]
    for name in names:
        del duty.environ[name]

    code, out, err = duty.ops("check")

    assert (code, err) == (1, "")
    for name in names:
        assert f"set {name}" in out
    duty.environ["TRADING_STRATEGIES_FILE"] = "nowhere.yaml"
    assert [stop["name"] for stop in duty.json("check")["blockers"]] == ["version", "file"]


def test_check_reports_an_entry_of_the_file_that_is_wrong(duty: Duty) -> None:
    Path(duty.environ["TRADING_STRATEGIES_FILE"]).write_text(f"{STRATEGIES}  - {{id: other, symbols: [AAPL]}}\n")

    stops = duty.json("check")["blockers"]

    assert {stop["name"] for stop in stops} == {"entry other"}


def test_check_stops_at_another_mode_of_the_gateway(duty: Duty) -> None:
    duty.sandbox.admin.settings(mode="live")

    stop = duty.blocker()

    assert stop["value"] == "live, but strategy daily_trading is paper"


def test_check_stops_at_the_other_contract(duty: Duty, contract: str) -> None:
    other = "v1" if contract == "v2" else "v2"
    name = "AIRFLOW_CONN_EXECUTION_GATEWAY"
    duty.environ[name] = duty.environ[name].replace(f'"{contract}"', f'"{other}"')

    stop = duty.blocker()

    assert f"says contract {other}" in stop["value"]


def test_check_names_the_symbols_without_a_price(duty: Duty) -> None:
    file = Path(duty.environ["TRADING_STRATEGIES_FILE"])
    file.write_text(STRATEGIES.replace("KO]", "NOSUCH]"))

    stops = duty.json("check")["blockers"]

    refused, *priced = stops
    assert refused["name"] == "signals"
    assert [stop["value"] for stop in priced] == ["4 of 5 symbols; not NOSUCH (missing)"] * 2


def test_check_tells_what_the_account_is_waiting_for(duty: Duty, contract: str) -> None:
    (intent,) = duty.lose("reset_before_body")
    duty.break_account("the books differ")
    duty.sandbox.admin.positions(AAPL=7, TLT=3)

    findings = duty.json("check")["findings"]

    stops = {finding["name"]: finding["value"] for finding in findings if finding["next_step"]}
    assert "halted" in stops.pop("state")
    assert stops.pop("break 1").endswith("the books differ")
    assert stops.pop(f"order {intent.client_order_id}").startswith("unknown: ")
    positions = {finding["name"]: finding["value"] for finding in findings if finding["name"].startswith("position ")}
    assert "holds 7, our fills and the adopted baseline say 0" in positions["position AAPL"]
    assert "foreign" in positions["position TLT"]
    assert set(stops) == ({"position AAPL"} if contract == "v2" else set())


def test_check_names_holdings_under_an_id_that_no_strategy_has(duty: Duty) -> None:
    duty.trade()
    file = Path(duty.environ["TRADING_STRATEGIES_FILE"])
    file.write_text(file.read_text().replace("id: daily_trading", "id: renamed"))

    blocker = duty.blocker()
    moved = duty.ops("correct", "--strategy", "renamed", "--move-from", "daily_trading", *REASON)

    assert "AAPL" in str(blocker)
    assert "--move-from daily_trading" in str(blocker)
    assert moved[0] == 0
    assert duty.json("check")["blockers"] == []


def test_check_stops_at_an_engaged_kill_switch(duty: Duty, contract: str) -> None:
    if contract == "v1":
        pytest.skip("contract v1 has no kill switch")
    body = {"reason": "drill", "operator": "bob"}
    httpx.post(f"{duty.sandbox.gateway_url}/api/v1/kill-switch/engage", json=body).raise_for_status()

    stop = duty.blocker()

    assert (stop["name"], stop["value"]) == ("kill switch", "engaged by bob: drill")


def test_check_asks_for_the_signals_of_the_session_to_come_and_stops_at_an_answer_that_lacks_a_symbol(
    duty: Duty,
) -> None:
    assert (
        "2 long and 2 short of 5, data of "
        in {found["name"]: found["value"] for found in duty.json("check")["findings"]}["signals"]
    )
    duty.sandbox.admin.fault("missing_symbol")

    stop = duty.blocker()

    assert stop["name"] == "signals"
    with duty.engine.ledger() as ledger:
        assert ledger.runs.latest(10) == []


def test_check_says_in_a_sentence_that_the_model_is_not_active(duty: Duty) -> None:
    duty.sandbox.admin.fault("model_not_active")

    stop = duty.blocker()

    assert (stop["name"], stop["value"]) == ("signals", "the model is not active at the Signal Service")
    assert stop["next_step"] == "let its owner activate it: no run gets signals before"


@pytest.mark.parametrize("started", ["v2"], indirect=True)
def test_check_says_in_a_sentence_that_a_secret_is_wrong(ledger_url: str, duty: Duty) -> None:
    with start_sandbox(contract="v2", secret="x" * 64) as guarded:
        for name, url in (("SIGNAL_SERVICE", guarded.signals_url), ("EXECUTION_GATEWAY", guarded.gateway_url)):
            extra = {"contract": "v2"} | ({"account": "sandbox"} if name == "EXECUTION_GATEWAY" else {})
            wrong = {"conn_type": "http", "host": url, "password": "y" * 64, "extra": extra}
            duty.environ[f"AIRFLOW_CONN_{name}"] = json.dumps(wrong)
        stops = {stop["name"]: stop for stop in duty.json("check")["blockers"]}

    for name, called, connection in (
        ("signals", "the Signal Service", "signal_service"),
        ("positions", "the Execution Gateway (contract v2)", "execution_gateway"),
    ):
        held = f"the credentials of the connection {connection}"
        assert stops[name]["value"] == f"{called} does not accept {held}"
        assert stops[name]["next_step"].startswith(f"correct {held}: no ")


def test_check_stops_at_a_gateway_whose_breaker_has_no_state(duty: Duty, contract: str) -> None:
    if contract == "v1":
        pytest.skip("contract v1 has no circuit breaker")
    duty.sandbox.admin.settings(breaker="missing")

    stop = duty.blocker()

    assert stop["name"] == "health"
    assert "is degraded" in stop["value"]
    assert "circuit breaker" in stop["next_step"]


def test_check_says_what_it_is_not_allowed_to_see(duty: Duty, contract: str) -> None:
    if contract == "v1":
        pytest.skip("contract v1 has no circuit breaker")
    found = {finding["name"]: finding for finding in duty.json("check")["findings"]}["circuit breaker"]

    assert found["value"].startswith("not known, this login is not allowed to see it")
    assert found["next_step"] is None


def test_check_stops_at_a_gateway_that_calls_itself_unhealthy(duty: Duty) -> None:
    duty.sandbox.admin.fault("health_unhealthy")

    stop = duty.blocker()

    assert stop["name"] == "health"
    assert "is unhealthy" in stop["value"]


def test_check_lets_a_strategy_that_never_sends_run_without_gateway(duty: Duty) -> None:
    file = Path(duty.environ["TRADING_STRATEGIES_FILE"])
    file.write_text(STRATEGIES.replace("mode: paper", "mode: plan"))
    duty.sandbox.admin.fault("refuse_connections", service="gateway")

    assert duty.ops("check")[0] == 0


def test_check_shows_a_pause_that_ends_by_itself(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        ledger.accounts.ensure("sandbox")
        ledger.accounts.pause("sandbox", ledger.now() + timedelta(hours=1), "asked by the gateway")

    code, out, _ = duty.ops("check")

    assert code == 0
    assert "by itself: asked by the gateway" in out


def test_check_stops_when_a_lease_is_shorter_than_two_posts(duty: Duty) -> None:
    duty.environ["TRADING_LEASE_SECONDS"] = "23"

    stop = duty.blocker()

    assert stop["name"] == "lease"


# plan


@pytest.fixture
def signals(duty: Duty, tmp_path: Path) -> Path:
    run, _ = duty.engine.plan(duty.engine.identity("earlier"), sandbox_strategy(mode="plan"))
    file = tmp_path / "signals.json"
    with duty.engine.ledger() as ledger:
        file.write_text(json.dumps(ledger.runs.answers(run.run_id)["signal_service_response"]))
    return file


def test_plan_shows_what_a_saved_answer_would_order_and_writes_nothing(duty: Duty, signals: Path) -> None:
    code, out, _ = duty.ops("plan", "--signals", str(signals))

    assert code == 0
    assert "orders, as they would be sent: buy" in out or "orders, as they would be sent: sell" in out
    assert "rules off: order_shares" in out
    with duty.engine.ledger() as ledger:
        assert ledger.orders.find(limit=10) == []


def test_plan_equals_the_plan_of_the_run(duty: Duty, signals: Path) -> None:
    shown = duty.json("plan", "--signals", str(signals))

    planned = duty.planned()

    assert [(order["symbol"], order["side"]) for order in shown["orders"]] == [
        (intent.symbol, intent.side) for intent in planned
    ]


def test_plan_starts_from_what_is_held_unless_told_otherwise(duty: Duty, signals: Path) -> None:
    run = duty.trade()

    held = duty.json("plan", "--signals", str(signals))
    flat = duty.json("plan", "--signals", str(signals), "--flat")

    assert run.num_orders_filled == 4
    assert sum(row["held_quantity"] != "0" for row in held["rows"]) == 4
    assert all(row["held_quantity"] == "0" for row in flat["rows"])


def test_plan_takes_prices_from_a_file(duty: Duty, signals: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"AAPL": 100, "MSFT": 200.5}')
    duty.sandbox.admin.fault("refuse_connections", service="market")

    shown = duty.json("plan", "--signals", str(signals), "--prices", str(prices))

    rows = {row["symbol"]: row for row in shown["rows"]}
    assert (rows["MSFT"]["price"], rows["MSFT"]["price_source"]) == ("200.5", "file:prices.json")
    assert {row["reason"] for row in shown["rows"]} >= {"price_missing"}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"signals": [], "metadata": {"as_of_date": "soon"}}', None])
def test_plan_refuses_a_file_that_is_no_answer(duty: Duty, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "signals.json"
    if content is not None:
        file.write_text(content)

    code, _, err = duty.ops("plan", "--signals", str(file))

    assert code == 2
    assert f"{file}: expected" in err


@pytest.mark.parametrize(
    ("content", "orders"),
    [
        ("symbol,weight\nAAPL,0.05\nKO,-0.05\n", {"AAPL": "buy", "KO": "sell"}),
        ('{"AAPL": 0.05}', {"AAPL": "buy"}),
        (
            "ticker,score\nAAPL,1\nMSFT,2\nJPM,3\nXOM,4\nKO,5\n",
            {"AAPL": "sell", "MSFT": "sell", "XOM": "buy", "KO": "buy"},
        ),
    ],
)
def test_plan_takes_weights_and_scores_in_any_form(
    duty: Duty, tmp_path: Path, content: str, orders: dict[str, str]
) -> None:
    file = tmp_path / "weights"
    file.write_text(content)

    shown = duty.json("plan", "--signals", str(file))

    assert {order["symbol"]: order["side"] for order in shown["orders"]} == orders


def test_check_reads_the_file_of_the_session_to_come_and_plan_what_it_would_make(duty: Duty, tmp_path: Path) -> None:
    file = tmp_path / "weights.csv"
    entry = {
        "id": "daily_trading",
        "mode": "paper",
        "sandbox_only": True,
        "market_hours": False,
        "capital": 100000,
        "signals": {"file": {"path": str(file), "dated": "standing"}},
    }
    strategies = tmp_path / "of_a_file.yaml"
    strategies.write_text(json.dumps({"strategies": [entry]}))
    duty.environ["TRADING_STRATEGIES_FILE"] = str(strategies)

    missing = {stop["name"]: stop["value"] for stop in duty.json("check")["blockers"]}
    file.write_text("symbol,weight\nAAPL,0.05\n")
    found = {finding["name"]: finding["value"] for finding in duty.json("check")["findings"]}
    shown = duty.json("plan", "--signals", str(file))

    assert "expected a file that can be read" in missing["signals"]
    assert found["signals"].startswith("1 long and 0 short of 1")
    assert found["latest trades"] == "1 of 1 symbols"
    assert [order["symbol"] for order in shown["orders"]] == ["AAPL"]


def test_plan_refuses_prices_that_are_none(duty: Duty, signals: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"AAPL": -1}')

    code, _, err = duty.ops("plan", "--signals", str(signals), "--prices", str(prices))

    assert code == 2
    assert "expected prices like" in err


# orders


def test_orders_lists_by_state_and_session_with_events(duty: Duty) -> None:
    run = duty.trade()

    filled = duty.json("orders", "--state", "filled", "--session", str(run.session_date))
    none = duty.ops("orders", "--state", "unknown")
    _, out, _ = duty.ops("orders", "--events")

    assert len(filled) == 4
    assert [event["event"] for event in filled[0]["events"]][:2] == ["planned", "sending"]
    assert filled[0]["fills"]
    assert none == (0, "no orders\n", "")
    assert "planned → sending" in out


def test_orders_refuses_an_account_that_nothing_names(duty: Duty) -> None:
    code, _, err = duty.ops("orders", "--account", "typo")

    assert (code, err) == (2, "--account: expected one of sandbox; got 'typo'\n")


# halt and resume


def test_halt_stops_sending_and_resume_lets_it_go_on(duty: Duty) -> None:
    first, *_ = duty.planned()

    halted, _, _ = duty.ops("halt", *REASON)
    from_halted = duty.state()
    resumed, out, _ = duty.ops("resume", *REASON)

    assert (halted, from_halted, resumed, duty.state()) == (0, "halted", 0, "active")
    assert "account sandbox is active" in out
    assert duty.engine.submit(first.client_order_id).attempt == 1


def test_halt_works_before_the_first_run_and_without_services(duty: Duty) -> None:
    duty.environ["TRADING_STRATEGIES_FILE"] = "nowhere.yaml"
    duty.sandbox.admin.fault("refuse_connections", service="gateway")

    code, _, _ = duty.ops("halt", *REASON)

    assert (code, duty.state()) == (0, "halted")


def test_halt_keeps_who_did_it_and_why(duty: Duty) -> None:
    duty.ops("halt", *REASON)

    with duty.engine.ledger() as ledger:
        row = ledger.accounts.get("sandbox")

    assert row is not None
    assert (row.state_changed_by, row.state_reason) == ("ann", "seen at the broker")


@pytest.mark.parametrize("words", [("--reason", " "), ("--reason", "why", "--by", "")])
def test_halt_and_resume_want_a_name_and_a_reason(duty: Duty, words: tuple[str, ...]) -> None:
    for command in ("halt", "resume"):
        code, _, err = duty.ops(command, *words)

        assert code == 2
        assert "both are kept with what was done" in err


def test_resume_refuses_an_account_that_is_not_halted(duty: Duty) -> None:
    duty.trade()

    code, _, err = duty.ops("resume", *REASON)

    assert (code, err) == (2, "account sandbox is active, not halted: nothing to resume\n")


def test_resume_wants_every_open_break_named(duty: Duty) -> None:
    duty.break_account("AAPL differs by 3")

    refused, _, err = duty.ops("resume", *REASON)
    unknown, _, _ = duty.ops("resume", "--breaks", "1", "99", *REASON)
    still = duty.state()
    done, _, _ = duty.ops("resume", "--breaks", "1", *REASON)

    assert (refused, unknown, still) == (2, 2, "halted")
    assert "1 position_mismatch: AAPL differs by 3" in err
    assert "--breaks 1" in err
    assert (done, duty.state()) == (0, "active")
    with duty.engine.ledger() as ledger:
        assert ledger.books.open_breaks("sandbox") == []


def test_resume_goes_to_reduce_only_while_an_order_is_unresolved_too_long(duty: Duty) -> None:
    duty.lose("reset_before_body")
    duty.ops("halt", *REASON)
    duty.environ["TRADING_UNRESOLVED_SECONDS"] = "0.001"

    code, out, _ = duty.ops("resume", *REASON)

    assert (code, duty.state()) == (1, "reduce_only")
    assert "without a known outcome" in out


def test_halt_cancels_open_orders_where_the_contract_can(duty: Duty, contract: str) -> None:
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    first, second, *_ = duty.planned()
    duty.engine.submit(first.client_order_id)

    code, out, err = duty.ops("halt", "--cancel-open", *REASON)

    assert duty.state() == "halted"
    assert duty.order(second).state == "planned"
    if contract == "v1":
        assert code == 1
        assert "has no cancel; cancel at the broker what may be open" in err
        assert duty.order(first).state == "open"
    else:
        assert (code, err) == (0, "")
        assert first.client_order_id in out
        assert duty.order(first).state == "canceled"


def test_halt_tells_which_orders_it_could_not_cancel(duty: Duty, contract: str) -> None:
    if contract == "v1":
        pytest.skip("contract v1 has no cancel")
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    first, *_ = duty.planned()
    duty.engine.submit(first.client_order_id)
    duty.sandbox.admin.fault("refuse_connections", service="gateway")

    answer = duty.json("halt", "--cancel-open", *REASON)

    assert answer["account"]["state"] == "halted"
    (left,) = answer["cancellations"]
    assert (left["done"], left["client_order_id"]) == (False, first.client_order_id)


# settle


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


# adopt


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
