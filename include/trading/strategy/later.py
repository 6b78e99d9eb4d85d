"""Keys and words of the strategies file that are known and not yet supported.

To support one, write its model where there is none (those marked `modelled` have theirs) and take its row out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from include.trading.validation import FieldProblem, shown

# By path; the last part is a key, or a word that stands there as text. N stands for a number.
_ROWS: Final = {
    "prices.alpaca.cache": "a cache of prices",
    "orders.style.auction": "auction orders",
    "orders.style.marketable_limit": "limit orders",
    "orders.style.twap": "orders in slices",
    "orders.overrides": "styles by order",
    "orders.reductions_first.auto": "asking the venue whether sales must come first",
    "schedule.session-N": "a time before the session opens",
    "schedule.at.session-N": "a time before the session opens",
    "schedule.deadline.session-N": "a time before the session opens",
    "approval": "approval by people",
}
LATER: Final[dict[tuple[str, ...], str]] = {tuple(path.split(".")): what for path, what in _ROWS.items()}
# A key beside `strategies`.
BOOKS: Final = "books"
BOOKS_ARE: Final = "a book of several strategies"


def not_yet(what: str) -> str:
    """Return what is expected where something of a later version stands."""
    return f"nothing, because it is not yet supported ({what}): take it out"


def problems_of(entry: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], FieldProblem]]:
    """Return each key or word of the entry that is not yet supported, with its path."""
    for path, what in LATER.items():
        there, value = _look_up(entry, path)
        if there:
            yield path, FieldProblem(field=".".join(path), expected=not_yet(what), found=shown(value))


def members(content: Mapping[str, Any]) -> set[Any]:
    """Return the ids of the strategies that the file's books name as members."""
    books = content.get(BOOKS)
    named = [book.get("members") for book in books if isinstance(book, Mapping)] if isinstance(books, list) else []
    return {id for members in named if isinstance(members, Mapping) for id in members}


def _look_up(entry: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    for part in path[:-1]:
        if not isinstance(entry, Mapping) or part not in entry:
            return False, None
        entry = entry[part]
    if isinstance(entry, str) and (entry == path[-1] or re.fullmatch(path[-1].replace("-N", "-[0-9]+"), entry)):
        return True, entry
    if isinstance(entry, Mapping) and path[-1] in entry:
        return True, entry[path[-1]]
    return False, None
