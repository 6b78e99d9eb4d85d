"""The key `schedule`: by the clock, when signals arrive, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.trading.strategy.schedule_spec import Arrival, assets_of, clock_of, due_by
from include.trading.strategy.spec import Strategy
from tests.unit.trading.strategy.test_spec import GOOD, load, problems


@pytest.mark.parametrize(
    ("schedule", "clock", "due", "assets"),
    [
        (None, None, None, ()),
        ("session+5", "session+5", "session+5", ()),
        ({"assets": ["a"]}, None, None, ("a",)),
        ({"assets": ["a", "b"], "deadline": "session+60"}, None, "session+60", ("a", "b")),
        ({"assets": ["a"], "at": "session"}, "session", "session", ("a",)),
        ({"assets": ["a"], "at": "session", "deadline": "session+9"}, "session", "session+9", ("a",)),
    ],
)
def test_a_schedule_says_when_runs_begin_and_by_when_a_session_has_one(
    schedule: Any, clock: str | None, due: str | None, assets: tuple[str, ...]
) -> None:
    found = Strategy.model_validate(GOOD | {"schedule": schedule}).schedule

    assert (clock_of(found), due_by(found), assets_of(found)) == (clock, due, assets)


def test_what_is_read_is_written_as_it_was(tmp_path: Path) -> None:
    written = {"assets": ["a"], "at": "session", "deadline": "session+9"}

    (strategy,) = load(tmp_path, GOOD | {"schedule": written}).strategies

    assert isinstance(strategy.schedule, Arrival)
    assert strategy.model_dump(mode="json")["schedule"] == written


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"assets": []}, "assets: expected a list of the assets' names, each once, found []"),
        ({"assets": ["a", "a"]}, "assets: expected a list of the assets' names, each once"),
        ({"assets": "a"}, "assets: expected a list of the assets' names, each once, found 'a'"),
        ({"assets": ["s3://bucket/a"]}, "assets.0: expected text of the form"),
        ({"assets": [1]}, "assets.0: expected text; put in quotes what YAML reads as something else, found 1"),
        ({"at": "session"}, "assets: expected a value, found nothing"),
        ({"assets": ["a"], "until": "session"}, "until: expected no such key; the keys are assets, at, deadline"),
        ({"assets": ["a"], "at": "30 9 * * *"}, "expected as a time session (at the open) or session+15"),
        ({"assets": ["a"], "deadline": "session+999"}, "to 384 on XNYS, not 'session+999'"),
        ({"assets": ["a"], "at": "session+9", "deadline": "session"}, "a deadline that is not before session+9"),
        ("57 15 * * 1-5", "expected a cron that fires by 15:54 in the hours of XNYS"),
        ("56-59 15 * * *", "expected a cron that fires by 15:54 in the hours of XNYS"),
        ("0 8 * * 8", "a cron of five fields"),
        (["a"], "expected session (at the open)"),
        (5, "expected session (at the open)"),
        (True, "expected session (at the open)"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_sentence(tmp_path: Path, schedule: Any, expected: str) -> None:
    (problem,) = problems(tmp_path, GOOD | {"schedule": schedule})

    assert "strategy momentum: schedule: " in problem
    assert expected in problem
