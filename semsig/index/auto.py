"""The fastest exact scan for each search."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.index.bounded import BoundedScan
from semsig.index.postings import PostingsScan
from semsig.index.scans import Distances, Scan
from semsig.types import Metric, SbsBatch

_FEWEST_ROWS = 2**14
_ROWS_A_NEIGHBOUR = 500


class AutoScan:
    """Exact search by sums where they rule most rows out, else over postings.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search. What a scan needs is built when it is first used.
    """

    def __init__(self, batch: SbsBatch) -> None:
        self._batch = batch

    def search(
        self,
        queries: SbsBatch,
        k: int,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the k nearest rows to each query; see :meth:`ExactScan.search`."""
        return self._scan(k).search(queries, k, metric=metric, allowed=allowed)

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`; see :meth:`ExactScan.search_radius`."""
        return self._scan(1).search_radius(queries, radius, metric=metric, allowed=allowed)

    def _scan(self, k: int) -> Scan:
        n_rows = len(self._batch)
        few = n_rows < _FEWEST_ROWS or k > n_rows // _ROWS_A_NEIGHBOUR
        wide = self._batch.schema.cell_dtype != np.uint16
        return self._postings if few or wide else self._bounded

    @cached_property
    def _postings(self) -> PostingsScan:
        return PostingsScan(self._batch)

    @cached_property
    def _bounded(self) -> BoundedScan:
        return BoundedScan(self._batch)
