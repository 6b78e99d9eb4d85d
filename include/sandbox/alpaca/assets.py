"""The assets: every symbol that has prices. Settings may change any of their words, to try what a client does then.

The list has the symbols with real prices and those that were asked for: all of them would be no list.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from include.sandbox.alpaca.errors import not_found
from include.sandbox.alpaca.rules import Asset
from include.sandbox.prices import Prices, exists
from include.sandbox.settings import Settings

NAMESPACE = uuid.UUID("6e5f0b0e-8a0b-4a52-9d7e-1c6f0c6a7d11")
NASDAQ = frozenset({"AAPL", "AMD", "MSFT", "PEP"})


class Assets:
    def __init__(self, settings: Settings, prices: Prices) -> None:
        self.settings, self.prices = settings, prices
        self._by_symbol = {symbol: _asset(symbol) for symbol in prices.symbols()}
        self._by_id = {asset.id: asset for asset in self._by_symbol.values()}

    def find(self, symbol_or_id: str) -> Asset | None:
        symbol = symbol_or_id.upper()
        asset = self._by_symbol.get(symbol) or self._by_id.get(symbol_or_id.lower())
        if asset is None and exists(symbol):
            asset = self._by_symbol[symbol] = _asset(symbol)
            self._by_id[asset.id] = asset
        found = asset and self._changed(asset)
        return found if found and found.listed else None

    def get(self, symbol_or_id: str) -> Asset:
        if asset := self.find(symbol_or_id):
            return asset
        raise not_found(f"asset not found for {symbol_or_id}")

    def all(self) -> Iterator[Asset]:
        changed = (self._changed(asset) for _, asset in sorted(self._by_symbol.items()))
        return (asset for asset in changed if asset.listed)

    def _changed(self, asset: Asset) -> Asset:
        changes = dict(self.settings.alpaca_assets.get(asset.symbol, {}))
        if asset.symbol in self.prices.ended and not self._is_traded(asset.symbol):
            changes |= {"active": False, "tradable": False}
        return replace(asset, **changes) if changes else asset

    def _is_traded(self, symbol: str) -> bool:
        return self.prices.is_traded(symbol, self.prices.current_row(self.settings.now()))


def _asset(symbol: str) -> Asset:
    exchange = "NASDAQ" if symbol in NASDAQ else "NYSE"
    return Asset(str(uuid.uuid5(NAMESPACE, symbol)), symbol, f"{symbol} Common Stock", exchange)


def asset_body(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "class": "us_equity",
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": asset.name,
        "status": "active" if asset.active else "inactive",
        "tradable": asset.tradable,
        "marginable": asset.marginable,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "shortable": asset.shortable,
        "easy_to_borrow": asset.easy_to_borrow,
        "borrow_status": "easy_to_borrow" if asset.easy_to_borrow else "hard_to_borrow",
        "fractionable": asset.fractionable,
        "attributes": [],
    }
