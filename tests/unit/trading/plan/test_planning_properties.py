"""What holds for any book, signals, prices and limits."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.trading.models import AssetFacts, Price
from include.trading.plan.assets import in_parts, is_fraction, may_split
from include.trading.plan.plan import Plan, PlanInputs, PlannedOrder
from include.trading.plan.planning import make_plan
from include.trading.plan.reasons import REASONS
from include.trading.sizing.shares import SizingLimits, targets_of
from include.trading.strategy.band_spec import band_of
from tests.support.planning import ALL_OFF, NOW, book_after, price, signals, strategy

OURS = ("AAPL", "AMZN", "GOOGL", "MSFT", "TSLA")
FORMER = "XOM"  # still held, no longer in the strategy
ALL = (*OURS, FORMER)
MULTIPLE_LIMITS = (
    "gross_exposure",
    "net_exposure",
    "long_exposure",
    "short_exposure",
    "turnover_per_run",
    "turnover_per_day",
)

weights = st.decimals("-1", "1", places=2)
amounts = st.decimals("1", "900", places=2)
shares = st.integers(-400, 400).map(Decimal) | st.decimals("-20", "20", places=2) | st.decimals("0", "5", places=9)
multiples = st.just("off") | st.decimals("0", "3", places=2)
limits = st.fixed_dictionaries(
    dict.fromkeys(MULTIPLE_LIMITS, multiples)
    | {
        "order_notional_usd": st.just("off") | st.decimals("0", "100000", places=0),
        "order_shares": st.just("off") | st.integers(0, 1000),
        "least_notional_usd": st.just("off") | st.decimals("0", "500", places=2),
        "price_distance": st.just("off") | st.decimals("0", "0.3", places=2),
        "number_of_orders": st.just("off") | st.integers(0, 6),
    }
)
# What makes ids from an order's content takes whole shares only.
VENUES = (
    {"ids_from_content": True, "least_fraction_usd": None},
    {"ids_from_content": False, "least_fraction_usd": None},
    {"ids_from_content": False, "least_fraction_usd": Decimal(1)},
)
BANDS = (
    *("0", "0.001", "0.01"),
    {"drift": "0.02", "of": "capital"},
    {"drift": "0.1", "of": "position"},
    {"drift": "0.1", "of": "capital", "scope": "book"},
    {"drift": "0.3", "of": "position", "scope": "book"},
)


def facts(**said: st.SearchStrategy[bool]) -> st.SearchStrategy[dict[str, AssetFacts]]:
    """What a venue may say of all symbols."""
    words = dict.fromkeys(("tradable", "shortable", "fractionable"), st.booleans()) | said
    return st.fixed_dictionaries({symbol: st.builds(AssetFacts, symbol=st.just(symbol), **words) for symbol in ALL})


# The machine may be busy: neither an example nor making one has a deadline.
patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)

assets = st.none() | st.just("the venue did not answer") | facts() | facts().map(lambda told: told | {"MSFT": None})


@st.composite
def cases(draw: st.DrawFn, *, any_limits: bool = True, **fixed: Any) -> PlanInputs:
    """Any inputs that a run may bring; `fixed` names what a property holds still."""
    symbols = (*OURS, FORMER)
    some = st.lists(st.sampled_from(symbols), unique=True, max_size=2)
    prices: dict[str, Price | str] = {symbol: price(symbol, draw(amounts)) for symbol in symbols}
    closes: dict[str, Price | str] = dict(prices)
    closes |= {symbol: price(symbol, draw(amounts)) for symbol in draw(some)}
    prices |= dict.fromkeys(draw(some), "stale")
    closes |= dict.fromkeys(draw(some), "missing")
    values = {
        "strategy": strategy(
            limits=draw(limits) if any_limits else ALL_OFF,
            max_position_size=draw(st.sampled_from([5_000, 40_000, 100_000])),
            quantities=draw(st.sampled_from(["whole", "fractional"])),
            no_trade_band=draw(st.sampled_from(BANDS)),
            restricted_symbols=draw(some) if any_limits else [],
            not_shortable_symbols=draw(some) if any_limits else [],
        ),
        "signals": signals(**draw(st.dictionaries(st.sampled_from(OURS), weights))),
        "prices": prices,
        "previous_closes": closes,
        "last_prices": {symbol: price(symbol, draw(amounts)) for symbol in draw(some)},
        "held": draw(st.dictionaries(st.sampled_from(symbols), shares)),
        "open_quantity": draw(st.dictionaries(st.sampled_from(symbols), shares, max_size=1)),
        "blocked": dict.fromkeys(draw(some), "unresolved_order"),
        "account_state": draw(st.sampled_from(["active", "active", "reduce_only", "halted"]))
        if any_limits
        else "active",
        "traded_today": draw(st.sampled_from([Decimal(0), Decimal(60_000)])),
        "assets": draw(assets if any_limits else st.none() | facts(tradable=st.just(True), shortable=st.just(True))),
        **draw(st.sampled_from(VENUES)),
        "now": NOW,
        "flatten": draw(st.booleans()),
    }
    return PlanInputs.model_validate(values | fixed)


def exposures(inputs: PlanInputs, orders: Iterable[PlannedOrder]) -> dict[str, Decimal] | None:
    """The book's worth with the orders, by limit; None where a holding has no value."""
    book = {symbol: inputs.held.get(symbol, 0) + inputs.open_quantity.get(symbol, 0) for symbol in (*OURS, FORMER)}
    for order in orders:
        book[order.symbol] += order.signed_quantity
    worth = []
    for symbol, quantity in book.items():
        sources = (inputs.prices[symbol], inputs.previous_closes[symbol], inputs.last_prices.get(symbol))
        known = [p for p in sources if isinstance(p, Price)]
        if quantity and not known:
            return None
        worth.append(quantity * known[0].price if quantity else Decimal(0))
    longs, shorts = sum(w for w in worth if w > 0), -sum(w for w in worth if w < 0)
    return {
        "gross_exposure": Decimal(longs + shorts),
        "net_exposure": Decimal(abs(longs - shorts)),
        "long_exposure": Decimal(longs),
        "short_exposure": Decimal(shorts),
    }


