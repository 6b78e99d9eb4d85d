"""How values go into the ledger and come out: text as PostgreSQL can store it, numbers as they were written."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.types.json import set_json_dumps
from psycopg.types.numeric import NumericLoader
from psycopg.types.string import StrDumperUnknown

from include.trading.numbers import number
from include.trading.text import clean, clean_json


class _PlainNumber(NumericLoader):
    """Reads a number without the zeros that its column's scale adds, so that it is shown as it was written."""

    def load(self, data: Buffer) -> Decimal:
        return number(bytes(data).decode())


class _CleanText(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(clean(obj))


def store_clean_text(connection: Connection[Any]) -> None:
    """Make every text and every JSON value that the connection is given clean on its way to the server."""
    connection.adapters.register_dumper(str, _CleanText)
    set_json_dumps(_dumps, connection)


def read_plain_numbers(connection: Connection[Any]) -> None:
    """Make the connection read 817.000000000 as 817."""
    connection.adapters.register_loader("numeric", _PlainNumber)


def _dumps(value: Any) -> str:
    return json.dumps(clean_json(value))
