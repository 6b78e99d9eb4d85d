"""Reports on orders with the state that the gateway's adapter would give their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.adapters.venues.gateway.words import state_of
from include.trading.models import Contract, OrderReport


def meant(values: Mapping[str, Any], contract: Contract = "v2") -> OrderReport:
    """Return the report of these fields; state: what the gateway's word means, unless it is given."""
    words = {"broker_order_id": None, "message": None, **values}
    state = state_of(words["status"], words["broker_order_id"], words["message"], contract)
    return OrderReport.model_validate({"state": state, **values})
