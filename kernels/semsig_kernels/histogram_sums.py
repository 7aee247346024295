"""What rows share with a histogram, added up from posting lists in float32.

Sums are a little too small where a column is a line of bytes; a margin says by how much at most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_lists import Lists, find_lists
from semsig_kernels.simd import prefetch

_AHEAD = 2
_LINES = 8
_NUMBERS_A_LINE = 32
_ROUNDING = 2.0**-23


class Histograms(NamedTuple):
    """Histograms to search for."""

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

    A row's score is ``slopes * shared + bases``, `shared` being the sum of products, over the
    query's norm where rows have unit length: the nearer a row, the higher its score.
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
    """Shape (N,); -inf for rows that must not be found."""
    roots: bool
    """Take square roots of the counts."""
    unit: bool
    """Scale each histogram to unit length."""


class Margin(NamedTuple):
    """A row shares at least ``sum * (2 - factor)`` and at most ``sum * factor + more``."""

    factor: float
    more: float


@kernel
def add_squares(
    counts: NDArray[np.float64],
    offsets: NDArray[np.int64],
    roots: bool,
    totals: NDArray[np.float64],
) -> None:
    """Write the squared norm of each histogram, or of its square roots, to `totals`, shape (N,).

    Histogram i has ``counts[offsets[i]:offsets[i + 1]]``.
    """
    for i in range(totals.size):
        total = 0.0
        for j in range(offsets[i], offsets[i + 1]):
            total += counts[j] if roots else counts[j] * counts[j]
        totals[i] = total


@kernel
def add_products(
    lists: Lists,
    chunk: int,
    queries: Histograms,
    q: int,
    roots: bool,
    sums: NDArray[np.float32],
) -> Margin:
    """Add what each row of the chunk shares with histogram q; all but the margin returned.

    sums : shape (rows of the chunk,). roots : whether square roots of the counts are taken.
    """
    first = queries.offsets[q]
    size = queries.offsets[q + 1] - first
    begins = np.zeros(size + _AHEAD, np.int64)
    ends = np.zeros(size + _AHEAD, np.int64)
    find_lists(lists, chunk, queries.columns[first : first + size], begins, ends)
    picked = np.zeros(size + 3, np.int64)
    weights = np.zeros(size + 3, np.float32)
    n_picked = 0
    more = 0.0
    for j in range(size):
        own = queries.counts[first + j]
        if ends[j] - begins[j] == 2:
            line = int(lists.stream[begins[j]]) | int(lists.stream[begins[j] + 1]) << 16
            picked[n_picked] = lists.line_bounds[chunk] + line
            step = (np.sqrt(own) if roots else own) * lists.steps[picked[n_picked]]
            weights[n_picked] = step
            n_picked += 1
            more += step
        elif ends[j] > begins[j]:
            ahead = min(ends[j + _AHEAD], begins[j + _AHEAD] + _LINES * _NUMBERS_A_LINE)
            for start in range(begins[j + _AHEAD], ahead, _NUMBERS_A_LINE):
                prefetch(lists.stream, start)
            _add_list(lists.stream, begins[j], ends[j], own, roots, sums)
    for j in range(0, n_picked, 4):
        _add_lines(lists.lines, picked[j : j + 4], weights[j : j + 4], sums)
    return Margin(1 + (size + 8) * _ROUNDING, more)


@inlined
def _add_list(
    stream: NDArray[np.uint16],
    begin: int,
    end: int,
    own: float,
    roots: bool,
    sums: NDArray[np.float32],
) -> None:
    """Add a column's products to its rows; indices are unsigned so that none may be negative."""
    at = begin
    while at < end:
        count = stream[np.uint64(at)]
        first = at + 2
        at = first + int(stream[np.uint64(at + 1)]) + 1
        if count > 0:
            product = _product(own, count, roots)
            for j in range(np.uint64(first), np.uint64(at)):
                sums[stream[j]] += product
        else:
            size = at - first
            for j in range(first, at):
                count = stream[np.uint64(j + size)]
                sums[stream[np.uint64(j)]] += _product(own, count, roots)
            at += size


@inlined
def _product(own: float, count: int, roots: bool) -> np.float32:
    product = own * float(count)
    return np.float32(np.sqrt(product) if roots else product)


@kernel
def _add_lines(
    lines: NDArray[np.uint8],
    picked: NDArray[np.int64],
    weights: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Add four lines times their weights: a loop that the compiler turns into vectors."""
    line0, line1 = lines[picked[0]], lines[picked[1]]
    line2, line3 = lines[picked[2]], lines[picked[3]]
    weight0, weight1, weight2, weight3 = weights[0], weights[1], weights[2], weights[3]
    for i in range(sums.size):
        total = np.float32(line0[i]) * weight0 + np.float32(line1[i]) * weight1
        total += np.float32(line2[i]) * weight2
        sums[i] += total + np.float32(line3[i]) * weight3
