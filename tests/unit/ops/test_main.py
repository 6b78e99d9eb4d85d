"""The help of the commands for the person on duty."""

from __future__ import annotations

import re

import pytest

from include.ops.main import build_parser, main

GROUPS = {
    "look": ["check", "plan", "orders", "alerts", "corrections", "what-if", "report"],
    "act": ["halt", "resume", "settle", "correct", "adopt", "capital", "books", "watch"],
    "set up": ["migrate", "new-strategy", "rebind", "restored", "prune"],
    "prove": ["audit", "replan"],
}
COMMANDS = [name for names in GROUPS.values() for name in names]


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["nothing", "--help"])
def test_the_help_shows_every_command_once_in_one_of_four_groups(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments:
        with pytest.raises(SystemExit, match="0"):
            main(arguments, {})
    else:
        assert main(arguments, {}) == 0

    shown = capsys.readouterr().out
    found: dict[str, list[str]] = {}
    for group in re.findall(r"^(look|act|set up|prove):\n((?:  \S.*\n)+)", shown, re.M):
        found[group[0]] = re.findall(r"^  (\S+)  ", group[1], re.M)
    assert found == GROUPS
    assert list(found) == list(GROUPS)
    assert all(len(re.findall(rf"^ +{name}  ", shown, re.M)) == 1 for name in COMMANDS)


def test_no_command_is_missing_from_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(["no such command"])
    accepted = capsys.readouterr().err.partition("choose from ")[2]

    assert re.findall(r"[a-z-]+", accepted) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_begins_with_what_it_is_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    build_parser().print_help()
    (purpose,) = re.findall(rf"^  {name} +(.+)$", capsys.readouterr().out, re.M)
    with pytest.raises(SystemExit):
        build_parser().parse_args([name, "--help"])
    words = " ".join(capsys.readouterr().out.split())

    assert f"{purpose[0].upper()}{purpose[1:]}." in words
