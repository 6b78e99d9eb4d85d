"""What is expected of Airflow's private modules: an upgrade that changes them fails here first."""

from __future__ import annotations

import inspect

from tests.support.web import ROLES, Site


def test_airflow_has_what_the_module_wraps() -> None:
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import get_user
    from airflow.models import Log
    from airflow.models.dag import DagModel

    assert {"method", "user", "access_entity", "details"} <= inspect.signature(
        BaseAuthManager.is_authorized_dag
    ).parameters.keys()
    assert list(inspect.signature(get_user).parameters) == ["request", "_oauth_token", "bearer_credentials"]
    assert {"run_id", "conf", "logical_date", "triggered_by", "triggering_user_name"} <= inspect.signature(
        trigger_dag
    ).parameters.keys()
    assert DagAccessEntity.RUN
    assert DagDetails(id="daily_trading", team_name=None).id == "daily_trading"
    assert hasattr(DagModel, "get_team_name")
    assert {"event", "owner", "dag_id", "run_id", "extra"} <= set(Log.__table__.columns.keys())


def test_rights_follow_airflows_roles(site: Site) -> None:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from trading_airflow.web.webauth import Right, may

    rights = {
        name: {right for right in Right if may(SimpleAuthManagerUser(username=name, role=role), right, "daily_trading")}
        for name, role in ROLES.items()
    }

    assert rights == {"ada": set(Right), "uwe": set(Right), "vera": {Right.READ}, "nemo": set()}
