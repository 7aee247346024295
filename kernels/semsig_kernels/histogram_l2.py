"""Exact Euclidean search over histograms: bounds from approximate products, then exact distances.

The inner product of each row with a query is first accumulated from posting lists in float32,
some summands rounded down, so that it is known to within a margin. The exact distance, in float64
by ascending column, is then computed only for rows that can be near enough within that margin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_compare import distance_to, lay_out
from semsig_kernels.histogram_lines import Portions, add_portions, portion_out
from semsig_kernels.histogram_lists import CHUNK_ROWS, LINE_UNIT, Lists
from semsig_kernels.histogram_scores import (
    BLOCK_ROWS,
    TIED,
    Bounds,
    bounds_of,
    raise_floor,
)
from semsig_kernels.histogram_sums import Histograms, Rows, add_lists
from semsig_kernels.topk import replace_worst, sort_nearest

_PART_ROWS = 2048
"""Rows whose lines are added for all queries in turn, while they are in the cache."""


class Memory(NamedTuple):
    """Scratch memory for searching up to G histograms at once; all 0 before and after."""

    sums: NDArray[np.float32]
    """Shape (G, CHUNK_ROWS)."""
    steps: NDArray[np.uint16]
    """Shape (CHUNK_ROWS,)."""
    own: NDArray[np.uint16]
    """A count for every column; of shape (0,) if there are too many columns."""


class _Chunk(NamedTuple):
    """The state of a chunk of R rows and up to G histograms."""

    first: int
    """Number of the first row."""
    sums: NDArray[np.float32]
    """Approximate inner product of each row with each histogram, shape (G, R)."""
    steps: NDArray[np.uint16]
    """Scratch memory, shape (R rounded up to LINE_UNIT,)."""
    missing: NDArray[np.float64]
    """Upper bound of how much rounding down in lines makes the sums too small, shape (G,)."""
    near: NDArray[np.bool_]
    """Which blocks of BLOCK_ROWS rows may hold rows to find, shape (G, blocks)."""


@kernel
def nearest(
    lists: Lists,
    queries: Histograms,
    chunks: tuple[int, int],
    rows: Rows,
    memory: Memory,
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Find the k nearest rows of some chunks to each of Q histograms.

    Parameters
    ----------
    lists : Lists
        Posting lists of the rows.
    queries : Histograms
        The queries.
    chunks : (int, int)
        Range of chunks: its start and its end (exclusive).
    rows : Rows
        The rows, and which of them may be found.
    memory : Memory
        Scratch memory.
    distances, found : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated: squared distances or, if rows.unit is set,
        distances rounded to float32.
    """
    scores = np.full(distances.shape, np.inf)
    scored = np.full(found.shape, -1)
    at_once = len(memory.sums)
    for number in range(chunks[0], chunks[1]):
        chunk = _chunk(memory, number, rows)
        for start in range(0, queries.totals.size, at_once):
            which = start, min(start + at_once, queries.totals.size)
            portions = _add_lists(lists, number, queries, which, rows.roots, chunk)
            for row in range(0, chunk.sums.shape[1], _PART_ROWS):
                for q in range(which[0], which[1]):
                    bounds = bounds_of(queries, q, chunk.missing[q - start], rows.unit)
                    part = _add_part(lists, portions, chunk, q - start, row)
                    sums, near = chunk.sums[q - start], chunk.near[q - start]
                    best = scores[q], scored[q]
                    raise_floor(sums, part, chunk.first, bounds, rows, best, near)
            for q in range(which[0], which[1]):
                bounds = bounds_of(queries, q, chunk.missing[q - start], rows.unit)
                floor = -scores[q, 0] - TIED * rows.unit
                lay_out(queries, q, memory.own, True)
                heap = distances[q], found[q]
                _offer(chunk, q - start, bounds, floor, queries, q, rows, memory.own, *heap)
                lay_out(queries, q, memory.own, False)
                chunk.sums[q - start] = 0


@kernel
def answer(
    heaps: tuple[NDArray[np.float64], NDArray[np.int64]],
    unit: bool,
    distances: NDArray[np.float32],
    found: NDArray[np.int64],
) -> None:
    """Write distances and rows, shape (Q, k), ascending and padded with -1, from :func:`nearest`.

    `heaps` have shape (Q, m); they are sorted in place.
    """
    keys, rows = heaps
    sort_nearest(keys, rows, found.shape[1])
    for q in range(len(found)):
        for j in range(found.shape[1]):
            found[q, j] = rows[q, j] if j < rows.shape[1] else -1
            distances[q, j] = -1
            if found[q, j] >= 0:
                distances[q, j] = keys[q, j] if unit else np.sqrt(max(0.0, keys[q, j]))


