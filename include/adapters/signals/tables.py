"""What a source that answers with a table is made of: reading is its own, everything after that is the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from include.adapters.signals.content import Content
from include.trading.depth import TOO_DEEP, is_too_deep
from include.trading.errors import BadAnswer
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest
from include.trading.signals.answer import Given, answer_of
from include.trading.signals.table import Table, decode, from_value
from include.trading.strategy.signals_table import TableSignals
from include.trading.text import clean

# Of what was refused so much is kept.
MOST_KEPT = 100_000


class Opened:
    """A source that holds nothing open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def answered_by_file(url: str, content: Content, spec: TableSignals, ask: SignalRequest) -> SignalSet:
    """Return the signals of a file; raises BadAnswer, with its text, for one that is not what was asked for."""
    try:
        given = Given(table_of(content.content), url, content.sha256, content.modified_at)
        return answer_of(given, spec, ask, datetime.now(UTC))
    except ValueError as error:
        # Text that is none would fill the ledger with replacement characters.
        text = content.content[:MOST_KEPT].decode("utf-8", "ignore")
        raise BadAnswer(f"{url}: {error}", clean(text)) from error


def answered_by_rows(
    source: str, names: Sequence[str], rows: Sequence[Sequence[Any]], spec: TableSignals, ask: SignalRequest
) -> SignalSet:
    """Return the signals of a query's rows; raises BadAnswer, with the rows, when they are not what was asked for."""
    return _answered(source, Table(tuple(names), rows), spec, ask)


def answered_by_value(source: str, value: Any, spec: TableSignals, ask: SignalRequest) -> SignalSet:
    """Return the signals of what a function returned; raises BadAnswer, with it, when it is not what was asked for."""
    if is_too_deep(value):
        # It cannot be written as JSON either, to be kept.
        raise BadAnswer(f"{source}: expected rows, found that {TOO_DEEP}", "")
    try:
        table = from_value(value)
    except ValueError as error:
        raise BadAnswer(f"{source}: {error}", _text(value)[:MOST_KEPT]) from error
    return _answered(source, table, spec, ask)


def fingerprint(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the hash of rows; their order, which a query need not keep, does not count."""
    lines = [_text(list(names)), *sorted(_text(list(row)) for row in rows)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _answered(source: str, table: Table, spec: TableSignals, ask: SignalRequest) -> SignalSet:
    names = table.header or ()
    given = Given(table, source, fingerprint(names, table.rows))
    try:
        return answer_of(given, spec, ask, datetime.now(UTC))
    except ValueError as error:
        came = _text([list(names), *map(list, table.rows)])
        raise BadAnswer(f"{source}: {error}", came[:MOST_KEPT]) from error


def _text(came: Any) -> str:
    return clean(json.dumps(came, default=str))


def table_of(content: bytes) -> Table:
    """Return the table of a file by what is in it, whatever its name; raises ValueError."""
    if content[:4] == b"PAR1":
        from include.adapters.signals.parquet import from_parquet

        return from_parquet(content)
    return decode(content)
