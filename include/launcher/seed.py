"""Past sessions for the demo: a run a week against the sandbox, at the time it would have had, and each session's book.

Runs are real, so that each takes a good part of a second; a week between them keeps the start of the demo short.
Only for an embedded ledger that has no plan yet, and for a strategy that trades with the sandbox alone. The clocks of
ledger and sandbox are moved back, so that orders, fills and positions agree at both sides and an audit passes.
Runs in a process of its own: `python -m include.launcher.seed ADMIN_URL SESSIONS`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from include.adapters.connection import ConnectionParts
from include.execution.assembly import Assembly
from include.execution.orders.flips import second_leg
from include.execution.orders.submit import submit_order
from include.execution.results.look import close_account
from include.execution.settings import Settings
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import RunIdentity, open_run, read_run
from include.execution.steps.track_fills import track_for
from include.launcher.strategies import strategies_of, strategies_path
from include.ledger.ledger import open_ledger
from include.sandbox.runner import AdminClient
from include.sandbox.settings import Settings as SandboxSettings
from include.trading.calendar.sessions import Session, calendar_of
from include.trading.order.row import Intent
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy

SESSIONS: Final = 60
# From one run to the next.
WEEK: Final = 5
SETTING: Final = "SEED"
_LEDGER: Final = "AIRFLOW_CONN_TRADING_LEDGER"
# Nothing is waited for: the sandbox fills at once.
_QUICK: Final = Settings(fast_poll_seconds=5, poll_every_seconds=0.01, price_patience_seconds=0)
_ACTOR: Final = "demo"


def wanted(given: Mapping[str, str], strategy: Strategy, *, embedded: bool) -> int:
    """Return how many sessions to seed: none for a ledger or a venue of the user's own, nor with SEED=0."""
    text = given.get(SETTING, str(SESSIONS))
    number = int(text) if text.isdigit() else SESSIONS
    own_venue = f"AIRFLOW_CONN_{strategy.venue.upper()}" in given
    fits = embedded and strategy.sandbox_only and strategy.mode == "paper" and not own_venue
    return min(number, 250) if fits else 0


def seed(environ: Mapping[str, str], strategy: Strategy, admin: AdminClient, sessions: int) -> int:
    """Trade in the sessions before the current one, and close their books; return how many. A used ledger stays."""
    assembly = Assembly(
        connections=lambda id: ConnectionParts.from_environment(id, environ),
        settings=_QUICK,
        code_version=environ.get("TRADING_CODE_VERSION", "unknown"),
    )
    with open_ledger(environ[_LEDGER]) as ledger:
        if ledger.results.has_plans():
            return 0
    now = datetime.now(UTC)
    calendar = calendar_of(strategy, now)
    past: list[Session] = []
    day = calendar.current(now).day
    for _ in range(sessions):
        past.append(calendar.previous(day))
        day = past[-1].day
    seeder = _Seeder(environ[_LEDGER], assembly, strategy, admin)
    try:
        for week in weeks(past[::-1]):
            seeder.trade(week[0])
            seeder.close(week[-1])
    finally:
        usual = SandboxSettings.model_fields["fill_after_seconds"].default
        admin.settings(clock_offset_seconds=0, fill_after_seconds=usual)
    return len(past)


def weeks(sessions: Sequence[Session]) -> list[Sequence[Session]]:
    """Return the sessions in weeks, each to begin with a run; the last is the newest session alone, which has one."""
    begin = [number for number in range(len(sessions)) if number == 0 or (len(sessions) - 1 - number) % WEEK == 0]
    return [sessions[first:end] for first, end in zip(begin, [*begin[1:], len(sessions)], strict=True)]


class _Seeder:
    def __init__(self, ledger_url: str, assembly: Assembly, strategy: Strategy, admin: AdminClient) -> None:
        self.ledger_url, self.assembly, self.strategy, self.admin = ledger_url, assembly, strategy, admin
        self.venue = assembly.venue(strategy.venue)

    def trade(self, session: Session) -> None:
        """Do the session's run."""
        moment = session.open + timedelta(minutes=5)
        offset = self._go_to(moment)
        with (
            open_ledger(self.ledger_url, clock_offset=offset) as ledger,
            self.venue.venue(correlation_id="seed") as opened,
        ):
            run = open_run(
                ledger,
                RunIdentity(self.strategy.dag_id, f"seed__{session.day}", "manual", None, moment),
                self.strategy,
                RunRequest(),
                account=self.venue.account,
                code_version=self.assembly.code_version,
            )
            desk = self.assembly.desk(ledger, self.venue.account, opened, actor=_ACTOR)
            with (
                self.assembly.signals(self.strategy, correlation_id="seed") as signals,
                self.assembly.prices(self.strategy, correlation_id="seed") as prices,
            ):
                found = fetch_signals(desk, signals, run)
                intents = map_orders(desk, prices, run, found.signals if found else (), most_orders=1024)
            by_symbol: dict[str, list[Intent]] = {}
            for intent in intents:
                by_symbol.setdefault(intent.symbol, []).append(intent)
            for legs in by_symbol.values():
                first, *second = sorted(legs, key=lambda leg: leg.leg)
                sent = submit_order(desk, first.plan_id, first.client_order_id)
                for leg in second:
                    if second_leg(desk, sent, leg.client_order_id) == "go":
                        submit_order(desk, leg.plan_id, leg.client_order_id)
            run = read_run(ledger, run.run_id)
            track_for(desk, run, seconds=5)
            close_run(desk, run)
            ledger.alerts.keep_unsent()

    def close(self, session: Session) -> None:
        """Close the books until this session, which is over."""
        offset = self._go_to(session.close + timedelta(minutes=20))
        with open_ledger(self.ledger_url, clock_offset=offset) as ledger:
            # What happened has today's times in the ledger, whatever clock it was done by.
            close_account(
                ledger,
                self.assembly,
                self.venue.account,
                [self.strategy],
                actor=_ACTOR,
                before=datetime.now(UTC) + timedelta(days=1),
            )

    def _go_to(self, moment: datetime) -> timedelta:
        offset = moment - datetime.now(UTC)
        self.admin.settings(clock_offset_seconds=offset.total_seconds(), fill_after_seconds=0)
        return offset


if __name__ == "__main__":
    _strategy = strategies_of(strategies_path(os.environ))[0]
    _done = seed(os.environ, _strategy, AdminClient(sys.argv[1]), int(sys.argv[2]))
    print(f"{_done} sessions", flush=True)
