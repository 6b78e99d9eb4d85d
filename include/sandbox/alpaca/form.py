"""An order as the client sent it: read, and refused where it is malformed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.sandbox.alpaca.errors import Refused, malformed

SIDES = ("buy", "sell")
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")
INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
MORE_THAN_SIMPLE = ("legs", "take_profit", "stop_loss", "advanced_instructions")
MAX_AMOUNT = Decimal(10) ** 12
MAX_DECIMALS = 9
MAX_ID = 128


@dataclass(frozen=True)
class Form:
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail_price: Decimal | None
    trail_percent: Decimal | None
    extended_hours: bool
    client_order_id: str | None
    position_intent: str | None

    @property
    def is_fractional(self) -> bool:
        return self.notional is not None or (self.qty is not None and self.qty != int(self.qty))


def read_body(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Refused(400, 40010000, "request body format is invalid") from error
    if not isinstance(given, dict):
        raise Refused(400, 40010000, "request body format is invalid")
    return given


def read_form(given: Mapping[str, Any]) -> Form:
    """Read an order; amounts may be text, as in the vendor's schema, or numbers, as its Python client sends them."""
    if given.get("order_class") not in (None, "", "simple") or any(given.get(name) for name in MORE_THAN_SIMPLE):
        raise malformed("the emulator takes simple orders only")
    kind = _one_of(given, "type", TYPES)
    form = Form(
        symbol=_text(given, "symbol").upper(),
        side=_one_of(given, "side", SIDES),
        type=kind,
        time_in_force=_one_of(given, "time_in_force", TIMES_IN_FORCE),
        qty=_amount(given, "qty"),
        notional=_amount(given, "notional"),
        limit_price=_amount(given, "limit_price"),
        stop_price=_amount(given, "stop_price"),
        trail_price=_amount(given, "trail_price"),
        trail_percent=_amount(given, "trail_percent"),
        extended_hours=_flag(given, "extended_hours"),
        client_order_id=_own_id(given),
        position_intent=_one_of(given, "position_intent", INTENTS) if given.get("position_intent") else None,
    )
    if (form.qty is None) == (form.notional is None):
        raise malformed(
            "qty or notional is required" if form.qty is None else "only one of qty or notional is accepted"
        )
    _check_prices(form)
    return form


def _check_prices(form: Form) -> None:
    needed = {
        "market": (),
        "limit": ("limit_price",),
        "stop": ("stop_price",),
        "stop_limit": ("limit_price", "stop_price"),
        "trailing_stop": (),
    }[form.type]
    for name in ("limit_price", "stop_price"):
        if name in needed and getattr(form, name) is None:
            raise malformed(f"{form.type} orders require {name.replace('_', ' ')}")
        if name not in needed and getattr(form, name) is not None:
            raise malformed(f"{form.type} orders must not have {name.replace('_', ' ')}")
    trails = [form.trail_price, form.trail_percent]
    if (form.type == "trailing_stop") != (trails.count(None) == 1):
        raise malformed("trailing_stop orders, and only those, require either trail_price or trail_percent")


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None or value == "":
        raise malformed(f"{name} is required")
    if not isinstance(value, str) or not value.isprintable():
        raise malformed(f"invalid {name}")
    return value


def _own_id(given: Mapping[str, Any]) -> str | None:
    if given.get("client_order_id") in (None, ""):
        return None
    own = _text(given, "client_order_id")
    if len(own) > MAX_ID:
        raise malformed(f"client_order_id must be no more than {MAX_ID} characters")
    return own


def _one_of(given: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = given.get(name)
    if value is None or value == "":
        raise malformed(f"{name} is required")
    if not isinstance(value, str) or value not in words:
        raise malformed(f"invalid {name}")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise malformed(f"invalid {name}")
    return bool(value)


def _amount(given: Mapping[str, Any], name: str) -> Decimal | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    return read_amount(name, value)


def read_amount(name: str, value: Any) -> Decimal:
    """Read a positive amount with at most nine decimals from text or a JSON number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise malformed(f"invalid {name}")
    try:
        amount = Decimal(value)
    except ArithmeticError as error:
        raise malformed(f"invalid {name}") from error
    if not amount.is_finite() or not 0 < amount < MAX_AMOUNT:
        raise malformed(f"{name} must be > 0" if amount.is_finite() and amount <= 0 else f"invalid {name}")
    if amount != round(amount, MAX_DECIMALS):
        raise malformed(f"{name} must be limited to {MAX_DECIMALS} decimal places")
    return round(amount, MAX_DECIMALS).normalize()
