"""Exact Euclidean search over histograms: sums that are a little too small, then whole rows.

What a row shares with a histogram is first added up from lists, in float32 and some summands
rounded down, so that it is known to within a margin. Only rows that may then be near enough are
compared count by count, in float64 and by ascending column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_lists import CHUNK_ROWS, LINE_UNIT, Lists
from semsig_kernels.histogram_sums import Histograms, Margin, Rows, Sums, add_products
from semsig_kernels.topk import replace_worst, sort_nearest

BLOCK_ROWS = 64

_TIED = 1e-6


class Memory(NamedTuple):
    """What a search works in; all 0 before and after."""

    sums: NDArray[np.float32]
    """Shape (CHUNK_ROWS,)."""
    steps: NDArray[np.uint16]
    """Shape (CHUNK_ROWS,)."""
    own: NDArray[np.uint16]
    """A count for every column there may be; of shape (0,) where those are too many."""


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
        Lists of the rows.
    queries : Histograms
        What is searched for.
    chunks : (int, int)
        First chunk, and the one after the last.
    rows : Rows
        The rows, and which of them count.
    memory : Memory
        What to work in.
    distances, found : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated: squared distances, or where rows.unit is
        set, distances rounded to float32.
    """
    scores = np.full(distances.shape, np.inf)
    scored = np.full(found.shape, -1)
    for chunk in range(chunks[0], chunks[1]):
        first = chunk * CHUNK_ROWS
        sums, work = _work_on(memory, rows.totals.size - first)
        for q in range(queries.totals.size):
            margin = add_products(lists, chunk, queries, q, rows.roots, work)
            least, most, more = _scaled(margin, queries.totals[q], rows.unit)
            _raise_floor(sums, first, least, rows, scores[q], scored[q])
            _lay_out(queries, q, memory.own, True)
            limits = most, more, -scores[q, 0] - _TIED * rows.unit
            heap = distances[q], found[q]
            _offer(sums, first, limits, queries, q, rows, memory.own, *heap)
            _lay_out(queries, q, memory.own, False)
            sums[:] = 0