def band_usd(inputs: PlanInputs, target: Decimal, price: Price) -> Decimal:
    """What a change must be worth to be traded on its own account."""
    band = band_of(inputs.strategy.no_trade_band)
    return band.drift * (inputs.strategy.capital_usd if band.of == "capital" else abs(target) * price.price)


def with_band(inputs: PlanInputs, **changes: Any) -> PlanInputs:
    band = band_of(inputs.strategy.no_trade_band).model_copy(update=changes)
    return inputs.model_copy(update={"strategy": inputs.strategy.model_copy(update={"no_trade_band": band})})


@given(inputs=cases())
@patient
def test_a_plan_never_exceeds_a_limit(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)
    orders, increases = plan.orders, [order for order in plan.orders if not order.reduces]

    limits, capital = inputs.strategy.limits, inputs.strategy.capital
    traded = sum((order.quantity * order.price for order in orders), Decimal(0))
    if limits.number_of_orders != "off" and increases:
        assert len(orders) <= limits.number_of_orders
    if limits.turnover_per_run != "off" and increases:
        assert traded <= limits.turnover_per_run * capital
    if limits.turnover_per_day != "off" and increases:
        assert inputs.traded_today + traded <= limits.turnover_per_day * capital
    for order in increases:
        if limits.order_notional_usd != "off":
            assert order.quantity * order.price <= limits.order_notional_usd
        if limits.order_shares != "off":
            assert order.quantity <= limits.order_shares
        if limits.least_notional_usd != "off":
            assert order.quantity * order.price >= limits.least_notional_usd
        if limits.price_distance != "off":
            close = inputs.previous_closes[order.symbol]
            assert isinstance(close, Price)
            assert abs(order.price - close.price) <= limits.price_distance * close.price

    before, after = exposures(inputs, (o for o in orders if o.reduces)), exposures(inputs, orders)
    for name in ("gross_exposure", "net_exposure", "long_exposure", "short_exposure"):
        limit = getattr(limits, name)
        if limit != "off":
            assert (before is not None and after is not None) or not increases
            if before is not None and after is not None:
                assert after[name] <= max(limit * capital, before[name])


