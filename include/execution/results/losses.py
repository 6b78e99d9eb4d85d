"""Stop an account on which a strategy lost more than it may: reductions only, until a person resumes it."""

from __future__ import annotations

from decimal import Decimal

from include.ledger.ledger import Ledger
from include.trading.account.loss import LOSS_CAUSE, Losses, exceeded
from include.trading.account.row import Account
from include.trading.alerts.catalogue import LOSS_LIMIT
from include.trading.calendar.sessions import Session, calendar_of
from include.trading.results.day import Day
from include.trading.results.row import BookKey
from include.trading.strategy.limits import OFF
from include.trading.strategy.spec import Strategy

BY_PERSON = "person"


def limits_losses(strategy: Strategy) -> bool:
    return strategy.limits.daily_loss != OFF or strategy.limits.drawdown != OFF


def stop_losses(
    ledger: Ledger,
    account: Account,
    strategy: Strategy,
    key: BookKey,
    session: Session,
    day: Day,
    *,
    capital: Decimal | None,
    actor: str,
) -> bool:
    """Make the locked account reduce_only where the strategy's book lost more than it may; return whether it did.

    day: the session's, closed or as it is now. capital: None for what the day began with.
    A person's word to resume begins the count again: what was lost before it does not stop the account once more.
    """
    if not limits_losses(strategy) or account.state != "active":
        return False
    resumed = account.state_changed_at if account.state_cause == BY_PERSON else None
    calendar = calendar_of(strategy, ledger.now())
    earlier = [
        point.result
        for point in ledger.results.points(strategy_ids=[strategy.id], account=account.account)
        if point.mode == key.mode
        and point.session_date < session.day
        and (resumed is None or calendar.session(point.session_date).close > resumed)
    ]
    judged = resumed is None or resumed < session.open
    words = exceeded(
        strategy.limits, capital or day.equity_before + day.flows, Losses(earlier, day.result if judged else None)
    )
    if words is None:
        return False
    reason = f"strategy {strategy.id}, session {session.day}: {words}"
    ledger.accounts.set_state(account, "reduce_only", cause=LOSS_CAUSE, reason=reason, actor=actor)
    ledger.alerts.raise_alert(
        LOSS_LIMIT.alarm(LOSS_LIMIT.key(account.account), reason, account=account.account),
        account=account.account,
        strategy_id=strategy.id,
        session=session.day,
    )
    return True
