"""Alpaca's Trading API v2: one client that only reads, and one that also sends.

What an answer to an order means is decided in `answers`; here it is only asked. Orders are known by our own id, which
Alpaca takes as `client_order_id` and refuses a second time for ever.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit

from include.adapters.http.answers import Answer, bool_of, parse_json, quantity_of, text_of
from include.adapters.http.client import HttpService
from include.adapters.venues.alpaca.answers import (
    accepted_order,
    account_facts,
    allowance_of,
    fill_of,
    is_unknown_order,
    message_of,
    order_report,
    report_of,
    seconds_to_reset,
    submit_failure,
)
from include.adapters.venues.alpaca.assets import EXCHANGES, FEW_ASSETS, asset_facts, is_unknown_asset
from include.adapters.venues.alpaca.cash import KINDS, cash_of
from include.trading.errors import (
    BadAnswer,
    InvalidData,
    NotFound,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
)
from include.trading.models import (
    AccountFacts,
    Allowance,
    AssetFacts,
    CashActivity,
    Fill,
    GatewayMode,
    OrderReport,
    OrderRequest,
    VenueInfo,
)
from include.trading.numbers import shares
from include.trading.ports import VenueGate, VenueTraits

HOSTS: Final[dict[str, GatewayMode]] = {"paper-api.alpaca.markets": "paper", "api.alpaca.markets": "live"}
# A paper account's number begins with these letters, a live one's with a digit.
PAPER_NUMBER: Final = "PA"
EMULATOR_HEADER: Final = "X-Trading-Emulator"
ACCOUNT_SECONDS: Final = 15.0
ORDERS_PER_PAGE: Final = 500
FILLS_PER_PAGE: Final = 100
MOST_FILL_PAGES: Final = 100
# Beyond these an order is asked for by itself.
MOST_PAGES: Final = 4
# So few are asked for one by one.
FEW: Final = 2
LONGEST_SYMBOL: Final = 40
TRAITS: Final = VenueTraits(
    kind="alpaca",
    called="Alpaca",
    takes_our_order_id=True,
    positions_are_exact=True,
    can_cancel=True,
    has_rate_limit=True,
    tells_account=True,
    lists_fills=True,
    mode_holds_seconds=ACCOUNT_SECONDS,
    tells_assets=True,
    # Source: https://docs.alpaca.markets/docs/fractional-trading
    least_fraction_usd=Decimal(1),
    has_dry_run=False,
)
BLOCKS: Final = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


class AlpacaReader(HttpService):
    """Reads the account; cannot send or cancel an order."""

    _account: tuple[float, Answer] | None = None
    _allowance: Allowance | None = None
    _assets: dict[str, AssetFacts | None] | None = None

    @property
    def traits(self) -> VenueTraits:
        return TRAITS

    def info(self) -> VenueInfo:
        """Return what Alpaca says of the account behind the keys.

        Raises InvalidData when the host and the account do not both say paper, or both live; an address that is not
        Alpaca's own is taken only when it names itself an emulator.
        """
        answer = self._account_now(fresh=True)
        return self._info(answer)

    def mode_now(self) -> VenueInfo:
        """Return the same with one request; the traits say for how long it counts."""
        return self._info(self._account_now(fresh=True))

    def allowance(self) -> Allowance | None:
        return self._allowance

    def refusal(self) -> str | None:
        """Return why the account may send nothing now."""
        answer = self._account_now()
        body = answer.json()
        try:
            status, number = text_of(body, "status"), text_of(body, "account_number")
            blocked = [name for name in BLOCKS if bool_of(body, name)]
        except ValueError as error:
            raise answer.bad(error) from error
        if status != "ACTIVE":
            blocked.insert(0, f"status {status}")
        if not blocked:
            return None
        return f"Alpaca lets the account {number} send nothing: {', '.join(blocked)}"

    def gates(self) -> Iterator[VenueGate]:
        """Yield whether the account itself is blocked."""
        try:
            refusal = self.refusal()
        except TradingError as error:
            yield VenueGate(name="account", words=str(error), next_step="correct the keys or ask Alpaca")
            return
        step = "see the account's page at Alpaca: nothing is sent until it is lifted"
        yield VenueGate(name="account", words=refusal or "may trade", next_step=step if refusal else None)

    def order_ids(self, order: OrderRequest, info: VenueInfo, starts_at: datetime, ends_at: datetime) -> list[str]:
        return [order.client_order_id]

    def order(self, venue_order_id: str) -> OrderReport | None:
        """Return the order, or None when Alpaca itself says that it has no order of this client order id.

        Any other answer proves nothing about the order and raises OutcomeUnknown, Paused or Unauthorized.
        """
        answer = self._find(venue_order_id)
        if answer is None:
            return None
        try:
            report = order_report(answer)
        except BadAnswer as error:
            raise OutcomeUnknown(str(error)) from error
        if report.gateway_order_id != venue_order_id:
            raise OutcomeUnknown(f"{answer.asked} answered with another order, {report.gateway_order_id}")
        return report

    def orders(self, venue_order_ids: Iterable[str]) -> Generator[tuple[str, OrderReport | TradingError | None]]:
        """Yield each id with what `order` returns or raises. Many are read from the list, 500 with one request.

        An order that the list does not show is asked for by itself: a list proves no absence.
        """
        ids = tuple(dict.fromkeys(venue_order_ids))
        listed: dict[str, OrderReport] = {}
        if len(ids) > FEW:
            try:
                listed = self._listed(frozenset(ids))
            except TradingError:
                # Each is asked for by itself, and each says what is wrong.
                listed = {}
        for id in ids:
            try:
                yield id, listed[id] if id in listed else self.order(id)
            except TradingError as error:
                yield id, error

    def fills(self, since: datetime, broker_order_id: str | None = None) -> dict[str, tuple[Fill, ...]]:
        """Return the account's executions since then by the order's id at Alpaca, paged by the last row's id.

        The filter by order is new at Alpaca, so rows of other orders are left out here as well.
        """
        params = {"after": since.isoformat(), "direction": "asc", "page_size": str(FILLS_PER_PAGE)}
        if broker_order_id is not None:
            params["order_id"] = broker_order_id
        found: dict[str, dict[str, Fill]] = {}
        for _ in range(MOST_FILL_PAGES):
            answer = self._accepted(self._read("GET", "/v2/account/activities/FILL", params=params))
            rows = answer.json_rows()
            try:
                for row in rows:
                    order_id, fill = fill_of(row)
                    if broker_order_id in (None, order_id):
                        found.setdefault(order_id, {})[fill.fill_id] = fill
            except ValueError as error:
                raise answer.bad(error) from error
            if len(rows) < FILLS_PER_PAGE:
                return {order_id: tuple(fills.values()) for order_id, fills in found.items()}
            params["page_token"] = str(rows[-1]["id"])
        raise answer.bad(f"expected at most {MOST_FILL_PAGES * FILLS_PER_PAGE} fills since {since}, got more")

    def cash_activities(self, since: date) -> list[CashActivity]:
        """Return what changed the account's cash besides fills and was listed since that day, oldest first."""
        params = {
            "activity_types": ",".join(KINDS),
            "after": since.isoformat(),
            "direction": "asc",
            "page_size": str(FILLS_PER_PAGE),
        }
        found: dict[str, CashActivity] = {}
        for _ in range(MOST_FILL_PAGES):
            answer = self._accepted(self._read("GET", "/v2/account/activities", params=params))
            rows = answer.json_rows()
            try:
                told = [each for each in map(cash_of, rows) if each is not None]
            except ValueError as error:
                raise answer.bad(error) from error
            found |= {each.venue_id: each for each in told}
            if len(rows) < FILLS_PER_PAGE:
                return list(found.values())
            params["page_token"] = str(rows[-1]["id"])
        raise answer.bad(f"expected at most {MOST_FILL_PAGES * FILLS_PER_PAGE} activities since {since}, got more")

    def positions(self) -> dict[str, Decimal]:
        """Return the account's signed shares by symbol; an incomplete answer raises and is never an empty book."""
        answer = self._accepted(self._read("GET", "/v2/positions"))
        rows = answer.json_rows()
        try:
            book = {}
            for row in rows:
                symbol, quantity = text_of(row, "symbol", LONGEST_SYMBOL), abs(quantity_of(row, "qty"))
                side = text_of(row, "side")
                if side not in ("long", "short"):
                    raise ValueError(f"side: expected long or short, got {side!r}")
                book[symbol] = quantity if side == "long" else -quantity
            if len(book) != len(rows):
                raise ValueError("expected one row per symbol, got a symbol twice")
            return book
        except ValueError as error:
            raise answer.bad(error) from error

    def account(self) -> AccountFacts:
        """Return the account's money as it was at most 15 seconds ago; buying power is less what open orders reserve.

        Raises BadAnswer when one of the three numbers is missing or beyond any amount that can be meant.
        """
        asked_at, answer = self._account_told()
        return account_facts(answer).model_copy(update={"age_seconds": time.monotonic() - asked_at})

    def _exchange(self, method: str, path: str, **words: Any) -> Answer:
        """Exchange, and keep what the answer says is left of the account's requests."""
        answer = super()._exchange(method, path, **words)
        self._allowance = allowance_of(answer, datetime.now(UTC)) or self._allowance
        return answer

    def assets(self, symbols: Iterable[str]) -> dict[str, AssetFacts | None]:
        """Return what Alpaca says of each symbol, None for one that it does not know; asked once while it is open."""
        wanted = tuple(dict.fromkeys(symbols))
        told = self._assets = self._assets or {}
        if len(set(wanted) - told.keys()) > FEW_ASSETS:
            for exchange in EXCHANGES:
                told |= self._listed_assets(exchange, set(wanted) - told.keys())
        for symbol in wanted:
            if symbol not in told:
                told[symbol] = self._asset(symbol)
        return {symbol: told[symbol] for symbol in wanted}

    def _listed_assets(self, exchange: str, wanted: set[str]) -> dict[str, AssetFacts]:
        params = {"status": "active", "asset_class": "us_equity", "exchange": exchange}
        answer = self._accepted(self._read("GET", "/v2/assets", params=params))
        rows = [row for row in answer.json_rows() if row.get("symbol") in wanted]
        try:
            return {facts.symbol: facts for facts in map(asset_facts, rows)}
        except ValueError as error:
            raise answer.bad(error) from error

    def _asset(self, symbol: str) -> AssetFacts | None:
        answer = self._read("GET", f"/v2/assets/{quote(symbol, safe='')}")
        if is_unknown_asset(answer):
            return None
        body = self._accepted(answer).json()
        try:
            facts = asset_facts(body)
            if facts.symbol != symbol:
                raise ValueError(f"symbol: expected {symbol}, got {facts.symbol}")
        except ValueError as error:
            raise answer.bad(error) from error
        return facts

    def _account_now(self, *, fresh: bool = False) -> Answer:
        return self._account_told(fresh=fresh)[1]

    def _account_told(self, *, fresh: bool = False) -> tuple[float, Answer]:
        """Return the account's answer, and when it was asked for."""
        now = time.monotonic()
        if fresh or self._account is None or now - self._account[0] > ACCOUNT_SECONDS:
            self._account = now, self._accepted(self._read("GET", "/v2/account"))
        return self._account

    def _info(self, answer: Answer) -> VenueInfo:
        body = answer.json()
        try:
            account_id, number = text_of(body, "id"), text_of(body, "account_number")
        except ValueError as error:
            raise answer.bad(error) from error
        host = urlsplit(self.endpoint.base_url).hostname or ""
        emulator = answer.headers.get(EMULATOR_HEADER)
        mode = HOSTS.get(host)
        where = f"connection {self.endpoint.connection_id!r}"
        if mode is None and emulator is None:
            raise InvalidData(
                f"{where}: expected the host {' or '.join(HOSTS)}, or an emulator that says so in its answers, got "
                f"{host}: it is not known whether money moves there, so nothing is sent"
            )
        told: GatewayMode = "paper" if number.startswith(PAPER_NUMBER) else "live"
        if mode is not None and told != mode:
            raise InvalidData(
                f"{where}: the host {host} is Alpaca's for {mode}, the account {number} is a {told} account: correct "
                "the host or the keys; nothing is sent"
            )
        return VenueInfo(
            service="alpaca" if emulator is None else f"{emulator} (Alpaca emulator)",
            version="v2",
            status="healthy",
            mode=mode or "paper",
            strategy_id=account_id,
            is_sandbox=emulator is not None,
            sandbox_only=mode is None,
        )

    def _find(self, our_id: str) -> Answer | None:
        if not our_id:
            raise InvalidData("venue_order_id: expected an id, got an empty text")
        answer = self._read("GET", "/v2/orders:by_client_order_id", params={"client_order_id": our_id})
        if is_unknown_order(answer):
            return None
        if answer.status in (401, 403, 429):
            raise self._refusal(answer)
        if answer.status != 200:
            raise OutcomeUnknown(f"{answer.sentence()} (this says nothing about the order)")
        return answer

    def _listed(self, wanted: frozenset[str]) -> dict[str, OrderReport]:
        """Return those of the orders that the newest pages of the list show. Paged by id: times may be equal."""
        found: dict[str, OrderReport] = {}
        params = {"status": "all", "limit": str(ORDERS_PER_PAGE), "direction": "desc"}
        for _ in range(MOST_PAGES):
            answer = self._accepted(self._read("GET", "/v2/orders", params=params))
            rows = answer.json_rows()
            plain = parse_json(answer.text, parse_constant=str)
            for row, raw in zip(rows, plain, strict=True):
                if row.get("client_order_id") in wanted:
                    try:
                        report = report_of(row, raw)
                    except ValueError:
                        # Asked for by itself, it says what is wrong with it.
                        continue
                    found[report.gateway_order_id] = report
            if len(rows) < ORDERS_PER_PAGE or wanted <= found.keys():
                break
            params["before_order_id"] = str(rows[-1].get("id"))
        return found

    def _paused(self, answer: Answer) -> Paused:
        return Paused(answer.sentence(), seconds_to_reset(answer, datetime.now(UTC)))

    def _unauthorized(self, answer: Answer) -> Unauthorized:
        return Unauthorized(
            f"{answer.sentence()}; check API key id (login) and secret (password) of the connection "
            f"{self.endpoint.connection_id!r}: a key is for paper or for live, and resetting a paper account ends it",
            answer.status,
        )


