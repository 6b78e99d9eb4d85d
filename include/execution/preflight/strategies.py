"""One strategy: its rules, when it runs next, and whether signals and prices would come."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import datetime
from operator import attrgetter

from include.execution.assembly import Assembly
from include.execution.own_parts import function_named, own_parts
from include.execution.preflight.finding import ASKED_BY, Finding, Note, about, refused_login
from include.execution.steps.fetch_signals import signal_request
from include.trading.alerts.alarms import listed
from include.trading.calendar.next_run import next_run
from include.trading.calendar.sessions import Session, TradingCalendar, calendar_of
from include.trading.errors import InvalidData, Rejected, TradingError, Unauthorized
from include.trading.models import Price, SignalSet
from include.trading.order.identity import SENDING_MODES
from include.trading.plan.risk import RULES, rules_off
from include.trading.signals.judge import check_answer
from include.trading.strategy.limits import Limits
from include.trading.strategy.schedule_spec import assets_of, clock_of
from include.trading.strategy.signals_spec import SignalsSpec
from include.trading.strategy.sizing_spec import OwnSizing
from include.trading.strategy.source_spec import SourceSpec
from include.trading.strategy.spec import Strategy


def check_strategy(
    strategy: Strategy, assembly: Assembly, now: datetime
) -> Generator[Finding, None, Collection[str] | None]:
    """Yield what is found, and return the symbols that the next run trades.

    They are None where only the signals name them and those are not known.
    """
    note = about(f"strategy {strategy.id}")
    yield note("mode", strategy.mode)
    yield note("symbols", f"{len(strategy.symbols) or 'whatever is named'}, {strategy.signals.words}")
    yield from _rules(strategy, note)
    yield from check_own_parts(strategy, note)
    try:
        calendar = calendar_of(strategy, now)
        yield _schedule(strategy, calendar, now, note)
        current = calendar.current(now)
        last = calendar.previous(current.day)
    except TradingError as error:
        yield note("next run", str(error), "correct calendar and schedule in the strategies file")
        return strategy.symbols or None
    found = yield from _signals(strategy, assembly, current, last, note)
    symbols = strategy.symbols or (None if found is None else tuple(signal.symbol for signal in found.signals))
    yield from _prices(strategy, assembly, last, now, symbols or (), note)
    return symbols


def _rules(strategy: Strategy, note: Note) -> Iterator[Finding]:
    off = rules_off(strategy)
    for rule in RULES:
        if rule.setting is None or rule.code in off:
            continue
        limit = attrgetter(rule.setting)(strategy)
        if isinstance(limit, tuple):
            yield note(f"rule {rule.code}", ", ".join(limit) or "no symbol")
            continue
        if isinstance(limit, str):
            yield note(f"rule {rule.code}", f"{limit}; off where the venue tells no account")
            continue
        field = Limits.model_fields[rule.setting.removeprefix("limits.")]
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        source = f"default: {extra['source']}" if limit == field.default else "set in the strategies file"
        yield note(f"rule {rule.code}", f"{limit:,} {extra['unit']} ({source})")
    yield note("rules off", ", ".join(off) or "none")


def check_own_parts(strategy: Strategy, note: Note) -> Iterator[Finding]:
    """Import the strategy's own functions, as its tasks will: here, and on this machine."""
    if isinstance(strategy.sizing, OwnSizing):
        name = strategy.sizing.function
        try:
            function_named(name)
        except InvalidData as error:
            yield note("own sizing", str(error), "correct it: until then no plan is made, but to flatten")
        else:
            yield note("own sizing", name)
    for rule in own_parts(strategy, flatten=True).rules:
        step = "correct it: until then every increase is denied" if rule.problem else None
        yield note("own rule", rule.problem or rule.name, step)


def _schedule(strategy: Strategy, calendar: TradingCalendar, now: datetime, note: Note) -> Finding:
    clock, assets = clock_of(strategy.schedule), assets_of(strategy.schedule)
    due = next_run(clock, calendar, now)
    if due is None and assets:
        return note(
            "next run", f"once {listed(assets)} announced signals; the current session is {calendar.current(now).day}"
        )
    if due is None:
        return note("next run", f"by hand; the current session is {calendar.current(now).day}")
    session = calendar.current(due)
    value = f"{due:%Y-%m-%d %H:%M} UTC for session {session.day}, {session.open:%H:%M} to {session.close:%H:%M} UTC"
    if strategy.mode in SENDING_MODES and strategy.market_hours and not session.open <= due < session.close:
        step = f"change the schedule {clock!r}: a run outside the session's hours only plans"
        return note("next run", value, step)
    return note("next run", f"{value}, once {listed(assets)} announced signals for it" if assets else value)


