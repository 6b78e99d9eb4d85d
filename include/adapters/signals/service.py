"""The Signal Service (T3): is it ready, and what does the model say. Source: service-contracts 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.adapters.http.answers import (
    Answer,
    bool_of,
    decimal_of,
    parse_error,
    text_of,
    time_of,
    whole_number_of,
    words_of,
)
from include.adapters.http.client import HttpService
from include.adapters.http.endpoint import Endpoint
from include.trading.bounds import LONGEST_MODEL_VERSION, PREDICTED_RETURN, TARGET_WEIGHT, NumberBound
from include.trading.errors import InvalidData, Rejected, Unauthorized, Unavailable
from include.trading.models import Signal, SignalSet
from include.trading.ports import SignalRequest, SourceHealth, symbols_in_order
from include.trading.signals.judge import check_sides
from include.trading.signals.weights import named
from include.trading.strategy.signals_spec import ServiceSignals

# A float, which the service computes in, has 17.
MOST_DIGITS = 20


class SignalServiceClient(HttpService):
    """Reads signals. Every request may be repeated: the service answers the same again."""

    def check_ready(self) -> SourceHealth:
        """Return the health of a service that can answer now; raise Unavailable with its words when it cannot.

        Decided by the body: /health answers 200 while degraded. v2's /ready is asked first where it exists.
        """
        if self.endpoint.contract == "v2":
            answer = self._read("GET", "/ready")
            if answer.status != 404:
                return self._health(self._accepted(answer), "/ready")
        return self._health(self._read_json("GET", "/health"), "/health")

    def generate(self, symbols: Sequence[str], as_of_date: date, top_n: int, bottom_n: int) -> SignalSet:
        """Return the model's signals for as_of_date, checked as a whole; neutral symbols have weight 0.

        Raises InvalidData (BadAnswer, with `raw`) when anything in the answer is not what was asked for.
        """
        # The service answers a repeated symbol with repeated rows.
        wanted = symbols_in_order(symbols)
        if not wanted:
            raise InvalidData("symbols: expected at least one, got none")
        body = {"symbols": wanted, "as_of_date": as_of_date.isoformat(), "top_n": top_n, "bottom_n": bottom_n}
        answer = self._read("POST", "/api/v1/signals/generate", body=body)
        if answer.status == 403 and "not active" in parse_error(answer):
            raise Rejected(f"{answer.sentence()} (a person must activate the strategy)", answer.status)
        try:
            self._accepted(answer)
        except Unauthorized:
            raise
        except Rejected as error:
            raise Rejected(f"{error} (asked for {as_of_date}: {named(wanted)})", error.status) from error
        content = answer.json()
        try:
            return parse_signals(content, answer.plain_json(), wanted, as_of_date, top_n, bottom_n)
        except ValueError as error:
            raise answer.bad(error) from error

    def _health(self, answer: Answer, probe: str) -> SourceHealth:
        body = answer.json()
        try:
            status = text_of(body, "status")
            # Only /health always mentions the model; /ready refuses without one.
            loaded = bool_of(body, "model_loaded") if probe == "/health" or "model_loaded" in body else True
        except ValueError as error:
            raise answer.bad(error) from error
        # /ready answers 200 only to say yes, in whatever word.
        if not loaded or (probe == "/health" and status != "healthy"):
            raise Unavailable(
                f"{answer.asked} says it is not ready: expected status 'healthy' and a loaded model, "
                f"got {status!r} and model_loaded {loaded}"
            )
        redis = words_of(body, "redis_status")
        words = [f"contract {self.endpoint.contract}", f"{probe} says {status}"]
        return SourceHealth(words=", ".join(words if redis is None else [*words, f"redis {redis}"]))


class ServiceSource(SignalServiceClient):
    """The Signal Service as a strategy's source: asked for so many long and short as the strategy says."""

    def __init__(self, endpoint: Endpoint, spec: ServiceSignals, **options: Any) -> None:
        super().__init__(endpoint, **options)
        self._spec = spec

    def signals(self, ask: SignalRequest) -> SignalSet:
        return self.generate(ask.symbols, ask.as_of_date, self._spec.top_n, self._spec.bottom_n)


def parse_signals(
    body: dict[str, Any], raw: dict[str, Any], wanted: tuple[str, ...], as_of_date: date, top_n: int, bottom_n: int
) -> SignalSet:
    """Return the signals of an answer, fresh or saved; raises ValueError with what is wrong.

    body: with Decimals. raw: the same in plain types, to be stored.
    """
    rows, metadata = body.get("signals"), body.get("metadata")
    if not isinstance(rows, list) or not isinstance(metadata, dict):
        raise ValueError("expected a list `signals` and an object `metadata`")
    signals = tuple(_signal(row) for row in rows)
    symbols = [signal.symbol for signal in signals]
    if repeated := sorted(symbol for symbol, times in Counter(symbols).items() if times > 1):
        raise ValueError(f"expected one row per symbol, got several for {', '.join(repeated)}")
    if foreign := sorted(set(symbols) - set(wanted)):
        raise ValueError(f"expected only the symbols asked for, got also {', '.join(foreign)}")
    used = text_of(metadata, "as_of_date")
    if used != as_of_date.isoformat():
        raise ValueError(f"metadata.as_of_date: expected {as_of_date}, got {used!r}")
    if (counted := whole_number_of(metadata, "num_signals")) != len(signals):
        raise ValueError(f"metadata.num_signals: expected {len(signals)}, the number of rows, got {counted}")
    for name, asked in (("top_n", top_n), ("bottom_n", bottom_n)):
        if name in metadata and metadata[name] != asked:
            raise ValueError(f"metadata.{name}: expected {asked}, got {metadata[name]!r}")
    check_sides(signals, top_n, bottom_n)
    return SignalSet(
        signals=signals,
        as_of_date=as_of_date,
        model_version=text_of(metadata, "model_version", LONGEST_MODEL_VERSION),
        strategy=text_of(metadata, "strategy"),
        generated_at=_time(metadata.get("generated_at")),
        raw=raw,
    )


def _signal(row: object) -> Signal:
    if not isinstance(row, dict):
        raise ValueError(f"signals: expected objects, got {type(row).__name__}")
    return Signal(
        symbol=text_of(row, "symbol"),
        predicted_return=_number(row, "predicted_return", PREDICTED_RETURN),
        rank=whole_number_of(row, "rank"),
        target_weight=_number(row, "target_weight", TARGET_WEIGHT),
    )


def _number(row: dict[str, Any], name: str, bound: NumberBound) -> Decimal:
    number = decimal_of(row, name)
    if len(number.as_tuple().digits) > MOST_DIGITS or not bound.holds(number):
        largest = Decimal(10) ** (bound.digits - bound.scale)
        raise ValueError(
            f"{name}: expected a number of at most {MOST_DIGITS} digits below {largest:f}, got {str(number)[:50]}"
        )
    return number


def _time(value: object) -> datetime | None:
    """Return the time, or None where it is absent or has no zone (v1) and so says nothing."""
    if value is None:
        return None
    time = datetime.fromisoformat(value) if isinstance(value, str) else None
    if time is None or (time.tzinfo is not None and time_of(value) is None):
        raise ValueError(f"metadata.generated_at: expected a time, got {str(value)[:50]!r}")
    return time_of(value)
