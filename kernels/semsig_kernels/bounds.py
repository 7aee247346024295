"""Exact search that compares sums first and whole signatures only where sums cannot decide.

Cells are put in groups (a class in a quarter of the picture). The weight two signatures share is
at most the sum over groups of the smaller of their two group sums, which gives a lower bound of
their distance. Sums are stored in units, rounded up to bytes: a column of them for each frequent
group, postings for the others.

A row's score is OFFSET + (sum of smaller sums) - (its own weight // 2 units), so that the rows
with the least possible distances have the highest scores. Phase one scores all rows. Phase two
compares the rows with the very highest scores, which sets a limit to the distance, and then all
others whose score leaves them within that limit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.postings import Queries
from semsig_kernels.simd import prefetch
from semsig_kernels.topk import replace_worst

CHUNK_ROWS = 8192
LANES = 512
"""A chunk's row i is in lane i % LANES; the highest score of each lane is kept."""
OFFSET = 2**15
QUERIES_AT_ONCE = 8
_BINS = 4096
_AHEAD = 8
_CELLS_A_LINE = 32


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


class Rows(NamedTuple):
    """The signatures themselves."""

    cells: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    totals: NDArray[np.int64]
    """Weight of each row, shape (N,)."""
    heaviest: int
    """The greatest of them."""
    allowed: NDArray[np.bool_]
    """Rows that may be found, shape (N,); of shape (0,): all."""


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
    peaks = np.empty((held, chunks[1] - chunks[0], LANES), np.uint16)
    needs = np.empty((held, sums.column_of.size), np.uint8)
    groups = np.empty((held, sums.column_of.size), np.int64)
    n_groups = np.empty(held, np.int64)
    candidates = np.empty((chunks[1] - chunks[0]) * CHUNK_ROWS, np.int64)
    compared = 0
    for first in range(0, queries.totals.size, held):
        last = min(first + held, queries.totals.size)
        for q in range(first, last):
            n_groups[q - first] = _sum_groups(sums, queries, q, groups[q - first], needs[q - first])
        for chunk in range(chunks[0], chunks[1]):
            size = min(CHUNK_ROWS, _whole_lanes(rows.totals.size - chunk * CHUNK_ROWS))
            for q in range(last - first):
                scored = scores[q, chunk - chunks[0], :size]
                _score(sums, chunk, groups[q, : n_groups[q]], needs[q], scored)
                _find_peaks(scored, peaks[q, chunk - chunks[0]])
        for q in range(first, last):
            _fill(queries, q, table)
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
            _clear(queries, q, table)
    return compared


@kernel
def _whole_lanes(n_rows: int) -> int:
    return (n_rows + LANES - 1) // LANES * LANES


@kernel
def _sum_groups(
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
def _score(
    sums: Sums,
    chunk: int,
    groups: NDArray[np.int64],
    needs: NDArray[np.uint8],
    scores: NDArray[np.uint16],
) -> None:
    """Score the rows of a chunk, shape (CHUNK_ROWS,)."""
    start = sums.starts[chunk]
    for i in range(scores.size):
        scores[i] = start[i]
    for g in range(groups.size):
        group, need = groups[g], needs[g]
        if sums.column_of[group] >= 0:
            column = sums.columns[chunk, sums.column_of[group]]
            for i in range(scores.size):
                scores[i] += min(column[i], need)
        else:
            first, last = sums.bounds[chunk, group], sums.bounds[chunk, group + 1]
            ids, own = sums.ids[first:last], sums.sums[first:last]
            for p in range(ids.size):
                scores[ids[p]] += min(own[p], need)


@kernel
def _find_peaks(scores: NDArray[np.uint16], peaks: NDArray[np.uint16]) -> None:
    """Write the highest score of each lane."""
    for lane in range(peaks.size):
        peaks[lane] = scores[lane]
    for start in range(peaks.size, scores.size, peaks.size):
        part = scores[start : start + peaks.size]
        for lane in range(peaks.size):
            peaks[lane] = max(peaks[lane], part[lane])


@kernel
def _fill(queries: Queries, q: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> None:
    """Write what each (cell, level) shares with the query."""
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
        own = queries.codes[j] & 3
        for level in range(4):
            table[queries.codes[j] - own + level] = queries.weights[j, min(own, level)]


@kernel
def _clear(queries: Queries, q: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> None:
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
        first = queries.codes[j] & ~3
        table[first : first + 4] = 0


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
            _prefetch_row(rows, first_row, candidates, c, count)
            row, score = first_row + candidates[c], int(flat[candidates[c]])
            if score < limit:
                continue
            if tanimoto and not _near_enough(unit, rows, total, row, score, distances[0]):
                continue
            compared += 1
            if _offer(rows, total, row, tanimoto, table, distances, found):
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
    count = 0
    for chunk in range(peaks.shape[0]):
        first, best, of_chunk = chunk * CHUNK_ROWS, peaks[chunk], scores[chunk]
        size = min(CHUNK_ROWS, n_rows - first)
        for lane in range(best.size):
            if best[lane] < limit:
                continue
            for i in range(lane, size, LANES):
                if limit <= of_chunk[i] < above:
                    candidates[count] = first + i
                    count += 1
    return count


@kernel
def _prefetch_row(
    rows: Rows, first_row: int, candidates: NDArray[np.int64], c: int, count: int
) -> None:
    """Have what later comparisons read loaded meanwhile: they wait for memory most of all."""
    if c + 2 * _AHEAD < count:
        row = first_row + candidates[c + 2 * _AHEAD]
        prefetch(rows.offsets, row)
        prefetch(rows.totals, row)
    if c + _AHEAD < count:
        row = first_row + candidates[c + _AHEAD]
        for cell in range(rows.offsets[row], rows.offsets[row + 1], _CELLS_A_LINE):
            prefetch(rows.cells, cell)


@kernel
def _high_score(peaks: NDArray[np.uint16], count: int) -> int:
    """Return a score that about `count` lanes reach; 0 if there are fewer."""
    flat = peaks.reshape(-1)
    highest: Any = 0
    for i in range(flat.size):
        highest = max(highest, np.int64(flat[i]))
    reached = np.zeros(_BINS, np.int64)
    for i in range(flat.size):
        reached[min(_BINS - 1, highest - np.int64(flat[i]))] += 1
    lanes = 0
    for below in range(_BINS - 1):
        lanes += reached[below]
        if lanes >= count:
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


@kernel
def _share(rows: Rows, row: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> int:
    shared = np.int64(0)
    for j in range(rows.offsets[row], rows.offsets[row + 1]):
        shared += np.int64(table[rows.cells[j]])
    return int(shared)


@kernel
def _offer(
    rows: Rows,
    total: int,
    row: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> bool:
    """Compare one row whole; return whether it is among the k nearest so far."""
    if rows.allowed.size > 0 and not rows.allowed[row]:
        return False
    shared = _share(rows, row, table)
    if tanimoto:
        union = total + rows.totals[row] - shared
        distance = float(np.float32(1.0 - shared / union)) if union > 0 else 0.0
    else:
        distance = float(total + rows.totals[row] - 2 * shared)
    if distance > distances[0] or (distance == distances[0] and row > found[0]):
        return False
    replace_worst(distances, found, distance, row)
    return True


@kernel
def shared_with_rows(
    rows: Rows,
    queries: Queries,
    q: int,
    table: NDArray[np.uint8] | NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Write the weight that every row shares with query q, shape (N,)."""
    _fill(queries, q, table)
    for row in range(shared.size):
        shared[row] = _share(rows, row, table)
    _clear(queries, q, table)


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
