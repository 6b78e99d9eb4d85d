"""The Execution Gateway (T4): one client that only reads, and one that also sends. Source: service-contracts 2.

A replay is given a GatewayReader, which has no way to send. What an answer to an order means is decided in
order_answers; here it is only asked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

from include.adapters.http.answers import (
    Answer,
    bool_of,
    error_object,
    quantity_of,
    text_of,
    whole_number_of,
    words_of,
)
from include.adapters.http.client import HttpService
from include.adapters.venues.gateway.answers import (
    accepted_order,
    asks_to_wait,
    order_report,
    order_status,
    submit_failure,
)
from include.trading.account.venue_identity import normal_address
from include.trading.errors import (
    BadAnswer,
    InvalidData,
    NotFound,
    OutcomeUnknown,
    Rejected,
    TradingError,
    Unauthorized,
)
from include.trading.models import (
    AccountFacts,
    AssetFacts,
    Contract,
    Fill,
    GatewayMode,
    OrderReport,
    OrderRequest,
    Value,
    VenueInfo,
)
from include.trading.order.identity import broker_days, gateway_order_id_v1
from include.trading.ports import VenueGate, VenueTraits

PAPER_HOST = "paper-api.alpaca.markets"
LIVE_HOST = "api.alpaca.markets"
HEALTH_FACTS = ("database_connected", "alpaca_connected")
# An option's has 21 characters.
LONGEST_SYMBOL = 40


UNSEEN = "not known, this login is not allowed to see it"
TRAITS: dict[Contract, VenueTraits] = {
    "v1": VenueTraits(
        kind="v1",
        called="the Execution Gateway (contract v1)",
        takes_our_order_id=False,
        positions_are_exact=False,
        can_cancel=False,
        has_rate_limit=False,
        tells_account=False,
        tells_assets=False,
        least_fraction_usd=None,
        has_dry_run=True,
        positions_note="a v1 gateway counts partial fills twice",
    ),
    "v2": VenueTraits(
        kind="v2",
        called="the Execution Gateway (contract v2)",
        takes_our_order_id=True,
        positions_are_exact=True,
        can_cancel=True,
        has_rate_limit=True,
        tells_account=False,
        tells_assets=False,
        least_fraction_usd=None,
        has_dry_run=True,
    ),
}


class KillSwitch(Value):
    """The gateway's own switch that blocks new orders."""

    engaged: bool
    reason: str | None = None
    engaged_by: str | None = None
    engaged_at: str | None = None


