"""Exact search that looks into few blocks of rows only.

Phase one scores all blocks by their greatest sums. Phase two compares the best rows of the best
blocks, which sets a limit to the distance. Phase three looks into the other blocks that may hold
a row within that limit, scores their rows, and compares whole those that may be within it; chunk
after chunk, for all queries while a chunk is in the cache.

For a row of weight W, in units, whose sums give it at most the shared weight S, its score is
OFFSET + S - W // 2; so is a block's, with the greatest sums and the least weight of its rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.blocks import (
    BLOCK_ROWS,
    LINE_WORDS,
    Asked,
    Blocks,
    ask,
    bound_chunk,
    room_for_lines,
    score_blocks,
)
from semsig_kernels.bounds import gather, high_score
from semsig_kernels.compare import Rows, clear_table, fill_table, offer_row, prefetch_row
from semsig_kernels.postings import TANIMOTO_ONE, Queries
from semsig_kernels.simd import trailing_zeros
from semsig_kernels.sums import BLOCK_ROWS as PEAK_BLOCKS
from semsig_kernels.sums import OFFSET, find_peaks, sum_query
from semsig_kernels.vectors import lanes_below, sixteen_below

QUERIES_AT_ONCE = 128
_BYTES_OF_SCORES = 2**25
"""No more queries at once than have so many bytes of scores."""
_WAITING = 64
"""So many rows wait to be compared: a query's table is filled for all at once."""
_LANES = 64
_MANY_QUERIES = 16
_VISITED = 256
"""The lines of so many blocks, a multiple of _LANES, stay in the second-level cache while all
queries look into them."""


