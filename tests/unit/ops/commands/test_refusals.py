"""What commands refuse before they open anything."""

from __future__ import annotations

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
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else "",
)
def test_a_command_that_contradicts_itself_is_refused_without_a_ledger(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv, {}) == NOT_DONE
    assert capsys.readouterr().err == f"{words}\n"
