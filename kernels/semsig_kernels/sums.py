"""Sums of weights over groups of cells, and the scores they give rows.

A group is a class in a quarter of the picture. Sums are stored in units, rounded up to bytes: a
column of them for each frequent group, postings for the others. A row's score is OFFSET + (sum
over groups of the smaller of row's and query's) - (row's own weight // 2 units): the rows with
the least possible distances have the highest scores.
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
"""The highest score of every so many rows is kept."""
OFFSET = 2**15
_LINE_BYTES = 64


class Sums(NamedTuple):
    """Group sums of N rows in C chunks; K groups, F of them frequent."""

    group_of: NDArray[np.int64]
    """Group of each cell."""
    unit: int
    """Weight that a sum of 1 stands for."""
    columns: NDArray[np.uint8]
    """Sums of the frequent groups, shape (C, F, CHUNK_ROWS)."""
    column_of: NDArray[np.int64]
    """Column of each group, or -1, shape (K,)."""
    bounds: NDArray[np.int64]
    """Group g of chunk c has the postings bounds[c, g]..bounds[c, g + 1] - 1; (C, K + 1)."""
    ids: NDArray[np.uint16]
    """Rows inside their chunk, of the groups without a column."""
    sums: NDArray[np.uint8]
    """The sums that go with `ids`."""
    starts: NDArray[np.uint16]
    """OFFSET - weight // (2 * unit) of each row, 0 beyond the last, shape (C, CHUNK_ROWS)."""


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
        Group and weight of the cells of all rows, one row after the other.
    offsets : ndarray of int64, shape (n + 1,)
        Row i has the cells ``offsets[i]:offsets[i + 1]``.
    work : ndarray of int64, shape (number of groups,)
        Zeros before and after.
    rows, groups, sums : ndarray of int64, shape (>= p,)
        Written: each sum that is not 0, by ascending row.

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
    """Write the groups a query has and its sums in units, rounded up; return their number."""
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
    """Score the rows of a chunk, shape (rows,); `part` is room for as many bytes.

    Columns are added as bytes while their greatest sum is one, then all at once to the scores.
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
    """Have postings loaded while columns are added: lists are too short for the CPU to foresee."""
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
    """Write the highest score of each block of rows."""
    for block in range(scores.size // BLOCK_ROWS):
        peaks[block] = highest(scores, block * BLOCK_ROWS)


@kernel
def whole_blocks(n_rows: int) -> int:
    """Round up to a multiple of BLOCK_ROWS."""
    return (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS * BLOCK_ROWS
