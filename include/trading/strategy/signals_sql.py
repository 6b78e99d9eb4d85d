"""Signals from a database: `signals: {sql: …}`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from include.trading.strategy.signals_dated import ByName, SqlDated
from include.trading.strategy.signals_table import Seconds, TableSignals
from include.trading.strategy.values import ConnectionId

_DAY: Final = re.compile(r"%\((as_of_date|session)\)s")
_TOKENS: Final = re.compile(
    # What a semicolon, a word or a percent sign may stand in without being one: text, names in quotes, comments.
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|;",
    re.DOTALL,
)
# Reserved, so that none of them is the name of a column; a text in quotes may say anything.
_WRITES: Final = re.compile(
    r"\b(insert|update|delete|merge|truncate|drop|alter|create|grant|revoke|into|call|exec|execute)\b", re.IGNORECASE
)
_READS: Final = re.compile(r"\s*(?:\(\s*)*(select|with)\b", re.IGNORECASE)


def _query(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("one SELECT that answers a column symbol and one weight or score")
    bare = _TOKENS.sub(lambda found: ";" if found[0] == ";" else " ", value).strip()
    if not _READS.match(bare):
        raise ValueError("a query that begins with SELECT or WITH: signals are only read")
    if (writes := _WRITES.search(bare)) is not None:
        raise ValueError(f"a query that only reads, without {writes[0].upper()}")
    if ";" in bare.rstrip("; \n\t"):
        raise ValueError("one statement, without a semicolon inside")
    if "%" in _DAY.sub("", value).replace("%%", ""):
        raise ValueError("no percent sign but in %(as_of_date)s and %(session)s; write %% for one")
    return value.strip().rstrip(";").rstrip()


class SqlSignals(TableSignals):
    """A query to any database that Airflow has a connection to."""

    word: ClassVar[str] = "sql"

    connection: ConnectionId = Field(description="Airflow connection of the database; best with a role that only reads")
    query: Annotated[str, BeforeValidator(_query)] = Field(
        description="one SELECT; %(as_of_date)s and %(session)s stand for the days, as text like '2026-01-05'"
    )
    timeout_seconds: Seconds = Field(default=60, description="seconds after which the query is given up")
    dated: SqlDated = Field(
        default=ByName(),
        description="what says which day it is of: name (the query names it) | column | standing (until it is changed)",
    )

    @field_validator("query")
    @classmethod
    def _name_has_a_day(cls, query: str, info: ValidationInfo) -> str:
        if isinstance(info.data.get("dated"), ByName) and not _DAY.search(query):
            raise ValueError(
                "%(as_of_date)s or %(session)s in it, because `dated: name`, the default, says that it names the day"
            )
        return query

    @property
    def asked(self) -> str:
        return f"the query to {self.connection}"

    def at(self, as_of_date: date, session: date) -> str:
        """Return the query of a day. The days are ISO dates of ours, so nothing in them needs an escape."""
        days = {"as_of_date": as_of_date, "session": session}
        return _DAY.sub(lambda found: f"'{days[found[1]].isoformat()}'", self.query).replace("%%", "%")
