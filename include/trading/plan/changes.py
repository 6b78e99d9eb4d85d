"""What one symbol needs: its target less what is held and open, and the legs that get there, before any rule."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from include.trading.bounds import MOST_SHARES
from include.trading.errors import InvalidData
from include.trading.models import Price, Signal
from include.trading.numbers import shares
from include.trading.plan.assets import in_parts, is_fraction, may_split
from include.trading.plan.band import inside_band
from include.trading.plan.plan import Leg, PlanInputs, PlannedOrder
from include.trading.plan.reasons import REASONS, price_problem
from include.trading.plan.steps import Steps, steps_to
from include.trading.plan.valuation import last_known
from include.trading.sizing.inputs import Bound
from include.trading.sizing.shares import Target
from include.trading.strategy.band_spec import DriftBand

_ZERO = Decimal(0)


class LegOfChange(NamedTuple):
    """One leg: with an order, with the reason why not, or with neither when nothing is to change."""

    number: Leg
    delta_quantity: Decimal | None
    order: PlannedOrder | None = None
    reason: str | None = None
    detail: str | None = None


class Change(NamedTuple):
    """The symbol's facts and its one or two legs."""

    symbol: str
    signal: Signal | None
    held: Decimal
    open: Decimal
    price: Price | None
    target_quantity: Decimal | None
    legs: tuple[LegOfChange, ...]
    bound: Bound | None = None

    @property
    def orders(self) -> tuple[PlannedOrder, ...]:
        return tuple(leg.order for leg in self.legs if leg.order)


def change_of(
    symbol: str,
    inputs: PlanInputs,
    signal: Signal | None,
    target: Target | None,
    *,
    tradable: bool,
    band: DriftBand | None = None,
) -> Change:
    """Return what the symbol needs.

    target: from the sizing, None when it has no signal or no price. tradable: some signal has a weight.
    band: a change inside it is held back.
    """
    held, open_quantity = inputs.held.get(symbol, _ZERO), inputs.open_quantity.get(symbol, _ZERO)
    price = _price(symbol, inputs)
    quantity, legs = _decide(symbol, inputs, signal, target, held, open_quantity, tradable=tradable, band=band)
    return Change(
        symbol=symbol,
        signal=signal,
        held=held,
        open=open_quantity,
        price=price if isinstance(price, Price) else None,
        target_quantity=quantity,
        legs=legs,
        bound=target.bound if target and signal and target.stays is None else None,
    )


def _decide(
    symbol: str,
    inputs: PlanInputs,
    signal: Signal | None,
    target: Target | None,
    held: Decimal,
    open_quantity: Decimal,
    *,
    tradable: bool,
    band: DriftBand | None,
) -> tuple[Decimal | None, tuple[LegOfChange, ...]]:
    strategy, position = inputs.strategy, held + open_quantity
    if symbol in inputs.blocked:
        return _quantity(target), _skip(inputs.blocked[symbol])
    # A symbol that the answer leaves out is no symbol of weight 0: the model has said nothing of it.
    if not inputs.flatten and tradable and signal is None and symbol in strategy.symbols:
        return None, _skip("signal_missing", _stays(position)) if position else _skip("signal_missing_flat")
    if not inputs.flatten and tradable and target and target.stays:
        unsized = target.stays
        return None, _skip("no_history", f"{unsized}, {_stays(position)}") if position else _skip(
            "no_history_flat", unsized
        )
    if not inputs.flatten and position == 0 and (signal is None or not signal.target_weight):
        if target and target.reason:
            return target.quantity, _skip(target.reason)
        return _ZERO, _unchanged("Nothing is held and nothing is wanted.")
    if not inputs.flatten and not tradable:
        return None, _skip("no_tradable_signal", _stays(position))
    if not inputs.flatten and signal is None and strategy.absent_signal == "keep":
        return None, _skip("absent_signal_kept", _stays(position))

    wanted = Target(symbol=symbol, quantity=_ZERO) if inputs.flatten or signal is None else target
    # ADR-0006's letter orders the full target every time, as if nothing were held.
    from_scratch = strategy.order_basis == "target" and not inputs.flatten
    start = _ZERO if from_scratch else position
    if wanted and wanted.quantity == start:
        if wanted.reason:
            return wanted.quantity, _skip(_why_nothing(wanted.reason, symbol, inputs))
        why = "It has no weight." if from_scratch else f"The position is already {shares(position)}."
        return wanted.quantity, _unchanged(why)
    if wanted is None and strategy.capital_or_none is None:
        return None, _skip("equity_unknown", _stays(position))
    price = _price(symbol, inputs)
    if isinstance(price, str):
        numbers = f"no earlier price is known, {_stays(position)}" if inputs.flatten else ""
        return _quantity(wanted), _skip(price_problem(price), numbers)

    if wanted is None:
        raise InvalidData(
            f"sizing {strategy.sizing.word}: expected a target for {symbol}, which has a price; found none"
        )
    if abs(wanted.quantity) > MOST_SHARES:
        return None, _skip("price_too_small", f"at {price.price:f} the target is {shares(wanted.quantity)} shares")

    delta = wanted.quantity - start
    steps = steps_to(delta, start, splits=may_split(symbol, inputs), in_parts=in_parts(symbol, inputs))
    if not steps.closing and not steps.opening:
        return wanted.quantity, _skip("under_one_share", f"the change is {shares(delta)} shares", delta)
    if band is not None and not from_scratch and wanted.quantity != 0:
        inside = inside_band(delta, wanted.quantity, price.price, band, strategy.capital_usd)
        if inside is not None:
            return wanted.quantity, _skip("inside_band", inside, delta)
    least = inputs.least_fraction_usd
    if least is not None and is_fraction(steps.closing) and steps.closing * price.price < least:
        detail = f"{shares(steps.closing)} shares at {price.price:f} are less than {least:f} USD"
        return wanted.quantity, _skip("dust_stays", detail, delta)
    legs = _legs(price, delta, start, steps, (held, position), inputs)
    problem = inputs.prices.get(symbol, "missing")
    if isinstance(problem, str) and not all(leg.order and leg.order.reduces for leg in legs):
        return wanted.quantity, _skip(
            price_problem(problem), "an open order may make more of it than a reduction", delta
        )
    return wanted.quantity, legs


