"""What every step works with, and the two things all of them need: breaks that stop trading, and the gateway's mode."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from include.execution.binding import Bound, bind, check_still, confirm, end_alert, keep_said, said_before
from include.execution.settings import Settings
from include.ledger.ledger import Ledger
from include.trading.account.row import Account
from include.trading.alerts.catalogue import cause_of_break
from include.trading.errors import BookMismatch, InvalidData, OutcomeUnknown, Unavailable
from include.trading.models import Mode, VenueInfo
from include.trading.order.row import Intent
from include.trading.ports import Venue, VenueReader


def default_worker() -> str:
    """Name this process, so that a lease and an event say who it was."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass
class Desk:
    """Ready tools of one task: the ledger, the gateway, limits, and a way to wait.

    account: whose gateway it is. reader: a VenueReader where nothing may be sent, a Venue where orders may be, None
    where there is none. Steps take it from `gateway` and `client`, which lend the account's own gateway alone.
    """

    ledger: Ledger
    account: str
    reader: VenueReader | None
    settings: Settings
    actor: str
    code_version: str = "unknown"
    worker: str = field(default_factory=default_worker)
    sleep: Callable[[float], None] = time.sleep
    _bound: Bound | None = field(default=None, init=False, repr=False)
    _is_confirmed: bool = field(default=False, init=False, repr=False)

    @property
    def bound(self) -> Bound:
        """The account's binding to the gateway, checked at the first use of the gateway.

        A step that needs a gateway where none is configured is a programming error.
        Raises OtherGateway when the account belongs to another gateway.
        """
        if self.reader is None:
            raise TypeError("this step asks the gateway: it was given none")
        if self._bound is None or self._bound.reader is not self.reader:
            self._bound = bind(self.ledger, self.account, self.reader)
            self._is_confirmed = False
        return self._bound

    @property
    def gateway(self) -> VenueReader:
        """The gateway to ask; raises as `bound` does."""
        return self.bound.reader

    @property
    def client(self) -> Venue:
        """The gateway as something that can send; a reader in its place is a programming error."""
        reader = self.gateway
        if not isinstance(reader, Venue):
            raise TypeError("this step may not send: it was given a gateway that cannot submit")
        return reader

    @property
    def confirmed(self) -> VenueReader:
        """The gateway, after it has identified itself as the account's own; checked once per desk.

        Use it for facts about the whole account, such as positions, and before concluding that an order does not exist:
        another account of the same venue may have the same address. Raises OtherGateway.
        """
        bound = self.bound
        if not self._is_confirmed:
            now = self.ledger.now()
            try:
                info = self.keep_said(bound.reader.info(), now)
            except (Unavailable, OutcomeUnknown):
                # Its recent answer counts as long as its traits say, so that reductions can still be planned.
                said = said_before(bound, now)
                if said is None:
                    raise
                info = said
            _check_healthy(info)
            self.confirm(info)
        return self.gateway

    def check_still_bound(self, account: Account) -> None:
        """Raise OtherGateway when the account, locked now, was given another gateway since this desk asked its own."""
        if self._bound is not None:
            check_still(self._bound, account)

    def confirm(self, info: VenueInfo, mode: Mode | None = None) -> None:
        """Raise OtherGateway unless what the gateway says of itself fits the account; keep what is new.

        mode: the run's; None where no run asks.
        """
        self._bound = confirm(self.ledger, self.bound, info, mode)
        self._is_confirmed = True

    def mode_now(self, now: datetime) -> VenueInfo:
        """Return the gateway's mode: as it said it to any task of the account while that counts, else asked for."""
        known = said_before(self.bound, now)
        return known if known is not None else self.keep_said(self.gateway.mode_now(), now)

    def keep_said(self, info: VenueInfo, now: datetime) -> VenueInfo:
        """Keep what the gateway said of itself for other tasks, where that counts for a while; return it."""
        if self.gateway.traits.mode_holds_seconds:
            self._bound = keep_said(self.ledger, self.bound, info, now)
        return info

    def wait_until(self, moment: datetime, now: datetime) -> None:
        self.sleep(max(0.0, (moment - now).total_seconds()))


