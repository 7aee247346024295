"""Blocks of 16 rows: the greatest sums of each, by which most are never looked into.

Rows are in an order in which similar ones lie together, :mod:`semsig_kernels.bisection`. Groups
are those of :mod:`semsig_kernels.sums`, four a class, one a quarter of the picture; sums are in
units, rounded up to bytes. A row shares with a query at most the smaller of each two sums; a block
that has a query's sums in no row has them not in its greatest sums either.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.bisection import SparseSums
from semsig_kernels.simd import popcount, prefetch
from semsig_kernels.vectors import LANE_WORDS, add_by_16, least_bytes, load

BLOCK_ROWS = 16
LINE_WORDS = 8
"""A line is 64 bytes: the sums of a class in four quarters, each of the 16 rows of a block."""
HEAD_CLASSES = 2
HEAD_RANKS = 6
"""Words of a block's head line: what rows weigh more than the lightest in two, halved, a byte a
row; bit c % 64 of word c // 64 says whether a row has class c, in four; in the last byte by byte
how many classes there are in the words before."""
MOST_CLASSES = 256
_TOP_SHARE = 0.55
"""Share of a query's weight in the classes by which rows are scored first."""
_AT_ONCE = 8
"""Lines of so many blocks are asked of the memory before the first is read."""


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
    first: NDArray[np.int32]
    """The head line of each block, (B,); then it has a line a class that is present, ascending."""
    lines: NDArray[np.uint64]
    """Lines, one after the other; the very first is all 0, for classes that are not present."""
    head_bytes: NDArray[np.uint8]
    """The lines, by byte."""
    mask: int
    """255; 0 where the weight of rows does not count."""
    weights: NDArray[np.int32]
    """Weight of each row in units, rounded down to an even number, at most 510 more than the
    lightest in its block, shape (16 * B,)."""
    order: NDArray[np.int32]
    """Which row each is, -1 beyond the last, shape (16 * B,)."""


class Asked(NamedTuple):
    """What Q queries have, by group and by class; classes that weigh most come first."""

    groups: NDArray[np.int64]
    """Groups of each query, shape (Q, K); those of the top classes last."""
    needs: NDArray[np.uint8]
    """Their sums in units, rounded up; at most 255."""
    n_groups: NDArray[np.int64]
    """How many groups there are, and how many are not of the top classes, shape (Q, 2)."""
    classes: NDArray[np.int64]
    """Classes of each query, shape (Q, M)."""
    lines: NDArray[np.uint64]
    """A line a class, as rows that all had the query's sums, shape (Q, M * LINE_WORDS)."""
    turns: NDArray[np.bool_]
    """Whether a byte may overflow with this class: move what was added before; shape (Q, M)."""
    n_classes: NDArray[np.int64]
    """How many classes there are, and how many are top, shape (Q, 2)."""


