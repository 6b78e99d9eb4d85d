"""What the steps import: a process is started for each order, so what it loads is paid for each order."""

from __future__ import annotations

import json
import subprocess
import sys

from include.launcher.paths import ROOT
from tests.bench.imports import BASE, OPERATORS, inner_imports

# Which of the modules loads NumPy, in a process of its own.
SCRIPT = """
import json, sys
from importlib import import_module
for module in json.loads(sys.argv[1]):
    import_module(module)
    if "numpy" in sys.modules:
        sys.exit(f"{module} imports numpy")
"""


def imported(*modules: str) -> str:
    """Return what a process says that imports these modules; nothing where none loads NumPy."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(modules)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr.strip()


def test_no_task_imports_numpy_before_it_sizes() -> None:
    steps = [module for module in inner_imports(BASE, *OPERATORS) if module.startswith("include.")]

    assert "include.execution.steps.map_orders" in steps
    assert imported(*steps, "include.trading.sizing.target_weight", "include.trading.sizing.equal_weight") == ""


def test_a_model_that_looks_at_closes_is_what_imports_numpy() -> None:
    model = "include.trading.sizing.risk_parity"

    assert imported(model) == f"{model} imports numpy"
