"""Exact search over cell postings: only the rows that share a cell with the query are touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.postings import (
    CHUNK_ROWS,
    Postings,
    Queries,
    group_rows,
    nearest,
    shared_weights,
)
from semsig_kernels.threads import run_split, thread_count

from semsig.index.exact import ExactScan
from semsig.index.scans import Distances
from semsig.index.scoring import (
    FlatWeights,
    IdfWeights,
    distance_dtype,
    distances_of,
    is_tanimoto,
    parts_of,
    weights_and_totals,
)
from semsig.types import Metric, SbsBatch

_ROWS_A_THREAD = 2**16
_EVERY_ROW = np.zeros(0, np.bool_)

Heaps = tuple[NDArray[np.float64], NDArray[np.int64]]


class PostingsScan(ExactScan):
    """Exact search over an inverted index of cells.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. The postings take 2 bytes a cell and, for every 16,384 rows,
        4 bytes a slot: four slots for each cell that schema or rows have, whichever is less.
    """

    def __init__(self, batch: SbsBatch) -> None:
        super().__init__(batch)
        self._postings = build_postings(batch)

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        totals = self._totals(metric)
        weighed = weigh(queries, self._scheme(metric))
        counters = _counter_dtype(totals, weighed.totals)
        mask = _EVERY_ROW if allowed is None else allowed
        held = min(k, max(1, len(self)))

        def scan(part: Queries, chunks: tuple[int, int]) -> Heaps:
            distances = np.full((len(part.totals), held), np.inf)
            rows = np.full(distances.shape, -1, np.int64)
            shared = np.zeros(CHUNK_ROWS, counters)
            tanimoto = is_tanimoto(metric)
            nearest(self._postings, part, chunks, totals, tanimoto, mask, shared, distances, rows)
            return distances, rows

        return sort_heaps(self._share_out(weighed, scan), k, distance_dtype(metric))

    def _share_out(self, queries: Queries, scan: Callable[..., Heaps]) -> Heaps:
        """Run `scan` in threads, each over some queries or, if those are few, some chunks."""
        n_queries, n_chunks = len(queries.totals), len(self._postings.id_bounds) - 1
        if n_queries >= thread_count():
            by_queries = run_split(
                n_queries,
                lambda first, last: scan(_slice(queries, first, last), (0, n_chunks)),
                grain=_ROWS_A_THREAD // max(1, len(self)) + 1,
            )
            return _join(by_queries, axis=0)
        by_chunks = run_split(
            n_chunks,
            lambda first, last: scan(queries, (first, last)),
            grain=_ROWS_A_THREAD // CHUNK_ROWS,
        )
        return _join(by_chunks, axis=1)

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        totals = self._totals(metric)
        weighed = weigh(queries, self._scheme(metric))
        for q in range(len(queries)):
            shared = np.zeros(len(self), np.int64)
            shared_weights(self._postings, weighed, q, shared)
            total = int(weighed.totals[q])
            yield distances_of(shared, total, totals, tanimoto=is_tanimoto(metric))


def build_postings(batch: SbsBatch) -> Postings:
    """Invert a batch: for each chunk of rows and each (cell, level), the rows that have it."""
    sparse = batch.schema.cell_dtype == np.uint32
    ids = np.empty(len(batch.cells), np.uint16)
    starts, keys = [np.zeros(0, np.uint32)], [np.zeros(0, np.int64)]
    id_bounds = np.append(batch.offsets[:-1:CHUNK_ROWS], batch.offsets[-1])
    for part, first in zip(parts_of(batch, CHUNK_ROWS), id_bounds, strict=False):
        codes = part.cells.astype(np.int64)
        cells = np.unique(codes >> 2) if sparse else np.zeros(0, np.int64)
        slots = np.searchsorted(cells, codes >> 2) * 4 + (codes & 3) if sparse else codes
        n_slots = 4 * (len(cells) if sparse else batch.schema.n_cells)
        table = np.zeros(n_slots + 1, np.uint32)
        group_rows(slots, part.offsets, table, ids[first : first + len(codes)])
        starts.append(table)
        keys.append(cells)
    return Postings(
        ids, id_bounds, np.concatenate(starts), _bounds(starts), np.concatenate(keys), _bounds(keys)
    )


def weigh(queries: SbsBatch, scheme: FlatWeights | IdfWeights) -> Queries:
    """Return queries as the kernels take them."""
    codes, weights, totals = weights_and_totals(queries, scheme)
    return Queries(codes, weights, queries.offsets.astype(np.int64), totals)


def sort_heaps(heaps: Heaps, k: int, dtype: np.dtype[Any]) -> tuple[Distances, NDArray[np.int64]]:
    """Return the k best of each row of (Q, m) heaps, ascending, ties by row, padded with -1."""
    distances, rows = heaps
    order = np.lexsort((rows, distances))[:, :k]
    best: Distances = np.full((len(rows), k), -1, dtype)
    found = np.full((len(rows), k), -1, np.int64)
    found[:, : order.shape[1]] = np.take_along_axis(rows, order, axis=1)
    sorted_distances = np.take_along_axis(distances, order, axis=1)
    sorted_distances[np.isinf(sorted_distances)] = -1
    best[:, : order.shape[1]] = sorted_distances
    return best, found


def _slice(queries: Queries, first: int, last: int) -> Queries:
    offsets = queries.offsets[first : last + 1]
    return Queries(queries.codes, queries.weights, offsets, queries.totals[first:last])


def _join(parts: list[Heaps], axis: int) -> Heaps:
    distances, rows = zip(*parts, strict=True)
    return np.concatenate(distances, axis=axis), np.concatenate(rows, axis=axis)


def _bounds(parts: list[NDArray[np.uint32]] | list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([len(part) for part in parts], dtype=np.int64)


def _counter_dtype(totals: NDArray[np.int64], of_queries: NDArray[np.int64]) -> np.dtype[Any]:
    """Return a dtype that holds the weight any row can share with any query."""
    most = min(totals.max(initial=0), of_queries.max(initial=0))
    return np.dtype(np.uint16 if most < 2**16 else np.int64)
