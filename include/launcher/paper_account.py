"""Which account `paper` trades, and by which keys: Alpaca's paper account, or an emulator of it; never a live one."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from include.launcher.errors import CannotRun
from include.launcher.settings import write_private

PAPER, LIVE = "https://paper-api.alpaca.markets", "api.alpaca.markets"
DATA = "https://data.alpaca.markets"
KEY_ID, SECRET = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"  # nosec B105
BASE_URL, DATA_URL = "APCA_API_BASE_URL", "APCA_API_DATA_URL"
VENUE, MARKET_DATA = "alpaca_paper", "market_data"


@dataclass(frozen=True)
class PaperAccount:
    """emulated: what is at base_url is not Alpaca itself."""

    key_id: str
    secret: str = field(repr=False)
    base_url: str
    data_url: str

    @property
    def emulated(self) -> bool:
        return self.base_url != PAPER

    @property
    def connections(self) -> dict[str, str]:
        """The two connections, by their variables."""
        account = "alpaca-emulator" if self.emulated else "alpaca-paper"
        extras = {VENUE: {"venue": "alpaca", "account": account}, MARKET_DATA: {}}
        hosts = {VENUE: self.base_url, MARKET_DATA: self.data_url}
        keys = {"conn_type": "http", "login": self.key_id, "password": self.secret}
        return {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps({**keys, "host": hosts[name], "extra": extra})
            for name, extra in extras.items()
        }


def paper_account(given: Mapping[str, str], kept: Path, ask: Callable[[str], str] | None = None) -> PaperAccount:
    """Return the account: its keys from the vendor's own variables, else as kept before, else asked for and kept.

    kept: a file that only its owner may read.
    """
    base_url = (given.get(BASE_URL) or PAPER).rstrip("/").removesuffix("/v2")
    if urlsplit(base_url).hostname == LIVE:
        raise CannotRun(
            f"{BASE_URL} is Alpaca's live account, and `paper` trades paper accounts only: "
            "docs/using-real-services.md says how a strategy goes live."
        )
    key_id, secret = _keys(given, kept, ask)
    data_url = (given.get(DATA_URL) or (DATA if base_url == PAPER else base_url)).rstrip("/")
    return PaperAccount(key_id, secret, base_url, data_url)


def _keys(given: Mapping[str, str], kept: Path, ask: Callable[[str], str] | None) -> tuple[str, str]:
    if given.get(KEY_ID) and given.get(SECRET):
        return given[KEY_ID], given[SECRET]
    if given.get(KEY_ID) or given.get(SECRET):
        raise CannotRun(f"Of {KEY_ID} and {SECRET} only one is set: set both, or neither to be asked.")
    if kept.exists():
        try:
            found = json.loads(kept.read_text())
            return str(found["key_id"]), str(found["secret"])
        except (ValueError, KeyError, TypeError) as error:
            raise CannotRun(f"{kept} is not the file of keys that this version writes ({error}): delete it.") from error
    if ask is None and not sys.stdin.isatty():
        raise CannotRun(
            f"Set {KEY_ID} and {SECRET} to the keys of an Alpaca paper account (app.alpaca.markets, Paper, API Keys)."
        )
    hidden = ask or getpass.getpass
    key_id, secret = (hidden(f"Alpaca paper {what} (not shown): ").strip() for what in ("key id", "secret key"))
    if not key_id or not secret:
        raise CannotRun("Both keys are needed; an Alpaca paper account shows them under API Keys.")
    write_private(kept, json.dumps({"key_id": key_id, "secret": secret}) + "\n")
    print(f"Kept in {kept}, which only you can read.")
    return key_id, secret
