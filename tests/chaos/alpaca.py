"""The faults of the proof at Alpaca's emulator: named as the gateway's, armed as those that do the same there."""

from __future__ import annotations

from typing import Any

from include.sandbox.faults import TABLE
from include.sandbox.runner import AdminClient

# What the emulator does without a fault, or by another name.
NAMES = {"unique_422_after_timeout": "timeout_after_accept", "unique_422": "broker_rejection_422"}
TAKEN = {"unique_422": {"reason": "client_order_id must be unique"}}
PATHS = {"/api/v1/orders/": "/v2/orders"}
POSITIONS = {"method": "GET", "path": "/v2/positions$"}
LISTS = {"method": "GET", "path": "/v2/(orders|account/activities)"}
QUANTITIES = {"null": None, "missing": None, "zero": "0"}


class AlpacaAdmin(AdminClient):
    """Arms each fault of the gateway at the emulator; those of other services stay theirs."""

    def fault(
        self,
        fault: str,
        *,
        service: str | None = None,
        match: dict[str, str] | None = None,
        times: int | None = None,
        **params: Any,
    ) -> None:
        match = dict(match or {})
        match |= {"path": PATHS[match["path"]]} if match.get("path") in PATHS else {}
        if fault == "duplicate_fills":
            # Its orders list no fills; every row of a list twice is the nearest.
            super().fault("alpaca_rows_twice", match=LISTS, times=times)
        elif fault == "positions_fail_500":
            super().fault("plain_500", service="alpaca", match=POSITIONS, times=times)
        elif fault == "filled_without_quantity":
            said = {"status": "filled", "filled_qty": QUANTITIES[params["how"]], "filled_avg_price": None}
            super().fault("alpaca_order_says", times=times, symbol=match["symbol"], fields=said)
        elif fault == "fills_contradict_status":
            filled = params.get("filled_qty", "0")
            said = {"status": params["status"], "filled_qty": filled, "filled_avg_price": None}
            super().fault("alpaca_order_says", times=times, symbol=match["symbol"], fields=said)
        elif fault == "refused_but_stored" and params["way"] == "buying_power":
            super().fault("alpaca_refused_but_stored", match=match, times=times)
        else:
            kind = TABLE.get(fault)
            at = "alpaca" if kind is None or kind.service == "gateway" else service
            name, more = NAMES.get(fault, fault), params | TAKEN.get(fault, {})
            super().fault(name, service=at, match=match, times=times, **more)
