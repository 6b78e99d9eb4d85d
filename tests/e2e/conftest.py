"""The real Airflow that these tests share, and an environment without what other tests set for theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.e2e.live import Live, live_airflow
from tests.support.environment import without_airflow


@pytest.fixture(scope="module", autouse=True)
def plain_environment() -> Iterator[None]:
    """What is started here must not inherit the Airflow home that the tests of tasks set."""
    with patch.dict(os.environ, without_airflow(), clear=True):
        yield


@pytest.fixture(scope="session")
def shared_airflow() -> Iterator[Live]:
    with live_airflow() as live:
        yield live


@pytest.fixture
def live(shared_airflow: Live) -> Iterator[Live]:
    """The shared Airflow: everything up, no faults. Its book and its ledger are those of all tests before."""
    yield shared_airflow
    shared_airflow.sandbox.clear_faults()
    shared_airflow.sandbox.settings(fill_after_seconds=1.5)
