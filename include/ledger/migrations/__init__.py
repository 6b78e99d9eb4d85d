"""Migrations of the ledger: Alembic, SQL first, an own version table, one runner at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from include.trading.errors import InvalidData

VERSION_TABLE = "alembic_version_trading"
NEWEST = "0020"
_LOCK = 7_302_118_406  # any number nobody else locks in this database


def migrate(url: str) -> str:
    """Bring the ledger at `url` (postgresql://…) to the newest version; return that version.

    A second runner waits for the first. Raises InvalidData when the database cannot be reached.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    engine = create_engine(_psycopg_url(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise InvalidData(
            f"the ledger's database did not answer: {str(error.orig).strip()}; "
            "check the connection trading_ledger (AIRFLOW_CONN_TRADING_LEDGER)"
        ) from error
    return NEWEST


def _psycopg_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgres", "postgresql"):
        raise InvalidData(f"the ledger needs a postgresql:// URL, not {scheme!r}")
    return f"postgresql+psycopg://{rest}"


def check_version(connection: Any) -> None:
    """Raise InvalidData unless the database behind a psycopg connection has the version this code expects."""
    found = connection.execute("SELECT to_regclass(%s) AS found", [VERSION_TABLE]).fetchone()
    version = None
    if found["found"] is not None:
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608  a constant
        version = row and row["version_num"]
    if version != NEWEST:
        raise InvalidData(
            f"the ledger's tables are at version {version or 'none'}, this code expects {NEWEST}: "
            "run `python -m include.ops migrate`"
        )