class GatewayReader(HttpService):
    """Reads the gateway; cannot send or cancel an order."""

    @property
    def traits(self) -> VenueTraits:
        return TRAITS[self.contract]

    @property
    def contract(self) -> Contract:
        if self.endpoint.contract is None:
            raise InvalidData(f"connection {self.endpoint.connection_id!r}: expected a contract, got none")
        return self.endpoint.contract

    def info(self) -> VenueInfo:
        """Return what the gateway says of itself; raise InvalidData when it speaks another contract than the endpoint.

        The status is the body's (/health answers 200 whatever it is), the mode is what it does with orders.
        """
        health = self._read_json("GET", "/health")
        return self._info(health, self._config())

    def mode_now(self) -> VenueInfo:
        """Return what the gateway is at this moment with one request: its mode and, in v1, its health too.

        The contract is not checked again: `info` has done that before.
        """
        if self.contract == "v1":
            return self._info(self._read_json("GET", "/health"), None)
        answer = self._read_json("GET", "/api/v1/config")
        body = answer.json()
        try:
            return VenueInfo(
                service=text_of(body, "service"),
                version=text_of(body, "version"),
                status=None,
                mode=_v2_mode(bool_of(body, "dry_run"), answer),
                is_sandbox=_is_sandbox(body),
            )
        except ValueError as error:
            raise answer.bad(error) from error

    def allowance(self) -> None:
        """Return None: a gateway says what is left only once nothing is, with its 429."""

    def _info(self, health: Answer, config: Answer | None) -> VenueInfo:
        body = health.json()
        try:
            details = body.get("details") or {}
            if not isinstance(details, dict):
                raise ValueError(f"details: expected an object, got {type(details).__name__}")
            dry_run = bool_of(body, "dry_run")
            mode = _v2_mode(dry_run, config) if config else _v1_mode(dry_run, details.get("alpaca_base_url"))
            return VenueInfo.model_validate(
                {
                    "service": text_of(body, "service"),
                    "version": text_of(body, "version"),
                    "status": text_of(body, "status"),
                    "mode": mode,
                    "is_sandbox": _is_sandbox(body),
                    **_own_names(details),
                    "detail": ", ".join(f"{key} {str(body[key])[:50]}" for key in HEALTH_FACTS if key in body) or None,
                }
            )
        except ValueError as error:
            raise health.bad(error) from error

    def order(self, gateway_order_id: str) -> OrderReport | None:
        """Return the order, or None when the gateway itself says that it has no such order.

        Any other answer proves nothing about the order and raises OutcomeUnknown or Unavailable.
        """
        answer = self._read("GET", self._order_path(gateway_order_id))
        if answer.status == 404 and error_object(answer).get("detail") == f"Order not found: {gateway_order_id}":
            return None
        if answer.status in (401, 403, 429):
            raise self._refusal(answer)
        if answer.status != 200:
            raise OutcomeUnknown(f"{answer.sentence()} (this says nothing about the order)")
        try:
            report = order_report(answer, self.contract)
        except BadAnswer as error:
            raise OutcomeUnknown(str(error)) from error
        if report.gateway_order_id != gateway_order_id:
            raise OutcomeUnknown(f"{answer.asked} answered with another order, {report.gateway_order_id}")
        return report

    def orders(
        self, gateway_order_ids: Iterable[str], concurrency: int = 8
    ) -> Generator[tuple[str, OrderReport | TradingError | None]]:
        """Yield each id with what `order` returns, or with the error it raised: one lost answer hides no other.

        In order, each as soon as it is there, while the others are asked for.
        """
        ids = tuple(dict.fromkeys(gateway_order_ids))
        if not ids:
            return
        with ThreadPoolExecutor(max_workers=min(concurrency, len(ids))) as pool:
            yield from zip(ids, pool.map(self._order_or_error, ids), strict=True)

    def fills(self, since: datetime, broker_order_id: str | None = None) -> dict[str, tuple[Fill, ...]]:
        """Return none: a v2 gateway lists executions with each order, v1 has no list of them."""
        return {}

    def positions(self) -> dict[str, Decimal]:
        """Return the account's signed shares by symbol; an incomplete answer raises and is never an empty book."""
        answer = self._read_json("GET", "/api/v1/positions")
        body = answer.json()
        try:
            rows = body.get("positions")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError("positions: expected a list of objects")
            if (counted := whole_number_of(body, "total_positions")) != len(rows):
                raise ValueError(f"total_positions: expected {len(rows)}, the number of rows, got {counted}")
            book = {text_of(row, "symbol", LONGEST_SYMBOL): quantity_of(row, "qty") for row in rows}
            if len(book) != len(rows):
                raise ValueError("positions: expected one row per symbol, got a symbol twice")
            return book
        except ValueError as error:
            raise answer.bad(error) from error

    def account(self) -> AccountFacts | None:
        """Return None: neither contract has a request for the account's money."""
        return None

    def assets(self, symbols: Iterable[str]) -> dict[str, AssetFacts | None] | None:
        """Return None: neither contract has a request for what may be traded."""
        return None

    def refusal(self) -> str | None:
        """Return why the gateway would take no order now: its kill switch."""
        switch = self.kill_switch()
        if switch is None or not switch.engaged:
            return None
        return f"the gateway's kill switch is engaged by {switch.engaged_by}: {switch.reason}"

    def gates(self) -> Iterator[VenueGate]:
        """Yield the kill switch and the circuit breaker; v1 has neither."""
        for name, asked, unseen in (
            ("kill switch", self._kill_switch_gate, ""),
            ("circuit breaker", self._breaker_gate, ", and a tripped one refuses every order"),
        ):
            try:
                gate = asked()
            except Unauthorized as error:
                # Not the same as well: what is behind it may stop every order.
                gate = VenueGate(name=name, words=f"{UNSEEN}{unseen}: {error}")
            except NotFound as error:
                gate = VenueGate(name=name, words=str(error))
            except TradingError as error:
                gate = VenueGate(name=name, words=str(error), next_step="repair the gateway: it may refuse orders")
            if gate is not None:
                yield gate

    def order_ids(self, order: OrderRequest, info: VenueInfo, starts_at: datetime, ends_at: datetime) -> list[str]:
        """Return the order's own id; a v1 gateway makes one from the order's content and each day it may be stored."""
        if self.contract == "v2":
            return [order.client_order_id]
        if info.strategy_id is None:
            raise InvalidData("the v1 gateway's /health names no details.strategy_id, from which it makes order ids")
        days = broker_days(starts_at, ends_at, self.endpoint.broker_timezone)
        return [gateway_order_id_v1(order.symbol, order.side, order.quantity, info.strategy_id, day) for day in days]

    def _kill_switch_gate(self) -> VenueGate | None:
        switch = self.kill_switch()
        if switch is None:
            return None
        if not switch.engaged:
            return VenueGate(name="kill switch", words="not engaged")
        words = f"engaged by {switch.engaged_by}: {switch.reason}"
        step = "disengage it at the gateway when its reason is settled"
        return VenueGate(name="kill switch", words=words, next_step=step)

    def _breaker_gate(self) -> VenueGate | None:
        state = self.breaker()
        if state is None:
            return None
        # Open for trading, as the gateway uses the word.
        step = "reset it at the gateway when its reason is settled: until then every order is refused"
        return VenueGate(name="circuit breaker", words=state, next_step=None if state == "OPEN" else step)

    def kill_switch(self) -> KillSwitch | None:
        """Return the state of the gateway's kill switch; None in v1, which has none."""
        if self.contract == "v1":
            return None
        answer = self._read_json("GET", "/api/v1/kill-switch/status")
        body = answer.json()
        try:
            state = text_of(body, "state")
            if state not in ("ACTIVE", "ENGAGED"):
                raise ValueError(f"state: expected ACTIVE or ENGAGED, got {state!r}")
            return KillSwitch(
                engaged=state == "ENGAGED",
                reason=words_of(body, "engagement_reason"),
                engaged_by=words_of(body, "engaged_by"),
                engaged_at=words_of(body, "engaged_at"),
            )
        except ValueError as error:
            raise answer.bad(error) from error

    def breaker(self) -> str | None:
        """Return the state of the gateway's circuit breaker; None in v1, which has none.

        Raises Unauthorized where this login may not see it, and NotFound where the gateway has none.
        """
        if self.contract == "v1":
            return None
        answer = self._read("GET", "/api/v1/circuit-breaker/status")
        if answer.status == 404:
            raise NotFound(f"{answer.sentence()}: it has no circuit breaker")
        try:
            return text_of(self._accepted(answer).json(), "state")
        except ValueError as error:
            raise answer.bad(error) from error

    def _config(self) -> Answer | None:
        """Return v2's configuration, None in v1; the route exists in v2 alone, which tells them apart."""
        answer = self._read("GET", "/api/v1/config")
        if answer.status not in (200, 404):
            raise self._refusal(answer)
        found: Contract = "v2" if answer.status == 200 else "v1"
        if found != self.contract:
            raise InvalidData(
                f"connection {self.endpoint.connection_id!r} says contract {self.contract}, but the gateway answers "
                f"{answer.status} to GET /api/v1/config, as {found} does; check its address, or set "
                f'"contract": "{found}" in its extra'
            )
        return answer if found == "v2" else None

    def _order_or_error(self, gateway_order_id: str) -> OrderReport | TradingError | None:
        try:
            return self.order(gateway_order_id)
        except TradingError as error:
            return error

    def _order_path(self, gateway_order_id: str) -> str:
        if not gateway_order_id:
            raise InvalidData("gateway_order_id: expected an id, got an empty text")
        return f"/api/v1/orders/{quote(gateway_order_id, safe='')}"


