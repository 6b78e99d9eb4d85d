"""One scenario's stage: an account and a strategy of its own, drawn from the seed, and the workers that act on it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg

from include.execution.orders.submit import submit_order
from include.execution.steps.close_run import close_run
from include.execution.steps.open_run import read_run, sends
from include.execution.steps.track_fills import track_for
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.ledger import Ledger
from include.sandbox.runner import AdminClient, Sandbox, start_sandbox
from include.trading.account.row import AccountState
from include.trading.errors import LedgerUnavailable, TradingError
from include.trading.order.row import Intent
from include.trading.order.states import UNRESOLVED
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.chaos.workers import POST_LEFT, Patch, Trap, Worker, start
from tests.support.engine import FAST, SYMBOLS, Engine, plan_of, sandbox_strategy

# Everything that waits in production, shortened; the proportions stay, and a lease is twice a POST's time-out.
SETTINGS = FAST.model_copy(
    update={
        "lease_seconds": 1.0,
        "absent_proof_seconds": 0.15,
        "look_up_seconds": 0.9,
        "look_up_every_seconds": 0.25,
        "poll_every_seconds": 0.1,
        "unresolved_seconds": 30.0,
        "quick_retry_seconds": (0.01, 0.02),
        "failure_pause_seconds": 0.05,
        "halted_pause_seconds": 0.05,
        "least_pause_seconds": 0.02,
        "position_recheck_seconds": 0.1,
        "fast_poll_seconds": 0.5,
    }
)
POST_TIMEOUT_SECONDS = 0.45
FILL_AFTER_SECONDS = 0.06
RATE_WINDOW_SECONDS = 0.5
MOST_TRIES = 6
WAITING = "waiting"
# Beyond `send_until` and the cut-off of a sandbox strategy.
LATE = timedelta(minutes=12)
# Longer than any machine takes until it is to end.
HIDDEN = timedelta(minutes=2)

PLAN_POINTS = ("before_freeze", "after_freeze")
TRACK_POINTS = ("while_tracking", "while_closing")
SUBMIT_POINTS = (
    *("before_claim", "after_claim", "before_post", POST_LEFT),
    *("after_answer", "before_booking", "after_booking"),
)
NO_KILL = "none"
KILL_POINTS = (NO_KILL, *PLAN_POINTS, *SUBMIT_POINTS, *TRACK_POINTS)


def contract_of(venue: str) -> str:
    """Return which contract the sandbox's gateway and Signal Service speak; Alpaca's emulator stands beside v2."""
    return "v1" if venue == "v1" else "v2"


@dataclass(frozen=True)
class Lane:
    """What a lane's scenarios reuse: a server, a ledger in it and the parent's connection to it, sandboxes."""

    ledger_url: str
    sandbox: Sandbox
    venue: str
    admin: AdminClient
    server: EmbeddedPostgres
    stack: ExitStack
    lent: list[Ledger] = field(default_factory=list)
    others: dict[str, Sandbox] = field(default_factory=dict)

    def other_sandbox(self) -> Sandbox:
        """Return a second gateway, which few scenarios need: it starts with the first that does."""
        if self.contract not in self.others:
            started = start_sandbox(contract=self.contract, alpaca_rate_limit=0)
            self.others[self.contract] = self.stack.enter_context(started)
        return self.others[self.contract]

    @property
    def contract(self) -> str:
        return contract_of(self.venue)

    def url_at(self, sandbox: Sandbox) -> str:
        """Return where orders go."""
        return sandbox.alpaca_url if self.venue == "alpaca" else sandbox.gateway_url

    def close(self) -> None:
        """Close the parent's connection; the next look opens another."""
        while self.lent:
            self.lent.pop().close()


@dataclass
class Bench(Engine):
    """An engine whose jobs, in the parent, share one connection to the ledger: opening one costs more than its use."""

    lent: list[Ledger] = field(default_factory=list)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        if not self.lent:
            with super().ledger() as ledger:
                yield ledger
            return
        self.lent[0].clock_offset = self.clock_offset
        yield self.lent[0]


