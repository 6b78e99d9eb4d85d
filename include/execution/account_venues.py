"""Find the venue of each account, or the reason why it cannot be reached.

Needs no settings, and works around a broken strategies file or connection: a person on duty acts through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import VenueAt, venue_at
from include.execution.assembly import DEFAULT_VENUE
from include.ledger.ledger import Ledger
from include.trading.errors import InvalidData, NotFound, TradingError
from include.trading.strategy.file import StrategyFile


@dataclass(frozen=True)
class Unusable:
    """A connection that cannot be used. account: the one it names, None where it says none or cannot be read.

    is_gone: nothing but old plans names it, and there is no such connection any more.
    """

    account: str | None
    reason: str
    is_gone: bool


@dataclass(frozen=True)
class AccountVenues:
    """usable: the venues by account. accounts: the account of each usable connection, by its id.

    file_problems: what is wrong with the strategies file, which may name further connections.
    """

    usable: dict[str, VenueAt]
    accounts: dict[str, str]
    unusable: Sequence[Unusable]
    file_problems: Sequence[str]

    def venue(self, account: str) -> VenueAt:
        """Return the venue of an account; raises InvalidData saying why it has none that can be used."""
        if account in self.usable:
            return self.usable[account]
        raise InvalidData(f"account {account}: {self.why_none(account)}")

    def why_none(self, account: str) -> str:
        """Return why the account has no venue that can be used."""
        if own := [each.reason for each in self.unusable if each.account == account]:
            return f"its gateway connection cannot be used: {'; '.join(own)}"
        named = f"no gateway connection names it; named are {', '.join(sorted(self.usable)) or 'none'}"
        return "; ".join([named, *self.doubts(account)])

    def doubts(self, account: str) -> list[str]:
        """Return what cannot be read and may name the account."""
        return [each.reason for each in self.unusable if each.account in (None, account)] + list(self.file_problems)

    def address(self, account: str) -> str | None:
        """Return the address of the connection that names the account, None when certainly none does.

        Raises InvalidData when one may: an account must not be taken off its gateway because of a typo.
        """
        if account in self.usable:
            return self.usable[account].connection.address
        in_the_way = [each.reason for each in self.unusable if each.account in (None, account) and not each.is_gone]
        if in_the_way := [*in_the_way, *self.file_problems]:
            raise InvalidData(
                f"account {account}: expected every connection and the strategies file to be readable, because one "
                f"may name the account; found: {'; '.join(in_the_way)}. Nothing was changed: repair that first"
            )
        return None


def account_venues(
    connections: Callable[[str], ConnectionParts], file: StrategyFile | TradingError, ledger: Ledger
) -> AccountVenues:
    """Return the venues of the connections that the strategies file or a stored plan names, and of the default one.

    file: or why it cannot be read. Of two connections of one account the file's counts.
    """
    if isinstance(file, TradingError):
        named, problems = [], [str(file)]
    else:
        named, problems = [strategy.venue for strategy in file.strategies], [str(each) for each in file.problems]
    usable: dict[str, VenueAt] = {}
    accounts: dict[str, str] = {}
    unusable = []
    planned = ledger.plans.gateway_connections()
    for connection_id in dict.fromkeys([*named, DEFAULT_VENUE, *planned]):
        parts = None
        try:
            parts = connections(connection_id)
            venue = venue_at(parts)
        except NotFound as error:
            # The default connection need not exist where nothing refers to it.
            if connection_id in named or connection_id in planned:
                unusable.append(Unusable(None, str(error), is_gone=connection_id not in named))
        except TradingError as error:
            account = None if parts is None else parts.extra.get("account")
            named_as = account.strip() or None if isinstance(account, str) else None
            unusable.append(Unusable(named_as, str(error), is_gone=False))
        else:
            usable.setdefault(venue.account, venue)
            accounts[connection_id] = venue.account
    return AccountVenues(usable, accounts, unusable, problems)
