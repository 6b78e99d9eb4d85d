"""The task `watch` of the DAG `trading_watchdog`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import BaseOperator

from include.trading.errors import TradingError
from include.trading.strategy.file import load_strategies
from trading_airflow.strategies import strategies_path

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.execution.assembly import Assembly
    from include.execution.duty.watchdog import Watched
    from include.trading.ports import VenueReader
    from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)


class WatchdogOperator(BaseOperator):
    """Look after runs and orders that no task may be looking after, send what alerts wait, and show that we live.

    Fails only without the ledger. Its result names a service that is down, and an unreadable strategies file.
    """

    ui_color = "#f3e8fd"

    def execute(self, context: Context) -> dict[str, Any]:
        from include.adapters.notify.heartbeat import ping
        from include.execution.alerts.delivery import send_alerts
        from include.execution.duty.watchdog import Watchdog
        from trading_airflow.alerts import base_url, channels
        from trading_airflow.connections import assembly
        from trading_airflow.hooks.ledger import LedgerHook

        here = assembly()
        settings = here.settings
        strategies: tuple[Strategy, ...] = ()
        file_problem = None
        try:
            strategies = load_strategies(strategies_path()).strategies
        except TradingError as error:
            file_problem = str(error)
        with LedgerHook().ledger() as ledger:
            # Also what the ledger knows: a strategy may have left the file with its orders still open.
            connections = {strategy.venue for strategy in strategies} | set(ledger.plans.gateway_connections())
            found = Watchdog(
                ledger=ledger,
                assembly=here,
                gateways=_gateways(here, connections),
                strategies=_watched(strategies, context),
                file_problem=file_problem,
            ).look()
            sent = send_alerts(ledger, settings, channels, base_url=base_url())
        if settings.heartbeat_url and (problem := ping(settings.heartbeat_url)) is not None:
            found.problems.append(f"heartbeat: {problem}")
        result = {
            "closed": found.closed,
            "recounted": found.recounted,
            "missed": found.missed,
            "problems": found.problems,
            "messages_sent": sent,
        }
        log.info("watchdog looked", **result)
        return result


def _gateways(here: Assembly, connections: Collection[str]) -> dict[str, Callable[[], VenueReader]]:
    """Return how to open the gateway of each account that a connection names. It only reads."""
    from include.execution.assembly import readers

    venues, unusable = here.venues(connections)
    for connection_id, reason in unusable.items():
        log.warning("gateway connection not usable", connection_id=connection_id, reason=reason)
    return readers(venues, "watchdog")


def _watched(strategies: tuple[Strategy, ...], context: Context) -> list[Watched]:
    """Return the strategies with what Airflow says of their DAGs: the ledger does not know which are paused."""
    from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

    from include.execution.duty.watchdog import Watched

    ti = context["ti"]
    found = []
    for strategy in strategies:
        if strategy.schedule is None:
            continue
        try:
            paused = ti.get_dag(strategy.dag_id).is_paused
        except (AirflowException, AirflowRuntimeError) as error:
            # New in the file and not read yet, or broken: its import error is Airflow's to show.
            log.warning("DAG not known", dag_id=strategy.dag_id, reason=str(error))
            paused = False
        found.append(Watched(strategy, paused=paused))
    return found
