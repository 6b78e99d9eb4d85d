"""Messages to people over Apprise: Slack, Teams, e-mail, PagerDuty, Telegram, webhooks … by a connection's URLs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from include.adapters.notify.curve import PICTURE, Curve, html_of
from include.trading.errors import InvalidData, Unavailable

if TYPE_CHECKING:
    from apprise import Apprise

CONNECTION_ID = "trading_alerts"
VARIABLE = f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"
# Apprise's own words for how bad a message is.
TYPES = {"info": "info", "warning": "warning", "critical": "failure"}
EXPECTED = 'expected config {"path": an Apprise URL} or a list of them'


@dataclass(frozen=True)
class Channel:
    """One address. name: tells addresses apart without a word of them, for they hold secrets.

    service: None for an address that Apprise does not understand; `problem` says which one that is.
    """

    name: str
    service: Apprise | None
    problem: str

    def send(self, severity: str, title: str, body: str, curve: Curve | None = None) -> None:
        """Send one message, in a mail with the curve as a picture.

        Raises InvalidData for an address that is none, Unavailable when it did not arrive.
        """
        if self.service is None:
            raise InvalidData(self.problem)
        words: dict[str, Any] = {"body": body, "body_format": "text"}
        if curve is not None and self._mails():
            from apprise.attachment.memory import AttachMemory

            picture = AttachMemory(curve.picture, name=PICTURE, mimetype="image/png")  # type: ignore[no-untyped-call]
            words = {"body": html_of(body, curve), "body_format": "html", "attach": picture}
        if not self.service.notify(title=title, notify_type=TYPES[severity], **words):
            raise Unavailable(f"channel {self.name} did not take the message; Apprise's log line before says why")

    def _mails(self) -> bool:
        """Say whether the address is a mail server's, and let its mails show a picture within the text."""
        from apprise.plugins.email import NotifyEmail

        found = [plugin for plugin in self.service or () if isinstance(plugin, NotifyEmail)]
        for plugin in found:
            plugin.inline = True
        return bool(found)


def channels_of(config: Any) -> tuple[Channel, ...]:
    """Return a channel for each address of a connection's `config`: {"path": URL} or a list of such.

    One that cannot be used keeps none of the others from being used: it fails when something is sent there.
    Raises InvalidData when there is no address at all.
    """
    from apprise import Apprise
    from apprise.utils.parse import parse_urls

    found: dict[str, Channel] = {}
    entries = config if isinstance(config, list) else [config]
    for number, entry in enumerate(entries, start=1):
        path = entry.get("path") if isinstance(entry, Mapping) else None
        text = path if isinstance(path, str) else ""
        for address in parse_urls(text) or [text]:  # type: ignore[no-untyped-call]
            service = Apprise()
            understood = bool(address) and service.add(address)
            # Of an address that Apprise understands the part before :// is one of its own words.
            kind = address.partition("://")[0] if understood else f"entry {number}"
            name = f"{kind} {sha256(address.encode()).hexdigest()[:12]}"
            problem = f"connection {CONNECTION_ID!r}: {EXPECTED}; entry {number} is none that Apprise understands"
            found.setdefault(name, Channel(name, service if understood else None, problem))
    if not found:
        raise InvalidData(f"connection {CONNECTION_ID!r}: {EXPECTED}; got an empty list")
    return tuple(found.values())


def config_of(extra: Any) -> Any:
    """Return the `config` in the extra of an Airflow connection; both may be JSON in a text.

    Raises InvalidData when there is none; never with a word of it, for it holds secrets.
    """
    try:
        config = (json.loads(extra) if isinstance(extra, str) else extra)["config"]
        return json.loads(config) if isinstance(config, str) else config
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidData(
            f"connection {CONNECTION_ID!r}: {EXPECTED} in its extra; got text that does not fit "
            f"({type(error).__name__})"
        ) from None


def from_environment(environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels of AIRFLOW_CONN_TRADING_ALERTS in Airflow's JSON form; none when it is not set."""
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return ()
    try:
        extra = json.loads(text)["extra"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidData(
            f'{VARIABLE}: expected JSON like {{"conn_type": "apprise", "extra": {{"config": {{"path": "…"}}}}}}; '
            f"got text that does not fit ({type(error).__name__})"
        ) from None
    return channels_of(config_of(extra))
