"""Audit an account: its history from the ledger, the gateway's own word on each order, and the judge's findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.execution.desk import Desk
from include.ledger.histories import read_history
from include.ledger.ledger import Ledger
from include.services.execution_gateway import GatewayReader
from include.trading.audit.findings import Outcome, RuleResult
from include.trading.audit.history import AccountHistory, GatewayWords, OrderHistory, Word
from include.trading.audit.judge import OWN, judge
from include.trading.errors import TradingError


@dataclass(frozen=True)
class Audit:
    """One account's audit. not_asked: why the gateway could not be asked, None if it was."""

    account: str
    orders: int
    results: tuple[RuleResult, ...]
    not_asked: str | None

    def count(self, outcome: Outcome) -> int:
        return sum(result.count(outcome) for result in self.results)


def audit(ledger: Ledger, gateway: GatewayReader | str, account: str, first: date, last: date) -> Audit:
    """Judge the orders of these sessions and the account's whole books; nothing is written.

    gateway: a sentence where the account has none that can be asked; what only it can show is not provable then.
    """
    history = read_history(ledger.connection, account, first, last)
    words, not_asked = _ask(gateway, history)
    return Audit(account, len(history.orders), judge(history, words), not_asked)


def violations(desk: Desk, account: str, *, surfaced: bool) -> list[str]:
    """Return what an audit of everything finds against the promise, a sentence each.

    surfaced: a break or an unknown order says already that the gateway differs; what we did has no such excuse.
    """
    done = audit(desk.ledger, desk.gateway, account, date.min, date.max)
    return [
        f"audit, {result.rule}: {finding.subject}: {finding.words}"
        for result in done.results
        for finding in result.findings
        if finding.outcome == "violation" and (result.rule in OWN or not surfaced)
    ]


def _ask(gateway: GatewayReader | str, history: AccountHistory) -> tuple[GatewayWords, str | None]:
    if isinstance(gateway, str):
        return _silent(history.orders, gateway), gateway
    try:
        mode = gateway.info().mode
        positions = gateway.positions()
    except TradingError as error:
        why = f"the gateway gave no answer: {error}"
        return _silent(history.orders, why), why
    ids = [id for order in history.orders if order.mode == mode for id in order.gateway_ids]
    orders: dict[str, Word] = {
        id: f"no answer: {word}" if isinstance(word, TradingError) else word for id, word in gateway.orders(ids)
    }
    for order in history.orders:
        if order.mode != mode:
            orders |= dict.fromkeys(order.gateway_ids, f"the gateway is of mode {mode} now, the order was {order.mode}")
    if mode == "dry_run":
        return GatewayWords(orders, "the gateway is of mode dry_run now and holds nothing"), None
    if gateway.contract == "v1":
        return GatewayWords(orders, "a v1 gateway counts partial fills twice in its positions"), None
    return GatewayWords(orders, positions), None


def _silent(orders: Sequence[OrderHistory], why: str) -> GatewayWords:
    return GatewayWords({id: why for order in orders for id in order.gateway_ids}, why)
