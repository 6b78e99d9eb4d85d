"""Signals from a function: `signals: {python: …}`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from include.trading.strategy.signals_dated import ByName, PythonDated
from include.trading.strategy.signals_table import Seconds, TableSignals
from include.trading.strategy.values import DottedName


class PythonSignals(TableSignals):
    """A function of your own, called in a process of its own."""

    word: ClassVar[str] = "python"

    function: DottedName = Field(
        description="module.name:function; it is given the request (symbols, as_of_date, session, held) and returns "
        "a list of dicts, a dict of weights, a DataFrame or a Series"
    )
    timeout_seconds: Seconds = Field(default=60, description="seconds after which its process is killed")
    dated: PythonDated = Field(
        default=ByName(),
        description="what says which day it is of: name (the function was asked for it) | column",
    )

    @property
    def asked(self) -> str:
        return f"the function {self.function}"
