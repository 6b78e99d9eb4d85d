"""Sources by their words: one call adds one, to the strategies file and to what opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.prices import registry as prices
from include.adapters.signals import registry as signals
from include.trading.strategy.file import load_strategies
from include.trading.strategy.prices_spec import PRICES, AlpacaPrices, PricesSpec
from include.trading.strategy.signals_spec import SIGNALS, ServiceSignals, SignalsSpec
from include.trading.strategy.spec import Strategy
from include.trading.strategy.values import ConnectionId
from tests.support.sources import as_before

ENTRY: dict[str, Any] = {
    "id": "own",
    "symbols": ["AAPL", "KO"],
    "signals": {"service": {"top_n": 1, "bottom_n": 1}},
    "capital": 1000,
}


class OwnSignals(SignalsSpec):
    """A source with a parameter that is needed and a connection."""

    word: ClassVar[str] = "our_model"

    connection: ConnectionId = "our_model"
    tilt: int


class OwnPrices(PricesSpec):
    """A source of its word alone."""

    word: ClassVar[str] = "our_prices"


def opened(spec: Any, connections: Callable[[str], ConnectionParts], **options: Any) -> Any:
    return spec, connections("x").connection_id, options


def parts(connection_id: str) -> ConnectionParts:
    return ConnectionParts(connection_id)


@pytest.fixture
def registered() -> Iterator[None]:
    with as_before():
        signals.register(OwnSignals, opened)
        prices.register(OwnPrices, opened)
        yield


def read(tmp_path: Path, **changes: Any) -> Any:
    import yaml

    path = tmp_path / "strategies.yaml"
    path.write_text(yaml.safe_dump({"strategies": [ENTRY | changes]}))
    return load_strategies(path)


OWN = {"signals": {"our_model": {"tilt": 3}}, "prices": "our_prices"}


def test_a_registered_source_is_read_from_the_strategies_file_kept_and_opened(registered: None, tmp_path: Path) -> None:
    (strategy,) = read(tmp_path, **OWN).strategies

    assert strategy.signals == OwnSignals(tilt=3)
    assert Strategy.model_validate(strategy.model_dump(mode="json")) == strategy
    assert signals.open_signals(strategy, parts, correlation_id="c") == (strategy.signals, "x", {"correlation_id": "c"})
    assert prices.open_prices(strategy, parts) == (OwnPrices(), "x", {})
    assert (strategy.signals.name, strategy.signals.where) == ("our_model", "the connection our_model")
    assert (strategy.prices.name, strategy.prices.where) == ("our_prices", "the source our_prices")


def test_its_parameters_are_checked_and_named_like_those_of_the_others(registered: None, tmp_path: Path) -> None:
    missing = read(tmp_path, signals={"our_model": {}})
    unknown = read(tmp_path, signals={"our_models": {"tilt": 3}})
    no_symbols = read(tmp_path, **OWN, symbols=[])

    assert [str(each.problem) for each in missing.problems] == [
        "signals.our_model.tilt: expected a value, found nothing"
    ]
    assert "{our_model: {connection: …, tilt: …}}" in str(unknown.problems[0].problem)
    assert "at least 1 symbol" in str(no_symbols.problems[0].problem)


def test_without_it_the_word_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, **OWN)

    assert found.strategies == ()
    assert [each.problem.field for each in found.problems] == ["prices", "signals"]


@pytest.mark.parametrize(("registry", "table"), [(signals, SIGNALS), (prices, PRICES)])
def test_every_word_that_the_file_takes_can_be_opened(registry: ModuleType, table: dict[str, Any]) -> None:
    assert registry.SOURCES.keys() == table.keys()


def test_a_word_is_given_once(registered: None) -> None:
    class Another(SignalsSpec):
        word: ClassVar[str] = ServiceSignals.word

    class AnotherPrices(PricesSpec):
        word: ClassVar[str] = AlpacaPrices.word

    with pytest.raises(ValueError, match="'service' is taken"):
        signals.register(Another, opened)
    with pytest.raises(ValueError, match="'alpaca' is taken"):
        prices.register(AnotherPrices, opened)
    assert SIGNALS[ServiceSignals.word] is ServiceSignals
