"""Exact search over posting lists of cells: only rows that share a cell with the query are read."""

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

from semsig.search.counts import DocumentCounts
from semsig.search.exact import ExactScan
from semsig.search.heaps import Chunks, Heaps, empty_heaps, share_out, weigh
from semsig.search.scans import Distances
from semsig.search.scoring import Totals, distances_of, parts_of
from semsig.types import SbsBatch, SbsSchema
from semsig.types.metrics import METRICS, Metric

EVERY_ROW = np.zeros(0, np.bool_)
"""A mask that allows every row."""


class PostingsScan(ExactScan):
    """Exact search over an inverted index of cells.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. The posting lists take 2 bytes per cell of each row and, for
        every 16,384 rows, 4 bytes per slot: four slots for each cell of the schema or, with
        32-bit cells, for each that occurs.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        super().__init__(batch, counts)
        self._postings = build_postings(batch)

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        asked = in_order(self._asked(queries, metric), self._batch.schema)
        totals, counters = _dtypes(self._ranking_totals(metric), asked.totals)
        ratio = METRICS[metric].form == "ratio"
        mask = EVERY_ROW if allowed is None else allowed
        held = min(k, max(1, len(self)))

        def scan(part: Queries, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            shared = np.zeros(CHUNK_ROWS, counters)
            nearest(self._postings, part, chunks, totals, ratio, mask, shared, *heaps)
            return heaps

        heaps = share_out(asked, len(self), CHUNK_ROWS, scan)
        return self._answer(heaps, k, asked, metric)

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        totals = self._totals(metric)
        weighed = in_order(weigh(queries, self._scheme(metric)), self._batch.schema)
        for q in range(len(queries)):
            shared = np.zeros(len(self), np.int64)
            shared_weights(self._postings, weighed, q, shared)
            total = int(weighed.totals[q])
            yield distances_of(shared, total, totals, METRICS[metric].form)


def build_postings(batch: SbsBatch) -> Postings:
    """Invert a batch: list, for each chunk and each (cell, level), the rows that have it."""
    builder = PostingsBuilder(batch)
    for part in parts_of(batch, CHUNK_ROWS):
        slots, cells = slots_of(part)
        builder.add(slots, part.offsets, cells)
    return builder.build()


def slots_of(part: SbsBatch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the slots of a chunk's codes, shape (p,), and the cells that have slots, in order.

    In a schema of 16-bit cells every cell has slots, ordered by class, then block, so that the
    posting lists of one query are close together in memory. In a schema of 32-bit cells only the
    cells that occur have slots, in ascending order.
    """
    schema = part.schema
    if schema.cell_dtype == np.uint16:
        codes = np.arange(4 * schema.n_cells)
        return by_class(codes, schema)[part.cells], np.argsort(by_class(codes[::4], schema))
    codes = part.cells.astype(np.int64)
    cells = np.unique(codes >> 2)
    return np.searchsorted(cells, codes >> 2) * 4 + (codes & 3), cells


def by_class(codes: NDArray[np.int64], schema: SbsSchema) -> NDArray[np.int64]:
    """Renumber codes so that cells are ordered by class, then block."""
    block, label = np.divmod(codes >> 2, len(schema.classes))
    return ((label << 2 * schema.levels) + block) * 4 + (codes & 3)


def in_order(queries: Queries, schema: SbsSchema) -> Queries:
    """Return queries with their codes numbered as the slots are, ascending in each query."""
    if schema.cell_dtype != np.uint16:
        return queries
    codes = by_class(queries.codes, schema)
    query = np.repeat(np.arange(len(queries.totals)), np.diff(queries.offsets))
    order = np.argsort(query * (4 * schema.n_cells) + codes)
    return queries._replace(codes=codes[order], weights=queries.weights[order])


class PostingsBuilder:
    """Builds posting lists chunk by chunk.

    The array of ids has room for all cells; memory that is never written is not allocated by the
    OS.
    """

    def __init__(self, batch: SbsBatch) -> None:
        self._every_cell = batch.schema.cell_dtype == np.uint16
        self._ids = np.empty(len(batch.cells), np.uint16)
        self._ends = [0]
        self._starts = [np.zeros(0, np.uint32)]
        self._keys = [np.zeros(0, np.int64)]

    def add(
        self, slots: NDArray[np.int64], offsets: NDArray[np.int64], cells: NDArray[np.int64]
    ) -> None:
        """Add a chunk: row i has ``slots[offsets[i]:offsets[i + 1]]``; see :func:`slots_of`."""
        first, last = self._ends[-1], self._ends[-1] + len(slots)
        starts = np.zeros(4 * len(cells) + 1, np.uint32)
        group_rows(slots, offsets, starts, self._ids[first:last])
        self._ends.append(last)
        self._starts.append(starts)
        self._keys.append(cells[:0] if self._every_cell else cells)

    def build(self) -> Postings:
        """Return the postings of all chunks."""
        starts, keys = self._starts, self._keys
        bounds = [np.cumsum([len(p) for p in parts]) for parts in (starts, keys)]
        return Postings(
            ids=self._ids[: self._ends[-1]],
            id_bounds=np.array(self._ends),
            starts=np.concatenate(starts),
            start_bounds=bounds[0],
            keys=np.concatenate(keys),
            key_bounds=bounds[1],
        )


def _dtypes(totals: Totals, of_queries: NDArray[np.int64]) -> tuple[Totals, np.dtype[Any]]:
    """Return totals, and the dtype of shared weights, in the dtypes that the kernels need.

    int32 and uint16 if all totals are below 2^16, else int64 for both. A shared weight is at most
    either total.
    """
    if max(totals.max(initial=0), of_queries.max(initial=0)) < 2**16:
        return totals.astype(np.int32, copy=False), np.dtype(np.uint16)
    return totals.astype(np.int64, copy=False), np.dtype(np.int64)
