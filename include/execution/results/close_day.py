"""Close the books of the sessions that are over: once each, and never again. What comes late is the next day's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import structlog

from include.execution.assembly import Assembly
from include.execution.results.accounts import close_account_day, read_cash
from include.execution.results.actions import LOOK_BACK, ask_announcements, unapplied
from include.execution.results.happened import what_happened
from include.execution.results.losses import limits_losses, stop_losses
from include.ledger.ledger import Ledger
from include.trading.account.actions import Announcement
from include.trading.alerts.catalogue import DAY_RESULT
from include.trading.calendar.sessions import Session, TradingCalendar, calendar_of
from include.trading.errors import TradingError
from include.trading.models import Price
from include.trading.ports import Announcer, PriceSource, VenueReader
from include.trading.results.day import BookState, close_day
from include.trading.results.entries import ZERO, Entry
from include.trading.results.holding import Method
from include.trading.results.measures import daily_return
from include.trading.results.reading import announcement_of, dividend_of
from include.trading.results.row import BookKey, DayRow
from include.trading.strategy.kept import strategy_kept
from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)

# A session's book takes what is booked until so long after its close, where it is closed later than that.
BOOKED_WITHIN: Final = timedelta(hours=2)
# Of one look at one book; the next look goes on.
MOST_SESSIONS: Final = 250


@dataclass
class Closed:
    """What one look closed, and what it could not, in words."""

    days: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def close_books(
    ledger: Ledger,
    assembly: Assembly,
    account: str,
    strategies: Mapping[str, Strategy],
    *,
    actor: str,
    reader: VenueReader | None = None,
    calendar: str | None = None,
    before: datetime | None = None,
) -> Closed:
    """Close every session of the account's books that is over and not closed, and then the account's own day.

    strategies: by id, as the file has them now; one that left it is read from its newest run.
    reader: the account's venue, where it can be asked. calendar: only the books of this exchange.
    before: what was booked from then on is a later day's; by default it follows from each session's close.
    Trouble with one book is reported, and the others are closed.
    """
    found = Closed()
    if reader is not None:
        try:
            read_cash(ledger, account, reader)
        except TradingError as error:
            # The account's own day waits for it: what is not known would be shown as unexplained.
            found.problems.append(f"{account}: {error}")
            reader = None
    now = ledger.now()
    last: tuple[Session, Strategy] | None = None
    for key, first in ledger.results.keys(account):
        try:
            strategy = strategies.get(key.strategy_id) or _as_it_ran(ledger, key)
            if strategy is None or calendar not in (None, strategy.calendar):
                continue
            sessions = calendar_of(strategy, now)
            newest = _newest_closed(sessions, now)
            row = ledger.results.last_day(key)
            if newest is None or (row is None and first > newest.day):
                continue
            if last is None or newest.day > last[0].day:
                last = newest, strategy
            begins = first if row is None else sessions.next(row.session_date).day
            if begins > newest.day:
                continue
            days = sessions.between(begins, newest.day)
            if not days:
                continue
            with assembly.prices(strategy, correlation_id=f"books:{account}") as prices:
                for day in days[:MOST_SESSIONS]:
                    session = sessions.session(day)
                    is_last = session.day == newest.day
                    row = close_session(
                        ledger,
                        key,
                        session,
                        Closing(strategy, prices, actor=actor),
                        before=before or (now if is_last else min(now, session.close + BOOKED_WITHIN)),
                        row=row,
                    )
                    found.days.append(day_in_words(row))
                    # A past that is made up for is no news of the evening.
                    if is_last and before is None:
                        _tell(ledger, row)
        except TradingError as error:
            log.warning("a book was not closed", account=account, strategy=key.strategy_id, reason=str(error))
            found.problems.append(f"{account} {key.strategy_id}: {error}")
    if reader is not None and last is not None and reader.traits.tells_account:
        try:
            session, strategy = last
            with assembly.prices(strategy, correlation_id=f"books:{account}") as prices:
                words = close_account_day(ledger, account, session, reader, prices)
        except TradingError as error:
            found.problems.append(f"{account}: {error}")
        else:
            found.accounts.extend([] if words is None else [words])
    return found


def day_in_words(row: DayRow) -> str:
    """Return a closed day in one line."""
    share = "" if row.daily_return is None else f" ({100 * row.daily_return:+.2f} %)"
    stale = f", without a close: {', '.join(row.stale)}" if row.stale else ""
    return (
        f"{row.strategy_id} {row.session_date}: {row.result:+,.2f} USD{share}, equity {row.equity:,.2f} USD, turnover "
        f"{row.turnover:,.2f} USD{stale}"
    )


def _tell(ledger: Ledger, row: DayRow) -> None:
    ledger.alerts.tell(
        DAY_RESULT.alarm(DAY_RESULT.key(row.strategy_id, row.mode, row.session_date), day_in_words(row)),
        strategy_id=row.strategy_id,
        account=row.account,
        session=row.session_date,
    )


@dataclass(frozen=True)
class Closing:
    """What a day is closed with."""

    strategy: Strategy
    prices: PriceSource
    actor: str

    @property
    def method(self) -> Method:
        return self.strategy.results


def close_session(
    ledger: Ledger, key: BookKey, session: Session, closing: Closing, *, before: datetime, row: DayRow | None
) -> DayRow:
    """Close one session's book, store it and return its row; one that is closed already stays as it is.

    before: what was booked from this moment on is a later day's. row: the day before, None for a book's first.
    """
    until, entries = what_happened(ledger, key, session, closing.strategy, before=before, row=row)
    state = BookState() if row is None else row.state
    held = {*state.holdings, *(name for entry in entries for name in (entry.symbol, entry.to) if name)}
    closes = _closes(closing.prices, held, session, ledger.now())
    _ask_what_is_announced(ledger, closing.prices, held, session)
    entries += _dividends(ledger, key, session, row)
    splits = unapplied(ledger, key, held, session.day) if held else {}
    day = close_day(state, entries, closes, closing.method, unapplied=splits)
    with ledger.transaction():
        ledger.results.store_day(
            key,
            session.day,
            day,
            entries,
            method=closing.method,
            until=until,
            daily_return=daily_return(day.equity_before, day.flows, day.result),
            actor=closing.actor,
        )
        if limits_losses(closing.strategy):
            account = ledger.accounts.lock(key.account)
            capital = closing.strategy.capital_or_none
            stop_losses(ledger, account, closing.strategy, key, session, day, capital=capital, actor=closing.actor)
    stored = ledger.results.day(key, session.day)
    if stored is None:
        raise LookupError(f"the ledger's database has no day {session.day} of {key.strategy_id} that was just stored")
    return stored


def _ask_what_is_announced(ledger: Ledger, prices: PriceSource, symbols: set[str], session: Session) -> None:
    """Keep what companies announced of the symbols; while that is not known the day is closed without it."""
    if not isinstance(prices, Announcer) or not symbols:
        return
    try:
        ask_announcements(ledger, prices, symbols, session.day)
    except TradingError as error:
        log.warning("corporate actions are not known", session=str(session.day), reason=str(error))


def _dividends(ledger: Ledger, key: BookKey, session: Session, row: DayRow | None) -> list[Entry]:
    """Return what is due on what was held before the ex-dates, less what closed days counted.

    A book has a dividend from its ex-date on. What is announced later, otherwise or no more is this day's line.
    row: the day before, None for a book's first, which held nothing.
    """
    if row is None:
        return []
    first, counted = session.day - LOOK_BACK, _dividends_counted(ledger, key, session)
    found: list[Entry | None] = []
    for action in ledger.actions.dividends(first, session.day):
        late = action.ex_date <= row.session_date
        before = ledger.results.day_before(key, action.ex_date) if late else row
        held = None if before is None else before.state.holdings.get(action.symbol)
        found.append(dividend_of(action, held.quantity if held else ZERO, session.day, _of(counted, action)))
    for action in ledger.actions.taken_back([vendor_id for _, vendor_id in counted]):
        found.append(dividend_of(action, ZERO, session.day, _of(counted, action)))
    return [entry for entry in found if entry is not None]


def _of(counted: Mapping[tuple[str, str], Decimal], action: Announcement) -> Decimal:
    return counted.get((action.symbol, action.vendor_id), ZERO)


def _dividends_counted(ledger: Ledger, key: BookKey, session: Session) -> dict[tuple[str, str], Decimal]:
    """Return what closed days have of announced dividends in USD, by symbol and announcement."""
    days = ledger.results.days(**key._asdict(), first=session.day - LOOK_BACK)
    found: dict[tuple[str, str], Decimal] = {}
    for line in ledger.results.lines([day.id for day in days]):
        vendor_id = announcement_of(line["words"]) if line["kind"] == "dividend" else None
        if vendor_id is not None:
            named = (line["symbol"], vendor_id)
            found[named] = found.get(named, ZERO) + line["amount"]
    return found


def _closes(prices: PriceSource, symbols: set[str], session: Session, now: datetime) -> dict[str, Decimal]:
    if not symbols:
        return {}
    found = prices.closes(sorted(symbols), session.day, session.close, now)
    return {symbol: price.price for symbol, price in found.items() if isinstance(price, Price)}


def _newest_closed(sessions: TradingCalendar, now: datetime) -> Session | None:
    current = sessions.current(now)
    return None if current.day <= sessions.first.day else sessions.previous(current.day)


def _as_it_ran(ledger: Ledger, key: BookKey) -> Strategy | None:
    parameters = ledger.results.newest_parameters(key)
    return None if parameters is None else strategy_kept(parameters)


def by_id(strategies: Sequence[Strategy]) -> dict[str, Strategy]:
    return {strategy.id: strategy for strategy in strategies}
