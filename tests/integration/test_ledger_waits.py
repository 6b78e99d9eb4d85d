"""No wait for the ledger is without an end: a worker that hangs holds no other up for more than seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from include.ledger.ledger import Ledger, open_ledger
from include.ledger.session import TIMEOUTS
from include.ops.main import main
from include.trading.errors import LedgerUnavailable

PROJECT = Path(__file__).parents[2]
# A worker in the middle of its transaction, with the account's lock in its hands.
WORKER = """
import sys
from include.ledger.ledger import open_ledger
from include.trading.errors import LedgerUnavailable
with open_ledger(sys.argv[1]) as ledger:
    try:
        with ledger.transaction():
            ledger.accounts.lock("main")
            print("holds", flush=True)
            sys.stdin.readline()
            ledger.accounts.record_failure("main")
    except LedgerUnavailable as error:
        print(error, flush=True)
"""


@pytest.fixture
def url(ledger_url: str) -> str:
    """A ledger with an account."""
    with open_ledger(ledger_url) as ledger:
        ledger.accounts.ensure("main")
    return ledger_url


@contextmanager
def impatient(url: str, **settings: str) -> Iterator[Ledger]:
    """Open the ledger over a connection whose options say how long to wait."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    with open_ledger(f"{url}?{urlencode({'options': options}, quote_via=quote)}") as ledger:
        yield ledger


def test_an_account_is_halted_while_a_worker_that_holds_its_lock_is_stopped(url: str) -> None:
    halt = ["halt", "--account", "main", "--by", "ada", "--reason", "a worker hangs"]
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, url], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout and worker.stdin
        assert worker.stdout.readline() == "holds\n"
        worker.send_signal(signal.SIGSTOP)
        try:
            code = main(halt, {"AIRFLOW_CONN_TRADING_LEDGER": url})
            with open_ledger(url) as ledger:
                account = ledger.accounts.get("main")
            stopped = Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        finally:
            worker.send_signal(signal.SIGCONT)
        worker.stdin.write("go on\n")
        worker.stdin.flush()
        words = worker.stdout.readline()

    assert (code, stopped) == (0, "T")
    assert account is not None and (account.state, account.consecutive_failures) == ("halted", 0)
    assert words.startswith("the ledger's database broke off the connection")
    assert worker.returncode == 0


def test_every_session_of_the_ledger_has_bounded_waits(url: str) -> None:
    with open_ledger(url) as ledger:
        found = {name: ledger.connection.execute(f"SHOW {name}").fetchone() for name in TIMEOUTS}

    assert {name: row and row[name] for name, row in found.items()} == TIMEOUTS


def test_what_the_connection_says_goes_before_the_defaults(url: str) -> None:
    with impatient(url, lock_timeout="77s") as ledger:
        rows = [ledger.connection.execute(f"SHOW {name}").fetchone() for name in ("lock_timeout", "statement_timeout")]

    assert rows == [{"lock_timeout": "77s"}, {"statement_timeout": TIMEOUTS["statement_timeout"]}]


def test_a_wait_for_a_lock_that_is_too_long_says_so_and_changes_nothing(url: str) -> None:
    with open_ledger(url) as holder, impatient(url, lock_timeout="50ms") as ledger:
        with holder.transaction():
            holder.accounts.lock("main")
            with pytest.raises(LedgerUnavailable, match="held a row longer than lock_timeout"), ledger.transaction():
                ledger.accounts.record_failure("main")
        assert ledger.accounts.record_failure("main") == 1


def test_a_statement_that_takes_too_long_says_so_and_the_next_one_works(url: str) -> None:
    with impatient(url, statement_timeout="50ms") as ledger:
        with pytest.raises(LedgerUnavailable, match="longer than statement_timeout"):
            ledger.connection.execute("SELECT pg_sleep(30)")
        assert ledger.accounts.get("main") is not None


def test_a_database_that_is_gone_is_unavailable_at_the_next_statement_and_at_a_commit(url: str) -> None:
    def end(ledger: Ledger) -> None:
        with open_ledger(url) as other:
            other.connection.execute(
                "SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": ledger.connection.info.backend_pid}
            )

    with open_ledger(url) as ledger:
        end(ledger)
        with pytest.raises(LedgerUnavailable, match="broke off"):
            ledger.now()
    with open_ledger(url) as ledger, pytest.raises(LedgerUnavailable, match="broke off"), ledger.transaction():
        ledger.accounts.record_failure("main")
        end(ledger)
