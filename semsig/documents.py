"""JSON and TOML from untrusted sources: parsed within limits, read by type and range.

Whatever is wrong with a document is a ValueError that says what was expected where.
"""

from __future__ import annotations

import json
import math
import reprlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

MAX_NUMBER = 2**63 - 1
"""Largest integer that is read: that of an int64."""

_MISSING: Any = object()


def parse_json(content: bytes | str) -> object:
    """Parse JSON.

    Raises
    ------
    ValueError
        If it is not valid JSON (NaN and Infinity are not), or is nested too deeply.
    """
    try:
        return json.loads(content, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("expected JSON that is nested less deeply") from error


def parse_toml(content: bytes) -> dict[str, Any]:
    """Parse TOML in UTF-8, a byte order mark before it or not; ValueError as `parse_json`."""
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("expected TOML that is nested less deeply") from error


def _no_number(text: str) -> None:
    raise ValueError(f"expected a number that JSON knows, got {text}")


class Entries:
    """The entries of a JSON object or TOML table, each read by its type and range.

    Every method takes a key and raises ValueError if the value is missing, unless `default` is
    given, or is not as the method's name says.

    Parameters
    ----------
    value : object
        What was parsed.
    name : str
        What it is, for messages.

    Raises
    ------
    ValueError
        If it is no object or table.
    """

    def __init__(self, value: object, name: str = "the document") -> None:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"expected {name} to be a table of keys, got {_short(value)}")
        self._entries: Mapping[str, object] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def only(self, *keys: str) -> Entries:
        """Return itself; ValueError if there are other keys than these."""
        other = next((key for key in self._entries if key not in keys), None)
        if other is not None:
            raise ValueError(f"expected only {', '.join(keys)}, got {_short(other)}")
        return self

    def value(self, key: str, default: Any = _MISSING) -> Any:
        """Return a value of any type."""
        found = self._entries.get(key, default)
        if found is _MISSING:
            raise ValueError(f"expected an entry {key!r}, got none")
        return found

    def text(self, key: str, default: str = _MISSING) -> str:
        """Return a text."""
        return text(self.value(key, default), key)

    def texts(self, key: str, default: tuple[str, ...] = _MISSING) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(text(item, key) for item in items(self.value(key, default), key))

    def flag(self, key: str, default: bool = _MISSING) -> bool:
        """Return true or false."""
        found = self.value(key, default)
        if not isinstance(found, bool):
            raise ValueError(f"expected {key} to be true or false, got {_short(found)}")
        return found

    def whole(
        self, key: str, least: int = 0, most: int = MAX_NUMBER, default: int = _MISSING
    ) -> int:
        """Return a whole number from `least` to `most`."""
        return whole(self.value(key, default), key, least, most)

    def number(
        self, key: str, least: float = -math.inf, most: float = math.inf, default: float = _MISSING
    ) -> float:
        """Return a finite number from `least` to `most`."""
        found = self.value(key, default)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not is_number or not (abs(found) <= sys.float_info.max and least <= found <= most):
            raise ValueError(
                f"expected {key} to be a number from {least} to {most}, got {_short(found)}"
            )
        return float(found)

    def table(self, key: str, default: Mapping[str, Any] = _MISSING) -> Entries:
        """Return a table within."""
        return Entries(self.value(key, default), key)

    def tables(self, key: str) -> list[Entries]:
        """Return a list of tables."""
        return [Entries(item, key) for item in items(self.value(key), key)]


def text(value: object, key: str) -> str:
    """Return a text that UTF-8 can write."""
    if not isinstance(value, str):
        raise ValueError(f"expected {key} to be a text, got {_short(value)}")
    value.encode()  # UnicodeEncodeError, a ValueError, on half a surrogate pair
    return value


def items(value: object, key: str) -> list[object]:
    """Return a list."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected {key} to be a list, got {_short(value)}")
    return list(value)


def whole(value: object, key: str, least: int = 0, most: int = MAX_NUMBER) -> int:
    """Return a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(
            f"expected {key} to be a whole number from {least:,} to {most:,}, got {_short(value)}"
        )
    return value


def _short(value: object) -> str:
    """Return the start of what a value looks like: a number may have thousands of digits."""
    shown = reprlib.Repr()
    shown.maxlong = shown.maxstring = shown.maxother = 40
    try:
        return shown.repr(value)
    except ValueError:  # more digits than Python converts to a string
        return f"a {type(value).__name__} of very many digits"