@kernel
def mark_classes(
    order: NDArray[np.int32], of_rows: SparseSums, present: NDArray[np.uint64]
) -> None:
    """Write which classes blocks have.

    Parameters
    ----------
    order : ndarray of int32, shape (n,)
        The rows of some blocks.
    of_rows : SparseSums
        Sums of all rows.
    present : ndarray of uint64, shape (blocks, 4)
        Zeros before.
    """
    for place in range(order.size):
        row = order[place]
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            label = np.int64(of_rows.groups[e]) >> 2
            present[place // BLOCK_ROWS, label >> 6] |= np.uint64(1) << np.uint64(label & 63)


@kernel
def fill_blocks(
    order: NDArray[np.int32],
    of_rows: SparseSums,
    first: NDArray[np.int32],
    lines: NDArray[np.uint64],
    by_byte: NDArray[np.uint8],
    tops: NDArray[np.uint8],
) -> None:
    """Write the sums of the rows of a chunk's blocks; parameters as in :func:`mark_classes`.

    Sums are bytes here, `first` and `lines` as :class:`Blocks` has them, heads filled in;
    `by_byte` are the lines by byte; `tops`, shape (K, S), is all zeros before.
    """
    for place in range(order.size):
        block, row = place // BLOCK_ROWS, order[place]
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            group, total = np.int64(of_rows.groups[e]), of_rows.sums[e]
            head, word, bit = np.int64(first[block]), group >> 8, np.uint64(group >> 2 & 63)
            bits = lines[head * LINE_WORDS + HEAD_CLASSES + word]
            line = line_at(head, bits, bit, lines[head * LINE_WORDS + HEAD_RANKS], word)
            by_byte[line * 64 + (group & 3) * BLOCK_ROWS + place % BLOCK_ROWS] = total
            tops[group, block] = max(tops[group, block], total)


@kernel
def line_at(head: Any, bits: np.uint64, bit: np.uint64, ranks: np.uint64, word: Any) -> int:
    """Return the line of a class, or 0 if it is not present: no branch to mispredict."""
    before = np.int64((ranks >> np.uint64(8 * word)) & np.uint64(255))
    before += np.int64(popcount(bits & ((np.uint64(1) << bit) - np.uint64(1))))
    return int(np.int64((bits >> bit) & np.uint64(1)) * (head + 1 + before))


@kernel
def ask(asked: Asked, q: int, n_groups: int) -> None:
    """Order the groups of a query, which come ascending, and write its classes and lines."""
    groups, needs = asked.groups[q, :n_groups].copy(), asked.needs[q, :n_groups].copy()
    ends, n_top = _order_classes(groups, needs, asked.classes[q])
    n_classes = ends.size
    within = np.zeros(4, np.int64)
    asked.n_groups[q] = n_groups
    asked.n_classes[q, 0], asked.n_classes[q, 1] = n_classes, n_top
    at = n_groups
    for c in range(n_classes):
        if c == n_top:
            asked.n_groups[q, 1] = at
        line = asked.lines[q, c * LINE_WORDS : (c + 1) * LINE_WORDS]
        line[:] = 0
        asked.turns[q, c] = False
        sums = np.zeros(4, np.int64)
        for g in range(n_groups):
            if groups[g] >> 2 != asked.classes[q, c]:
                continue
            at -= 1
            asked.groups[q, at], asked.needs[q, at] = groups[g], needs[g]
            quarter = groups[g] & 3
            sums[quarter] = needs[g]
            line[2 * quarter] = np.uint64(needs[g]) * np.uint64(0x0101010101010101)
            line[2 * quarter + 1] = line[2 * quarter]
        within += sums
        if within.max() > 255:
            asked.turns[q, c] = True
            within[:] = sums
    if n_top == n_classes:
        asked.n_groups[q, 1] = 0


@kernel
def _order_classes(
    groups: NDArray[np.int64], needs: NDArray[np.uint8], classes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Write classes, those of the greatest needs first; return their needs, and how many are top.

    The top ones have _TOP_SHARE of all that is needed.
    """
    count, total = 0, np.int64(0)
    of_classes = np.empty(groups.size, np.int64)
    for g in range(groups.size):
        if count == 0 or classes[count - 1] != groups[g] >> 2:
            classes[count], of_classes[count] = groups[g] >> 2, 0
            count += 1
        of_classes[count - 1] += np.int64(needs[g])
        total += np.int64(needs[g])
    order = np.argsort(-of_classes[:count], kind="mergesort")
    classes[:count] = classes[:count][order]
    held, n_top = np.int64(0), 0
    while n_top < count and held < _TOP_SHARE * total:
        held += of_classes[order[n_top]]
        n_top += 1
    return of_classes[:count], n_top


@kernel
def bound_chunk(
    blocks: Blocks,
    chunk: int,
    groups: NDArray[np.int64],
    needs: NDArray[np.uint8],
    n_rest: int,
    part: NDArray[np.uint8],
    rests: NDArray[np.uint16],
    scores: NDArray[np.uint16],
) -> None:
    """Score the blocks of a chunk, shape (S,), each as a row of its greatest sums would be.

    `rests` are the scores by the first `n_rest` groups; `part` is room for as many bytes; see
    :func:`semsig_kernels.sums.score_chunk`.
    """
    start = blocks.starts[chunk]
    for i in range(scores.size):
        scores[i] = start[i]
        part[i] = 0
    most = np.int64(0)
    for g in range(groups.size):
        most += np.int64(needs[g])
        if most > 255 or g == n_rest:
            _move(part, scores)
            most = np.int64(needs[g])
        if g == n_rest:
            rests[:] = scores
        _add_column(blocks.tops[chunk, groups[g]], needs[g], part)
    _move(part, scores)
    if groups.size == n_rest:
        rests[:] = scores


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
def _ask_memory(
    first: NDArray[np.int32],
    lines: NDArray[np.uint64],
    which: NDArray[np.int64],
    begin: int,
    end: int,
    classes: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> None:
    """Write where the lines of some blocks are, and have them loaded, and the next heads."""
    count = 0
    for i in range(begin, end):
        if i + _AT_ONCE < which.size:
            prefetch(lines, np.int64(first[which[i + _AT_ONCE]]) * LINE_WORDS)
        head = np.int64(first[which[i]])
        ranks = lines[head * LINE_WORDS + HEAD_RANKS]
        for c in range(classes.size):
            word, bit = classes[c] >> 6, np.uint64(classes[c] & 63)
            bits = lines[head * LINE_WORDS + HEAD_CLASSES + word]
            wanted[count] = LINE_WORDS * line_at(head, bits, bit, ranks, word)
            prefetch(lines, wanted[count])
            count += 1


@kernel
def room_for_lines(asked: Asked) -> NDArray[np.int64]:
    """Return the room that :func:`score_blocks` needs."""
    return np.empty(_AT_ONCE * asked.classes.shape[1], np.int64)


@kernel
def score_blocks(
    blocks: Blocks,
    which: NDArray[np.int64],
    bases: NDArray[np.uint16],
    asked: Asked,
    q: int,
    top: bool,
    wanted: NDArray[np.int64],
    scores: NDArray[np.uint16],
) -> None:
    """Score the rows of some blocks by all classes of a query, or the top ones.

    Parameters
    ----------
    blocks : Blocks
        Sums of the rows.
    which : ndarray of int64, shape (n,)
        The blocks.
    bases : ndarray of uint16, shape (n,)
        What is added for all rows of each, as if they weighed what the lightest does.
    asked, q
        The query.
    top : bool
        Whether by the top classes only.
    wanted : ndarray of int64
        Room, see :func:`room_for_lines`.
    scores : ndarray of uint16, shape (>= 16 * n,)
        Written.
    """
    first, lines, head_bytes, mask = blocks.first, blocks.lines, blocks.head_bytes, blocks.mask
    classes = asked.classes[q, : asked.n_classes[q, 1 if top else 0]]
    needs, turns = asked.lines[q], asked.turns[q]
    for i in range(min(_AT_ONCE, which.size)):
        prefetch(lines, np.int64(first[which[i]]) * LINE_WORDS)
    for begin in range(0, which.size, _AT_ONCE):
        end = min(begin + _AT_ONCE, which.size)
        _ask_memory(first, lines, which, begin, end, classes, wanted)
        count = 0
        for i in range(begin, end):
            head = np.int64(first[which[i]]) * LINE_WORDS * 8
            for j in range(BLOCK_ROWS):
                more = np.int64(head_bytes[head + j]) & mask
                scores[i * BLOCK_ROWS + j] = np.uint16(np.int64(bases[i]) - more)
            for part in range(0, LINE_WORDS, LANE_WORDS):
                total = load(lines, part)
                for c in range(classes.size):
                    if turns[c]:
                        add_by_16(total, 8 * part, scores, i * BLOCK_ROWS)
                        total = load(lines, part)
                    need = load(needs, c * LINE_WORDS + part)
                    total = total + least_bytes(load(lines, wanted[count + c] + part), need)
                add_by_16(total, 8 * part, scores, i * BLOCK_ROWS)
            count += classes.size
