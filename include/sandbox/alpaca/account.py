"""The account: what it holds, what it is worth, what it may do."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.sandbox.alpaca.assets import NAMESPACE, Assets
from include.sandbox.alpaca.errors import not_found
from include.sandbox.alpaca.money import Standing, reserved
from include.sandbox.alpaca.rules import OpenOrder
from include.sandbox.alpaca.tally import Tally
from include.sandbox.alpaca.valuation import Valuation
from include.sandbox.alpaca.views import plain, stamp
from include.sandbox.book import Book, Holding
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings

NUMBER = "PASANDBOX1"
ACCOUNT_ID = str(uuid.uuid5(NAMESPACE, "account"))
CREATED_AT = datetime.fromisoformat("2024-01-02T14:30:00+00:00")
INITIAL_MARGIN, MAINTENANCE_MARGIN = Decimal("0.5"), Decimal("0.3")


class Account:
    def __init__(self, settings: Settings, book: Book, prices: Prices, assets: Assets) -> None:
        self.settings, self.book, self.prices, self.assets = settings, book, prices, assets
        self.tally = Tally(book)
        self.valuation = Valuation(self.tally, prices)

    # ── what the rules ask ──

    def open_orders(self, now: datetime) -> list[OpenOrder]:
        """Return what is left of the orders that may still fill."""
        self.tally.settle(now.timestamp())
        return [order for order in self.tally.open_orders.values() if order.rest > 0]

    def position(self, symbol: str, now: datetime) -> Decimal:
        self.tally.settle(now.timestamp())
        return self.tally.net.get(symbol, Decimal(0)) + self.book.foreign(symbol).get(symbol, Decimal(0))

    def standing(self, now: datetime, open_orders: Iterable[OpenOrder]) -> Standing:
        self.tally.settle(now.timestamp())
        long, short = self.valuation.totals(self.prices.current_row(now), self.book.foreign())
        return Standing(
            cash=self.settings.alpaca_cash + self.tally.cash_flow,
            long_value=long,
            short_value=short,
            reserved=reserved(open_orders),
            multiplier=self.settings.alpaca_multiplier,
        )

    def may_short(self, of: Standing) -> bool:
        return bool(self.settings.alpaca_account.get("shorting_enabled", of.may_short))

    def is_blocked(self) -> bool:
        changed = self.settings.alpaca_account
        flags = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
        return any(changed.get(flag) for flag in flags) or changed.get("status", "ACTIVE") != "ACTIVE"

    # ── what it says ──

    def body(self, now: datetime) -> dict[str, Any]:
        worth = self.standing(now, self.open_orders(now))
        gross = worth.long_value - worth.short_value
        equity, cash = plain(worth.equity), plain(round(worth.cash, 2))
        return {
            "id": ACCOUNT_ID,
            "account_number": NUMBER,
            "status": "ACTIVE",
            "crypto_status": "INACTIVE",
            "currency": "USD",
            "created_at": stamp(CREATED_AT),
            "cash": cash,
            "equity": equity,
            "portfolio_value": equity,
            "last_equity": equity,
            "long_market_value": plain(worth.long_value),
            "short_market_value": plain(worth.short_value),
            "position_market_value": plain(gross),
            "initial_margin": plain(gross * INITIAL_MARGIN),
            "maintenance_margin": plain(gross * MAINTENANCE_MARGIN),
            "last_maintenance_margin": plain(gross * MAINTENANCE_MARGIN),
            "multiplier": str(self.settings.alpaca_multiplier),
            "buying_power": plain(worth.buying_power),
            "effective_buying_power": plain(worth.buying_power),
            "regt_buying_power": plain(worth.regt_buying_power),
            "non_marginable_buying_power": plain(worth.non_marginable_buying_power),
            "options_buying_power": plain(worth.non_marginable_buying_power),
            "options_approved_level": 0,
            "options_trading_level": 0,
            "sma": "0",
            "accrued_fees": "0",
            "pending_reg_taf_fees": "0",
            "intraday_adjustments": "0",
            "pending_transfer_in": "0",
            "balance_asof": self._last_session(now).isoformat(),
            "shorting_enabled": worth.may_short,
            "trading_blocked": False,
            "transfers_blocked": False,
            "account_blocked": False,
            "trade_suspended_by_user": False,
            "admin_configurations": {},
            "user_configurations": None,
            **self.settings.alpaca_account,
        }

    def _last_session(self, now: datetime) -> date:
        return self.prices.sessions[max(self.prices.current_row(now) - 1, 0)]

    def positions(self, now: datetime) -> list[dict[str, Any]]:
        open_orders = self.open_orders(now)
        held = self.book.positions(now.timestamp())
        return [self._position(symbol, holding, open_orders, now) for symbol, holding in held.items()]

    def one_position(self, symbol_or_id: str, now: datetime) -> dict[str, Any]:
        asset = self.assets.find(symbol_or_id)
        holding = self.book.positions(now.timestamp()).get(asset.symbol if asset else symbol_or_id.upper())
        if asset is None or holding is None:
            raise not_found(f"position does not exist: {symbol_or_id}")
        return self._position(asset.symbol, holding, self.open_orders(now), now)

    def _position(
        self, symbol: str, holding: Holding, open_orders: Iterable[OpenOrder], now: datetime
    ) -> dict[str, Any]:
        asset = self.assets.find(symbol)
        row = self.prices.current_row(now)
        price = self.prices.latest(symbol, now) or Decimal(0)
        before = self.prices.close(symbol, row - 1)
        lastday = price if before is None else Decimal(str(before))
        closing = "sell" if holding.qty > 0 else "buy"
        held = sum((o.rest for o in open_orders if o.symbol == symbol and o.side == closing), Decimal(0))
        cost, value = holding.qty * holding.average_price, holding.qty * price
        gain, today = value - cost, holding.qty * (price - lastday)
        return {
            "asset_id": asset.id if asset else str(uuid.uuid5(NAMESPACE, symbol)),
            "symbol": symbol,
            "exchange": asset.exchange if asset else "",
            "asset_class": "us_equity",
            "asset_marginable": asset.marginable if asset else False,
            "qty": plain(holding.qty),
            "qty_available": plain(abs(holding.qty) - held if holding.qty > 0 else holding.qty + held),
            "side": "long" if holding.qty > 0 else "short",
            "avg_entry_price": plain(round(holding.average_price, 6)),
            "cost_basis": plain(round(cost, 6)),
            "market_value": plain(value),
            "current_price": plain(price),
            "lastday_price": plain(lastday),
            "change_today": _share(price - lastday, lastday),
            "unrealized_pl": plain(round(gain, 6)),
            "unrealized_plpc": _share(gain, abs(cost)),
            "unrealized_intraday_pl": plain(round(today, 6)),
            "unrealized_intraday_plpc": _share(today, abs(holding.qty) * lastday),
        }


def _share(part: Decimal, whole: Decimal) -> str:
    return plain(round(part / whole, 6)) if whole else "0"
