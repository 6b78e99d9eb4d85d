"""One sandbox of each contract for this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.sandbox.runner import Sandbox, start_sandbox


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    with start_sandbox(contract="v1") as v1, start_sandbox(contract="v2", alpaca_rate_limit=0) as v2:
        yield {"v1": v1, "v2": v2}
