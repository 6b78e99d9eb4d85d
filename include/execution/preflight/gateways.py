"""One gateway connection and its account: what it is, what state it is in, and whether the books agree."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import datetime

from include.execution.assembly import Assembly
from include.execution.preflight.bindings import check_binding, elsewhere
from include.execution.preflight.finding import ASKED_BY, Finding, Note, about, refused_login
from include.ledger.ledger import Ledger
from include.trading.account.comparison import Differences, unequal
from include.trading.account.row import Account
from include.trading.alerts.alarms import listed
from include.trading.errors import TradingError, Unauthorized
from include.trading.models import VenueInfo
from include.trading.numbers import shares
from include.trading.order.identity import SENDING_MODES
from include.trading.order.states import UNRESOLVED
from include.trading.plan.capital import sized
from include.trading.plan.ending import no_cancel
from include.trading.ports import VenueReader
from include.trading.strategy.spec import Strategy
from include.trading.strategy.venue_needs import unmet

OPS = "python -m include.ops"
# Not the same as well: what is behind it may stop every order.
UNSEEN = "not known, this login is not allowed to see it"


def check_gateway_connection(
    connection_id: str,
    strategies: Sequence[Strategy],
    symbols: Mapping[str, Collection[str] | None],
    assembly: Assembly,
    ledger: Ledger | None,
    now: datetime,
) -> Iterator[Finding]:
    """strategies: those that trade there. To those that never send it does not matter what the gateway answers.

    symbols: what each strategy's next run trades, by its id; None where that is not known.
    """
    note = about(f"venue {connection_id}")
    sending = [strategy for strategy in strategies if strategy.mode in SENDING_MODES]
    try:
        venue = assembly.venue(connection_id)
    except TradingError as error:
        yield note("connection", str(error), "correct the connection: no run can start without it")
        return
    endpoint, settings = venue.connection, assembly.settings
    yield note("venue", venue.traits.called)
    shortest = 2 * endpoint.total_timeout_seconds
    if settings.lease_seconds < shortest:
        yield note(
            "lease",
            f"{settings.lease_seconds:g} s, expected at least {shortest:g} s, twice the gateway's total time-out",
            "raise TRADING_LEASE_SECONDS or lower total_timeout_seconds: no order is sent until then",
        )
    with venue.reader(correlation_id=ASKED_BY, retry_delays_seconds=()) as reader:
        info = yield from _service(reader, sending, note)
        yield from _needs(reader, strategies, note)
        yield from _money(reader, strategies, note)
        yield from _endings(reader, sending, note)
        yield from _assets(reader, {symbol for each in sending for symbol in symbols[each.id] or ()}, note)
        if ledger is not None and endpoint.account is not None:
            of_account = about(f"account {endpoint.account}")
            yield from check_binding(ledger, endpoint, info, sending, of_account)
            yield from _account(ledger, endpoint.account, now, of_account)
            here = elsewhere(ledger, endpoint, info) is None
            if here and any(strategy.mode in ("paper", "live") for strategy in sending):
                yield from _positions(ledger, reader, endpoint.account, strategies, symbols, of_account)


def _service(
    reader: VenueReader, sending: Sequence[Strategy], note: Note
) -> Generator[Finding, None, VenueInfo | None]:
    """Yield what is found of the venue itself, and return what it says of itself when it answers."""
    connection_id = reader.endpoint.connection_id
    try:
        info = reader.info()
    except Unauthorized as error:
        value, step = refused_login(error, reader.traits.called, f"the connection {connection_id}")
        yield note("health", value, step if sending else None)
        return None
    except TradingError as error:
        step = f"start {reader.traits.called}, or correct the connection {connection_id}"
        yield note("health", str(error), step if sending else None)
        return None
    # By the body: the answer is a 200 whatever it says. Degraded is how a missing safety component shows.
    ill = {
        "unhealthy": "repair the venue: orders would wait for it",
        "degraded": "ask who runs the venue what is missing, such as the state of its circuit breaker: without it "
        "every order is refused",
    }.get(info.status or "")
    words = f"{info.service} {info.version} is {info.status}" + (f" ({info.detail})" if info.detail else "")
    yield note("health", words, ill if sending else None)
    wrong = _wrong_mode(info, sending)
    step = f"correct the connection {connection_id} or the strategy: the run would be refused"
    yield note("mode", ", but ".join([info.mode, *wrong]), step if wrong else None)
    for gate in reader.gates():
        yield note(gate.name, gate.words, gate.next_step if sending else None)
    return info


def _needs(reader: VenueReader, strategies: Sequence[Strategy], note: Note) -> Iterator[Finding]:
    """Say which strategies need what the venue does not have."""
    for strategy in strategies:
        if strategy.mode != "replay":
            for sentence, step in unmet(strategy, reader.traits, strategy.mode):
                yield note(f"strategy {strategy.id}", sentence, step)


def _assets(reader: VenueReader, wanted: Collection[str], note: Note) -> Iterator[Finding]:
    """Name the symbols that the venue does not trade: what is held of them may be sold, and nothing more is bought."""
    if not wanted or not reader.traits.tells_assets:
        return
    try:
        told = reader.assets(sorted(wanted)) or {}
    except TradingError as error:
        yield note("symbols", str(error), "repair the connection: until then nothing is increased")
        return
    unknown = [symbol for symbol, facts in told.items() if facts is None]
    idle = [symbol for symbol, facts in told.items() if facts is not None and not facts.tradable]
    wrong = [f"{words} {', '.join(names)}" for words, names in (("unknown:", unknown), ("not traded:", idle)) if names]
    step = "correct the symbols of the strategy or its signals: these are never bought or sold short" if wrong else None
    value = f"{len(told) - len(unknown) - len(idle)} of {len(told)} may be traded"
    yield note("symbols", "; ".join([value, *wrong]), step)


def _money(reader: VenueReader, strategies: Sequence[Strategy], note: Note) -> Iterator[Finding]:
    """Say what the account has, and what that makes of the strategies that are sized by it."""
    by_equity = [strategy for strategy in strategies if strategy.equity is not None and strategy.mode != "replay"]
    if not reader.traits.tells_account:
        return
    try:
        money = reader.account()
    except TradingError as error:
        yield note("money", str(error), "repair the connection: until then nothing is increased")
        return
    if money is not None:
        yield note("money", f"equity {money.equity:,f} USD, buying power {money.buying_power:,f} USD")
    for strategy in by_equity:
        sizing = sized(strategy, money, {})
        words = sizing.reductions_only or sizing.note or "a number"
        stops = "until then it plans reductions only" if sizing.reductions_only else None
        yield note(f"capital of {strategy.id}", words, stops)


def _endings(reader: VenueReader, sending: Sequence[Strategy], note: Note) -> Iterator[Finding]:
    """Say which strategies want open orders canceled at a venue that cannot."""
    if reader.traits.can_cancel:
        return
    for strategy in sending:
        if strategy.orders.at_send_until == "cancel":
            step = "write orders: {at_send_until: leave}, or trade at a venue that can cancel"
            yield note(f"at_send_until of {strategy.id}", no_cancel(strategy), step)


def _wrong_mode(info: VenueInfo, sending: Sequence[Strategy]) -> list[str]:
    wrong = [f"strategy {strategy.id} is {strategy.mode}" for strategy in sending if strategy.mode != info.mode]
    if info.sandbox_only:
        not_told = [strategy.id for strategy in sending if not strategy.sandbox_only]
        wrong += [f"strategy {id} is not sandbox_only, and this is an emulator" for id in not_told]
    if not info.is_sandbox:
        wrong += [f"strategy {strategy.id} wants the sandbox" for strategy in sending if strategy.sandbox_only]
    return wrong


def _account(ledger: Ledger, account: str, now: datetime, note: Note) -> Iterator[Finding]:
    row = ledger.accounts.get(account)
    breaks = ledger.books.open_breaks(account)
    yield (
        note("state", "new: its first run writes it")
        if row is None
        else _state(row, [each.id for each in breaks], note)
    )
    if row is not None and row.gateway_paused_until is not None and row.gateway_paused_until > now:
        yield note("pause", f"until {row.gateway_paused_until:%Y-%m-%d %H:%M:%S} UTC, by itself: {row.pause_reason}")
    for found in breaks:
        yield note(
            f"break {found.id}",
            f"{found.kind} of {found.found_at:%Y-%m-%d %H:%M} UTC: {found.message}",
            "settle what differs, then resume",
        )
    for intent in ledger.orders.live(account):
        if intent.state in UNRESOLVED:
            yield note(
                f"order {intent.client_order_id}",
                f"{intent.state}: {intent.words}: {intent.message or 'no answer yet'}",
                "wait for the look-ups, or find it at the broker, then: "
                f"{OPS} settle {intent.client_order_id} --outcome … --reason …",
            )


def _state(row: Account, breaks: Sequence[int], note: Note) -> Finding:
    if row.state == "active":
        return note("state", "active")
    words = f"{row.state} since {row.state_changed_at:%Y-%m-%d %H:%M} UTC by {row.state_changed_by}: {row.state_reason}"
    if row.state == "reduce_only":
        return note("state", words, "settle the unresolved orders: until then only reductions are sent")
    named = f" --breaks {' '.join(map(str, breaks))}" if breaks else ""
    return note("state", words, f"when that is settled: {OPS} resume --account {row.account}{named} --reason …")


def _positions(
    ledger: Ledger,
    reader: VenueReader,
    account: str,
    strategies: Sequence[Strategy],
    symbols: Mapping[str, Collection[str] | None],
    note: Note,
) -> Iterator[Finding]:
    try:
        found = unexplained(ledger, reader, account)
    except Unauthorized as error:
        if error.status == 401:
            value, step = refused_login(error, reader.traits.called, f"the connection {reader.endpoint.connection_id}")
            yield note("positions", value, f"{step}: no plan is made without positions")
        else:
            step = "give the login the right: no plan is made without positions"
            yield note("positions", f"{UNSEEN}: {error}", step)
        return
    except TradingError as error:
        yield note("positions", str(error), "repair the venue: no plan is made without its positions")
        return
    wanted = {each.id: symbols[each.id] for each in strategies}
    ours = {*ledger.movements.of_account(account), *(symbol for named in wanted.values() for symbol in named or ())}
    # A run compares every position that its signals name.
    unknown = [id for id, named in wanted.items() if named is None]
    for symbol, (actual, expected) in found.items():
        words = f"the venue holds {shares(actual)}, our fills and the adopted baseline say {shares(expected)}"
        if symbol not in ours and unknown:
            words += f"; it is not known whether the signals of {listed(unknown)} name it"
        if symbol not in ours and not unknown:
            yield note(f"position {symbol}", f"{words}; foreign: no strategy trades it, so it is left alone")
        elif not reader.traits.positions_are_exact:
            yield note(f"position {symbol}", f"{words}; {reader.traits.positions_note}, so it only warns")
        else:
            step = f"look at the broker, then {OPS} correct … for what is ours, {OPS} adopt … for what is not"
            yield note(f"position {symbol}", words, f"{step} (docs/runbook.md#blocked_symbol; no order until then)")
    strangers = ledger.movements.of_others(account, [strategy.id for strategy in strategies])
    for id, theirs in strangers.items():
        yield note(
            f"strategy {id!r}",
            f"no strategy has this id, and under it the account holds or trades {', '.join(theirs)}",
            f"if it was renamed: {OPS} correct --account {account} --strategy NEW --move-from {shlex.quote(id)} "
            "--reason … (until then these symbols get no order)",
        )
    if not found and not strangers:
        yield note("positions", "every one is explained")


def unexplained(ledger: Ledger, reader: VenueReader, account: str) -> Differences:
    """Return every symbol of the account, foreign ones too, whose books differ: (the gateway's, the ledger's)."""
    actual = reader.positions()
    expected = ledger.movements.expected(account).quantities
    return unequal(actual, expected, {*actual, *expected})
