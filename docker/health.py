"""Says by its exit code whether this container's process works: `python docker/health.py scheduler`.

It imports nothing of Airflow, whose own `airflow jobs check` spends ten seconds of CPU on each question.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request

FRESH_SECONDS = 60
TIMEOUT_SECONDS = 15


def answers(*urls: str) -> None:
    """Raise unless every URL answers with a status below 400."""
    # Only the constants below come here, all of them http.
    for url in urls:
        urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS).close()  # nosec B310


def beats(job_type: str) -> None:
    """Raise unless Airflow's job table has a recent heartbeat of this host's process."""
    import psycopg2

    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "", 1)
    connection = psycopg2.connect(url, connect_timeout=TIMEOUT_SECONDS)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT count(*)
                FROM job
                WHERE job_type = %(job_type)s
                  AND hostname = %(hostname)s
                  AND state = 'running'
                  AND latest_heartbeat > now() - make_interval(secs => %(fresh)s)
                """,
                {"job_type": job_type, "hostname": socket.gethostname(), "fresh": FRESH_SECONDS},
            )
            if cursor.fetchone() == (0,):
                raise SystemExit(f"no heartbeat of a {job_type} on {socket.gethostname()} for {FRESH_SECONDS} s")
    finally:
        connection.close()


def pongs() -> None:
    """Raise unless the Celery worker of this host answers over the broker."""
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    with Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"]) as app:
        if not app.control.ping(destination=[name], timeout=TIMEOUT_SECONDS):
            raise SystemExit(f"{name} does not answer")


CHECKS = {
    # The second one builds the API that tasks speak to: its first answer takes as long as a task would wait.
    "api-server": lambda: answers("http://127.0.0.1:8080/api/v2/version", "http://127.0.0.1:8080/execution/health"),
    "scheduler": lambda: answers("http://127.0.0.1:8974/health"),
    "dag-processor": lambda: beats("DagProcessorJob"),
    "triggerer": lambda: beats("TriggererJob"),
    "worker": pongs,
    "sandbox": lambda: answers(*(f"http://127.0.0.1:{port}/health" for port in (8001, 8002, 8004))),
}

if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
