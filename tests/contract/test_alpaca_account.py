"""One account at Alpaca, from its keys to one order that cannot fill and is canceled: the emulator's, or a real one.

`make contract-test ALPACA=paper` runs this on the paper account of APCA_API_KEY_ID and APCA_API_SECRET_KEY. Its host is
the paper host and never another.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.prices.registry import open_prices
from include.adapters.venues.alpaca.client import AlpacaVenue
from include.adapters.venues.alpaca.kind import AlpacaKind
from include.sandbox.runner import Sandbox
from include.trading.errors import BookMismatch, IdExists, NotFound, TradingError
from include.trading.models import OrderReport, OrderRequest, Price
from tests.contract.stages import OPTIONS
from tests.support.engine import sandbox_strategy

ON_PAPER = os.environ.get("ALPACA") == "paper"
SYMBOL = "KO"
# Until a real account shows an order that it took, or that it canceled one.
SECONDS = 20 if ON_PAPER else 2


class FarLimit(AlpacaVenue):
    """Buys at one dollar a share what costs dozens: nothing of it can fill."""

    terms: ClassVar[Mapping[str, str]] = {"type": "limit", "time_in_force": "day", "limit_price": "1.00"}


@pytest.fixture(scope="module")
def parts(sandboxes: dict[str, Sandbox]) -> ConnectionParts:
    extra = {"venue": "alpaca", "account": "contract-test"}
    if ON_PAPER:
        login, password = os.environ["APCA_API_KEY_ID"], os.environ["APCA_API_SECRET_KEY"]
        return ConnectionParts(
            "paper", host="https://paper-api.alpaca.markets", login=login, password=password, extra=extra
        )
    sandbox = sandboxes["v2"]
    sandbox.admin.reset()
    login, password = sandbox.alpaca_key
    return ConnectionParts("emulator", host=sandbox.alpaca_url, login=login, password=password, extra=extra)


@pytest.fixture(scope="module")
def venue(parts: ConnectionParts) -> Iterator[FarLimit]:
    with FarLimit(AlpacaKind().connect(parts), **OPTIONS) as opened:
        yield opened


@pytest.fixture(scope="module")
def sent(venue: FarLimit) -> Iterator[tuple[OrderRequest, OrderReport]]:
    """The one order, canceled at the end whatever happened."""
    order = OrderRequest(client_order_id=f"p{uuid.uuid4().hex[:23]}", symbol=SYMBOL, side="buy", quantity=Decimal(1))
    try:
        yield order, venue.submit(order)
    finally:
        with suppress(NotFound):
            venue.cancel(order.client_order_id)


def found(venue: FarLimit, order: OrderRequest, state: str) -> OrderReport:
    """Return the order once it is in this state."""
    until = time.monotonic() + SECONDS
    while (report := venue.order(order.client_order_id)) is None or report.state != state:
        assert time.monotonic() < until, f"the order is {report and report.status}, expected it to be {state}"
        time.sleep(0.5 if ON_PAPER else 0)
    return report


def test_host_and_account_both_say_paper(venue: FarLimit) -> None:
    info = venue.info()

    assert (info.mode, info.status, info.is_sandbox) == ("paper", "healthy", not ON_PAPER)
    assert info.strategy_id
    assert venue.refusal() is None


def test_each_answer_says_what_is_left_of_the_accounts_requests(venue: FarLimit) -> None:
    venue.mode_now()
    told = venue.allowance()

    assert told is not None
    assert 0 <= told.left <= told.limit
    assert told.seconds_to_reset <= 60


def test_the_accounts_money_and_positions_are_read(venue: FarLimit) -> None:
    money = venue.account()

    assert min(money.equity, money.buying_power) > 0
    assert all(quantity != 0 for quantity in venue.positions().values())


def test_an_id_that_was_never_used_is_not_there(venue: FarLimit) -> None:
    assert venue.order(f"p{uuid.uuid4().hex[:23]}") is None


def test_the_order_is_open_under_our_id_and_found_by_look_up_and_in_the_list(
    venue: FarLimit, sent: tuple[OrderRequest, OrderReport]
) -> None:
    order, report = sent
    assert (report.gateway_order_id, report.state) == (order.client_order_id, "open")

    again = found(venue, order, "open")
    others = [f"p{uuid.uuid4().hex[:23]}" for _ in range(2)]
    listed = dict(venue.orders([order.client_order_id, *others]))

    assert again.broker_order_id == report.broker_order_id
    assert (again.symbol, again.side, again.quantity, again.filled_quantity) == (SYMBOL, "buy", 1, 0)
    in_list = listed[order.client_order_id]
    assert isinstance(in_list, OrderReport)
    assert in_list.broker_order_id == report.broker_order_id
    assert [listed[other] for other in others] == [None, None]


@pytest.mark.parametrize("quantity", [1, 2], ids=["the same", "another quantity"])
def test_a_second_use_of_the_id_is_refused(
    venue: FarLimit, sent: tuple[OrderRequest, OrderReport], quantity: int
) -> None:
    order, report = sent
    with pytest.raises((IdExists, BookMismatch)):
        venue.submit(order.model_copy(update={"quantity": Decimal(quantity)}))

    again = venue.order(order.client_order_id)
    assert again is not None
    assert (again.broker_order_id, again.quantity) == (report.broker_order_id, 1)


def test_the_same_keys_read_the_market_data(parts: ConnectionParts) -> None:
    strategy = sandbox_strategy(prices={"alpaca": {"connection": parts.connection_id}})
    with open_prices(strategy, lambda _: parts, **OPTIONS) as prices:
        latest = prices.latest([SYMBOL], datetime.now(UTC))

    assert isinstance(latest[SYMBOL], Price), latest


def test_it_is_canceled_without_a_fill_and_its_id_stays_taken(
    venue: FarLimit, sent: tuple[OrderRequest, OrderReport]
) -> None:
    order, _ = sent
    assert venue.cancel(order.client_order_id) in ("open", "canceled")

    assert found(venue, order, "canceled").filled_quantity == 0
    with pytest.raises(TradingError):
        venue.submit(order)
    with pytest.raises(NotFound):
        venue.cancel(f"p{uuid.uuid4().hex[:23]}")
