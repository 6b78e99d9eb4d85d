"""A person on duty in tests: an engine whose alerts arrive in an inbox, and the watchdog's look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from include.adapters.notify.channels import channels_of
from include.adapters.venues.gateway.client import GatewayReader
from include.execution.alerts.delivery import send_alerts
from include.execution.duty.watchdog import Findings, Watchdog, Watched
from include.execution.settings import Settings
from include.sandbox.runner import Sandbox
from include.trading.order.row import Intent
from include.trading.ports import VenueReader
from include.trading.run.row import Run
from tests.support.engine import FAST, Engine, sandbox_strategy
from tests.support.inbox import Inbox

AT_ONCE = Settings.model_validate(FAST.model_dump() | {"alert_quiet_seconds": 0})
QUIET = Settings.model_validate(FAST.model_dump() | {"alert_quiet_seconds": 3000})


@dataclass
class Duty:
    """An engine whose alerts arrive in an inbox."""

    engine: Engine
    sandbox: Sandbox
    inbox: Inbox

    def send(self, settings: Settings = AT_ONCE) -> list[str]:
        """Send what waits and return the titles of the messages that came by it."""
        before = len(self.inbox.messages)
        self.send_to(self.inbox.url, settings=settings)
        return self.inbox.titles[before:]

    def send_to(self, *urls: str, settings: Settings = AT_ONCE) -> int:
        """Send what waits to these addresses and return how many messages arrived."""
        config = [{"path": url} for url in urls]
        with self.engine.ledger() as ledger:
            return send_alerts(ledger, settings, lambda: channels_of(config), base_url="http://airflow.example")

    def plan(self, name: str = "one", **strategy: Any) -> tuple[Run, list[Intent]]:
        return self.engine.plan(self.engine.identity(name), sandbox_strategy(**strategy))

    def watch(
        self,
        *strategies: Watched,
        later: timedelta = timedelta(0),
        others: dict[str, Callable[[], VenueReader]] | None = None,
        file_problem: str | None = None,
    ) -> Findings:
        """Look once. others: gateways of accounts besides the sandbox's."""
        engine = replace(self.engine, clock_offset=self.engine.clock_offset + later)
        with engine.ledger() as ledger:
            return Watchdog(
                ledger=ledger,
                assembly=engine.assembly(),
                gateways={
                    **(others or {}),
                    "sandbox": lambda: GatewayReader(
                        engine.endpoint("execution_gateway"), correlation_id="test", retry_delays_seconds=(0.02,)
                    ),
                },
                strategies=strategies,
                file_problem=file_problem,
            ).look()
