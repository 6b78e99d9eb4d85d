"""What is decided before anything starts: ports, secrets, and the settings file that demo and compose share."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from include.launcher import processes
from include.launcher.errors import CannotRun

# What listens on a fixed port, the setting that moves it, and where it is by default.
PORTS = {
    "signals": ("the Signal Service", "TRADING_SIGNALS_PORT", 8001),
    "gateway": ("the Execution Gateway", "TRADING_GATEWAY_PORT", 8002),
    "market": ("market data", "TRADING_MARKET_PORT", 8003),
    "admin": ("the sandbox's admin page", "TRADING_ADMIN_PORT", 8004),
    "ui": ("Airflow", "TRADING_UI_PORT", 8080),
}
# What the demo trades at: the word, the account there, and the service of the sandbox that plays it.
VENUES = {"gateway": ("sandbox", "gateway"), "alpaca": ("alpaca_sandbox", "alpaca")}
ALPACA_PORT = {"alpaca": ("Alpaca's Trading API", "TRADING_ALPACA_PORT", 8005)}
ALL_PORTS = "TRADING_DEMO_PORTS"


@dataclass(frozen=True)
class Ports:
    """The ports a demo listens on, all on 127.0.0.1. alpaca: None where the demo trades at the gateway."""

    signals: int
    gateway: int
    market: int
    admin: int
    ui: int
    alpaca: int | None = None

    @property
    def of_sandbox(self) -> dict[str, int]:
        """The ports of the sandbox's services, by name."""
        found = {name: getattr(self, name) for name in ("signals", "gateway", "market", "admin", "alpaca")}
        return {name: port for name, port in found.items() if port is not None}


@dataclass(frozen=True)
class Secrets:
    """What must stay the same between starts, and be the same in all of Airflow's processes."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    admin_password: str


def choose_port(env: Mapping[str, str], name: str, besides: Collection[int] = ()) -> int:
    """Return the port of one service by default, by setting, or a free one for `auto`; a taken one is refused."""
    what, setting, default = (PORTS | ALPACA_PORT)[name]
    wanted = env.get(setting) or env.get(ALL_PORTS) or str(default)
    if wanted == "auto":
        return processes.free_port(besides=besides)
    if not wanted.isascii() or not wanted.isdigit() or not 0 < int(wanted) < 65536:
        raise CannotRun(f"{setting} must be a port (1 to 65535) or auto, it is {wanted!r}.")
    if not processes.is_free(int(wanted)):
        raise CannotRun(
            f"Port {wanted}, where {what} should listen, is in use: stop what uses it, or set {setting} to another "
            f"port (`auto` takes a free one; {ALL_PORTS}=auto does so for all)."
        )
    return int(wanted)


def choose_ports(env: Mapping[str, str], venue: str = "gateway") -> Ports:
    """Return the ports by default, by setting, or free ones for `auto`; a taken one is refused, never replaced."""
    chosen: dict[str, int] = {}
    for name in PORTS | ALPACA_PORT if venue == "alpaca" else PORTS:
        chosen[name] = choose_port(env, name, besides=chosen.values())
    return Ports(**chosen)


def load_secrets(path: Path) -> Secrets:
    """Read the secrets, making them the first time; only their owner may read the file."""
    if not path.exists():
        made = {
            "fernet_key": new_fernet_key(),
            "jwt_secret": secrets.token_urlsafe(64),
            "api_secret_key": secrets.token_urlsafe(32),
            "admin_password": secrets.token_urlsafe(9),
        }
        write_private(path, json.dumps(made, indent=2) + "\n")
    try:
        return Secrets(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise CannotRun(f"{path} is not the file of secrets this version writes ({error}): delete it.") from error


def new_fernet_key() -> str:
    """Return a key for what Airflow encrypts in its database."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.rename(path)


def read_env_file(path: Path) -> dict[str, str]:
    """Read KEY=value lines as docker compose does; # starts a comment line."""
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.partition("=")
        if not equals or not key.replace("_", "").isalnum() or key in values:
            raise CannotRun(f"{path}:{number} must be KEY=value with a key not given before, it is {text!r}.")
        values[key] = value
    return values
