"""The ledger behind PgBouncer: each session is lent clean, and a dead client leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from include.launcher import processes
from include.launcher.errors import CannotRun
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.migrations import migrate
from include.sandbox.runner import start_sandbox
from tests.support.databases import temporary_home
from tests.support.engine import Engine, sandbox_strategy
from tests.support.pooler import SETTING, Pooler, find_pooler

# A client that stops in the middle of a transaction, with a row and an advisory lock in its hands.
HOLDER = """
import sys, time
import psycopg
connection = psycopg.connect(sys.argv[1])
connection.execute("UPDATE held SET number = 2")
connection.execute("SELECT pg_advisory_lock(7)")
print("holds", flush=True)
time.sleep(600)
"""


def pgbouncer() -> Path:
    """Return where PgBouncer is; where CI runs it must be there."""
    found = find_pooler()
    if found is None and "CI" not in os.environ:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    assert found is not None, "CI needs pgbouncer: apt-get install pgbouncer"
    return found


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_home() as home, EmbeddedPostgres(home, durable=False) as running:
        yield running


@pytest.fixture
def pooler(server: EmbeddedPostgres) -> Iterator[Pooler]:
    with Pooler(server, pgbouncer()) as running:
        yield running


def test_a_connection_is_lent_again_without_anything_of_its_last_client(pooler: Pooler) -> None:
    url = pooler.url("postgres")
    with psycopg.connect(url, autocommit=True) as first:
        first.execute("SELECT set_config('TimeZone', 'Asia/Tokyo', FALSE), pg_advisory_lock(7)")
        first.execute("CREATE TEMPORARY TABLE mine (number INTEGER)")
        ((first_backend,),) = first.execute("SELECT pg_backend_pid()").fetchall()

    with psycopg.connect(url, autocommit=True) as second:
        ((backend, zone, table, locks),) = second.execute(
            "SELECT pg_backend_pid(), current_setting('TimeZone'), to_regclass('mine'),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
        ).fetchall()

    assert backend == first_backend
    assert (zone, table, locks) == ("UTC", None, 0)


def test_what_a_killed_client_held_is_free_and_undone(server: EmbeddedPostgres, pooler: Pooler) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as watcher:
        watcher.execute("CREATE TABLE held AS SELECT 1 AS number")
        watcher.execute("SET lock_timeout = '10s'")
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, pooler.url("postgres")], stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == "holds\n"
            holder.send_signal(signal.SIGKILL)

        ((number,),) = watcher.execute("SELECT number FROM held FOR UPDATE").fetchall()
        watcher.execute("SELECT pg_advisory_lock(7)")

    assert number == 1


def test_a_session_is_one_clients_alone_between_its_transactions_too(pooler: Pooler) -> None:
    url = pooler.url("postgres")
    with psycopg.connect(url, autocommit=True) as first, psycopg.connect(url, autocommit=True) as second:
        backends = [one.execute("SELECT pg_backend_pid()").fetchone() for one in (first, second, first)]

    assert backends[0] == backends[2] != backends[1]


def test_a_run_is_planned_sent_and_filled_through_it(server: EmbeddedPostgres, pooler: Pooler) -> None:
    migrate(server.ensure_database("ledger"))
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(pooler.url("ledger"), sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)

        run = engine.run("pooled", sandbox_strategy())

        assert (run.status, run.num_orders_planned, run.num_orders_filled) == ("completed", 4, 4)
        assert list(sandbox.admin.book()["posts_by_id"].values()) == [1] * 4


def test_it_works_where_a_socket_cannot_be() -> None:
    with (
        temporary_home() as home,
        EmbeddedPostgres(home / "with, comma", durable=False) as server,
        Pooler(server, pgbouncer()) as pooler,
        psycopg.connect(pooler.url("postgres")) as connection,
    ):
        ((port,),) = connection.execute("SELECT inet_server_port()").fetchall()
        own_port = urlsplit(pooler.url("postgres")).port

    assert (port, own_port) == (server.port, pooler.port)


def test_a_server_that_comes_back_is_used_again(server: EmbeddedPostgres, pooler: Pooler) -> None:
    with psycopg.connect(pooler.url("postgres")) as connection:
        connection.execute("SELECT")
    server.stop()
    server.start()

    with psycopg.connect(pooler.url("postgres"), connect_timeout=10) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_its_address_stays_the_same(server: EmbeddedPostgres) -> None:
    with Pooler(server, pgbouncer()) as pooler:
        before = pooler.url("postgres")
    with Pooler(server, pgbouncer()) as pooler:
        assert pooler.url("postgres") == before


def test_where_another_took_its_port_first_it_listens_on_another(server: EmbeddedPostgres) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with (
            Pooler(server, pgbouncer(), first_port=taken) as pooler,
            psycopg.connect(pooler.url("postgres")) as connection,
        ):
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert pooler.port != taken
            assert processes.accepts(pooler.port)


def test_its_files_are_its_own_and_it_ends_with_the_block(server: EmbeddedPostgres) -> None:
    with Pooler(server, pgbouncer()) as pooler:
        modes = {stat.S_IMODE((server.home / name).stat().st_mode) for name in ("pgbouncer.users", "pgbouncer.ini")}
        port = pooler.port

    assert modes == {0o600}
    assert (server.home / "password").read_text() not in (server.home / "pgbouncer.users").read_text()
    assert not processes.accepts(port)


def test_a_program_that_is_no_pgbouncer_is_told_with_the_way_out(server: EmbeddedPostgres) -> None:
    with pytest.raises(CannotRun, match=f"(?s)/bin/false did not start.*{SETTING}=off"):
        Pooler(server, Path("/bin/false")).__enter__()
