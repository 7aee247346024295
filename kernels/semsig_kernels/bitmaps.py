"""Exact search over bitmaps of the frequent bits, and posting lists of the others.

Bit l of a cell means "at least level l + 1". A bit that enough rows have is stored as a bitmap
over the rows of a chunk. The query's bitmaps are added for all rows in parallel, in eight bit
planes with carries from plane to plane (a carry-save adder, as in Harley and Seal's population
count). Posting lists add what the bitmaps do not cover.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.postings import Postings, Queries, add_shared, offer
from semsig_kernels.vectors import LANE_WORDS, add_counts, load, store

CHUNK_ROWS = 8192
WIDTH = CHUNK_ROWS // 64
PLANES = 8
MOST_AT_ONCE = 80
"""Bitmaps of weight 1, and as many of weight 2, that eight planes can sum: 80 + 2 * 80 < 2^8."""


class Bitmaps(NamedTuple):
    """Bitmaps of C chunks of rows, and posting lists of what they do not cover."""

    words: NDArray[np.uint64]
    """Row i of a chunk is bit i % 64 of word i // 64, shape (C, B, CHUNK_ROWS / 64). Bitmap 0 is
    empty; it pads groups of eight."""
    postings: Postings
    """Rows by (cell, level), for levels above those that the cell's bitmaps cover."""


class Covers(NamedTuple):
    """The part of some queries that bitmaps cover."""

    firsts: NDArray[np.int64]
    """First bitmap of each code's cell, shape (n,)."""
    sizes: NDArray[np.int64]
    """Number of bitmaps of each code's cell, 0..4, shape (n,)."""
    offsets: NDArray[np.int64]
    """Query q has the codes ``offsets[q]:offsets[q + 1]``."""
    levels: NDArray[np.int64]
    """Level of each code, shape (n,)."""


@kernel
def set_bits(
    slots: NDArray[np.int64],
    offsets: NDArray[np.int64],
    firsts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    words: NDArray[np.uint64],
    left: NDArray[np.bool_],
) -> None:
    """Set the bits of one chunk of rows.

    Parameters
    ----------
    slots : ndarray of int64, shape (p,)
        ``key * 4 + level - 1`` of all rows, row after row.
    offsets : ndarray of int64, shape (rows + 1,)
        Row i has ``slots[offsets[i]:offsets[i + 1]]``.
    firsts, sizes : ndarray of int64, shape (number of keys,)
        First bitmap of each key's cell, and how many it has.
    words : ndarray of uint64, shape (B, CHUNK_ROWS / 64)
        Output; all 0 before.
    left : ndarray of bool, shape (p,)
        Output: whether a slot also needs a posting, its level being above the cell's bitmaps.
    """
    for row in range(offsets.size - 1):
        word, bit = row >> 6, np.uint64(1) << np.uint64(row & 63)
        for j in range(offsets[row], offsets[row + 1]):
            key, above = slots[j] >> 2, slots[j] & 3
            for level in range(min(sizes[key], above + 1)):
                words[firsts[key] + level, word] |= bit
            left[j] = above >= sizes[key]


@kernel
def nearest_bitmaps(
    bitmaps: Bitmaps,
    queries: Queries,
    covers: Covers,
    chunks: tuple[int, int],
    totals: NDArray[np.int32] | NDArray[np.int64],
    tanimoto: bool,
    allowed: NDArray[np.bool_],
    distances: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Find the k nearest rows of some chunks to each of Q queries.

    Parameters
    ----------
    bitmaps : Bitmaps
        Bitmaps and posting lists of the rows.
    queries : Queries
        The part of the queries that posting lists add; `totals` are those of the whole queries.
    covers : Covers
        The part that bitmaps cover.
    chunks, totals, tanimoto, allowed, distances, rows
        As for :func:`semsig_kernels.postings.nearest`.
    """
    shared = np.zeros(CHUNK_ROWS, np.uint16)
    work = _new_work(covers)
    for chunk in range(chunks[0], chunks[1]):
        first = chunk * CHUNK_ROWS
        size = min(CHUNK_ROWS, totals.size - first)
        for q in range(queries.totals.size):
            _add_shared(bitmaps, queries, covers, q, chunk, size, work, shared)
            total = queries.totals[q]
            offer(shared, size, first, total, totals, tanimoto, allowed, distances[q], rows[q])


@kernel
def shared_by_bitmaps(
    bitmaps: Bitmaps, queries: Queries, covers: Covers, q: int, shared: NDArray[np.uint16]
) -> None:
    """Add to `shared`, shape (C * CHUNK_ROWS,), the weight that each row shares with query q."""
    work = _new_work(covers)
    for chunk in range(bitmaps.words.shape[0]):
        part = shared[chunk * CHUNK_ROWS : (chunk + 1) * CHUNK_ROWS]
        _add_shared(bitmaps, queries, covers, q, chunk, part.size, work, part)


@kernel
def _new_work(covers: Covers) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Return memory for a query's lists of bitmaps of weights 1 and 2, and for the planes.

    A code has up to three bitmaps of weight 1 and one of weight 2; 8 more allow for padding.
    """
    most = 0
    for q in range(covers.offsets.size - 1):
        most = max(most, covers.offsets[q + 1] - covers.offsets[q])
    singles = np.empty(3 * most + 8, np.int64)
    doubles = np.empty(most + 8, np.int64)
    return singles, doubles, np.empty((PLANES, WIDTH), np.uint64)


@kernel
def _add_shared(
    bitmaps: Bitmaps,
    queries: Queries,
    covers: Covers,
    q: int,
    chunk: int,
    size: int,
    work: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]],
    shared: NDArray[np.uint16],
) -> None:
    """Add the weight that each of `size` rows of the chunk shares with query q."""
    singles, doubles, planes = work
    words = bitmaps.words[chunk].reshape(-1)
    n_singles, n_doubles = _list_bitmaps(covers, q, singles, doubles)
    used = (size + 64 * LANE_WORDS - 1) // (64 * LANE_WORDS) * LANE_WORDS
    for first in range(0, max(n_singles, n_doubles), MOST_AT_ONCE):
        last = first + MOST_AT_ONCE
        _count(
            words,
            singles[min(first, n_singles) : min(last, n_singles)],
            doubles[min(first, n_doubles) : min(last, n_doubles)],
            used,
            planes,
        )
        for word in range(used):
            add_counts(planes, word, shared)
    add_shared(bitmaps.postings, chunk, queries, q, shared)


