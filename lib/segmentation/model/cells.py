"""Cells of an input column, converted without Spark as Spark's casts do.

Every function takes the Arrow array of a column, of whatever type it comes in. Work that is not
arithmetic is done once per distinct value.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from segmentation.errors import SchemaError

Cells: TypeAlias = "pa.Array | pa.ChunkedArray"

_JAVA_BLANKS = "".join(map(chr, range(0x21)))
"""The characters that Java's ``trim`` and casts to numbers strip; SQL's strips spaces only."""

_FLAG_BLANKS = _JAVA_BLANKS + "\x7f"
_DECIMAL_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?")
_HEX_NUMBER = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?|[0-9a-fA-F]*\.[0-9a-fA-F]+)[pP][+-]?[0-9]+[fFdD]?"
)
_JAVA_ONLY = re.compile(r"[xX]|[0-9.][dDfF][ \t\n\x0b\f\r]*\Z")
_WHOLE_FLAG = re.compile(r"([01])\.0+(?:\r\n|[\r\n])?")
_INFINITIES = {
    sign + name: float(f"{sign}inf") for sign in ("", "+", "-") for name in ("inf", "infinity")
}
_FLAGS = dict.fromkeys(["t", "true", "y", "yes", "1"], 1.0) | dict.fromkeys(
    ["f", "false", "n", "no", "0"], 0.0
)
_DECIMAL_DIGITS = 38
_PLAIN_FROM, _PLAIN_BELOW = -3, 7
"""Java writes numbers from 1e-3 to below 1e7 without an exponent."""


def numbers(cells: Cells, *, column: str) -> Cells:
    """The cells as doubles; null for text that is not a number.

    Raises
    ------
    SchemaError
        If Spark casts no such type to a double.
    """
    kind = cells.type
    if is_text(kind):
        return per_distinct(number_of_text, cells, pa.float64())
    if types.is_decimal(kind):  # Arrow's own cast is not rounded correctly
        return per_distinct(float, cells, pa.float64())
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return cells.cast(pa.float64(), safe=False)
    if is_instant(kind):
        micros = cells.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        return pc.divide(micros.cast(pa.float64(), safe=False), 1e6)
    raise unreadable(column, kind, "numbers, or texts that hold them")


def texts(cells: Cells, *, column: str) -> Cells:
    """The cells as trimmed text; null if empty.

    Numbers that are not whole are written with the fewest digits that distinguish them, as Java
    does since version 19; older ones write some with a digit more.
    """
    written = pc.utf8_trim(_written(cells, column=column), characters=" ")
    return pc.if_else(pc.equal(written, ""), pa.scalar(None, written.type), written)


def flags(cells: Cells, *, column: str) -> Cells:
    """1 for yes, 0 for no, in any notation; null for anything else."""
    if types.is_boolean(cells.type):
        return cells.cast(pa.float64())
    return per_distinct(_flag, texts(cells, column=column), pa.float64())


def is_blank(cells: Cells) -> Cells:
    """Whether each cell is null or a text of spaces; never null."""
    if not is_text(cells.type):
        return pc.is_null(cells)
    return pc.fill_null(pc.equal(pc.utf8_trim(cells, characters=" "), ""), True)


def is_no_number(cells: Cells, *, column: str) -> Cells:
    """Whether each cell is not a number in ordinary notation; never null."""
    found = pc.is_null(numbers(cells, column=column))
    if types.is_boolean(cells.type) or is_instant(cells.type):
        return pc.or_(found, True)
    if is_text(cells.type):
        javas = per_distinct(lambda text: bool(_JAVA_ONLY.search(text)), cells, pa.bool_())
        return pc.or_(found, pc.fill_null(javas, False))
    return found


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text."""
    return bool(types.is_string(kind))


def is_instant(kind: pa.DataType) -> bool:
    """Whether a type is an instant and not a local time."""
    return bool(types.is_timestamp(kind)) and kind.tz is not None


def per_distinct(function: Callable[[Any], object], cells: Cells, kind: pa.DataType) -> Cells:
    """The function of every cell, called once per distinct value; null stays null."""
    encoded = cells.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary
    found = pa.array([function(each) for each in values.to_pylist()], kind)
    return found.take(encoded.indices)


def unreadable(column: str, kind: pa.DataType, wanted: str) -> SchemaError:
    """The error for a column of a type that cannot be read."""
    return SchemaError(f"column {column!r} is of type {kind}, needs {wanted}")


def number_of_text(text: str) -> float | None:
    """The double that Java and Spark read from a text, including NaN and infinities, or None."""
    text = text.strip(_JAVA_BLANKS)
    if _DECIMAL_NUMBER.fullmatch(text):
        return float(text.rstrip("fFdD"))
    if _HEX_NUMBER.fullmatch(text):
        try:
            return float.fromhex(text.rstrip("fFdD"))
        except OverflowError:
            return float("-inf" if text.startswith("-") else "inf")
    if text in ("+NaN", "-NaN") or text.lower() == "nan":
        return float("nan")
    return _INFINITIES.get(text.lower())


def text_of_float(value: np.floating[Any]) -> str:
    """A number as ``Text`` has it: a whole one as an integer, another as Java writes it."""
    if not np.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    number = Decimal(str(value))
    if number == number.to_integral_value() and number.adjusted() < _DECIMAL_DIGITS:
        return f"{int(number)}"
    two_digits = f"{value:.1e}"  # as near the smallest number of all Java writes 4.9E-324, not 5
    if type(value)(two_digits) == value:
        number = Decimal(two_digits)
    sign, digits, _ = number.normalize().as_tuple()
    exponent = number.adjusted()
    if _PLAIN_FROM <= exponent < _PLAIN_BELOW:
        return f"{number.normalize():f}"
    first, *others = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(others) or '0'}E{exponent}"


def _written(cells: Cells, *, column: str) -> Cells:
    """The cells as Spark casts them to text, but for whole floats."""
    kind = cells.type
    if is_text(kind):
        return cells
    if types.is_floating(kind):
        as_numpy = kind.to_pandas_dtype()  # the digits of a float are fewer than those of a double
        return per_distinct(lambda value: text_of_float(as_numpy(value)), cells, pa.string())
    if types.is_decimal(kind):
        return per_distinct(lambda value: f"{value:f}", cells, pa.string())
    if types.is_timestamp(kind):
        micros = cells.cast(pa.timestamp("us", kind.tz), safe=False)
        in_utc = micros.cast(pa.int64()).cast(pa.timestamp("us"))
        return pc.replace_substring_regex(in_utc.cast(pa.string()), r"\.?0*$", "")
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_date(kind):
        return cells.cast(pa.string())
    raise unreadable(column, kind, "texts, numbers, booleans, dates or times")


def _flag(text: str) -> float | None:
    if whole := _WHOLE_FLAG.fullmatch(text):
        text = whole[1]
    return _FLAGS.get(text.strip(_FLAG_BLANKS).lower())
