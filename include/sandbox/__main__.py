"""python -m include.sandbox: serves Signal Service, Execution Gateway, market data and admin, each on its own port."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys

from pydantic import ValidationError

from include.sandbox.ports import Port, PortInUse
from include.sandbox.server import serve
from include.sandbox.settings import Settings

PORTS = {"signals": 8001, "gateway": 8002, "market": 8003, "admin": 8004}
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
}
SECRETS = {"secret": "secret", "market-key": "market_key"}
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
        print(json.dumps(urls) if options["json"] else f"Sandbox ready: {words}", flush=True)

    try:
        settings = Settings.model_validate({field: value for field, value in given.items() if value is not None})
        ports = {name: Port(name, options["host"], options[f"{name}_port"]) for name in PORTS}
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        print(f"The sandbox cannot start: {wrong}", file=sys.stderr)
        return 1
    except PortInUse as error:
        print(error, file=sys.stderr)
        return 1
    asyncio.run(serve(settings, options["book"], ports, ready))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox", description=__doc__)
    for name, number in PORTS.items():
        parser.add_argument(f"--{name}-port", type=int, default=number, help=f"default {number}; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--book", default=":memory:", help="file that keeps the book over a restart; default none")
    for option, field in SETTINGS.items():
        setting = Settings.model_fields[field]
        parser.add_argument(f"--{option}", help=f"{setting.description or field}; default {setting.default}")
    parser.add_argument("--secret", metavar="VARIABLE", help="environment variable with the S2S secret to enforce (v2)")
    parser.add_argument("--market-key", metavar="VARIABLE", help="environment variable with key-id:secret to ask for")
    parser.add_argument("--json", action="store_true", help="say the URLs as JSON when ready")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when the starting thread ends (Linux)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
