"""The closes and volumes that a plan is sized with: up to the as_of_date, from the ledger and the market data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from include.execution.desk import Desk
from include.execution.steps.open_run import strategy_of
from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, TradingError
from include.trading.models import Signal
from include.trading.plan.liquidity import unlimited
from include.trading.ports import HistorySource, PriceSource, VolumeSource
from include.trading.run.row import Run
from include.trading.sizing.inputs import History
from include.trading.sizing.models import sessions_needed
from include.trading.strategy.limits import OFF
from include.trading.strategy.spec import Strategy

# By symbol and session; None: the source has no close.
_ByDay = dict[str, dict[date, Decimal | None]]
_Ask = Callable[[Sequence[str], date, date], Mapping[str, Mapping[date, Decimal]]]
# What a limit by volume calls an average day.
VOLUME_SESSIONS: Final = 20


class Closes(NamedTuple):
    """history, traded_usd: None where nothing looks at any.

    shadows_lack: why the shadows have fewer closes than they look at.
    """

    history: History | None
    shadows_lack: str | None = None
    traded_usd: dict[str, Decimal] | None = None


def history_for(desk: Desk, market: PriceSource, run: Run, signals: Sequence[Signal]) -> Closes:
    """Return what the sizing of the run's strategy and its shadows look at.

    Closes that only shadows look at are done without where they cannot be had.
    """
    strategy = strategy_of(run)
    if run.parameters["flatten"]:
        return Closes(None)

    now = desk.ledger.now()
    limited = unlimited(strategy) if run.mode == "replay" else strategy
    traded = traded_usd(desk.ledger, market, limited, signals, run.as_of_date, now)

    def ask(sizing: Strategy) -> History | None:
        return history(desk.ledger, market, sizing, signals, run.as_of_date, now)

    try:
        return Closes(ask(strategy), traded_usd=traded)
    except TradingError as error:
        alone = without_shadows(strategy)
        if most_sessions(alone) == most_sessions(strategy):
            raise
        return Closes(ask(alone), str(error), traded)


def history(
    ledger: Ledger | None,
    market: PriceSource | None,
    strategy: Strategy,
    signals: Sequence[Signal],
    as_of_date: date,
    now: datetime,
) -> History | None:
    """Return the closes of the signals' symbols up to the as_of_date; what the ledger lacks is asked for, and kept.

    ledger: None asks for all. market: None where prices come from a file. Raises InvalidData for prices without a
    history.
    """
    count = most_sessions(strategy)
    symbols = sorted(signal.symbol for signal in signals if signal.target_weight)
    if count == 0 or not symbols:
        return None
    if not isinstance(market, HistorySource):
        raise _lacking(market, strategy, "past closes, which its sizing looks at", "use another sizing")
    sessions = calendar_of(strategy, now).ending(as_of_date, count)
    found = _of_each_day(ledger, market.history_of, market.adjusted_closes, symbols, sessions)
    return History(sessions, {symbol: tuple(found[symbol].get(day) for day in sessions) for symbol in symbols})


def traded_usd(
    ledger: Ledger | None,
    market: PriceSource | None,
    strategy: Strategy,
    signals: Sequence[Signal],
    as_of_date: date,
    now: datetime,
) -> dict[str, Decimal] | None:
    """Return how much was traded of each signal's symbol on an average session, in USD; None where no limit asks.

    A session without a volume counts as one without a trade. Without any, the symbol is left out. `ledger` and `market`
    as in `history`.
    """
    symbols = sorted(signal.symbol for signal in signals)
    if strategy.limits.volume_share == OFF or not symbols:
        return None
    if not isinstance(market, VolumeSource):
        raise _lacking(market, strategy, "volumes, which limits.volume_share looks at", "take the limit out")
    sessions = calendar_of(strategy, now).ending(as_of_date, VOLUME_SESSIONS)
    found = _of_each_day(ledger, market.volumes_of, market.traded_usd, symbols, sessions)
    sums = {symbol: sum((each or Decimal(0) for each in found[symbol].values()), Decimal(0)) for symbol in symbols}
    return {symbol: traded / VOLUME_SESSIONS for symbol, traded in sums.items() if traded}


def _lacking(market: PriceSource | None, strategy: Strategy, what: str, way_out: str) -> InvalidData:
    called = "a file of prices" if market is None else strategy.prices.called
    return InvalidData(
        f"strategy {strategy.id}: expected prices with {what}, found {called}, which has none; nothing is planned: "
        f"{way_out}, or use another source of prices"
    )


def without_shadows(strategy: Strategy) -> Strategy:
    return strategy.model_copy(update={"shadow": ()})


def most_sessions(strategy: Strategy) -> int:
    """Return how many sessions the strategy's sizing and its shadows look back."""
    target = strategy.volatility_target
    return max(sessions_needed(spec, target) for spec in (strategy.sizing, *strategy.shadow))


