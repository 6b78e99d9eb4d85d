"""Every command is a file, and every file a command."""

from __future__ import annotations

from pathlib import Path

from include.ops import commands
from include.ops.registry import GROUPS


def test_every_file_of_commands_is_listed_once_under_the_name_that_is_typed() -> None:
    files = [file.stem for file in Path(commands.__path__[0]).glob("*.py") if file.stem != "__init__"]
    listed = [command.name for group in GROUPS.values() for command in group]

    assert sorted(name.replace("-", "_") for name in listed) == sorted(files)
    for group in GROUPS.values():
        for command in group:
            assert command.run.__module__ == f"include.ops.commands.{command.name.replace('-', '_')}"
