"""What the vendor refuses of an order by its own words and by what is held and open; without input or output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from include.sandbox.alpaca.errors import forbidden, unprocessable
from include.sandbox.alpaca.form import Form
from include.sandbox.alpaca.views import plain

LEAST_NOTIONAL = Decimal(1)
PENNY, SUB_PENNY = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True)
class Asset:
    id: str
    symbol: str
    name: str
    exchange: str
    tradable: bool = True
    shortable: bool = True
    easy_to_borrow: bool = True
    fractionable: bool = True
    marginable: bool = True
    active: bool = True
    listed: bool = True


@dataclass(frozen=True)
class OpenOrder:
    """What is left of an order that may still fill; unit_cost is what a share of it reserves, 0 if it closes."""

    id: str
    symbol: str
    side: str
    type: str
    limit_price: Decimal | None
    rest: Decimal
    unit_cost: Decimal


def check_form(form: Form, asset: Asset, price: Decimal) -> None:
    """Refuse what cannot be an order of this asset at this price, no matter who sends it."""
    if not (asset.tradable and asset.active):
        raise unprocessable(f"asset {asset.symbol} is not tradable")
    for name, value in (("limit_price", form.limit_price), ("stop_price", form.stop_price)):
        step = PENNY if value is not None and value >= 1 else SUB_PENNY
        if value is not None and value % step:
            reason = "sub-penny increment does not fulfill minimum pricing criteria"
            raise unprocessable(f"invalid {name} {plain(value)}. {reason}")
    if form.type == "stop" and form.stop_price is not None and (form.stop_price > price) == (form.side == "sell"):
        side = "less" if form.side == "sell" else "greater"
        raise unprocessable(f"stop price must be {side} than the current price")
    if form.extended_hours and (form.type != "limit" or form.time_in_force not in ("day", "gtc")):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if form.time_in_force in ("opg", "cls") and form.type not in ("market", "limit"):
        raise unprocessable(f"{form.time_in_force} orders must be market or limit orders")
    if form.is_fractional:
        _check_fraction(form, asset, price)


def _check_fraction(form: Form, asset: Asset, price: Decimal) -> None:
    if not asset.fractionable:
        raise forbidden(f'asset "{asset.symbol}" is not fractionable')
    if form.time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    if form.type != "market" and (form.notional is not None or form.type == "trailing_stop"):
        raise unprocessable("notional orders must be market orders" if form.notional else "fractional trailing stop")
    value = form.notional if form.notional is not None else (form.qty or 0) * price
    if value < LEAST_NOTIONAL:
        raise forbidden(f"cost basis must be >= minimal amount of order {LEAST_NOTIONAL:f}")


def opens(side: str, position: Decimal) -> bool:
    """Say whether an order begins or adds to a position; one that would turn it over must close it first."""
    return position >= 0 if side == "buy" else position <= 0


def check_shares(
    form: Form, qty: Decimal, asset: Asset, position: Decimal, open_orders: Iterable[OpenOrder], may_short: bool
) -> None:
    """Refuse a short that may not be, and an order for more than is held and not yet held for other orders."""
    if not opens(form.side, position):
        same = [order for order in open_orders if order.symbol == form.symbol and order.side == form.side]
        held = sum((order.rest for order in same), Decimal(0))
        available = max(abs(position) - held, Decimal(0))
        if qty > available:
            raise forbidden(
                f"insufficient qty available for order (requested: {plain(qty)}, available: {plain(available)})",
                available=plain(available),
                existing_qty=plain(abs(position)),
                held_for_orders=plain(held),
                related_orders=[order.id for order in same],
                symbol=form.symbol,
            )
    elif form.side == "sell":
        if form.is_fractional:
            raise unprocessable("fractional orders cannot be sold short")
        if not may_short:
            raise forbidden("account is not allowed to short")
        if not (asset.shortable and asset.easy_to_borrow):
            raise unprocessable(f'asset "{asset.symbol}" cannot be sold short')


def check_wash_trade(form: Form, open_orders: Iterable[OpenOrder]) -> None:
    """Refuse an order that could trade against an open one of the same account."""
    for order in open_orders:
        if order.symbol != form.symbol or order.side == form.side:
            continue
        kind = "limit" if order.type == "limit" else "market/stop"
        if kind == "limit" and form.type == "limit" and not _cross(form, order):
            continue
        raise forbidden(
            "potential wash trade detected. use complex orders",
            existing_order_id=order.id,
            reject_reason=f"opposite side {kind} order exists",
        )


def _cross(form: Form, order: OpenOrder) -> bool:
    assert form.limit_price is not None and order.limit_price is not None
    bid, ask = (form.limit_price, order.limit_price) if form.side == "buy" else (order.limit_price, form.limit_price)
    return bid >= ask
