"""A plan that is only looked at."""

from __future__ import annotations

from include.execution.whatif.preview import preview
from include.trading.models import SignalSet
from tests.support.planning import NOW, prices, signals, strategy, traded


def test_a_preview_asks_for_no_closes_that_only_a_shadow_looks_at() -> None:
    found = SignalSet(signals=signals(AAPL="0.5"), as_of_date=NOW.date(), model_version="1", strategy="test")
    priced = prices(AAPL=100)

    plan = preview(
        None,
        strategy(shadow=["risk_parity"]),
        found,
        lambda symbols: ({symbol: priced.get(symbol, "missing") for symbol in symbols}, priced),
        market=None,
        account="a",
        ids_from_content=False,
        least_fraction_usd=None,
        now=NOW,
    )

    assert traded(plan) == [("AAPL", 1, "buy", 500)]
