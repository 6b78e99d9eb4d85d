"""The task `fetch_signals`."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import SkipMixin

from include.trading.errors import InvalidData, NotFound, TradingError
from include.trading.strategy.request import RunRequest
from include.trading.strategy.schedule_spec import Arrival
from include.trading.strategy.spec import Strategy
from trading_airflow.events import Arrived, arrived
from trading_airflow.operators.task import TradingOperator, identity_of, say_whose
from trading_airflow.strategies import strategy_named
from trading_airflow.version import code_version

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.execution.desk import Desk
    from include.ledger.ledger import Ledger
    from include.trading.run.row import Run

log = structlog.get_logger(__name__)


class FetchSignalsOperator(TradingOperator, SkipMixin):
    """Open the run, settle its session and mode, and fetch the model's signals for the day.

    A run of a strategy that waits for events of assets opens nothing until they are there for its session.
    """

    ui_color = "#e8f0fe"

    def __init__(self, *, strategy_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strategy_id = strategy_id

    def execute(self, context: Context) -> dict[str, Any]:
        with self.ledger(context) as ledger:
            # Inside, so that the words of a refusal are kept.
            strategy = strategy_named(self.strategy_id)
            request = RunRequest.from_params(context["params"])
            _check_heard(context, request)
            event = _arrived(context, strategy, request, ledger.now())
            if event.wait is None:
                return self._open(ledger, context, strategy, request, event)
        self._leave_alone(context, event.wait)
        return {}

    def _open(
        self, ledger: Ledger, context: Context, strategy: Strategy, request: RunRequest, event: Arrived
    ) -> dict[str, Any]:
        from include.execution.steps.open_run import open_run

        if event.session is not None:
            request = request.model_copy(update={"session_date": event.session})
        run = open_run(
            ledger,
            identity_of(context),
            strategy,
            request,
            account=_account(strategy),
            code_version=code_version(),
            signal_event=event.extra,
        )
        say_whose(run)
        log.info(
            "orchestration run started",
            as_of_date=run.as_of_date.isoformat(),
            num_symbols=len(run.symbols),
            capital=None if run.capital is None else str(run.capital),
            mode=run.mode,
            mode_reason=run.mode_reason,
            revision=run.revision,
            reason=request.reason,
        )
        with self.desk(ledger, run, context) as desk:
            return self._fetch(desk, run)

    def _leave_alone(self, context: Context, reason: str) -> None:
        """End the DAG run without a run of ours: a later event, or the session's time, starts the one that trades."""
        log.info("nothing is planned yet", reason=reason)
        context["ti"].xcom_push(key="return_value", value={"waits": reason})
        self.skip(context["ti"], context["task"].get_flat_relatives(upstream=False))

    def _fetch(self, desk: Desk, run: Run) -> dict[str, Any]:
        from include.execution.steps.fetch_signals import fetch_signals
        from include.execution.steps.open_run import strategy_of
        from trading_airflow.connections import assembly

        result: dict[str, Any] = {
            "run_id": str(run.run_id),
            "session_date": run.session_date.isoformat(),
            "as_of_date": run.as_of_date.isoformat(),
            "mode": run.mode,
            "mode_reason": run.mode_reason,
            "source": None,
            "signals": [],
        }
        if run.plan_id is not None:
            log.info("the run has its plan already: its signals are not asked for again", plan_id=str(run.plan_id))
            tell_changed(desk, run)
            return result
        with ExitStack() as stack:
            source = None
            if not run.parameters["flatten"]:
                source = stack.enter_context(assembly().signals(strategy_of(run), correlation_id=str(run.run_id)))
            found = fetch_signals(desk, source, run)
        signals = () if found is None else found.signals
        log.info(
            "signals fetched",
            num_signals=len(signals),
            num_longs=sum(signal.target_weight > 0 for signal in signals),
            num_shorts=sum(signal.target_weight < 0 for signal in signals),
            model_version=None if found is None else found.model_version,
            source=None if found is None or found.origin is None else found.origin.source,
            sha256=None if found is None or found.origin is None else found.origin.sha256,
        )
        origin = None if found is None or found.origin is None else found.origin.model_dump(mode="json")
        return {**result, "source": origin, "signals": [signal.model_dump(mode="json") for signal in signals]}


def tell_changed(desk: Desk, run: Run) -> None:
    """Log and alert where the run's signals changed after its plan was frozen."""
    from include.execution.steps.changed_signals import look_again
    from include.execution.steps.open_run import strategy_of
    from trading_airflow.connections import assembly

    if run.plan_id is None:
        return
    try:
        with assembly().signals(strategy_of(run), correlation_id=str(run.run_id)) as source:
            changed = look_again(desk, source, run)
    except TradingError as error:
        # It is only told: what is planned goes on without it.
        log.info("the source of the signals could not be opened again", error=str(error))
        return
    if changed is not None:
        log.warning(changed)


def _check_heard(context: Context, request: RunRequest) -> None:
    """Raise InvalidData unless the run's params say all that its trigger asked for."""
    conf = getattr(context["dag_run"], "conf", None) or {}
    asked = RunRequest.from_params(conf)
    unheard = [name for name in conf if getattr(asked, name) != getattr(request, name)]
    if unheard:
        raise InvalidData(
            f"the trigger asked for {', '.join(f'{name}={conf[name]!r}' for name in unheard)}, and Airflow did not "
            "pass that on, because [core] dag_run_conf_overrides_params is off: set it to True, or trigger without a "
            "conf; nothing was planned"
        )


def _arrived(context: Context, strategy: Strategy, request: RunRequest, now: datetime) -> Arrived:
    from include.trading.calendar.sessions import calendar_of

    if not isinstance(strategy.schedule, Arrival):
        return Arrived()
    calendar = calendar_of(strategy, now)
    return arrived(context, identity_of(context), request, strategy.schedule, calendar, now)


def _account(strategy: Strategy) -> str | None:
    """Return the account the gateway's connection names, None without such a connection: not every run needs one."""
    from trading_airflow.connections import assembly

    try:
        return assembly().venue(strategy.venue).account
    except NotFound:
        return None
