"""Close the books of one account with what is there: its venue where a connection names it, prices by strategy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime

from include.execution.assembly import DEFAULT_VENUE, Assembly
from include.execution.desk import Desk
from include.execution.results.close_day import Closed, by_id, close_books
from include.ledger.ledger import Ledger
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import BOOKS_NOT_CLOSED
from include.trading.errors import TradingError
from include.trading.ports import CashTeller, VenueReader
from include.trading.strategy.spec import Strategy


def close_account(
    ledger: Ledger,
    assembly: Assembly,
    account: str,
    strategies: Sequence[Strategy],
    *,
    actor: str,
    calendar: str | None = None,
    before: datetime | None = None,
) -> Closed:
    """Close every book of the account that is due, and raise or end the alert on those that could not be closed.

    calendar, before: as `close_books` takes them.
    """
    connections = {DEFAULT_VENUE, *(strategy.venue for strategy in strategies), *ledger.plans.gateway_connections()}
    venues, _ = assembly.venues(connections)
    with ExitStack() as stack:
        reader: VenueReader | None = None
        problem: str | None = None
        try:
            if account in venues:
                reader = _own(
                    assembly.desk(
                        ledger,
                        account,
                        stack.enter_context(venues[account].reader(correlation_id=f"books:{account}")),
                        actor=actor,
                    )
                )
        except TradingError as error:
            problem = f"{account}: {error}"
        found = close_books(
            ledger,
            assembly,
            account,
            by_id(strategies),
            actor=actor,
            reader=reader,
            calendar=calendar,
            before=before,
        )
    if problem is not None:
        found.problems.append(problem)
    key = BOOKS_NOT_CLOSED.key(account)
    if found.problems:
        ledger.alerts.raise_alert(
            BOOKS_NOT_CLOSED.alarm(key, listed(found.problems, between="; "), account=account), account=account
        )
    else:
        ledger.alerts.end(key)
    return found


def _own(desk: Desk) -> VenueReader | None:
    """Return the account's own venue, None for one that tells nothing of its money; raises OtherGateway."""
    told = desk.reader
    return desk.confirmed if isinstance(told, CashTeller) or (told and told.traits.tells_account) else None
