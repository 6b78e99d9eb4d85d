"""What the emulator of Alpaca keeps in memory is what the book adds up to, also when it is read from the file again."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from include.sandbox.actions import Actions
from include.sandbox.alpaca.form import read_form
from include.sandbox.alpaca.rules import OpenOrder
from include.sandbox.alpaca.service import Alpaca
from include.sandbox.alpaca.tally import Tally
from include.sandbox.alpaca.valuation import Valuation
from include.sandbox.book import Book
from include.sandbox.faults import Twist
from include.sandbox.market import MarketData
from include.sandbox.prices import Prices, utc
from include.sandbox.settings import Settings
from include.sandbox.store import open_store

NOW = 1_767_627_000.0
SYMBOLS = ("AAPL", "KO")
PRICES = Prices()
QUANTITIES = st.one_of(
    st.integers(1, 20).map(Decimal), st.decimals(Decimal("0.000000001"), Decimal(20), places=9, allow_nan=False)
)
Asked = tuple[str, str, Decimal, float | None, int, float | None, str | None]
ORDERS: st.SearchStrategy[list[Asked]] = st.lists(
    st.tuples(
        st.sampled_from(SYMBOLS),
        st.sampled_from(["buy", "sell"]),
        QUANTITIES,
        st.sampled_from([0, 3.0, 40.0, None]),
        st.integers(1, 3),
        st.sampled_from([None, 2.0, 30.0]),
        st.sampled_from([None, "canceled", "filled", "fill"]),
    ),
    max_size=8,
)


@given(orders=ORDERS, waits=st.lists(st.sampled_from([0.0, 1.0, 5.0, 60.0]), min_size=1, max_size=4))
def test_the_tally_is_what_the_orders_add_up_to(orders: list[Asked], waits: list[float]) -> None:
    with closing(open_store(":memory:")) as store:
        book = Book(store, PRICES)
        tally = Tally(book)
        valuation = Valuation(tally, PRICES)
        now = NOW
        for symbol, side, qty, fill_after, parts, ends_after, after in orders:
            now += 1
            ends = None if ends_after is None else (now + ends_after, "expired")
            order_id = book.place(f"o{now}", symbol, side, qty, now, fill_after, parts, ends=ends)
            store.execute(
                "INSERT INTO alpaca_orders (id, client_order_id, symbol, asked, unit_cost, created_at, hidden_until,"
                """ says_until) VALUES (?, ?, ?, '{"type": "market", "limit_price": null}', '5', ?, 0, 0)""",
                (order_id, order_id, symbol, now),
            )
            tally.opened(OpenOrder(order_id, symbol, side, "market", None, qty, Decimal(5)))
            if after == "fill":
                book.close(order_id, now, None, Decimal("0.1"))
            elif after is not None:
                book.close(order_id, now, after, None)
        for wait in waits:
            now += wait
            tally.settle(now)
            valuation.totals(PRICES.current_row(utc(now)), {})

        kept = book.kept_orders()
        again = Tally(book)
        truth = book.orders(now)
        assert [(o.executions, o.is_open) for o in kept] == [(o.executions, o.is_open) for o in truth]
        executed = [execution for order in kept for execution in order.executions]
        for symbol in SYMBOLS:
            expected = sum((e.qty for e in executed if e.symbol == symbol), Decimal(0))
            assert tally.net[symbol] == again.net[symbol] == expected
        foreign, row = {"KO": Decimal("-2.5"), "MSFT": Decimal(3)}, PRICES.current_row(utc(now))
        held = {symbol: tally.net.get(symbol, Decimal(0)) + foreign.get(symbol, 0) for symbol in (*SYMBOLS, "MSFT")}
        worth = [qty * Decimal(str(PRICES.close(symbol, row))) for symbol, qty in held.items()]
        expected_totals = (sum(value for value in worth if value > 0), sum(value for value in worth if value < 0))
        assert valuation.totals(row, foreign) == expected_totals
        assert Valuation(again, PRICES).totals(row, foreign) == expected_totals
        spent = sum((e.qty * e.price for e in executed), Decimal(0))
        assert tally.cash_flow == again.cash_flow == -spent
        rests = {order.broker_order_id: order.qty - order.filled for order in kept if order.is_open}
        assert {id: order.rest for id, order in tally.open_orders.items()} == rests
        assert tally.open_orders == again.open_orders


def test_a_post_costs_the_same_however_many_orders_have_ended() -> None:
    with closing(open_store(":memory:")) as store:
        settings, book = Settings(fill_after_seconds=0), Book(store, PRICES)
        actions = Actions(settings, PRICES, book)
        orders = Alpaca(settings, book, PRICES, MarketData(settings, PRICES, actions), actions.cash).orders
        form = read_form({"symbol": "AAPL", "side": "buy", "qty": "0.1", "type": "market", "time_in_force": "day"})

        def statements(ended: int) -> int:
            for _ in range(ended):
                orders.place(form, Twist())
            orders.account.tally.settle(settings.now().timestamp() + 1)
            asked: list[str] = []
            store.set_trace_callback(asked.append)
            orders.place(form, Twist())
            store.set_trace_callback(None)
            return len(asked)

        assert statements(ended=3) == statements(ended=50)


def test_a_book_that_was_emptied_adds_up_to_nothing() -> None:
    with closing(open_store(":memory:")) as store:
        book = Book(store, PRICES)
        tally = Tally(book)
        book.place("o", "AAPL", "buy", 5, NOW, 0, 1)
        tally.settle(NOW + 1)
        held = tally.net["AAPL"]

        book.clear()

        assert (held, tally.net["AAPL"], tally.cash_flow, tally.open_orders) == (5, 0, 0, {})
