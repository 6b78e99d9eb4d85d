"""Nothing above the adapters depends on who is behind a port: which service, which venue, which contract version."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from include.adapters.prices import registry as prices
from include.adapters.signals import registry as signals
from include.adapters.venues.registry import VENUES

ROOT = Path(__file__).parents[2]
# The adapters are where it belongs; the sandbox is those services itself, and the launcher starts and connects them.
OUTSIDE = ("include/adapters/", "include/sandbox/", "include/launcher/")
# The words that say who is behind a port, and the classes and names that stand for one.
KINDS = {*VENUES, *signals.SOURCES, *prices.SOURCES, "v1", "v2"}
CLASSES = {"ServiceSignals", "FileSignals", "SqlSignals", "PythonSignals", "EventSignals", "AlpacaPrices"}
NAMES = {"contract"}
# What may be imported from the adapters: how to find one, and what is no port.
OPEN_MODULES = ("include.adapters.connection", "include.adapters.outside", "include.adapters.notify")
EXCEPTIONS = {
    "include/trading/order/identity.py": "a stored plan's column says what its ids were frozen as",
    "include/trading/models.py": "the type of a gateway's contract version, which adapters share",
    "include/ops/entry_answers.py": "it asks for what an entry of each source is written with",
    "include/execution/whatif/files.py": "`ops plan` reads a file with an answer of the Signal Service",
    "plugins/trading_airflow/warmup.py": "it names the modules that most tasks need, so that they are loaded once",
}


@cache
def sources() -> dict[str, ast.Module]:
    files = [file for folder in ("include", "plugins", "dags") for file in sorted((ROOT / folder).rglob("*.py"))]
    paths = {file.relative_to(ROOT).as_posix(): file for file in files}
    return {path: ast.parse(file.read_text()) for path, file in paths.items() if not path.startswith(OUTSIDE)}


def branches(tree: ast.AST) -> Iterator[str]:
    """Yield what decides by who is behind a port: comparisons, patterns, tables by word, classes asked for."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                looked_at = [node.left, *node.comparators]
            case ast.MatchValue():
                looked_at = [node.value]
            case ast.Dict():
                # One such key among others is a field's name.
                told = [key for key in node.keys if key is not None and tells_who(key)]
                looked_at = told if len(told) > 1 or len(told) == len(node.keys) else []
            case ast.Subscript(value=ast.Name(id=table)) if table[:1].isupper():
                # Of a row or an answer it is a field's name.
                looked_at = [node.slice]
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith" | "removeprefix" | "get")):
                looked_at = node.args
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass")):
                looked_at = node.args[1:]
            case ast.If() | ast.IfExp() | ast.While():
                looked_at = [node.test] if isinstance(node.test, ast.Name | ast.Attribute) else []
            case _:
                continue
        if any(tells_who(part) for each in looked_at for part in ast.walk(each)):
            yield ast.unparse(node)


def tells_who(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str(word)):
            return word in KINDS
        case ast.Name(id=name):
            return name in NAMES | CLASSES
        case ast.Attribute(attr="kind", value=ast.Name(id="traits") | ast.Attribute(attr="traits")):
            return True
        case ast.Attribute(attr=name):
            return name in NAMES | CLASSES
    return False


def adapters_named(tree: ast.AST) -> Iterator[str]:
    """Yield the adapters' modules that are imported, or named as one to import."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case ast.Constant(value=str(text)):
                names = [text]
            case _:
                continue
        for name in names:
            if name.startswith("include.adapters.") and not name.startswith(OPEN_MODULES):
                yield name


def test_no_branch_above_the_adapters_asks_who_is_behind_a_port() -> None:
    found = {path: list(branches(tree)) for path, tree in sources().items() if path not in EXCEPTIONS}

    assert {path: each for path, each in found.items() if each} == {}


def test_nothing_above_the_adapters_imports_one_past_its_registry() -> None:
    found = {
        path: [name for name in adapters_named(tree) if ".registry" not in name]
        for path, tree in sources().items()
        if path not in EXCEPTIONS
    }

    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize("path", EXCEPTIONS)
def test_an_exception_is_listed_only_while_it_is_one(path: str) -> None:
    tree = sources()[path]

    assert [*branches(tree), *adapters_named(tree)] != []


@pytest.mark.parametrize(
    "code",
    [
        'if venue.kind == "alpaca": pass',
        'x = plan.contract != "v1"',
        "if contract in known: pass",
        'x = {"v1": 1, "v2": 2}[word]',
        'x = TRAITS["v2"]',
        'match word:\n    case "gateway": pass',
        "x = isinstance(strategy.signals, ServiceSignals)",
        "x = name in traits.kind",
        'x = source.startswith("alpaca")',
        "if desk.contract: pass",
    ],
)
def test_a_branch_on_who_it_is_is_found(code: str) -> None:
    assert list(branches(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "x = venue.traits.can_cancel",
        'note("contract", traits.kind)',
        "x = record(contract=traits.kind)",
        "x = VENUES[word]",
    ],
)
def test_asking_for_a_trait_or_showing_a_name_is_none(code: str) -> None:
    assert list(branches(ast.parse(code))) == []


@pytest.mark.parametrize(
    "code",
    [
        "from include.adapters.venues.gateway.client import GatewayClient",
        "import include.adapters.prices.alpaca",
        "from include.adapters.signals import service",
        'import_module("include.adapters.venues.alpaca.kind")',
    ],
)
def test_an_import_of_an_adapter_is_found(code: str) -> None:
    assert [name for name in adapters_named(ast.parse(code)) if ".registry" not in name]