@kernel
def _list_bitmaps(
    covers: Covers, q: int, singles: NDArray[np.int64], doubles: NDArray[np.int64]
) -> tuple[int, int]:
    """Write where the query's bitmaps start, padded with the empty one to groups of eight.

    A cell's first bitmap has weight 2: its presence bit and its first level bit always occur
    together. The others have weight 1.
    """
    n_singles, n_doubles = 0, 0
    for j in range(covers.offsets[q], covers.offsets[q + 1]):
        if covers.sizes[j] > 0:
            doubles[n_doubles] = covers.firsts[j] * WIDTH
            n_doubles += 1
        for level in range(1, min(covers.sizes[j], covers.levels[j])):
            singles[n_singles] = (covers.firsts[j] + level) * WIDTH
            n_singles += 1
    while n_singles % 8:
        singles[n_singles] = 0
        n_singles += 1
    while n_doubles % 8:
        doubles[n_doubles] = 0
        n_doubles += 1
    return n_singles, n_doubles


@kernel
def _count(
    words: NDArray[np.uint64],
    singles: NDArray[np.int64],
    doubles: NDArray[np.int64],
    used: int,
    planes: NDArray[np.uint64],
) -> None:
    """Write to the planes each row's sum of bits, by their weights, 1 or 2."""
    flat = planes.reshape(-1)
    flat[:] = 0
    for low, starts in enumerate((singles, doubles)):
        for g in range(0, starts.size, 8):
            of_group = starts[g : g + 8]
            for at in range(0, used, LANE_WORDS):
                _add_eight(words, of_group, at, low, flat)


@inlined
def _add_eight(
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    at: int,
    low: int,
    planes: NDArray[np.uint64],
) -> None:
    """Add one vector each of eight bitmaps of weight 2^low to the planes.

    Seven full adders reduce the eight vectors, and the planes low to low + 2, to new planes and
    one carry into plane low + 3, which half adders propagate.
    """
    first = low * WIDTH + at
    p0, p1 = load(planes, first), load(planes, first + WIDTH)
    p0, c0 = _add(p0, load(words, starts[0] + at), load(words, starts[1] + at))
    p0, c1 = _add(p0, load(words, starts[2] + at), load(words, starts[3] + at))
    p1, e0 = _add(p1, c0, c1)
    p0, c0 = _add(p0, load(words, starts[4] + at), load(words, starts[5] + at))
    p0, c1 = _add(p0, load(words, starts[6] + at), load(words, starts[7] + at))
    p1, e1 = _add(p1, c0, c1)
    store(planes, first, p0)
    store(planes, first + WIDTH, p1)
    p2, carry = _add(load(planes, first + 2 * WIDTH), e0, e1)
    store(planes, first + 2 * WIDTH, p2)
    for plane in range(low + 3, PLANES):
        old = load(planes, plane * WIDTH + at)
        store(planes, plane * WIDTH + at, old ^ carry)
        carry = old & carry


@inlined
def _add(one: Any, two: Any, three: Any) -> tuple[Any, Any]:
    """Full adder: return the sum (xor) and the carry (majority) of three vectors, bit by bit."""
    either = one ^ two
    return either ^ three, (one & two) | (three & either)
