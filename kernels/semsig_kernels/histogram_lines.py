"""Inner products of rows with histograms in the columns stored as lines (half a byte per row).

Products are quantised to multiples of a step, rounded down, and summed in 16-bit integers. The
largest possible loss is known, so the sums give exact bounds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_lists import LARGEST_OF_LINE, LINE_UNIT, Lists
from semsig_kernels.simd import prefetch
from semsig_kernels.vectors import add_lines

_TOGETHER = 4
"""Lines that are added in one pass over the rows."""
_PORTION = 64
"""Largest number of lines whose sum shares one step size; a multiple of _TOGETHER."""
_MOST_STEPS = 65000
"""Steps of the largest possible sum of a portion: below 2^16 by more than rounding can add."""


class Portions(NamedTuple):
    """The lines to add for G histograms, in portions of up to _PORTION whose sums fit 16 bits.

    Unused places of a portion have tables of zeros, which add nothing.
    """

    lines: NDArray[np.int64]
    """Numbers of the lines, shape (P * _PORTION + _TOGETHER,)."""
    tables: NDArray[np.uint16]
    """Number of steps that each count adds, shape (P * _PORTION, LARGEST_OF_LINE + 1)."""
    sizes: NDArray[np.int64]
    """Number of lines in each portion, shape (P,)."""
    widths: NDArray[np.float32]
    """Value of one step, shape (P,)."""
    ends: NDArray[np.int64]
    """Histogram i has the portions ``ends[i]`` to ``ends[i + 1] - 1``."""


@kernel
def portion_out(
    values: NDArray[np.float32],
    picked: NDArray[np.int64],
    weights: NDArray[np.float32],
    bounds: NDArray[np.int64],
    missing: NDArray[np.float64],
) -> Portions:
    """Divide the lines of each histogram into portions, and quantise their products.

    Rounding down loses less than one step per line. The bound `missing` allows one step more per
    portion.

    Parameters
    ----------
    values : ndarray of float32, shape (65536,)
        As in :class:`Lists`.
    picked : ndarray of int64, shape (n,)
        Lines of all histograms, concatenated.
    weights : ndarray of float32, shape (n,)
        Factor above 0 for the counts of each line.
    bounds : ndarray of int64, shape (G + 1,)
        Histogram i has ``picked[bounds[i]:bounds[i + 1]]``.
    missing : ndarray of float64, shape (>= G,)
        Output: upper bound of how much rounding down makes the sums of :func:`add_portions` too
        small.
    """
    ends = np.zeros(bounds.size, np.int64)
    for i in range(bounds.size - 1):
        ends[i + 1] = ends[i] + -(-(bounds[i + 1] - bounds[i]) // _PORTION)
    room = ends[-1] * _PORTION
    lines = np.zeros(room + _TOGETHER, np.int64)
    tables = np.zeros((room, LARGEST_OF_LINE + 1), np.uint16)
    sizes = np.zeros(ends[-1], np.int64)
    widths = np.zeros(ends[-1], np.float32)
    for i in range(bounds.size - 1):
        missing[i] = 0.0
        for p in range(ends[i], ends[i + 1]):
            first = bounds[i] + (p - ends[i]) * _PORTION
            last = min(first + _PORTION, bounds[i + 1])
            own, at = weights[first:last], p * _PORTION
            width = float(values[LARGEST_OF_LINE]) * own.sum() / _MOST_STEPS
            lines[at : at + own.size] = picked[first:last]
            _fill_tables(tables[at:], own * np.float32(1 / width), values)
            sizes[p], widths[p] = own.size, width
            missing[i] += width * float(own.size + 1)
    return Portions(lines, tables, sizes, widths, ends)


@inlined
def _fill_tables(
    tables: NDArray[np.uint16], weights: NDArray[np.float32], values: NDArray[np.float32]
) -> None:
    for j in range(weights.size):
        for count in range(1, LARGEST_OF_LINE + 1):
            tables[j, count] = np.uint16(weights[j] * values[count])


@kernel
def add_portions(
    lists: Lists,
    portions: Portions,
    i: int,
    rows: tuple[int, int],
    sums: NDArray[np.float32],
    steps: NDArray[np.uint16],
) -> None:
    """Add histogram i's lines to the sums of some of a chunk's rows.

    Parameters
    ----------
    rows : (int, int)
        Range of rows: its start, a multiple of LINE_UNIT, and its end (exclusive), a multiple of
        LINE_UNIT or the end of the chunk.
    sums : ndarray of float32, shape (rows of the chunk,)
        Updated: products are added to it.
    steps : ndarray of uint16, shape (rows of the chunk rounded up to LINE_UNIT,)
        Scratch memory, all 0 before and after.
    """
    for p in range(portions.ends[i], portions.ends[i + 1]):
        first = p * _PORTION
        for j in range(first, first + portions.sizes[p], _TOGETHER):
            _add_four(lists.lines, portions, j, rows, steps)
        part, added = sums[rows[0] : rows[1]], steps[rows[0] : rows[1]]
        for row in range(part.size):
            part[row] += np.float32(added[row]) * portions.widths[p]
        steps[rows[0] : -(-rows[1] // LINE_UNIT) * LINE_UNIT] = 0


@inlined
def _add_four(
    lines: NDArray[np.uint8],
    portions: Portions,
    j: int,
    rows: tuple[int, int],
    steps: NDArray[np.uint16],
) -> None:
    """Add the four lines from the j-th on, and prefetch the next four."""
    own = portions.lines
    four = own[j], own[j + 1], own[j + 2], own[j + 3]
    after = own[j + 4], own[j + 5], own[j + 6], own[j + 7]
    width = lines.shape[1]
    for start in range(rows[0], rows[1], LINE_UNIT):
        add_lines(steps, start, lines, four, portions.tables, j)
        at = start // 2
        prefetch(lines, after[0] * width + at)
        prefetch(lines, after[1] * width + at)
        prefetch(lines, after[2] * width + at)
        prefetch(lines, after[3] * width + at)
