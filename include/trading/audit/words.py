"""Rules about what the gateway says now of each order, held against what the append-only rows say of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from include.trading.audit.findings import Finding, not_provable
from include.trading.audit.history import ACKNOWLEDGED, GatewayWords, OrderHistory
from include.trading.models import OrderReport
from include.trading.numbers import shares
from include.trading.order.states import FINAL_WORDS, REFUSED

# How far the gateway's clock may be from the ledger's.
CLOCK_MARGIN = timedelta(minutes=5)


def one_acceptance(order: OrderHistory, words: GatewayWords) -> Iterator[Finding]:
    """The gateway has the slot's order once: under one of its ids, and with one order at the broker."""
    found = _reports(order, words)
    accepted = [report for report in found if _is_accepted(report)]
    if len(accepted) > 1:
        listed = ", ".join(f"{report.gateway_order_id} ({report.status})" for report in accepted)
        yield Finding(order.words, f"the gateway has it {len(accepted)} times: {listed}")
    told = [event.detail.get("broker_order_id") for event in order.events]
    brokers = {str(id) for id in [*told, *(report.broker_order_id for report in accepted)] if id}
    if len(brokers) > 1:
        yield Finding(order.words, f"it has {len(brokers)} orders at the broker: {', '.join(sorted(brokers))}")
    yield from _unanswered(order, words)


def nothing_lost(order: OrderHistory, words: GatewayWords) -> Iterator[Finding]:
    """The gateway has what the ledger says: nothing that it accepted counts as unsent or refused here."""
    if not order.gateway_ids:
        yield not_provable(order.words, "it was never sent, and a v1 gateway has no id by which to ask for it")
        return
    found = _reports(order, words)
    for report in found:
        if (report.symbol, report.side, report.quantity) != (order.symbol, order.side, order.quantity):
            yield Finding(order.words, f"the gateway has {report.words} under its id")
        elif _is_accepted(report) and not order.is_live and order.state not in ACKNOWLEDGED:
            yield Finding(order.words, f"the ledger says {order.state}, the gateway {report.status}")
        elif _ended_otherwise(order, report):
            yield Finding(order.words, f"it ended {order.state}, the gateway says {report.status}")
        elif order.is_final and order.state in ACKNOWLEDGED and _word(report) not in FINAL_WORDS:
            yield Finding(order.words, f"it ended {order.state}, the gateway says {report.status}: it may still trade")
    silent = any(isinstance(words.orders.get(id), str) for id in order.gateway_ids)
    if found or silent:
        return
    if order.state == "open":
        yield Finding(order.words, "it was acknowledged and is open, the gateway has no such order")
    elif order.state in ACKNOWLEDGED:
        yield not_provable(order.words, f"it ended {order.state}, the gateway no longer knows it")
    elif order.is_live:
        yield not_provable(order.words, f"its outcome is not known yet: it is {order.state}")


def filled_as_reported(order: OrderHistory, words: GatewayWords) -> Iterator[Finding]:
    """The fills that are booked add up to what the gateway says is filled."""
    reports = _reports(order, words)
    if not reports:
        if order.filled:
            yield not_provable(order.words, "the gateway says nothing of it, and fills are booked")
        return
    told = sum((_filled(report) for report in reports), Decimal(0))
    if told == order.filled:
        return
    sentence = f"the gateway says {shares(told)} filled, {shares(order.filled)} are booked"
    if order.is_live and told > order.filled:
        yield not_provable(order.words, f"{sentence}: it is still followed")
    else:
        yield Finding(order.words, sentence)


def accepted_in_time(order: OrderHistory, words: GatewayWords) -> Iterator[Finding]:
    """The gateway took no order in before its window, or later than a POST begun in it may last."""
    for report in _reports(order, words):
        if not order.attempts or not _is_accepted(report):
            continue
        at = _created_at(report)
        if at is None:
            yield not_provable(order.words, "the gateway does not say when it took it in")
            continue
        last = order.attempts[-1]
        latest = order.send_until + (last.times_out_at - last.started_at) + CLOCK_MARGIN
        if not order.window_opens - CLOCK_MARGIN <= at <= latest:
            yield Finding(order.words, f"the gateway took it in at {at:%Y-%m-%d %H:%M:%S} UTC, outside of its window")


def _ended_otherwise(order: OrderHistory, report: OrderReport) -> bool:
    if {order.state, report.status} <= REFUSED:
        return False
    return {order.state, _word(report)} <= FINAL_WORDS and order.state not in (report.status, _word(report))


def _word(report: OrderReport) -> str:
    """Return the status that counts: what filled whole is filled, whatever it is called."""
    return "filled" if _filled(report) >= report.quantity else report.status


def _reports(order: OrderHistory, words: GatewayWords) -> list[OrderReport]:
    found = (words.orders.get(id) for id in order.gateway_ids)
    return [report for report in found if isinstance(report, OrderReport)]


def _unanswered(order: OrderHistory, words: GatewayWords) -> Iterator[Finding]:
    for id in order.gateway_ids:
        if isinstance(why := words.orders.get(id), str):
            yield not_provable(order.words, why)


def _is_accepted(report: OrderReport) -> bool:
    if report.status in REFUSED:
        return _filled(report) > 0
    return report.status in FINAL_WORDS or report.broker_order_id is not None or _filled(report) > 0


def _filled(report: OrderReport) -> Decimal:
    """Return what filled by either of the gateway's words: it may know fills that its quantity does not count yet."""
    listed = {fill.fill_id: fill.quantity for fill in report.fills}
    return max(report.filled_quantity or Decimal(0), sum(listed.values(), Decimal(0)))


def _created_at(report: OrderReport) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(report.raw.get("created_at")))
    except ValueError:
        return None
    return at if at.tzinfo else None
