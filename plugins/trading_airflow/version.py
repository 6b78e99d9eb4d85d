"""The version of the code that runs, as runs and attempts record it."""

from __future__ import annotations

import os

from include import __version__


def code_version() -> str:
    """Return the version that a run records: TRADING_CODE_VERSION where a deployment sets it."""
    return os.environ.get("TRADING_CODE_VERSION") or __version__
