"""The report on a backfill, from the ledger of real replays to the command's output."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from include.ops.main import main
from include.sandbox.prices import Prices
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import Session, trading_calendar
from include.trading.strategy.schedule_spec import Arrival
from tests.support.engine import SYMBOLS, Engine, sandbox_strategy

CALENDAR = trading_calendar("XNYS", today=datetime.now(UTC).date())
NEWEST = CALENDAR.previous(CALENDAR.current(datetime.now(UTC)).day)
DAYS = CALENDAR.between(NEWEST.day - timedelta(days=21), NEWEST.day)[-6:]
SESSIONS = tuple(CALENDAR.session(day) for day in DAYS)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox() as sandbox:
        yield sandbox


@dataclass
class Bench:
    """Replays sessions and asks for the report on them."""

    engine: Engine
    environ: dict[str, str]
    capsys: pytest.CaptureFixture[str]

    def replay(
        self, *sessions: Session, id: str = "daily_trading", keys: Mapping[str, Any] | None = None, **params: Any
    ) -> None:
        """keys: of the strategies file."""
        for session in sessions:
            identity = self.engine.identity(f"backfill__{id}__{session.day}", "backfill", session.open)
            run, _ = self.engine.plan(identity, sandbox_strategy(id=id, **(keys or {})), **params)
            self.engine.track(run)

    def report(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(["report", "--replays", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), *arguments], self.environ)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *arguments: str) -> Any:
        code, out, err = self.report(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out, parse_float=Decimal)


@pytest.fixture
def bench(ledger_url: str, running: Sandbox, capsys: pytest.CaptureFixture[str]) -> Bench:
    running.admin.reset()
    environ = {"AIRFLOW_CONN_TRADING_LEDGER": ledger_url, "AIRFLOW_CONN_MARKET_DATA": running.market_url}
    engine = Engine(ledger_url, running.signals_url, running.gateway_url, running.market_url)
    return Bench(engine, environ, capsys)


def held_after(bench: Bench, session: Session) -> dict[str, int]:
    with bench.engine.ledger() as ledger:
        run = ledger.runs.replays(session.day, session.day)[-1]
        rows = ledger.runs.mappings(run.run_id)
    signs = {"buy": 1, "sell": -1, None: 0}
    return {row["symbol"]: signs[row["order_side"]] * (row["order_qty"] or 0) for row in rows}


def test_equity_is_what_the_plans_holdings_gained_from_close_to_close(bench: Bench) -> None:
    bench.replay(*SESSIONS)
    prices = Prices()
    rows = [prices.row(session.day) for session in SESSIONS]
    close = [{symbol: Decimal(str(prices.close(symbol, row or 0))) for symbol in SYMBOLS} for row in rows]
    equity = [Decimal(100000)]
    for day, session in enumerate(SESSIONS[:-1]):
        gained = sum(
            quantity * (close[day + 1][symbol] - close[day][symbol])
            for symbol, quantity in held_after(bench, session).items()
        )
        equity.append(equity[-1] + gained)

    found = bench.json()

    assert [session["session"] for session in found["sessions"]] == [str(day) for day in DAYS]
    assert [Decimal(session["equity"]) for session in found["sessions"]] == equity
    assert Decimal(found["total_return"]) == (equity[-1] - 100000) / 100000
    assert (found["orders"], found["left_out"]) == (24, [])


def test_a_what_if_without_airflow_replays_what_a_backfill_does(bench: Bench, running: Sandbox, tmp_path: Path) -> None:
    bench.replay(*SESSIONS)
    backfilled = bench.json()
    arriving = sandbox_strategy(id="arriving", schedule=Arrival(assets=("scores",)))
    entry = arriving.model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "strategies.yaml").write_text(json.dumps({"strategies": [entry]}))
    bench.environ["TRADING_STRATEGIES_FILE"] = str(tmp_path / "strategies.yaml")
    bench.environ["AIRFLOW_CONN_SIGNAL_SERVICE"] = f"{bench.engine.signals_url}/?contract=v2"
    sessions = ["--from", str(DAYS[0]), "--to", str(DAYS[-1])]

    assert main(["what-if", *sessions], bench.environ) == 0

    found = bench.json("--strategy", "arriving")
    assert [session["equity"] for session in found["sessions"]] == [row["equity"] for row in backfilled["sessions"]]
    assert main(["what-if", *sessions], bench.environ) == 0
    assert bench.json("--strategy", "arriving") == found
    assert running.admin.book()["posts_total"] == 0


def test_a_what_if_names_the_sessions_without_signals_and_goes_on(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "{as_of_date}.csv"
    for day in DAYS[:-2]:
        Path(str(file).format(as_of_date=day)).write_text("symbol,weight\nAAPL,1\n")
    entry = {"id": "filed", "capital": 1000, "signals": {"file": {"path": str(file), "dated": "name"}}}
    (tmp_path / "strategies.yaml").write_text(json.dumps({"strategies": [entry]}))
    bench.environ["TRADING_STRATEGIES_FILE"] = str(tmp_path / "strategies.yaml")

    assert main(["what-if", "--from", str(DAYS[1]), "--to", str(DAYS[-1]), "--json"], bench.environ) == 1

    found = json.loads(bench.capsys.readouterr().out)
    assert [row["session"] for row in found] == [str(day) for day in DAYS[1:]]
    assert [row["problem"] is None for row in found] == [True] * (len(DAYS) - 2) + [False]


def test_a_session_without_a_replay_is_named_and_the_chain_goes_on_past_it(bench: Bench) -> None:
    bench.replay(*SESSIONS[:2], *SESSIONS[3:])

    found = bench.json()

    assert [session["session"] for session in found["sessions"]] == [str(day) for day in DAYS if day != DAYS[2]]
    assert found["left_out"] == [{"session": str(DAYS[2]), "why": "not replayed"}]


def test_a_session_that_was_replayed_with_other_parameters_is_left_out(bench: Bench) -> None:
    bench.replay(*SESSIONS, capital=5000)
    bench.replay(*SESSIONS[1:])

    found = bench.json()

    assert Decimal(found["capital"]) == 100000
    assert found["left_out"] == [
        {"session": str(DAYS[0]), "why": "replayed with other parameters than the newest replay only"}
    ]


def test_without_market_data_the_last_session_is_left_out_with_the_reason(bench: Bench) -> None:
    bench.replay(*SESSIONS)
    del bench.environ["AIRFLOW_CONN_MARKET_DATA"]

    found = bench.json()

    assert len(found["sessions"]) == 5
    (left_out,) = found["left_out"]
    assert left_out["session"] == str(DAYS[-1])
    assert "AIRFLOW_CONN_MARKET_DATA" in left_out["why"]


def test_denials_are_counted_by_rule(bench: Bench) -> None:
    strategy = sandbox_strategy(not_shortable_symbols=list(SYMBOLS))
    for session in SESSIONS:
        run, _ = bench.engine.plan(bench.engine.identity(str(session.day), "backfill", session.open), strategy)
        bench.engine.track(run)

    found = bench.json()

    assert found["denied"] == {"not_shortable": 12}
    assert all(session["net"] == session["gross"] for session in found["sessions"])


def test_the_table_says_what_kind_of_numbers_it_shows(bench: Bench) -> None:
    bench.replay(*SESSIONS)

    code, out, _ = bench.report()

    assert code == 0
    assert "What-if: no order was sent." in out
    assert "a model trained since then has seen the future" in out
    assert "Sandbox: its prices are historical closes laid on other dates." in out
    assert out.index(str(DAYS[0])) < out.index(str(DAYS[-1]) + "  ")
    assert "denied by rule: –" in out
    assert "left out: no session" in out


def test_the_result_is_split_by_month_and_symbol_in_the_table_as_json_and_as_csv(bench: Bench, tmp_path: Path) -> None:
    bench.replay(*SESSIONS)
    path = tmp_path / "report.csv"

    found = bench.json("--spread-bp", "10", "--export", str(path))
    code, out, _ = bench.report("--spread-bp", "10")

    gained = Decimal(found["equity"]) - 100000
    assert sum(Decimal(each["result"]) for each in found["months"]) == gained
    assert sum(Decimal(each["result"]) for each in found["symbols"]) == gained
    assert {each["month"] for each in found["months"]} == {day.month for day in DAYS}
    assert {each["symbol"] for each in found["symbols"]} <= set(SYMBOLS)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows if row["of"] == "symbol"] == [each["symbol"] for each in found["symbols"]]
    assert sum(Decimal(row["result"]) for row in rows if row["of"] == "month") == gained
    assert code == 0
    assert all(each["symbol"] in out.partition("by symbol")[2] for each in found["symbols"])


@pytest.mark.parametrize("name", ["report.parquet", "missing/report.csv"])
def test_a_csv_that_cannot_be_written_is_refused(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.replay(SESSIONS[0])

    code, _, err = bench.report("--export", str(tmp_path / name))

    assert (code, "--export" in err) == (2, True)


def test_the_plot_is_an_svg_that_says_what_it_is_and_loads_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.replay(*SESSIONS)
    path = tmp_path / "report.svg"

    assert bench.report("--plot", str(path))[0] == 0

    image = ElementTree.fromstring(path.read_bytes())
    words = " ".join(text.strip() for text in image.itertext())
    assert image.tag == "{http://www.w3.org/2000/svg}svg"
    assert "What-if, no order was sent" in words
    assert "Sandbox" in words
    assert not image.findall(".//{http://www.w3.org/2000/svg}script[@href]")


def test_a_shadow_is_compared_as_what_it_would_have_made_if_it_had_been_the_sizing(
    bench: Bench, tmp_path: Path
) -> None:
    smaller = {"equal_weight": {"long_gross": "0.1", "short_gross": "0.06"}}
    bench.replay(*SESSIONS, keys={"shadow": [smaller]})
    bench.replay(*SESSIONS, id="other", keys={"sizing": smaller})

    own = bench.json("--strategy", "daily_trading")
    other = bench.json("--strategy", "other")

    planned, shadow = own["models"]
    assert [(each["model"], each["planned"], each["sized"]) for each in own["models"]] == [
        ("target_weight", True, len(DAYS)),
        ("equal_weight", False, len(DAYS)),
    ]
    for model, found in ((planned, own), (shadow, other)):
        assert model["equity"] == [session["equity"] for session in found["sessions"]]
        assert {name: model[name] for name in ("total_return", "traded", "volatility", "sharpe", "max_drawdown")} == {
            name: found[name] for name in ("total_return", "traded", "volatility", "sharpe", "max_drawdown")
        }
    assert (planned["equity"] != shadow["equity"], other["models"]) == (True, [])
    path = tmp_path / "report.svg"
    code, out, _ = bench.report("--strategy", "daily_trading", "--plot", str(path))
    assert (code, "target_weight (planned)" in out) == (0, True)
    assert "equity with equal_weight, USD" in " ".join(ElementTree.fromstring(path.read_bytes()).itertext())


def test_a_plot_that_cannot_be_written_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.replay(SESSIONS[0])

    code, _, err = bench.report("--plot", str(tmp_path / "no folder" / "report.svg"))

    assert (code, "expected a file that can be written" in err) == (2, True)


def test_a_range_without_a_replay_says_how_to_make_one(bench: Bench) -> None:
    code, _, err = bench.report()

    assert (code, "make a backfill of those days first" in err) == (2, True)


def test_of_several_strategies_one_is_to_be_named(bench: Bench) -> None:
    bench.replay(*SESSIONS)
    bench.replay(*SESSIONS, id="other")

    code, _, err = bench.report()

    assert (code, "daily_trading, other" in err) == (2, True)
    assert bench.json("--strategy", "other")["strategy_id"] == "other"


def test_a_range_that_runs_backwards_is_refused(bench: Bench) -> None:
    code = main(["report", "--replays", "--from", str(DAYS[1]), "--to", str(DAYS[0])], bench.environ)

    assert (code, "no later than --to" in bench.capsys.readouterr().err) == (2, True)
