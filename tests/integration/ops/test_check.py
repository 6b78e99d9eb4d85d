"""ops check: what would stop the session to come, in both contract versions."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from include.ledger.migrations import NEWEST
from include.sandbox.runner import start_sandbox
from tests.support.commands import REASON, STRATEGIES, Duty


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


def test_check_compares_every_position_that_the_signals_of_a_strategy_without_symbols_may_name(
    duty: Duty, contract: str, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.csv"
    weights.write_text("symbol,weight\nAAPL,0.5\nMSFT,0.5\n")
    signals = f"{{file: {{path: {weights}, dated: standing}}}}"
    Path(duty.environ["TRADING_STRATEGIES_FILE"]).write_text(
        STRATEGIES.replace("symbols: [AAPL, MSFT, JPM, XOM, KO], ", "").replace(
            "{service: {top_n: 2, bottom_n: 2}}", signals
        )
    )
    duty.sandbox.admin.positions(AAPL=7, MSFT=3, TLT=5)

    known = duty.json("check")
    weights.unlink()
    unknown = duty.json("check")

    of_tlt = {finding["name"]: finding["value"] for finding in known["findings"]}["position TLT"]
    assert of_tlt.endswith("; foreign: no strategy trades it, so it is left alone")
    exact = contract == "v2"
    assert [stop["name"] for stop in known["blockers"]] == (["position AAPL", "position MSFT"] if exact else [])
    named, *others = [stop["name"] for stop in unknown["blockers"]]
    assert named == "signals"
    assert others == (["position AAPL", "position MSFT", "position TLT"] if exact else [])


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
