"""The fastest exact scan for each search."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semsig.search.counts import DocumentCounts
from semsig.search.few import FewScan
from semsig.search.scans import Distances, Scan
from semsig.types import SbsBatch
from semsig.types.metrics import Metric, metric_named

if TYPE_CHECKING:
    from semsig.search.bitmaps import BitmapsScan
    from semsig.search.bounded import BoundedScan
    from semsig.search.postings import PostingsScan

_MOST_COMPARED = 2**13
"""Rows times queries: NumPy takes about 10 ms for these, loading the kernels about 0.5 s."""
_FEWEST_ROWS = 2**13
"""With fewer rows, posting lists are fastest."""
_MOST_ROWS_OF_BITMAPS = 2**18
"""With more rows, bitmaps take too much memory."""
_MOST_CELLS_OF_SUMS = 2**18
"""Schemas with more cells are not searched by group sums."""
_MANY_QUERIES = 8
"""From this number of queries on, _MANY_NEIGHBOURS applies, else _ROWS_A_NEIGHBOUR."""
_MANY_NEIGHBOURS = 50
"""For larger k, bitmaps are faster in a batch of queries."""
_ROWS_A_NEIGHBOUR = 100
"""For k above N divided by this, bitmaps are faster for few queries."""


class AutoScan:
    """Exact search that selects a scan: bounded for small k, bitmaps for large k, else postings.

    Posting lists serve indexes of few rows. The first search of a new process among few rows is
    answered by NumPy, so that it does not wait for the kernels to load. Among more than 262,144
    rows bitmaps are not used, as group sums take a third of their memory.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. A scan's data structures are built on first use.
    counts : DocumentCounts, optional
        Document counts for idf weights; see :class:`semsig.search.exact.ExactScan`.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        self._batch = batch
        self._counts = counts
        self._answered = False

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
        scan = self._scan(len(queries), 1, metric)
        return scan.search_radius(queries, radius, metric=metric, allowed=allowed)

    def _scan(self, n_queries: int, k: int, metric: Metric) -> Scan:
        n_rows, weighed = len(self._batch), not metric_named(metric).bitmaps
        if self._is_first(n_rows * n_queries):
            return FewScan(self._batch, self._counts)
        wide = self._batch.schema.n_cells > _MOST_CELLS_OF_SUMS
        if n_rows < _FEWEST_ROWS or (wide and weighed):
            return self._postings
        fewest = _MANY_NEIGHBOURS if n_queries >= _MANY_QUERIES else n_rows // _ROWS_A_NEIGHBOUR
        many = k > fewest and n_rows <= _MOST_ROWS_OF_BITMAPS
        return self._bitmaps if wide or (many and not weighed) else self._bounded

    def _is_first(self, compared: int) -> bool:
        """Whether this is this scan's first search, a small one, and Numba is not loaded yet."""
        first, self._answered = not self._answered, True
        return first and compared <= _MOST_COMPARED and "numba" not in sys.modules

    @cached_property
    def _postings(self) -> PostingsScan:
        from semsig.search.postings import PostingsScan

        return PostingsScan(self._batch, self._counts)

    @cached_property
    def _bitmaps(self) -> BitmapsScan:
        from semsig.search.bitmaps import BitmapsScan

        return BitmapsScan(self._batch, self._counts)

    @cached_property
    def _bounded(self) -> BoundedScan:
        from semsig.search.bounded import BoundedScan

        return BoundedScan(self._batch, self._counts)
