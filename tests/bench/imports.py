"""What a task process imports, by `python -X importtime`: our files, and the imports inside their functions."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from include.launcher.paths import ROOT
from tests.bench.results import Imported
from tests.support.databases import temporary_home
from tests.support.environment import without_airflow

FILES = {
    "dags/daily_trading.py": "daily_trading",
    "plugins/trading_plugin.py": "trading_plugin",
    "tests/bench/noop_dag.py": "tests.bench.noop_dag",
}
BASE = ROOT / "plugins" / "trading_airflow" / "operators" / "task.py"
OPERATORS = tuple(BASE.with_name(f"{name}.py") for name in ("signals", "orders", "fills"))
MOST = 3

BEGIN, END = "===== begin", "===== end"
# `import time:      self [us] |    cumulative | name`, the name indented by two spaces for each import it is inside of.
LINE = re.compile(r"^import time:\s+\d+ \|\s+(?P<microseconds>\d+) \| (?P<indent> *)(?P<module>\S+)$")

ALONE = ["airflow.sdk"]
# What the scheduler has loaded when LocalExecutor forks its workers from it.
SCHEDULER = [
    "airflow.executors.local_executor",
    "airflow.jobs.scheduler_job_runner",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
]
# Forks a process for each measurement, as the executor does for each task, so that none finds what another imported.
SCRIPT = """
import gc, json, os, sys
from importlib import import_module
loaded, preloads, measured, repetitions = json.loads(sys.argv[1])
for module in loaded:
    import_module(module)
if preloads:
    import trading_plugin
    sys.argv = ["airflow", "scheduler"]
    trading_plugin.TradingPlugin.on_load()
    # So Airflow tells a DAG file which of its tasks is about to run.
    from airflow.sdk.definitions import context
    os.environ[context._AIRFLOW_PARSING_CONTEXT_DAG_ID] = "daily_trading"
    os.environ[context._AIRFLOW_PARSING_CONTEXT_TASK_ID] = "submit_orders"
    # Every task reads the plugin's file once more.
    del sys.modules["trading_plugin"]
    # As LocalExecutor does; else one of the imports would pay for collecting all that the scheduler has loaded.
    gc.freeze()
for before, modules in measured:
    for _ in range(repetitions):
        child = os.fork()
        if child == 0:
            for module in before:
                import_module(module)
            print(BEGIN, file=sys.stderr, flush=True)
            for module in modules:
                # The statement: import_module is not timed.
                exec(f"import {module}")
            print(END, file=sys.stderr, flush=True)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(1)
"""


def measure(repetitions: int) -> list[Imported]:
    """Return what files of ours take to import, each so many times in a process of its own."""
    files: list[tuple[str, list[str], list[str]]] = [(f"`{file}`", [], [module]) for file, module in FILES.items()]
    inner = [
        (f"inside the functions of `{path.relative_to(ROOT)}`", ["daily_trading"], inner_imports(BASE, path))
        for path in OPERATORS
    ]
    return [
        *_imported("after `airflow.sdk`", ALONE, files, repetitions, preloads=False),
        *_imported("in a task", SCHEDULER, files + inner, repetitions, preloads=True),
    ]


def inner_imports(*paths: Path) -> list[str]:
    """Return the modules that files import inside functions, in their order."""
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    inside = [inner for node in nodes if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)]
    return list(dict.fromkeys(node.module for node in inside if isinstance(node, ast.ImportFrom) and node.module))


def _imported(
    where: str, loaded: list[str], measured: list[tuple[str, list[str], list[str]]], repetitions: int, *, preloads: bool
) -> list[Imported]:
    """measured: what it is, what is imported before, and what is timed."""
    asked = [loaded, preloads, [(before, modules) for _, before, modules in measured], repetitions]
    times = read_import_times(_run(json.dumps(asked)))
    found = []
    for place, (what, _, modules) in enumerate(measured):
        own = times[place * repetitions : (place + 1) * repetitions]
        seconds = [sum(taken for depth, _, taken in lines if depth == 0) for lines in own]
        # Inside one file, what it imports itself; of several modules, these.
        wanted = 1 if len(modules) == 1 else 0
        most = sorted(((module, taken) for depth, module, taken in own[-1] if depth == wanted), key=lambda one: -one[1])
        found.append(Imported(f"{what}, {where}", seconds, most[:MOST]))
    return found


def read_import_times(text: str) -> list[list[tuple[int, str, float]]]:
    """Return depth, module and seconds, inner imports included, of what was imported between each pair of marks."""
    return [
        [
            (len(found["indent"]) // 2, found["module"], int(found["microseconds"]) / 1e6)
            for line in part.partition(END)[0].splitlines()
            if (found := LINE.match(line))
        ]
        for part in text.split(BEGIN)[1:]
    ]


def _run(asked: str) -> str:
    folders = (ROOT, ROOT / "plugins", ROOT / "dags")
    with temporary_home() as home:
        env = without_airflow() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "TRADING_STRATEGIES_FILE": str(ROOT / "include" / "config" / "demo_strategies.yaml"),
            "BENCH_ORDERS": "5",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
        }
        command = [sys.executable, "-X", "importtime", "-c", f"BEGIN, END = {BEGIN!r}, {END!r}\n{SCRIPT}", asked]
        ran = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"the imports failed:\n{ran.stderr[-2000:]}")
    return ran.stderr