def _of_each_day(
    ledger: Ledger | None, source: str, ask: _Ask, symbols: Sequence[str], sessions: Sequence[date]
) -> _ByDay:
    """Return the source's number for each symbol and session: as it was kept, or as `ask` answers now."""
    kept = {} if ledger is None else ledger.closes.of(source, sessions)
    found: _ByDay = {symbol: _known(symbol, kept) for symbol in symbols}
    asked: _ByDay = {}
    moved: set[str] = set()
    for (first, last), group in _to_ask(found, sessions).items():
        span = [day for day in sessions if first <= day <= last]
        for symbol, closes in ask(group, first, last).items():
            asked[symbol] = {day: closes.get(day) for day in span}
            known = found[symbol]
            if any(known[day] != closes.get(day) for day in span if day in known):
                moved.add(symbol)
    if moved:
        # A split or a dividend since then: all closes of the symbol are relative to something else.
        whole = ask(sorted(moved), sessions[0], sessions[-1])
        for symbol in moved:
            asked[symbol] = {day: whole.get(symbol, {}).get(day) for day in sessions}
    if ledger is not None:
        _keep(ledger, source, asked, moved, sessions)
    for symbol, new in asked.items():
        found[symbol] = new if symbol in moved else found[symbol] | new
    return found


def _known(symbol: str, kept: Mapping[date, Mapping[str, str | None]]) -> dict[date, Decimal | None]:
    texts = {day: closes[symbol] for day, closes in kept.items() if symbol in closes}
    return {day: None if text is None else Decimal(text) for day, text in texts.items()}


def _to_ask(found: _ByDay, sessions: Sequence[date]) -> dict[tuple[date, date], list[str]]:
    """Return the symbols to ask for, by first and last session.

    Next to what is missing, a session that is known is asked for again: where its close differs now, all closes are
    adjusted anew.
    """
    wanted: dict[tuple[date, date], list[str]] = defaultdict(list)
    for symbol, known in found.items():
        missing = [place for place, day in enumerate(sessions) if day not in known]
        if missing:
            first, last = max(missing[0] - 1, 0), min(missing[-1] + 1, len(sessions) - 1)
            wanted[sessions[first], sessions[last]].append(symbol)
    return wanted


def _keep(ledger: Ledger, source: str, asked: _ByDay, moved: Collection[str], sessions: Sequence[date]) -> None:
    by_session: dict[date, dict[str, str | None]] = defaultdict(dict)
    for symbol, closes in asked.items():
        newest = max((day for day, close in closes.items() if close is not None), default=None)
        for day, close in closes.items():
            # A close after the newest one may only be late: it is asked for again.
            if newest is not None and day <= newest:
                by_session[day][symbol] = None if close is None else f"{close:f}"
    if not by_session:
        return
    with ledger.transaction():
        if ledger.closes.may_write():
            if moved:
                ledger.closes.forget(source, moved, but=sessions)
            ledger.closes.keep(source, by_session)