@kernel
def answer(
    heaps: tuple[NDArray[np.float64], NDArray[np.int64]],
    unit: bool,
    distances: NDArray[np.float32],
    found: NDArray[np.int64],
) -> None:
    """Write distances and rows, shape (Q, k), ascending and padded with -1, from :func:`nearest`.

    heaps: of shape (Q, m); sorted.
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
    """Write the distances of :func:`nearest` from histogram q to rows that may score `floor`.

    Others stay as they are in `distances`, shape (N,).
    """
    _lay_out(queries, q, memory.own, True)
    for chunk in range(lists.stream_bounds.size - 1):
        first = chunk * CHUNK_ROWS
        sums, work = _work_on(memory, rows.totals.size - first)
        margin = add_products(lists, chunk, queries, q, rows.roots, work)
        _, most, more = _scaled(margin, queries.totals[q], rows.unit)
        for i in range(sums.size):
            row = first + i
            score = (sums[i] * most + more) * rows.slopes[row] + rows.bases[row]
            if score >= floor and rows.bases[row] > -np.inf:
                distances[row] = _distance_to(queries, q, rows, row, memory.own)
        sums[:] = 0
    _lay_out(queries, q, memory.own, False)


@inlined
def _work_on(memory: Memory, n_rows: int) -> tuple[NDArray[np.float32], Sums]:
    """Return sums for a chunk's rows, of which `n_rows` are left; and what goes on in lines."""
    n_rows = min(CHUNK_ROWS, n_rows)
    sums = memory.sums[:n_rows]
    return sums, Sums(sums, memory.steps[: -(-n_rows // LINE_UNIT) * LINE_UNIT])


@inlined
def _scaled(margin: Margin, total: float, unit: bool) -> tuple[float, float, float]:
    """Return factors from a sum to the least and the most of a score, and what comes on top."""
    scale = 2.0
    if unit:
        scale = 1 / np.sqrt(total) if total > 0 else 0.0
    return (2 - margin.factor) * scale, margin.factor * scale, margin.more * scale


@kernel
def _raise_floor(
    sums: NDArray[np.float32],
    first: int,
    least: float,
    rows: Rows,
    scores: NDArray[np.float64],
    scored: NDArray[np.int64],
) -> None:
    """Offer the least that each row may score, negated, to the k best of it."""
    slopes, bases = rows.slopes[first:], rows.bases[first:]
    for start in range(0, sums.size, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, sums.size)
        if _any_reach(sums, least, 0.0, slopes, bases, start, stop, -scores[0]):
            for i in range(start, stop):
                score = -(sums[i] * least * slopes[i] + bases[i])
                if score < scores[0]:
                    replace_worst(scores, scored, score, first + i)


@kernel
def _offer(
    sums: NDArray[np.float32],
    first: int,
    limits: tuple[float, float, float],
    queries: Histograms,
    q: int,
    rows: Rows,
    own: NDArray[np.uint16],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Offer a chunk's rows that may score enough, ascending, by their true distances."""
    slopes, bases = rows.slopes[first:], rows.bases[first:]
    most, more, floor = limits
    for start in range(0, sums.size, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, sums.size)
        if _any_reach(sums, most, more, slopes, bases, start, stop, floor):
            for i in range(start, stop):
                score = (sums[i] * most + more) * slopes[i] + bases[i]
                if score >= floor and bases[i] > -np.inf:
                    distance = _distance_to(queries, q, rows, first + i, own)
                    if distance < distances[0]:
                        replace_worst(distances, found, distance, first + i)


@inlined
def _any_reach(
    sums: NDArray[np.float32],
    factor: float,
    more: float,
    slopes: NDArray[np.float64],
    bases: NDArray[np.float64],
    start: int,
    stop: int,
    floor: float,
) -> bool:
    """Whether a row may score `floor`; a loop that the compiler turns into vectors."""
    reach = False
    for i in range(np.uint64(start), np.uint64(stop)):
        reach |= (sums[i] * factor + more) * slopes[i] + bases[i] >= floor
    return reach


@kernel
def _lay_out(queries: Histograms, q: int, own: NDArray[np.uint16], wanted: bool) -> None:
    """Write histogram q's counts, if wanted, or zeros to their columns; if there is memory."""
    if own.size:
        for j in range(queries.offsets[q], queries.offsets[q + 1]):
            own[queries.columns[j]] = queries.counts[j] if wanted else 0


@kernel
def _distance_to(
    queries: Histograms, q: int, rows: Rows, row: int, own: NDArray[np.uint16]
) -> float:
    """Return the squared distance, or at unit length the distance as float32 has it."""
    j, last = np.uint64(rows.offsets[row]), np.uint64(rows.offsets[row + 1])
    shared = 0.0
    if own.size:
        for at in range(j, last):
            product = float(own[rows.columns[at]]) * float(rows.counts[at])
            shared += np.sqrt(product) if rows.roots else product
    else:
        i, end = queries.offsets[q], queries.offsets[q + 1]
        while i < end and j < last:
            column, other = queries.columns[i], np.int64(rows.columns[j])
            if column == other:
                product = queries.counts[i] * float(rows.counts[j])
                shared += np.sqrt(product) if rows.roots else product
            i += int(column <= other)
            j += np.uint64(other <= column)
    return _distance(shared, queries.totals[q], rows.totals[row], rows.unit)


@kernel
def _distance(shared: float, own: float, other: float, unit: bool) -> float:
    if not unit:
        return own + other - 2 * shared
    if own == 0 or other == 0:
        return 0.0 if own == other else 1.0
    squared = 2 - 2 * (shared / np.sqrt(own * other))
    return float(np.float32(np.sqrt(max(0.0, squared))))
