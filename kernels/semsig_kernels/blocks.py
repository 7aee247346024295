"""Blocks of 16 rows: the greatest sums of each, by which most are never looked into.

Rows are in an order in which similar ones lie together, :mod:`semsig_kernels.bisection`. Groups
are those of :mod:`semsig_kernels.sums`, four a class, one a quarter of the picture; sums are in
units, rounded up to bytes. A row shares with a query at most the smaller of each two sums; a block
that has a query's sums in no row has them not in its greatest sums either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.bisection import SparseSums
from semsig_kernels.simd import popcount, prefetch
from semsig_kernels.sums import OFFSET
from semsig_kernels.vectors import LANE_WORDS, add_by_16, least_bytes, load

BLOCK_ROWS = 16
LINE_WORDS = 8
"""A line is 64 bytes: the sums of a class in four quarters, each of the 16 rows of a block."""


_AHEAD = 4
_LINES_AHEAD = 24


class Blocks(NamedTuple):
    """N rows of M classes in B blocks; C chunks of S blocks; K = 4 * M groups."""

    group_of: NDArray[np.int64]
    """Group of each cell: class * 4 + quarter."""
    unit: int
    """Weight that a sum of 1 stands for."""
    tops: NDArray[np.uint8]
    """Greatest sum of each group in each block, shape (C, K, S)."""
    lightest: NDArray[np.int32]
    """Weight of the lightest row of each block, as `weights`, shape (C * S,)."""
    starts: NDArray[np.uint16]
    """OFFSET - lightest // 2, 0 beyond the last block, shape (C, S)."""
    row_starts: NDArray[np.uint16]
    """OFFSET - weight // 2 of each row, shape (16 * B,)."""
    present: NDArray[np.uint64]
    """Bit c % 64 of ``present[b, c // 64]``: a row of block b has class c; (B, ceil(M / 64))."""
    first: NDArray[np.int32]
    """The line of the first class of each word of `present`: a block has a line a class, in order."""
    lines: NDArray[np.uint64]
    """Lines, one after the other; the very first is all 0, for classes that are not present."""
    weights: NDArray[np.int32]
    """Weight of each row in units, rounded down to an even number, shape (16 * B,)."""
    order: NDArray[np.int32]
    """Which row each is, -1 beyond the last, shape (16 * B,)."""


class Asked(NamedTuple):
    """What Q queries have, by group and by class."""

    groups: NDArray[np.int64]
    """Groups of each query, shape (Q, K)."""
    needs: NDArray[np.uint8]
    """Their sums in units, rounded up; at most 255."""
    n_groups: NDArray[np.int64]
    classes: NDArray[np.int64]
    """Classes of each query, ascending, shape (Q, M)."""
    lines: NDArray[np.uint64]
    """A line a class, as rows that all had the query's sums, shape (Q, M * LINE_WORDS)."""
    turns: NDArray[np.bool_]
    """Whether a byte may overflow with this class: move what was added before; shape (Q, M)."""
    n_classes: NDArray[np.int64]


@kernel
def count_lines(
    order: NDArray[np.int32],
    of_rows: SparseSums,
    present: NDArray[np.uint64],
    counts: NDArray[np.int32],
) -> None:
    """Write which classes blocks have, and how many.

    Parameters
    ----------
    order : ndarray of int32, shape (n,)
        The rows of some blocks.
    of_rows : SparseSums
        Sums of all rows.
    present : ndarray of uint64, shape (blocks, words)
        Zeros before.
    counts : ndarray of int32, as `present`
        How many in each word.
    """
    for place in range(order.size):
        block, row = place // BLOCK_ROWS, order[place]
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            label = np.int64(of_rows.groups[e]) >> 2
            present[block, label >> 6] |= np.uint64(1) << np.uint64(label & 63)
    for block in range(len(counts)):
        for word in range(present.shape[1]):
            counts[block, word] = np.int64(popcount(present[block, word]))


@kernel
def fill_blocks(
    order: NDArray[np.int32],
    of_rows: SparseSums,
    present: NDArray[np.uint64],
    first: NDArray[np.int32],
    lines: NDArray[np.uint8],
    tops: NDArray[np.uint8],
) -> None:
    """Write the sums of the rows of a chunk's blocks; parameters as in :func:`count_lines`.

    Sums are bytes here, `first` and `lines` as :class:`Blocks` has them, but lines as bytes;
    `tops`, shape (K, S), is all zeros before.
    """
    for place in range(order.size):
        block, row = place // BLOCK_ROWS, order[place]
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            group, total = np.int64(of_rows.groups[e]), of_rows.sums[e]
            line = _line_of(present[block], first[block], group >> 2)
            lines[line * 64 + (group & 3) * BLOCK_ROWS + place % BLOCK_ROWS] = total
            tops[group, block] = max(tops[group, block], total)


