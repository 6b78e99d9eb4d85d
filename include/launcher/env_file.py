"""The .env of docker compose: the example with every secret made, once; never written over."""

from __future__ import annotations

import secrets
from pathlib import Path

from include.launcher.errors import CannotRun
from include.launcher.settings import new_fernet_key, read_env_file, write_private

EXAMPLE = Path("docker") / "env.example"


def ensure_env_file(root: Path) -> str:
    """Write root/.env, only its owner may read it; return the sentence to show.

    A file that is there is left as it is.  Raises CannotRun when it lacks a name that this version needs.
    """
    example, target = root / EXAMPLE, root / ".env"
    if target.exists():
        missing = sorted(read_env_file(example).keys() - read_env_file(target).keys())
        if missing:
            raise CannotRun(
                f"{target} lacks {', '.join(missing)}: add them as {example} has them, and fill in secrets."
            )
        return f"{target} is there already and stays as it is."
    write_private(target, "".join(_filled(line) for line in example.read_text().splitlines(keepends=True)))
    return (
        f"{target} is written, with new secrets (the login is admin, AIRFLOW_ADMIN_PASSWORD). Keep a copy of it in a "
        "safe place: without FERNET_KEY a backup's connections cannot be read."
    )


def _filled(line: str) -> str:
    """Return the line with a secret made for a name without a value. Hex, so that it fits into a URL as it is."""
    name, equals, value = line.strip().partition("=")
    if line.startswith("#") or not equals or value:
        return line
    return f"{name}={new_fernet_key() if name == 'FERNET_KEY' else secrets.token_hex(32)}\n"
