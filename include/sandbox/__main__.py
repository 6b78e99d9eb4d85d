"""python -m include.sandbox: serves Signal Service, Execution Gateway, market data and admin, each on its own port.

With --alpaca-port also the Trading API of Alpaca; with --alpaca that one and admin alone.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from include.sandbox.ports import Port, PortInUse
from include.sandbox.server import serve
from include.sandbox.settings import ALPACA_KEY, Settings

PORTS = {"signals": 8001, "gateway": 8002, "market": 8003, "admin": 8004}
ALPACA_PORT = 8005
SETTINGS = {  # option: setting
    "contract": "contract",
    "mode": "mode",
    "strategy-id": "strategy_id",
    "broker-timezone": "broker_timezone",
    "fill-after": "fill_after_seconds",
    "fill-parts": "fill_parts",
    "max-position-shares": "max_position_shares",
    "max-notional-usd": "max_notional_usd",
    "max-order-shares": "max_order_shares",
    "rate-limit": "rate_limit_per_minute",
    "alpaca-cash": "alpaca_cash",
    "alpaca-multiplier": "alpaca_multiplier",
    "alpaca-rate-limit": "alpaca_rate_limit_per_minute",
}
SECRETS = {"secret": "secret", "market-key": "market_key", "alpaca-key": "alpaca_key"}
PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    options = vars(_parser().parse_args(arguments))
    if options["die_with_parent"]:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    given = {field: options[option.replace("-", "_")] for option, field in SETTINGS.items()}
    for option, field in SECRETS.items():
        if variable := options[option.replace("-", "_")]:
            given[field] = os.environ.get(variable, "")

    def ready(urls: dict[str, str]) -> None:
        words = ", ".join(f"{name} {url}" for name, url in urls.items())
        if "alpaca" in urls and not options["alpaca_key"]:
            words += f" (key id and secret: {ALPACA_KEY.replace(':', ', ')})"
        print(json.dumps(urls) if options["json"] else f"Sandbox ready: {words}", flush=True)

    try:
        given |= _clock(options["alpaca_clock"])
        settings = Settings.model_validate({field: value for field, value in given.items() if value is not None})
        ports = {name: Port(name, options["host"], number) for name, number in _ports(options).items()}
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        print(f"The sandbox cannot start: {wrong}", file=sys.stderr)
        return 1
    except (PortInUse, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    asyncio.run(serve(settings, options["book"], ports, ready))
    return 0


def _ports(options: dict[str, Any]) -> dict[str, int]:
    """Return the ports that are wanted: Alpaca's only if it is named, the other services' unless it runs alone."""
    wanted = {name: options[f"{name}_port"] for name in PORTS if name == "admin" or not options["alpaca"]}
    number = options["alpaca_port"]
    if number is None and not options["alpaca"]:
        return wanted
    return {"alpaca": ALPACA_PORT if number is None else number, **wanted}


def _clock(given: str | None) -> dict[str, Any]:
    """Read --alpaca-clock: a word, or the time at which the sandbox's clocks shall start."""
    if given is None or given in ("always_open", "real"):
        return {} if given is None else {"alpaca_clock": given}
    start = datetime.fromisoformat(given)
    if start.tzinfo is None:
        raise ValueError(f"--alpaca-clock {given} needs a time zone, as in 2026-03-02T10:00:00-05:00")
    return {"alpaca_clock": "real", "clock_offset_seconds": (start - datetime.now(UTC)).total_seconds()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox", description=__doc__)
    for name, number in PORTS.items():
        parser.add_argument(f"--{name}-port", type=int, default=number, help=f"default {number}; 0 takes a free one")
    parser.add_argument("--alpaca-port", type=int, help=f"serve Alpaca's Trading API as well; {ALPACA_PORT} is usual")
    parser.add_argument("--alpaca", action="store_true", help="serve Alpaca's Trading API and admin, nothing else")
    parser.add_argument(
        "--alpaca-clock", metavar="CLOCK", help="always_open (default), real, or the time at which the clock starts"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--book", default=":memory:", help="file that keeps the book over a restart; default none")
    for option, field in SETTINGS.items():
        setting = Settings.model_fields[field]
        parser.add_argument(f"--{option}", help=f"{setting.description or field}; default {setting.default}")
    parser.add_argument("--secret", metavar="VARIABLE", help="environment variable with the S2S secret to enforce (v2)")
    parser.add_argument("--market-key", metavar="VARIABLE", help="environment variable with key-id:secret to ask for")
    parser.add_argument("--alpaca-key", metavar="VARIABLE", help="environment variable with key-id:secret for Alpaca")
    parser.add_argument("--json", action="store_true", help="say the URLs as JSON when ready")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when the starting thread ends (Linux)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
