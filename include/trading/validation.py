"""What pydantic found wrong, as field, expectation and finding."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from include.trading.models import Value
from include.trading.text import repr_of


class FieldProblem(Value):
    """One field that is not what was expected."""

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, found {self.found}"


def field_problems(
    error: ValidationError, known_fields: tuple[str, ...], *, told: Collection[tuple[str, ...]] = ()
) -> tuple[FieldProblem, ...]:
    """Return every finding of one model's validation, in the order of its fields.

    known_fields: the model's own, named when a key is none of them. told: paths whose problem is reported already.
    """
    return tuple(
        FieldProblem(
            field=_field(finding["loc"]),
            expected=_expected(finding, known_fields),
            found="nothing" if finding["type"] == "missing" else shown(finding["input"]),
        )
        for finding in error.errors(include_url=False)
        if not any(_along(finding["loc"], path) for path in told)
    )


def _along(location: tuple[int | str, ...], path: tuple[str, ...]) -> bool:
    common = min(len(location), len(path))
    return location[:common] == path[:common]


def _field(location: tuple[int | str, ...]) -> str:
    # Some of a choice's values have no name of their own.
    return ".".join(str(part) for part in location if str(part).strip()) or "(the whole entry)"


def _expected(finding: Any, known_fields: tuple[str, ...]) -> str:
    match finding["type"]:
        case "extra_forbidden" if len(finding["loc"]) == 1:
            return f"no such key; the keys are {', '.join(known_fields)}"
        case "extra_forbidden":
            return "no such key"
        case "missing":
            return "a value"
        case "value_error":
            return str(finding["ctx"]["error"])
        case "string_pattern_mismatch":
            return f"text of the form {finding['ctx']['pattern']}"
        case _:
            return str(finding["msg"]).removeprefix("Input should be ")


def shown(value: Any) -> str:
    """Return a value as a message has it."""
    text = repr_of(value)
    return text if len(text) <= 80 else text[:77] + "…"
