"""What the file will be able to say and cannot yet is refused in one clear sentence, and what it can say is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from include.trading.plan.planning import make_plan
from include.trading.strategy.file import load_strategies
from include.trading.strategy.later import LATER
from include.trading.strategy.signals_dated import Standing
from include.trading.strategy.signals_spec import FileSignals
from include.trading.strategy.spec import Strategy
from tests.support.planning import inputs, prices, signals, traded

ROOT = Path(__file__).parents[4]
EXAMPLES = Path(__file__).parent / "examples"
GOOD: dict[str, Any] = {
    "id": "momentum",
    "symbols": ["AAPL", "KO"],
    "signals": {"service": {"top_n": 1, "bottom_n": 1}},
    "capital": 1000,
}


def told(path: Path) -> list[str]:
    file = load_strategies(path)
    assert file.strategies == ()
    return [f"{problem.entry}: {problem.problem}" for problem in file.problems]


def written(tmp_path: Path, entry: Any, **others: Any) -> Path:
    path = tmp_path / "strategies.yaml"
    path.write_text(yaml.safe_dump({"strategies": [entry], **others}), encoding="utf-8")
    return path


def test_the_example_of_the_adr_is_read_and_planned_as_the_adr_does() -> None:
    file = load_strategies(ROOT / "docs" / "examples" / "strategies" / "adr.yaml")
    assert file.problems == ()
    (strategy,) = file.strategies

    plan = make_plan(
        inputs(
            strategy=strategy,
            signals=signals(AAPL="0.5", MSFT="0.5", GOOGL="0", AMZN="-0.5", TSLA="-0.5"),
            prices=prices(AAPL=150, MSFT=400, GOOGL=140, AMZN=180, TSLA=250),
        )
    )

    assert (strategy.capital_usd, strategy.max_position_usd) == (100_000, 50_000)
    assert traded(plan) == [
        ("AAPL", 1, "buy", 333),
        ("TSLA", 1, "sell", 200),
        ("AMZN", 1, "sell", 277),
        ("MSFT", 1, "buy", 125),
    ]


def test_the_simplest_example_is_read() -> None:
    file = load_strategies(EXAMPLES / "simplest.yaml")

    assert file.problems == ()
    (strategy,) = file.strategies
    assert strategy.signals == FileSignals(path="/data/weights.csv", dated=Standing())
    assert strategy.symbols == ()


def test_the_richest_example_is_refused_for_what_later_versions_bring_and_nothing_else() -> None:
    sentences = [sentence.partition(", found ")[0] for sentence in told(EXAMPLES / "richest.yaml")]

    assert sentences == [
        f"{id}: {path}: expected nothing, because it is not yet supported ({what}): take it out"
        for id, path, what in (
            ("momentum", "prices.alpaca.cache", "a cache of prices"),
            ("momentum", "orders.style.auction", "auction orders"),
            ("momentum", "orders.overrides", "styles by order"),
            ("momentum", "orders.reductions_first.auto", "asking the venue whether sales must come first"),
            ("momentum", "approval", "approval by people"),
            ("books", "books", "a book of several strategies"),
        )
    ]


def entry_with(path: tuple[str, ...]) -> dict[str, Any]:
    """Return a good entry with something at the path."""
    entry: dict[str, Any] = dict(GOOD)
    inner = entry
    for part in path[:-1]:
        inner[part] = {**inner[part]} if isinstance(inner.get(part), dict) and part != "signals" else {}
        inner = inner[part]
    inner[path[-1]] = {"anything": 1}
    return entry


@pytest.mark.parametrize("path", LATER, ids=".".join)
def test_each_key_of_a_later_version_is_told_once_and_with_no_other_word(tmp_path: Path, path: tuple[str, ...]) -> None:
    (problem,) = load_strategies(written(tmp_path, entry_with(path))).problems

    assert problem.problem.field == ".".join(path)
    assert problem.problem.expected == f"nothing, because it is not yet supported ({LATER[path]}): take it out"


@pytest.mark.parametrize(
    "entry",
    [
        {"orders": {"style": "auction"}},
        {"orders": {"reductions_first": "auto"}},
    ],
)
def test_a_word_of_a_later_version_is_told_like_a_key(tmp_path: Path, entry: dict[str, Any]) -> None:
    (problem,) = load_strategies(written(tmp_path, GOOD | entry)).problems

    assert "is not yet supported" in problem.problem.expected


def test_what_is_wrong_beside_a_key_of_a_later_version_is_told_as_well(tmp_path: Path) -> None:
    assert [
        problem.split(":")[1].strip() for problem in told(written(tmp_path, GOOD | {"approval": 1, "mode": 2}))
    ] == [
        "approval",
        "mode",
    ]


def test_a_book_is_told_and_takes_no_other_strategy_away(tmp_path: Path) -> None:
    file = load_strategies(written(tmp_path, GOOD, books=[{"id": "us", "members": {"momentum": 1}}]))

    assert [strategy.id for strategy in file.strategies] == ["momentum"]
    assert [(problem.entry, problem.problem.field) for problem in file.problems] == [("books", "books")]


@pytest.mark.parametrize("books", [None, 3, [3], [{"members": 3}], [{"members": [1]}], {"a": 1}])
def test_books_of_any_form_are_told(tmp_path: Path, books: Any) -> None:
    assert [problem.entry for problem in load_strategies(written(tmp_path, GOOD, books=books)).problems] == ["books"]


@pytest.mark.parametrize(
    ("entry", "field", "expected"),
    [
        ({"capital": {"equity": {}}}, "share", "required"),
        ({"capital": {"equity": {"share": 1.1}}}, "share", "less than or equal to 1"),
        (
            {"capital": {"equity": {"share": 1, "at_least": 5, "at_most": 4}}},
            "at_most",
            "at least 5, which is at_least",
        ),
        ({"replay_capital": 5}, "replay_capital", "nothing, because capital is a number"),
        ({"when_short_of_money": "shrink"}, "when_short_of_money", "'scale' or 'deny'"),
        ({"orders": {"at_send_until": "keep"}}, "at_send_until", "'cancel' or 'leave'"),
    ],
)
def test_what_waits_to_be_supported_is_checked_already(entry: dict[str, Any], field: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as refused:
        Strategy.model_validate(GOOD | entry)
    assert field in str(refused.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"capital": {"equity": {"share": 0.5, "at_least": 20000, "at_most": 500000}}, "replay_capital": 100000},
        {"capital": {"equity": {"share": 0.5}}},
        {"when_short_of_money": "deny", "orders": {"at_send_until": "leave"}},
    ],
)
def test_what_waits_to_be_supported_is_read_and_kept(entry: dict[str, Any]) -> None:
    strategy = Strategy.model_validate(GOOD | entry)

    assert Strategy.model_validate(strategy.model_dump(mode="json")) == strategy


def shares(tmp_path: Path, *entries: tuple[str, str, Any]) -> list[tuple[str, str, str]]:
    """Return what is wrong with strategies of these ids, venues and shares, each with a symbol of its own."""
    path = tmp_path / "strategies.yaml"
    written = [
        GOOD
        | {"id": id, "venue": venue, "symbols": [f"A{place}", f"B{place}"]}
        | {"capital": {"equity": {"share": share}} if share else 1000}
        for place, (id, venue, share) in enumerate(entries)
    ]
    path.write_text(yaml.safe_dump({"strategies": written}), encoding="utf-8")
    found = load_strategies(path).problems
    return [(each.entry, each.problem.field, each.problem.expected) for each in found]


def test_shares_of_one_venues_equity_add_up_to_at_most_all_of_it(tmp_path: Path) -> None:
    assert shares(tmp_path, ("a", "v", 0.6), ("b", "v", 0.4), ("c", "w", 1.0), ("d", "v", None)) == []
    assert shares(tmp_path, ("a", "v", 0.6), ("b", "v", 0.41), ("c", "v", 0.4)) == [
        ("b", "capital.equity.share", "at most 0.4, because a use the rest of the equity of v")
    ]


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        ("session-90", "schedule"),
        ({"assets": ["scores"], "at": "session-90"}, "schedule.at"),
        ({"assets": ["scores"], "deadline": "session-60"}, "schedule.deadline"),
    ],
)
def test_a_time_before_the_session_is_of_a_later_version(tmp_path: Path, schedule: Any, where: str) -> None:
    (said,) = told(written(tmp_path, GOOD | {"schedule": schedule}))

    assert said.startswith(f"momentum: {where}.session-N: expected nothing, because it is not yet supported ")
