"""ops plan: what signals and prices of a file would order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Duty
from tests.support.engine import sandbox_strategy


@pytest.fixture
def signals(duty: Duty, tmp_path: Path) -> Path:
    run, _ = duty.engine.plan(duty.engine.identity("earlier"), sandbox_strategy(mode="plan"))
    file = tmp_path / "signals.json"
    with duty.engine.ledger() as ledger:
        file.write_text(json.dumps(ledger.runs.answers(run.run_id)["signal_service_response"]))
    return file


def test_plan_shows_what_a_saved_answer_would_order_and_writes_nothing(duty: Duty, signals: Path) -> None:
    code, out, _ = duty.ops("plan", "--signals", str(signals))

    assert code == 0
    assert "orders, as they would be sent: buy" in out or "orders, as they would be sent: sell" in out
    assert "rules off: order_shares" in out
    with duty.engine.ledger() as ledger:
        assert ledger.orders.find(limit=10) == []


def test_plan_equals_the_plan_of_the_run(duty: Duty, signals: Path) -> None:
    shown = duty.json("plan", "--signals", str(signals))

    planned = duty.planned()

    assert [(order["symbol"], order["side"]) for order in shown["orders"]] == [
        (intent.symbol, intent.side) for intent in planned
    ]


def test_plan_starts_from_what_is_held_unless_told_otherwise(duty: Duty, signals: Path) -> None:
    run = duty.trade()

    held = duty.json("plan", "--signals", str(signals))
    flat = duty.json("plan", "--signals", str(signals), "--flat")

    assert run.num_orders_filled == 4
    assert sum(row["held_quantity"] != "0" for row in held["rows"]) == 4
    assert all(row["held_quantity"] == "0" for row in flat["rows"])


def test_plan_takes_prices_from_a_file(duty: Duty, signals: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"AAPL": 100, "MSFT": 200.5}')
    duty.sandbox.admin.fault("refuse_connections", service="market")

    shown = duty.json("plan", "--signals", str(signals), "--prices", str(prices))

    rows = {row["symbol"]: row for row in shown["rows"]}
    assert (rows["MSFT"]["price"], rows["MSFT"]["price_source"]) == ("200.5", "file:prices.json")
    assert {row["reason"] for row in shown["rows"]} >= {"price_missing"}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"signals": [], "metadata": {"as_of_date": "soon"}}', None])
def test_plan_refuses_a_file_that_is_no_answer(duty: Duty, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "signals.json"
    if content is not None:
        file.write_text(content)

    code, _, err = duty.ops("plan", "--signals", str(file))

    assert code == 2
    assert f"{file}: expected" in err


@pytest.mark.parametrize(
    ("content", "orders"),
    [
        ("symbol,weight\nAAPL,0.05\nKO,-0.05\n", {"AAPL": "buy", "KO": "sell"}),
        ('{"AAPL": 0.05}', {"AAPL": "buy"}),
        (
            "ticker,score\nAAPL,1\nMSFT,2\nJPM,3\nXOM,4\nKO,5\n",
            {"AAPL": "sell", "MSFT": "sell", "XOM": "buy", "KO": "buy"},
        ),
    ],
)
def test_plan_takes_weights_and_scores_in_any_form(
    duty: Duty, tmp_path: Path, content: str, orders: dict[str, str]
) -> None:
    file = tmp_path / "weights"
    file.write_text(content)

    shown = duty.json("plan", "--signals", str(file))

    assert {order["symbol"]: order["side"] for order in shown["orders"]} == orders


def test_check_reads_the_file_of_the_session_to_come_and_plan_what_it_would_make(duty: Duty, tmp_path: Path) -> None:
    file = tmp_path / "weights.csv"
    entry = {
        "id": "daily_trading",
        "mode": "paper",
        "sandbox_only": True,
        "market_hours": False,
        "capital": 100000,
        "signals": {"file": {"path": str(file), "dated": "standing"}},
    }
    strategies = tmp_path / "of_a_file.yaml"
    strategies.write_text(json.dumps({"strategies": [entry]}))
    duty.environ["TRADING_STRATEGIES_FILE"] = str(strategies)

    missing = {stop["name"]: stop["value"] for stop in duty.json("check")["blockers"]}
    file.write_text("symbol,weight\nAAPL,0.05\n")
    found = {finding["name"]: finding["value"] for finding in duty.json("check")["findings"]}
    shown = duty.json("plan", "--signals", str(file))

    assert "expected a file that can be read" in missing["signals"]
    assert found["signals"].startswith("1 long and 0 short of 1")
    assert found["latest trades"] == "1 of 1 symbols"
    assert [order["symbol"] for order in shown["orders"]] == ["AAPL"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *(
            (f'{{"AAPL": {price}}}', "expected for AAPL a price in USD a share, above 0 and below 10^14, found ")
            for price in ("NaN", "-5", "0", "1e999", "1e30", "true", "null", '"x"', "[1]", "9" * 5000)
        ),
        ("[1]", 'expected prices like {"AAPL": 189.5}, found ['),
        ("", 'expected prices like {"AAPL": 189.5}, found no JSON: '),
        ('{"aapl": 1}', "expected symbols of 1 to 15 capital letters"),
    ],
    ids=lambda value: value[:20],
)
def test_plan_refuses_prices_that_are_none_in_one_sentence(duty: Duty, tmp_path: Path, text: str, words: str) -> None:
    signals, prices = tmp_path / "weights.csv", tmp_path / "prices.json"
    signals.write_text("symbol,weight\nAAPL,0.05\n")
    prices.write_text(text)

    code, _, err = duty.ops("plan", "--signals", str(signals), "--prices", str(prices))

    assert code == 2
    assert err.startswith(f"{prices}: {words}")
    assert err.count("\n") == 1
