"""Attributes of customers that are reported per segment."""

from dataclasses import dataclass

from segmentation.model.expressions import Expression
from segmentation.model.preparation import Key


@dataclass(frozen=True)
class Attribute:
    """One number per customer: a column's own, or whether it has the ``value``, 1 or 0.

    The ``expression`` is null where the customer's value is not known. ``kind`` is one of
    :data:`segmentation.results.KINDS`.
    """

    column: str
    value: str | None
    kind: str
    expression: Expression

    @property
    def key(self) -> Key:
        """The unique key of the attribute."""
        return self.column, self.value
