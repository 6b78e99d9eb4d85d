"""A few seeds of the proof on every change; `make chaos SEEDS=100` runs all of it (docs/reliability.md)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.lanes import open_lane, preload
from tests.chaos.mutations import BY_NAME as MUTATIONS
from tests.chaos.scenario import Case, Result, case_of, play
from tests.chaos.stage import KILL_POINTS, Lane


@pytest.fixture(scope="module")
def lanes() -> Iterator[dict[str, Lane]]:
    preload()
    with open_lane(("v1", "v2")) as opened:
        yield opened


@pytest.mark.parametrize("name", BY_NAME)
def test_no_order_is_doubled_or_lost_and_every_lie_surfaces(name: str, lanes: dict[str, Lane]) -> None:
    case = case_of(BY_NAME[name], seed=0)

    result = play(lanes[case.contract], case)

    assert not result.verdict.problems, _told(result)


@pytest.mark.parametrize(
    "name", ["blind resend in place of a look-up", "quantity recomputed for a resend, v1", "slot key random"]
)
def test_a_broken_guard_makes_the_proof_fail(name: str, lanes: dict[str, Lane]) -> None:
    mutation = MUTATIONS[name]
    case = Case(mutation.fault, mutation.seeds[0], mutation.contract, mutation.point, mutation=name)

    result = play(lanes[case.contract], case, (mutation.patch,))

    assert result.verdict.problems


def test_as_many_seeds_as_points_meet_every_point_with_every_fault() -> None:
    for fault in FAULTS:
        met = {case_of(fault, seed).point for seed in range(len(KILL_POINTS))}

        assert met == set(KILL_POINTS)


def _told(result: Result) -> str:
    return "\n".join([result.case.command, *result.verdict.problems, *result.log])
