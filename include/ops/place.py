"""Where the commands work: the ledger, the strategies file and the services that the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from getpass import getuser
from pathlib import Path

from include.adapters.connection import ConnectionParts
from include.execution.account_venues import AccountVenues, account_venues
from include.execution.assembly import Assembly
from include.execution.desk import Desk
from include.execution.settings import Settings, settings_from
from include.ledger.connection import url_from_environment
from include.ledger.ledger import Ledger, open_ledger
from include.trading.errors import InvalidData
from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.spec import Strategy

SHIPPED_STRATEGIES = Path(__file__).parents[1] / "config" / "strategies.yaml"


@dataclass(frozen=True)
class Place:
    """Everything is opened when it is asked for, so that a command needs only what it uses."""

    environ: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        return settings_from(self.environ)

    @cached_property
    def strategies(self) -> StrategyFile:
        given = self.environ.get("TRADING_STRATEGIES_FILE")
        return load_strategies(Path(given) if given else SHIPPED_STRATEGIES)

    @property
    def strategies_or_problem(self) -> StrategyFile | InvalidData:
        """The strategies file, or why it cannot be read: what a person does on duty must work then too."""
        try:
            return self.strategies
        except InvalidData as error:
            return error

    def strategy(self, id: str | None) -> Strategy:
        """Return the strategy of an id, or the only one there is."""
        found = {strategy.id: strategy for strategy in self.strategies.strategies}
        if id is None and len(found) == 1:
            return next(iter(found.values()))
        if id is None or id not in found:
            raise InvalidData(f"--strategy: expected one of {', '.join(found) or 'none, the file has none'}; got {id}")
        return found[id]

    @cached_property
    def assembly(self) -> Assembly:
        return Assembly(
            connections=self._connection,
            settings=self.settings,
            code_version=self.environ.get("TRADING_CODE_VERSION", "unknown"),
        )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with open_ledger(url_from_environment(self.environ)) as ledger:
            yield ledger

    @contextmanager
    def desk(self, ledger: Ledger, account: str, actor: str) -> Iterator[Desk]:
        """Open the gateway of an account; raises InvalidData saying why it cannot be reached."""
        venue = self.venues(ledger).venue(account)
        with self.assembly.desk_at(ledger, venue, actor=actor, correlation_id="ops") as desk:
            yield desk

    def venues(self, ledger: Ledger) -> AccountVenues:
        """Return what connections lead to which account, without the settings."""
        return account_venues(self._connection, self.strategies_or_problem, ledger)

    def account(self, ledger: Ledger, given: str | None) -> str:
        """Return the account given, or the only one there is; a name that nothing knows is refused.

        One that the ledger has needs no connection, no setting and no strategies file.
        """
        given = None if given is None else given.strip()
        kept = [row.account for row in ledger.accounts.all()]
        if given in kept:
            return given
        venues = self.venues(ledger)
        known = sorted({*venues.usable, *kept})
        if given is None and len(known) == 1:
            return known[0]
        if given is None or given not in known:
            got = "none was given" if given is None else f"got {given!r}"
            expected = f"--account: expected one of {', '.join(known) or 'none, nothing names any'}"
            raise InvalidData("; ".join([expected, got, *([] if given is None else venues.doubts(given))]))
        return given

    def _connection(self, connection_id: str) -> ConnectionParts:
        return ConnectionParts.from_environment(connection_id, self.environ)


def actor_named(given: str | None) -> str:
    """Return who acts: the name given, else the login name."""
    if given is not None:
        return given
    try:
        return getuser()
    except (KeyError, OSError):
        raise InvalidData(f"user {os.getuid()} has no login name: say who you are with --by NAME") from None