@given(inputs=cases())
@patient
def test_a_plan_never_trades_a_denied_blocked_unpriced_restricted_or_foreign_symbol(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    ours = {*inputs.strategy.symbols, *inputs.held, *inputs.open_quantity}
    for order in plan.orders:
        assert order.symbol in ours
        assert order.symbol not in inputs.blocked
        assert order.symbol not in inputs.strategy.restricted_symbols
        assert isinstance(inputs.prices[order.symbol], Price) or (inputs.flatten and order.reduces)
        assert inputs.account_state != "halted"
        assert order.reduces or inputs.account_state == "active"
        if order.symbol in inputs.strategy.not_shortable_symbols:
            assert not order.opens_short
        assert order.reduces or not isinstance(inputs.assets, str)
        if isinstance(inputs.assets, dict) and not order.reduces:
            told = inputs.assets[order.symbol]
            assert told is not None
            assert told.tradable
            assert told.shortable or not order.opens_short
    assert {(order.symbol, order.leg) for order in plan.orders} == {
        (row.symbol, row.leg) for row in plan.rows if row.outcome == "order"
    }


@given(inputs=cases())
@patient
def test_every_symbol_has_one_story_and_every_refusal_a_known_reason(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    expected = {*OURS, *(symbol for book in (inputs.held, inputs.open_quantity) for symbol in book if book[symbol])}
    assert {row.symbol for row in plan.rows} == expected
    assert len({(row.symbol, row.leg) for row in plan.rows}) == len(plan.rows)
    for row in plan.rows:
        assert (row.reason in REASONS) == (row.outcome in ("skipped", "denied"))
        assert (row.order_quantity is not None) == (row.outcome in ("order", "denied"))
        assert row.detail or row.outcome == "order"


@given(inputs=cases(any_limits=False))
@patient
def test_every_allowed_symbol_ends_within_one_lot_and_the_band_of_its_target(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    if not inputs.flatten and not any(signal.target_weight for signal in inputs.signals):
        assert plan.orders == ()
        return
    priced = {symbol: p for symbol, p in inputs.prices.items() if isinstance(p, Price)}
    given = () if inputs.flatten else inputs.signals
    parts = frozenset(symbol for symbol in OURS if in_parts(symbol, inputs))
    sizing_limits = SizingLimits(max_position_size=inputs.strategy.max_position_usd, in_parts=parts)
    targets = targets_of(given, priced, inputs.strategy.capital, sizing_limits, {})
    book = book_after(plan, inputs.held)
    left_out = set() if inputs.flatten else set(OURS) - {signal.symbol for signal in inputs.signals}
    for symbol in left_out:
        assert book.get(symbol, 0) == inputs.held.get(symbol, 0)
    # What is left of a long, and cannot be sold, is in the way of a short, too.
    dust = {row.symbol for row in plan.rows if row.reason == "dust_stays"}
    for symbol in priced.keys() - inputs.blocked.keys() - left_out - dust:
        target = targets[symbol].quantity if symbol in targets else 0
        left = abs(target - book.get(symbol, 0) - inputs.open_quantity.get(symbol, 0))
        band = band_usd(inputs, target, priced[symbol]) if target else 0
        # A v1 gateway takes a flip's equal second leg for the first, so it is a share smaller there.
        lot = 2 if inputs.ids_from_content and any(row.leg == 2 for row in plan.rows if row.symbol == symbol) else 1
        assert left < lot or left * priced[symbol].price < band


@given(inputs=cases(any_limits=False, flatten=False).map(lambda inputs: with_band(inputs, scope="symbol")))
@patient
def test_a_change_of_the_band_and_more_is_traded_and_a_smaller_one_never(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    # Reasons that have nothing to do with how large a change is, and changes of which no lot can be traded.
    others = {"under_one_share", "dust_stays", "no_tradable_signal", "signal_missing", "unresolved_order"}
    for row in plan.rows:
        if row.leg == 1 and row.target_quantity:
            known = inputs.prices[row.symbol]
            if isinstance(known, Price) and row.reason not in others:
                away = abs(row.target_quantity - row.held_quantity - row.open_quantity) * known.price
                traded = away > 0 and away >= band_usd(inputs, row.target_quantity, known)
                assert (row.outcome == "order") == traded
                assert (row.reason == "inside_band") == (away > 0 and not traded)
        else:
            assert row.reason != "inside_band"


@given(inputs=cases().map(lambda inputs: with_band(inputs, scope="book")))
@patient
def test_a_book_goes_to_its_targets_as_a_whole_or_trades_nothing_but_closings(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    whole, each = make_plan(with_band(inputs, drift=Decimal(0))), make_plan(with_band(inputs, scope="symbol"))
    drifted = {symbol for symbol, _ in (order.key for order in each.orders) if is_out(symbol, each, inputs)}
    assert plan in (whole, each)
    if drifted:
        assert plan == whole
    elif plan != whole:
        assert all(row.target_quantity == 0 for row in plan.rows if row.outcome == "order")


def is_out(symbol: str, plan: Plan, inputs: PlanInputs) -> bool:
    row = next(row for row in plan.rows if row.symbol == symbol)
    known = inputs.prices[symbol]
    if row.target_quantity is None or not isinstance(known, Price) or inputs.flatten:
        return False
    away = abs(row.target_quantity - row.held_quantity - row.open_quantity) * known.price
    return away >= band_usd(inputs, row.target_quantity, known)


@given(inputs=cases(), data=st.data())
@patient
def test_a_plan_does_not_depend_on_the_order_of_its_input(inputs: PlanInputs, data: st.DataObject) -> None:
    shuffled: dict[str, Any] = {"signals": tuple(data.draw(st.permutations(inputs.signals)))}
    for name in ("prices", "previous_closes", "held", "open_quantity", "blocked"):
        shuffled[name] = dict(data.draw(st.permutations(list(getattr(inputs, name).items()))))
    symbols = tuple(data.draw(st.permutations(inputs.strategy.symbols)))
    shuffled["strategy"] = inputs.strategy.model_copy(update={"symbols": symbols})

    assert make_plan(inputs.model_copy(update=shuffled)) == make_plan(inputs)


@given(inputs=cases(any_limits=False, ids_from_content=False))
@patient
def test_a_plan_is_empty_when_nothing_changed_since_the_last_one_filled(inputs: PlanInputs) -> None:
    held = book_after(make_plan(inputs), inputs.held)

    again = make_plan(inputs.model_copy(update={"held": held}))

    assert again.orders == ()


@given(inputs=cases())
@patient
def test_a_reduction_never_crosses_zero_whether_open_orders_fill_or_not(inputs: PlanInputs) -> None:
    plan: Plan = make_plan(inputs)

    for order in plan.orders:
        if order.reduces:
            held = inputs.held.get(order.symbol, Decimal(0))
            for position in (held, held + inputs.open_quantity.get(order.symbol, Decimal(0))):
                assert abs(position + order.signed_quantity) < abs(position)
                assert position * (position + order.signed_quantity) >= 0


@given(inputs=cases())
@patient
def test_flattening_orders_every_reduction_that_no_person_and_no_doubt_forbids(inputs: PlanInputs) -> None:
    plan = make_plan(inputs.model_copy(update={"flatten": True, "account_state": "active", "open_quantity": {}}))

    ordered = {order.symbol: order.signed_quantity for order in plan.orders}
    for symbol, held in inputs.held.items():
        known = [inputs.prices[symbol], inputs.previous_closes[symbol], inputs.last_prices.get(symbol)]
        forbidden = symbol in inputs.blocked or symbol in inputs.strategy.restricted_symbols
        if forbidden or not any(isinstance(p, Price) for p in known):
            assert symbol not in ordered
        else:
            assert ordered.get(symbol, 0) == -_closed(symbol, held, inputs)


def _closed(symbol: str, held: Decimal, inputs: PlanInputs) -> Decimal:
    """What of the holding an order can close: all of a long that may be split, if that is worth an order."""
    if held <= 0 or not may_split(symbol, inputs):
        return Decimal(int(held))
    known = (inputs.prices[symbol], inputs.previous_closes[symbol], inputs.last_prices.get(symbol))
    price = next(p for p in known if isinstance(p, Price)).price
    assert inputs.least_fraction_usd is not None
    return Decimal(0) if is_fraction(held) and held * price < inputs.least_fraction_usd else held


@given(inputs=cases())
@patient
def test_a_part_of_a_share_is_only_traded_of_a_long_that_the_venue_splits(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    book = {symbol: inputs.held.get(symbol, 0) + inputs.open_quantity.get(symbol, 0) for symbol in ALL}
    for order in plan.orders:
        before = book[order.symbol]
        book[order.symbol] += order.signed_quantity
        if is_fraction(order.quantity):
            assert may_split(order.symbol, inputs)
            assert max(before, book[order.symbol]) > 0
            assert book[order.symbol] >= 0
            assert order.side == "sell" or inputs.strategy.quantities == "fractional"
            assert order.side == "buy" or order.notional >= (inputs.least_fraction_usd or 0)


@given(inputs=cases(any_limits=False, ids_from_content=False, open_quantity={}, blocked={}))
@patient
def test_a_long_that_is_closed_leaves_nothing_but_dust(inputs: PlanInputs) -> None:
    plan = make_plan(inputs)

    book = book_after(plan, inputs.held)
    for row in plan.rows:
        if row.target_quantity == 0 and row.held_quantity > 0 and row.price and may_split(row.symbol, inputs):
            left = book[row.symbol]
            assert left == 0 or (row.reason == "dust_stays" and left * row.price < (inputs.least_fraction_usd or 0))
