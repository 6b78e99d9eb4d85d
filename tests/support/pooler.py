"""PgBouncer before the ledger, where this machine has one: a task takes a connection over instead of making one.

A new connection costs PostgreSQL more than the statements of an order do (docs/performance.md). Whole sessions are
lent: a client may do in one whatever it may do in PostgreSQL's own. One that comes back in order is reset, one whose
client died is closed, and with it end its transaction and locks.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from include.launcher import processes
from include.launcher.errors import CannotRun
from include.launcher.postgres import ROLE, EmbeddedPostgres
from include.launcher.postgres_install import server_user
from include.launcher.settings import write_private

SETTING, OFF = "TRADING_PGBOUNCER", "off"
# Debian keeps it where only root's PATH looks.
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
START_TIMEOUT_SECONDS = 20
MOST_PORTS = 5
TAKEN = "Address already in use"
# Far more than tasks at once, pages and commands; below PostgreSQL's own limit of 100, which Airflow shares.
MOST_CONNECTIONS = 40
CONFIGURATION = """\
[databases]
* = host={server_host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {sockets}
auth_type = scram-sha-256
auth_file = {users}
admin_users = {role}
pool_mode = session
server_reset_query = DISCARD ALL
server_login_retry = 1
default_pool_size = {most_connections}
log_connections = 0
log_disconnections = 0
"""


def find_pooler() -> Path | None:
    """Return the pgbouncer to run: TRADING_PGBOUNCER, else the one on this machine; None for none, or for `off`."""
    chosen = os.environ.get(SETTING)
    if chosen == OFF:
        return None
    if chosen:
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise CannotRun(f"{SETTING} must be the path of a pgbouncer, or {OFF}; it is {chosen!r}.")
        return Path(chosen)
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *MORE_FOLDERS))
    found = shutil.which("pgbouncer", path=folders)
    return Path(found) if found else None


class Pooler:
    """One PgBouncer for one server: `with Pooler(server, find_pooler()) as pooler: pooler.url("trading")`."""

    def __init__(self, server: EmbeddedPostgres, binary: Path, *, first_port: int | None = None) -> None:
        """first_port: tried first, free or not; None is the port from before while that is free, else any free one."""
        self._server = server
        self._binary = binary
        self._first_port = first_port
        self.port = 0
        self.child: processes.Child | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it and wait until it is gone; open connections are cut."""
        if self.child:
            processes.stop([self.child])
            self.child = None

    def url(self, database: str) -> str:
        """Return the URL of one of the server's databases by way of the pool; "pgbouncer" is its own console."""
        if self._server.sockets is not None:
            return self._server.url_in(self._server.sockets, self.port, database)
        parts = urlsplit(self._server.url(database))
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{self.port}"))

    def _start(self) -> None:
        """Start it on a port of its own. A free one may be taken before it listens there; then on another."""
        self.port = self._first_port or processes.remembered_port(self._server.home / "pgbouncer.port")
        for _ in range(MOST_PORTS):
            if self._listens(self._start_there()):
                return
            self.stop()
            self.port = processes.free_port()
            (self._server.home / "pgbouncer.port").write_text(str(self.port))
        raise CannotRun(f"{self._binary} found each of {MOST_PORTS} free ports taken when it began to listen.")

    def _start_there(self) -> processes.Child:
        home, user = self._server.home, server_user(self._server.home)
        users, configuration = home / "pgbouncer.users", home / "pgbouncer.ini"
        # The secret as PostgreSQL keeps it: with the password both sides would compute it again at every login.
        write_private(users, f'"{ROLE}" "{self._secret()}"\n')
        write_private(
            configuration,
            CONFIGURATION.format(
                server_host=self._server.sockets or "127.0.0.1",
                server_port=self._server.port,
                sockets=self._server.sockets or "",
                port=self.port,
                users=users,
                role=ROLE,
                most_connections=MOST_CONNECTIONS,
            ),
        )
        if user:
            for file in (users, configuration):
                os.chown(file, user.uid, user.gid)
        self.child = processes.start(
            "pgbouncer", [str(self._binary), str(configuration)], log=home / "pgbouncer.log", cwd=home, user=user
        )
        return self.child

    def _secret(self) -> str:
        import psycopg

        with psycopg.connect(self._server.url("postgres")) as connection:
            query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
            ((secret,),) = connection.execute(query, [ROLE]).fetchall()
        return str(secret)

    def _listens(self, child: processes.Child) -> bool:
        """Return once a session came by way of the pool; False when the port was another's by then.

        By its log: with a socket it goes on without the port, and on the port another answers.
        """
        import psycopg

        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while True:
            # In this order: what it says last it says before it ends.
            is_running, log = child.is_running(), child.tail()
            if "process up" in log or (TAKEN in log and not is_running):
                break
            if not is_running or time.monotonic() > deadline:
                raise CannotRun(f"{self._binary} did not start, {child.log} says:\n{child.tail(10)}\n{_way_out()}")
            time.sleep(processes.POLL_SECONDS)
        if TAKEN in log:
            return False
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=START_TIMEOUT_SECONDS) as connection:
                connection.execute("SELECT")
        except psycopg.OperationalError as error:
            raise CannotRun(
                f"{self._binary} gives no connection to PostgreSQL ({str(error).strip()}), {child.log} says:\n"
                f"{child.tail(10)}\n{_way_out()}"
            ) from error
        return True


def _way_out() -> str:
    return f"PgBouncer 1.14 or newer is needed; {SETTING}={OFF} goes without."
