"""The judge of the history checker: every rule over one account's history, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from include.trading.audit import books, sends, words
from include.trading.audit.findings import Against, BookRule, Finding, OrderRule, RuleResult, not_provable
from include.trading.audit.history import AccountHistory, GatewayWords, OrderHistory

OWN: Final[dict[str, tuple[str, OrderRule]]] = {
    "transitions": ("transitions are legal and without gaps", sends.legal_and_gapless),
    "attempts": ("attempts and sends match one to one", sends.attempts_match),
    "resend": ("no second send without a proof that the first stored nothing", sends.proof_before_resend),
    "accepted": ("no send after an acceptance was known", sends.not_after_acceptance),
    "window": ("no send outside of the window", sends.inside_window),
    "halt": ("no send while halted", sends.not_while_halted),
    "identity": ("an id is its slot's", sends.id_of_its_slot),
    "columns": ("orders' rows say what their events say", sends.columns_tell_the_same),
}
# What a lying gateway can bring about although we did right: a person's resolution of its break ends such a finding.
OTHER_SIDE: Final[dict[str, tuple[str, Against]]] = {
    "once": ("at most one acceptance a slot", words.one_acceptance),
    "lost": ("nothing is lost from sight", words.nothing_lost),
    "late": ("nothing is accepted outside of the window", words.accepted_in_time),
    "filled": ("fills are what the gateway says is filled", words.filled_as_reported),
}
QUANTITY: Final = ("quantity", "fills do not exceed the order, nor fall short of reports", sends.not_more_than_ordered)
BOOKS: Final[dict[str, tuple[str, BookRule]]] = {
    "held": ("held is the sum of movements", books.held_is_moved),
    "explained": ("every movement is explained by a fill or a correction", books.moved_is_explained),
    "positions": ("the gateway's positions are explained", books.positions_explained),
}
NO_LIST = "the gateway has no list of its orders: one under an id that is none of ours shows in its positions alone"


def judge(account: AccountHistory, gateway: GatewayWords) -> tuple[RuleResult, ...]:
    """Judge one account's history; each rule has a result, also one that found nothing."""
    return tuple(_results(account, gateway))


def _results(account: AccountHistory, gateway: GatewayWords) -> Iterator[RuleResult]:
    orders = account.orders
    for name, (promise, own) in OWN.items():
        found = [Finding(order.words, text) for order in orders for text in own(order, account)]
        yield RuleResult(name, promise, len(orders), tuple(found))
    name, promise, quantity = QUANTITY
    found = [
        _ended(Finding(order.words, text), order, account) for order in orders for text in quantity(order, account)
    ]
    yield RuleResult(name, promise, len(orders), tuple(found))
    for name, (promise, against) in OTHER_SIDE.items():
        found = [_ended(finding, order, account) for order in orders for finding in against(order, gateway)]
        if name == "once" and orders:
            found.append(not_provable(f"account {account.account}", NO_LIST))
        yield RuleResult(name, promise, len(orders), tuple(found))
    for name, (promise, rule) in BOOKS.items():
        yield RuleResult(name, promise, len(account.books), tuple(rule(account, gateway)))


def _ended(finding: Finding, order: OrderHistory, account: AccountHistory) -> Finding:
    """Return the finding, as resolved where a break named the order and a person has ended it."""
    own = [found for found in account.breaks if found.intent_id == order.id]
    if finding.outcome != "violation" or not own or any(found.resolution is None for found in own):
        return finding
    ended = "; ".join(f"break {found.id} resolved: {found.resolution}" for found in own)
    return replace(finding, words=f"{finding.words} ({ended})", outcome="resolved")
