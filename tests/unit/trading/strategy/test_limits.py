"""The values that a limit takes, and what is said of any other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from include.trading.strategy.limits import Limits
from include.trading.validation import field_problems


@pytest.mark.parametrize("name", ["order_notional_usd", "order_shares"])
def test_a_limit_is_a_number_or_off_as_yaml_reads_it(name: str) -> None:
    assert getattr(Limits.model_validate({name: 7}), name) == Decimal(7)
    assert getattr(Limits.model_validate({name: "off"}), name) == "off"
    assert getattr(Limits.model_validate({name: False}), name) == "off"


@pytest.mark.parametrize("name", ["order_notional_usd", "order_shares"])
@pytest.mark.parametrize("value", ["many", -1, None, True, [1], float("nan"), "1e99", {}, "OFF"])
def test_what_is_neither_is_said_once_and_names_the_limit_as_the_file_does(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Limits.model_validate({name: value})

    (problem,) = field_problems(refused.value, tuple(Limits.model_fields))
    assert problem.field == name
