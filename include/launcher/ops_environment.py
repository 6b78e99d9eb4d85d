"""The connections of a running demo, kept where `include/run.py ops` finds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from include.launcher.errors import CannotRun
from include.launcher.settings import write_private

LEDGER = "AIRFLOW_CONN_TRADING_LEDGER"
_CONNECTION = "AIRFLOW_CONN_"
_KEPT = (_CONNECTION, "TRADING_")


def keep(state: Path, env: Mapping[str, str]) -> None:
    """Write what the commands of `include.ops` need of the demo's environment; it holds a password."""
    kept = {name: value for name, value in env.items() if name.startswith(_KEPT)}
    write_private(_file(state), json.dumps(kept, indent=2) + "\n")


def forget(state: Path) -> None:
    """Remove it: nothing listens there any more."""
    _file(state).unlink(missing_ok=True)


def environment(state: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return `given`, completed by the running demo's connections unless it names a ledger of its own.

    Raises CannotRun when it names other connections and no ledger: the commands would act on the demo's ledger by
    another installation's services.
    """
    if LEDGER in given or not _file(state).exists():
        return dict(given)
    kept: dict[str, str] = json.loads(_file(state).read_text())
    if own := sorted(name for name in given if name.startswith(_CONNECTION) and given[name] != kept.get(name)):
        raise CannotRun(
            f"Set are {', '.join(own)}, but not {LEDGER}, so the commands would work on the running demo's ledger. "
            f"For an installation of yours set (and export) {LEDGER} too; for the demo unset those."
        )
    return kept | dict(given)


def _file(state: Path) -> Path:
    return state / "ops.json"
