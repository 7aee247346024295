"""Exact search over cell postings: only the rows that share a cell with the query are touched."""

from __future__ import annotations

from collections.abc import Iterator
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

from semsig.index.exact import ExactScan
from semsig.index.heaps import Chunks, Heaps, empty_heaps, share_out, sort_heaps, weigh
from semsig.index.scans import Distances
from semsig.index.scoring import distance_dtype, distances_of, is_tanimoto, parts_of
from semsig.types import Metric, SbsBatch

_EVERY_ROW = np.zeros(0, np.bool_)


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

        def scan(part: Queries, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            shared = np.zeros(CHUNK_ROWS, counters)
            tanimoto = is_tanimoto(metric)
            nearest(self._postings, part, chunks, totals, tanimoto, mask, shared, *heaps)
            return heaps

        heaps = share_out(weighed, len(self), CHUNK_ROWS, scan)
        return sort_heaps(heaps, k, distance_dtype(metric))

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


def _bounds(parts: list[NDArray[np.uint32]] | list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.cumsum([len(part) for part in parts], dtype=np.int64)


def _counter_dtype(totals: NDArray[np.int64], of_queries: NDArray[np.int64]) -> np.dtype[Any]:
    """Return a dtype that holds the weight any row can share with any query."""
    most = min(totals.max(initial=0), of_queries.max(initial=0))
    return np.dtype(np.uint16 if most < 2**16 else np.int64)
