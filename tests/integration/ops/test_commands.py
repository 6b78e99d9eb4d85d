"""The commands for the person on duty, on a real ledger and the sandbox, in both contract versions."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from include.ledger.migrations import NEWEST
from include.sandbox.runner import PROJECT
from tests.support.commands import REASON, Duty


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
    assert checked.stdout.endswith("what would stop tomorrow's run: nothing\n"), checked.stdout
    assert (checked.returncode, checked.stderr) == (0, "")


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


def test_watch_prints_a_document_alone_on_stdout_whatever_is_logged(duty: Duty) -> None:
    duty.ops("halt", *REASON)

    _, out, err = duty.ops("watch", "--json")

    assert [alert["kind"] for alert in json.loads(out)["open_alerts"]] == ["account_state"]
    assert "account sandbox is halted" in err
