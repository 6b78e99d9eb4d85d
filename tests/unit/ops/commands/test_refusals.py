"""What commands refuse before they open anything."""

from __future__ import annotations

import re

import pytest

from include.ops.main import main
from include.ops.printing import NOT_DONE

BACKWARDS = ["--from", "2026-07-02", "--to", "2026-07-01"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["audit", *BACKWARDS], "--from 2026-07-02: expected a day no later than --to 2026-07-01"),
        (["report", *BACKWARDS], "--from 2026-07-02: expected a day no later than --to 2026-07-01"),
        (
            ["settle", "--outcome", "filled", "--reason", "seen"],
            "settle: expected either client order ids or --all",
        ),
        (
            ["settle", "--outcome", "filled", "--reason", "seen", "--all", "one-id"],
            "settle: expected either client order ids or --all",
        ),
        (
            ["alerts", "--close", "1"],
            "alerts: expected --reason with --acknowledge and --close, got none: it is kept",
        ),
        (["restored", "--reason", ""], "expected a reason, got nothing: both are kept with what was done"),
        (
            ["restored", "--over", "--reason", "x", "--by", ""],
            "expected your name, got nothing: both are kept with what was done",
        ),
        (["books", "--by", " "], "--by: expected your name, got nothing: it is kept with each day"),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else "",
)
def test_a_command_that_contradicts_itself_is_refused_without_a_ledger(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv, {}) == NOT_DONE
    assert capsys.readouterr().err == f"{words}\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["orders", "--limit", "-1"],
        ["corrections", "--limit", "-5"],
        ["alerts", "--close", "99999999999999999999", "--reason", "seen"],
        ["capital", "--in", "NaN", "--reason", "seen"],
        ["report", "--replays", "--spread-bp", "NaN"],
        ["report", "--replays", "--fee-bp", "-1"],
        ["migrate", "--grant", ""],
        ["migrate", "--grant", "x\udcff"],
        ["new-strategy", "--id", "x\udcff"],
    ],
    ids=" ".join,
)
def test_an_argument_that_cannot_be_is_refused_in_a_sentence(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(argv, {})
    assert re.search("argument --[a-z-]+: expected ", capsys.readouterr().err)
