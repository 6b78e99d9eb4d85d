"""The first step: is everything up, and what does the model say for the day."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from include.adapters.http.answers import BadAnswer
from include.adapters.signals.service import SignalServiceClient
from include.execution.desk import Desk, check_gateway
from include.execution.steps.open_run import sends, strategy_of
from include.trading.errors import Halted, InvalidData
from include.trading.models import Signal, SignalSet
from include.trading.run.row import Run

# The service computes in floats: eleven times one eleventh is a little above 1.
ROUNDING = Decimal("1e-9")


def fetch_signals(desk: Desk, service: SignalServiceClient, run: Run) -> SignalSet | None:
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
    service.check_ready()
    try:
        signals = service.generate(strategy.symbols, run.as_of_date, strategy.signals.top_n, strategy.signals.bottom_n)
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
    switch = desk.gateway.kill_switch()
    if switch is not None and switch.engaged:
        raise Halted(f"the gateway's kill switch is engaged by {switch.engaged_by}: {switch.reason}")


def gross_weight(signals: Sequence[Signal]) -> Decimal:
    return sum((abs(signal.target_weight) for signal in signals), Decimal(0))


def _store_refused(desk: Desk, run: Run, raw: str, reason: str) -> None:
    desk.ledger.runs.record_signals(
        run.run_id, num_signals=0, model_version=None, response={"refused": reason, "answer": raw}
    )
