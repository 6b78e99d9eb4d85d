"""Who is asking and what they may do: the one place that uses Airflow's own authentication and permissions.

These modules of Airflow 3.3 are not a public interface; test_webauth.py holds what is expected of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models import Log
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials

# 401 without a valid token or session cookie, 403 with one that is none.
User = Annotated[BaseUser, Depends(get_user)]


class Right(StrEnum):
    """What a person may do with a strategy, in the words of Airflow's permissions on its DAG."""

    READ = "read the runs of"
    RUN = "trigger runs of"
    EDIT = "edit"


_METHODS: dict[Right, tuple[str, DagAccessEntity | None]] = {
    Right.READ: ("GET", DagAccessEntity.RUN),
    Right.RUN: ("POST", DagAccessEntity.RUN),
    Right.EDIT: ("PUT", None),
}


def may(user: BaseUser, right: Right, dag_id: str) -> bool:
    method, entity = _METHODS[right]
    return get_auth_manager().is_authorized_dag(
        method=method,  # type: ignore[arg-type]
        access_entity=entity,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


def allowed(user: BaseUser, right: Right, dag_ids: Iterable[str]) -> list[str]:
    """Return those of the DAGs with which the user may do this."""
    return [dag_id for dag_id in dict.fromkeys(dag_ids) if may(user, right, dag_id)]


def require(user: BaseUser, right: Right, dag_id: str) -> None:
    """Answer 403 unless the user may do this with the DAG."""
    if not may(user, right, dag_id):
        raise HTTPException(403, f"{user.get_name()} may not {right} the DAG {dag_id}: ask who manages Airflow's roles")


async def user_or_none(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)] = None
) -> BaseUser | None:
    """Return who is asking, None for anybody: only for what may be open."""
    try:
        return await get_user(request, None, bearer)
    except HTTPException:
        return None


Anybody = Annotated[BaseUser | None, Depends(user_or_none)]


def audit(user: BaseUser, event: str, *, dag_id: str | None = None, run_id: str | None = None, **extra: Any) -> None:
    """Write what a person did into Airflow's audit log."""
    with create_session() as session:
        session.add(
            Log(
                event=event,
                task_instance=None,
                owner=user.get_name(),
                owner_display_name=user.get_name(),
                dag_id=dag_id,
                run_id=run_id,
                extra=json.dumps(extra, default=str),
            )
        )
