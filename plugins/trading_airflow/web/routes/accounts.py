"""Accounts: what state each is in, and what a person on duty may do: halt, resume, settle, adopt, correct."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints

from include.execution.duty import account as operations
from include.execution.duty import corrections
from include.execution.duty import settlement as settling
from include.execution.duty.rebinding import rebind as bind_again
from include.execution.duty.strategies import check_strategy
from include.ledger.ledger import Ledger
from include.ledger.page_histories import PageHistories
from include.ledger.pages import Pages
from include.trading.account.corrections import (
    HandFill,
    MoveFrom,
    Quantity,
    Ratio,
    Rename,
    Wanted,
    parse_quantity,
    parse_ratio,
    parse_symbol,
)
from include.trading.errors import TradingError
from include.trading.order.states import UNRESOLVED
from trading_airflow.web.models.accounts import (
    AccountDetail,
    AccountEvent,
    AccountGateway,
    AccountHistory,
    AccountList,
    AccountSummary,
    AdoptBody,
    AdoptResult,
    Break,
    Cancellation,
    CorrectBody,
    CorrectResult,
    HaltBody,
    HaltResult,
    HistoryEntry,
    Holding,
    LiveOrder,
    RebindBody,
    RebindResult,
    ResumeBody,
    ResumeResult,
    SettleBody,
    SettledOrder,
    SettleResult,
)
from trading_airflow.web.place import (
    AccountPlace,
    LedgerOfRequest,
    accounts,
    desk_at,
    readable_dags,
    settings,
    strategies_or_problem,
)
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.webauth import Right, User, allowed, audit

router = APIRouter(prefix="/accounts", tags=["accounts"])
MOST_EVENTS = 50
MOST_ENTRIES = 200
AccountName = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Path(description="the name that the venue's connection gives it", max_length=200, pattern=r"^[^/\x00-\x1f\x7f]+$"),
]
LOOKED_AT = responses(401, 403, 404, 422, 503)
CHANGED = responses(401, 403, 404, 409, 422, 502, 503)


@router.get("", response_model=AccountList, summary="List accounts", responses=responses(401, 403, 503))
def list_accounts(user: User, ledger: LedgerOfRequest) -> AccountList:
    """List the accounts on which strategies trade that you may read."""
    readable = set(readable_dags(user, ledger))
    return AccountList(
        accounts=[_summary(user, ledger, place) for place in accounts(ledger).values() if readable & set(place.dag_ids)]
    )


@router.get("/{account}", response_model=AccountDetail, summary="Read an account", responses=LOOKED_AT)
def read_account(user: User, ledger: LedgerOfRequest, account: AccountName) -> AccountDetail:
    """Return the account with its live orders, its books, and what was done to it."""
    place = place_of(user, ledger, account)
    pages = Pages(ledger.connection)
    newest = pages.newest_positions(account)
    return AccountDetail(
        **dict(_summary(user, ledger, place)),
        orders=[LiveOrder.model_validate(intent) for intent in ledger.orders.live(account)],
        holdings=_holdings(ledger, account, newest),
        asked_at=None if newest is None else newest["queried_at"],
        gateway=_gateway(ledger, place),
        events=[AccountEvent.model_validate(event) for event in pages.account_events(account, limit=MOST_EVENTS)],
    )


@router.get("/{account}/history", response_model=AccountHistory, summary="An account's history", responses=LOOKED_AT)
def read_history(
    user: User,
    ledger: LedgerOfRequest,
    account: AccountName,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AccountHistory:
    """Return who did what to the account and why, newest first: states, corrections, adoptions, breaks, bindings."""
    place_of(user, ledger, account)
    rows, total = PageHistories(ledger.connection).of_account(account, limit=limit, offset=offset)
    return AccountHistory(
        entries=[HistoryEntry.model_validate(row) for row in rows], total=total, limit=limit, offset=offset
    )


@router.post("/{account}/halt", response_model=HaltResult, summary="Halt an account", responses=CHANGED)
def halt(user: User, ledger: LedgerOfRequest, account: AccountName, body: HaltBody) -> HaltResult:
    """Stop sending on the account, at once; what is sent already is tracked on, what is planned stays planned.

    With `cancel_open` the venue is also asked to cancel what is open. A user who may trigger one of the
    account's strategies may halt it.
    """
    place = place_of(user, ledger, account, Right.RUN)
    ledger.accounts.ensure(account)
    operations.halt(ledger, account, actor=user.get_name(), reason=body.reason)
    _audit(user, "trading_halt", place, reason=body.reason, cancel_open=body.cancel_open)
    canceled = []
    if body.cancel_open:
        try:
            with desk_at(ledger, place, user.get_name()) as desk:
                canceled = operations.cancel_open(desk, account, reason=body.reason)
        except (TradingError, Problem) as error:
            raise Problem(409, "Halted, but not everything was canceled", str(error)) from error
    return HaltResult(
        account=_summary(user, ledger, place),
        cancellations=[Cancellation.model_validate(found) for found in canceled],
    )


@router.post("/{account}/resume", response_model=ResumeResult, summary="Resume an account", responses=CHANGED)
def resume(user: User, ledger: LedgerOfRequest, account: AccountName, body: ResumeBody) -> ResumeResult:
    """Let a halted account trade again; the reason is the resolution of its open breaks, which must all be named.

    Needs the right to edit every DAG that trades on the account, as do `settle`, `adopt`, `correct` and `rebind`.
    """
    place = place_of(user, ledger, account, Right.EDIT)
    ledger.accounts.ensure(account)
    done = operations.resume(
        ledger, account, actor=user.get_name(), reason=body.reason, breaks=body.breaks, settings=settings()
    )
    _audit(user, "trading_resume", place, reason=body.reason, breaks=body.breaks)
    return ResumeResult(
        account=_summary(user, ledger, place), breaks=[Break.model_validate(found) for found in done.breaks]
    )


@router.post("/{account}/settle", response_model=SettleResult, summary="Settle orders", responses=CHANGED)
def settle(user: User, ledger: LedgerOfRequest, account: AccountName, body: SettleBody) -> SettleResult:
    """End orders whose outcome cannot be learned, by your word; each is looked up once more before."""
    place = place_of(user, ledger, account, Right.EDIT)
    verdict = settling.Verdict(body.outcome, body.reason, body.quantity, body.price)
    with desk_at(ledger, place, user.get_name()) as desk:
        ids = settling.unresolved(desk, account) if body.all_unresolved else []
        ids += [id for id in body.client_order_ids if id not in ids]
        if not ids:
            raise Problem(422, "The request does not fit", "client_order_ids: expected at least one order, got none")
        done = settling.settle(desk, account, ids, verdict, gateway_silent=body.gateway_silent)
    _audit(user, "trading_settle", place, orders=ids, outcome=body.outcome, reason=body.reason)
    return SettleResult(orders=[SettledOrder.model_validate(order) for order in done.orders], runs=done.runs)


@router.post("/{account}/adopt", response_model=AdoptResult, summary="Adopt a position", responses=CHANGED)
def adopt(user: User, ledger: LedgerOfRequest, account: AccountName, body: AdoptBody) -> AdoptResult:
    """Declare a symbol's position, as far as our fills do not explain it, not to be ours: its new baseline."""
    place = place_of(user, ledger, account, Right.EDIT)
    symbol = parse_symbol(body.symbol)
    ledger.accounts.ensure(account)
    with desk_at(ledger, place, user.get_name()) as desk:
        done = operations.adopt(
            desk, account, symbol, reason=body.reason, quantity=body.quantity, not_ours=body.not_ours
        )
    _audit(user, "trading_adopt", place, symbol=symbol, baseline=str(done.baseline), reason=body.reason)
    return AdoptResult.model_validate(asdict(done))


