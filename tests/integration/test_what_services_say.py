"""Whatever the services and persons say reaches the ledger as it can be kept, or is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from include.adapters.http.answers import decimal_of
from include.execution.desk import stop_trading
from include.execution.duty import account as operations
from include.ledger.ledger import Ledger, open_ledger
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading import bounds
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import Halted, InvalidData, TradingError
from include.trading.models import Price
from tests.support.strategies import changed
from tests.support.trading import Trade

NUL = "a\x00b\x1b[2J\ud800"
CLEAN = "a\ufffdb\ufffd[2J\ufffd"
LOOK_UP = {"method": "GET", "path": "/api/v1/orders/"}
POST = {"method": "POST"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    return Trade.begin(ledger_url, sandbox, "v2")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield opened


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters() | st.sampled_from("\x00\x1b\ud800\udfff")), number=st.floats())
def test_any_text_and_any_json_can_be_stored(ledger: Ledger, text: str, number: float) -> None:
    row = ledger.connection.execute(
        "SELECT %(text)s AS text, %(texts)s::TEXT[] AS texts, %(json)s AS json",
        {"text": text, "texts": [text], "json": Jsonb({text: [text, number]})},
    ).fetchone()

    assert row is not None
    assert len(row["text"]) == len(text)
    assert row["texts"] == [row["text"]]
    assert row["json"][row["text"]][0] == row["text"]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.decimals().map(str) | st.floats().map(str) | st.from_regex(r"[0-9]{1,30}\.?[0-9]{0,30}", fullmatch=True))
def test_any_number_that_is_let_in_can_be_stored(ledger: Ledger, text: str) -> None:
    kept = "SELECT %(number)s::NUMERIC({},{}) AS number"
    with suppress(ValueError):
        number = decimal_of({"number": text}, "number")
        for bound in (bounds.PRICE, bounds.QUANTITY, bounds.TARGET_WEIGHT, bounds.PREDICTED_RETURN):
            if bound.holds(number):
                row = ledger.connection.execute(kept.format(bound.digits, bound.scale), {"number": number}).fetchone()
                assert row is not None
        price = bounds.usable_price(number)
        assert price is None or Price(symbol="A", price=price, at=datetime.now(UTC), source="test").price > 0


def test_a_persons_words_are_kept_whatever_is_in_them(trade: Trade) -> None:
    run, order = trade.plan_one()
    account = trade.engine.account
    trade.admin.positions(KO=7)
    with trade.engine.desk() as desk:
        halted = operations.halt(desk.ledger, account, actor=NUL, reason=NUL)
        stop_trading(desk, account, "fills_differ", NUL, NUL, symbol=NUL, detail={NUL: [NUL]})
        adopted = operations.adopt(desk, account, "KO", reason=NUL)
        desk.ledger.runs.record_error(run.run_id, NUL)
        desk.ledger.steps.end(desk.ledger.steps.start(uuid4(), NUL, try_number=1), error=NUL)
        desk.ledger.alerts.raise_alert(Alarm("kind", "warning", NUL, NUL, NUL))
        desk.ledger.accounts.pause(account, desk.ledger.now(), NUL)

    assert (halted.state_reason, halted.state_changed_by) == (CLEAN, CLEAN)
    assert adopted.baseline == 7
    assert [(each.message, each.symbol, each.detail) for each in trade.breaks()] == [(CLEAN, CLEAN, {CLEAN: [CLEAN]})]
    assert trade.order(order).state == "planned"


def test_a_refusal_is_kept_whatever_is_in_its_words(trade: Trade) -> None:
    trade.admin.settings(reject={"AAPL": "no", "KO": "no"})
    trade.admin.fault("field_is", match=POST, field="detail", value=NUL)
    _, order = trade.plan_one()

    trade.submit(order)

    assert CLEAN in str(trade.order(order).message)


@pytest.mark.parametrize("field", ["error_message", "broker_order_id"])
def test_what_a_look_up_says_is_kept_whatever_is_in_it(trade: Trade, field: str) -> None:
    run, order = trade.plan_one()
    trade.admin.fault("field_is", match=LOOK_UP, field=field, value=NUL)
    trade.submit(order)
    trade.until_broker_filled()

    assert trade.engine.track(run).status == "completed"
    found = trade.order(order)
    assert CLEAN in (found.message, found.broker_order_id)


@pytest.mark.parametrize("price", ["0", "0.0000004", -1, "1e400", 1e15, True, float("nan")])
def test_a_price_that_is_none_takes_nothing_from_the_quantity(trade: Trade, price: Any) -> None:
    run, order = trade.plan_one()
    trade.admin.fault("field_is", match=LOOK_UP, field="filled_avg_price", value=price)
    trade.submit(order)
    trade.until_broker_filled()
    trade.engine.track(run)

    found, fills = trade.order(order), trade.fills(order)
    assert (found.state, found.filled_quantity) == ("filled", order.quantity)
    assert sum(fill["quantity"] for fill in fills) == order.quantity
    # The executions that the gateway lists have usable prices, so the average is theirs.
    value = sum(fill["quantity"] * fill["price"] for fill in fills)
    assert found.filled_avg_price == round(value / order.quantity, 6)


def test_an_average_with_more_decimals_than_the_ledger_has_is_news_once(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.admin.fault("field_is", match=LOOK_UP, field="filled_avg_price", value="12.3456785")
    trade.submit(order)
    trade.until_broker_filled()
    trade.engine.track(run)
    with trade.engine.ledger() as ledger:
        events = len(ledger.orders.events([order.id]))

    with trade.engine.desk() as desk:
        for _ in range(3):
            report = desk.gateway.order(order.client_order_id)
            assert report is not None
            assert report.filled_avg_price == trade.order(order).filled_avg_price == Decimal("12.345678")
    with trade.engine.ledger() as ledger:
        assert len(ledger.orders.events([order.id])) == events


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("signals.0.rank", 2**31),
        ("signals.0.predicted_return", 1e20),
        ("signals.0.target_weight", "0." + "3" * 40),
        ("signals.0.target_weight", float("nan")),
        ("signals.1.target_weight", -0.5),
        ("signals.0.symbol", NUL),
        ("metadata.model_version", "m" * 101),
        ("metadata.generated_at", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_a_signal_answer_that_cannot_be_used_is_refused_in_words_and_kept(trade: Trade, field: str, value: Any) -> None:
    trade.admin.fault("field_is", service="signals", field=field, value=value)

    with pytest.raises(InvalidData, match="unusable body"):
        trade.plan()

    with trade.engine.ledger() as ledger:
        (run,) = ledger.runs.latest(5)
        kept = ledger.runs.answers(run.run_id)["signal_service_response"]
    assert "unusable body" in kept["refused"]
    assert '"num_signals"' in kept["answer"]
    assert trade.posts() == 0


def test_a_signal_answer_with_anything_in_it_besides_is_used_and_kept(trade: Trade) -> None:
    trade.admin.fault("field_is", service="signals", field="metadata.note", value={NUL: [NUL]})

    run, orders = trade.plan()

    assert len(orders) == 1
    with trade.engine.ledger() as ledger:
        kept = ledger.runs.answers(run.run_id)["signal_service_response"]
    assert CLEAN in kept["metadata"]["note"]


def test_a_kill_switch_is_told_whatever_is_in_its_reason(trade: Trade) -> None:
    engage = {"reason": "test", "operator": "ada"}
    httpx.post(f"{trade.engine.gateway_url}/api/v1/kill-switch/engage", json=engage).raise_for_status()
    status = {"method": "GET", "path": "/api/v1/kill-switch/status"}
    trade.admin.fault("field_is", field="engagement_reason", value=NUL, match=status)

    with pytest.raises(Halted, match="kill switch") as halted:
        trade.plan()

    assert CLEAN in str(halted.value)


@pytest.mark.parametrize(
    ("price", "reason"),
    [("1e-7", "price_too_small"), ("1e15", "price_too_large"), ("0.000001", "price_too_small")],
)
def test_a_price_that_nobody_can_trade_at_skips_its_symbol(trade: Trade, price: str, reason: str) -> None:
    trade.admin.fault("price_is", price=price)

    run, orders = trade.plan()

    assert orders == []
    with trade.engine.ledger() as ledger:
        reasons = {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}
    assert reasons == {"AAPL": None, "KO": reason} or reasons == {"AAPL": reason, "KO": None}


def test_a_symbol_that_the_market_data_refuses_skips_only_itself(trade: Trade) -> None:
    trade.admin.fault("invalid_symbol_400", match={"symbol": "KO"})
    strategy = changed(trade.strategy, symbols=("AAPL", "KO", "MSFT"), top_n=3)

    run, orders = trade.engine.plan(trade.engine.identity("one"), strategy)

    assert {order.symbol for order in orders} == {"AAPL", "MSFT"}
    with trade.engine.ledger() as ledger:
        reasons = {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}
    assert reasons["KO"] == "price_refused"


@pytest.mark.parametrize("quantity", ["1e30", "0.1234567891", "٣", float("nan")])
def test_positions_with_a_quantity_that_is_none_are_refused_in_words(trade: Trade, quantity: Any) -> None:
    trade.admin.positions(KO=7)
    trade.admin.fault(
        "field_is", field="positions.0.qty", value=quantity, match={"method": "GET", "path": "/api/v1/positions"}
    )

    with trade.engine.desk() as desk, pytest.raises(TradingError, match="unusable body"):
        desk.gateway.positions()


BOUNDED = {
    ("orchestration_runs", "model_version"): bounds.LONGEST_MODEL_VERSION,
    ("signal_order_mappings", "rank"): bounds.LARGEST_INTEGER,
    ("signal_order_mappings", "order_qty"): bounds.ORDER_QUANTITY,
    ("signal_order_mappings", "predicted_return"): bounds.PREDICTED_RETURN,
    ("signal_order_mappings", "target_weight"): bounds.TARGET_WEIGHT,
    ("signal_order_mappings", "price"): bounds.PRICE,
    ("signal_order_mappings", "filled_avg_price"): bounds.PRICE,
    ("order_intents", "quantity"): bounds.ORDER_QUANTITY,
    **{("signal_order_mappings", f"{name}_quantity"): bounds.QUANTITY for name in ("target", "held", "open", "delta")},
    ("signal_order_mappings", "filled_qty"): bounds.QUANTITY,
    ("order_intents", "filled_quantity"): bounds.QUANTITY,
    ("fills", "quantity"): bounds.QUANTITY,
    ("movements", "quantity"): bounds.QUANTITY,
    ("baselines", "quantity"): bounds.QUANTITY,
    ("order_intents", "price"): bounds.PRICE,
    ("order_intents", "filled_avg_price"): bounds.PRICE,
    ("fills", "price"): bounds.PRICE,
}


@pytest.mark.parametrize(("place", "bound"), BOUNDED.items(), ids=map(".".join, BOUNDED))
def test_a_column_holds_all_that_its_bound_lets_in(
    ledger_url: str, place: tuple[str, str], bound: int | bounds.NumberBound
) -> None:
    with psycopg.connect(ledger_url) as connection:
        row = connection.execute(
            """
            SELECT numeric_precision, numeric_scale, character_maximum_length, data_type
            FROM information_schema.columns WHERE table_name = %s AND column_name = %s
            """,
            place,
        ).fetchone()
    assert row is not None
    precision, scale, length, kind = row
    if isinstance(bound, bounds.NumberBound):
        assert (precision - scale, scale) >= (bound.digits - bound.scale, bound.scale)
        assert scale >= bound.scale
    elif kind == "integer":
        assert bound <= 2**31 - 1
    else:
        assert length >= bound
