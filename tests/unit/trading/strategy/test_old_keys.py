"""A key that moved is an error with the line to write; what the ledger kept under it is read as it was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from include.trading.strategy.file import load_strategies
from include.trading.strategy.kept import increases_wait, strategy_kept, venue_kept
from include.trading.strategy.spec import Strategy

NEW: dict[str, Any] = {
    "id": "momentum",
    "symbols": ["AAPL", "KO"],
    "signals": {"service": {"top_n": 1, "bottom_n": 1}},
    "capital": 1000,
}
# As the version before wrote a whole strategy into a run's and a plan's parameters.
KEPT: dict[str, Any] = {
    "id": "momentum",
    "calendar": "XNYS",
    "closures": ["2026-12-31"],
    "mode": "paper",
    "symbols": ["AAPL", "KO"],
    "top_n": 2,
    "bottom_n": 0,
    "capital": "1000",
    "max_position_size": "250.5",
    "order_basis": "rebalance",
    "sizing": "target_weight",
    "absent_signal": "keep",
    "no_trade_band": "0.001",
    "max_gross_weight": "2",
    "limits": {"gross_exposure": "off", "order_shares": 7},
    "restricted_symbols": ["KO"],
    "not_shortable_symbols": [],
    "orders_per_minute": 60,
    "send_minutes": 30,
    "wait_for_reductions": True,
    "sandbox_only": False,
    "market_hours": True,
    "signal_connection": "t3",
    "gateway_connection": "t4",
    "market_data_connection": "alpaca",
}


def told(tmp_path: Path, entry: Any) -> list[str]:
    path = tmp_path / "strategies.yaml"
    path.write_text(yaml.safe_dump({"strategies": [entry]}, sort_keys=False), encoding="utf-8")
    file = load_strategies(path)
    assert file.strategies == ()
    return [str(problem.problem) for problem in file.problems]


@pytest.mark.parametrize(
    ("old", "line", "found"),
    [
        ({"signal_connection": "t3"}, "signals: {service: {top_n: 1, bottom_n: 1, connection: t3}}", "'t3'"),
        ({"gateway_connection": "t4"}, "venue: t4", "'t4'"),
        ({"market_data_connection": "md"}, "prices: {alpaca: {connection: md}}", "'md'"),
        ({"orders_per_minute": 60}, "orders: {per_minute: 60}", "60"),
        ({"send_minutes": 30}, "orders: {send_minutes: 30}", "30"),
        ({"wait_for_reductions": True}, "orders: {reductions_first: always}", "True"),
        ({"wait_for_reductions": False}, "orders: {reductions_first: never}", "False"),
        ({"send_minutes": 30, "orders": {"per_minute": 5}}, "orders: {per_minute: 5, send_minutes: 30}", "30"),
    ],
)
def test_an_old_key_is_an_error_that_shows_the_line_to_write(
    tmp_path: Path, old: dict[str, Any], line: str, found: str
) -> None:
    (key, *_) = old

    assert told(tmp_path, NEW | old) == [f"{key}: expected no such key any more; write `{line}`, found {found}"]
    mended = {name: value for name, value in (NEW | old).items() if name != key} | yaml.safe_load(line)
    assert Strategy.model_validate(mended)


def test_an_entry_of_the_version_before_is_told_each_line_and_nothing_else(tmp_path: Path) -> None:
    entry = {name: value for name, value in NEW.items() if name != "signals"} | {"top_n": 1, "bottom_n": 1}

    line = "signals: {service: {top_n: 1, bottom_n: 1}}"
    assert told(tmp_path, entry) == [
        f"{key}: expected no such key any more; write `{line}`, found 1" for key in ("top_n", "bottom_n")
    ]


def test_what_the_old_key_says_is_checked_where_it_stands_now(tmp_path: Path) -> None:
    assert told(tmp_path, NEW | {"orders_per_minute": 0}) == [
        "orders_per_minute: expected no such key any more; write `orders: {per_minute: 0}`, found 0",
        "orders.per_minute: expected greater than or equal to 1, found 0",
    ]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, None, "x" * 900, True])
def test_an_old_key_with_anything_in_it_is_told(tmp_path: Path, value: Any) -> None:
    problems = told(tmp_path, NEW | {"top_n": value, "orders": value, "send_minutes": value})

    assert all(len(problem) < 500 for problem in problems)
    assert {problem.split(":")[0] for problem in problems} >= {"top_n", "send_minutes"}


def test_a_strategy_that_the_version_before_kept_is_read_as_it_was_meant() -> None:
    strategy = strategy_kept({"strategy": KEPT})

    assert strategy == Strategy.model_validate(
        {
            "id": "momentum",
            "mode": "paper",
            "closures": ["2026-12-31"],
            "symbols": ["AAPL", "KO"],
            "signals": {"service": {"connection": "t3", "top_n": 2, "bottom_n": 0}},
            "venue": "t4",
            "prices": {"alpaca": {"connection": "alpaca"}},
            "capital": 1000,
            "max_position_size": 250.5,
            "absent_signal": "keep",
            "limits": {"gross_exposure": "off", "order_shares": 7},
            "restricted_symbols": ["KO"],
            "orders": {"per_minute": 60, "send_minutes": 30, "reductions_first": "always"},
        }
    )


@pytest.mark.parametrize("kept", [KEPT, strategy_kept({"strategy": KEPT}).model_dump(mode="json")])
def test_a_task_finds_the_venue_and_the_wait_in_either_spelling(kept: dict[str, Any]) -> None:
    assert venue_kept({"strategy": kept}) == "t4"
    assert increases_wait({"strategy": kept})


def test_nothing_waits_where_the_version_before_had_no_such_key() -> None:
    kept = {name: value for name, value in KEPT.items() if name != "wait_for_reductions"}

    assert not increases_wait({"strategy": kept})


@pytest.mark.parametrize(
    ("old", "what"),
    [
        ({"top_n": 2}, "write `signals: {file: {path: /w.csv, top_n: 2}}`"),
        ({"signal_connection": "t3"}, "take it out"),
    ],
)
def test_an_old_key_beside_another_source_of_signals_shows_what_that_source_takes(
    tmp_path: Path, old: dict[str, Any], what: str
) -> None:
    (key, value), *_ = old.items()
    entry = NEW | {"signals": {"file": {"path": "/w.csv"}}} | old

    assert told(tmp_path, entry) == [f"{key}: expected no such key any more; {what}, found {value!r}"]
