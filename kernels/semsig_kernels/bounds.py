"""Exact search that compares sums first and whole signatures only where sums cannot decide.

The weight two signatures share is at most the sum over groups of the smaller of their two group
sums, which gives a lower bound of their distance. Phase one scores all rows by that. Phase two
compares the rows with the very highest scores, which sets a limit to the distance, and then all
others whose score leaves them within that limit.
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
_BINS = 4096


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
        The rows themselves.
    queries : Queries
        What is searched for, by the weights of `rows`.
    chunks : (int, int)
        First chunk, and the one after the last.
    tanimoto : bool
        Tanimoto distance rounded to float32, else Hamming.
    table : ndarray of uint8 or int64, shape (4 * number of cells,)
        Zeros before and after; wide enough for the weight of a cell.
    distances, found : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated.

    Returns
    -------
    int
        How many rows were compared whole.
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
    """Compare the rows with the highest scores, then those that may still be near enough."""
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
    """Write where scores are in limit..above - 1; return how many."""
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
    """Return a score that about `count` blocks reach; 0 if there are fewer."""
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
    """Return the least score of a row that can be as near as `distance`."""
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
    """Whether a row of this score can have a Tanimoto distance of at most `distance`."""
    own = rows.totals[row]
    shared = unit * (score - OFFSET + own // (2 * unit))
    return distance > 1.0 or shared >= (1.0 - distance - 1e-6) * (total + own - shared)