def _price(symbol: str, inputs: PlanInputs) -> Price | str:
    """Return the symbol's price. To close all of it needs none for the quantity: the last known will do then."""
    price = inputs.prices.get(symbol, "missing")
    if isinstance(price, str) and inputs.flatten:
        return last_known(symbol, inputs) or price
    return price


def _stays(position: Decimal) -> str:
    return f"{shares(position)} shares stay"


def _quantity(target: Target | None) -> Decimal | None:
    return None if target is None else target.quantity


def _why_nothing(reason: str, symbol: str, inputs: PlanInputs) -> str:
    """Return why a weight led to no share, where the strategy wants parts of one and the symbol has none."""
    whole_only = inputs.strategy.quantities == "fractional" and not may_split(symbol, inputs)
    return "under_one_whole_share" if reason == "under_one_share" and whole_only else reason


def _legs(
    price: Price,
    delta: Decimal,
    start: Decimal,
    steps: Steps,
    positions: tuple[Decimal, Decimal],
    inputs: PlanInputs,
) -> tuple[LegOfChange, ...]:
    """positions: what is held, without and with what open orders may still trade."""
    closing, opening = steps
    sign = 1 if delta > 0 else -1
    if not closing or not opening:
        return (LegOfChange(1, delta, _order(price, 1, sign * (closing + opening), positions)),)
    first = LegOfChange(1, -start, _order(price, 1, sign * closing, positions))
    if inputs.ids_from_content and opening == closing:
        opening -= 1  # a v1 gateway makes its ids from symbol, side and quantity and would swallow an equal leg
    after_first = tuple(position + sign * closing for position in positions)
    if opening == 0:
        return first, LegOfChange(2, delta + start, reason="id_collision", detail=REASONS["id_collision"])
    return first, LegOfChange(2, delta + start, _order(price, 2, sign * opening, after_first))


def _order(price: Price, leg: Leg, signed: Decimal, positions: tuple[Decimal, ...]) -> PlannedOrder:
    """positions: where the strategy may stand when the order trades, because open orders may fill or not."""
    return PlannedOrder(
        symbol=price.symbol,
        leg=leg,
        side="buy" if signed > 0 else "sell",
        quantity=abs(signed),
        price=price.price,
        notional=abs(signed) * price.price,
        reduces=all(position * signed < 0 and abs(signed) <= abs(position) for position in positions),
        opens_short=signed < 0 and any(position + signed < 0 for position in positions),
    )


def _skip(reason: str, numbers: str = "", delta: Decimal | None = None) -> tuple[LegOfChange, ...]:
    detail = f"{REASONS[reason]} ({numbers})" if numbers else REASONS[reason]
    return (LegOfChange(1, delta, reason=reason, detail=detail),)


def _unchanged(detail: str) -> tuple[LegOfChange, ...]:
    return (LegOfChange(1, _ZERO, detail=detail),)
