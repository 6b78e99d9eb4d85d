"""What a request works with: the ledger, the strategies, the services' endpoints, and a desk at an account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from include.execution.account_venues import AccountVenues, account_venues
from include.execution.desk import Desk
from include.execution.settings import Settings, settings_from
from include.ledger.ledger import Ledger
from include.ledger.pages import Pages
from include.trading.errors import InvalidData, TradingError
from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.spec import Strategy
from trading_airflow.connections import assembly, parts_of
from trading_airflow.hooks.ledger import LedgerHook
from trading_airflow.strategies import strategies_path
from trading_airflow.web.problems import Problem
from trading_airflow.web.webauth import Right, User, allowed

NO_LEDGER = "The ledger is not available"


@contextmanager
def open_ledger() -> Iterator[Ledger]:
    """Open the ledger of the connection; answers 503 when it cannot be used."""
    opening = LedgerHook().ledger()
    try:
        ledger = opening.__enter__()
    except TradingError as error:
        raise Problem(503, NO_LEDGER, str(error)) from error
    try:
        yield ledger
    finally:
        ledger.close()


def _ledger_of_request(_user: User) -> Iterator[Ledger]:
    # The user comes first, so that no stranger learns how the ledger is, or makes us connect to it.
    with open_ledger() as ledger:
        yield ledger


LedgerOfRequest = Annotated[Ledger, Depends(_ledger_of_request)]


def settings() -> Settings:
    return settings_from(os.environ)


def read_strategies() -> StrategyFile:
    """Return what the strategies file holds now; answers 503 when it cannot be used as a whole."""
    try:
        return load_strategies(strategies_path())
    except InvalidData as error:
        raise Problem(503, "The strategies file cannot be used", str(error)) from error


def strategies_or_problem() -> StrategyFile | InvalidData:
    """Return what the strategies file holds, or why it cannot be read: halting must work then too."""
    try:
        return load_strategies(strategies_path())
    except InvalidData as error:
        return error


def strategies_if_any() -> tuple[Strategy, ...]:
    """Return the strategies, none when the file is broken."""
    found = strategies_or_problem()
    return () if isinstance(found, InvalidData) else found.strategies


@dataclass(frozen=True)
class AccountPlace:
    """An account, the DAGs that trade there, and what the connections lead to."""

    account: str
    dag_ids: tuple[str, ...]
    venues: AccountVenues

    @property
    def connection_id(self) -> str | None:
        """The connection that names the account and can be used, None when there is none."""
        venue = self.venues.usable.get(self.account)
        return None if venue is None else venue.connection.connection_id

    @property
    def connection_address(self) -> str | None:
        """Where that connection leads."""
        venue = self.venues.usable.get(self.account)
        return None if venue is None else venue.connection.address


def accounts(ledger: Ledger) -> dict[str, AccountPlace]:
    """Return every account that a gateway connection or the ledger names.

    Its DAGs are those of the strategies file; only where that names none, those that traded there before.
    """
    file = strategies_or_problem()
    venues = account_venues(parts_of, file, ledger)
    dags: dict[str, list[str]] = {account: [] for account in venues.usable}
    for strategy in () if isinstance(file, InvalidData) else file.strategies:
        if strategy.venue in venues.accounts:
            dags[venues.accounts[strategy.venue]].append(strategy.dag_id)
    earlier: dict[str, list[str]] = {}
    for dag_id, account in Pages(ledger.connection).dags():
        earlier.setdefault(account, []).append(dag_id)
    known = {*dags, *earlier, *(row.account for row in ledger.accounts.all())}
    return {
        account: AccountPlace(account, tuple(dags.get(account) or earlier.get(account, [])), venues)
        for account in sorted(known)
    }


def readable_dags(user: User, ledger: Ledger) -> list[str]:
    """Return the DAGs, of strategies now or before, whose runs the user may read; answers 403 when there is none."""
    known = [strategy.dag_id for strategy in strategies_if_any()]
    known += [dag_id for dag_id, _ in Pages(ledger.connection).dags()]
    found = allowed(user, Right.READ, known)
    if not found:
        raise Problem(403, "Forbidden", f"{user.get_name()} may not read the runs of any strategy's DAG")
    return found


@contextmanager
def desk_at(ledger: Ledger, place: AccountPlace, actor: str) -> Iterator[Desk]:
    """Open the gateway of an account; answers 409, saying why, when no connection leads there."""
    try:
        venue = place.venues.venue(place.account)
    except InvalidData as error:
        raise Problem(409, "The account has no gateway connection", str(error)) from error
    with assembly().desk_at(ledger, venue, actor=actor, correlation_id="api") as desk:
        yield desk
