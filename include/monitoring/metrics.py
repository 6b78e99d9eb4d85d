"""Metrics in Prometheus' text format, made of the ledger when asked: retries, clears and restarts change nothing.

The ADR's names, with underscores for dots; a run's are those of the newest closed run of each strategy and mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from include.execution.alerts.raising import run_facts
from include.execution.duty.watchdog import HEARTBEAT
from include.ledger.ledger import Ledger
from include.trading.run.row import Run

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A strategy that does not run any more must not alert for ever.
_FORGET_AFTER = timedelta(days=7)
_RUN = ("strategy", "mode")


def render_metrics(ledger: Ledger) -> bytes:
    """Return everything there is to measure, as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(ledger))
    return generate_latest(registry)


class LedgerCollector(Collector):
    """Reads the ledger once for each collection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterable[Metric]:
        yield from self._runs()
        yield from self._accounts()
        yield from self._money()
        yield from self._alerts()
        age = _gauge("watchdog_age_seconds", "Seconds since the watchdog last looked; absent when it never did.", ())
        last = self._ledger.steps.last_beat(HEARTBEAT)
        if last is not None:
            age.add_metric([], (self._ledger.now() - last).total_seconds())
        yield age

    def _runs(self) -> Iterator[Metric]:
        metrics = {name: _gauge(name, text, _RUN) for name, text in _RUN_METRICS.items()}
        status = _gauge("run_status", "1 for the status of the newest run.", (*_RUN, "status"))
        orders = _gauge("orders", "Orders of the newest run by state.", (*_RUN, "state"))
        steps = _gauge("step_duration_seconds", "Seconds a step took, all tries and tasks of it.", (*_RUN, "step"))
        for run in self._ledger.runs.newest_closed(self._ledger.now() - _FORGET_AFTER):
            labels = [run.strategy_id, run.mode]
            for name, value in self._values(run).items():
                metrics[name].add_metric(labels, value)
            for word in ("completed", "partial", "failed"):
                status.add_metric([*labels, word], float(run.status == word))
            intents = [] if run.plan_id is None else self._ledger.orders.of_plan(run.plan_id)
            states = [intent.state for intent in intents]
            for state in sorted(set(states)):
                orders.add_metric([*labels, state], states.count(state))
            for step, seconds in self._ledger.steps.durations(run.run_id).items():
                steps.add_metric([*labels, step], seconds)
        yield from (*metrics.values(), status, orders, steps)

    def _values(self, run: Run) -> dict[str, float]:
        facts = run_facts(self._ledger, run)
        took = facts.sending_seconds
        values: dict[str, float] = {
            "run_duration_seconds": float(run.duration_seconds or 0) if took is None else took,
            "run_started_timestamp_seconds": run.started_at.timestamp(),
            "signals_age_seconds": (self._ledger.now() - _end_of(run.as_of_date)).total_seconds(),
            "signals_count": run.num_signals,
            "signals_missing": float(facts.mapped and facts.no_tradable_signal),
            "symbols_count": facts.symbols,
            "symbols_wanted": facts.wanted,
            "symbols_submitted": facts.submitted,
            "symbols_without_price": facts.price_problems,
            "orders_planned": run.num_orders_planned,
            "orders_submitted": run.num_orders_submitted,
            "orders_accepted": run.num_orders_accepted,
            "orders_rejected": run.num_orders_rejected,
            "orders_filled": run.num_orders_filled,
            "errors_count": self._ledger.steps.errors(run.run_id),
        }
        return values

    def _accounts(self) -> Iterator[Metric]:
        state = _gauge("account_state", "1 for the state of the account.", ("account", "state"))
        unknown = _gauge("orders_unknown", "Orders whose outcome is not known.", ("account",))
        breaks = _gauge("breaks_open", "Books that differ, until a person resumes the account.", ("account",))
        for account in self._ledger.accounts.all():
            for word in ("active", "reduce_only", "halted"):
                state.add_metric([account.account, word], float(account.state == word))
            live = self._ledger.orders.live(account.account)
            unknown.add_metric([account.account], sum(intent.state == "unknown" for intent in live))
            breaks.add_metric([account.account], len(self._ledger.books.open_breaks(account.account)))
        yield from (state, unknown, breaks)

    def _money(self) -> Iterator[Metric]:
        labels = ("account", "strategy", "mode")
        equity = _gauge("book_equity_usd", "Equity of the strategy's own book after its newest closed session.", labels)
        result = _gauge("day_result_usd", "Result of that session.", labels)
        unexplained = _gauge("unexplained_cash_usd", "What no book explains of the account's change.", ("account",))
        for point in self._ledger.results.newest_points():
            equity.add_metric([point.account, point.strategy_id, point.mode], float(point.equity))
            result.add_metric([point.account, point.strategy_id, point.mode], float(point.result))
        for account in self._ledger.accounts.all():
            for day in self._ledger.results.account_days(account.account, limit=1):
                unexplained.add_metric([account.account], float(day.unexplained or 0))
        yield from (equity, result, unexplained)

    def _alerts(self) -> Iterator[Metric]:
        labels = ("kind", "severity")
        open_now = _gauge("alerts_open", "Alerts whose cause lasts.", labels)
        raised = CounterMetricFamily(f"{PREFIX}alerts_raised", "How often a cause was seen.", labels=labels)
        for row in self._ledger.alerts.count():
            if row["severity"] != "info":
                open_now.add_metric([row["kind"], row["severity"]], row["open"])
            raised.add_metric([row["kind"], row["severity"]], row["raised"])
        yield from (open_now, raised)


PREFIX = "orchestration_"

_RUN_METRICS = {
    "run_duration_seconds": "Start to last acknowledgement, without waits that were ordered.",
    "run_started_timestamp_seconds": "When the newest run started.",
    "signals_age_seconds": "Seconds since the end (UTC) of the day whose data the newest run's signals are of.",
    "signals_count": "Signals the Signal Service returned.",
    "signals_missing": "1 when signals were wanted and none has a weight.",
    "symbols_count": "Symbols that were decided on.",
    "symbols_wanted": "Symbols whose change exceeds the no-trade band.",
    "symbols_submitted": "Symbols for which an order was sent.",
    "symbols_without_price": "Symbols skipped because they had no usable price.",
    "orders_planned": "Orders of the plan.",
    "orders_submitted": "Orders ever sent.",
    "orders_accepted": "Orders the gateway acknowledged.",
    "orders_rejected": "Orders that ended as rejected.",
    "orders_filled": "Orders that filled.",
    "errors_count": "Tries of the run's steps that ended with an error, killed ones included.",
}


def _gauge(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)
