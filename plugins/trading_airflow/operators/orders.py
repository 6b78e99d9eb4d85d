"""The tasks `map_orders` and `submit_orders`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog

from include.trading.errors import InvalidData
from include.trading.models import Signal
from include.trading.numbers import shares
from trading_airflow.operators.task import TradingOperator
from trading_airflow.waiting import defer_for

if TYPE_CHECKING:
    from uuid import UUID

    from airflow.sdk import Context

    from include.execution.desk import Desk
    from include.trading.order.row import Intent
    from include.trading.run.row import Run

log = structlog.get_logger(__name__)


class MapOrdersOperator(TradingOperator):
    """Turn signals into the frozen plan; return one item per symbol to trade, reductions first.

    signals: what `fetch_signals` returned.
    """

    template_fields: Sequence[str] = ("signals",)
    ui_color = "#e6f4ea"

    def __init__(self, *, signals: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.signals = signals

    def execute(self, context: Context) -> list[dict[str, Any]]:
        from airflow.sdk.configuration import conf

        from include.execution.steps.map_orders import map_orders
        from include.execution.steps.open_run import strategy_of
        from include.execution.steps.prices import opened
        from trading_airflow.connections import assembly

        signals = [Signal.model_validate(row) for row in self.signals["signals"]]
        with self.ledger(context) as ledger:
            run = self.read_run(ledger, context)
            prices = opened(run, partial(assembly().prices, strategy_of(run), correlation_id=str(run.run_id)))
            with self.desk(ledger, run, context) as desk, prices as market:
                intents = map_orders(desk, market, run, signals, most_orders=conf.getint("core", "max_map_length"))
            log.info("orders mapped", num_orders=len(intents), num_signals=len(signals))
            return tasks_of(intents)


def tasks_of(intents: Sequence[Intent]) -> list[dict[str, Any]]:
    """Return one item per symbol in sending order; a flip's two legs share one, to be sent one after the other."""
    by_symbol: dict[str, list[Intent]] = {}
    for intent in intents:
        by_symbol.setdefault(intent.symbol, []).append(intent)
    return [
        {
            "symbol": symbol,
            "label": ", ".join(f"{symbol} {leg.side} {shares(leg.quantity)}" for leg in legs),
            "client_order_ids": [leg.client_order_id for leg in legs],
        }
        for symbol, legs in ((symbol, sorted(legs, key=lambda leg: leg.leg)) for symbol, legs in by_symbol.items())
    ]


class SubmitOrderOperator(TradingOperator):
    """Send one symbol's order, or the two legs of a flip; return what became of each.

    order: one item of what `map_orders` returned. Only its ids are used: side and quantity come from the ledger.
    """

    template_fields: Sequence[str] = ("order",)
    ui_color = "#fef7e0"
    pause_is_kept = True

    def __init__(self, *, order: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order

    def execute(self, context: Context) -> dict[str, Any]:
        return self._submit(context, waits=0)

    def _submit(self, context: Context, *, waits: int) -> dict[str, Any]:
        self.show(context, self.order["label"])
        with self.ledger(context) as ledger:
            run = self.read_run(ledger, context)
            if run.plan_id is None:
                raise InvalidData(f"run {run.run_id} has no plan: orders are sent only from a frozen one")
            first, *second = self.order["client_order_ids"]
            with self.desk(ledger, run, context) as desk:
                if second:
                    self._check_own(desk, run.plan_id, second[0])
                self._wait_for_reductions(desk, run, first, waits)
                sent = [self._send(desk, run.plan_id, first)]
                if second:
                    self._wait_for_first_leg(desk, sent[0], second[0])
                    self._wait_for_reductions(desk, run, second[0], waits)
                    sent.append(self._send(desk, run.plan_id, second[0]))
            return self._report(context, sent)

    def traded_symbol(self) -> str:
        return str(self.order["symbol"])

    def show(self, context: Context, label: str) -> None:
        """Set what the DAG's `map_index_template` shows for this mapped task."""
        cast("dict[str, Any]", context)["label"] = label

    def _send(self, desk: Desk, plan_id: UUID, client_order_id: str) -> Intent:
        from include.execution.orders.submit import submit_order

        with structlog.contextvars.bound_contextvars(symbol=self.traded_symbol(), client_order_id=client_order_id):
            sent = submit_order(desk, plan_id, client_order_id)
            quantity = shares(sent.quantity)
            log.info("order submitted", side=sent.side, quantity=quantity, outcome=_word(sent), reason=sent.reason)
            return sent

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None, waits: int = 0) -> dict[str, Any]:
        """Go on after a wait for other orders: the ledger knows how far they are."""
        return self._submit(context, waits=waits)

    def _check_own(self, desk: Desk, plan_id: UUID, client_order_id: str) -> None:
        """Raise InvalidData for an order that is not of this run's plan: XCom is but a hint.

        The second leg's, before the first is sent; `submit_order` checks what it sends.
        """
        intent = desk.ledger.orders.get(client_order_id)
        if intent is None or intent.plan_id != plan_id:
            raise InvalidData(f"an order of the plan {plan_id} was expected, got {client_order_id}")

    def _wait_for_first_leg(self, desk: Desk, first: Intent, second: str) -> None:
        from include.execution.orders.flips import second_leg

        if second_leg(desk, first, second) == "wait":
            # Never less than Airflow 3.3.2 can take; the worker's slot is free meanwhile.
            defer_for(self, timedelta(seconds=desk.settings.defer_seconds), "execute_complete")

    def _wait_for_reductions(self, desk: Desk, run: Run, client_order_id: str, waits: int) -> None:
        """Give the slot back while an increase waits for the plan's reductions, where the strategy says so."""
        from include.execution.orders.funding import after_reductions
        from include.trading.strategy.kept import increases_wait

        if run.plan_id is None or not increases_wait(run.parameters):
            return
        if after_reductions(desk, run.plan_id, client_order_id) == "wait":
            seconds = min(desk.settings.defer_seconds * 2**waits, desk.settings.longest_defer_seconds)
            left = (run.send_until - desk.ledger.now()).total_seconds()
            defer_for(self, timedelta(seconds=min(seconds, max(left, 0))), "execute_complete", waits=waits + 1)

    def _report(self, context: Context, sent: Sequence[Intent]) -> dict[str, Any]:
        words = ", ".join(f"{order.symbol} {order.side} {shares(order.quantity)} → {_word(order)}" for order in sent)
        self.show(context, words)
        return {
            "symbol": self.order["symbol"],
            "orders": [
                {
                    "client_order_id": order.client_order_id,
                    "side": order.side,
                    "quantity": shares(order.quantity),
                    "state": order.state,
                    "reason": order.reason or order.message,
                }
                for order in sent
            ],
        }


def _word(order: Intent) -> str:
    return "acknowledged" if order.state == "open" else order.state
