"""Closes are asked for once and kept by session, and again only where one is missing or adjusted anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from include.execution.steps.history import VOLUME_SESSIONS, history, history_for, traded_usd
from include.ledger.ledger import Ledger, open_ledger
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import InvalidData, Unavailable
from include.trading.plan.packed import unpacked
from include.trading.sizing.inputs import History
from tests.support.engine import Engine, sandbox_strategy
from tests.support.planning import signals

CALENDAR = trading_calendar("XNYS", today=date(2026, 11, 27))
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
AS_OF = date(2026, 11, 19)
DAYS = CALENDAR.ending(AS_OF, 30)
STRATEGY = sandbox_strategy(sizing={"risk_parity": {"history": 30}})


@dataclass
class Vendor(AbstractContextManager["Vendor"]):
    """Prices with a history, which it can adjust anew; it notes what it was asked."""

    history_of: str = "vendor"
    volumes_of: str = "vendor's volumes"
    factors: dict[str, Decimal] = field(default_factory=dict)
    absent: dict[str, set[date]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    asked: list[tuple[tuple[str, ...], date, date]] = field(default_factory=list)

    def __exit__(self, *_: object) -> None: ...

    def latest(self, *_: Any) -> Any:
        raise NotImplementedError

    closes = latest

    def close(self, symbol: str, day: date) -> Decimal:
        return (100 + Decimal(day.toordinal() % 17) + len(symbol)) * self.factors.get(symbol, Decimal(1))

    def adjusted_closes(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        wanted = tuple(symbols)
        self.asked.append((wanted, first, last))
        return {
            symbol: {
                day: self.close(symbol, day)
                for day in CALENDAR.between(first, last)
                if day not in self.absent.get(symbol, set())
            }
            for symbol in wanted
            if symbol not in self.refused
        }

    def traded_usd(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
        closes = self.adjusted_closes(symbols, first, last)
        return {symbol: dict.fromkeys(found, Decimal(1_000_000)) for symbol, found in closes.items()}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield opened


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def ask(ledger: Ledger | None, market: Any, *symbols: str, as_of: date = AS_OF) -> History:
    found = history(ledger, market, STRATEGY, signals(**dict.fromkeys(symbols, "0.1")), as_of, NOW)
    assert found is not None
    return found


def test_a_year_is_asked_for_once_and_what_is_known_never_again(ledger: Ledger, vendor: Vendor) -> None:
    first = ask(ledger, vendor, "KO", "AAPL")

    assert (first.sessions, first.closes.keys()) == (DAYS, {"AAPL", "KO"})
    assert first.closes["KO"] == tuple(vendor.close("KO", day) for day in DAYS)
    assert vendor.asked == [(("AAPL", "KO"), DAYS[0], DAYS[-1])]
    assert ask(ledger, vendor, "AAPL", "KO") == first
    assert len(vendor.asked) == 1


def test_the_next_session_is_asked_for_with_the_one_before_it(ledger: Ledger, vendor: Vendor) -> None:
    ask(ledger, vendor, "AAPL", "KO", as_of=DAYS[-2])

    found = ask(ledger, vendor, "AAPL", "KO")

    assert vendor.asked[1:] == [(("AAPL", "KO"), DAYS[-2], DAYS[-1])]
    assert found == ask(None, Vendor(), "AAPL", "KO")


def test_a_new_symbol_alone_is_asked_for_as_a_whole(ledger: Ledger, vendor: Vendor) -> None:
    ask(ledger, vendor, "AAPL")

    ask(ledger, vendor, "AAPL", "KO")

    assert vendor.asked[1:] == [(("KO",), DAYS[0], DAYS[-1])]


def test_a_symbol_that_was_adjusted_since_is_asked_for_as_a_whole_and_no_other(ledger: Ledger, vendor: Vendor) -> None:
    ask(ledger, vendor, "AAPL", "KO", as_of=DAYS[-2])
    vendor.factors["KO"] = Decimal("0.5")

    found = ask(ledger, vendor, "AAPL", "KO")

    assert vendor.asked[2:] == [(("KO",), DAYS[0], DAYS[-1])]
    assert found.closes["KO"] == tuple(vendor.close("KO", day) for day in DAYS)
    # Nothing of before the split is left beside it, in no session.
    earlier = CALENDAR.ending(DAYS[-2], 30)[0]
    kept = ledger.closes.of("vendor", [earlier])[earlier]
    assert ("KO" in kept, "AAPL" in kept) == (False, True)
    assert ask(ledger, vendor, "AAPL", "KO") == found


def test_a_close_that_is_late_is_asked_for_again_and_a_day_without_trades_is_not(
    ledger: Ledger, vendor: Vendor
) -> None:
    vendor.absent = {"KO": {DAYS[-1], DAYS[7]}}
    late = ask(ledger, vendor, "AAPL", "KO")
    assert (late.closes["KO"][-1], late.closes["KO"][7]) == (None, None)
    vendor.absent = {"KO": {DAYS[7]}}

    found = ask(ledger, vendor, "AAPL", "KO")

    assert vendor.asked[1:] == [(("KO",), DAYS[-2], DAYS[-1])]
    assert (found.closes["KO"][-1], found.closes["KO"][7]) == (vendor.close("KO", DAYS[-1]), None)


def test_a_symbol_that_is_refused_has_no_closes_and_is_asked_for_again(ledger: Ledger, vendor: Vendor) -> None:
    vendor.refused = {"KO"}
    assert set(ask(ledger, vendor, "AAPL", "KO").closes["KO"]) == {None}
    vendor.refused = set()

    assert None not in ask(ledger, vendor, "AAPL", "KO").closes["KO"]


def test_what_another_source_said_is_not_taken_for_this_ones(ledger: Ledger, vendor: Vendor) -> None:
    ask(ledger, vendor, "AAPL")
    other = Vendor(history_of="other", factors={"AAPL": Decimal(2)})

    assert ask(ledger, other, "AAPL").closes["AAPL"][0] == other.close("AAPL", DAYS[0])


def test_no_task_waits_while_another_one_keeps_closes(ledger: Ledger, vendor: Vendor, ledger_url: str) -> None:
    with open_ledger(ledger_url) as other, other.transaction():
        assert other.closes.may_write()

        found = ask(ledger, vendor, "AAPL")

    assert None not in found.closes["AAPL"]
    assert ledger.closes.of("vendor", DAYS) == {}


def test_pruning_removes_old_sessions_only(ledger: Ledger, vendor: Vendor) -> None:
    ask(ledger, vendor, "AAPL")

    assert ledger.closes.prune(DAYS[10]) == 10
    assert sorted(ledger.closes.of("vendor", DAYS)) == list(DAYS[10:])


def test_prices_without_past_closes_are_refused_in_words(ledger: Ledger) -> None:
    with pytest.raises(
        InvalidData, match=r"expected prices with past closes, .*, found the market data, which has none"
    ):
        ask(ledger, nullcontext(), "AAPL")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0) as running:
        yield running


@pytest.fixture
def engine(ledger_url: str, sandbox: Sandbox) -> Engine:
    sandbox.admin.reset()
    return Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url, timeout_seconds=1.25)


SIZINGS = {
    "target_weight": "target_weight",
    "equal_weight": "equal_weight",
    "inverse_volatility": {"inverse_volatility": {"history": 60}},
    "risk_parity": {"risk_parity": {"history": 60}},
    "kelly": {"kelly": {"horizon": 1, "scale": "0.01", "history": 60}},
}


@pytest.mark.parametrize("word", SIZINGS)
def test_every_model_plans_with_the_sandboxs_closes_and_again_to_the_share(engine: Engine, word: str) -> None:
    from include.execution.duty.replan import replan

    strategy = sandbox_strategy(
        max_position_size=100_000, sizing=SIZINGS[word], volatility_target={"yearly": "0.1", "history": 60}
    )
    run = engine.run("first", strategy)

    assert run.status == "completed"
    with engine.ledger() as ledger:
        rows = ledger.runs.mappings(run.run_id)
        assert {row["bound"] for row in rows if row["target_weight"]} <= {"volatility_target", "gross", "lot"}
        assert any(row["order_qty"] for row in rows)
        assert replan(ledger, run.run_id).differences == ()


def test_a_plan_says_by_what_it_was_made_and_that_never_changes(engine: Engine, ledger_url: str) -> None:
    run, _ = engine.plan(engine.identity("first"), sandbox_strategy(sizing=SIZINGS["risk_parity"]))

    with engine.ledger() as ledger:
        assert run.plan_id is not None
        plan, kept = ledger.plans.get(run.plan_id), ledger.plan_inputs.of(run.run_id)
        assert plan is not None
        assert kept is not None
        assert plan.parameters["inputs"] == kept.sha256
        # A second run adopts the plan, although its shadows are others.
        again, _ = engine.plan(
            engine.identity("second"), sandbox_strategy(sizing=SIZINGS["risk_parity"], shadow=["equal_weight"])
        )
        assert (again.plan_id, again.adopted) == (run.plan_id, True)
    with psycopg.connect(ledger_url) as connection, pytest.raises(psycopg.IntegrityError, match="is frozen"):
        connection.execute("UPDATE plan_inputs SET sha256 = 'x'")


def test_shadows_are_kept_and_never_traded(engine: Engine, sandbox: Sandbox) -> None:
    run = engine.run("first", sandbox_strategy(shadow=["equal_weight", SIZINGS["risk_parity"]]))

    with engine.ledger() as ledger:
        shadows = ledger.plan_inputs.shadows([run.run_id])
    assert [(row["model"], row["refused"]) for row in shadows] == [("equal_weight", None), ("risk_parity", None)]
    assert all({target["symbol"] for target in row["targets"]} == set(STRATEGY.symbols) for row in shadows)
    assert len(sandbox.admin.book()["orders"]) == run.num_orders_filled == 4


SHADOWED = {"shadow": ["equal_weight", SIZINGS["risk_parity"]]}


def test_shadows_that_cannot_be_stored_stop_no_run(engine: Engine, sandbox: Sandbox, ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as connection:
        connection.execute("ALTER TABLE shadow_sizings ADD CONSTRAINT none_fits CHECK (model = '')")

    run = engine.run("first", sandbox_strategy(**SHADOWED))

    assert (run.status, run.num_orders_filled) == ("completed", 4)
    assert len(sandbox.admin.book()["orders"]) == 4


def test_a_try_that_ends_before_its_shadows_are_stored_is_noted_with_them(engine: Engine, ledger_url: str) -> None:
    strategy = sandbox_strategy(**SHADOWED)
    with psycopg.connect(ledger_url) as connection:
        connection.execute("ALTER TABLE shadow_sizings ADD CONSTRAINT none_fits CHECK (model = '')")
    run, orders = engine.plan(engine.identity("first"), strategy)
    with psycopg.connect(ledger_url) as connection:
        connection.execute("ALTER TABLE shadow_sizings DROP CONSTRAINT none_fits")

    _, again = engine.plan(engine.identity("first"), strategy)

    assert again == orders
    with engine.ledger() as ledger:
        shadows = ledger.plan_inputs.shadows([run.run_id])
    assert [(row["model"], row["targets"]) for row in shadows] == [("equal_weight", []), ("risk_parity", [])]
    assert all("ended before it stored" in row["refused"] for row in shadows)


def test_a_try_that_stores_its_shadows_after_another_noted_them_as_lost_is_believed(engine: Engine) -> None:
    run, _ = engine.plan(engine.identity("first"), sandbox_strategy(**SHADOWED))
    held = [{"model": "equal_weight", "targets": [], "refused": None}]
    lost = [{**held[0], "refused": "lost"}]

    with engine.ledger() as ledger:
        ledger.connection.execute("SET session_replication_role = replica")
        ledger.plan_inputs.replace_shadows(run.run_id, lost)
        ledger.connection.execute("SET session_replication_role = origin")
        ledger.plan_inputs.replace_shadows(run.run_id, held)
        with pytest.raises(psycopg.IntegrityError, match="what equal_weight would have held stays"):
            ledger.plan_inputs.replace_shadows(run.run_id, lost)

        assert [row["refused"] for row in ledger.plan_inputs.shadows([run.run_id])] == [None]


def test_closes_that_only_a_shadow_looks_at_are_done_without_where_they_cannot_be_had(engine: Engine) -> None:
    class Down(Vendor):
        def adjusted_closes(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
            raise Unavailable("the market data is down")

    wanted = signals(AAPL="0.1")
    with engine.desk() as desk:
        only_shadow = engine.open(engine.identity("first"), sandbox_strategy(**SHADOWED))
        assert history_for(desk, Down(), only_shadow, wanted) == (None, "the market data is down", None)

        its_own = engine.open(
            engine.identity("second"), sandbox_strategy(**SHADOWED, sizing=SIZINGS["inverse_volatility"])
        )
        with pytest.raises(Unavailable, match="is down"):
            history_for(desk, Down(), its_own, wanted)


LIMITED = sandbox_strategy(limits={"volume_share": Decimal("0.00001")})


def traded(ledger: Ledger | None, market: Any, *symbols: str, as_of: date = AS_OF) -> dict[str, Decimal] | None:
    return traded_usd(ledger, market, LIMITED, signals(**dict.fromkeys(symbols, "0.1")), as_of, NOW)


def test_volumes_are_the_average_of_twenty_sessions_and_kept_beside_the_closes(ledger: Ledger, vendor: Vendor) -> None:
    days = CALENDAR.ending(AS_OF, VOLUME_SESSIONS)
    vendor.absent["KO"] = set(days[:5])
    vendor.refused.add("XOM")

    found = traded(ledger, vendor, "AAPL", "KO", "XOM")

    assert found == {"AAPL": Decimal(1_000_000), "KO": Decimal(750_000)}
    assert vendor.asked == [(("AAPL", "KO", "XOM"), days[0], AS_OF)]
    assert traded(ledger, vendor, "AAPL") == {"AAPL": Decimal(1_000_000)}
    assert len(vendor.asked) == 1
    ask(ledger, vendor, "AAPL")
    assert ledger.closes.of("vendor", DAYS).keys() == set(DAYS)
    assert ledger.closes.of("vendor's volumes", DAYS).keys() == set(days)


def test_volumes_that_changed_and_are_then_refused_are_unknown_and_no_small_average(
    ledger: Ledger, vendor: Vendor
) -> None:
    class Corrects(Vendor):
        def traded_usd(self, symbols: Iterable[str], first: date, last: date) -> dict[str, dict[date, Decimal]]:
            if first == CALENDAR.ending(last, VOLUME_SESSIONS)[0]:
                return {}
            return {symbol: dict.fromkeys(CALENDAR.between(first, last), Decimal(7)) for symbol in symbols}

    assert traded(ledger, vendor, "AAPL", as_of=CALENDAR.previous(AS_OF).day) == {"AAPL": Decimal(1_000_000)}

    assert traded(ledger, Corrects(), "AAPL") == {}


def test_no_volume_is_looked_at_without_a_limit_and_prices_without_volumes_are_refused_with_one(vendor: Vendor) -> None:
    unlimited = traded_usd(None, vendor, STRATEGY, signals(AAPL="0.1"), AS_OF, NOW)

    assert (unlimited, vendor.asked) == (None, [])
    wanted = r"expected prices with volumes, which limits\.volume_share looks at, found a file of prices"
    with pytest.raises(InvalidData, match=wanted):
        traded(None, None, "AAPL")


def test_a_run_orders_no_more_than_its_share_of_a_days_volume(engine: Engine) -> None:
    run, orders = engine.plan(engine.identity("first"), LIMITED)

    with engine.ledger() as ledger:
        rows = ledger.runs.mappings(run.run_id)
        kept = ledger.plan_inputs.of(run.run_id)
    assert kept is not None
    sized = [row for row in rows if row["target_weight"]]
    assert {row["bound"] for row in sized} == {"liquidity"}
    assert len(orders) == len(sized) == 4
    average = unpacked(kept).traded_usd
    assert average is not None
    for order in orders:
        # The sandbox's bars have a million shares each.
        assert 0 < order.quantity * order.price <= Decimal("0.00001") * average[order.symbol] < 10_000
