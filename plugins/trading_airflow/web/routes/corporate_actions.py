"""Corporate actions: what was announced of what is held and traded, and booking or dismissing it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from include.execution.results.actions import apply_action, dismiss_action
from include.ledger.ledger import Ledger
from trading_airflow.web import place
from trading_airflow.web.models.money import ActionBody, CorporateAction, CorporateActionList
from trading_airflow.web.place import AccountPlace, LedgerOfRequest, desk_at, readable_dags
from trading_airflow.web.problems import responses
from trading_airflow.web.routes.accounts import CHANGED, AccountName, place_of
from trading_airflow.web.webauth import Right, User, allowed, audit

router = APIRouter(tags=["money"])
ActionId = Annotated[int, Path(ge=1, le=2**63 - 1, description="from `GET /corporate-actions`")]


@router.get(
    "/corporate-actions",
    response_model=CorporateActionList,
    summary="List corporate actions",
    responses=responses(401, 403, 422, 503),
)
def list_actions(
    user: User,
    ledger: LedgerOfRequest,
    only_open: bool = True,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> CorporateActionList:
    """List what was announced of symbols that your strategies hold or trade, newest first."""
    readable = set(readable_dags(user, ledger))
    places = {name: found for name, found in place.accounts(ledger).items() if readable & set(found.dag_ids)}
    may = {name for name, found in places.items() if _may_edit(user, found)}
    rows = ledger.actions.listed(accounts=sorted(places), only_open=only_open, limit=limit, offset=offset)
    return CorporateActionList(actions=[_shown(row, may) for row in rows], limit=limit, offset=offset)


@router.post(
    "/accounts/{account}/corporate-actions/{action_id}/apply",
    response_model=CorporateActionList,
    summary="Book a corporate action",
    responses=CHANGED,
)
def apply(
    user: User, ledger: LedgerOfRequest, account: AccountName, action_id: ActionId, body: ActionBody
) -> CorporateActionList:
    """Book a proposed split or new symbol as a correction; refused when the venue's position says otherwise by now."""
    found = place_of(user, ledger, account, Right.EDIT)
    with desk_at(ledger, found, user.get_name()) as desk:
        apply_action(desk, account, action_id, reason=body.reason)
    return _acted(user, ledger, found, action_id, "trading_corporate_action_apply", body.reason)


@router.post(
    "/accounts/{account}/corporate-actions/{action_id}/dismiss",
    response_model=CorporateActionList,
    summary="Dismiss a corporate action",
    responses=CHANGED,
)
def dismiss(
    user: User, ledger: LedgerOfRequest, account: AccountName, action_id: ActionId, body: ActionBody
) -> CorporateActionList:
    """Say that a corporate action needs nothing any more; its symbol is traded again."""
    found = place_of(user, ledger, account, Right.EDIT)
    dismiss_action(ledger, account, action_id, actor=user.get_name(), reason=body.reason)
    return _acted(user, ledger, found, action_id, "trading_corporate_action_dismiss", body.reason)


def _acted(
    user: User, ledger: Ledger, found: AccountPlace, action_id: int, event: str, reason: str
) -> CorporateActionList:
    dag_id = found.dag_ids[0] if found.dag_ids else None
    audit(user, event, dag_id=dag_id, account=found.account, action=action_id, reason=reason)
    rows = ledger.actions.get(action_id, found.account)
    return CorporateActionList(actions=[_shown(row, {found.account}) for row in rows], limit=len(rows), offset=0)


def _may_edit(user: User, found: AccountPlace) -> bool:
    return len(allowed(user, Right.EDIT, found.dag_ids)) == len(found.dag_ids)


def _shown(row: dict[str, Any], may: Collection[str]) -> CorporateAction:
    return CorporateAction.model_validate({**row, "may_act": row["account"] in may})
