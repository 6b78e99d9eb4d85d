"""An example of a producer: writes tomorrow's weights and announces them by an event of an asset.

Only in the demo, or where TRADING_DEMO_FOLDER names a folder: copy it for signals of your own.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, Metadata, task

SCORES = Asset("demo_scores")

if folder := os.environ.get("TRADING_DEMO_FOLDER"):
    with DAG(
        dag_id="example_signals",
        description="writes weights and announces them: daily_trading__from_event then trades them",
        schedule=None,
        start_date=datetime(2005, 1, 3, tzinfo=UTC),
        catchup=False,
        tags={"sandbox"},
        is_paused_upon_creation=False,
    ) as dag:

        @task(outlets=[SCORES])
        def make_weights(folder: str) -> object:
            """Write the file of the session to come, and yield the event that says where it is."""
            import hashlib
            from pathlib import Path

            from include.trading.calendar.sessions import trading_calendar

            now = datetime.now(UTC)
            session = trading_calendar("XNYS", today=now.date()).current(now).day.isoformat()
            content = b"ticker,weight\nTSLA,0.5\nF,-0.5\n"
            file = Path(folder) / "events" / f"{session}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            extra: dict[str, Any] = {
                "session": session,
                "url": str(file),
                "sha256": hashlib.sha256(content).hexdigest(),
                "rows": 2,
                "source": "example_signals",
            }
            yield Metadata(SCORES, extra=extra)

        make_weights(folder)
