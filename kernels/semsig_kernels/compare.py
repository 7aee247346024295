"""Compare a query with whole signatures, by a table of the weight shared per (cell, level)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.postings import Queries
from semsig_kernels.simd import prefetch
from semsig_kernels.topk import replace_worst

_AHEAD = 8
"""A row's cells are prefetched this many candidates ahead, its offset twice as many."""
_LINE_BYTES = 64
"""Size of a cache line in bytes."""
_LINES = 5
"""Cache lines to prefetch per row: 160 cells of 16 bits, about as many as a photo has."""


class Rows(NamedTuple):
    """The signatures themselves."""

    cells: NDArray[np.uint16] | NDArray[np.uint32]
    offsets: NDArray[np.int64]
    totals: NDArray[np.int32] | NDArray[np.int64]
    """Weight of each row, shape (N,)."""
    heaviest: int
    """The largest of these weights."""
    allowed: NDArray[np.bool_]
    """Rows that may be found, shape (N,); shape (0,) allows all."""


@kernel
def fill_table(queries: Queries, q: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> None:
    """Write the weight that each (cell, level) shares with the query."""
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
        own = queries.codes[j] & 3
        for level in range(4):
            table[queries.codes[j] - own + level] = queries.weights[j, min(own, level)]


@kernel
def clear_table(queries: Queries, q: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> None:
    """Make the table all zeros again."""
    for j in range(queries.offsets[q], queries.offsets[q + 1]):
        first = queries.codes[j] & ~3
        table[first : first + 4] = 0


@inlined
def shared_with_row(rows: Rows, row: int, table: NDArray[np.uint8] | NDArray[np.int64]) -> int:
    """Return the weight that a row shares with the query of the table.

    Two accumulators, four cells per step: the additions do not wait for each other.
    """
    cells = rows.cells[rows.offsets[row] : rows.offsets[row + 1]]
    shared = other = np.int64(0)
    whole = cells.size & ~3
    for j in range(0, whole, 4):
        shared += np.int64(table[cells[j]]) + np.int64(table[cells[j + 1]])
        other += np.int64(table[cells[j + 2]]) + np.int64(table[cells[j + 3]])
    for j in range(whole, cells.size):
        shared += np.int64(table[cells[j]])
    return int(shared + other)


@kernel
def shared_with_rows(
    rows: Rows,
    queries: Queries,
    q: int,
    table: NDArray[np.uint8] | NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Write to `shared`, shape (N,), the weight that each row shares with query q."""
    fill_table(queries, q, table)
    for row in range(shared.size):
        shared[row] = shared_with_row(rows, row, table)
    clear_table(queries, q, table)


@inlined
def offer_row(
    rows: Rows,
    total: int,
    row: int,
    tanimoto: bool,
    table: NDArray[np.uint8] | NDArray[np.int64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> bool:
    """Compute one row's exact distance; return whether it is among the k nearest so far."""
    if rows.allowed.size > 0 and not rows.allowed[row]:
        return False
    shared = shared_with_row(rows, row, table)
    if tanimoto:
        union = total + rows.totals[row] - shared
        distance = float(np.float32(1.0 - shared / union)) if union > 0 else 0.0
    else:
        distance = float(total + rows.totals[row] - 2 * shared)
    if distance > distances[0] or (distance == distances[0] and row > found[0]):
        return False
    replace_worst(distances, found, distance, row)
    return True


@inlined
def prefetch_row(
    rows: Rows, first_row: int, candidates: NDArray[np.int64], c: int, count: int
) -> None:
    """Prefetch what later comparisons read, as most of their time is spent waiting for memory."""
    if c + 2 * _AHEAD < count:
        row = first_row + candidates[c + 2 * _AHEAD]
        prefetch(rows.offsets, row)
        prefetch(rows.totals, row)
    if c + _AHEAD < count:
        first = rows.offsets[first_row + candidates[c + _AHEAD]]
        for line in range(_LINES):
            prefetch(rows.cells, first + line * (_LINE_BYTES // rows.cells.itemsize))
