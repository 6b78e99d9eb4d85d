"""What says which day an answer is of: the key `dated` of the sources that answer with a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf, Word


class ByColumn(Word):
    """Every row has its date."""

    word: ClassVar[str] = "column"


class ByName(Word):
    """The day is part of what is asked for: of the path, of the query, or of what the function is given."""

    word: ClassVar[str] = "name"


class ByEvent(Word):
    """The asset event that started the run names the day."""

    word: ClassVar[str] = "event"


class Standing(Word):
    """Valid until it is changed."""

    word: ClassVar[str] = "standing"


class ModifiedWithin(Word):
    """Taken for the day's as long as it was written a short time ago."""

    word: ClassVar[str] = "modified_within_hours"
    only: ClassVar[str | None] = "hours"

    hours: Annotated[Decimal, Field(gt=0, le=8760, description="hours")]


Dated = ByColumn | ByName | ByEvent | Standing | ModifiedWithin
FileDated = Annotated[ByColumn | ByName | ByEvent | Standing | ModifiedWithin, OneOf()]
SqlDated = Annotated[ByColumn | ByName | Standing, OneOf()]
PythonDated = Annotated[ByColumn | ByName, OneOf()]
EventDated = Annotated[ByColumn | ByEvent, OneOf()]
