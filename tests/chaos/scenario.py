"""One scenario: a fault, a seed, and what both decide, played on a lane and judged."""

from __future__ import annotations

import shlex
import time
import zlib
from dataclasses import dataclass, field
from random import Random

from tests.chaos.fault import Fault
from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.judge import Facts, Verdict, facts_of, judge
from tests.chaos.stage import KILL_POINTS, Lane, Stage
from tests.chaos.workers import Hung, Patch


@dataclass(frozen=True)
class Case:
    """Venue and point follow from fault and seed unless given: each pair is met in as many seeds as there are pairs."""

    fault: str
    seed: int
    venue: str
    point: str
    mutation: str | None = None

    @property
    def command(self) -> str:
        broken = "" if self.mutation is None else f" --mutation {shlex.quote(self.mutation)}"
        return (
            f"python -m tests.chaos --fault {shlex.quote(self.fault)} --seed {self.seed} --venue {self.venue} "
            f"--point {self.point}{broken}"
        )


@dataclass
class Result:
    case: Case
    verdict: Verdict
    seconds: float
    log: list[str] = field(default_factory=list)


def case_of(fault: Fault, seed: int, venue: str | None = None, point: str | None = None) -> Case:
    # Neighbouring faults begin at other points and venues, so that a few seeds see many of them.
    place = FAULTS.index(fault)
    shift = 5 * place
    drawn = KILL_POINTS[(seed + shift) % len(KILL_POINTS)]
    venues = fault.venues
    round_of_points = seed // len(KILL_POINTS)
    return Case(fault.name, seed, venue or venues[(place + seed + round_of_points) % len(venues)], point or drawn)


def play(lane: Lane, case: Case, patches: tuple[Patch, ...] = ()) -> Result:
    fault = BY_NAME[case.fault]
    began = time.monotonic()
    mark = f"{zlib.crc32(case.fault.encode()):08x}"
    stage = Stage(
        lane,
        name=f"s{mark}_{case.seed}_{time.time_ns() % 10**9:x}",
        point=case.point,
        rng=Random(f"{case.fault}:{case.seed}:{case.venue}"),
        patches=patches,
    )
    try:
        fault.play(stage, fault)
        facts = facts_of(stage)
        verdict = _judged(stage, fault, facts)
        if verdict.problems:
            stage.log += [
                f"{event['at']:%M:%S.%f} {event['intent_id']} {event['actor']} {event['event']} "
                f"{event['from_state']} → {event['to_state']} {event['detail']}"
                for event in facts.events
            ]
            stage.log += [f"break {found.kind}: {found.message} {found.detail}" for found in facts.breaks]
            stage.log += [f"run {run.status}: {run.summary} / {run.error_message}" for run in facts.runs]
            stage.log += [f"book {facts.book}"]
    except (AssertionError, Hung) as error:
        verdict = Verdict(kills=stage.kills, problems=[f"{type(error).__name__}: {error}"])
    return Result(case, verdict, time.monotonic() - began, stage.log)


def _judged(stage: Stage, fault: Fault, facts: Facts) -> Verdict:
    verdict = judge(
        stage,
        facts,
        clean=not fault.lies,
        must_surface=fault.must_surface(stage, facts),
        resend_is_right=fault.resend_is_right,
    )
    verdict.problems += fault.check(stage, facts)
    for intent in facts.intents:
        if not fault.lies and intent.state not in fault.ends | {"filled"}:
            verdict.problems.append(f"{intent.client_order_id} ended {intent.state}, expected {sorted(fault.ends)}")
    return verdict
