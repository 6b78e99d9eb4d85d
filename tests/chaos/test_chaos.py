"""A few seeds of the proof on every change; `make chaos SEEDS=100` runs all of it (docs/reliability.md)."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import get_context

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.lanes import run_cases
from tests.chaos.mutations import BY_NAME
from tests.chaos.scenario import Case, Result, case_of
from tests.chaos.stage import KILL_POINTS

# A lane is forked before it starts any thread; pytest's own threads hold nothing that it needs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def _played(cases: Sequence[Case]) -> list[Result]:
    return run_cases(cases, lanes=4, report=lambda _: None)


def test_no_order_is_doubled_or_lost_and_every_lie_surfaces() -> None:
    results = _played([case_of(fault, seed=0) for fault in FAULTS])

    failed = [result for result in results if result.verdict.problems]
    assert not failed, "\n".join(_told(result) for result in failed)


def test_every_mutation_still_finds_what_it_breaks() -> None:
    workers = {name: get_context("fork").Process(target=mutation.patch) for name, mutation in BY_NAME.items()}
    for worker in workers.values():
        worker.start()
        worker.join()

    assert [name for name, worker in workers.items() if worker.exitcode != 0] == []


def test_a_broken_guard_makes_the_proof_fail() -> None:
    names = ("blind resend without a look-up", "quantity recomputed for a resend, v1", "slot key random")
    broken = [
        Case(one.fault, one.seeds[0], one.venue, one.point, mutation=one.name)
        for one in (BY_NAME[name] for name in names)
    ]

    results = _played(broken)

    assert [result.case.mutation for result in results if not result.verdict.problems] == []


def test_as_many_seeds_as_points_meet_every_point_with_every_fault() -> None:
    for fault in FAULTS:
        met = {case_of(fault, seed).point for seed in range(len(KILL_POINTS))}

        assert met == set(KILL_POINTS)


def _told(result: Result) -> str:
    return "\n".join([result.case.command, *result.verdict.problems, *result.log])
