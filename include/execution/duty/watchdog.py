"""Recover runs and orders whose task died: it trusts the ledger only, for a killed task reports nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from include.execution.alerts.raising import own_modes, raise_of_run, raise_unknown_orders
from include.execution.assembly import Assembly
from include.execution.desk import Desk
from include.execution.duty.recounting import recount
from include.execution.orders.resolve import LOOKED_UP_AGAIN_FOR, before_next_open, look_again
from include.execution.steps.close_run import close_run
from include.execution.steps.open_run import sends
from include.execution.steps.track_fills import close_late_orders, refresh_orders
from include.ledger.ledger import Ledger
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import (
    OPEN_AFTER_CLOSE,
    REFUSED_REQUEST,
    SESSION_MISSED,
    STRATEGIES_FILE,
    STUCK_RUN,
    WATCHDOG_PROBLEM,
    cause_of_break,
)
from include.trading.calendar.due import latest_due
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, OutcomeUnknown, TradingError, Unavailable
from include.trading.order.states import FINAL
from include.trading.ports import VenueReader
from include.trading.run.row import Run
from include.trading.strategy.schedule_spec import assets_of, due_by
from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)

HEARTBEAT = "watchdog"
# A request that was refused needs no one's attention any more after so long.
_REFUSED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Watched:
    """A strategy whose sessions must have runs. paused: a person switched its schedule off."""

    strategy: Strategy
    paused: bool


@dataclass
class Findings:
    """What one look found, in words."""

    closed: list[str] = field(default_factory=list)
    recounted: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Watchdog:
    """One look.

    gateways: how to open the gateway of an account; one that cannot be opened is reported as a problem.
    file_problem: why the strategies file cannot be read; what the ledger knows is still looked after.
    """

    ledger: Ledger
    assembly: Assembly
    gateways: Mapping[str, Callable[[], VenueReader]]
    strategies: Sequence[Watched]
    file_problem: str | None = None
    findings: Findings = field(default_factory=Findings)
    _told: dict[str, list[str]] = field(default_factory=dict)

    def look(self) -> Findings:
        """Look after every account, run and session once. Trouble with one of them ends the look at no other."""
        for account in self.ledger.accounts.all():
            with self._apart(f"account {account.account}"):
                if account.account in self.gateways:
                    with self.gateways[account.account]() as reader:
                        self._look_after(account.account, self._desk_at(account.account, reader))
                else:
                    self._look_after(account.account, self._desk_at(account.account, None))
                    self._tell_unasked(account.account)
        self._close_runs()
        self._recount_runs()
        for watched in self.strategies:
            with self._apart(f"strategy {watched.strategy.id}"):
                self._notice_missed(watched)
        self.ledger.alerts.end_quiet(REFUSED_REQUEST.kind, _REFUSED_FOR)
        self._raise_file_problem()
        self._raise_problems()
        self.ledger.steps.beat(HEARTBEAT)
        return self.findings

    @contextmanager
    def _apart(self, subject: str, what: str = "") -> Iterator[None]:
        """Keep trouble to its subject: it is reported, and the look at everything else goes on.

        what: of the subject, such as one of an account's orders. Without the ledger nothing goes on.
        """
        try:
            yield
        except (Unavailable, OutcomeUnknown) as error:
            # A service that is down for a while: what hangs on it has alerts of its own.
            self._problem(f"{subject}: {what}{error}")
        except TradingError as error:
            self._problem(f"{subject}: {what}{error}", subject)
        except Exception as error:
            if self.ledger.connection.closed:
                raise
            log.exception("watchdog trouble", subject=subject)
            self._problem(f"{subject}: {what}{type(error).__name__}: {error}", subject)

    def _desk_at(self, account: str, reader: VenueReader | None) -> Desk:
        return self.assembly.desk(self.ledger, account, reader, actor="watchdog")

    def _look_after(self, account: str, desk: Desk) -> None:
        subject = f"account {account}"
        with self._apart(subject):
            close_late_orders(desk, account)
        if desk.reader is not None:
            self._refresh(subject, account, desk)
            now = self.ledger.now()
            for intent in self.ledger.orders.ended(account, now - LOOKED_UP_AGAIN_FOR):
                with self._apart(subject, f"order {intent.client_order_id}: "):
                    if before_next_open(desk, intent, now):
                        look_again(desk, intent)
        with self._apart(subject), self.ledger.transaction():
            self.ledger.accounts.refresh(
                self.ledger.accounts.lock(account),
                self.ledger.now(),
                after_seconds=self.assembly.settings.unresolved_seconds,
                actor=desk.actor,
            )
        for raise_alerts in (self._raise_unknown, self._raise_open_after_close, self._raise_breaks):
            with self._apart(subject):
                raise_alerts(account)

    def _tell_unasked(self, account: str) -> None:
        found = [row.client_order_id for row in self.ledger.orders.live(account) if row.state != "planned"]
        if found:
            raise InvalidData(
                f"no usable gateway connection names this account, so nothing asks what became of {listed(found)}: "
                "correct the connection"
            )

    def _refresh(self, subject: str, account: str, desk: Desk) -> None:
        """Ask about all orders at once; where that ends early, about each alone, so that none hides another."""
        try:
            refresh_orders(desk, self.ledger.orders.live(account))
        except Exception:
            if self.ledger.connection.closed:
                raise
            log.exception("watchdog asks about each order alone", account=account)
            for intent in self.ledger.orders.live(account):
                with self._apart(subject, f"order {intent.client_order_id}: "):
                    refresh_orders(desk, [intent])

    def _raise_unknown(self, account: str) -> None:
        raise_unknown_orders(self.ledger, account)

    def _raise_open_after_close(self, account: str) -> None:
        now = self.ledger.now()
        late = []
        for intent in self.ledger.orders.live(account):
            plan = self.ledger.plans.get(intent.plan_id)
            if intent.state == "open" and plan is not None and now >= plan.cutoff_at:
                late.append(f"{intent.client_order_id} ({intent.words})")
        key = OPEN_AFTER_CLOSE.key(account)
        if not late:
            self.ledger.alerts.end(key)
            return
        self.ledger.alerts.raise_alert(
            OPEN_AFTER_CLOSE.alarm(
                key, f"{len(late)} orders are still open after the cut-off of their session: {listed(late)}"
            ),
            account=account,
        )

    def _raise_breaks(self, account: str) -> None:
        """Raise the alert of an open break that has none; who found it raised it, unless it died in between."""
        alerted = {alert.dedupe_key for alert in self.ledger.alerts.open()}
        for found in self.ledger.books.open_breaks(account):
            cause = cause_of_break(found.kind)
            key = cause.key(account, found.dedupe_key)
            if key not in alerted:
                self.ledger.alerts.raise_alert(
                    cause.alarm(key, found.message, account=account), account=account, run_id=found.run_id
                )

    def _close_runs(self) -> None:
        """Close the runs that no task works on any more."""
        now = self.ledger.now()
        for run in self.ledger.runs.running():
            with self._apart(f"run {run.run_id}", "it is stuck and could not be looked at: "):
                if now < self._stuck_at(run):
                    continue
                with self._apart(f"run {run.run_id}", "it is stuck and could not be closed: "):
                    closed = self._close(run, failed_step="no task ended it")
                    self.findings.closed.append(closed.summary or str(closed.run_id))
                key = STUCK_RUN.key(run.strategy_id, run.mode, run.session_date)
                words = f"{run.strategy_id} {run.session_date}: no task ended the run, nothing moved since "
                raise_of_run(self.ledger, run, STUCK_RUN.alarm(key, f"{words}{run.updated_at:%Y-%m-%d %H:%M} UTC"))

    def _recount_runs(self) -> None:
        """Count closed runs again whose orders have moved on since: their tasks are over and will not."""
        for run in self.ledger.runs.to_recount():
            with self._apart(f"run {run.run_id}", "it could not be counted again: "), self._desk_of(run) as desk:
                recounted = recount(desk, run)
                self.findings.recounted.append(recounted.words)

    def _close(self, run: Run, failed_step: str) -> Run:
        if sends(run) and run.account not in self.gateways:
            raise InvalidData(f"no gateway connection names the account {run.account}")
        with self._desk_of(run) as desk:
            return close_run(desk, run, failed_step=failed_step)

    @contextmanager
    def _desk_of(self, run: Run) -> Iterator[Desk]:
        """Open the gateway of a run that sends, where a connection names its account."""
        if not sends(run) or run.account not in self.gateways:
            yield self._desk_at(run.account, None)
            return
        with self.gateways[run.account]() as reader:
            yield self._desk_at(run.account, reader)

    def _stuck_at(self, run: Run) -> datetime:
        """Return from when on a run is stuck: some time after the moment by which its own tasks end it."""
        intents = [] if run.plan_id is None else self.ledger.orders.of_plan(run.plan_id)
        working = any(intent.state not in FINAL for intent in intents)
        ends_at = run.cutoff_at if working else run.send_until
        return max(ends_at, run.updated_at) + timedelta(seconds=self.assembly.settings.stuck_seconds)

    def _notice_missed(self, watched: Watched) -> None:
        strategy, now = watched.strategy, self.ledger.now()
        schedule = due_by(strategy.schedule)
        if schedule is None:
            return
        paused = f"paused:{strategy.id}"
        if watched.paused:
            self.ledger.steps.beat(paused)
            return
        found = latest_due(schedule, calendar_of(strategy, now), now)
        if found is None:
            return
        session, due = found
        paused_at = self.ledger.steps.last_beat(paused)
        seen_paused = paused_at is not None and paused_at >= due
        # A look ahead by hand, or a run in a safer mode, is not the session's own.
        if seen_paused or self.ledger.runs.has_run(strategy.id, session.day, own_modes(strategy.mode)):
            return
        if not self.ledger.runs.ran_before(strategy.id, session.day):
            return
        if now < due + timedelta(seconds=self.assembly.settings.missed_seconds):
            return
        self.findings.missed.append(f"{strategy.id} {session.day}")
        self.ledger.alerts.raise_alert(
            SESSION_MISSED.alarm(
                SESSION_MISSED.key(strategy.id, session.day),
                f"{strategy.id} has no {strategy.mode} run of session {session.day}, which was due at "
                f"{due:%Y-%m-%d %H:%M} UTC{_waited_for(strategy)}",
            ),
            strategy_id=strategy.id,
            session=session.day,
        )

    def _raise_file_problem(self) -> None:
        if self.file_problem is None:
            self.ledger.alerts.end(STRATEGIES_FILE.key())
            return
        self._problem(self.file_problem)
        self.ledger.alerts.raise_alert(STRATEGIES_FILE.alarm(STRATEGIES_FILE.key(), self.file_problem))

    def _raise_problems(self) -> None:
        """Alert about what this look could not do and waiting will not help, one alert per subject."""
        keys = []
        for subject, words in self._told.items():
            keys.append(WATCHDOG_PROBLEM.key(subject))
            self.ledger.alerts.raise_alert(WATCHDOG_PROBLEM.alarm(keys[-1], listed(words, between="; ")))
        self.ledger.alerts.end_starting([WATCHDOG_PROBLEM.prefix()], but=keys)

    def _problem(self, words: str, subject: str | None = None) -> None:
        """Report a problem; subject: what it is about, where a person must be alerted too."""
        log.warning("watchdog problem", problem=words)
        self.findings.problems.append(words)
        if subject is not None:
            self._told.setdefault(subject, []).append(words)


def _waited_for(strategy: Strategy) -> str:
    assets = assets_of(strategy.schedule)
    return f"; it waits for signals, announced by events of {listed(assets)}" if assets else ""
