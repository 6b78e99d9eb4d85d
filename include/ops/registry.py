"""The commands in the groups that the help shows them in. A new command is a file of `commands` and its place here."""

from __future__ import annotations

from include.ops.command import Command
from include.ops.commands import (
    adopt,
    alerts,
    audit,
    books,
    capital,
    check,
    correct,
    corrections,
    halt,
    migrate,
    new_strategy,
    orders,
    plan,
    prune,
    rebind,
    replan,
    report,
    restored,
    resume,
    settle,
    watch,
    what_if,
)

GROUPS: dict[str, tuple[Command, ...]] = {
    "look": (
        check.COMMAND,
        plan.COMMAND,
        orders.COMMAND,
        alerts.COMMAND,
        corrections.COMMAND,
        what_if.COMMAND,
        report.COMMAND,
    ),
    "act": (
        halt.COMMAND,
        resume.COMMAND,
        settle.COMMAND,
        correct.COMMAND,
        adopt.COMMAND,
        capital.COMMAND,
        books.COMMAND,
        watch.COMMAND,
    ),
    "set up": (
        migrate.COMMAND,
        new_strategy.COMMAND,
        rebind.COMMAND,
        restored.COMMAND,
        prune.COMMAND,
    ),
    "prove": (
        audit.COMMAND,
        replan.COMMAND,
    ),
}
