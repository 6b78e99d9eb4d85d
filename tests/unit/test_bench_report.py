"""The benchmark's arithmetic, and what it makes of it: tables, verdicts, and the generated part of the page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench.imports import BEGIN as MARK
from tests.bench.imports import END as END_MARK
from tests.bench.imports import inner_imports, read_import_times
from tests.bench.page import BEGIN, END, PAGE, brief, render, write
from tests.bench.queries import OTHERS, count
from tests.bench.results import (
    MEASURES,
    SUBMIT_ONE,
    WHOLE,
    AirflowResult,
    EngineResult,
    EngineRun,
    Imported,
    Incomplete,
    Pair,
    Queries,
    Results,
    Spread,
    Target,
    percentile,
    targets,
)
from tests.bench.stack import all_filled


def pair(ours: float, noop: float) -> Pair:
    """A pair in which everything took that long."""
    return Pair(dict.fromkeys(MEASURES, ours), dict.fromkeys(MEASURES, noop), {"`map_orders`, its work": ours / 10})


def engine(*sending: float) -> EngineResult:
    runs = [EngineRun(500, 0.25, seconds, [0.01, 0.02, 0.03], 0.5, 1.0, 500, 0.25) for seconds in sending]
    return EngineResult(4, runs, planning={10: [0.001], 1000: [0.05, 0.2, 0.09]}, mapping={10: [0.1], 1000: [0.5]})


def test_the_path_at_alpaca_is_held_against_the_gateways_of_the_same_minutes() -> None:
    gateway, alpaca = engine(2.0, 2.5, 9), engine(2.5, 2.9, 9)

    found = {target.what: target for target in targets(Results(engine=gateway, alpaca=alpaca))}

    ratio = found["engine path, 500 orders at Alpaca beside the gateway"]
    # Medians of the whole: 1.5 s of mapping, tracking and closing beside the sending.
    assert (round(ratio.measured, 3), ratio.is_met) == (round(4.4 / 4.0, 3), True)


def rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables by their first column."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: others for first, *others in lines}


def test_a_spread_is_median_least_and_most() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([4.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_a_spread_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Spread.of([])


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]

    assert [percentile(values, percent) for percent in (1, 50, 95, 100)] == [1, 50, 95, 100]
    assert percentile([0.3, 0.1, 0.2], 50) == 0.2
    assert percentile([0.3, 0.1, 0.2], 95) == 0.3


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_or_out_of_range_is_refused(values: list[float], percent: int) -> None:
    with pytest.raises(ValueError, match="expected values and a percentage"):
        percentile(values, percent)


def test_a_ratio_is_one_median_divided_by_the_other() -> None:
    # The pairs' own ratios are 2, 1 and 10.
    result = AirflowResult(5, [pair(4, 2), pair(5, 5), pair(100, 10)])

    assert result.ratio(WHOLE) == 5 / 5
    assert (result.ours[WHOLE], result.noop[WHOLE]) == (Spread(5, 4, 100), Spread(5, 2, 10))


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("a ratio", 1.10, "×", 1.10, strict=False), True),
        (Target("a ratio", 1.10, "×", 1.101, strict=False), False),
        (Target("a time", 5, "s", 4.999), True),
        (Target("a time", 5, "s", 5.0), False),
    ],
)
def test_a_target_is_met_up_to_a_ratio_and_below_a_time(target: Target, met: bool) -> None:
    assert target.is_met is met


def test_targets_compare_the_medians_of_what_was_measured() -> None:
    five, most = AirflowResult(5, [pair(4.4, 4), pair(4.2, 4)]), AirflowResult(500, [pair(232, 200)])

    found = targets(Results({5: five, 500: most}, engine(1.5, 1.9, 4)))

    assert [(target.what, round(target.measured, 3), target.is_met) for target in found] == [
        ("5 orders, our run beside the no-op", 1.075, True),
        ("5 orders, from trigger to end", 4.3, True),
        ("500 orders, our run beside the no-op", 1.16, False),
        ("engine path, 500 orders submitted", 1.9, True),
        ("1 000 signals mapped", 0.09, True),
    ]


def test_a_part_that_was_not_measured_has_neither_target_nor_table() -> None:
    text = render(Results({50: AirflowResult(50, [pair(30, 20)])}), "machine", "settings")

    assert targets(Results({50: AirflowResult(50, [pair(30, 20)])})) == []
    assert "### 50 orders" in text
    assert "target" not in text
    assert "engine" not in text
    assert "Imports" not in text


def test_the_tables_say_what_was_measured_and_whether_it_suffices() -> None:
    asked = {"fetch_signals": Queries(1, 17, 6.4), OTHERS: Queries(1, 3, 0.6)}
    results = Results(
        {5: AirflowResult(5, [pair(6, 4), pair(5, 4)], [asked, {"fetch_signals": Queries(1, 19, 8.0)}])},
        engine(1.5),
        [Imported("`dags/daily_trading.py`", [0.1, 0.3, 0.2], [("include.trading", 0.05)])],
    )

    text = render(results, "2 cores", "settings")

    table = rows(text)
    assert text.startswith("2 cores\n\n")
    assert text.endswith("\n\nsettings")
    assert table["5 orders, our run beside the no-op"] == ["≤ 1.12 ×", "1.375 ×", "**no**"]
    assert table["engine path, 500 orders submitted"] == ["≤ 2.5 s", "1.50 s", "yes"]
    assert table[SUBMIT_ONE] == ["5.50", "5.00", "6.00", "4.00", "4.00", "4.00", "1.38"]
    assert table["`map_orders`, its work"] == ["0.550", "0.500", "0.600"]
    assert table["fetch_signals"] == ["1", "18", "7.2", "6.4", "8.0"]
    assert table["**the whole run**"] == ["1.5", "19.5", "7.5", "7.0", "8.0"]
    assert table["one order sent, P95"] == ["0.030", "0.030", "0.030"]
    assert table["planning alone, 1 000 signals"] == ["0.090", "0.050", "0.200"]
    assert table["`dags/daily_trading.py`"] == ["200", "100", "300", "include.trading 50"]
    assert "following them 500" in text


def test_the_page_says_how_fast_the_machine_was_around_each_part() -> None:
    text = render(Results(speed={"50": (0.456, 0.789), "engine": (1, 2)}), "machine", "settings")

    assert "5 million additions" in text
    assert "| 50 orders | 0.46 | 0.79 |\n| engine | 1.00 | 2.00 |" in text


def test_writing_replaces_the_generated_part_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write("new", page)

    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_a_page_without_the_marks_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n")

    with pytest.raises(ValueError, match="no part between"):
        write("new", page)

    assert page.read_text() == f"before\n{BEGIN}\nold\n"


def test_the_page_of_the_docs_has_the_marks_once_and_is_short() -> None:
    text = PAGE.read_text()

    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert len(text.split()) < 1000


def test_the_page_keeps_the_verdicts_and_the_counts_and_leaves_the_rest_to_the_terminal() -> None:
    results = Results(airflow={5: AirflowResult(5, [pair(2.2, 2.0)], [{"map_orders": Queries(1, 53, 16.7)}])})

    text = brief(results, "the machine")

    assert text.startswith("the machine")
    assert rows(text)["5 orders, our run beside the no-op"] == ["≤ 1.12 ×", "1.100 ×", "yes"]
    assert rows(text)["map_orders"][:2] == ["1", "53"]
    assert "track_fills" not in text


def test_statements_are_counted_once_and_every_phase_takes_its_time() -> None:
    log = """2026-01-05 14:30:00.000 UTC [11] LOG:  duration: 0.500 ms  statement: BEGIN
