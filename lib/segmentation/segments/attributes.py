"""Attributes: what is known of customers and reported for each segment."""

from dataclasses import dataclass

Key = tuple[str, str | None]
"""A column, and a value in it or None where the attribute is the column's number."""


@dataclass(frozen=True)
class Attribute:
    """One number per customer: a column's own, or whether it has the ``value``, 1 or 0.

    ``sql`` is a double, null where the customer's value is not known. ``kind`` is one of
    :data:`segmentation.results.KINDS`.
    """

    column: str
    value: str | None
    kind: str
    sql: str

    @property
    def key(self) -> Key:
        """What no other attribute of a table has."""
        return self.column, self.value