@kernel
def nearest_in_blocks(
    blocks: Blocks,
    rows: Rows,
    queries: Queries,
    chunks: tuple[int, int],
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
    looked: NDArray[np.int64],
) -> None:
    """Find the k nearest rows of some chunks to each of Q queries.

    Parameters
    ----------
    blocks : Blocks
        Sums of the rows; its weights are 0 where the distance leaves out those of rows.
    rows : Rows
        The rows themselves.
    queries : Queries
        What is searched for, by the weights of `rows`; the sums of each in units, each of at
        most 255, sum to less than 2^15.
    chunks, tanimoto, table, distances, found
        As :func:`semsig_kernels.bounds.nearest_bounded` has them.
    looked : ndarray of int64, shape (2,)
        Added to: how many blocks were looked into, and how many rows were compared whole.
    """
    size = blocks.tops.shape[2]
    n_blocks = (chunks[1] - chunks[0]) * size
    held = min(QUERIES_AT_ONCE, _BYTES_OF_SCORES // max(1, 4 * n_blocks))
    held = max(1, min(held, queries.totals.size))
    n_groups, n_classes = blocks.tops.shape[1], blocks.tops.shape[1] // 4
    asked = Asked(
        np.empty((held, n_groups), np.int64),
        np.empty((held, n_groups), np.uint8),
        np.empty((held, 2), np.int64),
        np.empty((held, n_classes), np.int64),
        np.empty((held, n_classes * LINE_WORDS), np.uint64),
        np.empty((held, n_classes), np.bool_),
        np.empty((held, 2), np.int64),
    )
    rests = np.empty((held, n_blocks), np.uint16)
    scores = np.empty((held, n_blocks), np.uint16)
    part = np.empty(size, np.uint8)
    waiting = np.empty((held, _WAITING + BLOCK_ROWS), np.int64)
    counts = np.zeros(held, np.int64)
    for first in range(0, queries.totals.size, held):
        last = min(first + held, queries.totals.size)
        for q in range(last - first):
            count = sum_query(
                blocks.group_of, blocks.unit, queries, first + q, asked.groups[q], asked.needs[q]
            )
            ask(asked, q, count)
        for chunk in range(chunks[0], chunks[1]):
            at = (chunk - chunks[0]) * size
            for q in range(last - first):
                bound_chunk(
                    blocks,
                    chunk,
                    asked.groups[q, : asked.n_groups[q, 0]],
                    asked.needs[q],
                    asked.n_groups[q, 1],
                    part,
                    rests[q, at : at + size],
                    scores[q, at : at + size],
                )
        for q in range(last - first):
            fill_table(queries, first + q, table)
            _seed(
                blocks,
                rows,
                asked,
                q,
                queries.totals[first + q],
                chunks[0] * size,
                tanimoto,
                table,
                scores[q],
                distances[first + q],
                found[first + q],
                looked,
            )
            clear_table(queries, first + q, table)
        run = _VISITED if last - first >= _MANY_QUERIES else n_blocks
        for at in range(0, n_blocks, run):
            until = min(at + run, n_blocks)
            _visit(
                blocks,
                rows,
                queries,
                (first, last),
                asked,
                chunks[0] * size + at,
                tanimoto,
                table,
                rests[:, at:until],
                scores[:, at:until],
                waiting,
                counts,
                distances,
                found,
                looked,
            )
        for q in range(last - first):
            _compare(
                rows, queries, first + q, tanimoto, table, waiting[q, : counts[q]],
                distances[first + q], found[first + q], looked,
            )  # fmt: skip
            counts[q] = 0


@kernel
def _seed(
    blocks: Blocks,
    rows: Rows,
    asked: Asked,
    q: int,
    total: int,
    first_block: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    scores: NDArray[np.uint16],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
    looked: NDArray[np.int64],
) -> None:
    """Compare the best rows of the blocks with the highest scores, then set these scores to 0."""
    wanted = 2 * found.size + 8
    peaks = np.empty(scores.size // PEAK_BLOCKS, np.uint16)
    find_peaks(scores, peaks)
    highest = np.empty(scores.size, np.int64)
    count = gather(
        scores.reshape(1, -1), peaks.reshape(1, -1), scores.size,
        max(1, high_score(peaks.reshape(1, -1), wanted)), 2**16, highest,
    )  # fmt: skip
    count = min(count, 2 * wanted)
    of_rows = np.empty(count * BLOCK_ROWS, np.uint16)
    bases, starts = np.empty(count, np.uint16), blocks.starts.reshape(-1)
    for c in range(count):
        scores[highest[c]] = 0
        highest[c] += first_block
        bases[c] = starts[highest[c]]
    lines = room_for_lines(asked)
    score_blocks(blocks, highest[:count], bases, asked, q, False, lines, of_rows)
    looked[0] += count
    picked, above = np.empty(of_rows.size, np.int64), 2**16
    for least in (high_score(of_rows.reshape(1, -1), wanted), 0):
        n_picked = 0
        for i in range(of_rows.size):
            if least <= of_rows[i] < above:
                place = highest[i // BLOCK_ROWS] * BLOCK_ROWS + i % BLOCK_ROWS
                rule = rule_of(blocks.unit, tanimoto, total, distances[0])
                row = np.int64(blocks.order[place])
                if row >= 0 and _follows(rule, blocks.weights[place], of_rows[i]):
                    picked[n_picked] = row
                    n_picked += 1
        for c in range(n_picked):
            prefetch_row(rows, 0, picked, c, n_picked)
            offer_row(rows, total, picked[c], tanimoto, table, distances, found)
        looked[1] += n_picked
        above = least


@kernel
def _visit(
    blocks: Blocks,
    rows: Rows,
    queries: Queries,
    which: tuple[int, int],
    asked: Asked,
    first: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    rests: NDArray[np.uint16],
    scores: NDArray[np.uint16],
    waiting: NDArray[np.int64],
    counts: NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
    looked: NDArray[np.int64],
) -> None:
    """Look into those of some blocks, from `first` on, that may be near to some queries."""
    size = scores.shape[1]
    near_blocks, bases = np.empty(size, np.int64), np.empty(size, np.uint16)
    of_rows, wanted = np.empty(size * BLOCK_ROWS, np.uint16), room_for_lines(asked)
    weights, order, allowed = blocks.weights, blocks.order, rows.allowed
    lightest, starts, totals = blocks.lightest, blocks.starts.reshape(-1), queries.totals
    for q in range(which[1] - which[0]):
        query = which[0] + q
        rule = rule_of(blocks.unit, tanimoto, totals[query], distances[query, 0])
        n_near, of_query, rest = 0, scores[q], rests[q]
        for start in range(0, size, _LANES):
            near = lanes_below(lightest, first + start, of_query, start, rule)
            while near:
                i = start + np.int64(trailing_zeros(near))
                near &= near - np.uint64(1)
                near_blocks[n_near], bases[n_near] = first + i, rest[i]
                n_near += 1
        looked[0] += n_near
        if n_near == 0:
            continue
        score_blocks(blocks, near_blocks[:n_near], bases, asked, q, True, wanted, of_rows)
        n_left = 0
        for c in range(n_near):
            block = near_blocks[c]
            if sixteen_below(weights, block * BLOCK_ROWS, of_rows, c * BLOCK_ROWS, rule):
                near_blocks[n_left], bases[n_left] = block, starts[block]
                n_left += 1
        score_blocks(blocks, near_blocks[:n_left], bases, asked, q, False, wanted, of_rows)
        for c in range(n_left):
            block = near_blocks[c]
            near = sixteen_below(weights, block * BLOCK_ROWS, of_rows, c * BLOCK_ROWS, rule)
            while near:
                row = np.int64(order[block * BLOCK_ROWS + np.int64(trailing_zeros(near))])
                near &= near - np.uint64(1)
                if row >= 0 and (allowed.size == 0 or allowed[row]):
                    waiting[q, counts[q]] = row
                    counts[q] += 1
            if counts[q] >= _WAITING:
                _compare(
                    rows, queries, query, tanimoto, table, waiting[q, : counts[q]],
                    distances[query], found[query], looked,
                )  # fmt: skip
                counts[q] = 0
                rule = rule_of(blocks.unit, tanimoto, totals[query], distances[query, 0])


@kernel
def _compare(
    rows: Rows,
    queries: Queries,
    query: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    waiting: NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
    looked: NDArray[np.int64],
) -> None:
    """Compare whole the rows that wait."""
    fill_table(queries, query, table)
    total = queries.totals[query]
    for c in range(waiting.size):
        prefetch_row(rows, 0, waiting, c, waiting.size)
        offer_row(rows, total, waiting[c], tanimoto, table, distances, found)
    clear_table(queries, query, table)
    looked[1] += waiting.size


@kernel
def rule_of(unit: int, tanimoto: bool, total: int, worst: float) -> tuple[Any, Any, Any]:
    """Return a, b, c so that a * weight - b * score < c for all that may be as near as `worst`.

    By weights in units, S the greatest weight that may be shared: Hamming's is W - 2 S <= (worst
    - total) / unit. Tanimoto's is (p + 1) S >= p (total / unit + W), with p a little below 1 -
    worst, an even share of TANIMOTO_ONE. S is score - OFFSET + W / 2, W being even. Where all
    may be near, a score of 0 alone stands for what was looked into.
    """
    if not np.isfinite(worst):
        return np.int64(0), np.int64(1), np.int64(0)
    if not tanimoto:
        most = np.int64(np.floor((worst - total) / unit))
        return np.int64(0), np.int64(2), most + 1 - 2 * OFFSET
    part = max(np.int64(0), np.int64(np.floor((1.0 - worst) * TANIMOTO_ONE)) - 1) & ~1
    most = np.int64(np.floor(-(part * total) / unit))
    shared = TANIMOTO_ONE + part
    return part - shared // 2, np.int64(shared), most + 1 - shared * OFFSET


@kernel
def _follows(rule: tuple[Any, Any, Any], weight: Any, score: Any) -> bool:
    return bool(rule[0] * np.int64(weight) - rule[1] * np.int64(score) < rule[2])
