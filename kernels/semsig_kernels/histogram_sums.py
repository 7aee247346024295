"""What rows share with a histogram, added up from posting lists in float32.

Lines are added in steps of 16 bits, rounded down; a margin says what may be missing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_lists import (
    LARGEST_OF_LINE,
    LINE_MARK,
    LINE_UNIT,
    Lists,
    find_lists,
)
from semsig_kernels.simd import prefetch
from semsig_kernels.vectors import add_lines

_AHEAD = 2
_TOGETHER = 4
_PORTION = 64
_MOST_STEPS = 65000
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


class Sums(NamedTuple):
    """What a chunk's R rows share with a histogram; all 0 before it is added up."""

    sums: NDArray[np.float32]
    """Shape (R,)."""
    steps: NDArray[np.uint16]
    """What lines add, in steps: shape (R rounded up to LINE_UNIT,); 0 afterwards."""


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
    lists: Lists, chunk: int, queries: Histograms, q: int, roots: bool, work: Sums
) -> Margin:
    """Add what each row of the chunk shares with histogram q; all but the margin returned.

    roots : whether square roots of the counts are taken.
    """
    first = queries.offsets[q]
    size = queries.offsets[q + 1] - first
    begins = np.zeros(size + _AHEAD, np.int64)
    ends = np.zeros(size + _AHEAD, np.int64)
    find_lists(lists, chunk, queries.columns[first : first + size], begins, ends)
    picked = np.zeros(size + 2 * _TOGETHER, np.int64)
    weights = np.empty(size, np.float32)
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
        _add_list(lists.stream, begin, ends[j], weight, lists.values, work.sums)
    more = _add_lines(lists, picked, weights[:n_picked], work)
    return Margin(1 + int(size + 8) * _ROUNDING, more)


@kernel
def _add_lines(
    lists: Lists, picked: NDArray[np.int64], weights: NDArray[np.float32], work: Sums
) -> float:
    """Add lines times their weights, too little by at most what is returned.

    A portion's steps are as small as sums of them fit 16 bits.
    """
    sums, steps = work.sums, work.steps
    tables = np.zeros((_PORTION, 2 * (LARGEST_OF_LINE + 1)), np.uint16)
    missing = 0.0
    for first in range(0, weights.size, _PORTION):
        own = weights[first : first + _PORTION]
        step = float(lists.values[LARGEST_OF_LINE]) * own.sum() / _MOST_STEPS
        _fill_tables(tables, own * np.float32(1 / step), lists.values)
        for j in range(0, own.size, _TOGETHER):
            at = first + j
            four = picked[at], picked[at + 1], picked[at + 2], picked[at + 3]
            after = picked[at + 4], picked[at + 5], picked[at + 6], picked[at + 7]
            for start in range(0, steps.size, LINE_UNIT):
                add_lines(steps, start, lists.lines, four, tables, j)
                _prefetch_lines(lists.lines, after, start // 2)
        for i in range(sums.size):
            sums[i] += np.float32(steps[i]) * np.float32(step)
        steps[:] = 0
        missing += step * float(own.size + 1)
    return missing


@inlined
def _prefetch_lines(lines: NDArray[np.uint8], after: tuple[int, int, int, int], at: int) -> None:
    width = lines.shape[1]
    prefetch(lines, after[0] * width + at)
    prefetch(lines, after[1] * width + at)
    prefetch(lines, after[2] * width + at)
    prefetch(lines, after[3] * width + at)


@inlined
def _fill_tables(
    tables: NDArray[np.uint16],
    weights: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    """Write how many steps each count of a line adds, twice; lines without a weight add none."""
    for j in range(weights.size):
        for count in range(1, LARGEST_OF_LINE + 1):
            entry = np.uint16(weights[j] * values[count])
            tables[j, count] = entry
            tables[j, count + LARGEST_OF_LINE + 1] = entry
    tables[weights.size :] = 0


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
    """Add a column's products to its rows; indices are unsigned so that none may be negative."""
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
