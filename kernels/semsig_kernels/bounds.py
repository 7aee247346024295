"""Exact search by lower bounds: only rows that group sums cannot rule out are compared in full.

Within a group, two signatures share at most the smaller of their two group sums. The total of
these minima is therefore an upper bound of the shared weight, and gives a lower bound of the
distance. Phase one computes this bound, as a score, for all rows. Phase two computes the exact
distances of the rows with the highest scores, whose k-th smallest limits the search, and then of
all other rows whose bound is within that limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.compare import Rows, clear_table, fill_table, offer_row, prefetch_row
from semsig_kernels.postings import Queries
from semsig_kernels.simd import trailing_zeros
from semsig_kernels.sums import (
    BLOCK_ROWS,
    CHUNK_ROWS,
    OFFSET,
    Sums,
    find_peaks,
    score_chunk,
    sum_query,
    whole_blocks,
)
from semsig_kernels.vectors import lanes_reaching

QUERIES_AT_ONCE = 8
"""Queries that are scored together, chunk by chunk, while the chunk is in the cache."""
_BINS = 4096
"""Bins of the histogram of block maxima, see :func:`_high_score`."""


@kernel
def nearest_bounded(
    sums: Sums,
    rows: Rows,
    queries: Queries,
    chunks: tuple[int, int],
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> int:
    """Find the k nearest rows of some chunks to each of Q queries.

    Parameters
    ----------
    sums : Sums
        Group sums of the rows.
    rows : Rows
        The rows' signatures.
    queries : Queries
        The queries, by the same weights as `rows`.
    chunks : (int, int)
        Range of chunks: its start and its end (exclusive).
    tanimoto : bool
        Tanimoto distance rounded to float32, else Hamming distance.
    table : ndarray of uint8 or int64, shape (4 * number of cells,)
        Scratch memory, all 0 before and after; its dtype must hold the weight of a cell.
    distances, found : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated.

    Returns
    -------
    int
        Number of rows whose exact distance was computed.
    """
    held = max(1, min(QUERIES_AT_ONCE, queries.totals.size))
    scores = np.empty((held, chunks[1] - chunks[0], CHUNK_ROWS), np.uint16)
    peaks = np.zeros((held, chunks[1] - chunks[0], CHUNK_ROWS // BLOCK_ROWS), np.uint16)
    part = np.empty(CHUNK_ROWS, np.uint8)
    needs = np.empty((held, sums.column_of.size), np.uint8)
    groups = np.empty((held, sums.column_of.size), np.int64)
    n_groups = np.empty(held, np.int64)
    candidates = np.empty((chunks[1] - chunks[0]) * CHUNK_ROWS, np.int64)
    compared = 0
    for first in range(0, queries.totals.size, held):
        last = min(first + held, queries.totals.size)
        for q in range(first, last):
            n_groups[q - first] = sum_query(sums, queries, q, groups[q - first], needs[q - first])
        for chunk in range(chunks[0], chunks[1]):
            size = min(CHUNK_ROWS, whole_blocks(rows.totals.size - chunk * CHUNK_ROWS))
            for q in range(last - first):
                scored = scores[q, chunk - chunks[0], :size]
                score_chunk(sums, chunk, groups[q, : n_groups[q]], needs[q], part[:size], scored)
                find_peaks(scored, peaks[q, chunk - chunks[0]])
        for q in range(first, last):
            fill_table(queries, q, table)
            compared += _refine(
                sums.unit,
                rows,
                queries.totals[q],
                chunks[0] * CHUNK_ROWS,
                tanimoto,
                table,
                scores[q - first],
                peaks[q - first],
                candidates,
                distances[q],
                found[q],
            )
            clear_table(queries, q, table)
    return compared


@kernel
def _refine(
    unit: int,
    rows: Rows,
    total: int,
    first_row: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    scores: NDArray[np.uint16],
    peaks: NDArray[np.uint16],
    candidates: NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> int:
    """Compare the rows with the highest scores, then those that may still be near enough.

    The first pass aims at 2 k + 8 rows, so that the heap is full and its limit tight before the
    second. That one takes the scores below those of the first, so no row is compared twice.
    """
    flat = scores.reshape(-1)
    compared = 0
    above = 2**16
    for least in (_high_score(peaks, 2 * found.size + 8), 0):
        limit = max(least, _least_score(unit, rows, total, tanimoto, distances[0]))
        n_rows = rows.totals.size - first_row
        count = _gather(scores, peaks, n_rows, limit, above, candidates)
        for c in range(count):
            prefetch_row(rows, first_row, candidates, c, count)
            row, score = first_row + candidates[c], int(flat[candidates[c]])
            if score < limit:
                continue
            if tanimoto and not _near_enough(unit, rows, total, row, score, distances[0]):
                continue
            compared += 1
            if offer_row(rows, total, row, tanimoto, table, distances, found):
                limit = max(limit, _least_score(unit, rows, total, tanimoto, distances[0]))
        above = least
    return compared


@kernel
def _gather(
    scores: NDArray[np.uint16],
    peaks: NDArray[np.uint16],
    n_rows: int,
    limit: int,
    above: int,
    candidates: NDArray[np.int64],
) -> int:
    """Write the rows whose scores are in limit..above - 1; return how many there are.

    A block is skipped if its maximum is below the limit.
    """
    flat_peaks, flat = peaks.reshape(-1), scores.reshape(-1)
    count = 0
    for block in range((n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS):
        if flat_peaks[block] < limit:
            continue
        near = lanes_reaching(flat, block * BLOCK_ROWS, limit)
        while near:
            row = block * BLOCK_ROWS + np.int64(trailing_zeros(near))
            near &= near - np.uint64(1)
            if flat[row] < above and row < n_rows:
                candidates[count] = row
                count += 1
    return count


@kernel
def _high_score(peaks: NDArray[np.uint16], count: int) -> int:
    """Return a score that at least `count` blocks reach, by a histogram of the block maxima.

    The histogram covers only the _BINS highest scores; 0, which all blocks reach, if these do not
    suffice.
    """
    flat = peaks.reshape(-1)
    highest: Any = 0
    for i in range(flat.size):
        highest = max(highest, np.int64(flat[i]))
    reached = np.zeros(_BINS, np.int64)
    for i in range(flat.size):
        reached[min(_BINS - 1, highest - np.int64(flat[i]))] += 1
    blocks = 0
    for below in range(_BINS - 1):
        blocks += reached[below]
        if blocks >= count:
            return int(max(0, highest - below))
    return 0


@kernel
def _least_score(unit: int, rows: Rows, total: int, tanimoto: bool, distance: float) -> int:
    """Return a score that every row at a distance of at most `distance` reaches.

    In units of `unit`, a score minus OFFSET is at least shared - own / 2, `own` being the row's
    weight. Hamming: shared = (total + own - distance) / 2, so that own cancels out. Tanimoto:
    shared >= s * (total + own - shared) with s = 1 - distance, so shared >= p * (total + own)
    with p = s / (1 + s) <= 1/2, and the bound is least for the heaviest row. 1e-6 is more than
    the error of a distance rounded to float32 (2^-25), and 1 more is subtracted from the floor.
    """
    if not np.isfinite(distance):
        return 0
    if tanimoto:
        share = 1.0 - distance - 1e-6
        part = share / (1.0 + share)
        margin = part * total - (0.5 - part) * rows.heaviest
        return max(0, int(np.floor(OFFSET + margin / unit)) - 1)
    return max(0, int(np.ceil(OFFSET + (total - distance) / (2 * unit))))


@kernel
def _near_enough(unit: int, rows: Rows, total: int, row: int, score: int, distance: float) -> bool:
    """Whether a row with this score can have a Tanimoto distance of at most `distance`.

    The score gives an upper bound of the shared weight, and the distance falls as that grows. A
    `distance` above 1 means that the heap is not full yet.
    """
    own = rows.totals[row]
    shared = unit * (score - OFFSET + own // (2 * unit))
    return distance > 1.0 or shared >= (1.0 - distance - 1e-6) * (total + own - shared)
