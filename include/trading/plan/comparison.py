"""What the shadows of a chain of replayed sessions would have made, beside the sizing that was planned.

A shadow's targets are filled like a plan's, by the rule of include/trading/plan/whatif.py. They passed no limit and no
no-trade band, so a shadow may hold what no plan would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from pydantic import Field

from include.trading.models import Symbol, Value
from include.trading.plan.whatif import SessionPlan, SessionResult, chain
from include.trading.results.measures import measures


class ShadowSession(Value):
    """What a shadow would hold after one session; a symbol that is not named stays as it was.

    targets: None where it found no weights.
    """

    model: str
    targets: dict[Symbol, Decimal] | None


class PlannedSession(Value):
    """A session's plan, with its shadows. signalled: the symbols of which a shadow says what to hold."""

    plan: SessionPlan
    signalled: frozenset[Symbol]
    shadows: tuple[ShadowSession, ...]


class ModelResult(Value):
    """What one sizing would have made of the chain."""

    model: str
    planned: bool = Field(description="the strategy's own sizing; the others are its shadows")
    sized: int = Field(description="sessions in which it found weights; in the others its book stays")
    traded: Decimal = Field(description="USD, buys and sells added")
    turnover: float | None = Field(description="traded / equity, mean of the sessions")
    gross: float | None = Field(description="(longs + shorts) / equity, mean of the sessions")
    net: float | None = Field(description="(longs - shorts) / equity, mean of the sessions")
    volatility: float | None = Field(description="of the daily returns, a year")
    sharpe: float | None
    max_drawdown: float
    total_return: Decimal = Field(description="fraction of the capital")
    equity: tuple[Decimal, ...] = Field(description="USD, after each session of the chain")


def compare(
    model: str,
    capital: Decimal,
    sessions: Sequence[PlannedSession],
    closes: Mapping[date, Mapping[Symbol, Decimal]],
    *,
    cost_bp: Decimal = Decimal(0),
) -> tuple[ModelResult, ...]:
    """Return the planned sizing's result first, then those of the shadows by name; nothing where there are none.

    model: the planned sizing.
    """
    shadows = sorted({shadow.model for session in sessions for shadow in session.shadows})
    if not shadows:
        return ()
    planned = chain(capital, [session.plan for session in sessions], closes, cost_bp=cost_bp)
    filled = {result.session for result in planned}
    found = [_result(model, planned, planned=True, sized=len(filled))]
    for shadow in shadows:
        plans = [shadow_plan(shadow, session) for session in sessions]
        sized = sum(_targets(shadow, session) is not None for session in sessions if session.plan.session in filled)
        results = chain(capital, plans, closes, cost_bp=cost_bp)
        found.append(_result(shadow, results, planned=False, sized=sized))
    return tuple(found)


def shadow_plan(model: str, session: PlannedSession) -> SessionPlan:
    """Return the session's plan with the shadow's targets in it; what has no signal is closed as the plan closes it."""
    unsignalled = {symbol: each for symbol, each in session.plan.targets.items() if symbol not in session.signalled}
    return session.plan.model_copy(update={"targets": {**unsignalled, **(_targets(model, session) or {})}})


def _targets(model: str, session: PlannedSession) -> Mapping[Symbol, Decimal] | None:
    return next((shadow.targets for shadow in session.shadows if shadow.model == model), None)


def _result(model: str, results: Sequence[SessionResult], *, planned: bool, sized: int) -> ModelResult:
    figures = measures([float(result.daily_return or 0) for result in results])
    return ModelResult(
        model=model,
        planned=planned,
        sized=sized,
        traded=sum((result.traded for result in results), Decimal(0)),
        turnover=_mean([result.turnover for result in results]),
        gross=_mean([result.gross for result in results]),
        net=_mean([result.net for result in results]),
        volatility=figures.volatility,
        sharpe=figures.sharpe,
        max_drawdown=figures.max_drawdown,
        total_return=results[-1].total_return if results else Decimal(0),
        equity=tuple(result.equity for result in results),
    )


def _mean(ratios: Sequence[Decimal | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return float(sum(known, Decimal(0)) / len(known)) if known else None
