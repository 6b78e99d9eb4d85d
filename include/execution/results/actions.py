"""Corporate actions of held and traded symbols: asked for, compared with the venue, proposed, booked or blocked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import structlog

from include.execution.desk import Desk
from include.execution.duty.account import check_words, lock_account
from include.execution.duty.corrections import Corrected, correct_all
from include.ledger.ledger import Ledger
from include.trading.account.actions import ActionState, Announcement, Known, Verdict, decided, judge, splits_since
from include.trading.account.books import Correction
from include.trading.account.corrections import Ratio, Rename
from include.trading.alerts.catalogue import CORPORATE_ACTION
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, NotFound, TradingError
from include.trading.ports import Announcer, PriceSource
from include.trading.results.row import BookKey
from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)

# How far back an action that is not booked is looked for.
LOOK_BACK: Final = timedelta(days=30)
# Which date of an announcement the vendor's interval is of is not verified: a dividend's may be the day it is paid.
LOOK_AHEAD: Final = timedelta(days=60)
# A person may book what was announced before its ex-date, the evening before or over a long weekend.
_EARLY: Final = timedelta(days=5)
_ZERO: Final = Decimal(0)


@dataclass
class Watched:
    """What a plan must mind.

    blocked: symbols with the reason's code. unasked: why nothing is known. refused: symbols of which alone nothing is.
    splits: new shares for an old one, by symbol, of what is split since the last session.
    """

    blocked: dict[str, str] = field(default_factory=dict)
    unasked: str | None = None
    refused: frozenset[str] = frozenset()
    splits: dict[str, Fraction] = field(default_factory=dict)


def ask_announcements(ledger: Ledger, market: Announcer, symbols: Collection[str], day: date) -> frozenset[str]:
    """Ask what is announced of the symbols up to a session and keep it; return the symbols that the source refuses.

    What was announced of these before stands. Raises where the whole of the others is not known.
    """
    first, last = day - LOOK_BACK, day + LOOK_AHEAD
    found, refused = market.corporate_actions(sorted(symbols), first, last)
    if refused:
        log.warning("corporate actions of some symbols are not known", symbols=sorted(refused))
    with ledger.transaction():
        ledger.actions.store_answer(found, sorted(set(symbols) - refused), first, last)
    return refused


def watch_actions(
    desk: Desk, market: PriceSource, account: str, strategy: Strategy, mode: str, symbols: Collection[str], day: date
) -> Watched:
    """Ask what is announced for the symbols, and propose, book or block what is effective by the day.

    A source that tells no actions blocks nothing. One that does not answer is a reason to increase nothing held, a
    symbol that it refuses one not to increase that, and what was announced before stays blocked.
    """
    watch = _Watch(desk, account, strategy, mode)
    unasked, refused = None, frozenset[str]()
    watch.look_at_new_names()
    if not isinstance(market, Announcer) or not symbols:
        return Watched(watch.blocked)
    try:
        refused = ask_announcements(desk.ledger, market, symbols, day)
    except TradingError as error:
        log.warning("corporate actions are not known", reason=str(error))
        unasked = str(error)
    effective = desk.ledger.actions.effective(sorted(symbols), day - LOOK_BACK, day)
    for id, action in effective:
        if action.kind == "cash_dividend":
            watch.is_nothing(action)
        else:
            watch.look_at(id, action)
    for id, action in desk.ledger.actions.withdrawn(account, strategy.id):
        watch.look_at_withdrawn(id, action)
    before = calendar_of(strategy, desk.ledger.now()).previous(day).day
    return Watched(watch.blocked, unasked, refused, splits_since(before, [action for _, action in effective]))


class _Watch:
    """One look at what was announced for one strategy."""

    def __init__(self, desk: Desk, account: str, strategy: Strategy, mode: str) -> None:
        self.desk, self.ledger = desk, desk.ledger
        self.account, self.strategy, self.mode = account, strategy, mode
        self.blocked: dict[str, str] = {}
        self._positions: Mapping[str, Decimal] | None = None

    def look_at(self, id: int, action: Announcement) -> None:
        before = decided(self.ledger.actions.forms(id, self.account, self.strategy.id))
        if before == "done" or self._is_booked_by_hand(id, action):
            return
        known = self._known(action)
        if before == "changed" and known.agrees_on(action.symbol, action.new_symbol):
            return
        verdict = judge(action, known)
        if before == "changed":
            verdict = Verdict("blocked", f"{verdict.words or action.words}; it was booked as it was announced before")
        if verdict.state is None:
            if self.ledger.actions.state(id, self.account, self.strategy.id) in ("proposed", "blocked"):
                self._record(id, action, "dismissed", f"{action.words}: nothing of it is held")
            self.is_nothing(action)
        elif self._may_apply(id, verdict, known):
            self._apply(id, action, verdict)
        else:
            self._block(id, action, verdict.state, verdict.words)

    def is_nothing(self, action: Announcement) -> None:
        """End the alert: the announcement asks nothing of anybody any more."""
        self.ledger.alerts.end(self._key(action))

    def look_at_withdrawn(self, id: int, action: Announcement) -> None:
        """Keep blocking what was a question until a person says that it is none: the vendor may have slipped."""
        forms = self.ledger.actions.forms(id, self.account, self.strategy.id)
        if decided(forms, withdrawn=True) == "done" or any(
            form.is_same and not form.withdrawn and not form.is_own for form in forms
        ):
            self.ledger.alerts.end(self._key(action))
            return
        self._block(id, action, "blocked", f"{action.words}: the market data service does not announce it any more")

    def look_at_new_names(self) -> None:
        """Block what is held under a new symbol while the strategy still asks for the old one.

        It would be sold as a holding that is no longer wanted, and the old one bought again.
        """
        held = self.ledger.movements.held(self.account, strategy_id=self.strategy.id, mode=self.mode)
        for old, new in self.ledger.corrections.renamed(self.account, self.strategy.id):
            key = CORPORATE_ACTION.key(self.account, self.strategy.id, f"{old} is {new}")
            if new not in held or old not in self.strategy.symbols or new in self.strategy.symbols:
                self.ledger.alerts.end(key)
                continue
            self.blocked |= {old: "renamed", new: "renamed"}
            words = (
                f"{self.strategy.id}: {old} is {new} now and the strategy still asks for {old}: replace {old} by {new} "
                "in the strategies file or the signals; until then neither is traded"
            )
            alarm = CORPORATE_ACTION.alarm(key, words, account=self.account)
            self.ledger.alerts.raise_alert(alarm, account=self.account, strategy_id=self.strategy.id)

    def _known(self, action: Announcement) -> Known:
        ledger, strategy_id = self.ledger, self.strategy.id
        if self._positions is None:
            self._positions = self.desk.confirmed.positions()
        holders = ledger.corrections.holders(self.account, action.symbol)
        return Known(
            held=ledger.movements.held(self.account, strategy_id=strategy_id, mode=self.mode).get(action.symbol, _ZERO),
            others=[quantity for holder, quantity in holders.items() if holder != strategy_id],
            before=ledger.movements.held_before(
                self.account, strategy_id=strategy_id, mode=self.mode, symbol=action.symbol, day=action.ex_date
            ),
            expected=ledger.movements.expected(self.account).quantities,
            positions=self._positions,
        )

    def _is_booked_by_hand(self, id: int, action: Announcement) -> bool:
        correction = booked_by_hand(self.ledger, self.account, self.strategy.id, action)
        if correction is None:
            return False
        words = f"{action.words}: booked by hand, correction {correction.id}"
        self._record(id, action, "applied", words, correction_id=correction.id)
        self.ledger.alerts.end(self._key(action))
        return True

    def _may_apply(self, id: int, verdict: Verdict, known: Known) -> bool:
        """Say whether no person is asked: never for another strategy too, nor for what a person undid."""
        return (
            verdict.state == "proposed"
            and self.strategy.corporate_actions == "apply"
            and not known.others
            and not self.ledger.actions.was_applied(id, self.account, self.strategy.id)
        )

    def _apply(self, id: int, action: Announcement, verdict: Verdict) -> None:
        try:
            _book(self.desk, self.account, id, action, reason=f"announced: {verdict.words}", words=verdict.words)
        except InvalidData as error:
            self._block(id, action, "proposed", f"{verdict.words}; it was not booked: {error}")

    def _block(self, id: int, action: Announcement, state: ActionState, words: str) -> None:
        self.blocked |= {symbol: "corporate_action" for symbol in (action.symbol, action.new_symbol) if symbol}
        self._record(id, action, state, words)
        alarm = CORPORATE_ACTION.alarm(
            self._key(action), f"{self.strategy.id} ({state}): {words}", account=self.account
        )
        self.ledger.alerts.raise_alert(alarm, account=self.account, strategy_id=self.strategy.id)

    def _record(
        self, id: int, action: Announcement, state: ActionState, words: str, correction_id: int | None = None
    ) -> None:
        self.ledger.actions.record(
            id, self.account, self.strategy.id, state, words, actor=self.desk.actor, correction_id=correction_id
        )

    def _key(self, action: Announcement) -> str:
        return CORPORATE_ACTION.key(self.account, self.strategy.id, action.vendor_id)


def booked_by_hand(ledger: Ledger, account: str, strategy_id: str, action: Announcement) -> Correction | None:
    """Return the correction with which a person booked what was announced."""
    since = action.ex_date - _EARLY
    for correction in ledger.corrections.standing(account, strategy_id, action.symbol, since):
        ratio, to = correction.detail.get("ratio"), correction.detail.get("to")
        is_split = correction.kind == "ratio" and action.is_split and Fraction(str(ratio)) == action.factor
        if is_split or (correction.kind == "rename" and action.is_rename and to == action.new_symbol):
            return correction
    return None


def apply_action(desk: Desk, account: str, action_id: int, *, reason: str) -> list[Corrected]:
    """Book a proposed split or new symbol for every strategy that holds it, all or none; refused as `correct` is."""
    check_words(desk.actor, reason)
    row = _of(desk.ledger, action_id, account, "proposed")[0]
    action = Announcement.model_validate({name: row[name] for name in Announcement.model_fields})
    return _book(desk, account, action_id, action, reason=reason, words=row["words"], asked=True)


def _book(
    desk: Desk, account: str, id: int, action: Announcement, *, reason: str, words: str, asked: bool = False
) -> list[Corrected]:
    """Correct the holdings and say so of the announcement, in one transaction.

    asked: a person clicked, and what was proposed may have been decided on since.
    """
    ledger = desk.ledger

    def also(corrections: Mapping[str, int]) -> None:
        if asked:
            _of(ledger, id, account, "proposed")
        if not ledger.actions.is_newest(id):
            raise InvalidData(f"{action.words}: it is announced otherwise by now; look at it again after the next plan")
        for strategy_id, correction_id in corrections.items():
            ledger.actions.record(
                id, account, strategy_id, "applied", words, actor=desk.actor, correction_id=correction_id
            )

    done = correct_all(desk, account, action.symbol, _wanted(action), reason=reason, also=also)
    for row in ledger.actions.get(id, account):
        ledger.alerts.end(CORPORATE_ACTION.key(account, row["strategy_id"], action.vendor_id))
    return done


def dismiss_action(ledger: Ledger, account: str, action_id: int, *, actor: str, reason: str) -> None:
    """Say that an action needs nothing any more: it was corrected by hand, or never concerned what is held."""
    check_words(actor, reason)
    with ledger.transaction():
        lock_account(ledger, account)
        rows = _of(ledger, action_id, account, "proposed", "blocked")
        for row in rows:
            ledger.actions.record(action_id, account, row["strategy_id"], "dismissed", reason, actor=actor)
    for row in rows:
        ledger.alerts.end(CORPORATE_ACTION.key(account, row["strategy_id"], row["vendor_id"]))


def _of(ledger: Ledger, action_id: int, account: str, *states: str) -> list[dict[str, Any]]:
    rows = ledger.actions.get(action_id, account)
    if not rows:
        raise NotFound(f"corporate action {action_id} is none of account {account}")
    open_now = [row for row in rows if row["state"] in states]
    if not open_now:
        raise InvalidData(
            f"corporate action {action_id}: expected it to be {' or '.join(states)}, it is {rows[0]['state']}"
        )
    return open_now


def _wanted(action: Announcement) -> Ratio | Rename:
    if action.is_rename and action.new_symbol is not None:
        return Rename(action.new_symbol)
    if action.factor is None:
        raise InvalidData(f"{action.words}: expected a split or a new symbol")
    return Ratio(action.factor, is_exact=True)


def unapplied(ledger: Ledger, key: BookKey, symbols: Collection[str], day: date) -> dict[str, Decimal]:
    """Return new shares for each old one of the splits that are effective by the day and not booked.

    What was bought after the ex-date, or put right by a person since, is of the new shares already.
    """
    found: dict[str, Decimal] = {}
    for id, action in ledger.actions.effective(sorted(symbols), day - LOOK_BACK, day):
        if action.ratio is None or not action.is_split or _is_of_new_shares(ledger, key, id, action):
            continue
        found[action.symbol] = found.get(action.symbol, Decimal(1)) * action.ratio
    return found


def _is_of_new_shares(ledger: Ledger, key: BookKey, id: int, action: Announcement) -> bool:
    account, strategy_id, symbol = key.account, key.strategy_id, action.symbol
    if decided(ledger.actions.forms(id, account, strategy_id)) is not None:
        return True
    by_hand = ledger.corrections.standing(account, strategy_id, symbol, action.ex_date)
    if any(each.kind == "quantity" for each in by_hand) or booked_by_hand(ledger, account, strategy_id, action):
        return True
    if ledger.actions.state(id, account, strategy_id) == "proposed":
        return False
    before = ledger.movements.held_before(
        account, strategy_id=strategy_id, mode=key.mode, symbol=symbol, day=action.ex_date
    )
    return before == 0
