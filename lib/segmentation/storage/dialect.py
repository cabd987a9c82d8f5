"""The grammar of CSV lines, as Java regular expressions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How fields are separated and quoted; spaces around quotes are allowed if configured."""

    sep: str
    quote: str
    escape: str
    blanks: bool = False

    @property
    def record(self) -> str:
        """The pattern of a line that is a record.

        Possessive, like all of these, so that long lines cause no backtracking or recursion.
        """
        return rf"\A{self._fields}\z"

    @property
    def opening(self) -> str:
        """The pattern of a line that ends within quotes."""
        return rf"\A(?:{self._field}{self._sep})*+{self._opened}\z"

    @property
    def inside(self) -> str:
        """The pattern of a line wholly within quotes that began before it."""
        return rf"\A{self._content}\z"

    @property
    def closing(self) -> str:
        """The pattern of a line on which quotes end that began before it."""
        return rf"\A{self._closed}(?:{self._sep}{self._field})*+\z"

    @property
    def reopening(self) -> str:
        """The pattern of a line on which such quotes end, and others begin and do not end."""
        return rf"\A{self._closed}(?:{self._sep}{self._field})*+{self._sep}{self._opened}\z"

    @property
    def _fields(self) -> str:
        return f"{self._field}(?:{self._sep}{self._field})*+"

    @property
    def _field(self) -> str:
        plain = (
            f"[^{_char(self.sep)}]*+" if len(self.sep) == 1 else f"(?:(?!{self._sep})[\\s\\S])*+"
        )
        blanks = r"[ \t]*+" if self.blanks else ""
        quoted = f"{blanks}{_char(self.quote)}{self._closed}"
        return f"(?:{quoted}|(?!{blanks}{_char(self.quote)}){plain})"

    @property
    def _opened(self) -> str:
        return (r"[ \t]*+" if self.blanks else "") + _char(self.quote) + self._content

    @property
    def _closed(self) -> str:
        # Spark drops spaces between the closing quote and the separator, whatever the options.
        return f"{self._content}{_char(self.quote)} *+"

    @property
    def _content(self) -> str:
        # A NUL within quotes is lost in Spark's parser, so it counts as a stray quote.
        quote, escape = _char(self.quote), _char(self.escape)
        plain = f"[^{quote}{escape}{_char(chr(0))}]"
        if self.escape == self.quote:
            return f"{plain}*+(?:{quote}{quote}{plain}*+)*+"
        return f"(?:{plain}++|{escape}[\\s\\S])*+"

    @property
    def _sep(self) -> str:
        return "".join(map(_char, self.sep))


def _char(text: str) -> str:
    """A character as a pattern, inside or outside brackets."""
    return rf"\x{{{ord(text):x}}}"
