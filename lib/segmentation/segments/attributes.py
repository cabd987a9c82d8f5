"""Attributes of customers that are reported per segment."""

from dataclasses import dataclass

from segmentation.model.expressions import Expression
from segmentation.model.preparation import Key


@dataclass(frozen=True)
class Attribute:
    """A column that is reported: the mean of a number, or the shares of ``values``.

    The ``expression`` is the customer's number, or the position of the customer's value in
    ``values``; null where it is not known. Shares are of the customers with a value; that of those
    without one, under the label ``absent``, is of all. ``kind`` is one of
    :data:`segmentation.results.KINDS`.
    """

    column: str
    kind: str
    expression: Expression
    values: tuple[str, ...] = ()
    absent: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether it is a number, and has a mean and quantiles."""
        return not self.values and self.absent is None

    @property
    def labels(self) -> tuple[str | None, ...]:
        """What is reported: the values and the label of none; a single None for a number."""
        if self.is_number:
            return (None,)
        return self.values if self.absent is None else (*self.values, self.absent)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The unique keys of what is reported."""
        return tuple((self.column, label) for label in self.labels)
