"""A sandbox of each contract for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.runner import Sandbox, start_sandbox


@pytest.fixture(scope="module")
def v1() -> Iterator[Sandbox]:
    with start_sandbox(contract="v1") as running:
        yield running


@pytest.fixture(scope="module")
def v2() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running
