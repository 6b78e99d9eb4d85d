"""The strategies file that a demo runs, whatever ids it has, and the connections that its strategies name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.launcher.errors import CannotRun
from include.launcher.paths import ROOT
from include.trading.errors import InvalidData
from include.trading.strategy.file import load_strategies
from include.trading.strategy.prices_spec import AlpacaPrices
from include.trading.strategy.signals_spec import ServiceSignals
from include.trading.strategy.spec import Strategy

SETTING = "TRADING_STRATEGIES_FILE"
DEMO = ROOT / "include" / "config" / "demo_strategies.yaml"


@dataclass(frozen=True)
class Named:
    """The ids of the connections that strategies name."""

    venues: frozenset[str]
    signal_services: frozenset[str]
    market_data: frozenset[str]


def strategies_path(given: Mapping[str, str]) -> Path:
    """Return the file that the setting names, seen from where the command was typed; else the demo's."""
    return Path(given[SETTING]).absolute() if given.get(SETTING) else DEMO


def strategies_of(path: Path) -> tuple[Strategy, ...]:
    """Return the file's strategies, in its order; raises CannotRun with what is wrong when there is none."""
    try:
        file = load_strategies(path)
    except InvalidData as error:
        raise CannotRun(f"{error}. {SETTING} names the file.") from error
    if not file.strategies:
        problems = "\n".join(f"  {problem}" for problem in file.problems) or "  it lists none"
        raise CannotRun(f"{path} has no strategy that can run:\n{problems}")
    return file.strategies


def named_by(strategies: Sequence[Strategy]) -> Named:
    """Return the connections that a sandbox can stand behind."""
    signals = (strategy.signals for strategy in strategies)
    prices = (strategy.prices for strategy in strategies)
    return Named(
        venues=frozenset(strategy.venue for strategy in strategies),
        signal_services=frozenset(spec.connection for spec in signals if isinstance(spec, ServiceSignals)),
        market_data=frozenset(spec.connection for spec in prices if isinstance(spec, AlpacaPrices)),
    )
