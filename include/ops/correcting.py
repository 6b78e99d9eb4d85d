"""The command `correct`: put right what a strategy holds, and undo what was corrected by mistake."""

from __future__ import annotations

import argparse

from include.execution.duty.corrections import Corrected, correct, undo
from include.execution.steps.positions import shares
from include.ops import printing
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


def add_arguments(command: argparse.ArgumentParser) -> None:
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


def run_correct(place: Place, arguments: argparse.Namespace) -> int:
    wanted = None if arguments.undo is not None else _wanted(arguments)
    words = {"reason": arguments.reason, "against_gateway": arguments.against_gateway}
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        with place.desk(ledger, account, actor_named(arguments.by)) as desk:
            if wanted is None:
                done = undo(desk, account, arguments.undo, **words)
            else:
                done = correct(desk, account, arguments.strategy, arguments.symbol, wanted, **words)
    if arguments.json:
        print(printing.as_json(done))
    else:
        _print(done)
    return NEEDS_A_PERSON if done.differences else WELL


def run_corrections(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        found = ledger.corrections.of_account(account, limit=arguments.limit)
    if arguments.json:
        print(printing.as_json(found))
        return WELL
    rows = [
        (
            each.id,
            each.at,
            each.strategy_id,
            each.symbol,
            each.kind if each.undoes is None else f"undo of {each.undoes}",
            ", ".join(f"{name} {value}" for name, value in each.detail.items()),
            "yes" if each.against_gateway else "no",
            each.actor,
            each.reason,
        )
        for each in found
    ]
    headers = ("correction", "at", "strategy", "symbol", "kind", "what", "against gateway", "by", "reason")
    print(printing.table(headers, rows) if rows else f"nothing was corrected on account {account}")
    return WELL


def _wanted(arguments: argparse.Namespace) -> Wanted:
    if arguments.ratio is not None:
        return Ratio(parse_ratio(arguments.ratio))
    if arguments.quantity is not None:
        return Quantity(parse_quantity(arguments.quantity, negative=True))
    if arguments.rename is not None:
        return Rename(parse_symbol(arguments.rename))
    if arguments.fill is not None:
        order, quantity, price = arguments.fill
        return HandFill(order, parse_quantity(quantity), parse_quantity(price, name="price"))
    return MoveFrom(arguments.move_from)


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
