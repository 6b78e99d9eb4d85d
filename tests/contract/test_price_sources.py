"""What every source of prices must do, over each of them: a new source adds its line to SOURCES and passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from include.sandbox.runner import Sandbox
from include.trading.errors import TradingError
from include.trading.models import Price
from include.trading.plan.reasons import PRICE_PROBLEMS, price_problem
from include.trading.ports import PriceSource
from tests.contract.stages import EVERY, OPTIONS
from tests.support.engine import Engine, sandbox_strategy

SYMBOLS = ("AAPL", "KO", "NOSUCH")
DAY, CLOSE = date(2024, 11, 21), datetime(2024, 11, 21, 21, tzinfo=UTC)


def alpaca(sandbox: Sandbox) -> PriceSource:
    engine = Engine("", sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
    return engine.assembly().prices(sandbox_strategy(), **OPTIONS)


def alpacas_own_keys(sandbox: Sandbox) -> PriceSource:
    engine = Engine("", sandbox.signals_url, sandbox.alpaca_url, "", alpaca_key=sandbox.alpaca_key)
    named = {"alpaca": {"connection": "execution_gateway"}}
    return engine.assembly().prices(sandbox_strategy(prices=named), **OPTIONS)


SOURCES: dict[str, Callable[[Sandbox], PriceSource]] = {"alpaca": alpaca, "keys of the venue": alpacas_own_keys}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox]) -> Iterator[PriceSource]:
    sandboxes["v2"].admin.reset()
    with SOURCES[request.param](sandboxes["v2"]) as opened:
        yield opened


def check_whole(found: dict[str, Price | str]) -> None:
    """Fail unless there is a price of each symbol under its own name, or the reason why not in words that are known."""
    assert found.keys() == set(SYMBOLS)
    for symbol, price in found.items():
        if isinstance(price, Price):
            assert (price.symbol, price.price > 0, price.source > "") == (symbol, True, True)
        else:
            assert price_problem(price) in PRICE_PROBLEMS
    assert {symbol for symbol, price in found.items() if isinstance(price, Price)} == {"AAPL", "KO"}


def test_the_last_trade_of_each_symbol_or_the_reason_why_not(source: PriceSource) -> None:
    now = datetime.now(UTC)

    found = source.latest(SYMBOLS, now)

    check_whole(found)
    # Clocks of two machines differ a little.
    assert all(price.at <= now + timedelta(minutes=1) for price in found.values() if isinstance(price, Price))


def test_the_close_of_the_day_that_was_asked_for_and_of_no_other(source: PriceSource) -> None:
    found = source.closes(SYMBOLS, DAY, CLOSE, datetime.now(UTC))

    check_whole(found)
    assert {price.at for price in found.values() if isinstance(price, Price)} == {CLOSE}
    assert source.closes(SYMBOLS, DAY, CLOSE, datetime.now(UTC)) == found


def test_no_symbols_are_no_prices(source: PriceSource) -> None:
    now = datetime.now(UTC)

    assert (source.latest((), now), source.closes((), DAY, CLOSE, now)) == ({}, {})


@pytest.mark.parametrize("fault", ["html_200", "plain_500", "reset_before_body"])
def test_no_answer_is_an_error_and_never_no_price(
    source: PriceSource, sandboxes: dict[str, Sandbox], fault: str
) -> None:
    for service in ("market", "alpaca"):
        sandboxes["v2"].admin.fault(fault, service=service, match=EVERY)
    now = datetime.now(UTC)

    with pytest.raises(TradingError):
        source.latest(SYMBOLS, now)
    with pytest.raises(TradingError):
        source.closes(SYMBOLS, DAY, CLOSE, now)