def _signals(
    strategy: Strategy, assembly: Assembly, session: Session, last: Session, note: Note
) -> Generator[Finding, None, SignalSet | None]:
    """Ask once for the signals of the session to come, as its run will, and return them: health does not say so much.

    last: the session whose data they are made from. The request carries the id `check`; nothing is stored.
    """
    asked = strategy.signals
    try:
        source = assembly.signals(strategy, correlation_id=ASKED_BY, retry_delays_seconds=())
    except TradingError as error:
        yield note("signal source", str(error), f"correct {asked.where}")
        return None
    with source as client:
        try:
            health = client.check_ready()
        except TradingError as error:
            value, step = _no_source(error, asked)
            yield note("signal source", value, step)
            return None
        yield note("signal source", health.words)
        if asked.needs_event:
            yield note("signals", "read when an event announces them")
            return None
        ask = signal_request(strategy, last.day, session.day)
        try:
            found = client.signals(ask)
            check_answer(found, strategy, ask)
        except (TradingError, ValueError) as error:
            value, step = _no_signals(error, asked, last)
            yield note("signals", value, step)
            return None
    longs = sum(signal.target_weight > 0 for signal in found.signals)
    shorts = sum(signal.target_weight < 0 for signal in found.signals)
    missing = [symbol for symbol in strategy.symbols if symbol not in {signal.symbol for signal in found.signals}]
    value = f"{longs} long and {shorts} short of {len(found.signals)}, data of {last.day}, {_from(found)}"
    if missing:
        step = f"ask {asked.called}'s owner for the bars of {last.day}: without a signal a symbol gets no order"
        yield note("signals", f"{value}; not {listed(missing)}", step)
    else:
        yield note("signals", value)
    return found


def _from(found: SignalSet) -> str:
    origin = found.origin
    if origin is None:
        return found.model_version
    age = "" if origin.age_seconds is None else f", {origin.age_seconds / 3600:.1f} hours old"
    return f"{origin.rows} rows{age}, sha256 {str(origin.sha256)[:12]}, its day by {origin.dated}"


def _no_source(error: TradingError, asked: SourceSpec) -> tuple[str, str]:
    """Return what is wrong with a source that is not ready, and what to do."""
    if isinstance(error, Unauthorized):
        return refused_login(error, asked.called, asked.where)
    return str(error), f"start {asked.called}, or correct {asked.where}"


def _no_signals(error: Exception, asked: SignalsSpec, last: Session) -> tuple[str, str]:
    """Return why the run to come would get no signals, and what to do."""
    if isinstance(error, Unauthorized):
        value, step = refused_login(error, asked.called, asked.where)
        return value, f"{step}: no run gets signals before"
    if isinstance(error, Rejected) and error.status == 403:
        return f"the model is not active at {asked.called}", "let its owner activate it: no run gets signals before"
    if isinstance(error, Rejected):
        step = f"ask {asked.called}'s owner for the data of {last.day} and these symbols: the run would fail"
        return str(error), step
    return str(error), f"ask {asked.called}'s owner: the run would fail, or wait for it"


def _prices(
    strategy: Strategy, assembly: Assembly, last: Session, now: datetime, symbols: Sequence[str], note: Note
) -> Iterator[Finding]:
    if not symbols:
        yield note("price source", "asked for what the signals name, once there are any")
        return
    try:
        with assembly.prices(strategy, correlation_id=ASKED_BY, retry_delays_seconds=()) as client:
            latest = client.latest(symbols, now)
            closes = client.closes(symbols, last.day, last.close, now)
    except TradingError as error:
        value, step = _no_source(error, strategy.prices)
        yield note("price source", value, f"{step}: every symbol would be skipped")
        return
    for name, found in (("latest trades", latest), (f"closes of {last.day}", closes)):
        wrong = [f"{symbol} ({price})" for symbol, price in found.items() if not isinstance(price, Price)]
        value = f"{len(found) - len(wrong)} of {len(found)} symbols"
        if wrong:
            step = "correct the symbols, or wait for the market data: without a price a symbol gets no order"
            yield note(name, f"{value}; not {', '.join(wrong)}", step)
        else:
            yield note(name, value)
