"""The state of everything that the next run needs: asked at once, answered in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from include.adapters.connection import ConnectionParts
from include.execution.assembly import Assembly
from include.execution.duty.watchdog import HEARTBEAT
from include.ledger.pages import Pages, RunFilter
from include.trading.errors import LedgerUnavailable, TradingError
from include.trading.models import Price
from include.trading.order.identity import SENDING_MODES
from include.trading.order.states import UNRESOLVED
from include.trading.strategy.spec import Strategy
from trading_airflow.connections import assembly, parts_of
from trading_airflow.web import place
from trading_airflow.web.models.overview import AccountHealth, Component, Health, HealthReport, LastRun
from trading_airflow.web.probes import Probes
from trading_airflow.web.problems import Problem

# Looks that it may miss before a person should look at it.
WATCHDOG_MAY_MISS = 3
ASKED_BY = "health"

_probes = Probes()


def report(*, seconds: float, with_details: bool) -> HealthReport:
    """Ask everything, waiting at most so many seconds.

    with_details: also say what is wrong in words, and name accounts and runs.
    """
    now = datetime.now(UTC)
    questions, components = _questions(now, seconds)
    answers = _probes.ask(questions, seconds=seconds)
    facts: dict[str, Any] = {"accounts": [], "last_run": None}
    for name, future in answers.items():
        if not future.done():
            components.append(_ill(name, f"no answer within {seconds:g} s"))
            continue
        component, found = future.result()
        components.append(component)
        facts |= found
    watchdog = facts.get("watchdog")
    age = None if watchdog is None else max(0.0, (now - watchdog).total_seconds())
    return HealthReport(
        status=_status(components, facts, age),
        checked_at=now,
        components=components
        if with_details
        else [component.model_copy(update={"detail": None}) for component in components],
        accounts=facts["accounts"] if with_details else [],
        last_run=facts["last_run"] if with_details else None,
        watchdog_age_seconds=age,
    )


def _questions(now: datetime, seconds: float) -> tuple[dict[str, Callable[[], Any]], list[Component]]:
    """Return what to ask by name, and what is known already."""
    questions: dict[str, Callable[[], Any]] = {"ledger": _ledger}
    try:
        found = place.read_strategies()
    except Problem as problem:
        return questions, [_ill("strategies file", problem.detail)]
    components = []
    if found.problems:
        words = "; ".join(map(str, found.problems))
        components.append(Component(name="strategies file", status="degraded", detail=words))
    here = _hurried(seconds)
    by_source: dict[str, list[Strategy]] = {}
    for strategy in found.strategies:
        # As the strategies file calls them.
        for key, name in (
            ("signals", strategy.signals.name),
            ("venue", strategy.venue),
            ("prices", strategy.prices.name),
        ):
            by_source.setdefault(f"{key} {name}", []).append(strategy)
    for name, strategies in by_source.items():
        questions[name] = partial(_service, name, here, strategies, now)
    return questions, components


def _hurried(seconds: float) -> Assembly:
    """Return what opens the services with the report's own time-outs; theirs are for orders."""
    timeouts = ("connect_timeout_seconds", "read_timeout_seconds", "total_timeout_seconds")

    def parts(connection_id: str) -> ConnectionParts:
        given = parts_of(connection_id)
        return replace(given, extra={**given.extra, **dict.fromkeys(timeouts, seconds)})

    return replace(assembly(), connections=parts)


def _service(
    name: str, here: Assembly, strategies: Sequence[Strategy], now: datetime
) -> tuple[Component, dict[str, Any]]:
    key = name.partition(" ")[0]
    try:
        status, detail = _ASK[key](here, strategies, now)
    except TradingError as error:
        sends = any(strategy.mode in SENDING_MODES for strategy in strategies)
        needed = key != "venue" or sends
        return Component(name=name, status="unhealthy" if needed else "degraded", detail=str(error)), {}
    return Component(name=name, status=status, detail=detail), {}


def _signals(here: Assembly, strategies: Sequence[Strategy], now: datetime) -> tuple[Health, str]:
    with here.signals(strategies[0], correlation_id=ASKED_BY, retry_delays_seconds=()) as source:
        return "healthy", source.check_ready().words


def _venue(here: Assembly, strategies: Sequence[Strategy], now: datetime) -> tuple[Health, str]:
    venue = here.venue(strategies[0].venue)
    with venue.reader(correlation_id=ASKED_BY, retry_delays_seconds=()) as reader:
        info = reader.info()
        refusal = reader.refusal()
    words = f"{info.service} {info.version}, {info.mode}, says {info.status}"
    if info.detail:
        words += f" ({info.detail})"
    if refusal is not None:
        return "unhealthy", f"{words}; {refusal}"
    return info.status or "degraded", words


def _prices(here: Assembly, strategies: Sequence[Strategy], now: datetime) -> tuple[Health, str]:
    # Without symbols of its own it trades what its signals name, and any will show whether prices come.
    symbol = next(iter(strategies[0].symbols), "SPY")
    with here.prices(strategies[0], correlation_id=ASKED_BY, retry_delays_seconds=()) as source:
        price = source.latest([symbol], now)[symbol]
    if isinstance(price, Price):
        return "healthy", f"{symbol} traded at {price.at:%Y-%m-%d %H:%M:%S} UTC"
    return "degraded", f"no price of {symbol}: {price}"


_ASK: dict[str, Callable[[Assembly, Sequence[Strategy], datetime], tuple[Health, str]]] = {
    "signals": _signals,
    "venue": _venue,
    "prices": _prices,
}


def _ledger() -> tuple[Component, dict[str, Any]]:
    try:
        with place.open_ledger() as ledger:
            accounts = []
            for row in ledger.accounts.all():
                live = ledger.orders.live(row.account)
                accounts.append(
                    AccountHealth(
                        account=row.account,
                        state=row.state,
                        gateway_paused_until=row.gateway_paused_until,
                        open_breaks=len(ledger.books.open_breaks(row.account)),
                        unresolved_orders=sum(intent.state in UNRESOLVED for intent in live),
                    )
                )
            pages = Pages(ledger.connection)
            everyone = RunFilter(dag_ids=[dag_id for dag_id, _ in pages.dags()])
            watchdog = ledger.steps.last_beat(HEARTBEAT)
            last = [LastRun.model_validate(row) for row in pages.runs(everyone, limit=1, offset=0)]
    except Problem as problem:
        return _ill("ledger", problem.detail), {}
    except LedgerUnavailable as error:
        return _ill("ledger", str(error)), {}
    facts = {"accounts": accounts, "last_run": last[0] if last else None, "watchdog": watchdog}
    return Component(name="ledger", status="healthy", detail=None), facts


def _ill(name: str, detail: str) -> Component:
    return Component(name=name, status="unhealthy", detail=detail)


def _status(components: Sequence[Component], facts: dict[str, Any], watchdog_age: float | None) -> Health:
    statuses = {component.status for component in components}
    if "unhealthy" in statuses:
        return "unhealthy"
    last = facts["last_run"]
    late = place.settings().watchdog_minutes * 60 * (1 + WATCHDOG_MAY_MISS)
    needs_a_person = (
        "degraded" in statuses
        or any(account.state != "active" or account.open_breaks for account in facts["accounts"])
        or (last is not None and last.status == "failed")
        or (watchdog_age is not None and watchdog_age > late)
    )
    return "degraded" if needs_a_person else "healthy"
