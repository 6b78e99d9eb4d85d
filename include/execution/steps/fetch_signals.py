"""The first step: is everything up, and what does the source say for the day."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from hashlib import sha256
from typing import Any

from include.execution.desk import Desk, check_gateway
from include.execution.steps.open_run import sends, strategy_of
from include.execution.steps.snapshot import read_book
from include.trading.errors import BadAnswer, Halted
from include.trading.models import SignalOrigin, SignalSet
from include.trading.ports import SignalRequest, SignalSource
from include.trading.run.row import Run
from include.trading.signals.judge import check_answer
from include.trading.strategy.spec import Strategy


def fetch_signals(desk: Desk, source: SignalSource | None, run: Run) -> SignalSet | None:
    """Return the source's signals for the run, stored with the raw answer; None when the run flattens and needs none.

    source: None for such a run alone, which must not fail because no source can be opened.
    An answer that is not what was asked for is refused whole, and stored with the reason.
    Raises Unavailable (a service is down), Halted (the account or the gateway is), InvalidData (a wrong answer).
    """
    if sends(run):
        check_may_trade(desk, run)
    if run.parameters["flatten"]:
        desk.ledger.runs.record_signals(run.run_id, num_signals=0, model_version=None, response=None)
        return None
    if source is None:
        raise TypeError("only a run that flattens does without a source of signals")
    source.check_ready()
    try:
        signals = source.signals(request_of(desk, run))
    except BadAnswer as error:
        _store_refused(desk, run, 0, None, str(error), error.raw)
        raise
    try:
        check_answer(signals, strategy_of(run), request_of(desk, run))
    except ValueError as error:
        _store_refused(desk, run, len(signals.signals), signals.model_version, str(error), signals.raw)
        raise BadAnswer(str(error), json.dumps(signals.raw)) from error
    signals = signals.model_copy(update={"origin": signals.origin or _origin(strategy_of(run), signals)})
    desk.ledger.runs.record_signals(
        run.run_id,
        num_signals=len(signals.signals),
        model_version=signals.model_version,
        response=signals.raw,
        origin=None if signals.origin is None else signals.origin.model_dump(mode="json"),
    )
    return signals


def _origin(strategy: Strategy, found: SignalSet) -> SignalOrigin:
    """Return where an answer came from whose source does not say: its signals stand for it."""
    rows = [signal.model_dump(mode="json") for signal in found.signals]
    return SignalOrigin(
        source=strategy.signals.name,
        dated="its own date",
        rows=len(rows),
        sha256=sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest(),
        modified_at=found.generated_at,
    )


def request_of(desk: Desk, run: Run) -> SignalRequest:
    """Return what this run asks for."""
    book = read_book(desk, run)
    held = {symbol for quantities in (book.held, book.working) for symbol in quantities if quantities[symbol]}
    return signal_request(
        strategy_of(run),
        run.as_of_date,
        run.session_date,
        held=held,
        replay=run.mode == "replay",
        event=run.parameters.get("signal_event"),
    )


def signal_request(
    strategy: Strategy,
    as_of_date: date,
    session: date,
    *,
    held: Collection[str] = (),
    replay: bool = False,
    event: dict[str, Any] | None = None,
) -> SignalRequest:
    return SignalRequest(
        symbols=strategy.symbols,
        as_of_date=as_of_date,
        session=session,
        held=tuple(sorted(held)),
        replay=replay,
        event=event,
    )


def check_may_trade(desk: Desk, run: Run) -> None:
    """Raise unless account and gateway would let an order of this run through now."""
    account = desk.ledger.accounts.get(run.account)
    if account is not None and account.state == "halted":
        raise Halted(
            f"account {run.account} is halted: {account.state_reason}; when that is settled: "
            f"python -m include.ops resume --account {run.account} --reason …"
        )
    sandbox_only, planned = strategy_of(run).sandbox_only, run.plan_id is not None
    check_gateway(desk, run.account, run.mode, sandbox_only=sandbox_only, planned=planned)
    if (refusal := desk.gateway.refusal()) is not None:
        raise Halted(refusal)


def _store_refused(
    desk: Desk, run: Run, num_signals: int, model_version: str | None, reason: str, answer: object
) -> None:
    desk.ledger.runs.record_signals(
        run.run_id,
        num_signals=num_signals,
        model_version=model_version,
        response={"refused": reason, "answer": answer},
    )
