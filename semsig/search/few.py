"""Exact search among few rows with NumPy only, which a new process loads faster than kernels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.search.checks import check_k, check_metric
from semsig.search.counts import DocumentCounts
from semsig.search.scans import Distances
from semsig.search.scoring import (
    Scheme,
    check_allowed,
    distance_dtype,
    distances_of,
    rank,
    row_totals,
    scheme_of,
    weights_and_totals,
    within,
)
from semsig.types import SbsBatch
from semsig.types.metrics import METRICS, Metric


class FewScan:
    """Exact search that compares all rows, at a few microseconds per row.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search.
    counts : DocumentCounts, optional
        Document counts for idf weights; see :class:`semsig.search.exact.ExactScan`.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        self._batch = batch
        self._counts = counts

    def search(
        self,
        queries: SbsBatch,
        k: int,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the k nearest rows to each query; see :meth:`ExactScan.search`."""
        self._check(queries, metric, allowed)
        k = check_k(k, len(self._batch))
        distances: Distances = np.empty((len(queries), k), distance_dtype(metric))
        rows = np.empty((len(queries), k), np.int64)
        for q, of_rows in enumerate(self._distances(queries, metric)):
            distances[q], rows[q] = rank(of_rows, k, allowed)
        return distances, rows

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`; see :meth:`ExactScan.search_radius`."""
        self._check(queries, metric, allowed)
        return [within(d, radius, allowed) for d in self._distances(queries, metric)]

    def _check(self, queries: SbsBatch, metric: Metric, allowed: NDArray[np.bool_] | None) -> None:
        self._batch.schema.require(queries.schema)
        check_metric(metric)
        check_allowed(allowed, len(self._batch))

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        form, scheme = METRICS[metric].form, scheme_of(self._batch, metric, self._counts)
        totals = row_totals(self._batch, scheme)
        for query in queries:
            shared, total = self._shared(SbsBatch.of([query]), scheme)
            yield distances_of(shared, total, totals, form)

    def _shared(self, query: SbsBatch, scheme: Scheme) -> tuple[NDArray[np.int64], int]:
        """Return the weight that each row shares with a query, (N,), and the query's total."""
        codes, weights, totals = weights_and_totals(query, scheme)
        # The last entry is a sentinel with weight 0, for cells that the query does not have.
        known = np.append(codes >> 2, np.iinfo(np.int64).max)
        least = np.minimum(np.arange(4), (codes & 3)[:, None])
        shared = np.append(np.take_along_axis(weights, least, axis=1), np.zeros((1, 4), int), 0)
        cells, levels = self._cells
        at = np.searchsorted(known, cells)
        at[known[at] != cells] = len(codes)
        sums = np.concatenate([[0], np.cumsum(shared[at, levels])])
        offsets = np.asarray(self._batch.offsets)
        return sums[offsets[1:]] - sums[offsets[:-1]], int(totals[0])

    @cached_property
    def _cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        codes = np.asarray(self._batch.cells).astype(np.int64)
        return codes >> 2, codes & 3
