"""Where the commands work: the ledger, the strategies file and the services that the environment names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from getpass import getuser
from pathlib import Path

from include.adapters.http.endpoint import Endpoint, ServiceName
from include.adapters.venues.gateway.client import GatewayClient
from include.execution.desk import Desk
from include.execution.settings import Settings, settings_from
from include.ledger.connection import url_from_environment
from include.ledger.ledger import Ledger, open_ledger
from include.trading.errors import InvalidData, TradingError
from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.spec import Strategy

SHIPPED_STRATEGIES = Path(__file__).parents[1] / "config" / "strategies.yaml"
DEFAULT_GATEWAY = "execution_gateway"


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

    def strategy(self, id: str | None) -> Strategy:
        """Return the strategy of an id, or the only one there is."""
        found = {strategy.id: strategy for strategy in self.strategies.strategies}
        if id is None and len(found) == 1:
            return next(iter(found.values()))
        if id is None or id not in found:
            raise InvalidData(f"--strategy: expected one of {', '.join(found) or 'none, the file has none'}; got {id}")
        return found[id]

    def endpoint(self, connection_id: str, service: ServiceName) -> Endpoint:
        return Endpoint.from_environment(connection_id, self.environ, service)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with open_ledger(url_from_environment(self.environ)) as ledger:
            yield ledger

    @contextmanager
    def desk(self, ledger: Ledger, account: str, actor: str) -> Iterator[Desk]:
        """Open the gateway of an account."""
        endpoint = self.gateways().get(account)
        if endpoint is None:
            raise InvalidData(
                f"account {account}: no gateway connection names it; named are {', '.join(self.gateways()) or 'none'}"
            )
        with GatewayClient(endpoint, correlation_id="ops") as gateway:
            yield Desk(
                ledger=ledger,
                account=account,
                reader=gateway,
                settings=self.settings,
                actor=actor,
                code_version=self.environ.get("TRADING_CODE_VERSION", "unknown"),
            )

    def gateways(self, also: Collection[str] = ()) -> dict[str, Endpoint]:
        """Return the gateway connections that can be used, by account; an unusable one is `check`'s to tell.

        also: connections that the ledger knows of, whatever the strategies file says.
        """
        connections = {DEFAULT_GATEWAY, *also}
        # Halting must work with a broken strategies file.
        with suppress(InvalidData):
            connections |= {strategy.venue for strategy in self.strategies.strategies}
        found: dict[str, Endpoint] = {}
        for connection_id in sorted(connections):
            try:
                endpoint = self.endpoint(connection_id, "execution_gateway")
            except TradingError:
                continue
            if endpoint.account is not None:
                found[endpoint.account] = endpoint
        return found

    def account(self, ledger: Ledger, given: str | None) -> str:
        """Return the account given, or the only one there is; a name that nothing knows is refused."""
        given = None if given is None else given.strip()
        known = sorted({*self.gateways(), *(row.account for row in ledger.accounts.all())})
        if given is None and len(known) == 1:
            return known[0]
        if given is None or given not in known:
            got = "none was given" if given is None else f"got {given!r}"
            raise InvalidData(f"--account: expected one of {', '.join(known) or 'none, nothing names any'}; {got}")
        return given


def actor_named(given: str | None) -> str:
    """Return who acts: the name given, else the login name."""
    if given is not None:
        return given
    try:
        return getuser()
    except (KeyError, OSError):
        raise InvalidData(f"user {os.getuid()} has no login name: say who you are with --by NAME") from None
