"""What every venue must do, over each of them: a new venue adds its stage to stages.py and passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.sandbox.runner import Sandbox
from include.trading.errors import BookMismatch, IdExists, NotFound, OutcomeUnknown, Rejected, TradingError
from include.trading.models import OrderReport, OrderRequest
from include.trading.order.states import REFUSED, STATES
from include.trading.ports import Venue, VenueReader
from tests.contract.stages import OPTIONS, VENUES, VenueStage

BUY = OrderRequest(client_order_id="p0123456789abcdef0123456", symbol="AAPL", side="buy", quantity=3)
SELL = OrderRequest(client_order_id="p65432100fedcba9876543210"[:24], symbol="KO", side="sell", quantity=2)
NO_ID = "p" + "0" * 23
# What a wire can bring instead of an answer.
GARBLED = ("page", "error", "half", "nothing")


@pytest.fixture(params=VENUES)
def stage(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox]) -> VenueStage:
    made = VENUES[request.param](sandboxes)
    assert made.count() == 0
    return made


@pytest.fixture
def venue(stage: VenueStage) -> Iterator[Venue]:
    with stage.venue.venue(**OPTIONS) as opened:
        yield opened


@pytest.fixture
def reader(stage: VenueStage) -> Iterator[VenueReader]:
    with stage.venue.reader(**OPTIONS) as opened:
        yield opened


def ids_of(reader: VenueReader, order: OrderRequest) -> list[str]:
    now = datetime.now(UTC)
    return reader.order_ids(order, reader.info(), now, now + timedelta(seconds=1))


def found(reader: VenueReader, order: OrderRequest) -> list[OrderReport]:
    return [report for id in ids_of(reader, order) if (report := reader.order(id)) is not None]


def content(report: OrderReport) -> tuple[Any, ...]:
    return report.symbol, report.side, report.quantity


def test_an_order_is_stored_under_an_id_that_was_known_before(venue: Venue, stage: VenueStage) -> None:
    ids = ids_of(venue, BUY)

    report = venue.submit(BUY)

    assert report.gateway_order_id in ids
    assert (ids == [BUY.client_order_id]) is venue.traits.takes_our_order_id
    assert content(report) == ("AAPL", "buy", Decimal(3))
    assert report.state in STATES - REFUSED - {"planned", "sending", "denied", "not_sent"}
    assert report.broker_order_id not in (None, report.gateway_order_id)
    assert stage.count() == 1


def test_a_second_use_of_an_id_is_refused_or_the_same_order_and_never_two(venue: Venue, stage: VenueStage) -> None:
    first = venue.submit(BUY)

    again = None
    with suppress(IdExists):
        again = venue.submit(BUY)

    assert again is None or (again.gateway_order_id, content(again)) == (first.gateway_order_id, content(first))
    assert stage.count() == 1


def test_another_order_under_a_taken_id_is_never_stored(venue: Venue, stage: VenueStage) -> None:
    if not venue.traits.takes_our_order_id:
        pytest.skip("its ids are made from the content")
    venue.submit(BUY)

    with pytest.raises((IdExists, BookMismatch)):
        venue.submit(BUY.model_copy(update={"quantity": Decimal(4)}))

    assert stage.count() == 1
    assert [content(report) for report in found(venue, BUY)] == [("AAPL", "buy", Decimal(3))]


def test_an_order_is_found_again_and_an_id_that_is_not_there_is_none(venue: Venue) -> None:
    sent = venue.submit(BUY)

    (report,) = found(venue, BUY)

    assert (report.gateway_order_id, report.broker_order_id) == (sent.gateway_order_id, sent.broker_order_id)
    assert content(report) == content(sent)
    assert report.state in STATES
    assert venue.order(NO_ID) is None


def test_a_filled_order_says_how_many_shares_at_which_price(venue: Venue) -> None:
    venue.submit(BUY)

    (report,) = found(venue, BUY)

    assert (report.state, report.filled_quantity) == ("filled", Decimal(3))
    assert report.filled_avg_price is not None
    assert report.filled_avg_price > 0


@pytest.mark.parametrize("how", GARBLED)
def test_no_answer_never_says_that_an_order_is_not_there(venue: Venue, stage: VenueStage, how: str) -> None:
    id = venue.submit(BUY).gateway_order_id
    stage.garble(how)

    for asked in (id, NO_ID):
        with pytest.raises(TradingError):
            venue.order(asked)
    answers = list(venue.orders([id, NO_ID]))
    with pytest.raises(TradingError):
        venue.positions()

    assert [asked for asked, _ in answers] == [id, NO_ID]
    assert all(isinstance(answer, TradingError) for _, answer in answers)


@pytest.mark.parametrize("how", GARBLED)
def test_an_order_whose_answer_is_lost_is_in_doubt_and_can_be_found(venue: Venue, stage: VenueStage, how: str) -> None:
    ids = ids_of(venue, BUY)
    stage.garble(how)

    with pytest.raises(OutcomeUnknown):
        venue.submit(BUY)
    stage.mend()

    assert stage.count() == 1
    assert [content(report) for id in ids if (report := venue.order(id)) is not None] == [("AAPL", "buy", Decimal(3))]


def test_many_orders_are_told_each_once_and_as_they_were_asked_for(venue: Venue) -> None:
    sent = [
        venue.submit(BUY.model_copy(update={"client_order_id": f"p{number:023d}", "quantity": Decimal(number)}))
        for number in (5, 3, 4)
    ]
    ids = [report.gateway_order_id for report in sent]

    answers = list(venue.orders([ids[1], NO_ID, ids[0], ids[1], ids[2]]))

    assert [id for id, _ in answers] == [ids[1], NO_ID, ids[0], ids[2]]
    quantities = [answer.quantity if isinstance(answer, OrderReport) else answer for _, answer in answers]
    assert quantities == [Decimal(3), None, Decimal(5), Decimal(4)]
    assert list(venue.orders([])) == []


def test_positions_are_signed_and_an_empty_book_is_empty(venue: Venue) -> None:
    assert venue.positions() == {}

    venue.submit(BUY)
    venue.submit(SELL)

    assert [report.state for order in (BUY, SELL) for report in found(venue, order)] == ["filled", "filled"]
    assert venue.positions() == {"AAPL": Decimal(3), "KO": Decimal(-2)}


def test_the_accounts_money_is_told_exactly_where_the_traits_say_so(reader: VenueReader) -> None:
    money = reader.account()

    assert (money is not None) == reader.traits.tells_account
    assert money is None or min(money.equity, money.buying_power) > 0


def test_a_reader_has_no_way_to_send(reader: VenueReader, venue: Venue) -> None:
    assert isinstance(reader, VenueReader)
    assert not isinstance(reader, Venue)
    assert not hasattr(reader, "submit")
    assert not hasattr(reader, "cancel")
    assert isinstance(venue, Venue)


def test_an_open_order_is_canceled_where_the_venue_can(venue: Venue, stage: VenueStage) -> None:
    stage.hold()
    id = venue.submit(BUY).gateway_order_id
    if not venue.traits.can_cancel:
        with pytest.raises(Rejected):
            venue.cancel(id)
        return

    assert venue.cancel(id) in ("open", "canceled")
    (report,) = found(venue, BUY)

    assert (report.state, report.filled_quantity) == ("canceled", Decimal(0))
    assert venue.positions() == {}
    with pytest.raises(NotFound):
        venue.cancel(NO_ID)


def test_it_says_what_it_is_with_one_request_and_with_all(reader: VenueReader) -> None:
    info, now = reader.info(), reader.mode_now()

    assert (info.mode, info.is_sandbox, info.status) == ("paper", True, "healthy")
    assert (now.mode, now.is_sandbox) == (info.mode, info.is_sandbox)
    # Either may leave out what it is known again by; what both tell is the same.
    assert now.strategy_id in (None, info.strategy_id)


def test_what_is_left_of_the_requests_is_a_part_of_its_limit(reader: VenueReader) -> None:
    reader.mode_now()
    told = reader.allowance()

    assert told is None or told.left <= told.limit
    # A mode that counts for a while is shared between tasks: the venue must then be told apart by its login.
    assert reader.endpoint.login


def test_what_it_says_of_symbols_is_what_its_traits_promise(reader: VenueReader) -> None:
    told = reader.assets(["AAPL", "KO", "NOSUCH"])

    assert (told is not None) == reader.traits.tells_assets
    if told is not None:
        assert list(told) == ["AAPL", "KO", "NOSUCH"]
        assert [facts and facts.symbol for facts in told.values()] == ["AAPL", "KO", None]


def test_a_part_of_a_share_is_taken_whole_or_refused_and_never_rounded(venue: Venue, stage: VenueStage) -> None:
    part = BUY.model_copy(update={"quantity": Decimal("1.000000001")})
    if venue.traits.least_fraction_usd is not None:
        assert venue.submit(part).quantity == Decimal("1.000000001")
        return
    with pytest.raises(Rejected, match="whole shares only"):
        venue.submit(part)
    assert stage.count() == 0


def test_a_venue_that_is_well_has_nothing_against_an_order(reader: VenueReader) -> None:
    gates = list(reader.gates())

    assert reader.refusal() is None
    assert [gate.next_step for gate in gates] == [None] * len(gates)
    assert len({gate.name for gate in gates}) == len(gates)


def test_a_venue_that_stopped_says_so_in_words_and_what_ends_it(reader: VenueReader, stage: VenueStage) -> None:
    if not stage.stop():
        pytest.skip("it has nothing that stops orders")

    assert reader.refusal()
    assert [gate.next_step for gate in reader.gates() if gate.next_step]


def test_a_connection_is_checked_without_asking_and_shows_no_secret(stage: VenueStage) -> None:
    venue = stage.venue

    assert venue.account == venue.connection.account
    assert venue.connection.connection_id == stage.connection.connection_id
    assert venue.connection.address
    assert venue.connection.total_timeout_seconds > 0
    assert venue.traits == venue.kind.traits(venue.connection)
    if stage.connection.password:
        assert stage.connection.password not in repr(venue)