@kernel
def _line_of(present: NDArray[np.uint64], first: NDArray[np.int32], label: int) -> int:
    """Return the line of a class that is present."""
    below = (np.uint64(1) << np.uint64(label & 63)) - np.uint64(1)
    return first[label >> 6] + np.int64(popcount(present[label >> 6] & below))


@kernel
def ask(asked: Asked, q: int, n_groups: int) -> None:
    """Fill in the lines of a query whose groups and needs are there, ascending."""
    asked.n_groups[q] = n_groups
    count, last = 0, np.int64(-1)
    within = np.zeros(4, np.int64)
    for g in range(n_groups):
        label, quarter = asked.groups[q, g] >> 2, asked.groups[q, g] & 3
        if label != last:
            asked.classes[q, count], last = label, label
            asked.lines[q, count * LINE_WORDS : (count + 1) * LINE_WORDS] = 0
            asked.turns[q, count] = False
            count += 1
        need = np.int64(asked.needs[q, g])
        if within[quarter] + need > 255:
            # What other quarters of this class add is counted again: they start anew with it.
            asked.turns[q, count - 1] = True
            within[:] = 0
            for j in range(quarter):
                word = asked.lines[q, (count - 1) * LINE_WORDS + 2 * j]
                within[j] = np.int64(word & np.uint64(255))
        within[quarter] += need
        spread = np.uint64(need) * np.uint64(0x0101010101010101)
        asked.lines[q, (count - 1) * LINE_WORDS + 2 * quarter] = spread
        asked.lines[q, (count - 1) * LINE_WORDS + 2 * quarter + 1] = spread
    asked.n_classes[q] = count


@kernel
def bound_chunk(
    blocks: Blocks,
    chunk: int,
    groups: NDArray[np.int64],
    needs: NDArray[np.uint8],
    part: NDArray[np.uint8],
    scores: NDArray[np.uint16],
) -> None:
    """Score the blocks of a chunk, shape (S,), each as a row of its greatest sums would be.

    `part` is room for as many bytes; see :func:`semsig_kernels.sums.score_chunk`.
    """
    start = blocks.starts[chunk]
    for i in range(scores.size):
        scores[i] = start[i]
        part[i] = 0
    most = np.int64(0)
    for g in range(groups.size):
        most += np.int64(needs[g])
        if most > 255:
            _move(part, scores)
            most = np.int64(needs[g])
        _add_column(blocks.tops[chunk, groups[g]], needs[g], part)
    _move(part, scores)


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
def score_blocks(
    blocks: Blocks,
    which: NDArray[np.int64],
    classes: NDArray[np.int64],
    needs: NDArray[np.uint64],
    turns: NDArray[np.bool_],
    scores: NDArray[np.uint16],
) -> None:
    """Score the rows of some blocks, for a query of :class:`Asked`.

    which : ndarray of int64, shape (n,)
        The blocks.
    scores : ndarray of uint16, shape (>= 16 * n,)
        Written.
    """
    present, first, lines, starts = blocks.present, blocks.first, blocks.lines, blocks.row_starts
    for i in range(which.size):
        if i + 2 * _AHEAD < which.size:
            prefetch(present, which[i + 2 * _AHEAD] * present.shape[1])
            prefetch(first, which[i + 2 * _AHEAD] * first.shape[1])
            prefetch(starts, which[i + 2 * _AHEAD] * BLOCK_ROWS)
        if i + _AHEAD < which.size:
            ahead = np.int64(first[which[i + _AHEAD], 0])
            for line in range(_LINES_AHEAD):
                prefetch(lines, (ahead + line) * LINE_WORDS)
        block, start = which[i], i * BLOCK_ROWS
        for j in range(BLOCK_ROWS):
            scores[start + j] = starts[block * BLOCK_ROWS + j]
        for part in range(0, LINE_WORDS, LANE_WORDS):
            total = load(lines, part)
            for c in range(classes.size):
                word, bit = classes[c] >> 6, np.uint64(classes[c] & 63)
                bits = present[block, word]
                rank = np.int64(popcount(bits & ((np.uint64(1) << bit) - np.uint64(1))))
                # The line of zeros where the class is absent: no branch to mispredict.
                line = np.int64((bits >> bit) & np.uint64(1)) * (first[block, word] + rank)
                if turns[c]:
                    add_by_16(total, 8 * part, scores, start)
                    total = load(lines, part)
                need = load(needs, c * LINE_WORDS + part)
                total = total + least_bytes(load(lines, line * LINE_WORDS + part), need)
            add_by_16(total, 8 * part, scores, start)
