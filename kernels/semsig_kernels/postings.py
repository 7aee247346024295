"""Posting lists of cells: the rows that have each (cell, level), and exact search over them.

Rows are split into chunks of CHUNK_ROWS, so that row numbers within a chunk fit uint16 and the
chunk's counters stay in the first-level cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.simd import prefetch, trailing_zeros
from semsig_kernels.topk import replace_worst
from semsig_kernels.vectors import few_below, lanes_below

CHUNK_ROWS = 16384
BLOCK_ROWS = 64
_AHEAD = 4
"""A posting list is prefetched this many codes before it is added."""
TANIMOTO_ONE = 4096
"""Fixed-point 1 for Tanimoto similarities, which are compared in integers, without division."""


class Postings(NamedTuple):
    """Posting lists of C chunks.

    A chunk's table holds four slots per cell, one per level, and one final end offset.
    """

    ids: NDArray[np.uint16]
    """Row numbers within the chunk, ascending within a slot, shape (P,)."""
    id_bounds: NDArray[np.int64]
    """Chunk c has ``ids[id_bounds[c]:id_bounds[c + 1]]``."""
    starts: NDArray[np.uint32]
    """Where each slot's ids start within the chunk."""
    start_bounds: NDArray[np.int64]
    """Chunk c has the table ``starts[start_bounds[c]:start_bounds[c + 1]]``."""
    keys: NDArray[np.int64]
    """Cells that have slots, ascending within a chunk; empty if every cell has slots."""
    key_bounds: NDArray[np.int64]
    """Chunk c has ``keys[key_bounds[c]:key_bounds[c + 1]]``."""


class Queries(NamedTuple):
    """Query signatures, with the weight of each level of their cells."""

    codes: NDArray[np.int64]
    """``cell * 4 + level - 1``, shape (n,)."""
    weights: NDArray[np.int64]
    """Cumulative weight of levels 1..4 of each code's cell, shape (n, 4)."""
    offsets: NDArray[np.int64]
    """Query q has the codes ``offsets[q]:offsets[q + 1]``."""
    totals: NDArray[np.int64]
    """Total weight of each query, shape (Q,)."""


@kernel
def group_rows(
    slots: NDArray[np.int64],
    offsets: NDArray[np.int64],
    starts: NDArray[np.uint32],
    ids: NDArray[np.uint16],
) -> None:
    """Group the rows of one chunk by slot (a counting sort).

    Parameters
    ----------
    slots : ndarray of int64, shape (p,)
        Slots of all rows of the chunk, row after row.
    offsets : ndarray of int64, shape (rows + 1,)
        Row i has ``slots[offsets[i]:offsets[i + 1]]``; offsets[0] is 0.
    starts : ndarray of uint32, shape (number of slots + 1,)
        Output; all 0 before.
    ids : ndarray of uint16, shape (p,)
        Output.
    """
    for slot in slots:
        starts[slot + 1] += 1
    for slot in range(1, starts.size):
        starts[slot] += starts[slot - 1]
    following = starts.copy()
    for row in range(offsets.size - 1):
        for j in range(offsets[row], offsets[row + 1]):
            slot = slots[j]
            ids[following[slot]] = row
            following[slot] += 1


