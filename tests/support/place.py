"""Where tasks under test work: one sandbox, one ledger, one strategies file, led to by the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from include.execution.steps.open_run import RunIdentity
from include.ledger.ledger import open_ledger
from include.sandbox.runner import Sandbox
from include.trading.account.row import Account
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.support.dags import write_strategies
from tests.support.tasks import connections


@dataclass
class Place:
    """contract: the sandbox's own; the connections may name another."""

    sandbox: Sandbox
    contract: str
    ledger_url: str
    strategies: Path
    monkeypatch: pytest.MonkeyPatch

    def connect(self, contract: str) -> None:
        for name, value in connections(self.sandbox, self.ledger_url, contract).items():
            self.monkeypatch.setenv(name, value)

    def trades(self, *strategies: Strategy | dict[str, Any]) -> None:
        write_strategies(self.strategies, *strategies)

    def run(self, identity: RunIdentity) -> Run:
        with open_ledger(self.ledger_url) as ledger:
            run = ledger.runs.get(identity.run_id)
        assert run is not None
        return run

    def answers(self, run_id: UUID) -> dict[str, Any]:
        with open_ledger(self.ledger_url) as ledger:
            return ledger.runs.answers(run_id)

    def orders(self, run: Run) -> list[Intent]:
        assert run.plan_id is not None
        with open_ledger(self.ledger_url) as ledger:
            return ledger.orders.of_plan(run.plan_id)

    def mappings(self, run_id: UUID) -> list[dict[str, Any]]:
        with open_ledger(self.ledger_url) as ledger:
            return ledger.runs.mappings(run_id)

    def account(self) -> Account:
        with open_ledger(self.ledger_url) as ledger:
            (account,) = ledger.accounts.all()
        return account

    def rows(self, table: str) -> int:
        with psycopg.connect(self.ledger_url) as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names of our own
        assert found is not None
        return int(found[0])
