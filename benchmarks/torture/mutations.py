"""Ways to damage bytes: what disks, copies and hostile people do to files."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

Mutation = Callable[[bytearray, random.Random], bytearray]


def flip(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice([1, 1, 4, 64])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def flip_in_header(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randint(1, 6)):
        content[rng.randrange(min(128, len(content)))] = rng.randrange(256)
    return content


def cut_end(content: bytearray, rng: random.Random) -> bytearray:
    return content[: rng.randrange(len(content))]


def cut_middle(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randint(1, 999) :]


def zero(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    stop = min(len(content), start + rng.randint(1, 2000))
    content[start:stop] = bytes(stop - start)
    return content


def ones(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    content[start:] = b"\xff" * (len(content) - start)
    return content


def double(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    return content[:start] + content[start // 2 :]


def swap(content: bytearray, rng: random.Random) -> bytearray:
    a, b = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[:a] + content[b:] + content[a:b]


MUTATIONS: tuple[Mutation, ...] = (
    flip,
    flip_in_header,
    cut_end,
    cut_middle,
    zero,
    ones,
    double,
    swap,
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return bytes damaged in one way, or emptied."""
    if not content or rng.random() < 0.02:
        return b"" if content else b"\0"
    return bytes(rng.choice(MUTATIONS)(bytearray(content), rng))


ODD = (
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
    2**62,
    2**70,
    10**400,
    1e9,
    float("nan"),
    float("inf"),
)
TEXTS = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"NaN",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 10_000,
    b"\xff\xfe",
)


def with_odd_value(document: object, rng: random.Random) -> None:
    """Put an odd value somewhere into a document of dictionaries and lists, or take one out."""
    while True:
        keys = list(document) if isinstance(document, dict) else []
        if isinstance(document, list):
            keys = list(range(len(document)))
        if not keys:
            return
        key = rng.choice(keys)
        value = document[key]  # type: ignore[index]
        if isinstance(value, dict | list) and value and rng.random() < 0.7:
            document = value
            continue
        if rng.random() < 0.15:
            del document[key]  # type: ignore[attr-defined]
        else:
            document[key] = copy.deepcopy(rng.choice(ODD))  # type: ignore[index]
        return
