"""Reads the strategies file. An invalid entry removes only itself, and is reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from include.trading.errors import InvalidData
from include.trading.models import Value
from include.trading.strategy import later, old_keys
from include.trading.strategy.spec import Strategy
from include.trading.strategy.yaml_size import check_size, reason_of
from include.trading.validation import FieldProblem, field_problems, shown

_DECIMAL: Final = re.compile("[-+]?(0|[1-9][0-9_]*)")
MAX_BYTES = 1_000_000
# Of one entry: after repairing so many, one sees the next.
MOST_PROBLEMS = 30


class StrategyProblem(Value):
    """Why one entry is not used. entry: its id, or its place in the list where it has none."""

    file: str
    entry: str
    problem: FieldProblem

    def __str__(self) -> str:
        return f"{self.file}: strategy {self.entry}: {self.problem}"


class StrategyFile(Value):
    """What the file holds: the strategies to use, and what is wrong with the others."""

    strategies: tuple[Strategy, ...]
    problems: tuple[StrategyProblem, ...]


def load_strategies(path: Path) -> StrategyFile:
    """Read and validate the file.

    Of two entries with one id, or with a common symbol at one venue, the later is invalid.
    Raises InvalidData when the file as a whole cannot be used: missing, not YAML, not a list under `strategies`, or
    more than any such file is.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"strategies file {path}: expected a readable text file, found: {error}") from error
    if len(content) > MAX_BYTES:
        raise InvalidData(f"strategies file {path}: expected at most {MAX_BYTES} bytes, found more")
    return parsed(path, text)


# Kept by its whole content: what the process that tasks fork from has parsed, no task parses again.
@lru_cache(maxsize=1)
def parsed(path: Path, text: str) -> StrategyFile:
    """Return what a file of this text holds; path: for the messages."""
    strategies: list[Strategy] = []
    problems: list[StrategyProblem] = []
    content = _content(path, text)
    members = later.members(content)
    for place, entry in enumerate(content["strategies"], start=1):
        name = _name(entry, place)
        strategy, found = _read(entry, is_member=name in members)
        if strategy is not None and not found:
            found = _conflicts(strategy, strategies)
            if not found:
                strategies.append(strategy)
        problems += [StrategyProblem(file=path.name, entry=name, problem=problem) for problem in found[:MOST_PROBLEMS]]
    if later.BOOKS in content:
        problem = FieldProblem(
            field=later.BOOKS, expected=later.not_yet(later.BOOKS_ARE), found=shown(content[later.BOOKS])
        )
        problems.append(StrategyProblem(file=path.name, entry=later.BOOKS, problem=problem))
    return StrategyFile(strategies=tuple(strategies), problems=tuple(problems))


def _read(entry: Any, *, is_member: bool) -> tuple[Strategy | None, list[FieldProblem]]:
    """Return the entry's strategy, if it is one at all, and what else is wrong with it.

    is_member: of a book, which has the capital.
    """
    found: list[FieldProblem] = []
    told: list[tuple[str, ...]] = []
    if isinstance(entry, dict):
        found += old_keys.problems_of(entry)
        entry = old_keys.moved(entry)
        for path, problem in later.problems_of(entry):
            found.append(problem)
            told.append(path)
        if is_member and "capital" not in entry:
            told.append(("capital",))
    try:
        return Strategy.model_validate(entry), found
    except ValidationError as error:
        return None, [*found, *field_problems(error, tuple(Strategy.model_fields), told=told)]


def _content(path: Path, text: str) -> dict[str, Any]:
    # Here, because this module is imported each time Airflow parses the DAG file.
    import yaml

    # The same in C where the wheel has it: a third of the time.
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Safe YAML in which a key given twice is an error instead of silently the last one."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            # A key that cannot be hashed is refused by what is called below.
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key, times in Counter(key for key in keys if isinstance(key, Hashable)).items():
                if times > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} comes twice", node.start_mark)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    def whole_number(loader: Any, node: yaml.ScalarNode) -> int:
        # YAML reads 010000 as 4096, 1:30 as 90 and 0x10 as 16.
        if not _DECIMAL.fullmatch(node.value):
            wanted = "expected a whole number in digits, without a 0 before it (text of digits in quotes)"
            raise yaml.constructor.ConstructorError(None, None, f"{wanted}, not {node.value}", node.start_mark)
        number: int = loader.construct_yaml_int(node)
        return number

    Loader.add_constructor("tag:yaml.org,2002:int", whole_number)
    try:
        check_size(yaml.parse(text, Loader))
        content = yaml.load(text, Loader)
    # ValueError: a date that does not exist. OverflowError: a number of hundreds of sixtieths, 1:00:00…
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidData(f"strategies file {path}: expected YAML, found: {reason_of(error)}") from error
    if not isinstance(content, dict) or set(content) - {later.BOOKS} != {"strategies"}:
        keys = f"the keys {sorted(map(str, content))}" if isinstance(content, dict) else _kind(content)
        raise InvalidData(f"strategies file {path}: expected one key `strategies` with a list, found {keys}")
    if not isinstance(entries := content["strategies"], list):
        raise InvalidData(
            f"strategies file {path}: expected a list under `strategies`, whose entries begin with `- id: …`, found "
            f"{_kind(entries)}"
        )
    return dict(content)


def _kind(content: Any) -> str:
    return "nothing" if content is None else shown(content)


def _name(entry: Any, place: int) -> str:
    named = isinstance(entry, dict) and isinstance(entry.get("id"), str)
    return entry["id"] if named else f"number {place}"


def _conflicts(strategy: Strategy, earlier: list[Strategy]) -> list[FieldProblem]:
    problems = []
    for other in earlier:
        if other.id == strategy.id:
            problems.append(FieldProblem(field="id", expected="an id of its own", found=repr(strategy.id)))
        if other.venue == strategy.venue and not (strategy.symbols and other.symbols):
            problems.append(_not_alone(strategy, other))
        shared = sorted(set(strategy.symbols) & set(other.symbols))
        if shared and other.venue == strategy.venue:
            problems.append(
                FieldProblem(
                    field="symbols",
                    expected=f"none that strategy {other.id} trades on {other.venue}",
                    found=", ".join(shared),
                )
            )
    if (problem := _too_much_equity(strategy, earlier)) is not None:
        problems.append(problem)
    return problems


def _not_alone(strategy: Strategy, other: Strategy) -> FieldProblem:
    """Return what is wrong where one of two strategies of an account trades whatever its signals name."""
    if strategy.symbols:
        return FieldProblem(
            field="venue",
            expected=f"another than {other.venue}: strategy {other.id} trades whatever its signals name there",
            found=repr(strategy.venue),
        )
    return FieldProblem(
        field="symbols",
        expected=f"a list, because {other.id} trades on {other.venue} too: without one the account must be its alone",
        found="nothing",
    )


def _too_much_equity(strategy: Strategy, earlier: list[Strategy]) -> FieldProblem | None:
    """Return what is wrong where the shares of one account's equity add up to more than all of it."""
    if strategy.equity is None:
        return None
    shares = {other.id: other.equity.share for other in earlier if other.venue == strategy.venue and other.equity}
    left = 1 - sum(shares.values(), Decimal(0))
    if strategy.equity.share <= left:
        return None
    return FieldProblem(
        field="capital.equity.share",
        expected=f"at most {left:f}, because {', '.join(shares)} use the rest of the equity of {strategy.venue}",
        found=f"{strategy.equity.share:f}",
    )
