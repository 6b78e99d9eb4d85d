"""What a plan is made from: the world outside, the ledger's book under it, and the settings that hold now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from include.execution.desk import Desk
from include.execution.own_parts import own_parts
from include.execution.results.actions import Watched
from include.execution.results.losses import limits_losses
from include.execution.results.now import BookNow, book_now
from include.execution.steps.history import Closes
from include.execution.steps.open_run import strategy_of
from include.execution.steps.prices import without_price
from include.execution.steps.snapshot import Outside, book_mode
from include.trading.account.books import Book
from include.trading.calendar.sessions import calendar_of
from include.trading.models import Signal
from include.trading.plan.assets import LEAST_FRACTION_USD
from include.trading.plan.capital import Sized, sized
from include.trading.plan.liquidity import unlimited
from include.trading.plan.plan import PlanInputs
from include.trading.plan.valuation import in_new_shares
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy


@dataclass(frozen=True)
class Facts:
    """What is known when a plan is made. blocked: symbols that get no order, each with the reason."""

    signals: Sequence[Signal]
    outside: Outside
    book: Book
    closes: Closes
    blocked: Mapping[str, str] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)


def sized_for(run: Run, outside: Outside, now: BookNow | None) -> Sized:
    """Return the strategy with the capital that the run may use: the file's, the account's or its own book's."""
    strategy = strategy_of(run)
    asked = {name: Decimal(amount) for name, amount in run.parameters.get("at_most", {}).items()}
    own = None if strategy.own_book is None else strategy.own_book.start
    return sized(strategy, outside.money, asked, own if now is None else now.day.equity)


def own_book(desk: Desk, run: Run, outside: Outside) -> BookNow | None:
    """Return the strategy's own book at the plan's prices, where its capital or a limit of losses needs it."""
    strategy = strategy_of(run)
    if run.mode == "replay" or (strategy.own_book is None and not limits_losses(strategy)):
        return None
    session = calendar_of(strategy, desk.ledger.now()).session(run.session_date)
    return book_now(desk, run.account, strategy, book_mode(run), session, outside.prices.prices)


def inputs_of(
    desk: Desk,
    run: Run,
    facts: Facts,
    sizing: Sized,
    *,
    ids_from_content: bool,
    promised: Decimal = Decimal(0),
    most_symbols: int | None = None,
) -> PlanInputs:
    """Return the inputs of the plan that the run makes from the facts.

    ids_from_content: the venue computes an order's id from what is ordered. promised: USD of the buying power that
    other plans' orders take. most_symbols: how many symbols the run has tasks for.
    """
    only = run.parameters["only_symbols"]
    flatten = run.parameters["flatten"]
    book, outside = facts.book, facts.outside
    strategy = with_held(run, sizing.strategy, book)
    if run.mode == "replay":
        strategy = unlimited(strategy)
    unpriced = without_price({*book.held, *book.working}, outside.prices)
    return PlanInputs(
        strategy=strategy,
        signals=tuple(facts.signals),
        prices=outside.prices.prices,
        previous_closes=outside.prices.previous_closes,
        closes_in_new_shares=in_new_shares(outside.prices.previous_closes, facts.watched.splits),
        last_prices=desk.ledger.orders.last_prices(run.account, unpriced) if unpriced else {},
        held=book.held,
        open_quantity=book.working,
        blocked=dict(facts.blocked),
        account_state=book.account_state or "active",
        traded_today=book.traded,
        ids_from_content=ids_from_content,
        now=_planned_at(desk, run),
        flatten=flatten,
        # Any other plan with more of them is refused.
        most_symbols=most_symbols if flatten else None,
        money=outside.money,
        promised=promised,
        reductions_only=sizing.reductions_only,
        assets=outside.assets,
        least_fraction_usd=_least_fraction(desk, run),
        no_increases=_no_increases(book, facts.watched),
        history=facts.closes.history,
        traded_usd=facts.closes.traded_usd,
        own=own_parts(strategy, flatten=flatten),
        only_symbols=None if only is None else tuple(only),
    )


def _no_increases(book: Book, watched: Watched) -> dict[str, str]:
    """Return why these of the holdings may not be increased: whether a company announced something is not known."""
    if watched.unasked is not None:
        return dict.fromkeys(book.held, watched.unasked)
    return dict.fromkeys(watched.refused & book.held.keys(), "the market data service refuses the symbol")


def with_held(run: Run, strategy: Strategy, book: Book) -> Strategy:
    """Return the strategy, where it has no symbols of its own, with what is held among them.

    An answer that is not complete says nothing of these: they stay.
    """
    if "universe" not in run.parameters:
        return strategy
    return strategy.model_copy(update={"symbols": tuple(sorted({*strategy.symbols, *book.held, *book.working}))})


def _planned_at(desk: Desk, run: Run) -> datetime:
    """Return the plan's moment; a replay's is the open of its session, so that repeating it changes nothing."""
    now = desk.ledger.now()
    if run.mode != "replay":
        return now
    return calendar_of(strategy_of(run), now).session(run.session_date).open


def _least_fraction(desk: Desk, run: Run) -> Decimal | None:
    """Return what a part of a share must be worth at the run's venue; a run that asks none is planned as the file says.

    None: whole shares only.
    """
    if run.mode != "replay" and desk.reader is not None:
        return desk.reader.traits.least_fraction_usd
    return LEAST_FRACTION_USD if strategy_of(run).quantities == "fractional" else None
