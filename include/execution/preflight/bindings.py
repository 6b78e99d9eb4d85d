"""Whether a connection leads to the gateway that its account belongs to, and whether paper and live are kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.execution.preflight.finding import Finding, Note
from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.account.venue_identity import identity_at, unlike
from include.trading.models import VenueInfo
from include.trading.ports import VenueConnection
from include.trading.strategy.spec import Strategy

OPS = "python -m include.ops"


def elsewhere(ledger: Ledger, endpoint: VenueConnection, info: VenueInfo | None) -> str | None:
    """Return how what the connection leads to is not the account's own gateway, None when it is or there is none yet.

    info: what answers there says of itself; None when it does not answer.
    """
    row = ledger.accounts.get(str(endpoint.account))
    if row is None or row.gateway_address is None:
        return None
    if row.gateway_address != endpoint.address:
        return f"belongs to {row.gateway_address}, the connection {endpoint.connection_id} leads to {endpoint.address}"
    if row.venue is None or info is None:
        return None
    difference = unlike(row.venue, identity_at(endpoint.address, info))
    return difference and f"belongs to the venue with {difference}"


def check_binding(
    ledger: Ledger, endpoint: VenueConnection, info: VenueInfo | None, sending: Sequence[Strategy], note: Note
) -> Iterator[Finding]:
    row = ledger.accounts.get(str(endpoint.account))
    if row is None:
        return
    if (words := elsewhere(ledger, endpoint, info)) is not None:
        yield note(
            "venue",
            words,
            f"correct the connection; when the venue moved: {OPS} rebind --account {row.account} --same-account "
            "--reason … (until then nothing is asked or sent there)",
        )
    elif row.gateway_address is not None:
        yield note("venue", row.gateway_address)
    yield from _environment(ledger, row, endpoint, sending, note)


def _environment(
    ledger: Ledger, row: Account, endpoint: VenueConnection, sending: Sequence[Strategy], note: Note
) -> Iterator[Finding]:
    found = ledger.accounts.environments(row.account)
    if row.environment is None:
        if len(found) > 1:
            yield note("environment", "paper and live both: they were not kept apart when it first traded")
        return
    others = {"paper", "live"} - {row.environment}
    wrong = [f"strategy {each.id} is {each.mode}" for each in sending if each.mode in others]
    step = f"write another account into the extra of the connection {endpoint.connection_id}: its run would be refused"
    yield note("environment", ", but ".join([row.environment, *wrong]), step if wrong else None)
