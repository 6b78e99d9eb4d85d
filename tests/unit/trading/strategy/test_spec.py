"""The strategies file: what it accepts, and what it says about the rest."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from yaml.scanner import ScannerError

from include.trading.errors import InvalidData
from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.later import LATER
from include.trading.strategy.limits import Limits
from include.trading.strategy.spec import Strategy
from include.trading.strategy.yaml_size import reason_of

CONFIG = Path(__file__).parents[4] / "include" / "config"
GOOD: dict[str, Any] = {
    "id": "momentum",
    "symbols": ["AAPL", "BRK.B"],
    "signals": {"service": {"top_n": 1, "bottom_n": 1}},
    "capital": 50000.5,
}


LIST = "expected a list under `strategies`, whose entries begin with `- id: …`"


def service(**asked: Any) -> dict[str, Any]:
    return {"signals": {"service": {"top_n": 1, "bottom_n": 1} | asked}}


def load(tmp_path: Path, *entries: Any) -> StrategyFile:
    path = tmp_path / "strategies.yaml"
    path.write_text(yaml.safe_dump({"strategies": list(entries)}), encoding="utf-8")
    return load_strategies(path)


def problems(tmp_path: Path, *entries: Any) -> list[str]:
    return [str(problem) for problem in load(tmp_path, *entries).problems]


def test_an_entry_needs_little_and_plans_only() -> None:
    strategy = Strategy.model_validate(GOOD)

    assert strategy.mode == "plan"
    assert strategy.capital == Decimal("50000.5")
    assert strategy.dag_id == "daily_trading__momentum"
    assert (strategy.venue, strategy.prices.connection) == ("execution_gateway", "market_data")


@pytest.mark.parametrize(
    ("size", "usd"),
    [({}, "50000.5"), ({"max_position_size": {"capital": 0.1}}, "5000.05"), ({"max_position_size": 7}, "7")],
)
def test_a_position_may_be_all_of_the_capital_a_fraction_of_it_or_an_amount(size: dict[str, Any], usd: str) -> None:
    assert Strategy.model_validate(GOOD | size).max_position_usd == Decimal(usd)


def test_nothing_is_planned_with_capital_that_is_not_a_number_yet() -> None:
    strategy = Strategy.model_validate(GOOD | {"capital": {"equity": {"share": 0.5}}})

    with pytest.raises(TypeError, match="not a number yet"):
        strategy.capital_usd  # noqa: B018 - reading it raises


def test_the_strategy_named_daily_trading_has_the_dag_of_that_name() -> None:
    assert Strategy.model_validate(GOOD | {"id": "daily_trading"}).dag_id == "daily_trading"


@pytest.mark.parametrize("band", ["0.02", {"drift": "0.04"}, {"drift": "0.04", "of": "position", "scope": "book"}])
def test_a_strategy_survives_json(band: Any) -> None:
    strategy = Strategy.model_validate(
        GOOD | {"limits": {"gross_exposure": "off", "order_shares": 7}, "no_trade_band": band}
    )

    assert Strategy.model_validate_json(strategy.model_dump_json()) == strategy


@pytest.mark.parametrize(
    ("change", "field", "expected", "found"),
    [
        ({"id": "Momentum"}, "id", "text of the form ^[a-z][a-z0-9_]{0,30}$", "'Momentum'"),
        ({"tags": ["desk", "t" * 101]}, "tags", "at most 100 characters", "ttt"),
        ({"capital": -5}, "capital", "greater than 0", "-5"),
        ({"capital": 0}, "capital", "greater than 0", "0"),
        ({"capital": True}, "capital", "", "True"),
        ({"capital": float("nan")}, "capital", "", "nan"),
        ({"capital": 0.001}, "capital", "at most 2 decimals", "0.001"),
        ({"max_position_size": "much"}, "max_position_size", "USD as a number or {capital: a fraction", "'much'"),
        ({"symbols": ["AAPL", "BRK B"]}, "symbols", "no space", "'BRK B'"),
        ({"symbols": ["AAPL", "aapl"]}, "symbols", "capital letters", "'aapl'"),
        ({"symbols": ["AAPL", True]}, "symbols", "in quotes", "True"),
        ({"symbols": ["AAPL", "AAPL"]}, "symbols", "each symbol once; AAPL came twice", "'AAPL', 'AAPL'"),
        ({"symbols": "AAPL"}, "symbols", "a list of symbols", "'AAPL'"),
        ({"symbols": []}, "symbols", "at least 1 symbol, because the Signal Service is asked for named ones", "[]"),
        (service(top_n=2), "symbols", "at least 3 symbols, for top_n 2 and bottom_n 1", "AAPL"),
        (service(bottom_n=-1), "signals.service.bottom_n", "greater than or equal to 0", "-1"),
        (service(top_n=1.0), "signals.service.top_n", "a whole number", "1.0"),
        (service(top=1), "signals.service.top", "no such key", "1"),
        (service(connection=" "), "signals.service.connection", "1 or more characters", "' '"),
        ({"signals": {"service": 3}}, "signals", "{service: {connection: …, top_n: …, bottom_n: …}}", "3"),
        ({"signals": {"oracle": {}}}, "signals", "{service: {connection: …, top_n: …, bottom_n: …}}", "{'oracle': {}}"),
        ({"signals": "mine"}, "signals", "{service: {", "'mine'"),
        ({"signals": {"service": {}, "oracle": {}}}, "signals", "{service: {", "'oracle'"),
        ({"venue": ""}, "venue", "1 or more characters", "''"),
        ({"prices": {"alpaca": {"feed": "sip"}}}, "prices.alpaca.feed", "no such key", "'sip'"),
        ({"prices": 3}, "prices", "alpaca", "3"),
        ({"orders": {"style": "limit"}}, "orders.style", "market", "'limit'"),
        ({"orders": {"send_minutes": 391}}, "orders.send_minutes", "less than or equal to 390", "391"),
        ({"orders": {"per_minute": 0}}, "orders.per_minute", "greater than or equal to 1", "0"),
        ({"orders": {"reductions_first": True}}, "orders.reductions_first", "'always' or 'never'", "True"),
        ({"orders": {"pace": 1}}, "orders.pace", "no such key", "1"),
        ({"capital": "much"}, "capital", "USD as a number or {equity: {share: …, at_least: …, at_most: …}}", "'much'"),
        ({"capital": [1]}, "capital", "USD as a number or", "[1]"),
        ({"max_position_size": {"capital": 1.5}}, "max_position_size.capital", "less than or equal to 1", "1.5"),
        ({"max_position_size": {"capital": 0}}, "max_position_size.capital", "greater than 0", "0"),
        ({"mode": "real"}, "mode", "'replay', 'plan', 'dry_run', 'paper' or 'live'", "'real'"),
        ({"schedule": "at noon"}, "schedule", "a cron of five fields", "'at noon'"),
        ({"schedule": "session-15"}, "schedule", "not yet supported (a time before", "'session-15'"),
        ({"schedule": "session+390"}, "schedule", "session+<minutes> (to 384 on XNYS)", "'session+390'"),
        ({"schedule": "0 9 31 2 *"}, "schedule", "a date there is", "'0 9 31 2 *'"),
        ({"calendar": "NYSE"}, "calendar", "one of XNYS, ", "'NYSE'"),
        ({"sizing": "hrp"}, "sizing", "target_weight or {equal_weight: ", "'hrp'"),
        ({"sizing": "kelly"}, "sizing.kelly.horizon", "a value", "nothing"),
        ({"sizing": {"kelly": {"horizon": 5}}}, "sizing", "a `scale`, because the Signal Service", "kelly"),
        ({"sizing": "confidence"}, "sizing", "another sizing, because signals of service have no", "confidence"),
        ({"sizing": {"own": {"function": "weights"}}}, "sizing.own.function", "a module and a function", "'weights'"),
        ({"sizing": {"own": {"function": "a b:c"}}}, "sizing.own.function", "a module and a function", "'a b:c'"),
        ({"sizing": {"own": {"function": 3}}}, "sizing.own.function", "a module and a function", "3"),
        ({"sizing": "own"}, "sizing.own.function", "a value", "nothing"),
        ({"no_trade_band": 1}, "no_trade_band", "less than 1", "1"),
        ({"no_trade_band": [0.1]}, "no_trade_band", "a fraction of capital or {drift: …, of: …, scope: …}", "[0.1]"),
        ({"no_trade_band": True}, "no_trade_band", "a fraction of capital or {drift: …, of: …, scope: …}", "True"),
        ({"no_trade_band": {"drift": 1}}, "no_trade_band.drift", "less than 1", "1"),
        ({"no_trade_band": {"drift": -0.1}}, "no_trade_band.drift", "greater than or equal to 0", "-0.1"),
        ({"no_trade_band": {"drift": "1e999999"}}, "no_trade_band.drift", "", "1e999999"),
        ({"no_trade_band": {"of": "position"}}, "no_trade_band.drift", "a value", "nothing"),
        ({"no_trade_band": {"drift": 0.1, "of": "equity"}}, "no_trade_band.of", "'capital' or 'position'", "'equity'"),
        ({"no_trade_band": {"drift": 0.1, "scop": 1}}, "no_trade_band.scop", "no such key", "1"),
        ({"order_basis": "target", "no_trade_band": {"drift": 0.1}}, "no_trade_band", "order_basis target", "0.1"),
        ({"sandbox_only": True, "mode": "live"}, "sandbox_only", "the mode is live", "True"),
        ({"market_hours": False}, "market_hours", "sandbox_only", "False"),
        ({"sandbox_only": "yes"}, "sandbox_only", "true or false", "'yes'"),
        ({"schedule": "session+385"}, "schedule", "session+<minutes> (to 384 on XNYS)", "'session+385'"),
        ({"closures": "2026-12-31"}, "closures", "a list of dates", "'2026-12-31'"),
        ({"closures": ["31.12.2026"]}, "closures", "a date as YYYY-MM-DD", "31.12.2026"),
        ({"closures": [20261231]}, "closures", "a date as YYYY-MM-DD", "20261231"),
        ({"closures": ["2026-02-30"]}, "closures", "valid date", "2026-02-30"),
        ({"closures": [date(2026, 12, 31), "2026-12-31"]}, "closures", "2026-12-31 came twice", "2026"),
        ({"limits": {"gross_exposure": -1}}, "limits.gross_exposure", "greater than or equal to 0", "-1"),
        ({"limits": {"order_shares": 1.5}}, "limits.order_shares", "a whole number", "1.5"),
        ({"limits": {"leverage": 2}}, "limits.leverage", "no such key", "2"),
        ({"capitl": 1}, "capitl", "no such key; the keys are id, ", "1"),
    ],
)
def test_an_invalid_value_is_reported_with_field_expectation_and_finding(
    tmp_path: Path, change: dict[str, Any], field: str, expected: str, found: str
) -> None:
    file = load(tmp_path, GOOD | change)

    assert file.strategies == ()
    problem = file.problems[0]
    assert (problem.file, problem.entry) == ("strategies.yaml", (GOOD | change)["id"])
    assert problem.problem.field.startswith(field)
    assert expected in problem.problem.expected
    assert found in problem.problem.found


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("capital", "capital: expected a value, found nothing"),
        ("signals", "signals: expected a value, found nothing"),
        (
            "symbols",
            "symbols: expected at least 1 symbol, because the Signal Service is asked for named ones, found ()",
        ),
    ],
)
def test_a_missing_key_is_reported(tmp_path: Path, key: str, told: str) -> None:
    entry = {name: value for name, value in GOOD.items() if name != key}

    assert problems(tmp_path, entry) == [f"strategies.yaml: strategy momentum: {told}"]


@pytest.mark.parametrize("schedule", ["session", "session+15", "30 9 * * 1-5", None])
def test_a_schedule_is_a_session_a_cron_or_none(schedule: str | None) -> None:
    assert Strategy.model_validate(GOOD | {"schedule": schedule}).schedule == schedule


def test_a_bare_off_in_yaml_switches_a_limit_off(tmp_path: Path) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(
        "strategies: [{id: a, symbols: [A], signals: {service: {top_n: 1, bottom_n: 0}}, capital: 1, "
        "limits: {gross_exposure: off, order_shares: off}}]",
        encoding="utf-8",
    )

    (strategy,) = load_strategies(path).strategies

    assert (strategy.limits.gross_exposure, strategy.limits.order_shares) == ("off", "off")


def test_an_invalid_entry_removes_only_itself(tmp_path: Path) -> None:
    file = load(tmp_path, {"id": "broken"}, GOOD, "nonsense")

    assert [strategy.id for strategy in file.strategies] == ["momentum"]
    assert {problem.entry for problem in file.problems} == {"broken", "number 3"}


def test_of_two_entries_with_one_id_the_later_is_invalid(tmp_path: Path) -> None:
    file = load(tmp_path, GOOD, GOOD | {"symbols": ["XOM", "KO"]})

    assert [strategy.symbols for strategy in file.strategies] == [("AAPL", "BRK.B")]
    assert [problem.problem.field for problem in file.problems] == ["id"]


def test_of_two_entries_with_a_common_symbol_on_one_account_the_later_is_invalid(tmp_path: Path) -> None:
    file = load(tmp_path, GOOD, GOOD | {"id": "other", "symbols": ["AAPL", "KO"]})

    assert [strategy.id for strategy in file.strategies] == ["momentum"]
    assert [str(problem.problem) for problem in file.problems] == [
        "symbols: expected none that strategy momentum trades on execution_gateway, found AAPL"
    ]


def test_strategies_on_different_accounts_may_share_symbols(tmp_path: Path) -> None:
    file = load(tmp_path, GOOD, GOOD | {"id": "other", "venue": "second_gateway"})

    assert [strategy.id for strategy in file.strategies] == ["momentum", "other"]


@pytest.mark.parametrize(
    "content",
    [
        "strategies: [",
        "strategies: {}",
        "[]",
        "",
        "strategies: []\nlimits: {}",
        "strategies: [{id: a, id: b}]",
        "strategies: [2026-13-45]",
        f"strategies: [1{':00' * 300}.0]",
    ],
)
def test_a_file_that_cannot_be_used_at_all_raises(tmp_path: Path, content: str) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(InvalidData, match=r"strategies\.yaml: expected .*found"):
        load_strategies(path)


NINES = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("strategies: " + "[" * 100_000, "nested more than 20 levels deep"),
        ("strategies: " + "{a: " * 100_000, "nested more than 20 levels deep"),
        (f"a: &a [x, x, x, x, x, x, x, x, x]\n{NINES}strategies: [*j]", "stands for more than 100000 values"),
        ("strategies: &a [*a]", "stands for something that is not complete"),
        ("strategies: [*a]", "stands for something that is not complete"),
        ("#" * 1_000_001, "at most 1000000 bytes, found more"),
        ("strategies: [" + "1:" * 100_000 + "1]", "a value of more than 1000 characters"),
        ("strategies: [" + "9" * 5000 + "]", "a value of more than 1000 characters"),
        ("strategies: [{? [a] : b}]", "unhashable key"),
        ("strategies: [" + "1, " * 100_000 + "]", "stands for more than 100000 values"),
    ],
    ids=lambda value: value[:30],
)
def test_a_file_that_stands_for_more_than_a_file_of_strategies_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(content)

    with pytest.raises(InvalidData, match=words):
        load_strategies(path)


@pytest.mark.parametrize("words", ["exceeded maximum nesting depth", "Maximum nesting level reached, set with x()"])
def test_a_file_that_is_too_deep_for_the_parser_itself_is_told_the_same(words: str) -> None:
    error = ScannerError("while increasing flow level", None, words, None)

    assert reason_of(error) == "it is nested more than 20 levels deep"


def test_any_other_words_of_the_parser_are_kept() -> None:
    error = ScannerError(None, None, "found character '%' that cannot start any token", None)

    assert reason_of(error) == "found character '%' that cannot start any token"


@pytest.mark.parametrize(
    "value",
    [
        *("!!timestamp foo", "!!bool foo", "!!int ''", "!!float ''", "!!set [a]", "!!map [a]", "!!omap {a: 1}"),
        *("!!binary 'ä'", "!!python/object:os.system x", "!own x", "!!str 5", "!!null x", "!!pairs a"),
    ],
)
def test_a_value_that_names_its_type_is_refused_in_a_sentence(tmp_path: Path, value: str) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(f"strategies:\n- {{id: one, capital: {value}}}\n")

    with pytest.raises(InvalidData, match="expected values as they are, found one with the type"):
        load_strategies(path)


def test_an_alias_may_stand_for_what_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(
        "strategies:\n"
        "- {id: one, symbols: &names [AAPL], signals: &asked {service: {top_n: 1, bottom_n: 0}}, capital: 10}\n"
        "- {id: two, symbols: *names, signals: *asked, capital: 10, venue: another}\n"
    )

    assert [strategy.symbols for strategy in load_strategies(path).strategies] == [("AAPL",), ("AAPL",)]


def test_of_an_entry_with_very_many_problems_the_first_are_told(tmp_path: Path) -> None:
    assert len(problems(tmp_path, {f"key{number}": 1 for number in range(1000)})) == 30


def test_a_file_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    before = load(tmp_path, GOOD)

    after = load(tmp_path, {**GOOD, "capital": 60000.5})

    assert [file.strategies[0].capital for file in (before, after)] == [Decimal("50000.5"), Decimal("60000.5")]


def test_a_file_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"missing\.yaml: expected a readable text file"):
        load_strategies(tmp_path / "missing.yaml")


def test_the_shipped_file_plans_the_five_symbols_of_the_adr() -> None:
    file = load_strategies(CONFIG / "strategies.yaml")

    assert file.problems == ()
    (strategy,) = file.strategies
    assert strategy.symbols == ("AAPL", "MSFT", "GOOGL", "AMZN", "TSLA")
    assert (strategy.mode, strategy.dag_id, strategy.schedule) == ("plan", "daily_trading", "session")
    assert strategy.max_position_usd >= 33_300


def test_the_shipped_file_states_the_defaults() -> None:
    (shipped,) = load_strategies(CONFIG / "strategies.yaml").strategies
    required = {name for name, field in Strategy.model_fields.items() if field.is_required()}
    held_back = {path[0] for path in LATER if len(path) == 1}

    stated = {*required, "title", "symbols", "max_position_size"}
    assert shipped == Strategy.model_validate(shipped.model_dump(include=stated))
    assert shipped.model_fields_set == set(Strategy.model_fields) - held_back


def test_the_demo_file_trades_the_sandbox_only_and_at_any_hour() -> None:
    file = load_strategies(CONFIG / "demo_strategies.yaml")

    assert file.problems == ()
    trading, backfills = file.strategies
    assert (trading.mode, trading.sandbox_only, trading.market_hours) == ("paper", True, False)
    assert (trading.dag_id, trading.schedule) == ("daily_trading", None)
    assert (backfills.mode, backfills.dag_id, backfills.schedule) == ("plan", "daily_trading__what_if", "session")


def test_the_modules_load_nothing_heavy() -> None:
    code = (
        "import sys, include.trading.strategy.file, include.trading.strategy.narrowing;"
        "print({'yaml', 'airflow', 'pandas', 'httpx', 'exchange_calendars'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_blanks_around_a_connections_id_make_no_other_connection() -> None:
    strategy = Strategy.model_validate(GOOD | {"venue": " gateway_b "})

    assert strategy.venue == "gateway_b"


def test_closures_are_dates_in_order_however_they_are_written(tmp_path: Path) -> None:
    (read,) = load(tmp_path, GOOD | {"closures": [date(2026, 12, 31), "2026-11-25"]}).strategies

    assert read.closures == (date(2026, 11, 25), date(2026, 12, 31))
    assert Strategy.model_validate(read.model_dump(mode="json")) == read


@pytest.mark.parametrize("number", ["1e999999", "1e-999999", "-1e999999", 10**400, 1e300])
@pytest.mark.parametrize(
    "name", ["max_gross_weight", "no_trade_band", "capital", "max_position_size", "gross_exposure", "price_distance"]
)
def test_a_number_that_nothing_can_calculate_with_is_refused_in_one_sentence(
    tmp_path: Path, name: str, number: Any
) -> None:
    changed = {"limits": {name: number}} if name in Limits.model_fields else {name: number}

    (problem,) = problems(tmp_path, {**GOOD, **changed})

    assert problem.startswith("strategies.yaml: strategy momentum: ")
    assert name in problem
    assert len(problem) < 400


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("capital: {equity: 0.95}", "capital: expected {equity: {share: 0.95}}, found {'equity': 0.95}"),
        ("capital: {own: 100}", "capital: expected {own: {start: 100}}, found {'own': 100}"),
        ("capital: true", "capital: expected a number, found True"),
        ("capital: 1e999", "capital: expected a number of at most 15 digits, found '1e999'"),
        ("capital: 0.001", "capital: expected a number with at most 2 decimals, found 0.001"),
        ("sizing: {kelly: 3}", "sizing: expected {kelly: {horizon: 3}}, found {'kelly': 3}"),
        ("sizing: {kelly: {horizon: 1.5}}", "sizing.kelly.horizon: expected a whole number, found 1.5"),
        (
            "sizing: {risk_parity: {budgets: {ON: 1}}}",
            "sizing.risk_parity.budgets: expected keys that are text: put on, off, yes, no and numbers in quotes, "
            "found True",
        ),
        ("volatility_target: 0.12", "volatility_target: expected {yearly: 0.12}, found 0.12"),
        ("tags: equity", "tags: expected a list, like [a, b], found 'equity'"),
        ("shadow: x", "shadow: expected a list, like [a, b], found 'x'"),
        ("orders: 3", "orders: expected its keys, like {key: value}, found 3"),
        (
            "no_trade_band: {drift: 0.1, off: 1}",
            "no_trade_band: expected keys that are text: put on, off, yes, no and numbers in quotes, found False",
        ),
        ('owner: ""', "owner: expected text of 1 or more characters, found ''"),
        ("owner: 3", "owner: expected text; put in quotes what YAML reads as something else, found 3"),
        ("sandbox_only: 1", "sandbox_only: expected true or false, found 1"),
    ],
)
def test_what_is_expected_is_said_in_the_words_of_the_file(tmp_path: Path, line: str, said: str) -> None:
    entry = yaml.safe_load(line)

    assert problems(tmp_path, GOOD | entry) == [f"strategies.yaml: strategy momentum: {said}"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "strategies: {a: 1}",
            "expected a list under `strategies`, whose entries begin with `- id: …`, found {'a': 1}",
        ),
        ("strategies:", "expected a list under `strategies`, whose entries begin with `- id: …`, found nothing"),
        ("", "expected one key `strategies` with a list, found nothing"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_shape_that_is_expected(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidData) as refused:
        load_strategies(path)

    assert str(refused.value) == f"strategies file {path}: {said}"


@pytest.mark.parametrize("number", ["010000", "007", "0x10", "0b11", "1:30"])
def test_a_whole_number_that_yaml_reads_as_another_one_is_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "strategies.yaml"
    path.write_text(f"strategies:\n  - id: a\n    capital: {number}\n", encoding="utf-8")

    with pytest.raises(InvalidData, match=rf"without a 0 before it .*, not {number}\n.* line 3"):
        load_strategies(path)
