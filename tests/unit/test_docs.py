"""The documents: every link, path, command and example in them is real."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from include.execution.settings import PREFIX, Settings
from include.launcher.commands import COMMANDS
from include.launcher.paths import ROOT
from include.ops.main import build_parser

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "include").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FOLDERS = ("dags", "docker", "docs", "include", "plugins", "tests")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    dead = []
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        target = found[1] or found[2]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_in_code_letters_exists(page: Path) -> None:
    paths = [word for code in CODE.findall(page.read_text()) for word in code.split() if is_path(word)]

    assert [path for path in paths if not exists(path)] == []


def is_path(word: str) -> bool:
    return word.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and not re.search(r"[<>*{}…]", word)


def exists(path: str) -> bool:
    """Say whether a path, or in a module `path.py::name`, is there."""
    file, _, name = path.strip("\"'.,;:").partition("::")
    target = ROOT / file
    return target.exists() and (not name or name.split("(")[0] in target.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_ours_exists(page: Path) -> None:
    text = page.read_text()
    makefile = (ROOT / "Makefile").read_text()
    ops = next(action.choices for action in build_parser()._actions if isinstance(action.choices, dict))

    made = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.MULTILINE))
    run = set(re.findall(r"include/run\.py ([a-z-]+)", text))
    operated = set(re.findall(r"python -m include\.ops ([a-z-]+)", text))
    assert [target for target in made if f"\n{target}:" not in makefile] == []
    assert run - COMMANDS.keys() == set()
    assert operated - ops.keys() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_command_and_module_that_is_named_exists(page: Path) -> None:
    text, code = page.read_text(), code_of_the_project()
    ops = next(action.choices for action in build_parser()._actions if isinstance(action.choices, dict))
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}

    named = set(re.findall(r"\bTRADING_[A-Z_]*[A-Z]\b", text))
    assert [name for name in sorted(named - settings) if name not in code] == []
    assert set(re.findall(r"`ops ([a-z-]+)", text)) - ops.keys() == set()
    assert [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in code] == []
    assert [name for name in re.findall(r"`(?:\w+/)*(\w+\.py)\b", text) if name not in files_of_the_project()] == []


@cache
def files_of_the_project() -> frozenset[str]:
    return frozenset(path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


@cache
def code_of_the_project() -> str:
    files = [*(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")), *ROOT.glob("docker-compose*.yml")]
    kinds = {".py", ".yml", ".example", ".sh", ""}
    return "\n".join(
        path.read_text() for path in files if path.suffix in kinds and path.is_file() and path.name[0] != "."
    )
