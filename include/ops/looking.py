"""The commands that only look: check, plan, orders."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from datetime import UTC, datetime

from include.execution.duty import account as operations
from include.execution.preflight import blockers, check
from include.execution.steps.positions import shares
from include.execution.whatif.preview import file_prices, market_prices, preview, read_signals
from include.ledger.ledger import Ledger
from include.ops import printing
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import InvalidData, TradingError
from include.trading.strategy.file import StrategyFile


def run_check(place: Place, arguments: argparse.Namespace) -> int:
    with ExitStack() as opened:
        ledger: Ledger | TradingError
        strategies: StrategyFile | TradingError
        try:
            ledger = opened.enter_context(place.ledger())
        except TradingError as error:
            ledger = error
        try:
            strategies = place.strategies
        except TradingError as error:
            strategies = error
        now = ledger.now() if isinstance(ledger, Ledger) else datetime.now(UTC)
        findings = check(ledger, strategies, place.assembly, now)
    stops = blockers(findings)
    if arguments.json:
        print(printing.as_json({"findings": findings, "blockers": stops}))
        return NEEDS_A_PERSON if stops else WELL
    width = max(len(finding.name) for finding in findings)
    subject = None
    for finding in findings:
        if finding.subject != subject:
            subject = finding.subject
            print(subject)
        print(f"  {finding.name.ljust(width)}  {finding.value}")
    print("\nwhat would stop tomorrow's run" if stops else "\nwhat would stop tomorrow's run: nothing")
    for stop in stops:
        print(f"  {stop.subject}, {stop.name}: {stop.value}\n    → {stop.next_step}")
    return NEEDS_A_PERSON if stops else WELL


def run_plan(place: Place, arguments: argparse.Namespace) -> int:
    strategy = place.strategy(arguments.strategy)
    signals = read_signals(arguments.signals, strategy)
    venue = place.assembly.venue(strategy.venue)
    with ExitStack() as opened:
        ledger = None if arguments.flat else opened.enter_context(place.ledger())
        now = datetime.now(UTC) if ledger is None else ledger.now()
        if arguments.prices is not None:
            pricing = file_prices(arguments.prices, now)
        else:
            market = opened.enter_context(place.assembly.prices(strategy, correlation_id="ops"))
            pricing = market_prices(market, strategy, signals, now)
        plan = preview(
            ledger,
            strategy,
            signals,
            pricing,
            account=venue.account,
            ids_from_content=not venue.traits.takes_our_order_id,
            now=now,
        )
    if arguments.json:
        print(printing.as_json(plan))
        return WELL
    headers = ("symbol", "leg", "weight", "held", "open", "target", "price", "order", "outcome", "why")
    rows = [
        (
            row.symbol,
            row.leg,
            row.target_weight,
            shares(row.held_quantity),
            shares(row.open_quantity),
            row.target_quantity,
            row.price,
            None if row.order_side is None else f"{row.order_side} {row.order_quantity}",
            row.outcome if row.reason is None else f"{row.outcome} {row.reason}",
            row.detail,
        )
        for row in plan.rows
    ]
    print(f"strategy {strategy.id}, signals of {signals.as_of_date} by {signals.model_version}")
    print(printing.table(headers, rows))
    in_order = ", ".join(f"{order.side} {order.quantity} {order.symbol}" for order in plan.orders)
    print(f"orders, as they would be sent: {in_order or 'none'}")
    print(f"rules off: {', '.join(plan.rules_off) or 'none'}")
    for note in plan.notes:
        print(note)
    return WELL


def run_orders(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = None if arguments.account is None else place.account(ledger, arguments.account)
        found = operations.orders(
            ledger, account=account, session=arguments.session, states=arguments.state, limit=arguments.limit
        )
    if arguments.json:
        print(printing.as_json(found))
        return WELL
    headers = ("order", "account", "session", "rev", "mode", "what", "filled", "at", "state", "attempts", "why")
    rows = [
        (
            each.order.client_order_id,
            each.order.account,
            each.session,
            each.revision,
            each.order.mode,
            f"{each.order.side} {each.order.quantity} {each.order.symbol}",
            shares(each.order.filled_quantity),
            each.order.filled_avg_price,
            each.order.state,
            each.order.attempt,
            each.order.message or each.order.reason or "",
        )
        for each in found
    ]
    print(printing.table(headers, rows) if rows else "no orders")
    if arguments.events:
        for each in found:
            print(f"\n{each.order.client_order_id} {each.order.side} {each.order.quantity} {each.order.symbol}")
            for event in each.events:
                states = f"{event['from_state'] or ''} → {event['to_state']}"
                print(
                    f"  {event['at']:%Y-%m-%d %H:%M:%S} UTC  {event['event']}  {states}  by {event['actor']}"
                    f"  {event['detail'] or ''}".rstrip()
                )
    return WELL


def run_alerts(place: Place, arguments: argparse.Namespace) -> int:
    acts = [
        (operations.acknowledge_alert, arguments.acknowledge),
        (operations.close_alert, arguments.close),
    ]
    wanted = [(act, id) for act, id in acts if id is not None]
    if wanted and not arguments.reason:
        raise InvalidData("alerts: expected --reason with --acknowledge and --close, got none: it is kept")
    with place.ledger() as ledger:
        for act, id in wanted:
            act(ledger, id, actor=actor_named(arguments.by), reason=arguments.reason)
        found = ledger.alerts.newest(100) if arguments.all else ledger.alerts.open()
    if arguments.json:
        print(printing.as_json(found))
        return WELL
    headers = ("id", "severity", "alert", "times", "since", "over", "acknowledged", "what")
    rows = [
        (
            each.id,
            each.severity,
            each.kind,
            each.count,
            each.first_at,
            each.over_at,
            each.acknowledged_by and f"{each.acknowledged_by}: {each.acknowledged_reason}",
            each.message if each.closed_by is None else f"{each.message} (closed by {each.closed_by})",
        )
        for each in found
    ]
    print(printing.table(headers, rows) if rows else "no alert is open")
    return WELL
