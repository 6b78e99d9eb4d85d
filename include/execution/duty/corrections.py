"""Put right what a strategy holds, by the word of a person: splits, renames, write-offs, fills that no look-up shows.

`settle` ends orders whose outcome cannot be learned; a correction changes what is held, and adds fills to orders that
ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.execution.alerts.raising import end_position_alerts
from include.execution.desk import Desk
from include.execution.duty.account import check_words, lock_account
from include.execution.faultpoints import reach
from include.execution.orders.resolve import look_again
from include.execution.steps.positions import BOOK_TRIES
from include.trading.account.books import FROM_THE_START, BookVersion, Movement
from include.trading.account.comparison import Differences, Quantities, unequal
from include.trading.account.corrections import (
    HandFill,
    Kind,
    MoveFrom,
    Quantity,
    Ratio,
    Rename,
    Wanted,
    after_split,
    check_fill,
    exact_split,
    parse_symbol,
)
from include.trading.bounds import MOST_SHARES
from include.trading.errors import InvalidData
from include.trading.models import GatewayMode
from include.trading.numbers import shares
from include.trading.order.row import Intent
from include.trading.order.states import FINAL, UNRESOLVED

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Holding:
    """What a correction did to what one strategy holds of one symbol."""

    strategy_id: str
    symbol: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Corrected:
    """A correction as it was stored. closed: ids of planned orders that are not sent any more.

    differences: the symbols on which gateway and ledger still disagree, with both quantities.
    """

    id: int
    account: str
    kind: Kind
    holdings: list[Holding]
    closed: list[str]
    differences: Differences


@dataclass(frozen=True)
class _Outside:
    """What the gateway says, and how far the book was before. It is not asked where the account's sums stay."""

    version: BookVersion
    positions: Quantities
    mode: GatewayMode


@dataclass(frozen=True)
class _Entry:
    """A correction that is ready to be stored."""

    strategy_id: str
    symbol: str | None
    kind: Kind
    detail: Mapping[str, Any]
    movements: Sequence[Movement]
    undoes: int | None = None


def correct(
    desk: Desk,
    account: str,
    strategy_id: str | None,
    symbol: str | None,
    wanted: Wanted,
    *,
    reason: str,
    against_gateway: bool = False,
) -> Corrected:
    """Correct what a strategy holds and return what that changed; everything is kept with the name and the reason.

    strategy_id, symbol: not needed for a fill, which is its order's; without a symbol a move takes all there is.
    against_gateway: also when gateway and ledger do not agree afterwards.
    Raises InvalidData, and changes nothing, while an order of the symbol may still fill (a fill excepted), or when the
    correction cannot be, changes nothing, or contradicts the gateway's positions.
    """
    check_words(desk.actor, reason)
    lock_account(desk.ledger, account)
    if isinstance(wanted, HandFill):
        _look_again(desk, account, wanted)
    strategy_id = (strategy_id or "").strip()
    if not strategy_id and not isinstance(wanted, HandFill):
        raise InvalidData("strategy: expected the id of the strategy whose holding is corrected, got nothing")
    if symbol is None and not isinstance(wanted, HandFill | MoveFrom):
        raise InvalidData(f"symbol: expected the symbol whose holding is corrected by a {wanted.kind}, got nothing")
    symbol = None if symbol is None else parse_symbol(symbol)

    def make(outside: _Outside | None) -> list[_Entry]:
        match wanted:
            case HandFill():
                return [_fill(desk, account, strategy_id, symbol, wanted)]
            case MoveFrom():
                return [_move(desk, account, strategy_id, symbol, wanted)]
            case _:
                return [_change(desk, account, strategy_id, symbol or "", wanted, outside)]

    asks = not isinstance(wanted, MoveFrom)
    (done,) = _carry_out(desk, account, make, reason=reason, asks=asks, against_gateway=against_gateway)
    return done


def correct_all(
    desk: Desk,
    account: str,
    symbol: str,
    wanted: Ratio | Rename,
    *,
    reason: str,
    also: Callable[[Mapping[str, int]], None],
) -> list[Corrected]:
    """Correct what every strategy of the account holds of a symbol, all or none of them; refused as `correct` is.

    also: called with the corrections' ids by strategy before they are committed, under the account's lock; what it
    raises undoes them.
    """
    check_words(desk.actor, reason)
    lock_account(desk.ledger, account)

    def make(outside: _Outside | None) -> list[_Entry]:
        holders = desk.ledger.corrections.holders(account, symbol)
        if not holders:
            raise InvalidData(f"{symbol}: no strategy holds any on account {account}")
        return [_change(desk, account, strategy_id, symbol, wanted, outside) for strategy_id in holders]

    return _carry_out(desk, account, make, reason=reason, asks=True, against_gateway=False, also=also)


