"""Validates what the emulator answers by Alpaca's own OpenAPI files, which are read from a package of Alpaca's.

`DIFFERENCES` is the one place that says where the schema and what Alpaca is known to answer differ.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

PACKAGE = "alpaca-mcp-server"
Schema = dict[str, Any]

DIFFERENCES = (
    # where, what the schema says, what is known of the answers
    ("/v2/account/activities/{activity_type}", "oneOf two kinds of activity", "a fill fits both, the vendor's own too"),
    ("401", "no body described", '{"message": …} without a code'),
    ("403, 404, 422, 429", "no body described", "code, message, and fields that name the cause"),
    ("POST /v2/orders", "amounts are text", "numbers are taken as well: alpaca-py sends them"),
    ("Order", "no source, subtag; position_intent optional", "source and subtag are null, position_intent is there"),
    ("Assets", "borrow_status, no easy_to_borrow", "both are sent; alpaca-py requires easy_to_borrow"),
    ("Account", "no effective_buying_power, position_market_value", "both are sent, as in the vendor's example"),
)


@functools.cache
def spec(name: str) -> Schema:
    """Return one of the vendor's files, trading-api or market-data-api, corrected as DIFFERENCES says."""
    found = [file for file in distribution(PACKAGE).files or () if file.name == f"{name}.json"]
    content: Schema = json.loads(Path(str(found[0].locate())).read_text())
    if name == "trading-api":
        activities = content["paths"]["/v2/account/activities/{activity_type}"]["get"]
        items = activities["responses"]["200"]["content"]["application/json"]["schema"]["items"]
        items["anyOf"] = items.pop("oneOf")
    return content


def check(response: httpx.Response) -> None:
    """Raise AssertionError unless the response is one that the vendor's schema describes."""
    check_answer(response.request.method, response.request.url.path, response.status_code, response.read())


def check_answer(method: str, path: str, status: int, content: bytes) -> None:
    where = f"{method} {path} {status}"
    described = _described(method.lower(), path)
    if described is None:
        assert status in (404, 405), f"{where}: the vendor has no such endpoint"
        return
    if status == 204:
        assert content == b"", where
        return
    schema = described.get(str(status))
    if schema is None:
        assert status >= 400, f"{where}: a status that the schema does not have"
        schema = _named("ErrorResponse" if status == 401 else "Error")
    found = _validator(json.dumps(schema)).iter_errors(json.loads(content))
    errors = [f"{error.instance_path}: {error.message}" for error in found]
    assert not errors, f"{where}: {errors}\n{content[:2000]!r}"


def _described(method: str, path: str) -> dict[str, Schema] | None:
    name = "market-data-api" if path.startswith("/v2/stocks") else "trading-api"
    content = spec(name)
    for template, operations in content["paths"].items():
        pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method in operations:
            answers = operations[method]["responses"].items()
            return {
                status: {
                    **copy.deepcopy(answer["content"]["application/json"]["schema"]),
                    "components": content["components"],
                }
                for status, answer in answers
                if "application/json" in answer.get("content", {})
            }
    return None


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}", "components": spec("trading-api")["components"]}


@functools.cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(schema), validate_formats=True)


class Emulator(httpx.Client):
    """A client of the emulator whose every answer is validated by the vendor's schema."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        super().__init__(base_url=url, headers=headers, event_hooks={"response": [check]})

    def place(self, symbol: str = "AAPL", side: str = "buy", qty: Any = "10", **changes: Any) -> httpx.Response:
        body = {"symbol": symbol, "side": side, "qty": qty, "type": "market", "time_in_force": "day", **changes}
        return self.post("/v2/orders", json={name: value for name, value in body.items() if value is not None})

    def find(self, own_id: str) -> Schema:
        order: Schema = self.get("/v2/orders:by_client_order_id", params={"client_order_id": own_id}).json()
        return order

    def account(self) -> Schema:
        account: Schema = self.get("/v2/account").json()
        return account

    def listed(self, **query: Any) -> list[str]:
        """Return the clients' own ids of the orders that a query finds."""
        return [order["client_order_id"] for order in self.get("/v2/orders", params=query).json()]


def refusal(response: httpx.Response) -> tuple[int, int, str]:
    body = response.json()
    return response.status_code, body["code"], body["message"]
