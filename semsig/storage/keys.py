"""Keys and JSON values in the one text that an index stores with each signature.

A text without key is kept as it is, which is how format 1 has always had it. A key, and any value
that is no text, are kept as a JSON document after an ASCII record separator, the mark of RFC 7464,
with which no JSON document begins; a plain text that begins with it is kept as JSON as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semsig.documents import parse_json
from semsig.errors import DuplicateIdError, IndexCorruptError, OptionError

MARK = "\x1e"
"""First character of a text that holds a key or a JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of an index.

    Parameters
    ----------
    id : int
        Its number.
    key : str or None
        Its key; None where it was added without one.
    signature : SbsSignature, SbovpSignature or PooledSignature
        Its signature.
    payload : JSON value
        What was stored with it: a text, number, bool, None, or lists and dicts of such.
    """

    id: int
    key: str | None
    signature: Any
    payload: Any


def write_text(payload: Any, key: str | None) -> str:
    """Return the text that stands for a payload and perhaps a key.

    Raises
    ------
    OptionError
        If the payload is nothing that JSON can hold.
    """
    if key is None and isinstance(payload, str) and not payload.startswith(MARK):
        return payload
    document = ({} if key is None else {"key": key}) | {"value": payload}
    try:
        return MARK + json.dumps(document, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(
            f"Expected payloads that JSON can hold, got {type(payload).__name__}: {error}."
        ) from error


def read_text(text: str) -> tuple[str | None, Any]:
    """Return key and payload of a text of :func:`write_text`.

    Raises
    ------
    IndexCorruptError
        If it begins like one and is malformed.
    """
    if not text.startswith(MARK):
        return None, text
    try:
        document: Any = parse_json(text[1:])
        return document.get("key"), document["value"]
    except (ValueError, KeyError, AttributeError) as error:
        raise IndexCorruptError(
            f"Expected a key and a JSON value, got {text[1:80]!r}; run verify."
        ) from error


def read_texts(texts: Iterable[str]) -> tuple[list[str | None], list[Any]]:
    """Return keys and payloads of several texts."""
    pairs = [read_text(text) for text in texts]
    return [key for key, _ in pairs], [payload for _, payload in pairs]


def write_texts(
    payloads: Sequence[Any] | None, keys: Sequence[str | None] | None, count: int
) -> list[bytes]:
    """Return the texts of `count` rows in UTF-8; an empty list if all are empty.

    Raises
    ------
    OptionError
        If there are not `count` payloads or keys, or one cannot be kept.
    """
    if payloads is None and keys is None:
        return []
    values = [""] * count if payloads is None else _as_many(payloads, "payloads", count)
    names = [None] * count if keys is None else _as_many(keys, "keys", count)
    try:
        return [str.encode(write_text(*pair)) for pair in zip(values, names, strict=True)]
    except UnicodeEncodeError as error:
        raise OptionError(
            f"A payload cannot be written in UTF-8 ({error.reason}); escape it, as json.dumps does."
        ) from error


def check_keys(keys: Sequence[str | None] | None) -> None:
    """Raise unless keys are distinct, non-empty texts, None where a row has none.

    Raises
    ------
    OptionError
        If one is something else.
    DuplicateIdError
        If one occurs twice.
    """
    seen = set()
    for key in keys or ():
        if not (key is None or (isinstance(key, str) and key)):
            raise OptionError(f"Expected keys that are texts, not empty; got {key!r}.")
        if key is not None and key in seen:
            raise DuplicateIdError(f"Key {key!r} is given twice in one call.")
        seen.add(key)


def keys_among(ids: Any) -> list[str] | None:
    """Return `ids` as a list if they are keys, one or several; None if they are numbers."""
    if isinstance(ids, str):
        return [ids]
    if isinstance(ids, np.ndarray) and ids.dtype.kind == "U":
        return [str(key) for key in ids.ravel()]
    if isinstance(ids, list | tuple | set | frozenset) and any(isinstance(i, str) for i in ids):
        if not all(isinstance(i, str) for i in ids):
            raise OptionError("Expected ids or keys, got both in one call; make two calls.")
        return list(ids)
    return None


def _as_many(given: Any, what: str, count: int) -> Sequence[Any]:
    """Return a sequence of `count` things, or raise :class:`OptionError`."""
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | np.ndarray):
        raise OptionError(f"Expected {count} {what}, one per signature; got {given!r}.")
    many = given.tolist() if isinstance(given, np.ndarray) else given
    if len(many) != count:
        raise OptionError(f"Expected {count} {what}, one per signature, got {len(many)}.")
    return many
