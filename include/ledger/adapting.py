"""How values go into the ledger: text always as PostgreSQL can store it, no matter who wrote it."""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.types.json import set_json_dumps
from psycopg.types.string import StrDumperUnknown

from include.trading.text import clean, clean_json


class _CleanText(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(clean(obj))


def store_clean_text(connection: Connection[Any]) -> None:
    """Make every text and every JSON value that the connection is given clean on its way to the server."""
    connection.adapters.register_dumper(str, _CleanText)
    set_json_dumps(_dumps, connection)


def _dumps(value: Any) -> str:
    return json.dumps(clean_json(value))