def undo(desk: Desk, account: str, correction_id: int, *, reason: str, against_gateway: bool = False) -> Corrected:
    """Store the opposite of what a correction still moves; the correction stays. Refused as `correct` is."""
    check_words(desk.actor, reason)
    lock_account(desk.ledger, account)

    def make(_: object) -> list[_Entry]:
        found = desk.ledger.corrections.get(correction_id)
        if found is None or found.account != account:
            raise InvalidData(f"correction {correction_id} is not one of account {account}")
        if found.kind == "undo":
            raise InvalidData(f"correction {correction_id} undoes {found.undoes}: make that correction again instead")
        if desk.ledger.corrections.is_undone(correction_id):
            raise InvalidData(f"correction {correction_id} is undone already")
        opposite = [
            Movement(each.strategy_id, each.mode, each.symbol, -each.quantity, each.kind, each.intent_id)
            for each in desk.ledger.corrections.effect(correction_id)
        ]
        if found.kind == "move":
            _check_still_there(desk, account, found.strategy_id, opposite)
        detail = {"kind": found.kind, **found.detail}
        return [_Entry(found.strategy_id, found.symbol, "undo", detail, opposite, correction_id)]

    def also(_: object) -> None:
        # What was announced is a question again, also where it would be booked without one.
        words = f"its booking, correction {correction_id}, was undone: {reason}"
        desk.ledger.actions.reopen(correction_id, words, actor=desk.actor)

    found = desk.ledger.corrections.get(correction_id)
    asks = found is None or found.kind != "move"
    (done,) = _carry_out(desk, account, make, reason=reason, asks=asks, against_gateway=against_gateway, also=also)
    return done


def _carry_out(
    desk: Desk,
    account: str,
    make: Callable[[_Outside | None], list[_Entry]],
    *,
    reason: str,
    asks: bool,
    against_gateway: bool,
    also: Callable[[Mapping[str, int]], None] | None = None,
) -> list[Corrected]:
    """Ask the gateway, then make and store the correction under the account's lock; begin again if the book moved."""
    ledger = desk.ledger
    for _ in range(BOOK_TRIES):
        outside = _ask(desk, account) if asks else None
        reach("before_correction")
        with ledger.transaction():
            desk.check_still_bound(lock_account(ledger, account))
            since = FROM_THE_START if outside is None else outside.version
            expected, moved = ledger.movements.expected(account, since=since)
            entries = make(outside)
            symbols = {movement.symbol for entry in entries for movement in entry.movements}
            if outside is not None and moved & symbols:
                continue
            after = _added(expected, [movement for entry in entries for movement in entry.movements])
            done = [
                _store(desk, account, entry, outside, after, reason=reason, against_gateway=against_gateway)
                for entry in entries
            ]
            if also is not None:
                also({entry.strategy_id: each.id for entry, each in zip(entries, done, strict=True)})
            return done
    raise InvalidData(
        f"account {account}: fills were booked each time the gateway was asked; nothing was corrected, try again"
    )


def _ask(desk: Desk, account: str) -> _Outside:
    version = desk.ledger.movements.version(account)
    mode = desk.confirmed.mode_now().mode
    positions = desk.confirmed.positions()
    desk.ledger.books.store_positions(account, positions, None)
    return _Outside(version, positions, mode)


