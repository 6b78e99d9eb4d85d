"""When a strategy runs: the key `schedule`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from include.trading.calendar.exchanges import (
    CLOSE_MARGIN_MINUTES,
    is_always_too_late,
    latest_offset,
    latest_time,
    session_offset,
)
from include.trading.errors import InvalidData
from include.trading.models import Value
from include.trading.validation import field_problems

# Airflow takes more, and some of it only where a provider knows the scheme of a URL.
ASSET: Final = "^[A-Za-z][A-Za-z0-9_./-]{0,199}$"
_TIME: Final = "session (at the open) or session+15 (minutes after it)"

AssetName = Annotated[str, Field(pattern=ASSET)]


def _distinct(value: Any) -> Any:
    if not isinstance(value, list | tuple) or not value or len(set(map(str, value))) < len(value):
        raise ValueError("a list of the assets' names, each once")
    return tuple(value)


class Arrival(Value):
    """Runs when signals arrive, which an event of an Airflow asset says; with `at`, not before that time."""

    assets: Annotated[tuple[AssetName, ...], BeforeValidator(_distinct)] = Field(
        max_length=20,
        description="names of Airflow assets: a session's run takes place once each of them has had an event for it",
    )
    at: str | None = Field(
        default=None, description=f"{_TIME}: the earliest time of the run; by default it runs when the signals arrive"
    )
    deadline: str | None = Field(
        default=None,
        validate_default=True,
        description="as `at`, the default: an event that comes later starts nothing, and a session without a run by "
        "then is alerted",
    )

    @field_validator("deadline")
    @classmethod
    def _at_alone_is_a_deadline(cls, deadline: str | None, info: ValidationInfo) -> str | None:
        return info.data.get("at") if deadline is None else deadline


def _by_its_form(value: Any) -> Any:
    """Read a mapping as an Arrival here, so that a message is about that alone and not about text as well."""
    if value is None or isinstance(value, str | Arrival):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{_TIME}, a cron, {{assets: [names]}} or null")
    try:
        return Arrival.model_validate(value)
    except ValidationError as error:
        problems = field_problems(error, tuple(Arrival.model_fields))
        raise ValueError(f"{{assets: …, at: …, deadline: …}}: {'; '.join(map(str, problems))}") from None


Schedule = Annotated[str | Arrival | None, BeforeValidator(_by_its_form)]


def check_schedule(schedule: Schedule, calendar: str) -> None:
    """Raise ValueError saying what is expected, for a time that the calendar does not have."""
    if isinstance(schedule, str):
        _check_time(schedule, calendar)
    elif schedule is not None:
        at, deadline = (_minutes(time, calendar) for time in (schedule.at, schedule.deadline))
        if at is not None and deadline is not None and deadline < at:
            raise ValueError(f"a deadline that is not before {schedule.at}, not {schedule.deadline}")


def clock_of(schedule: Schedule) -> str | None:
    """Return the time at which runs begin by the clock, None where none does."""
    return schedule.at if isinstance(schedule, Arrival) else schedule


def due_by(schedule: Schedule) -> str | None:
    """Return the time by which a session must have its run, None where that is not said."""
    return schedule.deadline if isinstance(schedule, Arrival) else schedule


def assets_of(schedule: Schedule) -> tuple[str, ...]:
    return schedule.assets if isinstance(schedule, Arrival) else ()


def _check_time(schedule: str, calendar: str) -> None:
    try:
        offset_minutes = session_offset(schedule, calendar)
    except InvalidData:
        raise ValueError(
            f"session, session+<minutes> (to {latest_offset(calendar)} on {calendar}), a cron of five fields that "
            "names a date there is, {assets: [the names of Airflow assets]}, or null"
        ) from None
    if offset_minutes is None and is_always_too_late(schedule, calendar):
        raise ValueError(
            f"a cron that fires by {latest_time(calendar):%H:%M} in the hours of {calendar}: nothing is sent "
            f"in its last {CLOSE_MARGIN_MINUTES} minutes"
        )


def _minutes(time: str | None, calendar: str) -> int | None:
    if time is None:
        return None
    try:
        minutes = session_offset(time, calendar)
    except InvalidData:
        minutes = None
    if minutes is None:
        raise ValueError(f"as a time {_TIME}, to {latest_offset(calendar)} on {calendar}, not {time!r}")
    return minutes
