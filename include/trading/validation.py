"""What pydantic found wrong, as field, expectation and finding."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from pydantic import ValidationError

from include.trading.models import Value
from include.trading.text import repr_of

# What pydantic says in words of its own, by its type of error; {…} are its numbers.
_EXPECTED: Final = {
    "model_type": "its keys, like {{key: value}}",
    "dict_type": "keys, like {{key: value}}",
    "tuple_type": "a list, like [a, b]",
    "string_type": "text; put in quotes what YAML reads as something else",
    "string_too_short": "text of {min_length} or more characters",
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "{min_length} or more of them",
    "too_long": "{max_length} or fewer of them",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "decimal_max_digits": "a number of at most {max_digits} digits",
    "decimal_max_places": "a number with at most {decimal_places} decimals",
    "decimal_whole_digits": "a number with at most {whole_digits} digits before the point",
}
_KEYS: Final = "keys that are text: put on, off, yes, no and numbers in quotes"
# Where pydantic has a key itself and not its value.
_KEY: Final = "[key]"


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
            field=_field(_place(finding)),
            expected=expected_of(finding, known_fields),
            found="nothing" if finding["type"] == "missing" else shown(finding["input"]),
        )
        for finding in error.errors(include_url=False)
        if not any(_along(finding["loc"], path) for path in told)
    )


def _along(location: tuple[int | str, ...], path: tuple[str, ...]) -> bool:
    common = min(len(location), len(path))
    return location[:common] == path[:common]


def _place(finding: Any) -> tuple[int | str, ...]:
    location: tuple[int | str, ...] = finding["loc"]
    if location and location[-1] == _KEY:
        return location[:-2]
    # The place of false is 0 here, which nobody wrote.
    return location[:-1] if finding["type"] == "invalid_key" else location


def _field(location: tuple[int | str, ...]) -> str:
    # Some of a choice's values have no name of their own.
    return ".".join(str(part) for part in location if str(part).strip()) or "(the whole entry)"


def expected_of(finding: Any, known_fields: tuple[str, ...] = ()) -> str:
    """Return what one of pydantic's findings expects; known_fields: of the model, for a key that is none of them."""
    if finding["type"] == "invalid_key" or _KEY in finding["loc"]:
        return _KEYS
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
        case type if type in _EXPECTED:
            return _EXPECTED[type].format_map(finding.get("ctx", {}))
        case _:
            return str(finding["msg"]).removeprefix("Input should be ")


def shown(value: Any) -> str:
    """Return a value as a message has it."""
    text = repr_of(value)
    return text if len(text) <= 80 else text[:77] + "…"
