"""A strategy that trades whatever its signals name must be alone on its account, whatever its connection is called."""

from __future__ import annotations

from typing import Any

import pytest

from include.adapters.connection import ConnectionParts
from include.execution.assembly import Assembly
from include.execution.preflight import not_alone
from include.execution.settings import Settings
from include.trading.strategy.spec import Strategy
from tests.support.strategies import made

FILE = {"file": {"path": "/w.csv", "dated": "standing"}}
ACCOUNTS = {"first": "main", "second": "main", "third": "other"}


def strategy(id: str, venue: str, **changes: Any) -> Strategy:
    return made({"id": id, "venue": venue, "signals": FILE, "capital": 1000}, **changes)


def connections(connection_id: str) -> ConnectionParts:
    extra = {"account": ACCOUNTS[connection_id], "contract": "v2"}
    return ConnectionParts(connection_id, conn_type="http", host="http://gateway", extra=extra)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([], []),
        ([strategy("second", "third")], []),
        ([strategy("second", "second", symbols=["AAPL"])], ["strategy any"]),
        ([strategy("second", "second")], ["strategy any", "strategy second"]),
    ],
)
def test_another_strategy_of_its_account_is_told(others: list[Strategy], told: list[str]) -> None:
    assembly = Assembly(connections=connections, settings=Settings(), code_version="test")

    findings = list(not_alone([strategy("any", "first"), *others], assembly))

    assert [finding.subject for finding in findings] == told
    assert all(finding.next_step for finding in findings)
