"""An order of signatures in which similar ones lie together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.bisection import SparseSums, bisect, half_of, halve
from semsig_kernels.sums import sum_rows
from semsig_kernels.threads import run_split, thread_count

from semsig.search.scoring import BITS, Scheme, parts_of
from semsig.types import SbsBatch, SbsSchema

_ROWS_AT_ONCE = 16384


def similar_order(batch: SbsBatch, block: int) -> NDArray[np.int32]:
    """Return the rows of a batch, shape (N,), so that each run of `block` is a cluster.

    They are compared by what weighs in each class in sixteenths of the picture. The order is the
    same for any number of threads.
    """
    group_of = sixteenth_groups(batch.schema)
    of_rows = sparse_sums(batch, group_of, BITS, np.dtype(np.uint16))
    order = np.arange(len(batch), dtype=np.int32)
    n_groups = int(group_of.max()) + 1
    runs = [(0, len(order))]
    while len(runs) < thread_count() and (halved := _halved(order, runs, block, of_rows, n_groups)):
        runs = halved

    def work(first: int, last: int) -> None:
        for start, end in runs[first:last]:
            bisect(order[start:end], block, of_rows, *_room(n_groups, end - start))

    run_split(len(runs), work)
    return order


def _halved(
    order: NDArray[np.int32],
    runs: list[tuple[int, int]],
    block: int,
    of_rows: SparseSums,
    n_groups: int,
) -> list[tuple[int, int]]:
    """Halve each run; return the halves, or none where a run is of one block."""
    middles = [half_of(end - start, block) for start, end in runs]
    if 0 in middles:
        return []

    def work(first: int, last: int) -> None:
        for (start, end), middle in zip(runs[first:last], middles[first:last], strict=True):
            halve(order[start:end], middle, of_rows, *_room(n_groups, end - start))

    run_split(len(runs), work)
    return [
        half
        for (start, end), middle in zip(runs, middles, strict=True)
        for half in ((start, start + middle), (start + middle, end))
    ]


def _room(n_groups: int, n_rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.empty(n_groups, np.float32), np.empty(n_rows, np.float32)


def sparse_sums(
    batch: SbsBatch, group_of: NDArray[np.int64], scheme: Scheme, dtype: np.dtype[Any]
) -> SparseSums:
    """Sum the weights of each row's cells by group, at most the greatest that `dtype` holds."""
    groups, sums = np.empty(len(batch.cells), np.uint16), np.empty(len(batch.cells), dtype)
    counts, work, at = [np.zeros(1, np.int64)], np.zeros(int(group_of.max()) + 1, np.int64), 0
    for part in parts_of(batch, _ROWS_AT_ONCE):
        found = [np.empty(len(part.cells), np.int64) for _ in range(3)]
        own = scheme.own(part.cells)
        n = sum_rows(group_of[part.cells >> 2], own, part.offsets, work, *found)
        groups[at : at + n] = found[1][:n]
        sums[at : at + n] = np.minimum(found[2][:n], np.iinfo(dtype).max)
        counts.append(np.bincount(found[0][:n], minlength=len(part)))
        at += n
    return SparseSums(groups[:at], sums[:at], np.cumsum(np.concatenate(counts)))


def sixteenth_groups(schema: SbsSchema) -> NDArray[np.int64]:
    """Return the group of each cell, shape (n_cells,): class * 16 + sixteenth of the picture."""
    across = np.arange(1 << schema.levels) >> max(0, schema.levels - 2)
    parts = (across[:, None] * 4 + across).reshape(-1)
    return (np.arange(len(schema.classes)) * 16 + parts[:, None]).reshape(-1)
