"""The Makefile and the entry script offer the same commands, and `make help` lists them all."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from include.launcher.commands import ALPACA_KEYS, COMMANDS, TESTS, main
from include.launcher.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str) -> str:
    """What make prints for a user: started by `make test`, the tests have inherited that make's flags."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def targets() -> list[str]:
    return re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE)


def test_make_help_lists_every_target() -> None:
    shown = make("help")

    assert [line.split()[1] for line in shown.splitlines()] == targets()


def test_make_alone_shows_the_help() -> None:
    alone = make()

    assert "make demo" in alone


def test_every_command_has_a_target_of_its_name() -> None:
    assert set(COMMANDS) <= set(targets())


def test_once_becomes_the_option_and_zero_means_no() -> None:
    for given, option in (("ONCE=1", True), ("ONCE=0", False), ("ONCE=", False)):
        dry = make("-n", "demo", given)

        assert ("--once" in dry) is option, given


def test_make_test_runs_every_folder_that_has_tests() -> None:
    folders = {f"tests/{file.relative_to(ROOT / 'tests').parts[0]}" for file in (ROOT / "tests").rglob("test_*.py")}

    assert folders <= {word for words in TESTS for word in words}


@pytest.mark.parametrize("given", [{}, {"APCA_API_KEY_ID": "PK", "APCA_API_SECRET_KEY": ""}])
def test_the_contract_on_a_paper_account_says_which_keys_are_missing(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ALPACA_KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert main(["contract-test", "--alpaca", "paper"]) == 1

    said = capsys.readouterr().err
    assert "keys of an Alpaca paper account" in said
    assert ("APCA_API_KEY_ID and APCA_API_SECRET_KEY are not set" in said) is (not given)
    assert "Nothing was sent" in said


def test_alpaca_becomes_the_option_of_the_contract_test() -> None:
    assert "contract-test --alpaca paper" in make("-n", "contract-test", "ALPACA=paper")
    assert "--alpaca" not in make("-n", "contract-test")
