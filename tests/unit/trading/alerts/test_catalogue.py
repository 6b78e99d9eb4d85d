"""Every alert comes from the catalogue, and every entry of the catalogue is raised and is in the runbook."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.trading.alerts import catalogue
from include.trading.alerts.catalogue import (
    BREAK,
    CATALOGUE,
    DAG_FAILED,
    ENDED_BY,
    ERROR,
    GATEWAY_MODE,
    GAVE_UP,
    REJECTED,
    STRATEGIES_FILE,
    UNKNOWN_ORDER,
    Cause,
    runbook_entry,
)

ROOT = Path(__file__).resolve().parents[4]
CONSTANTS = {name for name, value in vars(catalogue).items() if isinstance(value, Cause)}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("include", "plugins", "dags"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(catalogue.__file__):
                yield path, ast.parse(path.read_text())


def raised_in(tree: ast.Module) -> Iterator[str]:
    """Yield the causes that a module raises: not those of which it only takes a name, to end them."""
    only_named = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("key", "prefix", "kind")
    }
    in_lists = {
        id(each) for node in ast.walk(tree) if isinstance(node, ast.Tuple | ast.List | ast.Set) for each in node.elts
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in CONSTANTS and id(node) not in only_named | in_lists:
            yield node.id


def test_every_cause_is_raised_somewhere() -> None:
    raised = {name for _, tree in modules() for name in raised_in(tree)}
    # By the kind of a break.
    by_break = {name for name in CONSTANTS if getattr(catalogue, name) in (BREAK, GATEWAY_MODE)}
    called = {node.id for _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert "cause_of_break" in called
    assert raised | by_break == CONSTANTS


def test_no_alert_is_made_outside_of_the_catalogue() -> None:
    made = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Alarm", "Cause")
    ]

    assert made == []


def test_no_other_module_writes_the_name_of_a_cause_itself() -> None:
    heads = {cause.head or cause.kind for cause in CATALOGUE}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.values[0].value}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        and isinstance(node.values[0], ast.Constant)
        and str(node.values[0].value) in {f"{head}:" for head in heads}
    ]

    # The cause of a change of an account's state, in its history: not of an alert.
    assert [each for each in found if "include/execution/desk.py" not in each] == []


def test_every_kind_has_its_entry_in_the_runbook() -> None:
    entries = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.M)
    anchors = {runbook_entry(cause.kind) for cause in CATALOGUE}

    anchors |= {runbook_entry(kind) for kind in ("watchdog_silent", "old_signals")}  # Prometheus' own

    assert anchors == {f"docs/runbook.md#{entry}" for entry in entries}


@pytest.mark.parametrize("cause", CATALOGUE, ids=lambda cause: cause.head or cause.kind)
def test_a_cause_ends_by_its_name_and_by_every_beginning_of_it(cause: Cause) -> None:
    parts = [f"part {number}" for number in range(len(cause.of))]

    key = cause.key(*parts)

    assert all(key.startswith(cause.prefix(*parts[:number])) for number in range(len(parts)))
    with pytest.raises(TypeError, match="is named by"):
        cause.key(*parts, "one too many")


def test_causes_of_another_kind_have_other_names() -> None:
    heads: dict[str, set[str]] = {}
    for cause in CATALOGUE:
        heads.setdefault(cause.head or cause.kind, set()).add(cause.kind)

    # Found as a break of its own kind, and ended like any other.
    assert {head: kinds for head, kinds in heads.items() if len(kinds) > 1} == {"break": {"break", "gateway_mode"}}


def test_the_names_of_causes_stay_as_the_ledger_has_them() -> None:
    assert STRATEGIES_FILE.key() == "strategies_file"
    assert UNKNOWN_ORDER.key("a", None) == UNKNOWN_ORDER.prefix("a") == "unknown_order:a:"
    assert DAG_FAILED.key("d", "r") == "dag_failed:d:r"
    assert REJECTED.key("s", "replay", None) == "rejected:s:replay:"
    assert GATEWAY_MODE.key("a", "gateway_mode:x") == "break:a:gateway_mode:x"
    assert GAVE_UP.key("d", "r", "t") == ERROR.key("d", "r", "t") == "error:d:r:t"


def test_a_severity_that_a_cause_does_not_have_is_refused() -> None:
    assert REJECTED.alarm("k", "m", severity="critical").severity == "critical"
    with pytest.raises(ValueError, match="break is critical, never info"):
        BREAK.alarm("k", "m", severity="info", account="a")


def test_a_next_step_names_the_account() -> None:
    alarm = BREAK.alarm("k", "m", account="main")

    assert alarm.next_step.endswith("python -m include.ops resume --account main --reason …")
    assert set(ENDED_BY) == {
        "break",
        "gateway_mode",
        "account_state",
        "corporate_action",
        "loss_limit",
        "unknown_order",
    }
