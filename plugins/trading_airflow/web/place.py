"""What a request works with: the ledger, the strategies, the services' endpoints, and a desk at an account."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from include.execution.assembly import DEFAULT_VENUE
from include.execution.desk import Desk
from include.execution.settings import Settings, settings_from
from include.ledger.ledger import Ledger
from include.ledger.pages import Pages
from include.trading.errors import InvalidData, TradingError
from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.spec import Strategy
from trading_airflow.connections import assembly
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


def strategies_if_any() -> tuple[Strategy, ...]:
    """Return the strategies, none when the file is broken: halting must work then too."""
    try:
        return load_strategies(strategies_path()).strategies
    except InvalidData:
        return ()


@dataclass(frozen=True)
class AccountPlace:
    """An account, its gateway connection where one names it, and the DAGs that trade there."""

    account: str
    connection_id: str | None
    dag_ids: tuple[str, ...]


def accounts(ledger: Ledger) -> dict[str, AccountPlace]:
    """Return every account that a gateway connection or the ledger names.

    Its DAGs are those of the strategies file; only where that names none, those that traded there before.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    by_connection: dict[str, list[str]] = {DEFAULT_VENUE: []}
    for strategy in strategies_if_any():
        by_connection.setdefault(strategy.venue, []).append(strategy.dag_id)
    for connection_id, dag_ids in by_connection.items():
        try:
            account = assembly().venue(connection_id).account
        except TradingError:
            # `check` says what is wrong with a connection; the accounts that can be used stay usable.
            continue
        found.setdefault(account, (connection_id, []))[1].extend(dag_ids)
    earlier: dict[str, list[str]] = {}
    for dag_id, account in Pages(ledger.connection).dags():
        earlier.setdefault(account, []).append(dag_id)
    known = {*found, *earlier, *(row.account for row in ledger.accounts.all())}
    return {
        account: AccountPlace(
            account=account,
            connection_id=found[account][0] if account in found else None,
            dag_ids=tuple((found[account][1] if account in found else []) or earlier.get(account, [])),
        )
        for account in sorted(known)
    }


def connection_address(place: AccountPlace) -> str | None:
    """Return the address of the gateway connection that names the account, None when there is none."""
    return None if place.connection_id is None else assembly().venue(place.connection_id).connection.address


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
    """Open the gateway of an account; answers 409 when no connection names the account."""
    if place.connection_id is None:
        raise Problem(
            409,
            "The account has no gateway connection",
            f"account {place.account} is in the ledger, but no gateway connection has it in its extra: add it there",
        )
    here = assembly()
    with here.desk_at(ledger, here.venue(place.connection_id), actor=actor, correlation_id="api") as desk:
        yield desk
