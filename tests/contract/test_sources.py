"""What every source of signals must do, over each of them: a new source adds its stage to stages.py and passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest

from include.adapters.signals.registry import register
from include.sandbox.runner import Sandbox
from include.trading.errors import BadAnswer, TradingError
from include.trading.ports import SignalRequest, SignalSource
from tests.contract.memory_source import MemorySignals, MemorySource
from tests.contract.stages import SOURCES, SourceStage
from tests.support.sources import as_before

ASK = SignalRequest(symbols=("AAPL", "KO", "XOM"), as_of_date=date(2024, 11, 21), session=date(2024, 11, 22))


@pytest.fixture(params=SOURCES)
def stage(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox]) -> Iterator[SourceStage]:
    with as_before():
        register(MemorySignals, MemorySource)
        yield SOURCES[request.param](sandboxes)


@pytest.fixture
def source(stage: SourceStage) -> Iterator[SignalSource]:
    with stage.source as opened:
        yield opened


def test_a_source_that_is_ready_says_what_it_is(source: SignalSource) -> None:
    assert source.check_ready().words


def test_an_answer_is_of_the_day_and_the_symbols_that_were_asked_for(source: SignalSource) -> None:
    found = source.signals(ASK)

    symbols = [signal.symbol for signal in found.signals]
    assert found.as_of_date == ASK.as_of_date
    assert set(symbols) <= set(ASK.symbols)
    assert len(set(symbols)) == len(symbols)
    assert any(signal.target_weight for signal in found.signals)
    assert (found.model_version > "", found.strategy > "") == (True, True)


def test_an_answer_is_kept_as_it_came(source: SignalSource) -> None:
    raw = source.signals(ASK).raw

    assert raw
    assert json.loads(json.dumps(raw)) == raw


def test_asking_changes_nothing_and_the_same_is_answered_again(source: SignalSource) -> None:
    first = source.signals(ASK)
    source.check_ready()
    fewer = ASK.model_copy(update={"symbols": ("KO", "AAPL", "XOM")})

    assert source.signals(ASK).signals == first.signals
    assert sorted(source.signals(fewer).signals, key=str) == sorted(first.signals, key=str)


def test_an_answer_about_something_else_is_refused_with_its_text(stage: SourceStage) -> None:
    stage.lie()

    with stage.source as source, pytest.raises(BadAnswer, match="TSLA") as refused:
        source.signals(ASK)

    assert "TSLA" in refused.value.raw


def test_without_an_answer_there_is_an_error_and_never_an_empty_set(stage: SourceStage, source: SignalSource) -> None:
    stage.lose(ASK.as_of_date)

    with pytest.raises(TradingError) as failed:
        source.signals(ASK)

    assert not isinstance(failed.value, BadAnswer)
