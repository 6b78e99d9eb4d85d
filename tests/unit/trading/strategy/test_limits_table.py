"""The table of limits in the documentation is generated; here is what keeps it so."""

from __future__ import annotations

from pathlib import Path

from include.trading.plan.reasons import DENIALS
from include.trading.plan.risk import RULES
from include.trading.strategy.limits import Limits
from include.trading.strategy.limits_table import OF_THE_BOOK, OF_THE_SIZING, limits_table

DOCUMENT = Path(__file__).parents[4] / "docs" / "limits.md"


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == limits_table()


def test_every_limit_has_a_rule_and_every_rule_a_sentence() -> None:
    of_orders = {f"limits.{name}" for name in Limits.model_fields.keys() - {*OF_THE_BOOK, *OF_THE_SIZING}}
    assert of_orders <= {rule.setting for rule in RULES}
    assert {rule.code for rule in RULES} == DENIALS.keys()
