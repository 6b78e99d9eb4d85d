"""The command `correct`: put right what a strategy holds, and undo what was corrected by mistake."""

from __future__ import annotations

import argparse

from include.execution.duty.corrections import Corrected, correct, undo
from include.execution.duty.strategies import check_strategy
from include.ops import printing
from include.ops.arguments import add_reason
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.account.corrections import (
    HandFill,
    MoveFrom,
    Quantity,
    Ratio,
    Rename,
    Wanted,
    parse_quantity,
    parse_ratio,
    parse_symbol,
)
from include.trading.numbers import shares


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    command.add_argument("--strategy", metavar="ID", help="whose holding it is; a fill is its order's")
    command.add_argument("--symbol", help="needed for a ratio, a quantity and a new symbol")
    kinds = command.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--ratio", metavar="N[/M]", help="a split: new shares for old ones, such as 10 or 1/3")
    kinds.add_argument("--quantity", metavar="SHARES", help="so many signed shares are held; 0 writes them off")
    kinds.add_argument("--rename", metavar="SYMBOL", help="the symbol is called so now")
    kinds.add_argument("--fill", nargs=3, metavar=("ORDER", "QTY", "PRICE"), help="more filled of an ended order")
    kinds.add_argument("--move-from", metavar="ID", help="what another strategy holds, also one that is no more")
    kinds.add_argument("--undo", type=int, metavar="CORRECTION", help="the opposite of an earlier correction")
    command.add_argument(
        "--against-gateway", action="store_true", help="also when the gateway's position says otherwise"
    )


def run(place: Place, given: argparse.Namespace) -> int:
    wanted = None if given.undo is not None else _wanted(given)
    symbol = None if given.symbol is None else parse_symbol(given.symbol)
    words = {"reason": given.reason, "against_gateway": given.against_gateway}
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        ledger.accounts.ensure(account)
        if wanted is not None and not isinstance(wanted, HandFill):
            check_strategy(ledger, account, given.strategy, place.strategies_or_problem)
        with place.desk(ledger, account, actor_named(given.by)) as desk:
            if wanted is None:
                done = undo(desk, account, given.undo, **words)
            else:
                done = correct(desk, account, given.strategy, symbol, wanted, **words)
    if given.json:
        print(printing.as_json(done))
    else:
        _print(done)
    return NEEDS_A_PERSON if done.differences else WELL


def _wanted(given: argparse.Namespace) -> Wanted:
    if given.ratio is not None:
        return Ratio(parse_ratio(given.ratio))
    if given.quantity is not None:
        return Quantity(parse_quantity(given.quantity, negative=True))
    if given.rename is not None:
        return Rename(parse_symbol(given.rename))
    if given.fill is not None:
        order, quantity, price = given.fill
        return HandFill(order, parse_quantity(quantity), parse_quantity(price, name="price"))
    return MoveFrom(given.move_from)


def _print(done: Corrected) -> None:
    for each in done.holdings:
        print(
            f"{each.symbol}: strategy {each.strategy_id} holds {shares(each.after)} on account {done.account}, "
            f"was {shares(each.before)}"
        )
    if done.closed:
        print(f"not sent any more, planned from what was held before: {', '.join(done.closed)}")
    for symbol, (actual, expected) in done.differences.items():
        print(
            f"{symbol}: the gateway holds {shares(actual)}, our books say {shares(expected)}: no order until they agree"
        )
    print(f"correction {done.id} is stored; python -m include.ops correct --undo {done.id} --reason … takes it back")


COMMAND = Command("correct", "put right what a strategy holds: a split, a new symbol, a late fill", arguments, run=run)
