"""What the gateway's words mean in the domain's states."""

from __future__ import annotations

import pytest

from include.adapters.venues.gateway.words import state_of
from include.trading.models import Contract
from include.trading.order.states import FINAL_WORDS, REFUSED

# Words of T4 v2 and of the broker (service-contracts 2.5) while an order may still trade.
WORKING_WORDS = (
    *("pending_new", "new", "accepted", "accepted_for_bidding", "partially_filled", "held", "calculated"),
    *("pending_cancel", "pending_replace", "submitted", "submitted_unconfirmed"),
    *("stopped", "suspended", "scheduled"),
)


@pytest.mark.parametrize("word", sorted(FINAL_WORDS))
@pytest.mark.parametrize("broker_order_id", [None, "broker-1"])
def test_a_final_word_is_the_orders_state(word: str, broker_order_id: str | None) -> None:
    assert state_of(word, broker_order_id, None, "v2") == word


@pytest.mark.parametrize("word", sorted(FINAL_WORDS))
def test_a_refusal_of_v1_without_a_brokers_id_says_nothing(word: str) -> None:
    assert state_of(word, "broker-1", None, "v1") == word
    assert state_of(word, None, None, "v1") == ("unknown" if word in REFUSED else word)


@pytest.mark.parametrize("contract", ["v1", "v2"])
@pytest.mark.parametrize("word", sorted(REFUSED))
def test_a_refusal_because_the_id_exists_says_nothing(word: str, contract: Contract) -> None:
    assert state_of(word, None, "client_order_id must be unique", contract) == "unknown"


@pytest.mark.parametrize("contract", ["v1", "v2"])
@pytest.mark.parametrize("word", [*WORKING_WORDS, "a_word_that_is_not_known"])
def test_any_other_word_is_a_working_order_if_the_broker_has_it_and_unknown_if_not(
    word: str, contract: Contract
) -> None:
    assert state_of(word, "broker-1", None, contract) == "open"
    assert state_of(word, None, None, contract) == "unknown"