def _store(
    desk: Desk,
    account: str,
    entry: _Entry,
    outside: _Outside | None,
    after: Quantities,
    *,
    reason: str,
    against_gateway: bool,
) -> Corrected:
    """Store a correction. after: what the account should hold with it, and with those that are made with it."""
    ledger = desk.ledger
    symbols = {movement.symbol for movement in entry.movements}
    if not symbols:
        raise InvalidData(f"{entry.symbol or entry.strategy_id}: nothing to correct: nothing would change")
    _refuse_live(desk, account, entry, symbols)
    found = {} if outside is None else unequal(outside.positions, after, symbols)
    if found and not against_gateway:
        raise InvalidData(_contradiction(account, found, ledger.books.baseline(account)))
    held = {
        (each.strategy_id, each.mode, each.symbol): ledger.movements.held(
            account, strategy_id=each.strategy_id, mode=each.mode
        ).get(each.symbol, _ZERO)
        for each in entry.movements
    }
    holdings = [
        Holding(strategy_id, symbol, before, before + _moved(entry.movements, strategy_id, mode, symbol))
        for (strategy_id, mode, symbol), before in held.items()
    ]
    for each in holdings:
        if abs(each.after) > MOST_SHARES:
            raise InvalidData(
                f"{each.symbol}: expected at most {MOST_SHARES} shares afterwards, got {shares(each.after)}"
            )
    closed = _close_planned(desk, account, symbols)
    id = ledger.corrections.store(
        account,
        strategy_id=entry.strategy_id,
        symbol=entry.symbol,
        kind=entry.kind,
        detail=entry.detail,
        against_gateway=bool(found),
        actor=desk.actor,
        reason=reason,
        movements=entry.movements,
        undoes=entry.undoes,
    )
    agreeing = set() if outside is None else symbols - found.keys()
    for symbol in sorted(agreeing):
        end_position_alerts(ledger, account, symbol)
    return Corrected(id, account, entry.kind, holdings, closed, found)


def _moved(movements: Sequence[Movement], strategy_id: str, mode: str, symbol: str) -> Decimal:
    named = (strategy_id, mode, symbol)
    return sum((each.quantity for each in movements if (each.strategy_id, each.mode, each.symbol) == named), _ZERO)


def _added(expected: Quantities, movements: Iterable[Movement]) -> dict[str, Decimal]:
    after = dict(expected)
    for movement in movements:
        after[movement.symbol] = after.get(movement.symbol, _ZERO) + movement.quantity
    return after


def _contradiction(account: str, found: Differences, baseline: Quantities) -> str:
    words = "; ".join(
        f"{symbol}: the gateway holds {shares(actual)}, our books would say {shares(expected)}"
        + (f", {shares(baseline[symbol])} of them adopted as not ours" if baseline.get(symbol) else "")
        for symbol, (actual, expected) in found.items()
    )
    return (
        f"{words}. Nothing was corrected. If shares of account {account} that are not ours changed too, adopt "
        "their new number first (adopt --quantity NUMBER --not-ours); if the gateway is wrong or late, say so: "
        "--against-gateway"
    )


def _refuse_live(desk: Desk, account: str, entry: _Entry, symbols: set[str]) -> None:
    """Raise InvalidData while an order of the symbols may still fill: its fills are of the old kind of share."""
    if entry.kind == "fill" or (entry.kind == "undo" and entry.detail.get("kind") == "fill"):
        return
    live = [
        f"{intent.client_order_id} ({intent.state})"
        for intent in desk.ledger.orders.live(account)
        if intent.symbol in symbols and intent.state in {"open", *UNRESOLVED}
    ]
    if live:
        raise InvalidData(
            f"{', '.join(sorted(symbols))}: expected no order that may still fill, found {', '.join(live)}; wait for "
            "it, cancel it (halt --cancel-open) or settle it, then correct"
        )


def _close_planned(desk: Desk, account: str, symbols: set[str]) -> list[str]:
    """Close the planned orders of the symbols: they were planned from what is not held any more."""
    ledger, closed = desk.ledger, []
    planned = [row for row in ledger.orders.live(account) if row.symbol in symbols and row.state == "planned"]
    for plan_id in sorted({intent.plan_id for intent in planned}):
        ledger.plans.lock(plan_id)
    for intent in planned:
        locked = ledger.orders.lock(intent.client_order_id)
        if locked.state == "planned":
            ledger.orders.save(locked, event="corrected", actor=desk.actor, state="not_sent", reason="corrected")
            closed.append(intent.client_order_id)
    return closed


