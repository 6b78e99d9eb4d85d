"""What `paper` does with the ledger before it trades: look, settle whose the positions are, make a plan to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from include.adapters.venues.registry import VenueAt
from include.execution.duty.account import adopt
from include.execution.duty.corrections import correct
from include.execution.preflight import blockers, check
from include.execution.preflight.finding import Finding
from include.execution.preflight.gateways import unexplained
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import RunIdentity, open_run, read_run, strategy_of
from include.launcher import report
from include.launcher.errors import CannotRun
from include.ops.place import Place
from include.trading.account.corrections import Quantity
from include.trading.errors import TradingError
from include.trading.numbers import shares
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy

ACTOR = "make paper"
MOST_ORDERS = 1024
POSITIONS = ("adopt", "correct")
OPTIONS = """  adopt    leave them alone: the strategy trades beside them
  correct  give them to the strategy: it sells what its weights do not have
"""


class Desk:
    """The strategy's account and ledger, by the connections of an environment."""

    def __init__(self, env: Mapping[str, str], strategy: Strategy) -> None:
        self._place, self._strategy, self._ledger_url = Place(env), strategy, env["AIRFLOW_CONN_TRADING_LEDGER"]

    @cached_property
    def venue(self) -> VenueAt:
        return self._place.assembly.venue(self._strategy.venue)

    def held(self) -> dict[str, Decimal]:
        """Return what the account holds and no book explains; raises CannotRun when it cannot be asked."""
        with self._place.ledger() as ledger:
            ledger.accounts.ensure(self.venue.account)
            try:
                with self.venue.reader(correlation_id="paper") as reader:
                    found = unexplained(ledger, reader, self.venue.account)
            except TradingError as error:
                raise CannotRun(f"The account's positions cannot be read: {error}") from error
        return {symbol: actual - expected for symbol, (actual, expected) in found.items()}

    def take_over(self, held: Mapping[str, Decimal], how: str) -> None:
        """Leave what is held alone (adopt), or give it to the strategy (correct)."""
        reason = f"held before {self._strategy.id} began to trade"
        account = self.venue.account
        try:
            with self._place.ledger() as ledger, self._place.desk(ledger, account, ACTOR) as desk:
                for symbol, quantity in held.items():
                    if how == "adopt":
                        adopt(desk, account, symbol, reason=reason)
                    else:
                        correct(desk, account, self._strategy.id, symbol, Quantity(quantity), reason=reason)
        except TradingError as error:
            raise CannotRun(f"The positions stay as they are: {error}") from error

    def problems(self) -> list[Finding]:
        """Return what would stop the next run, as `ops check` finds it."""
        with self._place.ledger() as ledger:
            return blockers(check(ledger, self._place.strategies, self._place.assembly, ledger.now()))

    def plan(self, now: datetime) -> str:
        """Make the plan of the session to come as a run that never sends, and return it as text.

        Raises CannotRun with the reason where no plan can be made.
        """
        strategy, assembly = self._strategy, self._place.assembly
        name = f"paper_preview__{now.isoformat()}"
        identity = RunIdentity(strategy.dag_id, name, "manual", None, now)
        with self._place.ledger() as ledger, self.venue.reader(correlation_id="paper") as reader:
            try:
                run = open_run(
                    ledger,
                    identity,
                    strategy,
                    RunRequest(mode="plan", reason="shown by make paper"),
                    account=self.venue.account,
                    code_version=assembly.code_version,
                )
                desk = assembly.desk(ledger, run.account, reader, actor=ACTOR)
                options = {"correlation_id": str(run.run_id)}
                with assembly.signals(strategy_of(run), **options) as source:
                    signals = fetch_signals(desk, source, run)
                with assembly.prices(strategy_of(run), **options) as market:
                    map_orders(desk, market, run, signals.signals if signals else (), most_orders=MOST_ORDERS)
                close_run(desk, read_run(ledger, run.run_id))
            except TradingError as error:
                raise CannotRun(f"No plan can be made: {error}") from error
        found = report.read_run(self._ledger_url, strategy.dag_id, name)
        if found is None:
            raise CannotRun(f"The ledger has no run {name} of {strategy.dag_id}: it was planned a moment ago.")
        return report.render(*found)


def settle_positions(desk: Desk, choice: str | None, ask: Callable[[str], str]) -> None:
    """Ask whose the positions are that the account holds already, and book the answer."""
    held = desk.held()
    if not held:
        return
    words = ", ".join(f"{shares(quantity)} {symbol}" for symbol, quantity in sorted(held.items()))
    if choice is None:
        choice = ask(f"\nThe account holds already: {words}.\n{OPTIONS}adopt or correct? ").strip().lower()
    if choice not in POSITIONS:
        raise CannotRun(f"Expected {' or '.join(POSITIONS)}, found {choice!r}: answer again, or set POSITIONS=adopt.")
    desk.take_over(held, choice)
    print(f"{words}: {'left alone' if choice == 'adopt' else 'the strategy holds them now'}.")


def lines_of(findings: list[Finding]) -> list[str]:
    return [f"  {finding.subject}, {finding.name}: {finding.value}\n    → {finding.next_step}" for finding in findings]
