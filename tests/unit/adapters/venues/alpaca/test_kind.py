"""A connection to Alpaca is checked before anything is asked."""

from __future__ import annotations

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import venue_at
from include.trading.errors import InvalidData

KEYS = {"login": "PK1", "password": "hush-hush"}
EXTRA = {"venue": "alpaca", "account": "main"}


def test_host_keys_and_account_make_a_venue() -> None:
    venue = venue_at(ConnectionParts("a", host="https://paper-api.alpaca.markets", extra=EXTRA, **KEYS))

    assert (venue.account, venue.traits.kind, venue.traits.takes_our_order_id) == ("main", "alpaca", True)
    assert "hush" not in repr(venue)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host": "http://api.alpaca.markets"}, "unencrypted"),
        ({"host": "paper-api.alpaca.markets"}, "unencrypted"),
        ({"login": None, "password": None}, "API key id as its login"),
        ({"login": None}, "secret as its password"),
        ({"extra": {"venue": "alpaca"}}, "name of the trading account"),
        ({"extra": EXTRA | {"contract": "v2"}}, "unknown keys in its extra: contract"),
        ({"extra": EXTRA | {"venue": "alpcaa"}}, 'expected "venue" in its extra to be one of gateway, alpaca'),
        ({"host": None}, "expected a host"),
    ],
)
def test_a_connection_that_cannot_be_used_says_what_was_expected(changes: dict[str, object], told: str) -> None:
    given: dict[str, object] = {"host": "https://paper-api.alpaca.markets", "extra": EXTRA, **KEYS}

    with pytest.raises(InvalidData, match=told) as refused:
        venue_at(ConnectionParts("a", **(given | changes)))  # type: ignore[arg-type]

    assert "hush" not in str(refused.value)
