"""An account belongs to one gateway: what any other says of it, or is asked to do for it, counts for nothing.

The gateway is kept from the first contact. `Desk` asks here before it lends its gateway to a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.account.venue_identity import RELEASED, VenueIdentity, identity_at, unlike
from include.trading.alerts.catalogue import OTHER_GATEWAY
from include.trading.errors import OtherGateway
from include.trading.models import Mode, VenueInfo
from include.trading.order.row import Intent
from include.trading.ports import VenueConnection, VenueReader


@dataclass(frozen=True)
class Bound:
    """A gateway that was found to be the account's own. account: its row as it was then."""

    reader: VenueReader
    account: Account
    venue: VenueIdentity

    @property
    def binding(self) -> int:
        return self.account.binding


def bind(ledger: Ledger, account: str, reader: VenueReader) -> Bound:
    """Return the account's binding to this gateway, made now when the account has none yet.

    Raises OtherGateway, and alerts, when the account belongs to another gateway or its connection is another account's.
    """
    endpoint = reader.endpoint
    if endpoint.account != account:
        raise _refusal(
            ledger, account, f"the connection {endpoint.connection_id} is of account {endpoint.account}, not {account}"
        )
    row = ledger.accounts.get(account)
    if row is None:
        ledger.accounts.ensure(account)
    if row is None or row.gateway_address is None:
        row = ledger.accounts.bind(account, endpoint.address)
    if row.venue is None or row.gateway_address != endpoint.address:
        raise _refusal(ledger, account, _elsewhere(row, endpoint))
    return Bound(reader, row, row.venue)


def confirm(ledger: Ledger, bound: Bound, info: VenueInfo, mode: Mode | None) -> Bound:
    """Compare what the gateway says of itself with what the account knows, and keep what the account did not know yet.

    The first paper or live run decides which of the two the account is; mode: None where no run asks.
    Raises OtherGateway when it is another, or another account of the ledger has this gateway.
    """
    row = bound.account
    found = identity_at(bound.venue.address, info)
    if (difference := unlike(bound.venue, found)) is not None:
        raise _refusal(ledger, row.account, f"account {row.account} belongs to the gateway with {difference}")
    environment = mode if row.environment is None and mode in ("paper", "live") else row.environment
    if (row.venue, row.environment) == (found, environment):
        return bound
    recorded = ledger.accounts.record_gateway(row.account, bound.binding, found, environment=environment)
    if recorded is None:
        raise _rebound(row.account)
    return Bound(bound.reader, recorded, found)


def said_before(bound: Bound, now: datetime) -> VenueInfo | None:
    """Return what this venue said of itself to this very login, while that counts; None when it must be asked."""
    row, holds = bound.account, timedelta(seconds=bound.reader.traits.mode_holds_seconds)
    if not holds or row.venue_said is None or row.venue_said_at is None:
        return None
    if (
        not timedelta(0) <= now - row.venue_said_at < holds
        or row.venue_said.get("login") != bound.reader.endpoint.login
    ):
        return None
    return VenueInfo.model_validate(row.venue_said["info"])


def keep_said(ledger: Ledger, bound: Bound, info: VenueInfo, at: datetime) -> Bound:
    """Keep for the account's other tasks what its venue said of itself, and to whom; at: before it was asked."""
    said = {"login": bound.reader.endpoint.login, "info": info.model_dump(mode="json")}
    row = ledger.accounts.keep_said(bound.account.account, bound.binding, said, at)
    if row is None:
        raise _rebound(bound.account.account)
    return Bound(bound.reader, row, bound.venue)


def end_alert(ledger: Ledger, account: str) -> None:
    """Say that the account's own gateway answers again."""
    ledger.alerts.end(OTHER_GATEWAY.key(account))


def check_still(bound: Bound, row: Account) -> None:
    """Raise OtherGateway when the account, locked now, was given another gateway since it was bound."""
    if (row.binding, row.gateway_address) != (bound.binding, bound.venue.address):
        raise _rebound(row.account)


def _rebound(account: str) -> OtherGateway:
    return OtherGateway(
        f"account {account} was bound to a gateway again while this step ran: nothing was concluded from the one "
        "before; clear the task"
    )


def proves_absence(ledger: Ledger, bound: Bound, intent: Intent) -> bool:
    """Say whether a 404 of this gateway can prove that it never stored the order.

    Not when the account was bound again after the order was sent: the order may be where the gateway was before.
    """
    row = ledger.accounts.get(intent.account)
    return row is not None and all(
        attempt.binding == row.binding == bound.binding for attempt in ledger.orders.attempts(intent.id)
    )


def _elsewhere(row: Account, endpoint: VenueConnection) -> str:
    leads = f"the connection {endpoint.connection_id} leads to {endpoint.address}"
    if row.gateway_address == RELEASED:
        return f"account {row.account} was taken off its gateway, and {leads}"
    return f"account {row.account} belongs to the gateway at {row.gateway_address}, {leads}"


def _refusal(ledger: Ledger, account: str, what: str) -> OtherGateway:
    message = (
        f"{what}: nothing was asked, sent or concluded there; correct the connection, or, when the account really "
        f"moved: python -m include.ops rebind --account {account} --same-account --reason …"
    )
    if ledger.accounts.get(account) is not None:
        ledger.alerts.raise_alert(
            OTHER_GATEWAY.alarm(OTHER_GATEWAY.key(account), message, account=account), account=account
        )
    return OtherGateway(message)