@kernel
def nearest(
    postings: Postings,
    queries: Queries,
    chunks: tuple[int, int],
    totals: NDArray[np.int32] | NDArray[np.int64],
    tanimoto: bool,
    allowed: NDArray[np.bool_],
    shared: NDArray[np.uint16] | NDArray[np.int64],
    distances: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Find the k nearest rows of some chunks to each of Q queries.

    Parameters
    ----------
    postings : Postings
        Posting lists of the rows.
    queries : Queries
        The queries.
    chunks : (int, int)
        Range of chunks: its start and its end (exclusive).
    totals : ndarray of int32 or int64, shape (N,)
        Total weight of each row, by the same weights as the queries'.
    tanimoto : bool
        Tanimoto distance rounded to float32, else Hamming distance.
    allowed : ndarray of bool, shape (N,) or (0,)
        Rows that may be found; shape (0,) allows all.
    shared : ndarray of uint16 or int64, shape (CHUNK_ROWS,)
        Counters, all 0 before and after. uint16 requires int32 totals, all of them below 2^16.
    distances, rows : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated.
    """
    for chunk in range(chunks[0], chunks[1]):
        first = chunk * CHUNK_ROWS
        size = min(CHUNK_ROWS, totals.size - first)
        for q in range(queries.totals.size):
            add_shared(postings, chunk, queries, q, shared)
            total = queries.totals[q]
            offer(shared, size, first, total, totals, tanimoto, allowed, distances[q], rows[q])


@kernel
def shared_weights(postings: Postings, queries: Queries, q: int, shared: NDArray[np.int64]) -> None:
    """Add to `shared`, shape (N,), the weight that each row shares with query q."""
    for chunk in range(postings.id_bounds.size - 1):
        add_shared(postings, chunk, queries, q, shared[chunk * CHUNK_ROWS :])


@kernel
def add_shared(
    postings: Postings,
    chunk: int,
    queries: Queries,
    q: int,
    shared: NDArray[np.uint16] | NDArray[np.int64],
) -> None:
    """Add the weight that each row of the chunk shares with query q."""
    ids = postings.ids[postings.id_bounds[chunk] : postings.id_bounds[chunk + 1]]
    starts = postings.starts[postings.start_bounds[chunk] : postings.start_bounds[chunk + 1]]
    keys = postings.keys[postings.key_bounds[chunk] : postings.key_bounds[chunk + 1]]
    last_code = queries.offsets[q + 1] - 1
    for j in range(queries.offsets[q], last_code + 1):
        ahead = min(j + _AHEAD, last_code)
        slot = _first_slot(keys, starts, queries.codes[ahead] >> 2)
        if slot >= 0:
            prefetch(ids, starts[slot])
            prefetch(ids, starts[slot] + 32)
        slot = _first_slot(keys, starts, queries.codes[j] >> 2)
        if slot < 0:
            continue
        own = queries.codes[j] & 3
        for level in range(own + 1):
            weight = queries.weights[j, level]
            last = slot + 4 if level == own else slot + level + 1
            for p in range(starts[slot + level], starts[last]):
                shared[ids[p]] += weight


@kernel
def _first_slot(keys: NDArray[np.int64], starts: NDArray[np.uint32], cell: int) -> int:
    """Return the slot of level 1 of a cell, or -1 if the chunk has no slots for it."""
    if keys.size == 0:
        return 4 * cell if 4 * cell < starts.size - 1 else -1
    at = int(np.searchsorted(keys, cell))
    return 4 * at if at < keys.size and keys[at] == cell else -1


@kernel
def offer(
    shared: NDArray[np.uint16] | NDArray[np.int64],
    size: int,
    first: int,
    total: int,
    totals: NDArray[np.int32] | NDArray[np.int64],
    tanimoto: bool,
    allowed: NDArray[np.bool_],
    distances: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Offer a chunk's rows to the heap, in ascending order, and reset their shared weights to 0.

    Rows are tested 64 at a time by a linear rule in integers that every near enough row meets;
    only rows that pass have their distance computed.
    """
    rule = _rule(tanimoto, total, distances[0])
    for start in range(0, size, BLOCK_ROWS):
        if start + BLOCK_ROWS <= size:
            near = lanes_below(totals, first + start, shared, start, rule)
        else:
            near = few_below(totals, first + start, shared, start, rule, size - start)
        while near:
            i = start + np.int64(trailing_zeros(near))
            near &= near - np.uint64(1)
            row: Any = first + i
            common = np.int64(shared[i])
            distance = _distance(tanimoto, total, np.int64(totals[row]), common)
            if distance < distances[0] and (allowed.size == 0 or allowed[row]):
                replace_worst(distances, rows, distance, row)
                rule = _rule(tanimoto, total, distances[0])
        shared[start : start + BLOCK_ROWS] = 0


@kernel
def _distance(tanimoto: bool, total: int, own: Any, shared: Any) -> float:
    """Return 1 - shared / union, 0 if both are empty; or the Hamming distance."""
    if not tanimoto:
        return float(total + own - 2 * shared)
    union = total + own - shared
    return float(np.float32(1.0 - shared / union)) if union > 0 else 0.0


@kernel
def _rule(tanimoto: bool, total: Any, worst: float) -> tuple[Any, Any, Any]:
    """Return a, b, c such that a * own - b * shared < c for every row nearer than `worst`.

    Hamming: total + own - 2 * shared < worst, rearranged. Tanimoto: such a row has
    shared >= s * (total + own - shared) for any s <= 1 - worst. With s = part / TANIMOTO_ONE that
    is part * own - (TANIMOTO_ONE + part) * shared <= -part * total. Subtracting 1 from the floor
    makes s smaller by 2^-12, far more than the error of `worst` as a float32. With weights below
    2^16 both products are below 2^29, so the rule can be evaluated in int32.
    """
    if not np.isfinite(worst):
        return np.int64(0), np.int64(0), np.int64(1)
    if not tanimoto:
        return np.int64(1), np.int64(2), np.int64(worst) - total
    part = max(np.int64(0), np.int64(np.floor((1.0 - worst) * TANIMOTO_ONE)) - 1)
    return part, np.int64(TANIMOTO_ONE + part), np.int64(1 - part * total)
