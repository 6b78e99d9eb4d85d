"""Give an account another gateway, knowingly: a person says whether the broker's account is the same one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from include.execution.binding import end_alert
from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.account.venue_identity import RELEASED
from include.trading.errors import InvalidData
from include.trading.numbers import shares
from include.trading.order.row import Intent


@dataclass(frozen=True)
class Rebound:
    """The account as it is now. changed: whether there was anything to change; not_sent: planned orders that ended."""

    account: Account
    changed: bool
    not_sent: list[str]


def rebind(
    ledger: Ledger, account: str, address: str | None, *, same_account: bool, actor: str, reason: str
) -> Rebound:
    """Bind the account to the gateway at `address` and return what came of it.

    address: of the connection that names the account, None when there is none.
    same_account: the broker's account is the one from before. Live orders are looked up on at the new address, where a
    404 proves nothing. Otherwise the account must be without live orders and holdings, and its planned orders and its
    baseline end; without an address it is only taken off its gateway, with whatever it holds.
    Raises InvalidData, and changes nothing, when that is not so; OtherGateway when the address is another account's.
    """
    if not actor.strip() or not reason.strip():
        raise InvalidData("expected the name of who rebinds and a reason: both are kept with the account")
    with ledger.transaction():
        row = _locked(ledger, account)
        if row.gateway_address is None or (same_account and _is_there(row, address)):
            return Rebound(row, False, [])
        if same_account:
            if address is None:
                raise InvalidData(
                    f"account {account}: expected a gateway connection that names it, found none: write the new "
                    "address into one"
                )
            words, closed = "same account", []
        else:
            closed = _hand_over(ledger, row, flat=address is not None, actor=actor, reason=reason)
            words = "another account" if address is not None else "no gateway"
        rebound = ledger.accounts.rebind(
            row,
            address or RELEASED,
            keep_environment=same_account or address is None,
            actor=actor,
            reason=f"{words}: {row.gateway_address} to {address or RELEASED}: {reason}",
        )
    end_alert(ledger, account)
    return Rebound(rebound, True, closed)


def _locked(ledger: Ledger, account: str) -> Account:
    if ledger.accounts.get(account) is None:
        known = ", ".join(row.account for row in ledger.accounts.all()) or "none yet"
        raise InvalidData(f"account {account!r} is not in the ledger; known are {known}")
    return ledger.accounts.lock(account)


def _is_there(row: Account, address: str | None) -> bool:
    """Say whether the account is bound to the address; one that says more of itself may have changed all the same."""
    return row.gateway_address == address and row.gateway_strategy_id is None


def _hand_over(ledger: Ledger, row: Account, *, flat: bool, actor: str, reason: str) -> list[str]:
    """End what belongs to the broker's account from before; return the orders that are not sent any more."""
    live = ledger.orders.live(row.account)
    if busy := [intent for intent in live if intent.state != "planned"]:
        listed = ", ".join(f"{intent.client_order_id} ({intent.state})" for intent in busy)
        raise InvalidData(
            f"account {row.account}: expected no order that is or may be at the gateway, found {listed}; wait for "
            "them or settle them"
        )
    if flat:
        if held := ledger.movements.holdings(row.account):
            listed = ", ".join(f"{shares(quantity)} {symbol} ({strategy})" for strategy, symbol, quantity in held)
            raise InvalidData(
                f"account {row.account}: expected no holdings, because they stay with the broker's account from "
                f"before; found {listed}. Give the other broker account another name in the connection, or "
                "flatten first"
            )
        for symbol in ledger.books.baseline(row.account):
            ledger.books.adopt(row.account, symbol, Decimal(0), adopted_by=actor, reason=f"another account: {reason}")
    closed = []
    for plan in ledger.plans.open_plans(row.account):
        closed += [intent.client_order_id for intent in _close(ledger, plan.plan_id, actor)]
    return closed


def _close(ledger: Ledger, plan_id: UUID, actor: str) -> list[Intent]:
    """Close a plan of the account from before, whose row is locked; return the orders that were still planned."""
    ledger.plans.lock(plan_id)
    planned = []
    for intent in ledger.orders.of_plan(plan_id):
        # A flip's second leg is denied without the plan's lock.
        if intent.state == "planned" and (locked := ledger.orders.lock(intent.client_order_id)).state == "planned":
            planned.append(
                ledger.orders.save(locked, event="not_sent", actor=actor, state="not_sent", reason="account_rebound")
            )
    ledger.plans.close(plan_id, "its account was bound to another gateway")
    return planned
