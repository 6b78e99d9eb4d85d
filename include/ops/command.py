"""What a command is: a name, a line of help, its arguments and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

from include.ops.place import Place


@dataclass(frozen=True)
class Command:
    """A command as it is typed.

    run: does it and returns the exit code: 0 well, 1 something is left for a person, 2 not done.
    """

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None] | None = None
    run: Callable[[Place, argparse.Namespace], int] = field(kw_only=True)
    prints_json: bool = field(default=True, kw_only=True)

    def add_to(self, parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        # A command that is added without help is not listed a second time: the groups list it.
        parser = parsers.add_parser(self.name, description=f"{self.help[0].upper()}{self.help[1:]}.")
        parser.set_defaults(run=self.run)
        if self.prints_json:
            parser.add_argument("--json", action="store_true", help="print JSON")
        if self.arguments is not None:
            self.arguments(parser)