@router.post("/{account}/correct", response_model=CorrectResult, summary="Correct a holding", responses=CHANGED)
def correct(user: User, ledger: LedgerOfRequest, account: AccountName, body: CorrectBody) -> CorrectResult:
    """Put right what a strategy holds: a split, a new symbol, a write-off, a late fill, a strategy's new name.

    Refused while an order of the symbol may still fill, and when the gateway's position says otherwise unless
    `against_gateway`. A correction is undone by another one that names it.
    """
    place = place_of(user, ledger, account, Right.EDIT)
    words: dict[str, Any] = {"reason": body.reason, "against_gateway": body.against_gateway}
    if body.undo is None and body.fill is None:
        check_strategy(ledger, account, body.strategy_id, strategies_or_problem())
    ledger.accounts.ensure(account)
    with desk_at(ledger, place, user.get_name()) as desk:
        if body.undo is not None:
            done = corrections.undo(desk, account, body.undo, **words)
        else:
            done = corrections.correct(desk, account, body.strategy_id, body.symbol, _wanted(body), **words)
    _audit(user, "trading_correct", place, correction=done.id, kind=done.kind, **words)
    return CorrectResult.model_validate({**asdict(done), "differences": sorted(done.differences)})


@router.post("/{account}/rebind", response_model=RebindResult, summary="Rebind an account", responses=CHANGED)
def rebind(user: User, ledger: LedgerOfRequest, account: AccountName, body: RebindBody) -> RebindResult:
    """Give the account the gateway that its connection names now, and say whether the broker's account is the same.

    The same one: live orders are looked up on at the new address. Another one: refused with live orders or holdings.
    When no connection names it, the account is taken off its gateway; refused while one that may cannot be read.
    """
    place = place_of(user, ledger, account, Right.EDIT)
    done = bind_again(
        ledger,
        account,
        place.venues.address(account),
        same_account=body.same_account,
        actor=user.get_name(),
        reason=body.reason,
    )
    _audit(user, "trading_rebind", place, same_account=body.same_account, reason=body.reason)
    return RebindResult(
        account=_summary(user, ledger, place),
        gateway=_gateway(ledger, place),
        changed=done.changed,
        not_sent=done.not_sent,
    )


