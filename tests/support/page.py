"""The generated part of a page in docs/."""

from __future__ import annotations

from pathlib import Path


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what the page has between two markers; raises ValueError where it lacks one."""
    head, found, rest = page.read_text().partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no part between {begin} and {end}")
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}")
