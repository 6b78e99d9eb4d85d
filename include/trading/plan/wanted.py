"""What all symbols of a plan need, and in which order it is judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from include.trading.plan.band import inside_band
from include.trading.plan.changes import Change, change_of
from include.trading.plan.judge import judge
from include.trading.plan.plan import PlanInputs, PlannedOrder
from include.trading.plan.risk import BUYING_POWER, RULES
from include.trading.plan.sizing import Sizing
from include.trading.strategy.band_spec import DriftBand, band_of

# They deny because of the other orders and holdings, which a rebalancing of the whole book changes.
_OF_THE_BOOK: Final = {BUYING_POWER, "number_of_orders", *(rule.code for rule in RULES if rule.of_capital)}


def changes_of(inputs: PlanInputs, sizing: Sizing) -> list[Change]:
    """Return what each symbol needs, without what the no-trade band holds back."""
    signals = {signal.symbol: signal for signal in sizing.signals}
    tradable = any(signal.target_weight for signal in inputs.signals)
    band = band_of(inputs.strategy.no_trade_band)

    def decide(symbols: Iterable[str], *, banded: bool) -> list[Change]:
        held_back = band if banded else None
        return [
            change_of(each, inputs, signals.get(each), sizing.targets.get(each), tradable=tradable, band=held_back)
            for each in symbols
        ]

    whole = _book(inputs)
    planned = whole if inputs.only_symbols is None else sorted(set(inputs.only_symbols))
    # What a run was narrowed to is a part of the plan that it would have made otherwise.
    goes = band.scope == "book" and not inputs.flatten and _drifted(decide(whole, banded=True), inputs, band)
    return decide(planned, banded=not goes)


def ranked(changes: Iterable[Change]) -> list[PlannedOrder]:
    """Return reductions first, then by conviction: the best rank for a buy, the worst for a sell."""
    changes = list(changes)
    worst = max((change.signal.rank for change in changes if change.signal), default=0)

    def key(pair: tuple[Change, PlannedOrder]) -> tuple[bool, int, str, int]:
        change, order = pair
        if change.signal is None:
            conviction = worst + 1
        else:
            conviction = change.signal.rank if order.side == "buy" else worst + 1 - change.signal.rank
        return not order.reduces, conviction, order.symbol, order.leg

    pairs = [(change, order) for change in changes for order in change.orders]
    return [order for _, order in sorted(pairs, key=key)]


def _book(inputs: PlanInputs) -> list[str]:
    book = {symbol for quantities in (inputs.held, inputs.open_quantity) for symbol in quantities if quantities[symbol]}
    return sorted(book.union(inputs.strategy.symbols))


def _drifted(changes: list[Change], inputs: PlanInputs, band: DriftBand) -> bool:
    """Say whether a symbol is out of the band that may be traded: one that never may would make the book go each day.

    changes: with the band; only the closings among their orders may be inside it.
    """
    out = {change.symbol for change in changes if _is_out(change, inputs, band)}
    verdicts = judge(ranked(changes), inputs)
    return any(
        symbol in out and (verdict.reason is None or verdict.reason in _OF_THE_BOOK)
        for (symbol, _), verdict in verdicts.items()
    )


def _is_out(change: Change, inputs: PlanInputs, band: DriftBand) -> bool:
    # Without a capital nothing has a target but what is closed.
    if change.target_quantity is None or change.price is None or inputs.strategy.capital_or_none is None:
        return False
    delta = change.target_quantity - change.held - change.open
    return inside_band(delta, change.target_quantity, change.price.price, band, inputs.strategy.capital_usd) is None
