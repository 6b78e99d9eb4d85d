"""Prices of the sandbox: real ones where its file has them, made from the name alone elsewhere."""

from __future__ import annotations

import pytest

from include.sandbox.alpaca.assets import Assets
from include.sandbox.alpaca.errors import Refused
from include.sandbox.prices import Prices, generated_close, real_symbols
from include.sandbox.settings import Settings

PRICES = Prices()
ROW = 5000


@pytest.mark.parametrize("symbol", ["TSLA", "GOOGL", "BRK.B", "F", "GEN001", "ABCDEFGHIJKLMNO"])
def test_any_other_symbol_has_a_generated_close_for_every_session(symbol: str) -> None:
    closes = [PRICES.close(symbol, row) for row in range(ROW, ROW + 250)]

    assert symbol not in real_symbols()
    assert closes == [generated_close(symbol, row) for row in range(ROW, ROW + 250)]
    assert min(close for close in closes if close is not None) >= 8
    assert len(set(closes)) > 100


def test_a_generated_close_is_the_same_on_every_machine() -> None:
    assert (PRICES.close("TSLA", ROW), PRICES.close("GEN001", ROW)) == (75.97, 53.9)


def test_real_closes_are_never_generated() -> None:
    assert "AAPL" in real_symbols()
    assert PRICES.close("AAPL", ROW) != generated_close("AAPL", ROW)
    assert len(real_symbols()) == 20


@pytest.mark.parametrize("symbol", ["NOSUCH", "ZZZZ", "aapl", "1X", "BTC/USD", "", "ABCDEFGHIJKLMNOP"])
def test_what_no_market_has_or_is_no_symbol_has_no_close(symbol: str) -> None:
    assert PRICES.close(symbol, ROW) is None


def test_a_row_without_a_session_has_no_close() -> None:
    last = len(PRICES.sessions)

    assert [PRICES.close(symbol, row) for symbol in ("AAPL", "TSLA") for row in (-1, last)] == [None] * 4


def test_alpaca_has_every_symbol_as_an_asset_by_its_name_and_id() -> None:
    assets = Assets(Settings(), PRICES)

    asset = assets.get("tsla")

    assert (asset.symbol, assets.get(asset.id)) == ("TSLA", asset)
    assert asset in assets.all()
    with pytest.raises(Refused):
        assets.get("NOSUCH")
