"""Messages to people over Apprise: Slack, Teams, e-mail, PagerDuty, Telegram, webhooks … by a connection's URLs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from include.trading.errors import InvalidData

CONNECTION_ID = "trading_alerts"
VARIABLE = f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"
# Apprise's own words for how bad a message is.
TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class Notifications:
    """Sends to every address of a connection's `config`: {"path": URL, "tag": …} or a list of such."""

    def __init__(self, config: Any) -> None:
        """Raises InvalidData for an address Apprise does not understand; never with the address, it holds secrets."""
        import apprise

        self._addresses = apprise.Apprise()
        entries = config if isinstance(config, list) else [config]
        for number, entry in enumerate(entries, start=1):
            path = entry.get("path") if isinstance(entry, Mapping) else None
            if not path or not self._addresses.add(path, tag=entry.get("tag")):
                raise InvalidData(
                    f'connection {CONNECTION_ID!r}: expected config {{"path": an Apprise URL}} or a list of them; '
                    f"entry {number} is none that Apprise understands"
                )

    def send(self, severity: str, title: str, body: str) -> bool:
        """Send one message and say whether it arrived everywhere. Apprise logs what did not."""
        return bool(self._addresses.notify(body=body, title=title, notify_type=TYPES[severity], body_format="text"))


def from_environment(environ: Mapping[str, str]) -> Notifications | None:
    """Return what AIRFLOW_CONN_TRADING_ALERTS, in Airflow's JSON form, describes; None when it is not set."""
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        extra = json.loads(text)["extra"]
        config = (json.loads(extra) if isinstance(extra, str) else extra)["config"]
        config = json.loads(config) if isinstance(config, str) else config
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidData(
            f'{VARIABLE}: expected JSON like {{"conn_type": "apprise", "extra": {{"config": {{"path": "…"}}}}}}; '
            f"got text that does not fit ({type(error).__name__})"
        ) from None
    return Notifications(config)
