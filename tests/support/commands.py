"""The commands for the person on duty, called as they are typed, and the runs they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from include.execution import faultpoints as points
from include.execution.desk import stop_trading
from include.ops.main import main
from include.sandbox.runner import Sandbox
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.engine import Engine, sandbox_strategy

STRATEGIES = """
strategies:
  - {id: daily_trading, schedule: session, mode: paper, sandbox_only: true, market_hours: false,
     symbols: [AAPL, MSFT, JPM, XOM, KO], signals: {service: {top_n: 2, bottom_n: 2}},
     capital: 100000, max_position_size: 10000, limits: {order_shares: off}}
"""
REASON = ("--reason", "seen at the broker", "--by", "ann")


class WorkerDied(Exception):
    """Ends a worker at a point, as a kill would."""


@dataclass
class Duty:
    """The commands, and the runs they are about."""

    engine: Engine
    sandbox: Sandbox
    environ: dict[str, str]
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def ops(self, *argv: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(argv, self.environ)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *argv: str) -> Any:
        _, out, err = self.ops(*argv, "--json")
        assert not err
        return json.loads(out)

    def blocker(self) -> dict[str, str]:
        """Return the one thing that would stop tomorrow's run."""
        stops = self.json("check")["blockers"]
        assert len(stops) == 1, stops
        return dict(stops[0])

    def trade(self, name: str = "one") -> Run:
        return self.engine.run(name, sandbox_strategy())

    def planned(self, name: str = "one") -> list[Intent]:
        _, intents = self.engine.plan(self.engine.identity(name), sandbox_strategy())
        return intents

    def lose(self, fault: str, count: int = 1) -> list[Intent]:
        """Plan, and send the first orders so that their outcome is not known."""
        intents = self.planned()[:count]
        # However slow the machine is, no look-up of this worker proves an absence.
        unproven = self.engine.settings.model_copy(update={"absent_proof_seconds": 3600})
        engine = replace(self.engine, settings=unproven)
        for intent in intents:
            self.sandbox.admin.fault(fault, times=1)
            claims = iter([False, True])

            def die(point: str, claims: Iterator[bool] = claims) -> None:
                if point == "before_claim" and next(claims):
                    raise WorkerDied

            with self.monkeypatch.context() as patch:
                patch.setattr(points, "on_reach", die)
                with pytest.raises(WorkerDied):
                    engine.submit(intent.client_order_id)
            assert self.order(intent).state == "unknown"
        return intents

    def order(self, intent: Intent) -> Intent:
        with self.engine.ledger() as ledger:
            found = ledger.orders.get(intent.client_order_id)
        assert found is not None
        return found

    def break_account(self, message: str = "the books differ") -> None:
        with self.engine.desk() as desk:
            desk.ledger.accounts.ensure("sandbox")
            stop_trading(desk, "sandbox", "position_mismatch", "today", message, symbol="AAPL")

    def state(self) -> str:
        with self.engine.ledger() as ledger:
            row = ledger.accounts.get("sandbox")
        assert row is not None
        return row.state