@kernel
def within(
    lists: Lists,
    queries: Histograms,
    q: int,
    rows: Rows,
    floor: float,
    memory: Memory,
    distances: NDArray[np.float64],
) -> None:
    """Write the distances from histogram q, as in :func:`nearest`, to all rows that may be near.

    These are the rows whose upper bound of the score is at least `floor`. For other rows,
    `distances`, shape (N,), is left unchanged.
    """
    lay_out(queries, q, memory.own, True)
    for number in range(lists.stream_bounds.size - 1):
        chunk = _chunk(memory, number, rows)
        portions = _add_lists(lists, number, queries, (q, q + 1), rows.roots, chunk)
        add_portions(lists, portions, 0, (0, chunk.sums.shape[1]), chunk.sums[0], chunk.steps)
        bounds = bounds_of(queries, q, chunk.missing[0], rows.unit)
        for i in range(chunk.sums.shape[1]):
            row = chunk.first + i
            most = (chunk.sums[0, i] * bounds.most + bounds.more) * rows.slopes[row]
            if most + rows.bases[row] >= floor and rows.bases[row] > -np.inf:
                distances[row] = distance_to(queries, q, rows, row, memory.own)
        chunk.sums[0] = 0
    lay_out(queries, q, memory.own, False)


@kernel
def _chunk(memory: Memory, number: int, rows: Rows) -> _Chunk:
    first = number * CHUNK_ROWS
    n_rows, at_once = min(CHUNK_ROWS, rows.totals.size - first), len(memory.sums)
    return _Chunk(
        first,
        memory.sums.reshape(-1)[: at_once * n_rows].reshape(at_once, n_rows),
        memory.steps[: -(-n_rows // LINE_UNIT) * LINE_UNIT],
        np.zeros(at_once),
        np.zeros((at_once, -(-n_rows // BLOCK_ROWS)), np.bool_),
    )


@kernel
def _add_lists(
    lists: Lists,
    number: int,
    queries: Histograms,
    which: tuple[int, int],
    roots: bool,
    chunk: _Chunk,
) -> Portions:
    """Add the posting lists of some histograms; return the lines that remain to be added."""
    size = queries.offsets[which[1]] - queries.offsets[which[0]]
    picked, weights = np.empty(size, np.int64), np.empty(size, np.float32)
    ends = np.zeros(which[1] - which[0] + 1, np.int64)
    for i in range(ends.size - 1):
        left = picked[ends[i] :], weights[ends[i] :]
        q = which[0] + i
        ends[i + 1] = ends[i] + add_lists(
            lists, number, queries, q, roots, chunk.sums[i], left[0], left[1]
        )
    return portion_out(lists.values, picked, weights, ends, chunk.missing)


@inlined
def _add_part(lists: Lists, portions: Portions, chunk: _Chunk, i: int, row: int) -> tuple[int, int]:
    """Add histogram i's lines to up to _PART_ROWS rows from `row` on; return the range of rows."""
    part = row, min(row + _PART_ROWS, chunk.sums.shape[1])
    add_portions(lists, portions, i, part, chunk.sums[i], chunk.steps)
    return part


@kernel
def _offer(
    chunk: _Chunk,
    i: int,
    bounds: Bounds,
    floor: float,
    queries: Histograms,
    q: int,
    rows: Rows,
    own: NDArray[np.uint16],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Offer the exact distances of a chunk's rows whose upper bound of the score is high enough.

    Rows are offered in ascending order, so that ties keep the first.
    """
    sums = chunk.sums[i]
    for block in np.flatnonzero(chunk.near[i]):
        start = block * BLOCK_ROWS
        for j in range(start, min(start + BLOCK_ROWS, sums.size)):
            row = chunk.first + j
            most = (sums[j] * bounds.most + bounds.more) * rows.slopes[row] + rows.bases[row]
            if most >= floor and rows.bases[row] > -np.inf:
                distance = distance_to(queries, q, rows, row, own)
                if distance < distances[0]:
                    replace_worst(distances, found, distance, row)
