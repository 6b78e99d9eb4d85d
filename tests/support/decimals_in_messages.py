"""A plugin of mypy: a Decimal in an f-string says how it is written, because by itself it may say 1E+2."""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import StrExpr
from mypy.plugin import MethodContext, Plugin
from mypy.types import Instance, Type, UnionType, get_proper_type

ADVICE = "A Decimal in a message: write it with shares(), or with a format like :f or :,.2f"


class DecimalsInMessages(Plugin):
    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        # What an f-string is to mypy: "{:{}}".format(value, format).
        return _check if fullname == "builtins.str.format" else None


def _check(call: MethodContext) -> Type:
    values = [value for formal in call.args for value in formal]
    types = [found for formal in call.arg_types for found in formal]
    if len(values) == 2 and isinstance(values[1], StrExpr) and not values[1].value and _holds_decimal(types[0]):
        call.api.fail(ADVICE, call.context)
    return call.default_return_type


def _holds_decimal(found: Type) -> bool:
    proper = get_proper_type(found)
    if isinstance(proper, UnionType):
        return any(map(_holds_decimal, proper.items))
    return isinstance(proper, Instance) and proper.type.has_base("decimal.Decimal")


def plugin(version: str) -> type[Plugin]:
    return DecimalsInMessages
