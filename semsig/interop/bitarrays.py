"""Signatures as bitarrays, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from semsig.errors import SignatureError
from semsig.search import HammingIndex
from semsig.storage.checks import Ids
from semsig.storage.packed import n_bytes
from semsig.types import SbsSchema


def to_bitarrays(index: HammingIndex) -> list[bitarray]:
    """Return one big-endian bitarray of n_bits bits per signature, in the order of `index.ids`."""
    rows = (bitarray(row.tobytes(), endian="big") for row in index.to_packed())
    return [row[: index.schema.n_bits] for row in rows]


def add_bitarrays(
    index: HammingIndex,
    rows: Iterable[bitarray],
    ids: Ids | None = None,
    *,
    keys: Sequence[str | None] | None = None,
    payloads: Sequence[Any] | None = None,
) -> NDArray[np.int64]:
    """Add signatures given as bitarrays of n_bits bits, of either endianness.

    Parameters, results and errors are otherwise those of :meth:`HammingIndex.add`.
    """
    return index.add_packed(_packed(rows, index.schema), ids, keys=keys, payloads=payloads)


def _packed(rows: Iterable[bitarray], schema: SbsSchema) -> NDArray[np.uint8]:
    """Return bitarrays, of either endianness, as packed bits.

    Raises
    ------
    SignatureError
        If something else is given, or a bitarray of another length.
    """
    found = list(rows)
    for number, row in enumerate(found):
        if not isinstance(row, bitarray) or len(row) != schema.n_bits:
            got = f"{len(row)} bits" if isinstance(row, bitarray) else type(row).__name__
            raise SignatureError(f"Row {number}: expected {schema.n_bits} bits, got {got}.")
    content = b"".join(bitarray(row, endian="big").tobytes() for row in found)
    return np.frombuffer(content, np.uint8).reshape(len(found), n_bytes(schema))
