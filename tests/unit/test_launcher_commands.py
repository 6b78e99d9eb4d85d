"""The Makefile and the entry script offer the same commands, and `make help` lists them all."""

from __future__ import annotations

import re
import subprocess

from include.launcher.commands import COMMANDS
from include.launcher.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def targets() -> list[str]:
    return re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE)


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [line.split()[1] for line in shown.splitlines()] == targets()


def test_make_alone_shows_the_help() -> None:
    alone = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "make demo" in alone


def test_every_command_has_a_target_of_its_name() -> None:
    assert set(COMMANDS) <= set(targets())


def test_once_becomes_the_option_and_zero_means_no() -> None:
    for given, option in (("ONCE=1", True), ("ONCE=0", False), ("ONCE=", False)):
        dry = subprocess.run(["make", "-n", "demo", given], cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert ("--once" in dry) is option, given
