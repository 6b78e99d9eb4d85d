"""Everything that can go wrong, as one tree. Retrying is decided from the class, nowhere else.

TradingError
├── Unavailable      the service did not do it, provably: ask again later
│   ├── Paused       … and said for how long to leave it alone (429, Retry-After)
│   └── LedgerUnavailable … the ledger's own database did not do it
├── OutcomeUnknown   the request may have been carried out: look it up, never resend blindly
├── Halted           a person, a kill switch or a breaker stopped trading: wait for a person
├── Rejected         the service understood and said no: never ask again
│   ├── IdExists     … because the order id is taken (409, or "must be unique")
│   └── Unauthorized … because of the caller (401, 403)
├── InvalidData      what came in (answer, parameter, setting) is not what was expected
│   ├── NotFound     the thing asked for does not exist
│   └── BadAnswer    … and its text is kept
├── OtherGateway     the gateway is not the one the account belongs to: nothing is asked, sent or concluded there
└── BookMismatch     the books disagree: a break, trading on the account stops
"""

from __future__ import annotations


class TradingError(Exception):
    """Base of every error this package raises on purpose."""


class Unavailable(TradingError):
    """The service could not be reached or refused before doing anything."""


class Paused(Unavailable):
    """The service asked to be left alone for `retry_after_seconds`."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LedgerUnavailable(Unavailable):
    """The ledger's database waited too long for another worker, or is gone."""


class OutcomeUnknown(TradingError):
    """The request left, and nothing provable came back."""


class Halted(TradingError):
    """Trading is stopped until a person acts."""


class Rejected(TradingError):
    """The service said no, for good. `status` is the HTTP status, 0 where there was none; `reason` a reason code."""

    def __init__(self, message: str, status: int = 0, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class IdExists(Rejected):
    """The order id is taken, perhaps by our own earlier try."""


class Unauthorized(Rejected):
    """The credentials are missing, wrong, or not allowed to do this."""


class InvalidData(TradingError):
    """A value is not what was expected; the message names field, expectation and finding."""


class NotFound(InvalidData):
    """The service answered that it does not know the thing asked for."""


class BadAnswer(InvalidData):
    """An answer that is not what was asked for; `raw` is its text as it came, for the ledger."""

    def __init__(self, message: str, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


class OtherGateway(TradingError):
    """What answers is not the gateway that the account belongs to."""


class BookMismatch(TradingError):
    """Two books that must agree do not."""
