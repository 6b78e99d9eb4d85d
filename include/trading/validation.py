"""What pydantic found wrong, told as field, expectation and finding."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from include.trading.models import Value


class FieldProblem(Value):
    """One field that is not what was expected."""

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, found {self.found}"


def field_problems(error: ValidationError, known_fields: tuple[str, ...]) -> tuple[FieldProblem, ...]:
    """Return every finding of one model's validation, in the order of its fields.

    known_fields: the model's own, named when a key is none of them.
    """
    return tuple(
        FieldProblem(
            field=_field(finding["loc"]),
            expected=_expected(finding, known_fields),
            found="nothing" if finding["type"] == "missing" else _short(finding["input"]),
        )
        for finding in error.errors(include_url=False)
    )


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "(the whole entry)"


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


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
