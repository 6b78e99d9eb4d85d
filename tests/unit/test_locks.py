"""The lock files against the files they are made from, without a network; `make lock` makes them again."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from include.launcher.commands import LOCKS
from include.launcher.paths import ROOT
from include.launcher.venv import FILES_ONLY

MEND = "run `make lock`"


@dataclass(frozen=True)
class Pin:
    version: Version
    direct: bool


def wanted(lock: str) -> dict[str, Requirement]:
    """Return the packages that an .in file names."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / f"{lock}.in").read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pinned(lock: str) -> dict[str, Pin]:
    """Return what a lock holds, and whether it says that its .in file asked for it by name."""
    entries = re.split(r"^(?=[a-zA-Z0-9])", (ROOT / f"{lock}.txt").read_text(), flags=re.MULTILINE)
    found = {}
    for entry in entries:
        if match := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.+!]+)", entry):
            found[canonicalize_name(match[1])] = Pin(Version(match[2]), f"-r {lock}.in" in entry)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_what_its_source_asks_for(lock: str) -> None:
    requirements, pins = wanted(lock), pinned(lock)

    missing = [name for name in requirements if name not in pins or not pins[name].direct]
    assert missing == [], MEND
    wrong = [name for name, asked in requirements.items() if not asked.specifier.contains(pins[name].version)]
    assert wrong == [], MEND


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_nothing_for_a_source_that_does_not_ask_any_more(lock: str) -> None:
    assert [name for name, pin in pinned(lock).items() if pin.direct and name not in wanted(lock)] == [], MEND


def test_a_package_of_files_only_is_pinned_and_in_no_lock() -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / FILES_ONLY).read_text().splitlines()]
    files_only = [Requirement(line) for line in lines if line]

    assert [str(asked) for asked in files_only if not str(asked.specifier).startswith("==")] == []
    locked = set().union(*(pinned(lock) for lock in LOCKS))
    assert [asked.name for asked in files_only if canonicalize_name(asked.name) in locked] == []


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_two_locks_never_disagree(lock: str) -> None:
    first = pinned(LOCKS[0])

    assert [name for name, pin in pinned(lock).items() if name in first and first[name].version != pin.version] == [], (
        MEND
    )
