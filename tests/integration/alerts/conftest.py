"""A sandbox, and an engine whose alerts arrive over a real webhook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from tests.support.duty import Duty
from tests.support.engine import Engine
from tests.support.inbox import webhook


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0) as running:
        yield running


@pytest.fixture
def duty(sandbox: Sandbox, ledger_url: str) -> Iterator[Duty]:
    sandbox.admin.reset()
    with webhook() as inbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        yield Duty(engine, sandbox, inbox)
