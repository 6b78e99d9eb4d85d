"""What a check says: one fact per line."""

from __future__ import annotations

from typing import Protocol

from include.trading.errors import Unauthorized
from include.trading.models import Value

ASKED_BY = "check"


class Finding(Value):
    """One fact. next_step: what a person has to do, when the fact would stop the next run or a part of it."""

    subject: str
    name: str
    value: str
    next_step: str | None = None


def refused_login(error: Unauthorized, called: str, where: str) -> tuple[str, str]:
    """Say in a sentence that credentials are refused, and in another what to do. where: what holds them."""
    if error.status == 403:
        return f"{called} gives the credentials of {where} no right to this", f"let {called}'s owner give it the right"
    return f"{called} does not accept the credentials of {where}", f"correct the credentials of {where}"


class Note(Protocol):
    """Makes a finding about the one subject it was made for."""

    def __call__(self, name: str, value: str, next_step: str | None = None) -> Finding: ...


def about(subject: str) -> Note:
    """Return what makes findings about a subject."""

    def note(name: str, value: str, next_step: str | None = None) -> Finding:
        return Finding(subject=subject, name=name, value=value, next_step=next_step)

    return note
