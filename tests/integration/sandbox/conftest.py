"""A sandbox of each contract version, with empty books."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.runner import start_sandbox
from tests.support.sandbox_client import FILL_AFTER, Client


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Client]]:
    with (
        start_sandbox(contract="v1", fill_after=FILL_AFTER) as v1,
        start_sandbox(contract="v2", fill_after=FILL_AFTER) as v2,
    ):
        clients = {"v1": Client(v1), "v2": Client(v2)}
        yield clients
        for client in clients.values():
            client.close()


@pytest.fixture
def v1(sandboxes: dict[str, Client]) -> Client:
    sandboxes["v1"].admin.reset()
    return sandboxes["v1"]


@pytest.fixture
def v2(sandboxes: dict[str, Client]) -> Client:
    sandboxes["v2"].admin.reset()
    return sandboxes["v2"]


@pytest.fixture(params=["v1", "v2"])
def either(request: pytest.FixtureRequest, sandboxes: dict[str, Client]) -> Client:
    client = sandboxes[request.param]
    client.admin.reset()
    return client
