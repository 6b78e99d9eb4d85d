"""The exhaustive check in bounds small enough for every change; `make model-check` visits more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.bounds import SMALL
from tests.model.guards import AT_ALPACA, GUARDS, REAL, Guard
from tests.model.search import search
from tests.model.world import Bounds


@pytest.mark.parametrize("bounds", SMALL, ids=lambda bounds: bounds.name)
def test_no_state_breaks_the_promise(bounds: Bounds) -> None:
    found = search(bounds, AT_ALPACA if bounds.alpaca else REAL)

    assert found.broken is None, "\n".join(found.steps)
    assert found.ends > 0


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_broken_guard_has_a_counterexample(guard: Guard) -> None:
    assert search(guard.bounds, guard.rules, guard.sign).broken is not None


@pytest.mark.parametrize("name", ["contradictions unseen", "blind resend without a look-up"])
def test_a_broken_guard_has_one_at_alpaca_too(name: str) -> None:
    (guard,) = [guard for guard in GUARDS if guard.name == name]
    rules = replace(guard.rules, report=AT_ALPACA.report)

    assert search(guard.bounds, rules, guard.sign).broken is not None


def test_a_counterexample_is_a_course_of_steps_that_a_person_can_follow() -> None:
    (guard,) = [guard for guard in GUARDS if guard.name == "blind resend without a look-up"]
    found = search(guard.bounds, guard.rules, guard.sign)

    assert found.steps[:3] == ("it is 1", "a worker claims order 1", "a POST of order 1 leaves")
    assert "order 1 is planned again without a look-up" in found.steps
