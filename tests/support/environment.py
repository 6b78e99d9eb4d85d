"""Environments for what tests start: without what the caller has set for Airflow or for us, with what a test sets."""

from __future__ import annotations

import os
from collections.abc import Mapping

from include.execution.settings import PREFIX, Settings


def without_airflow(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment that tells neither Airflow nor us anything."""
    return {name: value for name, value in environ.items() if not name.startswith(("AIRFLOW", PREFIX))}


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the TRADING_ variables that make these settings."""
    return {
        PREFIX + name.upper(): ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in settings
        if value != Settings.model_fields[name].default
    }
