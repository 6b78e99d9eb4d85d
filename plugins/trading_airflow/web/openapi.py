"""The API's description as a file: `make openapi` writes docs/openapi.json, for readers without a running Airflow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trading_airflow.web.apps import api
from trading_airflow.web.results import API_PREFIX


def description() -> str:
    """Return the description as Airflow serves it under the API's prefix."""
    described = api().openapi() | {"servers": [{"url": API_PREFIX}]}
    return json.dumps(described, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(description(), encoding="utf-8")
