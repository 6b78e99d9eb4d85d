"""The way out when something is broken: the strategies file, a connection, a setting, or all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.strategy.spec import Strategy
from tests.support.commands import REASON, STRATEGIES, Duty
from tests.support.engine import sandbox_strategy

ACCOUNT = ("--account", "sandbox")
BROKEN = "strategies: [ {"


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[str, Sandbox]]:
    with start_sandbox(contract="v2", fill_after=0) as sandbox:
        yield "v2", sandbox


@pytest.fixture
def there(duty: Duty) -> Duty:
    """An account on the connection `other_gate`, which only the strategy's entry names."""
    duty.environ["AIRFLOW_CONN_OTHER_GATE"] = duty.environ.pop("AIRFLOW_CONN_EXECUTION_GATEWAY")
    write(duty, STRATEGIES.replace("id: daily_trading,", "id: daily_trading, venue: other_gate,"))
    return duty


def strategy() -> Strategy:
    return sandbox_strategy().model_copy(update={"venue": "other_gate"})


def write(duty: Duty, text: str) -> None:
    Path(duty.environ["TRADING_STRATEGIES_FILE"]).write_text(text)


def shorten_the_secret(duty: Duty) -> None:
    connection = json.loads(duty.environ["AIRFLOW_CONN_OTHER_GATE"])
    duty.environ["AIRFLOW_CONN_OTHER_GATE"] = json.dumps({**connection, "password": "short"})


def hold(duty: Duty) -> None:
    assert duty.engine.run("one", strategy()).status == "completed"


def address(duty: Duty) -> str | None:
    with duty.engine.ledger() as ledger:
        row = ledger.accounts.get("sandbox")
    assert row is not None
    return row.gateway_address


@pytest.mark.parametrize("file", [BROKEN, STRATEGIES, "strategies: []"], ids=["broken", "entry gone", "empty"])
def test_open_orders_are_canceled_at_the_connection_that_only_the_ledger_knows(there: Duty, file: str) -> None:
    there.sandbox.admin.settings(fill_after_seconds=3600)
    _, (first, *_) = there.engine.plan(there.engine.identity("one"), strategy())
    there.engine.submit(first.client_order_id)
    write(there, file)

    code, _, err = there.ops("halt", "--cancel-open", *ACCOUNT, *REASON)

    assert (code, err) == (0, "")
    assert (there.state(), there.order(first).state) == ("halted", "canceled")


def test_acts_on_an_account_work_at_the_connection_that_only_the_ledger_knows(there: Duty) -> None:
    hold(there)
    there.sandbox.admin.positions(XOM=7)
    write(there, BROKEN)

    adopted, _, _ = there.ops("adopt", "--symbol", "XOM", "--not-ours", *ACCOUNT, *REASON)
    _, nothing, _ = there.ops("settle", "--all", "--outcome", "canceled", *ACCOUNT, *REASON)
    _, _, audited = there.ops("audit", "--from", "2020-01-01", "--to", "2050-01-01")
    corrected, _, err = there.ops(
        "correct", "--strategy", "daily_trading", "--symbol", "AAPL", "--quantity", "1", "--against-gateway", *REASON
    )

    assert adopted == 0
    assert nothing == "account sandbox has no order without a known outcome\n"
    assert audited == ""
    assert (corrected, err) == (1, "")


def test_a_connection_that_cannot_be_used_is_named_with_its_reason(there: Duty) -> None:
    hold(there)
    shorten_the_secret(there)
    why = "account sandbox: its gateway connection cannot be used: connection 'other_gate': expected a signing secret"

    for command in (
        ("adopt", "--symbol", "XOM", *REASON),
        ("correct", "--strategy", "daily_trading", "--symbol", "AAPL", "--quantity", "1", *REASON),
        ("settle", "--all", "--outcome", "canceled", *REASON),
    ):
        code, _, err = there.ops(*command)
        assert (code, why in err) == (2, True), err
    halted, _, err = there.ops("halt", "--cancel-open", *REASON)
    assert (halted, there.state(), why in err) == (1, "halted", True)
    audited, out, _ = there.ops("audit", "--from", "2020-01-01", "--to", "2050-01-01")
    assert (audited, f"not asked: {why}" in out) == (2, True)


def test_a_typo_in_a_connection_is_shown_where_no_connection_names_the_account(there: Duty) -> None:
    hold(there)
    there.environ["AIRFLOW_CONN_OTHER_GATE"] = "{"

    _, _, err = there.ops("adopt", "--symbol", "XOM", *REASON)

    assert "no gateway connection names it; named are none; AIRFLOW_CONN_OTHER_GATE: expected a JSON object" in err


def break_file(duty: Duty) -> None:
    write(duty, BROKEN)
    del duty.environ["AIRFLOW_CONN_OTHER_GATE"]


def garble(duty: Duty) -> None:
    duty.environ["AIRFLOW_CONN_OTHER_GATE"] = "{"


def lose(duty: Duty) -> None:
    del duty.environ["AIRFLOW_CONN_OTHER_GATE"]


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (shorten_the_secret, "expected a signing secret of at least 64 characters"),
        (garble, "AIRFLOW_CONN_OTHER_GATE: expected a JSON object"),
        (lose, "connection 'other_gate' is missing: set AIRFLOW_CONN_OTHER_GATE"),
        (break_file, "strategies.yaml"),
    ],
)
def test_an_account_is_not_taken_off_its_gateway_because_of_a_typo(there: Duty, breaks: object, reason: str) -> None:
    hold(there)
    before = address(there)
    assert callable(breaks)
    breaks(there)

    code, _, err = there.ops("rebind", "--another-account", *REASON)

    assert (code, address(there)) == (2, before)
    assert reason in err
    assert "Nothing was changed" in err


