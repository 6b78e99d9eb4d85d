"""Look at everything the next run needs, without writing anything: what is, and what would stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from include.execution.settings import Settings
from include.ledger.ledger import Ledger
from include.ledger.migrations import NEWEST
from include.services.endpoint import Endpoint, ServiceName
from include.services.execution_gateway import GatewayReader
from include.services.market_data import MarketDataClient
from include.services.signal_service import SignalServiceClient
from include.trading.errors import TradingError
from include.trading.identity import SENDING_MODES
from include.trading.limits import OFF, Limits
from include.trading.models import GatewayInfo, Price, Value
from include.trading.next_run import next_run
from include.trading.risk import RULES
from include.trading.sessions import Session, TradingCalendar, trading_calendar
from include.trading.states import UNRESOLVED
from include.trading.strategies_file import StrategyFile
from include.trading.strategy import Strategy

EndpointOf = Callable[[str, ServiceName], Endpoint]
ASKED_BY = "check"


class Finding(Value):
    """One fact. next_step: what a person has to do, when the fact would stop the next run or a part of it."""

    subject: str
    name: str
    value: str
    next_step: str | None = None


def check(
    ledger: Ledger | TradingError,
    strategies: StrategyFile | TradingError,
    endpoint_of: EndpointOf,
    settings: Settings,
    now: datetime,
) -> list[Finding]:
    """Return what was found, by subject. A service that does not answer is a finding, never an error.

    ledger, strategies: what was opened and read, or why that failed.
    """
    findings = [_ledger(ledger)]
    if isinstance(strategies, TradingError):
        return [
            *findings,
            Finding(subject="strategies file", name="file", value=str(strategies), next_step="repair it"),
        ]
    findings += [
        Finding(
            subject="strategies file",
            name=f"entry {problem.entry}",
            value=str(problem.problem),
            next_step=f"correct the entry in {problem.file}; until then it has no DAG",
        )
        for problem in strategies.problems
    ]
    if not strategies.strategies:
        findings.append(
            Finding(
                subject="strategies file",
                name="strategies",
                value="none",
                next_step="add a strategy to the file",
            )
        )
    open_ledger = None if isinstance(ledger, TradingError) else ledger
    gateways: dict[str, list[Strategy]] = {}
    for strategy in strategies.strategies:
        gateways.setdefault(strategy.gateway_connection, []).append(strategy)
        findings += _strategy(strategy, endpoint_of, now)
    for connection_id, traded in gateways.items():
        findings += _Gateway(connection_id, traded, endpoint_of, open_ledger, settings, now).findings()
    return findings


def blockers(findings: list[Finding]) -> list[Finding]:
    """Return what would stop the next run, or a part of it."""
    return [finding for finding in findings if finding.next_step is not None]


def _ledger(ledger: Ledger | TradingError) -> Finding:
    if isinstance(ledger, TradingError):
        return Finding(
            subject="ledger", name="version", value=str(ledger), next_step="without the ledger nothing is sent"
        )
    return Finding(subject="ledger", name="version", value=NEWEST)


def _strategy(strategy: Strategy, endpoint_of: EndpointOf, now: datetime) -> Iterator[Finding]:
    subject = f"strategy {strategy.id}"
    yield Finding(subject=subject, name="mode", value=strategy.mode)
    yield Finding(
        subject=subject,
        name="symbols",
        value=f"{len(strategy.symbols)}, {strategy.top_n} long and {strategy.bottom_n} short of them",
    )
    yield from _rules(strategy, subject)
    calendar = trading_calendar(strategy.calendar, today=now.date())
    yield _schedule(strategy, subject, calendar, now)
    yield _signals(strategy, subject, endpoint_of)
    yield from _prices(strategy, subject, endpoint_of, calendar.previous(calendar.current(now).day), now)


def _rules(strategy: Strategy, subject: str) -> Iterator[Finding]:
    off = []
    for rule in RULES:
        if rule.setting is None:
            continue
        limit = attrgetter(rule.setting)(strategy)
        group, _, name = rule.setting.rpartition(".")
        field = (Limits if group else Strategy).model_fields[name]
        extra = field.json_schema_extra
        unit, source = (extra["unit"], extra["source"]) if isinstance(extra, dict) else ("", "")
        if limit == OFF:
            off.append(rule.code)
        elif isinstance(limit, tuple):
            yield Finding(subject=subject, name=f"rule {rule.code}", value=", ".join(limit) or "no symbol")
        else:
            origin = f"default: {source}" if limit == field.default else "the strategies file"
            yield Finding(subject=subject, name=f"rule {rule.code}", value=f"{limit:,} {unit} ({origin})")
    yield Finding(subject=subject, name="rules off", value=", ".join(off) or "none")


def _schedule(strategy: Strategy, subject: str, calendar: TradingCalendar, now: datetime) -> Finding:
    due = next_run(strategy.schedule, calendar, now)
    if due is None:
        return Finding(
            subject=subject, name="next run", value=f"by hand; the current session is {calendar.current(now).day}"
        )
    session = calendar.current(due)
    hours = f"{session.open:%H:%M} to {session.close:%H:%M} UTC"
    value = f"{due:%Y-%m-%d %H:%M} UTC for session {session.day} ({hours})"
    if strategy.mode in SENDING_MODES and strategy.market_hours and not session.open <= due < session.close:
        return Finding(
            subject=subject,
            name="next run",
            value=f"{value}, outside its hours: it would only plan",
            next_step=f"change the schedule {strategy.schedule!r} if it is meant to send",
        )
    return Finding(subject=subject, name="next run", value=value)


def _signals(strategy: Strategy, subject: str, endpoint_of: EndpointOf) -> Finding:
    name = "signal service"
    try:
        endpoint = endpoint_of(strategy.signal_connection, "signal_service")
        with SignalServiceClient(endpoint, correlation_id=ASKED_BY, retry_delays_seconds=()) as client:
            health = client.check_ready()
    except TradingError as error:
        return Finding(
            subject=subject,
            name=name,
            value=str(error),
            next_step=f"start the Signal Service, or correct the connection {strategy.signal_connection}",
        )
    value = f"contract {endpoint.contract}, {health.probe} says {health.status}"
    return Finding(subject=subject, name=name, value=f"{value}, {health.detail}" if health.detail else value)


def _prices(
    strategy: Strategy, subject: str, endpoint_of: EndpointOf, last: Session, now: datetime
) -> Iterator[Finding]:
    connection_id = strategy.market_data_connection
    try:
        endpoint = endpoint_of(connection_id, "market_data")
        with MarketDataClient(endpoint, correlation_id=ASKED_BY, retry_delays_seconds=()) as client:
            latest = client.latest_prices(strategy.symbols, now)
            closes = client.daily_closes(strategy.symbols, last.day, last.close, now)
    except TradingError as error:
        yield Finding(
            subject=subject,
            name="market data",
            value=str(error),
            next_step=f"every symbol would be skipped: correct the connection {connection_id}, or wait for the service",
        )
        return
    for name, found in (("latest trades", latest), (f"closes of {last.day}", closes)):
        wrong = {symbol: price for symbol, price in found.items() if not isinstance(price, Price)}
        listed = ", ".join(f"{symbol} ({price})" for symbol, price in wrong.items())
        yield Finding(
            subject=subject,
            name=name,
            value=f"{len(found) - len(wrong)} of {len(found)} symbols" + (f"; not {listed}" if wrong else ""),
            next_step="these symbols would get no order: correct their names, or the market data" if wrong else None,
        )


class _Gateway:
    """One gateway connection, its account, and the strategies that trade there."""

    def __init__(
        self,
        connection_id: str,
        strategies: list[Strategy],
        endpoint_of: EndpointOf,
        ledger: Ledger | None,
        settings: Settings,
        now: datetime,
    ) -> None:
        self.connection_id = connection_id
        self.sending = [strategy for strategy in strategies if strategy.mode in SENDING_MODES]
        self.strategies = strategies
        self.endpoint_of = endpoint_of
        self.ledger = ledger
        self.settings = settings
        self.now = now

    def findings(self) -> Iterator[Finding]:
        subject = f"gateway {self.connection_id}"
        try:
            endpoint = self.endpoint_of(self.connection_id, "execution_gateway")
        except TradingError as error:
            yield Finding(subject=subject, name="connection", value=str(error), next_step="correct the connection")
            return
        yield Finding(subject=subject, name="contract", value=str(endpoint.contract))
        wanted = 2 * endpoint.total_timeout_seconds
        if self.settings.lease_seconds < wanted:
            yield Finding(
                subject=subject,
                name="lease",
                value=f"{self.settings.lease_seconds:g} s, expected at least {wanted:g} s, twice the total time-out",
                next_step="raise TRADING_LEASE_SECONDS or lower total_timeout_seconds; no order is sent until then",
            )
        with GatewayReader(endpoint, correlation_id=ASKED_BY, retry_delays_seconds=()) as reader:
            yield from self._service(reader, subject)
            if self.ledger is not None and endpoint.account is not None:
                yield from self._account(self.ledger, reader, endpoint.account)

    def _stops(self, step: str) -> str | None:
        """Return the step when some strategy sends there; to the others the gateway does not matter."""
        return step if self.sending else None

    def _service(self, reader: GatewayReader, subject: str) -> Iterator[Finding]:
        try:
            info = reader.info()
            switch = reader.kill_switch()
        except TradingError as error:
            yield Finding(
                subject=subject,
                name="health",
                value=str(error),
                next_step=self._stops(f"start the gateway, or correct the connection {self.connection_id}"),
            )
            return
        yield Finding(
            subject=subject,
            name="health",
            value=f"{info.service} {info.version} is {info.status}" + (f" ({info.detail})" if info.detail else ""),
            next_step=self._stops("repair the gateway: orders would wait for it")
            if info.status == "unhealthy"
            else None,
        )
        yield self._mode(info, subject)
        if switch is not None:
            by = f"engaged by {switch.engaged_by}: {switch.reason}"
            yield Finding(
                subject=subject,
                name="kill switch",
                value=by if switch.engaged else "not engaged",
                next_step=self._stops("disengage it at the gateway when its reason is settled")
                if switch.engaged
                else None,
            )

    def _mode(self, info: GatewayInfo, subject: str) -> Finding:
        wrong = [f"{strategy.id} wants {strategy.mode}" for strategy in self.sending if strategy.mode != info.mode] + [
            f"{strategy.id} wants the sandbox"
            for strategy in self.sending
            if strategy.sandbox_only and not info.service.startswith("sandbox")
        ]
        return Finding(
            subject=subject,
            name="mode",
            value=", but ".join([info.mode, *wrong]),
            next_step="the run would halt the account: correct the connection or the strategy's mode"
            if wrong
            else None,
        )

    def _account(self, ledger: Ledger, reader: GatewayReader, account: str) -> Iterator[Finding]:
        subject = f"account {account}"
        row = ledger.accounts.get(account)
        if row is None:
            yield Finding(subject=subject, name="state", value="new: its first run writes it")
        else:
            since = f"since {row.state_changed_at:%Y-%m-%d %H:%M} UTC by {row.state_changed_by}"
            yield Finding(
                subject=subject,
                name="state",
                value=row.state if row.state == "active" else f"{row.state} {since}: {row.state_reason}",
                next_step=None
                if row.state == "active"
                else f"settle the reason, then: python -m include.ops resume --account {account} --reason …"
                if row.state == "halted"
                else "settle the unresolved orders: only reductions would be sent",
            )
            if row.gateway_paused_until is not None and row.gateway_paused_until > self.now:
                yield Finding(
                    subject=subject,
                    name="pause",
                    value=f"until {row.gateway_paused_until:%Y-%m-%d %H:%M:%S} UTC: {row.pause_reason}; "
                    "it ends by itself",
                )
        for intent in ledger.orders.live(account):
            if intent.state in UNRESOLVED:
                yield Finding(
                    subject=subject,
                    name=f"order {intent.client_order_id}",
                    value=f"{intent.state}: {intent.side} {intent.quantity} {intent.symbol}: {intent.message or '–'}",
                    next_step="its symbol would not be planned: wait for the look-ups, or find it at the broker and: "
                    f"python -m include.ops settle {intent.client_order_id} --outcome … --reason …",
                )
        for found in ledger.books.open_breaks(account):
            yield Finding(
                subject=subject,
                name=f"break {found.id}",
                value=f"{found.kind} of {found.found_at:%Y-%m-%d %H:%M} UTC: {found.message}",
                next_step="settle what differs, then: "
                f"python -m include.ops resume --account {account} --breaks {found.id} --reason …",
            )
        yield from self._positions(ledger, reader, account)

    def _positions(self, ledger: Ledger, reader: GatewayReader, account: str) -> Iterator[Finding]:
        subject = f"account {account}"
        if not any(strategy.mode in ("paper", "live") for strategy in self.strategies):
            return
        try:
            found = unexplained(ledger, reader, account)
        except TradingError as error:
            yield Finding(
                subject=subject,
                name="positions",
                value=str(error),
                next_step="the plan needs them: repair the gateway",
            )
            return
        ours = {symbol for strategy in self.strategies for symbol in strategy.symbols}
        ours |= ledger.orders.account_fills(account).keys()
        for symbol, (actual, expected) in found.items():
            blocks = symbol in ours and reader.contract == "v2"
            why = "" if symbol in ours else "; no strategy trades it, it is never touched"
            if symbol in ours and not blocks:
                why = "; a v1 gateway counts partial fills twice, so it only warns"
            yield Finding(
                subject=subject,
                name=f"position {symbol}",
                value=f"the gateway holds {actual:f}, our fills and the baseline say {expected:f}{why}",
                next_step="the symbol would not be planned: find out whose it is; if it is not ours: "
                f"python -m include.ops adopt --account {account} --symbol {symbol} --reason …"
                if blocks
                else None,
            )
        if not found:
            yield Finding(subject=subject, name="positions", value="every one is explained")


def unexplained(ledger: Ledger, reader: GatewayReader, account: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Return every symbol of the account, foreign ones too, whose books differ: (the gateway's, the ledger's)."""
    actual, fills, baseline = reader.positions(), ledger.orders.account_fills(account), ledger.books.baseline(account)
    zero = Decimal(0)
    pairs = {
        symbol: (actual.get(symbol, zero), fills.get(symbol, zero) + baseline.get(symbol, zero))
        for symbol in sorted({*actual, *fills, *baseline})
    }
    return {symbol: pair for symbol, pair in pairs.items() if pair[0] != pair[1]}