def _whole(order: OrderRequest) -> int:
    """Return the order's shares as the JSON number that the gateway takes; no plan for it has a part of one."""
    if order.quantity != order.quantity.to_integral_value():
        words = f"the gateway takes whole shares only, got {order.words}; nothing was sent"
        raise Rejected(f"order {order.client_order_id}: {words}", reason="not_fractionable")
    return int(order.quantity)


class GatewayClient(GatewayReader):
    """Also sends and cancels. Neither is ever repeated here: the caller looks up before it sends again."""

    def submit(self, order: OrderRequest) -> OrderReport:
        """Send the order once and return what the gateway made of it; its status decides, not the 200.

        Raises Unavailable, Paused, Unauthorized or Halted only when the gateway itself says so before it stores
        anything, Rejected or IdExists when it said no, BookMismatch when it answers with another order than the one
        sent, and OutcomeUnknown for everything else.
        """
        body = {
            "symbol": order.symbol,
            "side": order.side,
            "qty": _whole(order),
            "order_type": "market",
            "time_in_force": "day",
            "client_order_id": order.client_order_id,
        }
        try:
            answer = self._exchange("POST", "/api/v1/orders", body=body)
            if answer.status == 200:
                return accepted_order(answer, order, self.contract)
        except BadAnswer as error:
            raise OutcomeUnknown(f"order {order.client_order_id}: {error}") from error
        if asks_to_wait(answer):
            raise self._paused(answer)
        raise submit_failure(answer, self.contract)

    def cancel(self, gateway_order_id: str) -> str:
        """Ask for the order to be canceled and return the status it has now, which may be another final one."""
        if self.contract == "v1":
            raise Rejected("contract v1 has no cancel; cancel the order at the broker", 404)
        answer = self._exchange("POST", f"{self._order_path(gateway_order_id)}/cancel")
        if answer.status == 404 and error_object(answer).get("detail") == f"Order not found: {gateway_order_id}":
            raise NotFound(answer.sentence())
        if answer.status >= 500:
            raise OutcomeUnknown(answer.sentence())
        self._accepted(answer)
        body = answer.json()
        try:
            return order_status(body)
        except ValueError as error:
            raise answer.bad(error) from error


