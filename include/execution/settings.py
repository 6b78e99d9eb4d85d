"""Waits, limits and thresholds, with their defaults. Every one can be set: TRADING_<NAME> in the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import Field, ValidationError

from include.trading.alerts.alarms import Thresholds
from include.trading.errors import InvalidData
from include.trading.validation import expected_of

PREFIX = "TRADING_"
# Variables with the prefix that other parts read.
OTHERS = frozenset(
    {
        *("TRADING_STRATEGIES_FILE", "TRADING_HOME", "TRADING_CODE_VERSION"),
        *("TRADING_DEMO_PORTS", "TRADING_SIGNALS_PORT", "TRADING_GATEWAY_PORT", "TRADING_MARKET_PORT"),
        *("TRADING_ADMIN_PORT", "TRADING_UI_PORT", "TRADING_DEMO_FOLDER"),
        *("TRADING_WEB_OPEN", "TRADING_WEB_ROOT_HEALTH", "TRADING_WEB_HEALTH_SECONDS"),
    }
)

# Longer than anybody would wait, and not too long for a timedelta in minutes.
Waits = tuple[Annotated[float, Field(ge=0, le=86_400)], ...]


class Settings(Thresholds):
    """All times in seconds."""

    lease_seconds: float = Field(default=30, gt=0, description="a worker's hold on an order; ≥ 2 × a POST's time-out")
    absent_proof_seconds: float = Field(default=60, ge=0, description="after a POST's time-out, until a 404 proves")
    look_up_seconds: float = Field(default=75, ge=0, description="how long submit looks up an order before it fails")
    look_up_every_seconds: float = Field(default=5, gt=0, description="between two look-ups of one order")
    unresolved_seconds: float = Field(default=180, gt=0, description="after which an unknown order makes reduce_only")
    attempt_cap: int = Field(default=32, ge=1, description="POSTs of one order, ever; all tries of a task make 16")
    quick_retry_seconds: Waits = Field(default=(4, 8, 16), description="waits inside one try of a task")
    longest_wait_seconds: float = Field(default=90, ge=0, description="longest wait for a paused gateway in a task")
    least_pause_seconds: float = Field(default=1, gt=0, description="least wait after a 429, doubled by each in a row")
    failures_before_pause: int = Field(default=20, ge=1, description="failures in a row that pause the gateway")
    failure_pause_seconds: float = Field(default=60, ge=0, description="how long they pause it")
    halted_pause_seconds: float = Field(default=120, ge=0, description="how long a halted gateway is left alone")
    price_max_age_seconds: float = Field(default=60, gt=0, description="older prices are stale")
    price_patience_seconds: float = Field(default=120, ge=0, description="how long missing prices are asked again")
    price_every_seconds: float = Field(default=10, gt=0, description="between two such requests")
    position_recheck_seconds: float = Field(default=30, ge=0, description="before a difference of positions counts")
    fast_poll_seconds: float = Field(default=30, ge=0, description="tracking inside the worker before it defers")
    poll_every_seconds: float = Field(default=0.5, gt=0, description="between two polls inside the worker")
    defer_seconds: float = Field(default=15, ge=15, description="one deferred wait; Airflow 3.3 fails shorter ones")
    longest_defer_seconds: float = Field(default=300, ge=15, description="to which deferred waits grow")
    flip_deadline_seconds: float = Field(default=600, gt=0, description="a flip's first leg must fill in this time")
    retry_minutes: Waits = Field(default=(5, 10, 20), min_length=1, description="waits between the tries of a task")
    alert_quiet_seconds: float = Field(
        default=600, ge=0, le=3000, description="a cause must stay away so long before its end is reported"
    )
    watchdog_minutes: int = Field(default=5, ge=1, le=30, description="between two looks of the watchdog")
    stuck_seconds: float = Field(default=900, gt=0, description="a run without progress so long after its end is stuck")
    missed_seconds: float = Field(default=1800, gt=0, description="after its time, a session without a run is missed")
    heartbeat_url: str = Field(default="", description="asked after every look of the watchdog; empty: nothing is")


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Read TRADING_… variables; raises InvalidData for one that is unknown or whose value does not fit."""
    return _settings(*((name, environ[name]) for name in environ if name.startswith(PREFIX) and name not in OTHERS))


# Every task asks twice, and what the process that tasks fork from has read holds for them too.
@lru_cache(maxsize=1)
def _settings(*variables: tuple[str, str]) -> Settings:
    given = dict(variables)
    known = {PREFIX + field.upper(): field for field in Settings.model_fields}
    values: dict[str, object] = {}
    for name, text in given.items():
        if name not in known:
            raise InvalidData(f"setting {name} is not known; known are {', '.join(sorted(known))}")
        several = Settings.model_fields[known[name]].annotation == Waits
        values[known[name]] = _numbers(name, text) if several else text
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise InvalidData(f"setting {name}: expected {expected_of(first)}; got {given.get(name)!r}") from error


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InvalidData(f"setting {name}: expected numbers with commas between, got {json.dumps(text)}") from error
