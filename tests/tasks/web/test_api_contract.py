"""The API's own description: complete, and kept whatever is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.web import API, Site, token

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES_EACH = 15


def description(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.ask("GET", f"{API}/openapi.json").json()
    return found


def test_the_committed_description_is_the_one_that_is_served(site: Site) -> None:
    """`make openapi` writes it."""
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == description(site)


def test_every_operation_has_a_summary_words_and_its_errors(site: Site) -> None:
    for path, methods in description(site)["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert {"401", "403"} <= operation["responses"].keys(), (method, path)
            assert operation["security"], (method, path)


def test_every_reference_leads_somewhere(site: Site) -> None:
    found = description(site)
    schemas = found["components"]["schemas"]

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*(references(each) for each in value.values()))
        return set().union(*(references(each) for each in value)) if isinstance(value, list) else set()

    assert {reference.rpartition("/")[2] for reference in references(found)} <= schemas.keys()


@pytest.mark.parametrize(
    "name", ["OrchestrationResult", "RunAccepted", "RunBody", "RunList", "AccountDetail", "HaltBody", "HealthReport"]
)
def test_the_examples_fit_their_own_schemas(site: Site, name: str) -> None:
    import jsonschema_rs

    found = description(site)
    schema = {**found["components"]["schemas"][name], "components": found["components"]}

    jsonschema_rs.validate(schema, schema["example"])


def test_the_api_keeps_its_description_whatever_is_sent(site: Site) -> None:
    import schemathesis
    from hypothesis import HealthCheck, Phase, assume, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    site.break_account("the books differ")
    schema = schemathesis.openapi.from_dict(description(site))
    headers = {"Authorization": f"Bearer {token('ada')}"}
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(
            max_examples=EXAMPLES_EACH,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def keep(case: Any) -> None:
            # Starlette's mounts match no path with a line break inside: Airflow's own 404 answers, before our routes.
            assume("%0A" not in case.formatted_path)
            if isinstance(case.body, dict) and "wait" in case.body:
                # Nothing runs here that one could wait for.
                case.body["wait"] = False
            response = case.call(base_url=f"{site.client.base_url}".rstrip("/") + API, headers=headers)
            # A connection that the ledger's test drops, or a service that is down, is not what this is about.
            case.validate_response(response, checks=checks)

        keep()
