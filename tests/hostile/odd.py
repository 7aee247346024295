"""Values and texts that documents from strangers hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    "",
    "x",
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
    2**31,
    2**70,
    10**400,
    1e9,
    -1e300,
    float("nan"),
    float("inf"),
]
"""For JSON, whose NaN and Infinity Python writes as they are."""

TEXTS = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"NaN",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 10_000,
    b"\xff\xfe\x00",
    b"\x00" * 100,
    b'{"a": 1',
]


def places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document that holds a value, as the keys that lead there."""
    below = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):
        below = list(enumerate(document))[:2]
    for key, value in below:
        yield (*above, key)
        yield from places(value, (*above, key))


def put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    """Set a value, or delete it where KeyError comes."""
    for key in place[:-1]:
        document = document[key]
    if value is KeyError:
        del document[place[-1]]
    else:
        document[place[-1]] = value