def _change(
    desk: Desk, account: str, strategy_id: str, symbol: str, wanted: Ratio | Quantity | Rename, outside: _Outside | None
) -> _Entry:
    if outside is None or outside.mode == "dry_run":
        raise InvalidData(f"{symbol}: nothing is held on a gateway in mode dry_run, so nothing is corrected")
    mode = outside.mode
    held = desk.ledger.movements.held(account, strategy_id=strategy_id, mode=mode).get(symbol, _ZERO)
    if held == 0 and not isinstance(wanted, Quantity):
        known = ", ".join(desk.ledger.corrections.holders(account, symbol)) or "no strategy"
        raise InvalidData(f"{symbol}: strategy {strategy_id} holds none on account {account}; {known} does")

    def move(symbol: str, quantity: Decimal) -> Movement:
        return Movement(strategy_id, mode, symbol, quantity, "correction", None)

    match wanted:
        case Ratio():
            others = desk.ledger.movements.expected(account).quantities.get(symbol, _ZERO) - held
            at_gateway = outside.positions.get(symbol, _ZERO) - others
            after = exact_split(held, wanted.ratio) if wanted.is_exact else None
            if after is None:
                after = after_split(held, wanted.ratio, at_gateway)
            if after == 0 and at_gateway:
                raise InvalidData(
                    f"{symbol}: a ratio of {wanted.ratio} would leave nothing of {shares(held)}, the gateway holds "
                    f"{shares(at_gateway)}; to write shares off: --quantity 0"
                )
            moves = [move(symbol, after - held)]
        case Quantity():
            moves = [move(symbol, wanted.quantity - held)]
        case Rename():
            if wanted.to == symbol:
                raise InvalidData(f"rename: expected another symbol than {symbol}, got the same")
            moves = [move(symbol, -held), move(wanted.to, held)]
    detail = {**wanted.detail, "held": str(held)}
    return _Entry(strategy_id, symbol, wanted.kind, detail, [each for each in moves if each.quantity])


def _move(desk: Desk, account: str, strategy_id: str, symbol: str | None, wanted: MoveFrom) -> _Entry:
    """Move what another strategy holds. Its id is taken as it is written: it may be one with a blank at its end."""
    if wanted.strategy_id == strategy_id:
        raise InvalidData(f"move: expected another strategy than {strategy_id}, got the same")
    taken = desk.ledger.corrections.holdings(account, wanted.strategy_id, symbol)
    if not taken:
        what = f"no {symbol}" if symbol else "nothing"
        raise InvalidData(f"move: strategy {wanted.strategy_id!r} holds {what} on account {account}")
    given = [Movement(strategy_id, each.mode, each.symbol, -each.quantity, "transfer", None) for each in taken]
    return _Entry(strategy_id, symbol, wanted.kind, wanted.detail, [*taken, *given])


def _check_still_there(desk: Desk, account: str, strategy_id: str, taken: Iterable[Movement]) -> None:
    """Raise InvalidData unless the strategy still holds what the undo takes back.

    A move leaves the account's totals unchanged, so no comparison with the gateway would reveal the error.
    """
    for each in taken:
        if each.strategy_id != strategy_id:
            continue
        held = desk.ledger.movements.held(account, strategy_id=strategy_id, mode=each.mode).get(each.symbol, _ZERO)
        if held * -each.quantity <= 0 or abs(held) < abs(each.quantity):
            raise InvalidData(
                f"{each.symbol}: expected strategy {strategy_id} to hold the {shares(-each.quantity)} that are moved "
                f"back, it holds {shares(held)}; move what is there instead (--move-from)"
            )


def _fill(desk: Desk, account: str, strategy_id: str, symbol: str | None, wanted: HandFill) -> _Entry:
    intent = _ended(desk, account, wanted.client_order_id)
    for name, given, own in (("strategy", strategy_id, intent.strategy_id), ("symbol", symbol, intent.symbol)):
        if given and given != own:
            raise InvalidData(f"{name}: order {intent.client_order_id} is one of {own}, got {given}")
    sign = 1 if intent.side == "buy" else -1
    check_fill(
        intent.quantity,
        intent.filled_quantity + sign * desk.ledger.corrections.by_hand(intent.id),
        wanted.quantity,
    )
    moves = [Movement(intent.strategy_id, intent.mode, intent.symbol, sign * wanted.quantity, "correction", intent.id)]
    return _Entry(intent.strategy_id, intent.symbol, wanted.kind, wanted.detail, moves)


def _look_again(desk: Desk, account: str, wanted: HandFill) -> None:
    """Ask the gateway once more what the order filled: what it knows is booked as its word, not as a person's."""
    look_again(desk, _ended(desk, account, wanted.client_order_id))


def _ended(desk: Desk, account: str, client_order_id: str) -> Intent:
    intent = desk.ledger.orders.get(client_order_id)
    if intent is None or intent.account != account:
        raise InvalidData(f"order {client_order_id} is not one of account {account}")
    what = f"order {client_order_id} ({intent.words})"
    if intent.state not in FINAL:
        raise InvalidData(
            f"{what} is {intent.state}: fills are added by hand to orders that ended; what is open is "
            "followed, what has no known outcome is settled"
        )
    if intent.attempt == 0:
        raise InvalidData(f"{what} was never sent, so nothing of it filled")
    if intent.mode == "dry_run":
        raise InvalidData(f"{what} was sent in mode dry_run, where nothing fills")
    return intent
