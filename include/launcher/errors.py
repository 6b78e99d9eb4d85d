"""What the launcher says when it cannot go on."""

from __future__ import annotations


class CannotRun(Exception):
    """The command cannot go on; the message is one sentence for the person at the keyboard."""
