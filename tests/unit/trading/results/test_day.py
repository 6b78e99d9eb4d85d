"""The book of a day: the identity over any history, and a month computed by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.results.day import BookState, Day, close_day
from include.trading.results.entries import ZERO, Entry, cents
from include.trading.results.holding import Method
from include.trading.results.measures import compounded, daily_return
from include.trading.results.row import symbols_kept

D = Decimal
SYMBOLS = ("AAPL", "MSFT", "XOM")
shares = st.decimals("-500", "500", places=9).filter(bool)
usd = st.decimals("-20000", "20000", places=2)
prices = st.decimals("0.01", "900", places=4)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(
        st.sampled_from(["flow", "fill", "price", "dividend", "fee", "split", "rename", "quantity", "transfer"])
    )
    symbol = draw(st.sampled_from(SYMBOLS))
    match kind:
        case "fill":
            quantity, price = draw(shares), draw(prices)
            return Entry("fill", symbol, quantity, cents(quantity * price), plan_price=draw(prices))
        case "flow":
            return Entry(kind, amount=draw(usd))
        case "fee":
            return Entry(kind, draw(st.sampled_from([None, *SYMBOLS])), amount=draw(usd))
        case "price" | "dividend":
            return Entry(kind, symbol, amount=draw(usd))
        case "rename":
            to = draw(st.sampled_from([other for other in SYMBOLS if other != symbol]))
            return Entry("rename", symbol, draw(shares), to=to)
    return Entry(kind, symbol, draw(shares))


days = st.lists(
    st.tuples(st.lists(entries(), max_size=8), st.dictionaries(st.sampled_from(SYMBOLS), prices)),
    min_size=1,
    max_size=6,
)


def live(history: list[tuple[list[Entry], dict[str, Decimal]]], method: Method) -> list[Day]:
    state, found = BookState(), []
    for happened, closes in history:
        day = close_day(state, happened, closes, method)
        state = day.state
        found.append(day)
    return found


@given(history=days, method=st.sampled_from(["average", "fifo"]))
def test_equity_is_equity_before_and_result_and_flows_to_the_cent(
    history: list[tuple[list[Entry], dict[str, Decimal]]], method: Method
) -> None:
    before = ZERO
    for day in live(history, method):
        assert day.equity_before == before
        assert day.equity == day.equity_before + day.result + day.flows
        assert day.result == day.realised + day.unrealised + day.dividends + day.corrected - day.fees
        assert day.equity == cents(day.equity)
        before = day.equity


@given(history=days, method=st.sampled_from(["average", "fifo"]))
def test_shares_and_cash_are_those_that_came_and_went(
    history: list[tuple[list[Entry], dict[str, Decimal]]], method: Method
) -> None:
    cash, held = ZERO, dict.fromkeys(SYMBOLS, ZERO)
    for (happened, _), day in zip(history, live(history, method), strict=True):
        for entry in happened:
            sign = 1 if entry.kind in ("flow", "dividend") else -1
            cash += sign * entry.amount
            if entry.symbol is not None and entry.kind != "rename":
                held[entry.symbol] += entry.quantity
        for entry in happened:
            if entry.kind == "rename" and entry.to is not None and entry.symbol is not None:
                held[entry.symbol] -= entry.quantity
                held[entry.to] += entry.quantity
        assert day.state.cash == cash
        assert {symbol: quantity for symbol, quantity in held.items() if quantity} == {
            symbol: holding.quantity for symbol, holding in day.state.holdings.items()
        }


@given(history=days)
def test_the_method_divides_the_result_and_never_changes_it(
    history: list[tuple[list[Entry], dict[str, Decimal]]],
) -> None:
    averages, fifos = live(history, "average"), live(history, "fifo")

    assert [day.equity for day in averages] == [day.equity for day in fifos]


@given(held=shares, price=prices, ratio=st.sampled_from([D(10), D("0.1"), D(3), D("1.5")]))
def test_a_split_changes_neither_result_nor_cost(held: Decimal, price: Decimal, ratio: Decimal) -> None:
    first = close_day(BookState(), [Entry("fill", "AAPL", held, cents(held * price))], {"AAPL": price})
    more = (held * ratio).quantize(D("1e-9")) - held

    booked = close_day(first.state, [Entry("split", "AAPL", more)], {})
    not_booked = close_day(first.state, [], {"AAPL": price / ratio}, unapplied={"AAPL": ratio})

    # What rounding nine decimals of a share and a price leaves.
    assert abs(booked.result) <= D("0.01")
    assert abs(not_booked.result) <= D("0.01")
    assert booked.symbols[0].cost == first.symbols[0].cost


def test_a_rename_that_is_undone_leaves_the_holding_as_it_was() -> None:
    first = close_day(BookState(), [Entry("fill", "FB", D(10), D("1000.00"))], {"FB": D(110)})
    # The second entry has the symbols in the order in which an undone rename's movements come: by name.
    there_and_back = [Entry("rename", "FB", D(10), to="META"), Entry("rename", "FB", D(-10), to="META")]

    day = close_day(first.state, there_and_back, {"FB": D(110)})

    assert day.result == 0
    assert day.state.holdings == first.state.holdings


def test_a_month_computed_by_hand() -> None:
    """10,000 USD; long and short, a late price, a dividend, a split, a fee, money taken out, a rename."""
    history: list[tuple[list[Entry], dict[str, Decimal]]] = [
        # 100 × 50 bought, 20 × 100 sold short: cash 10000 − 5000 + 2000 = 7000; worth 5100 − 1960.
        (
            [
                Entry("start", amount=D(10000)),
                Entry("fill", "AAPL", D(100), D(5000), plan_price=D("49.90")),
                Entry("fill", "XOM", D(-20), D(-2000), plan_price=D("100.10")),
            ],
            {"AAPL": D(51), "XOM": D(98)},
        ),
        # 40 of 100 sold at 52: realised 80. A dividend of 0.25 on the 60 that stay, a fee of 1.50.
        (
            [
                Entry("fill", "AAPL", D(-40), D(-2080)),
                Entry("dividend", "AAPL", amount=D(15)),
                Entry("fee", amount=D("1.50")),
            ],
            {"AAPL": D(52), "XOM": D(99)},
        ),
        # Split 10:1 of AAPL: 600 at 5.30. The short is bought back at 97: realised 60. 500 taken out.
        (
            [
                Entry("split", "AAPL", D(540)),
                Entry("fill", "XOM", D(20), D(1940)),
                Entry("flow", amount=D(-500)),
            ],
            {"AAPL": D("5.30")},
        ),
        # Renamed; a fill of the first day turns out to have cost 10 more.
        (
            [Entry("rename", "AAPL", D(600), to="APL"), Entry("price", "AAPL", amount=D(10))],
            {"APL": D("5.25")},
        ),
    ]

    found = live(history, "average")

    assert [day.flows for day in found] == [D(10000), 0, D(-500), 0]
    assert [day.equity for day in found] == [D("10140.00"), D("10233.50"), D("9833.50"), D("9793.50")]
    assert [day.result for day in found] == [D(140), D("93.50"), D(100), D(-40)]
    assert [day.realised for day in found] == [0, D(80), D(60), 0]
    # 100 + 40 | 60 × 2 − 100 (AAPL) and −20 (XOM) | 60 and −20 | −30
    assert [day.unrealised for day in found] == [D(140), D(0), D(40), D(-30)]
    assert [day.corrected for day in found] == [0, 0, 0, D(-10)]
    assert [day.turnover for day in found] == [D(7000), D(2080), D(1940), 0]
    assert found[0].cost_to_plan == D(12)
    assert found[0].cost_to_close == D(-140)
    returns = [daily_return(day.equity_before, day.flows, day.result) for day in found]
    assert returns == pytest.approx([0.014, 93.5 / 10140, 100 / 9733.5, -40 / 9833.5])
    assert compounded([each for each in returns if each is not None]) == pytest.approx(
        1.014 * (10233.5 / 10140) * (9833.5 / 9733.5) * (9793.5 / 9833.5) - 1
    )


def test_a_short_position_pays_the_dividend_its_tax_and_its_borrow_fee() -> None:
    """100 sold short at 20.00; they fall to 19.50 with a dividend of 0.40, and are bought back at 19.70."""
    ex_date = [
        Entry("dividend", "KO", amount=D("-40.00")),
        Entry("fee", "KO", amount=D("1.25")),
        # A rebate is a fee below zero.
        Entry("fee", "KO", amount=D("-0.05")),
    ]
    back = [Entry("fill", "KO", D(100), D(1970))]

    opened, held, closed = live(
        [
            ([Entry("start", amount=D(5000)), Entry("fill", "KO", D(-100), D(-2000))], {"KO": D(20)}),
            (ex_date, {"KO": D("19.50")}),
            (back, {}),
        ],
        "average",
    )

    assert (opened.equity, opened.result) == (D(5000), 0)
    assert (held.unrealised, held.dividends, held.fees, held.result) == (D(50), D(-40), D("1.20"), D("8.80"))
    # The short gained 30 in all, of which 50 were counted the day before.
    assert (closed.realised, closed.unrealised, closed.result) == (D(30), D(-50), D(-20))
    assert closed.equity == closed.state.cash == D("4988.80")


def test_first_in_first_out_sells_the_oldest_lot_first() -> None:
    bought = [
        Entry("fill", "KO", D(10), D(100)),
        Entry("fill", "KO", D(10), D(200)),
        Entry("fill", "KO", D(-15), D(-300)),
    ]

    fifo = close_day(BookState(), bought, {"KO": D(20)}, "fifo")
    average = close_day(BookState(), bought, {"KO": D(20)}, "average")

    assert (fifo.realised, average.realised) == (D(100), D(75))
    assert fifo.equity == average.equity


def test_a_symbol_without_a_close_keeps_its_last_price_and_is_named() -> None:
    first = close_day(BookState(), [Entry("fill", "KO", D(10), D(100))], {"KO": D(12)})

    day = close_day(first.state, [], {})

    assert (day.stale, day.result, day.net) == (("KO",), 0, D(120))


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_a_symbol_that_never_had_a_close_is_worth_its_fills_price_by_either_method(method: Method) -> None:
    traded = [
        Entry("fill", "KO", D(10), D(100)),
        Entry("fill", "KO", D(10), D(200)),
        Entry("fill", "KO", D(-15), D(-300)),
    ]

    day = close_day(BookState(D(1000)), traded, {}, method)

    assert (day.equity, day.net, day.stale) == (D(1050), D(50), ("KO",))
    # A close that is known later takes its place.
    assert close_day(day.state, [], {"KO": D(21)}, method).equity == D(1105)


def test_what_is_kept_of_a_day_reads_back_as_its_state() -> None:
    day = close_day(BookState(), [Entry("fill", "KO", D("0.123456789"), D("100.01"))], {"KO": D("812.3456")}, "fifo")

    kept = symbols_kept(day)

    assert kept["KO"]["lots"] == [["0.123456789", "100.01"]]
    assert kept["KO"]["price"] == "812.3456"
    assert daily_return(D(0), D(0), D(5)) is None
