"""The sandbox's book: what it counts with one query is what its orders add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from include.sandbox.book import Book
from include.sandbox.prices import Prices
from include.sandbox.store import open_store

NOW = 1_767_627_000.0
SYMBOLS = ("AAPL", "MSFT")
PRICES = Prices()
Step = Callable[[Book, float], object]


@contextmanager
def book() -> Iterator[Book]:
    with closing(open_store(":memory:")) as store:
        yield Book(store, PRICES)


def asked(kept: Book, ask: Callable[[], object]) -> list[str]:
    """Return the statements that asking sends to the store."""
    statements: list[str] = []
    kept.store.set_trace_callback(statements.append)
    ask()
    kept.store.set_trace_callback(None)
    return statements


@st.composite
def orders(draw: st.DrawFn) -> list[Step]:
    """Return orders that fill at once, later, in parts or not at all, and what a person does to some of them."""
    steps: list[Step] = []
    for number in range(draw(st.integers(0, 8))):
        symbol, side = draw(st.sampled_from(SYMBOLS)), draw(st.sampled_from(["buy", "sell"]))
        qty, overfill = draw(st.integers(1, 20)), draw(st.integers(0, 2))
        fill_after, parts = draw(st.sampled_from([0, 3.0, 40.0, None])), draw(st.integers(1, 3))

        def place(
            book: Book,
            at: float,
            id: str = f"o{number}",
            words: tuple[str, str, int] = (symbol, side, qty),
            filling: tuple[float | None, int, int] = (fill_after, parts, overfill),
        ) -> None:
            book.place(id, *words, at, *filling)

        steps.append(place)
        if draw(st.booleans()):
            status, fill = draw(st.sampled_from([("canceled", None), ("filled", None), (None, 1)]))
            steps.append(lambda book, at, id=f"o{number}", status=status, fill=fill: book.close(id, at, status, fill))
    return steps


@settings(deadline=None)
@given(steps=orders(), wait=st.sampled_from([0.0, 2.0, 60.0]), foreign=st.integers(-5, 5))
def test_exposure_and_positions_are_what_the_orders_add_up_to(steps: list[Step], wait: float, foreign: int) -> None:
    with book() as kept:
        kept.hold({"AAPL": foreign})
        for number, step in enumerate(steps):
            step(kept, NOW + number)
        now = NOW + len(steps) + wait

        exposure = {symbol: kept.exposure(symbol, now) for symbol in SYMBOLS}
        positions = kept.positions(now)

        for symbol in SYMBOLS:
            held = foreign if symbol == "AAPL" else 0
            executed = waiting = 0
            for order in kept.orders(now, symbol):
                sign = 1 if order.side == "buy" else -1
                executed += sign * order.filled
                waiting += 0 if order.status in ("filled", "canceled") else sign * max(order.qty - order.filled, 0)
            assert exposure[symbol] == held + executed + waiting
            assert (positions[symbol].qty if symbol in positions else 0) == held + executed


def test_asking_costs_the_same_however_many_orders_have_ended() -> None:
    with book() as kept:

        def statements(ended: int) -> int:
            for number in range(ended):
                kept.place(f"{ended}-{number}", "AAPL", "buy", 1, NOW, 0, 1)
            kept.positions(NOW + 1)
            return len(asked(kept, lambda: (kept.exposure("AAPL", NOW + 1), kept.positions(NOW + 1))))

        assert statements(ended=3) == statements(ended=50)


def test_an_order_is_found_without_looking_through_all_of_them() -> None:
    with book() as kept:
        (query,) = asked(kept, lambda: kept.order("x", NOW))

        plan = kept.store.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()

        assert not any("SCAN" in row["detail"] for row in plan)
