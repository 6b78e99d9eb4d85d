"""Of which day an answer may be, what it leaves out, how scores become weights: the terms of a source, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import SignalSet
from include.trading.ports import SignalRequest
from include.trading.signals.answer import Given, answer_of
from include.trading.signals.table import decode
from include.trading.strategy.signals_spec import FileSignals

FRIDAY, MONDAY = date(2026, 1, 2), date(2026, 1, 5)
NOW = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
SYMBOLS = ("AAPL", "KO", "XOM")
HALF = "symbol,weight\nAAPL,0.5\nKO,-0.5\n"


def answer(
    text: str = HALF, modified_at: datetime | None = NOW, asked: dict[str, Any] | None = None, **terms: Any
) -> SignalSet:
    """Return what a file says on Monday for the data of Friday."""
    spec = FileSignals.model_validate({"path": "/w/{as_of_date}.csv", "dated": "name", **terms})
    ask = SignalRequest(
        **{"symbols": SYMBOLS, "as_of_date": FRIDAY, "session": MONDAY, **(asked or {})},  # type: ignore[arg-type]
    )
    return answer_of(Given(decode(text.encode()), "/w", "0" * 64, modified_at), spec, ask, NOW)


def weights(found: SignalSet) -> dict[str, str]:
    return {signal.symbol: f"{signal.target_weight.normalize():f}" for signal in found.signals}


def with_day(day: str) -> str:
    return f"symbol,weight,date\nAAPL,0.5,{day}\nKO,-0.5,{day}\n"


def test_a_date_is_the_day_of_the_data_or_where_the_file_says_so_the_session() -> None:
    assert weights(answer(with_day("2026-01-02"), dated="column"))["AAPL"] == "0.5"
    assert weights(answer(with_day("2026-01-05"), dated="column", dates_are="session"))["AAPL"] == "0.5"


@pytest.mark.parametrize("dated", ["column", "name"])
@pytest.mark.parametrize(
    ("dates_are", "day", "wanted"),
    [
        ("as_of", "2026-01-01", "as_of_date 2026-01-02"),
        ("as_of", "2026-01-05", "as_of_date 2026-01-02"),
        ("session", "2026-01-02", "session 2026-01-05"),
        ("session", "2026-01-06", "session 2026-01-05"),
    ],
)
def test_any_other_day_is_refused_and_both_days_are_named(dated: str, dates_are: str, day: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"the {wanted}, found rows of {day}"):
        answer(with_day(day), dated=dated, dates_are=dates_are)


def test_one_row_of_another_day_refuses_the_whole_answer() -> None:
    mixed = "symbol,weight,date\nAAPL,0.5,2026-01-02\nKO,-0.5,2026-01-01\n"

    with pytest.raises(ValueError, match="found rows of 2026-01-01"):
        answer(mixed, dated="column")


def test_dates_in_a_column_are_needed_where_they_are_to_name_the_day() -> None:
    with pytest.raises(ValueError, match="a column date"):
        answer(dated="column")


def test_of_a_wide_table_the_line_of_the_day_is_taken_and_a_later_one_refuses_it() -> None:
    history = "date,AAPL,KO\n2025-12-31,1,0\n2026-01-02,0.5,-0.5\n"

    assert weights(answer(history, dated="column")) == {"AAPL": "0.5", "KO": "-0.5", "XOM": "0"}
    with pytest.raises(ValueError, match="2026-01-05, which is later"):
        answer(f"{history}2026-01-05,0,1\n", dated="column")
    with pytest.raises(ValueError, match="found rows of 2025-12-31"):
        answer("date,AAPL,KO\n2025-12-31,1,0\n", dated="column")


def test_a_standing_file_may_have_an_earlier_date_and_no_later_one() -> None:
    assert weights(answer(with_day("2025-06-30"), dated="standing"))["AAPL"] == "0.5"
    with pytest.raises(ValueError, match="which is later"):
        answer(with_day("2026-01-05"), dated="standing")


def test_a_standing_file_is_hindsight_in_a_replay_and_only_there() -> None:
    live, replay = answer(dated="standing"), answer(dated="standing", asked={"replay": True})

    assert live.origin is not None
    assert replay.origin is not None
    assert (live.origin.hindsight, replay.origin.hindsight) == (False, True)


def test_a_file_is_of_the_day_as_long_as_it_was_written_a_short_time_ago() -> None:
    hours = {"modified_within_hours": 20}
    found = answer(modified_at=datetime(2026, 1, 5, 2, 0, tzinfo=UTC), dated=hours)

    assert found.origin is not None
    assert found.origin.age_seconds == 12 * 3600
    with pytest.raises(ValueError, match=r"within 20 hours, found one 24\.0 hours old"):
        answer(modified_at=datetime(2026, 1, 4, 14, 0, tzinfo=UTC), dated=hours)
    with pytest.raises(ValueError, match="a clock is wrong"):
        answer(modified_at=datetime(2026, 1, 6, tzinfo=UTC), dated=hours)
    with pytest.raises(ValueError, match="its store does not tell it"):
        answer(modified_at=None, dated=hours)
    with pytest.raises(ValueError, match="a day that is replayed"):
        answer(dated=hours, asked={"replay": True})


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (None, "found none"),
        ({"url": "/w"}, "found neither"),
        ({"session": "2026-01-06"}, "session 2026-01-05, found 2026-01-06"),
        ({"session": "2026-01-05", "as_of_date": "2025-12-31"}, "as_of_date 2026-01-02, found 2025-12-31"),
    ],
)
def test_an_event_of_another_day_or_of_none_is_refused(event: dict[str, Any] | None, told: str) -> None:
    assert answer(dated="event", asked={"event": {"session": "2026-01-05"}}).signals
    with pytest.raises(ValueError, match=told):
        answer(dated="event", asked={"event": event})


def test_a_name_that_a_complete_answer_leaves_out_has_weight_0_and_otherwise_stays() -> None:
    assert weights(answer()) == {"AAPL": "0.5", "KO": "-0.5", "XOM": "0"}
    assert weights(answer(complete=False)) == {"AAPL": "0.5", "KO": "-0.5"}


def test_without_symbols_the_universe_is_the_answer_and_what_is_held() -> None:
    found = answer(asked={"symbols": (), "held": ("KO", "PEP")}, dated="standing")

    assert weights(found) == {"AAPL": "0.5", "KO": "-0.5", "PEP": "0"}


def test_more_than_half_of_the_names_held_may_not_vanish_at_once() -> None:
    held = ("AAPL", "PEP", "V")
    with pytest.raises(ValueError, match=r"none for 2 of 3 \(PEP, V\), which is more than max_vanished, 0.5"):
        answer(asked={"symbols": (), "held": held})

    assert weights(answer(asked={"symbols": (), "held": ("AAPL", "PEP")}))["PEP"] == "0"
    assert weights(answer(asked={"symbols": (), "held": held}, max_vanished=1))["V"] == "0"
    assert weights(answer(asked={"symbols": (), "held": held}, complete=False)) == {"AAPL": "0.5", "KO": "-0.5"}


def test_names_held_that_the_strategy_does_not_ask_for_do_not_count_as_vanished() -> None:
    assert weights(answer(asked={"held": ("AAPL", "PEP", "V")})) == {"AAPL": "0.5", "KO": "-0.5", "XOM": "0"}


def test_scores_become_equal_parts_of_the_best_and_the_worst() -> None:
    text = "symbol,score\nAAPL,3\nKO,1\nXOM,2\n"

    assert weights(answer(text, top_n=1, bottom_n=1)) == {"AAPL": "1", "XOM": "0", "KO": "-1"}
    assert weights(answer(text, top_n=3)) == dict.fromkeys(SYMBOLS, "0.333333333333")
    assert [signal.rank for signal in answer(text, top_n=1).signals] == [1, 2, 3]


def test_equal_scores_are_taken_by_name_so_that_the_order_of_rows_changes_nothing() -> None:
    one = answer("symbol,score\nKO,1\nAAPL,1\nXOM,1\n", top_n=1)
    other = answer("symbol,score\nXOM,1\nAAPL,1\nKO,1\n", top_n=1)

    assert one.signals == other.signals
    assert weights(one)["AAPL"] == "1"


@pytest.mark.parametrize(
    ("text", "terms", "told"),
    [
        ("symbol,score\nAAPL,1\n", {}, "found scores: say with top_n"),
        ("symbol,score\nAAPL,1\n", {"top_n": 1, "bottom_n": 1}, "at least 2 symbols"),
        ("symbol,weight\nAAPL,0.5\nKO,0.5\n", {"top_n": 1}, "at most 1 long"),
        ("symbol,weight\nAAPL,-0.5\nKO,-0.5\n", {"bottom_n": 1}, "at most 1 short"),
        ("AAPL,0.5\nKO,-0.5\n", {"top_n": 1, "bottom_n": 1}, "weights or scores"),
        ("symbol,weight\nAAPL,0.5\nAAPL,0.5\n", {}, "one row per symbol, found several for AAPL"),
        ("symbol,weight\nAAPL,0.5\nTSLA,0.5\n", {}, "found also TSLA"),
    ],
)
def test_what_no_plan_may_be_made_of_is_refused(text: str, terms: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        answer(text, **terms)


def test_what_is_said_of_a_name_reaches_its_signal() -> None:
    (first, *_) = answer("symbol,weight,rank,confidence,predicted_return\nAAPL,0.5,7,0.25,0.01\n").signals

    assert (first.rank, first.confidence, first.predicted_return) == (7, Decimal("0.25"), Decimal("0.01"))


def test_an_answer_says_where_it_came_from() -> None:
    found = answer()

    assert found.origin is not None
    assert (found.origin.source, found.origin.rows, found.origin.sha256) == ("/w", 2, "0" * 64)
    assert found.raw["rows"] == [
        {"symbol": "AAPL", "weight": "0.500000000000"},
        {"symbol": "KO", "weight": "-0.500000000000"},
    ]
