"""Signals from a file: `signals: {file: …}`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from include.trading.strategy.signals_dated import ByColumn, ByName, FileDated
from include.trading.strategy.signals_table import TableSignals
from include.trading.strategy.values import ConnectionId

_DAY: Final = re.compile(r"\{(as_of_date|session)(?::([^{}]*))?\}")
_PLACE: Final = re.compile(r"/|[A-Za-z][A-Za-z0-9+.\-]+://[^/]")


def _path(value: Any) -> Any:
    if not isinstance(value, str) or not _PLACE.match(value):
        raise ValueError("an absolute path like /data/{as_of_date}.csv, or a URL like s3://bucket/{as_of_date}.csv")
    if re.search(r"[{}]", _DAY.sub("", value)):
        raise ValueError("no braces but {as_of_date} and {session}, perhaps as {as_of_date:%Y%m%d}")
    return value


class FileSignals(TableSignals):
    """A file of CSV, JSON or Parquet, here or in an object store."""

    word: ClassVar[str] = "file"

    path: Annotated[str, BeforeValidator(_path)] = Field(
        description="absolute path or URL; {as_of_date} and {session} stand for the days, {session:%Y%m%d} formats one"
    )
    connection: ConnectionId | None = Field(
        default=None, description="Airflow connection of the object store; by default none"
    )
    dated: FileDated = Field(
        default=ByColumn(),
        description="what says which day it is of: column | name (the path) | event (the one that started the run) | "
        "{modified_within_hours: 20} (never in a replay) | standing (until it is changed)",
    )

    @field_validator("path")
    @classmethod
    def _name_has_a_day(cls, path: str, info: ValidationInfo) -> str:
        if isinstance(info.data.get("dated"), ByName) and not _DAY.search(path):
            raise ValueError("{as_of_date} or {session} in it, because `dated: name` says that it names the day")
        return path

    @property
    def asked(self) -> str:
        return f"the file {self.path}"

    def at(self, as_of_date: date, session: date) -> str:
        """Return the path of a day."""
        days = {"as_of_date": as_of_date, "session": session}
        return _DAY.sub(lambda found: format(days[found[1]], found[2] or "%Y-%m-%d"), self.path)
