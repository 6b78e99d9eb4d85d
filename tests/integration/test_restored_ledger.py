"""A ledger that was restored, copied or brought back from its past starts halted, and says why."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from include.launcher.postgres_install import find_bin
from include.ledger.identity import CAUSE
from include.ledger.ledger import open_ledger
from include.ops.main import main
from include.trading.account.row import Account
from tests.support.databases import database_name, fresh_database


def state_of(url: str, name: str = "main") -> Account:
    with open_ledger(url) as ledger:
        account = ledger.accounts.get(name)
    assert account is not None
    return account


@pytest.fixture
def used_ledger(ledger_url: str) -> str:
    """A ledger with an account that trades."""
    with open_ledger(ledger_url) as ledger:
        ledger.accounts.ensure("main")
    return ledger_url


def dump(url: str, to: Path) -> None:
    # A server's tools come with it; a system's own may be older and then refuse.
    subprocess.run([find_bin() / "pg_dump", "--format=custom", f"--file={to}", url], check=True)


def restore(url: str, dump_file: Path, *options: str) -> None:
    subprocess.run([find_bin() / "pg_restore", "--exit-on-error", *options, f"--dbname={url}", dump_file], check=True)


@contextmanager
def second_database(postgres: str) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


def test_a_ledger_that_stays_where_it_is_keeps_trading(used_ledger: str) -> None:
    assert state_of(used_ledger).state == "active"


def test_a_dump_restored_into_another_database_starts_halted(used_ledger: str, postgres: str, tmp_path: Path) -> None:
    dump(used_ledger, tmp_path / "ledger.dump")

    with second_database(postgres) as url:
        restore(url, tmp_path / "ledger.dump")
        account = state_of(url)

    assert (account.state, account.state_cause) == ("halted", CAUSE)
    assert account.state_reason is not None
    assert "restored or moved" in account.state_reason
    assert state_of(used_ledger).state == "active"


def test_a_dump_restored_over_the_same_database_starts_halted(used_ledger: str, tmp_path: Path) -> None:
    dump(used_ledger, tmp_path / "ledger.dump")

    restore(used_ledger, tmp_path / "ledger.dump", "--clean")

    assert state_of(used_ledger).state == "halted"


def test_a_restored_ledger_halts_once_and_stays_resumed(used_ledger: str, postgres: str) -> None:
    with fresh_database(postgres, database_name(used_ledger)) as url:
        assert state_of(url).state == "halted"

        environ = {"AIRFLOW_CONN_TRADING_LEDGER": url}
        resumed = main(["resume", "--account", "main", "--by", "ada", "--reason", "books compared"], environ)

        assert resumed == 0
        assert state_of(url).state == "active"
        with psycopg.connect(url) as connection:
            events = connection.execute("SELECT actor, to_state, cause FROM account_events ORDER BY id").fetchall()
        assert events == [("ledger", "halted", "restored"), ("ada", "active", "person")]


def test_many_tasks_that_open_a_restored_ledger_at_once_halt_it_once(used_ledger: str, postgres: str) -> None:
    with fresh_database(postgres, database_name(used_ledger)) as url:
        with ThreadPoolExecutor(8) as threads:
            states = {account.state for account in threads.map(lambda _: state_of(url), range(8))}

        with psycopg.connect(url) as connection:
            events = connection.execute("SELECT count(*) FROM account_events").fetchone()
    assert states == {"halted"}
    assert events == (1,)


def test_a_person_can_say_that_the_ledger_was_restored(used_ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"AIRFLOW_CONN_TRADING_LEDGER": used_ledger}

    code = main(["restored", "--by", "ada", "--reason", "the volume's snapshot of Monday"], environ)

    assert (code, capsys.readouterr().out) == (0, "halted until resumed: main\n")
    account = state_of(used_ledger)
    assert (account.state, account.state_cause, account.state_changed_by) == ("halted", CAUSE, "ada")
    assert account.state_reason == "this ledger was restored: the volume's snapshot of Monday"


def test_an_account_that_the_backup_did_not_know_starts_halted_until_a_person_ends_it(
    ledger_url: str, postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backup is from before the first account: its orders are at the broker, and the ledger has no row at all."""
    with fresh_database(postgres, database_name(ledger_url)) as url:
        environ = {"AIRFLOW_CONN_TRADING_LEDGER": url}
        for name in ("main", "second"):
            with open_ledger(url) as ledger:
                ledger.accounts.ensure(name)
                assert [alert.kind for alert in ledger.alerts.open() if alert.account == name] == ["account_state"]
            account = state_of(url, name)
            assert (account.state, account.state_cause) == ("halted", CAUSE)
            assert "restored or moved" in (account.state_reason or "")

        assert main(["resume", "--account", "main", "--by", "ada", "--reason", "compared"], environ) == 0
        with open_ledger(url) as ledger:
            ledger.accounts.ensure("third")
        capsys.readouterr()
        ended = main(["restored", "--over", "--by", "ada", "--reason", "all compared"], environ)
        with open_ledger(url) as ledger:
            ledger.accounts.ensure("fourth")

        assert (ended, capsys.readouterr().out) == (1, "new accounts start active again; halted still: second, third\n")
        states = {name: state_of(url, name).state for name in ("main", "second", "third", "fourth")}
        assert states == {"main": "active", "second": "halted", "third": "halted", "fourth": "active"}
        assert main(["restored", "--over", "--by", "ada", "--reason", "again"], environ) == 2


def test_an_account_made_after_a_person_said_restored_starts_halted(used_ledger: str) -> None:
    environ = {"AIRFLOW_CONN_TRADING_LEDGER": used_ledger}
    assert main(["restored", "--by", "ada", "--reason", "snapshot of Monday"], environ) == 0

    with open_ledger(used_ledger) as ledger:
        ledger.accounts.ensure("later")

    assert (state_of(used_ledger, "later").state, state_of(used_ledger, "later").state_cause) == ("halted", CAUSE)
