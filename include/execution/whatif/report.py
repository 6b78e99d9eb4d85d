"""The report on a backfill: the ledger's replays of a strategy chained by date, with the closes they are filled at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field

from include.execution.assembly import Assembly
from include.execution.steps.open_run import made_from, strategy_of
from include.execution.whatif.comparing import planned_sessions
from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import TradingCalendar, calendar_of
from include.trading.errors import InvalidData, NotFound
from include.trading.models import Price, Value
from include.trading.plan.comparison import ModelResult, compare
from include.trading.plan.whatif import Decision, SessionPlan, SessionResult, chain, session_plan
from include.trading.plan.whatif_tables import MonthResult, SymbolResult, by_month, by_symbol
from include.trading.ports import PriceSource
from include.trading.results.measures import measures
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy

Closes = dict[date, dict[str, Decimal]]


class LeftOut(Value):
    """A session of the range that is not in the chain, and why."""

    session: date
    why: str


class Report(Value):
    """What the replays of a range of sessions would have made. notes: what kind of number this is."""

    strategy_id: str
    first: date
    last: date
    capital: Decimal
    model_versions: tuple[str, ...]
    sessions: tuple[SessionResult, ...]
    months: tuple[MonthResult, ...]
    symbols: tuple[SymbolResult, ...] = Field(description="the best first")
    left_out: tuple[LeftOut, ...]
    equity: Decimal
    total_return: Decimal
    traded: Decimal
    cost_bp: Decimal
    costs: Decimal
    volatility: float | None
    sharpe: float | None
    max_drawdown: float
    orders: int
    trades: int
    denied: dict[str, int] = Field(description="denied orders by the rule's code")
    skipped: dict[str, int] = Field(description="skipped symbols by reason")
    models: tuple[ModelResult, ...] = Field(description="the sizing and its shadows; empty without shadows")
    notes: tuple[str, ...]


def report(
    ledger: Ledger,
    first: date,
    last: date,
    strategy_id: str | None,
    assembly: Assembly,
    *,
    cost_bp: Decimal = Decimal(0),
) -> Report:
    """Chain the newest replay of every session from first to last, both included.

    cost_bp: what trading is taken to cost, in hundredths of a per cent of what is traded.
    Replays made with other parameters than the newest of all are left out: days of two strategies make no chain.
    Raises InvalidData when there is none, or the ledger has those of several strategies and none is named.
    """
    replays = ledger.runs.replays(first, last)
    id = _strategy(sorted({run.strategy_id for run in replays}), strategy_id, first, last)
    runs = [run for run in replays if run.strategy_id == id]
    newest = max(runs, key=lambda run: run.id)
    strategy, now = strategy_of(newest), ledger.now()
    calendar = calendar_of(strategy, now)
    chosen, left_out = _choose(runs, newest, calendar, first, last, now)
    rows = ledger.runs.mappings_of([run.run_id for run in chosen])
    plans = [_plan(run, rows.get(run.run_id, ())) for run in chosen]
    closes, unasked = _closes(chosen, rows, strategy, calendar, assembly, now)
    # A replay's is a number from its first write on.
    capital = strategy.capital_usd
    results = chain(capital, plans, closes, cost_bp=cost_bp)
    planned = planned_sessions(ledger, chosen, plans, rows)
    figures = measures([float(result.daily_return or 0) for result in results])
    traded = sum((result.traded for result in results), Decimal(0))
    filled = {result.session for result in results}
    left_out += [
        LeftOut(session=run.session_date, why=unasked.get(run.session_date, "its close is not known yet"))
        for run in chosen
        if run.session_date not in filled
    ]
    versions = tuple(sorted({run.model_version for run in chosen if run.model_version is not None}))
    return Report(
        strategy_id=id,
        first=first,
        last=last,
        capital=capital,
        model_versions=versions,
        sessions=tuple(results),
        months=by_month(capital, results),
        symbols=by_symbol(capital, results),
        left_out=tuple(sorted(left_out, key=lambda each: each.session)),
        equity=results[-1].equity if results else capital,
        total_return=results[-1].total_return if results else Decimal(0),
        traded=traded,
        cost_bp=cost_bp,
        costs=traded * cost_bp / 10_000,
        volatility=figures.volatility,
        sharpe=figures.sharpe,
        max_drawdown=figures.max_drawdown,
        orders=sum(result.orders for result in results),
        trades=sum(result.trades for result in results),
        denied=_added(result.denied for result in results),
        skipped=_added(result.skipped for result in results),
        models=compare(strategy.sizing.word, capital, planned, closes, cost_bp=cost_bp),
        notes=_notes(
            strategy, versions, cost_bp=cost_bp, hindsight=ledger.runs.in_hindsight([run.run_id for run in chosen])
        ),
    )


def _strategy(known: Sequence[str], asked: str | None, first: date, last: date) -> str:
    if not known:
        raise InvalidData(
            f"no session from {first} to {last} was replayed: make a backfill of those days first (docs/backfills.md)"
        )
    if asked is None and len(known) == 1:
        return known[0]
    if asked is None or asked not in known:
        raise InvalidData(
            f"--strategy: expected one that was replayed from {first} to {last}, {', '.join(known)}; got {asked}"
        )
    return asked


def _choose(
    runs: Iterable[Run], newest: Run, calendar: TradingCalendar, first: date, last: date, now: datetime
) -> tuple[list[Run], list[LeftOut]]:
    """Return one replay a session, oldest session first, and the sessions without one."""
    wanted = _comparable(newest)
    by_session: dict[date, Run] = {}
    reasons: dict[date, str] = {}
    for run in sorted(runs, key=lambda run: run.id):
        day = run.session_date
        if run.mapped_at is None:
            reasons[day] = f"its replay made no plan: {run.error_message or run.status}"
        elif _comparable(run) != wanted:
            reasons[day] = "replayed with other parameters than the newest replay only"
        else:
            by_session[day] = run
    days = calendar.between(first, min(last, calendar.current(now).day)) if first <= calendar.current(now).day else ()
    left_out = [LeftOut(session=day, why=reasons.get(day, "not replayed")) for day in days if day not in by_session]
    return [by_session[day] for day in sorted(by_session)], left_out


def _comparable(run: Run) -> dict[str, Any]:
    """Return what must be equal over a chain: everything but the day, and the mode a replay ignores."""
    parameters = made_from(run.parameters)
    strategy = {name: value for name, value in parameters["strategy"].items() if name != "mode"}
    return {**parameters, "strategy": strategy, "as_of_date": None}


def _plan(run: Run, rows: Iterable[Mapping[str, Any]]) -> SessionPlan:
    decisions = [
        Decision(
            symbol=row["symbol"],
            rank=row["rank"],
            target_weight=row["target_weight"],
            order_side=row["order_side"],
            order_quantity=row["order_qty"],
            outcome=row["outcome"],
            reason=row["skip_reason"],
        )
        for row in rows
    ]
    return session_plan(
        run.session_date,
        decisions,
        absent_signal=strategy_of(run).absent_signal,
        flatten=run.parameters["flatten"],
    )


def _closes(
    runs: Sequence[Run],
    rows: Mapping[UUID, Sequence[Mapping[str, Any]]],
    strategy: Strategy,
    calendar: TradingCalendar,
    assembly: Assembly,
    now: datetime,
) -> tuple[Closes, dict[date, str]]:
    """Return each session's closes: those the next session's replay was priced at, else the market data's.

    The second answer says why a session that is over has none.
    """
    closes: Closes = defaultdict(dict)
    for run in runs:
        for row in rows.get(run.run_id, ()):
            if row["price"] is not None:
                closes[run.as_of_date][row["symbol"]] = row["price"]
    unasked: dict[date, str] = {}
    with ExitStack() as opened:
        market: PriceSource | None = None
        for run in runs:
            session = calendar.session(run.session_date)
            named = strategy.symbols or [row["symbol"] for row in rows.get(run.run_id, ())]
            lacking = sorted(set(named) - closes[session.day].keys())
            if not lacking or now < session.close:
                continue
            if market is None:
                try:
                    market = opened.enter_context(assembly.prices(strategy, correlation_id="report"))
                except NotFound as error:
                    unasked[session.day] = f"its close is not in the ledger, and there is no market data: {error}"
                    continue
            found = market.closes(lacking, session.day, session.close, now)
            closes[session.day] |= {symbol: price.price for symbol, price in found.items() if isinstance(price, Price)}
    return closes, unasked


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def _notes(strategy: Strategy, model_versions: Iterable[str], *, cost_bp: Decimal, hindsight: int) -> tuple[str, ...]:
    costs = f"Costs of {cost_bp:f} bp of what is traded; no" if cost_bp else "No costs,"
    notes = [
        "What-if: no order was sent. Each session's plan begins flat, is sized for the strategy's capital at the close "
        "of its as_of_date, and counts as filled whole at the session's own close. "
        f"{costs} dividends, splits or borrowing; gains are not reinvested.",
        "It cannot know what the orders would have moved, whether shares to sell short could be borrowed, nor at what "
        "price an order would have filled.",
        "The signals were asked for when the backfill ran, not on the day: a model trained since then has seen "
        "the future, and the result flatters it.",
    ]
    if strategy.sandbox_only or any(version.startswith("sandbox") for version in model_versions):
        notes.append("Sandbox: its prices are historical closes laid on other dates. The numbers mean nothing.")
    if hindsight:
        notes.append(
            f"Hindsight: in {hindsight} sessions the signals stood without a day of their own; nothing says that they "
            "were known then."
        )
    if strategy.order_basis == "target":
        notes.append("order_basis is target: in trading each session would add the full target to what is held.")
    return tuple(notes)
