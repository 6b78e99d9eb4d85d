"""Databases for tests: one server a session, one fresh database a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from include.launcher.postgres import EmbeddedPostgres
from include.ledger import migrations


@contextmanager
def temporary_server_url() -> Iterator[str]:
    """Run a server in a folder of its own that is gone afterwards; yields the URL of its database `postgres`."""
    with temporary_home() as home, EmbeddedPostgres(home, durable=False) as server:
        yield server.url("postgres")


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Make a folder that every user can enter: pytest's own folders are closed, and root's server runs as another."""
    home = Path(tempfile.mkdtemp(prefix="trading-test-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def migrate_to(url: str, version: str) -> None:
    """Bring an empty database to a version of the ledger that is not the newest."""
    engine = create_engine(f"postgresql+psycopg://{url.partition('://')[2]}", poolclass=NullPool)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def copy_rows(source_url: str, target_url: str) -> None:
    """Copy what a ledger holds into the tables of an older version, as far as that has them."""
    with psycopg.connect(source_url) as source, psycopg.connect(target_url) as target:
        target.execute("SET session_replication_role = replica")
        columns = target.execute(
            """
            SELECT table_name, json_object_agg(column_name, udt_name ORDER BY ordinal_position),
                   bool_or(is_identity = 'YES')
            FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name NOT IN ('ledger_identity', 'alembic_version_trading')
            GROUP BY table_name
            """
        ).fetchall()
        kept = {
            (row[0], row[1])
            for row in source.execute("SELECT table_name, column_name::TEXT FROM information_schema.columns").fetchall()
        }
        for table, older, numbered in columns:
            names = [name for name in older if (table, name) in kept]
            listed = sql.SQL(", ").join(map(sql.Identifier, names))
            table_name = sql.Identifier(table)
            # A column may have another type since: what was a whole number is written as one.
            typed = sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Identifier(name), sql.Identifier(older[name])) for name in names
            )
            read = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(typed, table_name)
            write = sql.SQL("COPY {} ({}) FROM STDIN").format(table_name, listed)
            with source.cursor().copy(read) as rows, target.cursor().copy(write) as into:
                for row in rows:
                    into.write(row)
            if numbered:
                target.execute(
                    sql.SQL(
                        "SELECT setval(pg_get_serial_sequence({}, 'id'), 1 + COALESCE((SELECT max(id) FROM {}), 0))"
                    ).format(sql.Literal(table), table_name)
                )


def database_name(url: str) -> str:
    """Return the name of the database a URL ends in."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def fresh_database(admin_url: str, template: str = "template1") -> Iterator[str]:
    """Make a database, copied from the template, and drop it afterwards; yields its URL."""
    name = f"test_{os.getpid()}_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        # FILE_COPY: five times as fast as the default for databases this small.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def settle_in(url: str) -> None:
    """Let a copied ledger take this database for its own; a copy takes itself for a restored one."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE ledger_identity SET identity = current_ledger_identity()")
