"""Child processes: started so that they die with the launcher, stopped without touching anybody else's."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from include.launcher.errors import CannotRun

CHILD = Path(__file__).with_name("child.py")
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class User:
    """The account a child runs as when the launcher is root and the child must not be."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """A running child, the leader of a session of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def is_running(self) -> bool:
        """Say whether the child is still there. It is not collected here: until it is, its number, which is also its
        session's, is given to no other process, so that `collect` cannot hit a stranger.
        """
        if self.process.returncode is not None:
            return False
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self.process.poll() is None
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the child to end; False when it has not in time."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while self.is_running():
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def collect(self) -> int:
        """Kill what is left of the child's session, the child included, and return its exit code."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def tail(self, lines: int = 25) -> str:
        """Return the last lines of the child's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def dying_with_launcher(
    command: Sequence[str], death_signal: int = signal.SIGTERM, user: User | None = None
) -> list[str]:
    """Wrap a command (its first word an absolute path) so that it ends when this process ends."""
    who = f"{user.uid}:{user.gid}" if user else "-"
    return [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), str(int(death_signal)), who, *command]


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: int = signal.SIGTERM,
    user: User | None = None,
) -> Child:
    """Start a child in a session of its own, so that Ctrl-C reaches the launcher alone. Call from the main thread only:
    Linux sends the death signal when the *thread* that started the child ends.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            dying_with_launcher(command, death_signal, user),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    return Child(name, process, log)


def stop(children: Sequence[Child], *, how: int = signal.SIGTERM, timeout_seconds: float = 8) -> None:
    """Ask all children to stop at once, again half-way (Airflow's triggerer needs it), then kill what is left."""
    deadline = time.monotonic() + timeout_seconds
    for patience_ends in (deadline - timeout_seconds / 2, deadline):
        for child in children:
            if child.is_running():
                os.kill(child.process.pid, how)
        for child in children:
            child.wait(max(0.0, patience_ends - time.monotonic()))
    for child in children:
        child.collect()


def free_port(besides: Collection[int] = ()) -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on now and that is not set aside already."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in besides:
            return port


def is_free(port: int) -> bool:
    """Say whether a TCP port of 127.0.0.1 can be listened on."""
    with socket.socket() as probe:
        # As servers do it: without this a port is refused for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remembered_port(file: Path) -> int:
    """Return the port that the file holds while it is free, else another free one, and keep it there."""
    before = int(file.read_text()) if file.exists() else 0
    port = before if before and is_free(before) else free_port()
    file.write_text(str(port))
    return port


def accepts(port: int) -> bool:
    """Say whether anything listens on a TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file; it is free again when this process ends, however it ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise CannotRun(f"{what} is already running here (process {owner}): stop it first, or use it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
