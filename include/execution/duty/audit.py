"""Audit an account: its history from the ledger, the gateway's own word on each order, and the judge's findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.execution.desk import Desk
from include.execution.orders.reports import CLOCK_MARGIN
from include.ledger.histories import read_history
from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.account.venue_identity import identity_at, unlike
from include.trading.audit.findings import Outcome, RuleResult
from include.trading.audit.history import AccountHistory, GatewayWords, OrderHistory, Word
from include.trading.audit.judge import OWN, judge
from include.trading.errors import InvalidData, TradingError
from include.trading.models import OrderReport, VenueInfo
from include.trading.ports import VenueReader


@dataclass(frozen=True)
class Audit:
    """One account's audit. not_asked: why the gateway could not be asked, None if it was."""

    account: str
    orders: int
    results: tuple[RuleResult, ...]
    not_asked: str | None

    def count(self, outcome: Outcome) -> int:
        return sum(result.count(outcome) for result in self.results)


def audit(ledger: Ledger, gateway: VenueReader | InvalidData | None, account: str, first: date, last: date) -> Audit:
    """Judge the orders of these sessions and the account's whole books; nothing is written.

    gateway: None where no connection names the account, or why none can be used; what only it can show is not
    provable then.
    """
    history = read_history(ledger.connection, account, first, last)
    words, not_asked = _ask(gateway, ledger.accounts.get(account), history)
    return Audit(account, len(history.orders), judge(history, words), not_asked)


def violations(desk: Desk, *, surfaced: bool) -> list[str]:
    """Return what an audit of everything finds against the promise, a sentence each.

    surfaced: a break or an unknown order says already that the gateway differs; what we did has no such excuse.
    """
    done = audit(desk.ledger, desk.reader, desk.account, date.min, date.max)
    return [
        f"audit, {result.rule}: {finding.subject}: {finding.words}"
        for result in done.results
        for finding in result.findings
        if finding.outcome == "violation" and (result.rule in OWN or not surfaced)
    ]


def _ask(
    gateway: VenueReader | InvalidData | None, row: Account | None, history: AccountHistory
) -> tuple[GatewayWords, str | None]:
    if isinstance(gateway, InvalidData):
        return _silent(history.orders, str(gateway)), str(gateway)
    if gateway is None or row is None:
        why = "no gateway connection names the account"
        return _silent(history.orders, why), why
    try:
        info = gateway.info()
        if (difference := _elsewhere(row, gateway, info)) is not None:
            why = f"the account belongs to the gateway with {difference}"
            return _silent(history.orders, why), why
        positions = gateway.positions()
    except TradingError as error:
        why = f"the gateway gave no answer: {error}"
        return _silent(history.orders, why), why
    orders: dict[str, Word] = {}
    asked = [id for order in history.orders if order.mode == info.mode for id in order.gateway_ids]
    for id, answer in gateway.orders(asked):
        orders[id] = f"no answer: {answer}" if isinstance(answer, TradingError) else answer
    orders = _with_fills(gateway, history, orders)
    for order in history.orders:
        if order.mode != info.mode:
            why = f"the gateway is of mode {info.mode} now, the order was {order.mode}"
            orders |= dict.fromkeys(order.gateway_ids, why)
        elif any(attempt.binding != row.binding for attempt in order.attempts):
            why = "the account was bound to a gateway again since it was sent: a 404 proves nothing"
            orders |= {id: why for id in order.gateway_ids if orders.get(id) is None}
    if info.mode == "dry_run":
        return GatewayWords(orders, "the gateway is of mode dry_run now and holds nothing"), None
    if not gateway.traits.positions_are_exact:
        return GatewayWords(orders, f"{gateway.traits.positions_note} in its positions"), None
    return GatewayWords(orders, positions), None


def _with_fills(gateway: VenueReader, history: AccountHistory, orders: dict[str, Word]) -> dict[str, Word]:
    """Return the words with the executions that the venue lists apart from its orders, where it gives that list."""
    sent = [attempt.started_at for order in history.orders for attempt in order.attempts]
    if not gateway.traits.lists_fills or not sent:
        return orders
    try:
        fills = gateway.fills(min(sent) - CLOCK_MARGIN)
    except TradingError:
        return orders
    return {
        id: word.model_copy(update={"fills": fills.get(word.broker_order_id or "", ())})
        if isinstance(word, OrderReport)
        else word
        for id, word in orders.items()
    }


def _elsewhere(row: Account, gateway: VenueReader, info: VenueInfo) -> str | None:
    """Return how this gateway differs from the account's own, None when it is that one or the account has none yet."""
    if row.venue is None:
        return None
    return unlike(row.venue, identity_at(gateway.endpoint.address, info))


def _silent(orders: Sequence[OrderHistory], why: str) -> GatewayWords:
    return GatewayWords({id: why for order in orders for id in order.gateway_ids}, why)
