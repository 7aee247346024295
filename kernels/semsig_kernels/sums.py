"""Sums of weights over groups of cells, and the scores that they give to rows.

A group is one class in one quarter of the picture. Each sum is divided by `unit`, rounded up, and
stored as one byte: in a dense column for a frequent group, in posting lists for a rare one. With
a and b the stored sums of row and query, a row's score is
``OFFSET + (sum over groups of min(a, b)) - (weight of the row) // (2 * unit)``. Rounding up never
lowers the sum of minima, so the score gives a lower bound of the distance: the higher the score,
the lower the bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.postings import Queries
from semsig_kernels.simd import prefetch
from semsig_kernels.vectors import highest

CHUNK_ROWS = 8192
BLOCK_ROWS = 32
"""One maximum score is kept per block of this many rows."""
OFFSET = 2**15
"""Added to every score so that none is negative: at most 2^14 is subtracted."""
_LINE_BYTES = 64
"""Size of a cache line in bytes."""


class Sums(NamedTuple):
    """Group sums of N rows in C chunks, for K groups, F of them frequent."""

    group_of: NDArray[np.int64]
    """Group of each cell."""
    unit: int
    """Weight that a stored sum of 1 stands for."""
    columns: NDArray[np.uint8]
    """Sums of the frequent groups, shape (C, F, CHUNK_ROWS)."""
    column_of: NDArray[np.int64]
    """Column of each group, or -1 for a rare group, shape (K,)."""
    bounds: NDArray[np.int64]
    """Group g of chunk c has postings ``bounds[c, g]:bounds[c, g + 1]``, shape (C, K + 1)."""
    ids: NDArray[np.uint16]
    """Postings of the rare groups: row numbers within the chunk."""
    sums: NDArray[np.uint8]
    """Stored sum of each posting."""
    starts: NDArray[np.uint16]
    """Initial scores: OFFSET - weight // (2 * unit) per row, 0 after the last row, shape
    (C, CHUNK_ROWS)."""


@kernel
def sum_rows(
    cell_groups: NDArray[np.int64],
    weights: NDArray[np.int64],
    offsets: NDArray[np.int64],
    work: NDArray[np.int64],
    rows: NDArray[np.int64],
    groups: NDArray[np.int64],
    sums: NDArray[np.int64],
) -> int:
    """Sum weights by row and group.

    Parameters
    ----------
    cell_groups, weights : ndarray of int64, shape (p,)
        Group and weight of every cell, row after row.
    offsets : ndarray of int64, shape (n + 1,)
        Row i has the cells ``offsets[i]:offsets[i + 1]``.
    work : ndarray of int64, shape (number of groups,)
        Scratch memory, all 0 before and after.
    rows, groups, sums : ndarray of int64, shape (>= p,)
        Output: every non-zero sum, in ascending order of rows.

    Returns
    -------
    int
        Number of sums written.
    """
    count = 0
    for row in range(offsets.size - 1):
        first = count
        for j in range(offsets[row], offsets[row + 1]):
            group = cell_groups[j]
            if work[group] == 0 and weights[j] > 0:
                rows[count] = row
                groups[count] = group
                count += 1
            work[group] += weights[j]
        for entry in range(first, count):
            sums[entry] = work[groups[entry]]
            work[groups[entry]] = 0
    return count


@kernel
def sum_query(
    sums: Sums,
    queries: Queries,
    q: int,
    groups: NDArray[np.int64],
    needs: NDArray[np.uint8],
) -> int:
    """Write the query's groups and their sums in units, rounded up; return how many there are.

    A sum is cut to 255. No stored sum of a row is larger, so the minimum of the two is the same.
    """
    weights = np.zeros(groups.size, np.int64)
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
        code = queries.codes[j]
        weights[sums.group_of[code >> 2]] += queries.weights[j, code & 3]
    count = 0
    for group in range(weights.size):
        if weights[group] > 0:
            groups[count] = group
            needs[count] = min(255, (weights[group] + sums.unit - 1) // sums.unit)
            count += 1
    return count


@kernel
def score_chunk(
    sums: Sums,
    chunk: int,
    groups: NDArray[np.int64],
    needs: NDArray[np.uint8],
    part: NDArray[np.uint8],
    scores: NDArray[np.uint16],
) -> None:
    """Write the scores of a chunk's rows, shape (rows,); `part` is scratch of the same shape.

    Columns are added in bytes for as long as the sum of the query's own sums is at most 255: a
    byte cannot overflow until then. The bytes are then added to the 16-bit scores.
    """
    start = sums.starts[chunk]
    for i in range(scores.size):
        scores[i] = start[i]
        part[i] = 0
    most = np.int64(0)
    _ask_for_postings(sums, chunk, groups)
    for g in range(groups.size):
        group, need = groups[g], needs[g]
        if sums.column_of[group] < 0:
            continue
        most += np.int64(need)
        if most > 255:
            _move(part, scores)
            most = np.int64(need)
        _add_column(sums.columns[chunk, sums.column_of[group]], need, part)
    _move(part, scores)
    for g in range(groups.size):
        if sums.column_of[groups[g]] < 0:
            _add_postings(sums, chunk, groups[g], needs[g], scores)


@kernel
def _ask_for_postings(sums: Sums, chunk: int, groups: NDArray[np.int64]) -> None:
    """Prefetch postings while columns are added: lists are too short for hardware prefetching."""
    for g in range(groups.size):
        if sums.column_of[groups[g]] >= 0:
            continue
        first, last = sums.bounds[chunk, groups[g]], sums.bounds[chunk, groups[g] + 1]
        for p in range(first, last, _LINE_BYTES // sums.ids.itemsize):
            prefetch(sums.ids, p)
        for p in range(first, last, _LINE_BYTES):
            prefetch(sums.sums, p)


@kernel
def _add_postings(
    sums: Sums, chunk: int, group: int, need: np.uint8, scores: NDArray[np.uint16]
) -> None:
    first, last = sums.bounds[chunk, group], sums.bounds[chunk, group + 1]
    ids, own = sums.ids[first:last], sums.sums[first:last]
    for p in range(ids.size):
        scores[ids[p]] += min(own[p], need)


@kernel
def _add_column(column: NDArray[np.uint8], need: np.uint8, part: NDArray[np.uint8]) -> None:
    for i in range(part.size):
        part[i] += min(column[i], need)


@kernel
def _move(part: NDArray[np.uint8], scores: NDArray[np.uint16]) -> None:
    for i in range(part.size):
        scores[i] += part[i]
        part[i] = 0


@kernel
def find_peaks(scores: NDArray[np.uint16], peaks: NDArray[np.uint16]) -> None:
    """Write the maximum score of each block of rows."""
    for block in range(scores.size // BLOCK_ROWS):
        peaks[block] = highest(scores, block * BLOCK_ROWS)


@kernel
def whole_blocks(n_rows: int) -> int:
    """Round up to a multiple of BLOCK_ROWS."""
    return (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS * BLOCK_ROWS
