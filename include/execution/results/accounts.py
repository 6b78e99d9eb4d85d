"""An account's day: what its venue says that it is worth, against what our books explain of the change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from include.ledger.ledger import Ledger
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import UNEXPLAINED_CASH
from include.trading.calendar.sessions import Session
from include.trading.models import AccountFacts, Price
from include.trading.ports import CashTeller, PriceSource, VenueReader
from include.trading.results.account import is_worth_a_look, unexplained_limit
from include.trading.results.entries import ZERO, cents
from include.trading.results.row import plain

# Activities are listed by the time they were made; each is kept once, so that days read twice do no harm.
LOOK_BACK: Final = timedelta(days=7)


def close_account_day(
    ledger: Ledger, account: str, session: Session, reader: VenueReader, prices: PriceSource
) -> str | None:
    """Store the account's day and return it in words; None where it is stored already, or the venue tells nothing.

    A difference that no book explains is a warning and never a break: trading goes on.
    """
    results = ledger.results
    newest = results.account_days(account, limit=1)
    before = newest[0] if newest else None
    if before is not None and before.session_date >= session.day:
        return None
    facts = reader.account()
    if facts is None:
        return None
    equity, closes, words = _at_the_close(facts, session, reader.positions(), prices, ledger)
    days = results.days(account=account, first=None if before is None else before.session_date, last=session.day)
    ours = [day for day in days if before is None or day.session_date > before.session_date]
    since = 0 if before is None else before.activity_id
    activities = results.activities(account, since, 2**62)
    # A first day has nothing to be compared with: what was listed until then is in what it begins with.
    listed_since = [] if before is None else activities
    flows = sum((each["amount"] for each in listed_since if each["kind"] == "flow"), ZERO)
    result = sum((day.result for day in ours), ZERO)
    # What our books did not count, because no strategy of ours has it, less what they count and the venue has not paid
    # yet: a book has a dividend from its ex-date on, the account on the day it is paid.
    counted = sum((day.dividends - day.fees for day in ours), ZERO)
    told = sum((each["amount"] for each in listed_since if each["kind"] in ("dividend", "fee", "interest")), ZERO)
    others = ZERO if before is None else told - counted
    unexplained = None if before is None else equity - before.equity - result - others - flows
    results.store_account_day(
        {
            "account": account,
            "session_date": session.day,
            "equity_before": None if before is None else before.equity,
            "equity": equity,
            "cash": cents(facts.cash),
            "result": result,
            "others": others,
            "flows": flows,
            "unexplained": unexplained,
            "activity_id": max((each["id"] for each in activities), default=since),
            "prices": closes,
            "words": words,
        }
    )
    _warn(ledger, account, session, equity, unexplained)
    return f"{account} {session.day}: {equity:,.2f} USD" + (
        "" if unexplained is None else f", {unexplained:+,.2f} USD unexplained"
    )


def read_cash(ledger: Ledger, account: str, reader: VenueReader) -> None:
    """Keep what the venue lists of the account's cash besides fills; what is known already is not kept again."""
    if not isinstance(reader, CashTeller):
        return
    newest = ledger.results.account_days(account, limit=1)
    since = newest[0].session_date if newest else ledger.now().date()
    for activity in reader.cash_activities(since - LOOK_BACK):
        ledger.results.store_activity(account, activity.model_dump())


def _at_the_close(
    facts: AccountFacts, session: Session, positions: Mapping[str, Decimal], prices: PriceSource, ledger: Ledger
) -> tuple[Decimal, dict[str, str], str]:
    """Return the account's equity at the session's closes, those closes, and what is to be said of it.

    A venue values by the last trade, which after the close is another price than the one our books are closed at.
    """
    held = sorted(symbol for symbol, quantity in positions.items() if quantity)
    told = prices.closes(held, session.day, session.close, ledger.now()) if held else {}
    closes = {symbol: price.price for symbol, price in told.items() if isinstance(price, Price)}
    missing = [symbol for symbol in held if symbol not in closes]
    if missing:
        return cents(facts.equity), {}, f"valued by the venue's own prices: no close of {listed(missing)} is known"
    worth = sum((cents(positions[symbol] * closes[symbol]) for symbol in held), ZERO)
    return cents(facts.cash) + worth, {symbol: plain(close) for symbol, close in closes.items()}, ""


def _warn(ledger: Ledger, account: str, session: Session, equity: Decimal, unexplained: Decimal | None) -> None:
    key = UNEXPLAINED_CASH.key(account)
    if not is_worth_a_look(unexplained, equity):
        ledger.alerts.end(key)
        return
    ledger.alerts.raise_alert(
        UNEXPLAINED_CASH.alarm(
            key,
            f"{session.day}: {unexplained:+,.2f} USD of the change of account {account} is in no book of ours "
            f"(more than {unexplained_limit(equity):,.2f} USD)",
            account=account,
        ),
        account=account,
        session=session.day,
    )