def test_a_broken_strategies_file_does_not_hide_the_gateway_that_holds_what_is_ours(there: Duty) -> None:
    hold(there)
    write(there, BROKEN)

    code, _, err = there.ops("rebind", "--another-account", *REASON)

    assert (code, "expected no holdings" in err) == (2, True)


def test_an_account_that_certainly_no_connection_names_is_taken_off_its_gateway(there: Duty) -> None:
    hold(there)
    write(there, STRATEGIES)
    del there.environ["AIRFLOW_CONN_OTHER_GATE"]
    there.environ["AIRFLOW_CONN_EXECUTION_GATEWAY"] = json.dumps(
        {"conn_type": "http", "host": "http://127.0.0.1:9", "extra": {"contract": "v2", "account": "another"}}
    )

    code, out, err = there.ops("rebind", "--another-account", *ACCOUNT, *REASON)

    assert (code, out, err) == (0, "account sandbox was taken off its gateway\n", "")
    assert address(there) == "released"


@pytest.mark.parametrize("setting", [("TRADING_LEASE_SECONDS", "abc"), ("TRADING_NOPE", "1")])
def test_an_account_is_halted_and_looked_at_whatever_the_settings_say(there: Duty, setting: tuple[str, str]) -> None:
    hold(there)
    name, value = setting
    there.environ[name] = value

    for given in ((), ACCOUNT):
        assert there.ops("halt", *given, *REASON)[0] == 0
        assert there.state() == "halted"
    assert there.ops("orders", *ACCOUNT)[0] == 0
    assert there.ops("corrections", *ACCOUNT)[0] == 0
    canceled, out, err = there.ops("halt", "--cancel-open", *ACCOUNT, *REASON)
    assert (canceled, "is halted" in out, name in err) == (1, True, True)


def test_an_account_of_the_ledger_is_halted_with_nothing_that_can_be_read(there: Duty) -> None:
    hold(there)
    write(there, BROKEN)
    there.environ |= {"TRADING_NOPE": "1", "AIRFLOW_CONN_OTHER_GATE": "{"}

    assert there.ops("halt", *ACCOUNT, *REASON)[0] == 0
    assert there.state() == "halted"


# The first steps on a new ledger


def test_positions_are_adopted_and_corrected_before_the_first_run(there: Duty) -> None:
    there.sandbox.admin.positions(XOM=7, AAPL=100)

    adopted, _, wrong = there.ops("adopt", "--symbol", "XOM", *REASON)
    corrected, _, err = there.ops(
        "correct", "--strategy", "daily_trading", "--symbol", "AAPL", "--quantity", "100", *REASON
    )

    assert (adopted, wrong, corrected, err) == (0, "", 0, "")
    with there.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {"XOM": Decimal(7)}
        assert ledger.movements.of_account("sandbox") == {"AAPL": Decimal(100)}


def test_a_mistyped_account_makes_none(there: Duty) -> None:
    for command in (
        ("adopt", "--symbol", "XOM"),
        ("correct", "--strategy", "daily_trading", "--symbol", "AAPL", "--quantity", "1"),
        ("resume",),
        ("halt",),
    ):
        code, _, err = there.ops(*command, "--account", "sandbx", *REASON)
        assert (code, err) == (2, "--account: expected one of sandbox; got 'sandbx'\n")
    with there.engine.ledger() as ledger:
        assert ledger.accounts.all() == []


def test_resuming_an_account_that_is_new_says_that_there_is_nothing_to_resume(there: Duty) -> None:
    code, _, err = there.ops("resume", *REASON)

    assert (code, err) == (2, "account sandbox is active, not halted: nothing to resume\n")


# What is typed


@pytest.mark.parametrize("symbol", ["aapl", "", "  ", "\ud800", "A B"])
def test_what_is_no_symbol_is_not_adopted(there: Duty, symbol: str) -> None:
    code, _, err = there.ops("adopt", "--symbol", symbol, "--quantity", "5", *REASON)

    assert (code, err.startswith("symbol: expected capital letters")) == (2, True)
    with there.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {}


def test_blanks_around_a_symbol_do_not_count(there: Duty) -> None:
    hold(there)
    with there.engine.ledger() as ledger:
        ((_, symbol, held), *_) = ledger.movements.holdings("sandbox")

    adopted, _, _ = there.ops("adopt", "--symbol", " NVDA ", "--quantity", "5", *REASON)
    split, out, err = there.ops(
        *("correct", "--strategy", "daily_trading", "--symbol", f" {symbol}", "--ratio", "2", "--against-gateway"),
        *REASON,
    )

    assert (adopted, split, err) == (1, 1, "")
    assert f"{symbol}: strategy daily_trading holds {held * 2:f}" in out
    with there.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {"NVDA": Decimal(5)}


@pytest.mark.parametrize("kind", [("--symbol", "AAPL", "--quantity", "833"), ("--move-from", "daily_trading")])
def test_nothing_is_booked_for_a_strategy_that_does_not_exist(there: Duty, kind: tuple[str, ...]) -> None:
    hold(there)
    with there.engine.ledger() as ledger:
        before = ledger.movements.holdings("sandbox")

    code, _, err = there.ops("correct", "--strategy", "nobody", *kind, "--against-gateway", *REASON)
    write(there, BROKEN)
    again, _, unread = there.ops("correct", "--strategy", "nobody", *kind, "--against-gateway", *REASON)

    assert (code, again) == (2, 2)
    assert err == (
        "strategy: expected one that is in the strategies file or the ledger, got 'nobody'; known are daily_trading\n"
    )
    assert "expected one that is in the ledger (the strategies file cannot be read: " in unread
    with there.engine.ledger() as ledger:
        assert ledger.movements.holdings("sandbox") == before
