"""A choice of the strategies file: a word, or `{word: {its parameters}}`; some may be a plain value as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, ClassVar, NamedTuple, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema
from pydantic_core.core_schema import no_info_before_validator_function as _before

from include.trading.models import Value
from include.trading.validation import shown

# The place of a plain value in an error; a field's name has none.
PLAIN = ""


class Word(Value):
    """One of the words of a choice, with its parameters as fields.

    only: its one parameter, where that is written without its name: `{word: value}`.
    """

    word: ClassVar[str]
    only: ClassVar[str | None] = None

    def written(self, mode: str) -> Any:
        """Return it as the file has it."""
        parameters = self.model_dump(mode=mode)
        if self.only is not None:
            return {self.word: parameters[self.only]}
        return {self.word: parameters} if parameters else self.word

    @classmethod
    def shown(cls) -> str:
        """Return how it is written, for a message."""
        if cls.only is not None:
            return f"{{{cls.word}: {cls.model_fields[cls.only].description}}}"
        names = ", ".join(f"{name}: …" for name in cls.model_fields)
        return f"{{{cls.word}: {{{names}}}}}" if names else cls.word


class _Chosen(NamedTuple):
    word: str
    parameters: Any


@dataclass(frozen=True)
class OneOf:
    """Marks a type as a choice: `Annotated[This | That, OneOf()]`, each of them a Word, at most one a plain type.

    example: a plain value, for the message; where there is none, only words are taken. words: the table that has the
    words where the type is only their base, to which more may be added (`learn`).
    """

    example: str | None = None
    words: Mapping[str, type[Word]] | None = None

    def kinds(self, annotation: Any) -> tuple[Any, ...]:
        """Return the types of the choice; annotation: the type without this mark."""
        # pydantic reads `This` alone where there is one word only.
        return (get_args(annotation) or (annotation,)) if self.words is None else tuple(self.words.values())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        kinds = self.kinds(source)
        words = {kind.word: kind for kind in kinds if _is_word(kind)}
        plain = [kind for kind in kinds if not _is_word(kind)]
        choices: dict[str, CoreSchema] = {
            word: core_schema.no_info_before_validator_function(
                partial(_parameters, kind), handler.generate_schema(kind)
            )
            for word, kind in words.items()
        }
        if plain:
            choices[PLAIN] = handler.generate_schema(plain[0])

        def chosen(value: Any) -> Any:
            if isinstance(value, str) and value in words:
                return _Chosen(value, {})
            if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in words:
                found = _Chosen(*next(iter(value.items())))
                if (wanted := _names_wanted(words[found.word], found.parameters)) is not None:
                    raise ValueError(wanted)
                return found
            if isinstance(value, Word) and value.word in words:
                return value
            if plain and not isinstance(value, str | Mapping | list | tuple | Word):
                return value
            if plain and isinstance(value, str) and _is_number(value):
                return value
            raise ValueError(" or ".join(filter(None, (self.example, *(kind.shown() for kind in words.values())))))

        tagged = core_schema.tagged_union_schema(
            choices, discriminator=lambda value: value.word if isinstance(value, _Chosen | Word) else PLAIN
        )
        return _before(
            chosen, tagged, serialization=core_schema.plain_serializer_function_ser_schema(_written, info_arg=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        tagged: Any = schema
        while tagged["type"] != "tagged-union":
            tagged = tagged["schema"]
        written = [each for word, kind in tagged["choices"].items() for each in _alternatives(word, kind, handler)]
        return {"anyOf": written}


def _alternatives(word: Any, schema: Any, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
    if word == PLAIN:
        return [handler(schema)]
    parameters = handler(schema["schema"])
    resolved = handler.resolve_ref_schema(parameters)
    if (only := schema["function"]["function"].args[0].only) is not None:
        parameters = resolved["properties"][only]
    alone = [] if resolved.get("required") else [{"const": word}]
    if not resolved.get("properties"):
        return alone
    return [
        *alone,
        {"type": "object", "properties": {word: parameters}, "required": [word], "additionalProperties": False},
    ]


def _is_word(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Word)


def _is_number(text: str) -> bool:
    # A kept strategy has its amounts as text, and YAML reads 1e5 as one.
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True


def _names_wanted(kind: type[Word], parameters: Any) -> str | None:
    """Return how to write the word when its parameters came without names; None when they are fine."""
    if kind.only is not None or parameters is None or isinstance(parameters, Mapping | Value):
        return None
    required = [name for name, field in kind.model_fields.items() if field.is_required()] or [*kind.model_fields]
    if len(required) == 1 and not isinstance(parameters, list | tuple):
        return f"{{{kind.word}: {{{required[0]}: {shown(parameters)}}}}}"
    return kind.shown()


def _parameters(kind: type[Word], value: Any) -> Any:
    if not isinstance(value, _Chosen):
        return value
    if kind.only is not None:
        return {kind.only: value.parameters}
    # `service:` with nothing after it.
    return {} if value.parameters is None else value.parameters


def _written(value: Any, info: core_schema.SerializationInfo) -> Any:
    if isinstance(value, Word):
        return value.written(info.mode)
    return str(value) if isinstance(value, Decimal) and info.mode == "json" else value