def _check_healthy(info: VenueInfo) -> None:
    if info.status == "unhealthy":
        raise Unavailable(f"the gateway {info.service} calls itself unhealthy: {info.detail or 'no detail given'}")


def stop_trading(
    desk: Desk,
    account: str,
    kind: str,
    key: str,
    message: str,
    *,
    intent: Intent | None = None,
    symbol: str | None = None,
    run_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Record a break and halt its account, in one transaction; return whether the break is new.

    A break is named by `kind` and `key`; the same one found again while it is open changes nothing.
    """
    ledger = desk.ledger
    with ledger.transaction():
        row = ledger.accounts.lock(account)
        desk.check_still_bound(row)
        new = ledger.books.store_break(
            account,
            kind,
            f"{kind}:{key}",
            message,
            symbol=symbol or (intent.symbol if intent else None),
            intent_id=intent.id if intent else None,
            run_id=run_id,
            detail=detail,
        )
        if new:
            if row.state != "halted":
                ledger.accounts.set_state(row, "halted", cause=f"break:{kind}", reason=message, actor=desk.actor)
            cause = cause_of_break(kind)
            ledger.alerts.raise_alert(
                cause.alarm(cause.key(account, f"{kind}:{key}"), message, account=account),
                account=account,
                run_id=run_id,
            )
    return new


def refresh_account(desk: Desk, account: str) -> None:
    """Apply the rule of unresolved orders: `reduce_only` while one is overdue, lifted by itself on proof."""
    with desk.ledger.transaction():
        row = desk.ledger.accounts.lock(account)
        desk.check_still_bound(row)
        desk.ledger.accounts.refresh(
            row,
            desk.ledger.now(),
            after_seconds=desk.settings.unresolved_seconds,
            actor=desk.actor,
        )


def check_gateway(
    desk: Desk,
    account: str,
    mode: Mode,
    *,
    sandbox_only: bool | None = None,
    quick: bool = False,
    planned: bool = True,
    now: datetime | None = None,
) -> VenueInfo:
    """Ask the gateway what it is and return it, if it fits the run's mode; quick: its mode only, with one request.

    A mode that it said to any task of the account a moment ago counts as long as its traits say.

    sandbox_only: the strategy's; None where nothing is sent, as in a look-up.
    planned: the run has a plan, so that a gateway of another mode has changed since: a break. Before, a run of the
    wrong mode is only refused.

    Raises Unavailable when it calls itself unhealthy, BookMismatch (a break: the account stops) when it is of
    another mode, or is not the sandbox where only the sandbox may be, OtherGateway when it is not the account's own.
    """
    now = now or desk.ledger.now()
    info = desk.mode_now(now) if quick else desk.keep_said(desk.gateway.info(), now)
    _check_healthy(info)
    wrong = None
    if mode == "dry_run" and not desk.gateway.traits.has_dry_run:
        wrong = f"the run's mode is dry_run, and this venue ({desk.gateway.traits.kind}) has no dry run"
    elif info.mode != mode:
        wrong = f"the run's mode is {mode}, the gateway's is {info.mode}"
    elif sandbox_only and not info.is_sandbox:
        wrong = f"this strategy trades with the sandbox only, the gateway calls itself {info.service}"
    elif info.sandbox_only and sandbox_only is False:
        wrong = (
            f"{desk.gateway.endpoint.address} is an emulator ({info.service}): only a strategy with sandbox_only: true "
            "trades there"
        )
    if wrong is not None and not planned:
        raise InvalidData(
            f"{wrong}: the run is refused and nothing is changed; give it the gateway's mode, or correct the "
            f"connection {desk.gateway.endpoint.connection_id}"
        )
    if wrong is not None:
        stop_trading(
            desk,
            account,
            "gateway_mode",
            f"{mode}:{info.mode}:{info.service}",
            f"{wrong}: nothing was sent; check the connection {desk.gateway.endpoint.connection_id} and the "
            "strategy's mode",
        )
        raise BookMismatch(f"{wrong}; account {account} is halted")
    # A venue that makes its own order ids must name itself each time: they are made from that name.
    if not quick or info.strategy_id is not None or not desk.gateway.traits.takes_our_order_id:
        desk.confirm(info, mode)
    if not quick:
        end_alert(desk.ledger, account)
    return info
