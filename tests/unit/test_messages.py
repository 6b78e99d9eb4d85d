"""What keeps 1E+2 out of messages: the type checker refuses a Decimal that an f-string would write by itself."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

PROJECT = Path(__file__).parents[2]
LINES = """
from decimal import Decimal
from fractions import Fraction

class Price(Decimal):
    pass

def say(quantity: Decimal, price: Decimal | None, own: Price, count: int, ratio: Fraction, text: str) -> None:
    f"{quantity} shares"
    f"at {price}"
    f"{text} {-quantity}"
    f"{max(quantity, Decimal(1))!s}"
    f"{own}"
    f"{quantity:f} shares at {own:,.2f}, {count} of {ratio}: {text}"
    f"{price if price is None else text}"
"""


def test_the_type_checker_refuses_a_decimal_without_a_format_and_nothing_else(tmp_path: Path) -> None:
    config, said = tmp_path / "mypy.ini", tmp_path / "said.py"
    plugin = PROJECT / "tests" / "support" / "decimals_in_messages.py"
    config.write_text(f"[mypy]\nplugins = {plugin}\n")
    said.write_text(LINES)

    found, _, _ = api.run(["--config-file", str(config), "--cache-dir", str(tmp_path / "cache"), str(said)])

    assert [int(line) for line in re.findall(r"said\.py:(\d+): error: A Decimal in a message", found)] == [
        9,
        10,
        11,
        12,
        13,
    ]


def test_make_check_runs_the_type_checker_with_it() -> None:
    assert '"tests/support/decimals_in_messages.py"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
