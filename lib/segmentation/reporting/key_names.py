"""The names of segments in sentences and tables, by key."""

import re
from collections import Counter
from collections.abc import Mapping

from segmentation.reporting.change_disclosure import KEY


class KeyNames:
    """Names by key, told apart where two keys have the same; a key without a name is its own."""

    def __init__(self, names: Mapping[str, str]) -> None:
        counts = Counter(name.casefold() for name in names.values())
        self._names = {
            key: f"{name} ({key})" if counts[name.casefold()] > 1 else name
            for key, name in names.items()
        }

    def name(self, key: str) -> str:
        """The name of a key, without quotes."""
        return self._names.get(key) or key

    def called(self, key: str) -> str:
        """The name of a key as it stands in a sentence."""
        return f"“{self.name(key)}”" if key in self._names else key

    def in_text(self, text: str) -> str:
        """The text with names in place of keys, the key in brackets where it is first met."""
        met: set[str] = set()

        def named(found: re.Match[str]) -> str:
            key = found[0]
            name = self.called(key)
            is_first = key not in met and key in self._names and f"({key})" not in name
            met.add(key)
            return f"{name} ({key})" if is_first else name

        return re.sub(KEY, named, text)
