"""What the sections of the configuration share."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]
Whole = Annotated[int, Field(strict=True)]


class Section(BaseModel):
    """A table of the configuration: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def repeated(names: Sequence[str]) -> str:
    """The names that occur more than once, as a list in words; empty where none does."""
    return ", ".join(sorted({name for name in names if names.count(name) > 1}))
