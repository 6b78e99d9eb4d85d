"""The Signal Service (T3): is it ready, and what does the model say. Source: service-contracts 1."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from include.services.answers import Answer, bool_of, decimal_of, parse_error, text_of, whole_number_of
from include.services.http import HttpService
from include.trading.errors import InvalidData, Rejected, Unavailable
from include.trading.models import Signal, SignalSet, Value


class ServiceHealth(Value):
    """A service that is ready, and where it said so."""

    status: str
    probe: str
    detail: str | None = None


class SignalServiceClient(HttpService):
    """Reads signals. Every request may be repeated: the service answers the same again."""

    def check_ready(self) -> ServiceHealth:
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
        wanted = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
        if not wanted:
            raise InvalidData("symbols: expected at least one, got none")
        body = {"symbols": wanted, "as_of_date": as_of_date.isoformat(), "top_n": top_n, "bottom_n": bottom_n}
        answer = self._read("POST", "/api/v1/signals/generate", body=body)
        if answer.status == 403 and "not active" in parse_error(answer):
            raise Rejected(f"{answer.sentence()} (a person must activate the strategy)", answer.status)
        self._accepted(answer)
        content = answer.json()
        try:
            return parse_signals(content, answer.plain_json(), wanted, as_of_date, top_n, bottom_n)
        except ValueError as error:
            raise answer.bad(error) from error

    def _health(self, answer: Answer, probe: str) -> ServiceHealth:
        body = answer.json()
        try:
            status = text_of(body, "status")
            # Only /health always tells of the model; /ready refuses without one.
            loaded = bool_of(body, "model_loaded") if probe == "/health" or "model_loaded" in body else True
        except ValueError as error:
            raise answer.bad(error) from error
        # /ready answers 200 only to say yes, in whatever word.
        if not loaded or (probe == "/health" and status != "healthy"):
            raise Unavailable(
                f"{answer.asked} says it is not ready: expected status 'healthy' and a loaded model, "
                f"got {status!r} and model_loaded {loaded}"
            )
        detail = body.get("redis_status")
        return ServiceHealth(status=status, probe=probe, detail=None if detail is None else f"redis {detail}")


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
    if repeated := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise ValueError(f"expected one row a symbol, got several for {', '.join(repeated)}")
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
    return SignalSet(
        signals=signals,
        as_of_date=as_of_date,
        model_version=text_of(metadata, "model_version"),
        strategy=text_of(metadata, "strategy"),
        generated_at=_time(metadata.get("generated_at")),
        raw=raw,
    )


def _signal(row: object) -> Signal:
    if not isinstance(row, dict):
        raise ValueError(f"signals: expected objects, got {row!r}")
    return Signal(
        symbol=text_of(row, "symbol"),
        predicted_return=decimal_of(row, "predicted_return"),
        rank=whole_number_of(row, "rank"),
        target_weight=decimal_of(row, "target_weight"),
    )


def _time(value: object) -> datetime | None:
    """Return the time, or None where it is absent or has no zone (v1) and so says nothing."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"metadata.generated_at: expected a time, got {value!r}")
    time = datetime.fromisoformat(value)
    return time if time.tzinfo else None
