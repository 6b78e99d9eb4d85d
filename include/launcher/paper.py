"""From a file of weights and an Alpaca paper key to paper trades, every session, on a real Airflow of one's own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.launcher import airflow, processes, report
from include.launcher.demo import (
    LEDGER_SETTING,
    Progress,
    Stack,
    databases,
    ledger_on,
    start_airflow,
    trade,
    until_interrupted,
    wait_until_known,
)
from include.launcher.errors import CannotRun
from include.launcher.paper_account import PaperAccount, paper_account
from include.launcher.paper_plan import Desk, lines_of, settle_positions
from include.launcher.paper_strategy import paper_strategy
from include.launcher.paper_watch import may_send, watch, when
from include.launcher.paths import usable_state_folder
from include.launcher.settings import Ports, choose_port, load_secrets
from include.launcher.strategies import SETTING
from include.trading.strategy.spec import Strategy

HOME = ".trading-paper"
LONGEST_RUN_SECONDS = 8 * 3600


@dataclass(frozen=True)
class Asked:
    """What was said on the command line. None: to be asked for where it matters."""

    weights: Path | None
    dated: str | None
    positions: str | None
    yes: bool
    once: bool


def paper(asked: Asked) -> int:
    """Trade the weights and return the exit code: 0 when the run completed, or none was to be made yet."""

    def work(started: ExitStack) -> Iterator[int]:
        yield 1
        state = usable_state_folder(HOME)
        started.enter_context(processes.only_one(state / "paper.lock", "Paper trading"))
        account = paper_account(os.environ, state / "alpaca.json")
        strategy = paper_strategy(state / "strategies.yaml", asked.weights, account, asked.dated, _ask)
        progress = Progress()
        stack = _bring_up(started, progress, state, account, strategy)
        desk = Desk(stack.env, strategy)
        settle_positions(desk, asked.positions, _ask)
        if found := desk.problems():
            print("\nWhat would stop a run, or a part of it:\n" + "\n".join(lines_of(found)))
        print(f"\n{_plan(desk, asked)}\n", flush=True)
        if not asked.yes and _ask("Trade this on the paper account, and go on every session? yes or no: ") != "yes":
            print("Nothing is traded.")
            yield 0
            return
        yield from _go(stack, strategy, progress, once=asked.once)

    return until_interrupted(work, "paper trading")


def _plan(desk: Desk, asked: Asked) -> str:
    """Return the plan as text; where there is none yet, why: tomorrow's file may not be written."""
    try:
        return desk.plan(datetime.now(UTC))
    except CannotRun as error:
        if asked.once:
            raise
        return f"{error}\nEach session's run tries again."


def _go(stack: Stack, strategy: Strategy, progress: Progress, *, once: bool) -> Iterator[int]:
    airflow.wait_until_healthy(stack.api, stack.children)
    progress.step(f"Airflow is healthy on http://127.0.0.1:{stack.ports.ui}")
    if may_send(strategy, datetime.now(UTC)):
        # An order may stay open until the close.
        run_id = trade(stack, strategy.dag_id, progress, timeout_seconds=LONGEST_RUN_SECONDS)
        found = report.read_run(stack.ledger_url, strategy.dag_id, run_id)
        print("\nThe run left nothing in the ledger." if found is None else f"\n{report.render(*found)}")
        yield 0 if found and found[0]["status"] == "completed" else 1
    else:
        wait_until_known(stack, strategy.dag_id)
        stack.api.unpause(strategy.dag_id)
        progress.step("the market is closed: nothing is sent now")
        yield 0
    if once:
        return
    home = shlex.quote(str(stack.airflow_logs.parents[1]))
    print(
        f"\n{when(strategy, datetime.now(UTC))} This must stay up, and the machine awake, until then.\n"
        f"Airflow   http://127.0.0.1:{stack.ports.ui}\n"
        f"Login     {airflow.ADMIN} / {stack.admin_password}\n"
        f'On duty   TRADING_HOME={home} make ops ARGS="orders --events"\n'
        "Stop      Ctrl-C; orders that are at Alpaca stay there\n",
        flush=True,
    )
    watch(strategy, stack.ledger_url, stack.children, airflow.refuse_dead)


def _bring_up(started: ExitStack, progress: Progress, state: Path, account: PaperAccount, strategy: Strategy) -> Stack:
    """Start PostgreSQL and Airflow, which goes on getting ready while questions are asked; `started` stops them."""
    began = datetime.now(UTC)
    port = choose_port(os.environ, "ui")
    ports = Ports(signals=0, gateway=0, market=0, admin=0, ui=port)
    secrets = load_secrets(state / "secrets.json")
    metadata_url, ledger_url, stamp = databases(started, state, progress, ledger_on)
    home = state / "airflow"
    # Ours last: another connection of that name may lead to another account.
    given = dict(os.environ) | account.connections | {SETTING: str(state / "strategies.yaml")}
    env = airflow.environment(
        given,
        home=home,
        ports=ports,
        secrets=secrets,
        metadata_url=metadata_url,
        ledger_url=ledger_url,
        sandbox=False,
    )
    children: list[processes.Child] = []
    started.callback(processes.stop, children)
    start_airflow(started, progress, children, env, state=state, stamp=stamp)
    api = airflow.Api(f"http://127.0.0.1:{port}", secrets.admin_password)
    return Stack(
        children, ports, api, secrets.admin_password, env[LEDGER_SETTING], home / "logs", began, env, [strategy]
    )


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        raise CannotRun("There is no terminal to answer at: set YES=1, DATED=… and POSITIONS=….") from None