def _is_sandbox(body: Mapping[str, Any]) -> bool:
    return text_of(body, "service").startswith("sandbox")


def _own_names(details: dict[str, Any]) -> dict[str, str | None]:
    """Return what a gateway is known again by; a v1 gateway also makes order ids from its strategy id."""
    broker_url = text_of(details, "alpaca_base_url") if details.get("alpaca_base_url") else None
    with suppress(ValueError):
        broker_url = None if broker_url is None else normal_address(broker_url)
    return {
        "strategy_id": text_of(details, "strategy_id") if details.get("strategy_id") else None,
        "broker_url": broker_url,
    }


def _v1_mode(dry_run: bool, broker_url: object) -> GatewayMode:
    if dry_run:
        return "dry_run"
    host = urlsplit(broker_url).hostname if isinstance(broker_url, str) else None
    if host == PAPER_HOST:
        return "paper"
    if host == LIVE_HOST:
        return "live"
    raise ValueError(
        f"details.alpaca_base_url: expected {PAPER_HOST} or {LIVE_HOST} to tell paper from live, got {broker_url!r}"
    )


def _v2_mode(dry_run: bool, config: Answer) -> GatewayMode:
    body = config.json()
    if bool_of(body, "dry_run") != dry_run:
        raise ValueError(f"dry_run: /health says {dry_run}, /api/v1/config says {not dry_run}")
    if dry_run:
        return "dry_run"
    return "paper" if bool_of(body, "alpaca_paper") else "live"