2026-01-05 14:30:00.001 UTC [11] LOG:  duration: 1.000 ms  parse <unnamed>:
\t            INSERT INTO run_steps (run_id, step) VALUES ($1, $2)
2026-01-05 14:30:00.002 UTC [11] LOG:  duration: 0.250 ms  bind <unnamed>: INSERT INTO run_steps …
2026-01-05 14:30:00.002 UTC [11] DETAIL:  Parameters: $1 = '6f0c', $2 = 'map_orders'
2026-01-05 14:30:00.003 UTC [11] LOG:  duration: 2.250 ms  execute _pg3_0: INSERT INTO run_steps …
2026-01-05 14:30:00.003 UTC [11] DETAIL:  Parameters: $1 = '6f0c', $2 = 'map_orders'
2026-01-05 14:30:00.004 UTC [12] LOG:  duration: 3.000 ms  statement: SET TIME ZONE 'UTC'
2026-01-05 14:30:00.005 UTC [13] LOG:  checkpoint complete
"""

    assert count(log.splitlines()) == {"map_orders": Queries(1, 2, 4.0), OTHERS: Queries(1, 1, 3.0)}


def test_a_connection_that_is_lent_again_is_another_session() -> None:
    log = """2026-01-05 14:30:00.000 UTC [11] LOG:  duration: 1.000 ms  execute <unnamed>: INSERT INTO run_steps …
2026-01-05 14:30:00.000 UTC [11] DETAIL:  Parameters: $1 = '6f0c', $2 = 'map_orders'
2026-01-05 14:30:00.001 UTC [11] LOG:  duration: 0.500 ms  statement: DISCARD ALL
2026-01-05 14:30:00.002 UTC [11] LOG:  duration: 2.000 ms  execute <unnamed>: INSERT INTO run_steps …
2026-01-05 14:30:00.002 UTC [11] DETAIL:  Parameters: $1 = '6f0c', $2 = 'track_fills'
"""

    assert count(log.splitlines()) == {"map_orders": Queries(1, 2, 1.5), "track_fills": Queries(1, 1, 2.0)}


def test_import_times_are_those_between_the_marks() -> None:
    text = f"""import time:       100 |        100 | before
{MARK}
import time: self [us] | cumulative | imported package
import time:       200 |        200 |   yaml
import time:       300 |        500 | daily_trading
{END_MARK}
import time:       900 |        900 | between
{MARK}
{END_MARK}
"""

    assert read_import_times(text) == [[(1, "yaml", 0.0002), (0, "daily_trading", 0.0005)], []]


def test_inner_imports_are_those_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import os\n\ndef work():\n    from include.trading import pace\n    from json import loads\n")

    assert inner_imports(file, file) == ["include.trading", "json"]


@pytest.mark.parametrize(
    "other",
    [{"status": "partial"}, {"num_orders_planned": 4}, {"num_orders_filled": 4}],
    ids=lambda other: next(iter(other)),
)
def test_a_run_that_did_not_fill_every_order_is_not_timed(other: dict[str, Any]) -> None:
    completed = {"status": "completed", "num_orders_planned": 5, "num_orders_filled": 5}
    row = {"run_id": "6f0c", "error_message": None, "summary": "…"}

    assert all_filled(SimpleNamespace(**row | completed), 5).status == "completed"
    with pytest.raises(Incomplete, match="expected completed with 5 orders filled"):
        all_filled(SimpleNamespace(**row | completed | other), 5)


def test_a_run_that_left_nothing_is_not_timed() -> None:
    with pytest.raises(Incomplete, match="nothing in the ledger"):
        all_filled(None, 5)
