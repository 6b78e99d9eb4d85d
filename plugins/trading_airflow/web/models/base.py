"""What the models share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from include.trading.text import clean


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(from_attributes=True, json_schema_extra={"example": value})


class Body(BaseModel):
    """Base of what is sent to the API: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=r"\S"),
    AfterValidator(clean),
    Field(description="kept with what is done"),
]
