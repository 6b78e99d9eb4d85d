"""What every source of signals must do, over each of them: a new source adds its stage to stages.py and passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from include.adapters.signals.registry import register
from include.sandbox.runner import Sandbox
from include.trading.errors import BadAnswer, TradingError
from include.trading.ports import SignalRequest, SignalSource
from tests.contract.memory_source import MemorySignals, MemorySource
from tests.contract.stages import DAY, SOURCES, SourceStage
from tests.support.sources import as_before


@pytest.fixture(params=SOURCES)
def stage(
    request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SourceStage]:
    monkeypatch.syspath_prepend(tmp_path)
    with as_before():
        register(MemorySignals, MemorySource)
        yield SOURCES[request.param](sandboxes, tmp_path)


@pytest.fixture
def ask(stage: SourceStage) -> SignalRequest:
    return SignalRequest(symbols=("AAPL", "KO", "XOM"), as_of_date=DAY, session=date(2024, 11, 22), event=stage.event)


@pytest.fixture
def source(stage: SourceStage) -> Iterator[SignalSource]:
    with stage.source as opened:
        yield opened


def test_a_source_that_is_ready_says_what_it_is(source: SignalSource) -> None:
    assert source.check_ready().words


def test_an_answer_is_of_the_day_and_the_symbols_that_were_asked_for(source: SignalSource, ask: SignalRequest) -> None:
    found = source.signals(ask)

    symbols = [signal.symbol for signal in found.signals]
    assert found.as_of_date == ask.as_of_date
    assert set(symbols) <= set(ask.symbols)
    assert len(set(symbols)) == len(symbols)
    assert any(signal.target_weight for signal in found.signals)
    assert (found.model_version > "", found.strategy > "") == (True, True)


def test_an_answer_is_kept_as_it_came(source: SignalSource, ask: SignalRequest) -> None:
    raw = source.signals(ask).raw

    assert raw
    assert json.loads(json.dumps(raw)) == raw


def test_asking_changes_nothing_and_the_same_is_answered_again(source: SignalSource, ask: SignalRequest) -> None:
    first = source.signals(ask)
    source.check_ready()
    fewer = ask.model_copy(update={"symbols": ("KO", "AAPL", "XOM")})

    assert source.signals(ask).signals == first.signals
    assert sorted(source.signals(fewer).signals, key=str) == sorted(first.signals, key=str)


def test_an_answer_about_something_else_is_refused_with_its_text(stage: SourceStage, ask: SignalRequest) -> None:
    stage.lie()
    ask = ask.model_copy(update={"event": stage.event})

    with stage.source as source, pytest.raises(BadAnswer, match="TSLA") as refused:
        source.signals(ask)

    assert "TSLA" in refused.value.raw


def test_without_an_answer_there_is_an_error_and_never_an_empty_set(
    stage: SourceStage, source: SignalSource, ask: SignalRequest
) -> None:
    stage.lose(ask.as_of_date)

    with pytest.raises(TradingError) as failed:
        source.signals(ask)

    assert not isinstance(failed.value, BadAnswer)
