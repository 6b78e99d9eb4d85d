"""Whether a connection leads to the gateway that its account belongs to, and whether paper and live are kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.execution.preflight.finding import Finding, Note
from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.ports import VenueConnection
from include.trading.strategy.spec import Strategy

OPS = "python -m include.ops"


def at_home(ledger: Ledger, endpoint: VenueConnection) -> bool:
    """Say whether the connection leads to its account's own gateway, or the account has none yet."""
    row = ledger.accounts.get(str(endpoint.account))
    return row is None or row.gateway_address in (None, endpoint.address)


def check_binding(
    ledger: Ledger, endpoint: VenueConnection, sending: Sequence[Strategy], note: Note
) -> Iterator[Finding]:
    row = ledger.accounts.get(str(endpoint.account))
    if row is None:
        return
    if not at_home(ledger, endpoint):
        yield note(
            "gateway",
            f"belongs to {row.gateway_address}, the connection {endpoint.connection_id} leads to {endpoint.address}",
            f"correct the connection; when the gateway moved: {OPS} rebind --account {row.account} --same-account "
            "--reason … (until then nothing is asked or sent there)",
        )
    elif row.gateway_address is not None:
        yield note("gateway", row.gateway_address)
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