def _holdings(ledger: Ledger, account: str, newest: Mapping[str, Any] | None) -> list[Holding]:
    """Return the books side by side. A symbol of ours that moved since the venue was asked has no difference."""
    gateway = {} if newest is None else {symbol: Decimal(text) for symbol, text in newest["quantities"].items()}
    fills, baseline = ledger.movements.of_account(account), ledger.books.baseline(account)
    pages, zero = Pages(ledger.connection), Decimal(0)
    corrected = pages.corrected(account)
    moved = frozenset() if newest is None else pages.moved_since(account, newest["queried_at"])
    found = []
    for symbol in sorted({*gateway, *fills, *baseline}):
        theirs = None if newest is None else gateway.get(symbol, zero)
        ours = fills.get(symbol, zero) + baseline.get(symbol, zero)
        found.append(
            Holding(
                symbol=symbol,
                gateway=theirs,
                fills=fills.get(symbol, zero),
                corrections=corrected.get(symbol, zero),
                baseline=baseline.get(symbol, zero),
                difference=None if theirs is None or symbol in moved else theirs - ours,
            )
        )
    return found


def _gateway(ledger: Ledger, place: AccountPlace) -> AccountGateway:
    row = ledger.accounts.get(place.account)
    return AccountGateway(
        address=None if row is None else row.gateway_address,
        connection_address=place.connection_address,
        strategy_id=None if row is None else row.gateway_strategy_id,
        broker_url=None if row is None else row.gateway_broker_url,
        version=None if row is None else row.gateway_version,
        environment=None if row is None else row.environment,
        binding=0 if row is None else row.binding,
    )


def _wanted(body: CorrectBody) -> Wanted:
    if body.ratio is not None:
        return Ratio(parse_ratio(body.ratio))
    if body.quantity is not None:
        return Quantity(parse_quantity(body.quantity, negative=True))
    if body.rename is not None:
        return Rename(parse_symbol(body.rename))
    if body.fill is not None:
        fill = body.fill
        price = parse_quantity(fill.price, name="price")
        return HandFill(fill.client_order_id, parse_quantity(fill.quantity), price)
    return MoveFrom(body.move_from or "")


def place_of(user: User, ledger: Ledger, account: str, right: Right | None = None) -> AccountPlace:
    """Return the account's place; answers 404 to a user who may read no strategy on it, 403 without the right."""
    place = accounts(ledger).get(account)
    if place is None or not allowed(user, Right.READ, place.dag_ids):
        readable_dags(user, ledger)
        raise Problem(404, "Not found", f"no account {account!r}: GET /accounts lists those there are")
    if right is not None and not _has(user, place, right):
        raise Problem(
            403,
            "Forbidden",
            f"{user.get_name()} may not {right} {'all' if right is Right.EDIT else 'any'} of the DAGs that trade on "
            f"account {account} ({', '.join(place.dag_ids)}): ask who manages Airflow's roles",
        )
    return place


def _has(user: User, place: AccountPlace, right: Right) -> bool:
    """Every user who may trade there may stop it; what lets trading go on needs the right on every strategy."""
    found = allowed(user, right, place.dag_ids)
    return len(found) == len(place.dag_ids) if right is Right.EDIT else bool(found)


def _summary(user: User, ledger: Ledger, place: AccountPlace) -> AccountSummary:
    row = ledger.accounts.get(place.account)
    live = ledger.orders.live(place.account)
    return AccountSummary.model_validate(
        {
            "account": place.account,
            "state": "new" if row is None else row.state,
            **{
                name: None if row is None else getattr(row, name)
                for name in (
                    "state_cause",
                    "state_reason",
                    "state_changed_by",
                    "state_changed_at",
                    "gateway_paused_until",
                    "pause_reason",
                )
            },
            "connection_id": place.connection_id,
            "dag_ids": list(place.dag_ids),
            "live_orders": len(live),
            "unresolved_orders": sum(intent.state in UNRESOLVED for intent in live),
            "breaks": [Break.model_validate(found) for found in ledger.books.open_breaks(place.account)],
            "may_halt": _has(user, place, Right.RUN),
            "may_resume": _has(user, place, Right.EDIT),
        }
    )


def _audit(user: User, event: str, place: AccountPlace, **extra: Any) -> None:
    audit(user, event, dag_id=place.dag_ids[0] if place.dag_ids else None, account=place.account, **extra)
