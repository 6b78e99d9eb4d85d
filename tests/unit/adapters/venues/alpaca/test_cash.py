"""What a row of Alpaca's activities is to our books."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.adapters.venues.alpaca.cash import cash_of
from include.trading.models import CashActivity

# The example of the vendor's OpenAPI file.
DIVIDEND: dict[str, Any] = {
    "activity_sub_type": "SDIV",
    "activity_type": "DIV",
    "created_at": "2021-05-10T14:01:04.650275Z",
    "currency": "USD",
    "date": "2019-08-01",
    "id": "20190801011955195::5f596936-6f23-4cef-bdf1-3806aae57dbf",
    "net_amount": "1.02",
    "per_share_amount": "0.51",
    "qty": "2",
    "status": "executed",
    "symbol": "T",
}


def test_the_vendors_example_is_a_dividend() -> None:
    assert cash_of(DIVIDEND) == CashActivity(
        venue_id="20190801011955195::5f596936-6f23-4cef-bdf1-3806aae57dbf",
        kind="dividend",
        symbol="T",
        amount=Decimal("1.02"),
        day=date(2019, 8, 1),
        words="DIV",
    )


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("CSD", "flow"),
        ("CSW", "flow"),
        ("JNLC", "flow"),
        ("DIVNRA", "fee"),
        ("DIVFT", "fee"),
        ("CGD", "dividend"),
        ("FEE", "fee"),
        ("INT", "interest"),
    ],
)
def test_each_kind_has_its_place_and_keeps_its_sign(word: str, kind: str) -> None:
    row = {"id": "1::a", "activity_type": word, "date": "2026-03-02T00:00:00Z", "net_amount": "-3.5"}

    found = cash_of(row | {"description": "TAF fee of 2 trades"})

    assert found is not None
    assert (found.kind, found.amount, found.symbol) == (kind, Decimal("-3.50"), None)
    assert found.words == f"{word}: TAF fee of 2 trades"


@pytest.mark.parametrize(("said", "symbol"), [(None, None), ("", None), ("X" * 40, "X" * 40)])
def test_cash_of_no_symbol_has_none(said: str | None, symbol: str | None) -> None:
    found = cash_of(DIVIDEND | {"symbol": said})

    assert found is not None and found.symbol == symbol


def test_what_was_canceled_moved_no_cash() -> None:
    assert cash_of(DIVIDEND | {"status": "canceled"}) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activity_type": "MA"}, "activity_type: expected one of CSD, CSW, .*, got 'MA'"),
        ({"activity_type": None}, "activity_type: expected a text"),
        ({"net_amount": None}, "net_amount: expected a number"),
        ({"net_amount": "NaN"}, "net_amount: expected a finite number"),
        ({"net_amount": "1e14"}, r"net_amount: expected an amount below 10,000,000,000,000 USD, got 1E\+14"),
        ({"net_amount": "-1e13"}, "net_amount: expected an amount below"),
        ({"symbol": "X" * 41}, "symbol: expected at most 40 characters"),
        ({"id": ""}, "id: expected a text"),
        ({"date": "yesterday"}, "Invalid isoformat"),
        ({"date": None}, "date: expected a text"),
    ],
)
def test_a_row_that_says_less_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cash_of(DIVIDEND | changes)
