"""The fastest exact scan for each search."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.search.bitmaps import BitmapsScan
from semsig.search.bounded import BoundedScan
from semsig.search.counts import DocumentCounts
from semsig.search.postings import PostingsScan
from semsig.search.scans import Distances, Scan
from semsig.types import SbsBatch
from semsig.types.metrics import Metric, metric_named

_FEWEST_ROWS = 2**13
_MOST_ROWS_OF_BITMAPS = 2**18
_MOST_CELLS_OF_SUMS = 2**18
_MANY_QUERIES = 8
_MANY_NEIGHBOURS = 50
_ROWS_A_NEIGHBOUR = 100


class AutoScan:
    """Exact search by sums for the few nearest, over bitmaps for many, over postings in few rows.

    Among more than 262,144 rows it is by sums alone: they take a third of the memory of bitmaps.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. What a scan needs is built when it is first used.
    counts : DocumentCounts, optional
        What idf weighs by; see :class:`semsig.search.exact.ExactScan`.
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
        return self._scan(len(queries), k, metric).search(
            queries, k, metric=metric, allowed=allowed
        )

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`; see :meth:`ExactScan.search_radius`."""
        scan = self._scan(1, 1, metric)
        return scan.search_radius(queries, radius, metric=metric, allowed=allowed)

    def _scan(self, n_queries: int, k: int, metric: Metric) -> Scan:
        n_rows, weighed = len(self._batch), not metric_named(metric).bitmaps
        wide = self._batch.schema.n_cells > _MOST_CELLS_OF_SUMS
        if n_rows < _FEWEST_ROWS or (wide and weighed):
            return self._postings
        fewest = _MANY_NEIGHBOURS if n_queries >= _MANY_QUERIES else n_rows // _ROWS_A_NEIGHBOUR
        many = k > fewest and n_rows <= _MOST_ROWS_OF_BITMAPS
        return self._bitmaps if wide or (many and not weighed) else self._bounded

    @cached_property
    def _postings(self) -> PostingsScan:
        return PostingsScan(self._batch, self._counts)

    @cached_property
    def _bitmaps(self) -> BitmapsScan:
        return BitmapsScan(self._batch, self._counts)

    @cached_property
    def _bounded(self) -> BoundedScan:
        return BoundedScan(self._batch, self._counts)
