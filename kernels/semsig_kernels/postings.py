"""Cell postings: for every (cell, level) the rows that have it, and exact search over them.

Rows come in chunks of CHUNK_ROWS, so that row numbers inside a chunk fit uint16 and the chunk's
counters stay in the first-level cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.topk import replace_worst

CHUNK_ROWS = 16384
BLOCK_ROWS = 64


class Postings(NamedTuple):
    """Postings of C chunks. A chunk's table has four slots a cell, one a level, and an end."""

    ids: NDArray[np.uint16]
    """Rows inside their chunk, ascending within a slot, shape (P,)."""
    id_bounds: NDArray[np.int64]
    """Chunk c has ``ids[id_bounds[c]:id_bounds[c + 1]]``."""
    starts: NDArray[np.uint32]
    """Where each slot's ids start within the chunk."""
    start_bounds: NDArray[np.int64]
    """Chunk c has the table ``starts[start_bounds[c]:start_bounds[c + 1]]``."""
    keys: NDArray[np.int64]
    """Cells that have slots, ascending within a chunk; empty where every cell has."""
    key_bounds: NDArray[np.int64]
    """Chunk c has ``keys[key_bounds[c]:key_bounds[c + 1]]``."""


class Queries(NamedTuple):
    """Signatures to search for, with what each shared level of a cell is worth."""

    codes: NDArray[np.int64]
    """``cell * 4 + level - 1``, shape (n,)."""
    weights: NDArray[np.int64]
    """Weight of levels 1..4 of each code's cell, shape (n, 4)."""
    offsets: NDArray[np.int64]
    """Query q has the codes ``offsets[q]:offsets[q + 1]``."""
    totals: NDArray[np.int64]
    """Weight of each whole query, shape (Q,)."""


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
        Slots of all rows of the chunk, one row after the other.
    offsets : ndarray of int64, shape (rows + 1,)
        Row i has ``slots[offsets[i]:offsets[i + 1]]``; offsets[0] is 0.
    starts : ndarray of uint32, shape (number of slots + 1,)
        Zeros; written.
    ids : ndarray of uint16, shape (p,)
        Written.
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
    totals: NDArray[np.int64],
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
        What is searched.
    queries : Queries
        What is searched for.
    chunks : (int, int)
        First chunk, and the one after the last.
    totals : ndarray of int64, shape (N,)
        Weight of each row, by the same weights as the queries'.
    tanimoto : bool
        Tanimoto distance rounded to float32, else Hamming.
    allowed : ndarray of bool, shape (N,) or (0,)
        Rows that may be found; of shape (0,): all.
    shared : ndarray of uint16 or int64, shape (>= CHUNK_ROWS,)
        Counters, all 0 before and after; wide enough for the weight any two rows share.
    distances, rows : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated.
    """
    for chunk in range(chunks[0], chunks[1]):
        first = chunk * CHUNK_ROWS
        size = min(CHUNK_ROWS, totals.size - first)
        for q in range(queries.totals.size):
            _add_shared(postings, chunk, queries, q, shared)
            total = queries.totals[q]
            if tanimoto:
                _offer_tanimoto(shared, size, first, total, totals, allowed, distances[q], rows[q])
            else:
                _offer_hamming(shared, size, first, total, totals, allowed, distances[q], rows[q])
            shared[:size] = 0


@kernel
def shared_weights(postings: Postings, queries: Queries, q: int, shared: NDArray[np.int64]) -> None:
    """Add to `shared`, shape (N,), the weight that each row shares with query q."""
    for chunk in range(postings.id_bounds.size - 1):
        _add_shared(postings, chunk, queries, q, shared[chunk * CHUNK_ROWS :])


@kernel
def _add_shared(
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
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
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
    """Return the slot of level 1 of a cell, or -1 if the chunk has no row with it."""
    if keys.size == 0:
        return 4 * cell if 4 * cell < starts.size - 1 else -1
    at = int(np.searchsorted(keys, cell))
    return 4 * at if at < keys.size and keys[at] == cell else -1


@kernel
def _offer_hamming(
    shared: NDArray[np.uint16] | NDArray[np.int64],
    size: int,
    first: int,
    total: int,
    totals: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    distances: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Offer a chunk's rows, ascending, at the distance total + totals - 2 * shared."""
    for start in range(0, size, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, size)
        common = shared[start:stop]
        own = totals[first + start : first + stop]
        if total + _least(common, own) >= distances[0]:
            continue
        for i in range(own.size):
            row = first + start + i
            distance = total + own[i] - 2 * np.int64(common[i])
            if distance < distances[0] and (allowed.size == 0 or allowed[row]):
                replace_worst(distances, rows, distance, row)


@kernel
def _least(shared: NDArray[np.uint16] | NDArray[np.int64], totals: NDArray[np.int64]) -> int:
    """Return the least totals - 2 * shared; a loop that the compiler turns into vectors."""
    least = totals[0] - 2 * np.int64(shared[0])
    for i in range(totals.size):
        least = min(least, totals[i] - 2 * np.int64(shared[i]))
    return int(least)


@kernel
def _offer_tanimoto(
    shared: NDArray[np.uint16] | NDArray[np.int64],
    size: int,
    first: int,
    total: int,
    totals: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    distances: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Offer a chunk's rows, ascending, at the distance 1 - shared / union; 0 if both are empty."""
    for i in range(size):
        row = first + i
        common = np.int64(shared[i])
        union = total + totals[row] - common
        distance = float(np.float32(1.0 - common / union)) if union > 0 else 0.0
        if distance < distances[0] and (allowed.size == 0 or allowed[row]):
            replace_worst(distances, rows, distance, row)
