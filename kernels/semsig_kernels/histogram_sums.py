"""Inner products of rows with a histogram, accumulated from posting lists in float32.

Columns stored as dense lines are only listed here; :mod:`semsig_kernels.histogram_lines` adds
them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_lists import LINE_MARK, Lists, find_lists
from semsig_kernels.simd import prefetch

_AHEAD = 2
"""A list is prefetched this many lists before it is added."""
_LINES = 8
"""Largest number of cache lines to prefetch per list."""
_NUMBERS_A_LINE = 32
"""uint16 numbers per cache line."""


class Histograms(NamedTuple):
    """Query histograms."""

    columns: NDArray[np.int64]
    """Non-empty columns, shape (n,)."""
    counts: NDArray[np.float64]
    """Their counts, shape (n,)."""
    offsets: NDArray[np.int64]
    """Histogram q has ``columns[offsets[q]:offsets[q + 1]]``."""
    totals: NDArray[np.float64]
    """Squared norm of each, shape (Q,)."""


class Rows(NamedTuple):
    """The N rows that are searched.

    A row's score is ``slopes * x + bases``. With `shared` the inner product of row and query, x is
    ``2 * shared``, or ``shared / (norm of the query)`` if histograms are scaled to unit length. In
    both cases the score decreases as the distance grows.
    """

    columns: NDArray[np.uint32]
    """Non-empty columns of all rows."""
    counts: NDArray[np.uint16]
    """Their counts."""
    offsets: NDArray[np.int64]
    """Row i has ``columns[offsets[i]:offsets[i + 1]]``."""
    totals: NDArray[np.float64]
    """Squared norm of each row, shape (N,)."""
    slopes: NDArray[np.float64]
    """Shape (N,)."""
    bases: NDArray[np.float64]
    """Shape (N,); -inf for rows that are filtered out."""
    roots: bool
    """Take square roots of the counts."""
    unit: bool
    """Scale each histogram to unit length."""


@kernel
def add_squares(
    counts: NDArray[np.float64],
    offsets: NDArray[np.int64],
    roots: bool,
    totals: NDArray[np.float64],
) -> None:
    """Write the squared norm of each histogram to `totals`, shape (N,).

    Histogram i has ``counts[offsets[i]:offsets[i + 1]]``. If `roots` is set, the norm is that of
    the square roots of the counts, whose squares are the counts themselves.
    """
    for i in range(totals.size):
        total = 0.0
        for j in range(offsets[i], offsets[i + 1]):
            total += counts[j] if roots else counts[j] * counts[j]
        totals[i] = total


@kernel
def add_lists(
    lists: Lists,
    chunk: int,
    queries: Histograms,
    q: int,
    roots: bool,
    sums: NDArray[np.float32],
    picked: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> int:
    """Add to each row of a chunk its products with histogram q, except in columns with a line.

    Parameters
    ----------
    lists : Lists
        Posting lists of the rows.
    chunk : int
        Number of the chunk.
    queries : Histograms
        All query histograms.
    q : int
        Number of the query.
    roots : bool
        Take square roots of the counts.
    sums : ndarray of float32, shape (rows of the chunk,)
        Updated: products are added to it.
    picked : ndarray of int64, shape (>= columns of histogram q,)
        Output: numbers of the lines that remain to be added.
    weights : ndarray of float32, shape as `picked`
        Output: the query's count, or its square root, for each of these lines.

    Returns
    -------
    int
        Number of lines written to `picked`.
    """
    first = queries.offsets[q]
    size = queries.offsets[q + 1] - first
    begins = np.zeros(size + _AHEAD, np.int64)
    ends = np.zeros(size + _AHEAD, np.int64)
    find_lists(lists, chunk, queries.columns[first : first + size], begins, ends)
    n_picked = 0
    for j in range(size):
        own = queries.counts[first + j]
        weight = np.float32(np.sqrt(own) if roots else own)
        _prefetch_list(lists.stream, begins[j + _AHEAD], ends[j + _AHEAD])
        begin = begins[j]
        if begin < ends[j] and _has_line(lists.stream, begin):
            line = int(lists.stream[begin + 2]) | int(lists.stream[begin + 3]) << 16
            picked[n_picked] = lists.line_bounds[chunk] + line
            weights[n_picked] = weight
            n_picked += 1
            begin += 4
        _add_list(lists.stream, begin, ends[j], weight, lists.values, sums)
    return n_picked


@inlined
def _has_line(stream: NDArray[np.uint16], begin: int) -> bool:
    return bool(stream[begin] == 0 and stream[begin + 1] == LINE_MARK)


@inlined
def _prefetch_list(stream: NDArray[np.uint16], begin: int, end: int) -> None:
    for start in range(begin, min(end, begin + _LINES * _NUMBERS_A_LINE), _NUMBERS_A_LINE):
        prefetch(stream, start)


@inlined
def _add_list(
    stream: NDArray[np.uint16],
    begin: int,
    end: int,
    weight: np.float32,
    values: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Add a column's products to its rows.

    Unsigned indices spare Numba the code that wraps negative ones.
    """
    at = begin
    while at < end:
        count = stream[np.uint64(at)]
        first = at + 2
        at = first + int(stream[np.uint64(at + 1)]) + 1
        if count > 0:
            product = weight * values[count]
            for j in range(np.uint64(first), np.uint64(at)):
                sums[stream[j]] += product
        else:
            size = at - first
            for j in range(first, at):
                count = stream[np.uint64(j + size)]
                sums[stream[np.uint64(j)]] += weight * values[count]
            at += size