@dataclass
class Stage:
    """The scenario's state: what its workers did, who was killed, what a person would know."""

    lane: Lane
    name: str
    point: str
    rng: Random
    patches: tuple[Patch, ...] = ()
    strategy: Strategy = field(init=False)
    engine: Bench = field(init=False)
    runs: dict[str, Run] = field(default_factory=dict)
    victim: Intent = field(init=False)
    kills: int = 0
    log: list[str] = field(default_factory=list)
    foreign_orders: set[str] = field(default_factory=set)
    posts_when_late: int | None = None
    _posts_before: int = 0

    def __post_init__(self) -> None:
        self.admin.reset()
        self.admin.settings(fill_after_seconds=FILL_AFTER_SECONDS, fill_parts=self.rng.choice((1, 2, 3)), mode="paper")
        if self.lane.venue == "alpaca":
            self.admin.settings(alpaca_rate_window_seconds=RATE_WINDOW_SECONDS)
        top_n, bottom_n = self.rng.choice(((1, 1), (2, 0), (1, 1), (1, 1), (2, 1)))
        self.strategy = sandbox_strategy(
            id=self.name,
            symbols=tuple(self.rng.sample(SYMBOLS, 3)),
            top_n=top_n,
            bottom_n=bottom_n,
            capital=self.rng.randrange(20_000, 100_000),
        )
        self.engine = Bench(
            self.lane.ledger_url,
            self.lane.sandbox.signals_url,
            self.lane.url_at(self.lane.sandbox),
            self.lane.sandbox.market_url,
            contract=self.lane.contract,
            alpaca_key=self.lane.sandbox.alpaca_key if self.lane.venue == "alpaca" else None,
            account=self.name,
            settings=SETTINGS,
            timeout_seconds=POST_TIMEOUT_SECONDS,
            retry_delays_seconds=(0.01, 0.02),
            lent=self.lane.lent,
        )
        with self.ledger() as ledger:
            # The sandbox was emptied: an account that traded there before is gone.
            ledger.connection.execute("UPDATE accounts SET gateway_address = 'released'")

    @property
    def admin(self) -> AdminClient:
        return self.lane.admin

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Look into the ledger, as the judge does."""
        if not self.lane.lent:
            self.lane.lent.append(Ledger(psycopg.connect(self.lane.ledger_url)))
        with self.engine.ledger() as ledger:
            yield ledger

    # ── what a scheduler does: start a task, and again when it failed or died ──

    def plan(self, name: str = "run", **params: Any) -> list[Intent]:
        """Plan a session in workers until one succeeds; return its orders and pick the victim among them."""
        started_at = datetime.now(UTC) + self.engine.clock_offset
        for number in range(MOST_TRIES):
            trap = self.trap_if(PLAN_POINTS) if number == 0 and name == "run" else ()
            if self.run(lambda: self.plan_job(name, started_at, params), trap) is not None:
                break
        return self.read_plan(name)

    def plan_job(self, name: str, started_at: datetime, params: dict[str, Any]) -> str:
        identity = replace(self.engine.identity(name_of(self, name)), started_at=started_at)
        run, _ = self.engine.plan(identity, self.strategy, **params)
        return str(run.run_id)

    def read_plan(self, name: str = "run") -> list[Intent]:
        with self.ledger() as ledger:
            run = read_run(ledger, self.engine.identity(name_of(self, name)).run_id)
            intents = [] if run.plan_id is None else ledger.orders.of_plan(run.plan_id)
        self.runs[name] = run
        if not intents and name == "run":
            raise AssertionError(f"run {name} was not planned: {self.log}")
        if name == "run":
            self.victim = self.rng.choice(intents)
        return intents

    def submit(self, ids: Sequence[str], traps: Sequence[Trap] = (), **engine: Any) -> Worker:
        """Start a worker that submits these orders one after the other."""
        desk = replace(self.engine, **engine)
        return self.start(lambda: submit_job(desk, ids), traps)

    def ids(self, name: str = "run") -> list[str]:
        """Return the ids of the run's orders, the victim's first or last as the seed wills."""
        with self.ledger() as ledger:
            plan_id = self.runs[name].plan_id
            if plan_id is None:
                raise AssertionError(f"run {name} has no plan: {self.log}")
            ids = [intent.client_order_id for intent in ledger.orders.of_plan(plan_id)]
        self.rng.shuffle(ids)
        return ids

    def first_try(self, ids: Sequence[str], *, workers: int = 1) -> bool:
        """Run the first try of every order, with the death that the scenario asks for; say whether all is known."""
        trap = self.trap_if(SUBMIT_POINTS)
        if workers == 1:
            return self._known(self.run(lambda: submit_job(self.engine, ids), trap))
        crowd = [self.submit(ids, trap if number == 0 else ()) for number in range(workers)]
        outcomes = [self.outcome(worker) for worker in crowd]
        return all(self._known(outcome) for outcome in outcomes)

    def try_all(self, ids: Sequence[str], *, workers: int = 1) -> bool:
        return self.first_try(ids, workers=workers) or self.tries(ids)

    def tries(self, ids: Sequence[str], *, most: int = MOST_TRIES, alive: int = MOST_TRIES) -> bool:
        """Try again, as often as a scheduler would, until every order has an outcome; say whether that came.

        alive: after so many whose worker lived no more are made; who dies has not seen what the try would have found.
        """
        lived = 0
        for _ in range(most):
            self.wait_out_pause()
            # Once in a while the next one dies as well.
            trap = [self.trap(self.rng.choice(SUBMIT_POINTS), 1)] if self.rng.random() < 0.15 else []
            states = self.run(lambda: submit_job(self.engine, ids), trap)
            if self._known(states):
                return True
            lived += states is not None
            if lived == alive:
                break
        return False

    def track(self, name: str = "run", *, closes: bool = True, **engine: Any) -> None:
        """Track and close the run, again when that failed or died."""
        desk = replace(self.engine, **engine)
        for number in range(MOST_TRIES):
            trap = self.trap_if(TRACK_POINTS) if number == 0 and not engine else ()
            outcome = self.run(lambda: track_job(desk, self.runs[name], closes=closes), trap)
            # What is open or unknown for longer is for the cut-off to close.
            if outcome is not None and (outcome != WAITING or number >= 1):
                return
        raise AssertionError(f"run {name} could not be tracked: {self.log}")

    def look_once(self, name: str = "run") -> None:
        """Ask once what became of the run's orders, and leave it open."""
        once = self.engine.settings.model_copy(update={"fast_poll_seconds": 0.0})
        self.run(lambda: track_job(replace(self.engine, settings=once), self.runs[name], closes=False))

    def late(self, name: str = "run") -> None:
        """After send_until and cut-off: every task of the run is cleared; nothing may be sent any more."""
        self.posts_when_late = int(self.admin.book()["posts_total"])
        offset = self.engine.clock_offset + LATE
        desk, ids = replace(self.engine, clock_offset=offset), self.ids(name)
        for _ in range(MOST_TRIES):
            if self.run(lambda: clear_job(desk, ids, self.runs[name])) is not None:
                return
        raise AssertionError(f"run {name} could not be closed: {self.log}")

    # ── workers ──

    def run(self, job: Callable[[], Any], traps: Sequence[Trap] = ()) -> Any:
        """Do a job and return its result, None when it failed or died.

        Who is to die, or lacks a guard, is forked; the others work here: that halves the time of a scenario.
        """
        if traps or self.patches:
            return self.outcome(self.start(job, traps))
        try:
            result = job()
        except Exception as error:  # noqa: BLE001 - whatever it is, Airflow would call it a failed try
            self.log.append(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
            if isinstance(error, psycopg.Error | LedgerUnavailable):
                self.lane.close()
            return None
        self.log.append(str(result))
        return result

    def start(self, job: Callable[[], Any], traps: Sequence[Trap] = ()) -> Worker:
        return start(job, traps=traps, patches=(self.lane.lent.clear, *self.patches))

    def outcome(self, worker: Worker) -> Any:
        """Wait for a worker; return what its job returned, None when it failed or died."""
        said = worker.read_until("hold", "{")
        if said is not None and said.startswith("hold"):
            self.wait_for_post()
            worker.kill()
        result = worker.wait()
        if result is None:
            self.kills += 1
            self.log.append(f"{worker.pid} killed: {worker.said}")
            return None
        if "error" in result:
            self.log.append(f"{worker.pid} {result['error']}: {result['message']}\n{result['traceback']}")
            return None
        self.log.append(f"{worker.pid}: {result['result']}")
        return result["result"]

    def wait_for_post(self) -> None:
        """Wait until the gateway has read a POST of the victim's or another's that left."""
        self.until(lambda: self.admin.book()["posts_total"] > self._posts_before)

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"what was waited for did not come: {self.log}")
            time.sleep(0.01)

    def wait_out_pause(self) -> None:
        with self.ledger() as ledger:
            account = ledger.accounts.get(self.name)
        if account is not None and account.gateway_paused_until is not None:
            self.wait_until(account.gateway_paused_until)

    def wait_until(self, moment: datetime) -> None:
        """Wait until it is that late by the ledger's clock, which leases and pauses are judged by."""

        def reached() -> bool:
            with self.ledger() as ledger:
                return ledger.now() >= moment

        self.until(reached)

    def until_booked_or_blocked(self, worker: Worker) -> None:
        """Wait until a worker has ended, or stands at a lock of the ledger that another one holds."""

        def blocked() -> bool:
            with self.ledger() as ledger:
                row = ledger.connection.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted").fetchone()
            return bool(row["n"])

        self.until(lambda: worker.has_ended() or blocked())

    def was_unknown(self) -> bool:
        """Say whether a POST of the run's orders had no answer in time, or none that could be read."""
        with self.ledger() as ledger:
            intents = ledger.orders.of_plan(self.victim.plan_id)
            return any(
                event["to_state"] == "unknown" for event in ledger.orders.events([intent.id for intent in intents])
            )

    def lease_until(self) -> datetime:
        """Return when the lease ends of the worker that has claimed one of the run's orders."""
        with self.ledger() as ledger:
            leases = [intent.lease_until for intent in ledger.orders.live(self.name) if intent.lease_until is not None]
        return max(leases)

    def _known(self, result: dict[str, str] | None) -> bool:
        return result is not None and not any(word.startswith("raised") for word in result.values())

    def trap_if(self, points: Sequence[str]) -> tuple[Trap, ...]:
        if self.point not in points:
            return ()
        return (self.trap(self.point, self.rng.choice((1, 1, 2)) if self.point in SUBMIT_POINTS else 1),)

    def trap(self, point: str, nth: int) -> Trap:
        """Return the death at a point. Whose POST has left is killed only when the gateway has read it."""
        self._posts_before = int(self.admin.book()["posts_total"])
        return Trap(point, nth, "hold" if point == POST_LEFT else "kill")

    def settle_unknown(self) -> None:
        """Wait until no order is without a known outcome, as a person who asks for a new revision would."""

        def known() -> bool:
            with self.ledger() as ledger:
                live = ledger.orders.live(self.name)
            for intent in live:
                if intent.state in UNRESOLVED:
                    self.outcome(self.submit([intent.client_order_id]))
            return not any(intent.state in UNRESOLVED for intent in live)

        self.until(known)

    def set_account(self, state: AccountState) -> None:
        with self.ledger() as ledger, ledger.transaction():
            account = ledger.accounts.lock(self.name)
            ledger.accounts.set_state(account, state, cause="person", reason="the proof asks for it", actor="a person")

    def restart_postgres(self) -> None:
        self.lane.close()
        self.lane.server.stop()
        self.lane.server.start()

    def hide_victim(self, *, reset: bool) -> None:
        """Let look-ups deny the victim once accepted, until `reveal_victim`; reset: its answer is lost as well."""
        self.admin.fault(
            "not_found_for_seconds",
            match={"symbol": self.victim.symbol},
            times=1,
            seconds=HIDDEN.total_seconds(),
            reset=reset,
        )

    def reveal_victim(self) -> None:
        self.jump(HIDDEN)

    def jump(self, by: timedelta) -> None:
        """Move our clock and the sandbox's."""
        self.engine = replace(self.engine, clock_offset=self.engine.clock_offset + by)
        self.admin.settings(clock_offset_seconds=self.engine.clock_offset.total_seconds())


def name_of(stage: Stage, name: str) -> str:
    """Return the Airflow run id; the account's name makes it unique in the lane's ledger."""
    return f"{stage.name}:{name}"


def submit_job(engine: Engine, ids: Sequence[str]) -> dict[str, str]:
    """Submit orders one after the other, as tasks that fail one by one."""
    states: dict[str, str] = {}
    with engine.desk(actor="submit") as desk:
        for id in ids:
            try:
                states[id] = submit_order(desk, plan_of(desk, id), id).state
            except TradingError as error:
                states[id] = f"raised {type(error).__name__}: {error}"
    return states


def clear_job(engine: Engine, ids: Sequence[str], run: Run) -> str:
    """Do what follows when every task of a run is cleared."""
    submit_job(engine, ids)
    return track_job(engine, run, closes=True)


def track_job(engine: Engine, run: Run, *, closes: bool) -> str:
    """Track and, when there is nothing more to wait for, close: what the task does between two deferred waits."""
    with engine.desk(sends=sends(run), actor="track") as desk:
        run = read_run(desk.ledger, run.run_id)
        if not track_for(desk, run, seconds=desk.settings.fast_poll_seconds):
            return WAITING
        return close_run(desk, run).status if closes else "tracked"
