"""SIMD operations: vectors of LANE_WORDS 8-byte words, and steps over 32 to 128 rows at once.

Kernels :func:`load` vectors, combine them with ``&``, ``|`` and ``^``, and :func:`store` them.
If :func:`semsig_kernels._jit.simd` returns "portable", a vector is a plain uint64 and all
functions are plain Numba. Otherwise they are LLVM code from :mod:`semsig_kernels.vector_code`,
which LLVM compiles to the CPU's vector instructions. The results are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig_kernels import vector_code
from semsig_kernels._jit import kernel, simd

LANE_WORDS = vector_code.LANE_WORDS

_SPREAD = np.array(
    [sum((byte >> bit & 1) << 8 * bit for bit in range(8)) for byte in range(256)], np.uint64
)
"""Entry i has bit j of i as its byte j, 0 or 1."""


@kernel
def load_word(words: NDArray[np.uint64], start: int) -> Any:
    """Return the vector ``words[start : start + LANE_WORDS]``; `words` is 1-D and contiguous."""
    return words[start]


@kernel
def store_word(words: NDArray[np.uint64], start: int, vector: Any) -> None:
    """Write a vector to ``words[start : start + LANE_WORDS]``."""
    words[start] = vector


@kernel
def add_spread_counts(planes: NDArray[np.uint64], word: int, shared: NDArray[np.uint16]) -> None:
    """Add to ``shared[64 * word + j]`` the number whose bit p is bit j of ``planes[p, word]``.

    `planes` has shape (8, n), `shared` shape (>= 64 * n,); both are contiguous. Eight counts are
    assembled at a time in one word: a plane's byte is spread to bit 0 of eight bytes and shifted
    by the plane's number, at most 7, so that no bit leaves its byte.
    """
    for part in range(8):
        counts = np.uint64(0)
        for plane in range(8):
            byte = (planes[plane, word] >> np.uint64(8 * part)) & np.uint64(255)
            counts |= _SPREAD[np.int64(byte)] << np.uint64(plane)
        for lane in range(8):
            count = (counts >> np.uint64(8 * lane)) & np.uint64(255)
            shared[64 * word + 8 * part + lane] += np.uint16(count)


@kernel
def few_below(
    totals: NDArray[Any],
    first: int,
    shared: NDArray[Any],
    start: int,
    rule: tuple[int, int, int],
    count: int,
) -> np.uint64:
    """Like :func:`every_below`, for the first `count` rows, at most 64."""
    own_factor, shared_factor, limit = rule
    below = np.uint64(0)
    for j in range(count):
        own, common = np.int64(totals[first + j]), np.int64(shared[start + j])
        if own_factor * own - shared_factor * common < limit:
            below |= np.uint64(1) << np.uint64(j)
    return below


@kernel
def every_below(
    totals: NDArray[Any],
    first: int,
    shared: NDArray[Any],
    start: int,
    rule: tuple[int, int, int],
) -> np.uint64:
    """Bit j says whether a * totals[first + j] - b * shared[start + j] < c; (a, b, c) is `rule`.

    The arrays are int32 and uint16, or both int64. The caller ensures that all terms and products
    fit the type of `totals`.
    """
    return few_below(totals, first, shared, start, rule, 64)


@kernel
def highest_of_32(scores: NDArray[np.uint16], start: int) -> np.uint16:
    """Return the maximum of ``scores[start : start + 32]``."""
    greatest = scores[start]
    for i in range(start + 1, start + 32):
        greatest = max(greatest, scores[i])
    return greatest  # type: ignore[no-any-return]


@kernel
def reaching_of_32(scores: NDArray[np.uint16], start: int, limit: int) -> np.uint64:
    """Bit j says whether ``scores[start + j] >= limit``, for j < 32; `limit` is in 0..65535."""
    reaching = np.uint64(0)
    for j in range(32):
        if scores[start + j] >= limit:
            reaching |= np.uint64(1) << np.uint64(j)
    return reaching


@kernel
def add_128_of_lines(
    sums: NDArray[np.uint16],
    start: int,
    lines: NDArray[np.uint8],
    picked: tuple[int, int, int, int],
    tables: NDArray[np.uint16],
    first: int,
) -> None:
    """Add table entries, selected by the half bytes of four lines, to 128 sums from `start` on.

    The half bytes of ``lines[picked[j]]`` select from the 16 entries of ``tables[first + j]``;
    :mod:`semsig_kernels.histogram_lists` defines which half byte belongs to which row. `start` is
    a multiple of 128, all arrays are contiguous, and no sum exceeds 65535.
    """
    for i in range(128):
        at = start // 2 + i % 32 * 2 + i // 64
        for j in range(4):
            count = lines[picked[j], at] >> 4 * (i // 32 % 2) & 15
            sums[start + i] += tables[first + j, count]


@kernel
def equal_few(labels: NDArray[np.uint8], start: int, label: int, lanes: np.uint64) -> np.uint64:
    """Bit j says whether ``labels[start + j] == label``, for each bit j that is set in `lanes`.

    The caller ensures that the labels of all set bits are inside the array.
    """
    equal = np.uint64(0)
    for j in range(min(64, labels.size - start)):
        if labels[start + j] == label:
            equal |= np.uint64(1) << np.uint64(j)
    return equal & lanes


@kernel
def equal_whole(labels: NDArray[np.uint8], start: int, label: int, lanes: np.uint64) -> Any:
    """Like :func:`equal_few`, but 64 labels at once, except where these would exceed the array."""
    if start + 64 > labels.size:
        return equal_few(labels, start, label, lanes)
    return vector_code.equal_64(labels, start, label) & lanes


load: Any = load_word
store: Any = store_word
add_counts: Any = add_spread_counts
lanes_below: Any = every_below
highest: Any = highest_of_32
lanes_reaching: Any = reaching_of_32
add_lines: Any = add_128_of_lines
equal_lanes: Any = equal_few
if LANE_WORDS > 1:
    load, store = vector_code.load, vector_code.store
    add_counts, lanes_below = vector_code.add_counts, vector_code.lanes_below
    highest, lanes_reaching = vector_code.highest, vector_code.lanes_reaching
    add_lines = vector_code.add_lines
    equal_lanes = vector_code.equal_masked if simd() == "avx512" else equal_whole