class AlpacaVenue(AlpacaReader):
    """Also sends and cancels. Neither is ever repeated here: the caller looks up before it sends again.

    terms: of every order, a market order of the day; the test on a real account sends one that cannot fill.
    """

    terms: ClassVar[Mapping[str, str]] = {"type": "market", "time_in_force": "day"}

    def submit(self, order: OrderRequest) -> OrderReport:
        """Send the order once on its terms, under our own id; raises what `answers` says."""
        body = {
            "symbol": order.symbol,
            "qty": shares(order.quantity),
            "side": order.side,
            "client_order_id": order.client_order_id,
            **self.terms,
        }
        try:
            answer = self._exchange("POST", "/v2/orders", body=body)
            if answer.status == 200:
                return accepted_order(answer, order)
            failure = submit_failure(answer, datetime.now(UTC))
        except BadAnswer as error:
            raise OutcomeUnknown(f"order {order.client_order_id}: {error}") from error
        raise failure

    def cancel(self, venue_order_id: str) -> str:
        """Ask for the order to be canceled and return the state it has then; a late fill may still come."""
        found = self.order(venue_order_id)
        if found is None or found.broker_order_id is None:
            raise NotFound(f"{self.endpoint.connection_id}: Alpaca has no order {venue_order_id}")
        answer = self._exchange("DELETE", f"/v2/orders/{quote(found.broker_order_id, safe='')}")
        if answer.status >= 500:
            raise OutcomeUnknown(answer.sentence())
        # 422: it is over already, or being canceled. Either way what it is now decides.
        if answer.status not in (200, 204, 422):
            raise self._refusal(answer)
        if answer.status == 422 and message_of(answer) is None:
            raise OutcomeUnknown(answer.sentence())
        now = self.order(venue_order_id)
        if now is None:
            raise Rejected(f"{self.endpoint.connection_id}: Alpaca knew the order {venue_order_id} and now does not")
        return now.state
