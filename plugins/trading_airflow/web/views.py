"""Where the pages appear in Airflow's UI. Every process that loads the plugin imports this: constants only."""

from __future__ import annotations

from typing import Any

PREFIX = "/trading"

# Without a slash in front: Airflow's pages have a <base>, so this also fits a server below a path.
EXTERNAL_VIEWS: list[dict[str, Any]] = [
    {
        "name": "Trading",
        "href": "trading/pages/today",
        "destination": "nav",
        "url_route": "trading",
        "icon": "trading/static/icon.svg",
        "icon_dark_mode": "trading/static/icon-dark.svg",
        "nav_top_level": True,
    },
    {
        "name": "Trading",
        "href": "trading/pages/run?dag_id={DAG_ID}&run_id={RUN_ID}",
        "destination": "dag_run",
        "url_route": "trading_run",
        "icon": "trading/static/icon.svg",
        "icon_dark_mode": "trading/static/icon-dark.svg",
    },
]
