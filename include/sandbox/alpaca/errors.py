"""A refusal in the vendor's words. The code names no cause; the message and the extra fields do."""

from __future__ import annotations

from typing import Any

from include.sandbox.web import Problem

MALFORMED = 40010001
FORBIDDEN = 40310000
NOT_FOUND = 40410000
UNPROCESSABLE = 42210000
TOO_MANY = 42910000


class Refused(Problem):
    def __init__(self, status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(status, {**extra, "code": code, "message": message})


def malformed(message: str) -> Refused:
    return Refused(422, MALFORMED, message)


def forbidden(message: str, **extra: Any) -> Refused:
    return Refused(403, FORBIDDEN, message, **extra)


def unprocessable(message: str) -> Refused:
    return Refused(422, UNPROCESSABLE, message)


def not_found(message: str) -> Refused:
    return Refused(404, NOT_FOUND, message)
