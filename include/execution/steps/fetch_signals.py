"""The first step: is everything up, and what does the model say for the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from include.execution.desk import Desk, check_gateway
from include.execution.steps.open_run import sends, strategy_of
from include.trading.errors import BadAnswer, Halted, InvalidData
from include.trading.models import Signal, SignalSet
from include.trading.ports import SignalRequest, SignalSource
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy

# The service computes in floats: eleven times one eleventh is a little above 1.
ROUNDING = Decimal("1e-9")


def fetch_signals(desk: Desk, source: SignalSource, run: Run) -> SignalSet | None:
    """Return the model's signals for the run, stored with the raw answer; None when the run flattens and needs none.

    An answer that is not what was asked for is refused whole, and stored with the reason.
    Raises Unavailable (a service is down), Halted (the account or the gateway is), InvalidData (a wrong answer).
    """
    strategy = strategy_of(run)
    if sends(run):
        check_may_trade(desk, run)
    if run.parameters["flatten"]:
        desk.ledger.runs.record_signals(run.run_id, num_signals=0, model_version=None, response=None)
        return None
    source.check_ready()
    try:
        signals = source.signals(signal_request(strategy, run.as_of_date, run.session_date))
    except BadAnswer as error:
        _store_refused(desk, run, error.raw, str(error))
        raise
    gross = gross_weight(signals.signals)
    if gross > strategy.max_gross_weight + ROUNDING:
        reason = (
            f"the signals' gross weight is {gross}, expected at most {strategy.max_gross_weight} (max_gross_weight "
            f"of strategy {strategy.id}); the whole answer is refused"
        )
        desk.ledger.runs.record_signals(
            run.run_id,
            num_signals=len(signals.signals),
            model_version=signals.model_version,
            response={"refused": reason, "answer": signals.raw},
        )
        raise InvalidData(reason)
    desk.ledger.runs.record_signals(
        run.run_id, num_signals=len(signals.signals), model_version=signals.model_version, response=signals.raw
    )
    return signals


def signal_request(strategy: Strategy, as_of_date: date, session: date) -> SignalRequest:
    return SignalRequest(symbols=strategy.symbols, as_of_date=as_of_date, session=session)


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


def gross_weight(signals: Sequence[Signal]) -> Decimal:
    return sum((abs(signal.target_weight) for signal in signals), Decimal(0))


def _store_refused(desk: Desk, run: Run, raw: str, reason: str) -> None:
    desk.ledger.runs.record_signals(
        run.run_id, num_signals=0, model_version=None, response={"refused": reason, "answer": raw}
    )
