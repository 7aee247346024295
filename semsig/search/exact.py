"""Base class of the exact scans: check the arguments, and rank all distances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.postings import Queries

from semsig.search.checks import check_k, check_metric
from semsig.search.counts import DocumentCounts
from semsig.search.heaps import Heaps, sort_heaps, weigh
from semsig.search.scans import Distances
from semsig.search.scoring import (
    Scheme,
    Totals,
    check_allowed,
    distance_dtype,
    from_differences,
    rank,
    row_totals,
    scheme_of,
    within,
)
from semsig.types import SbsBatch
from semsig.types.metrics import METRICS, Metric, Weights

Made = TypeVar("Made")


class ExactScan(ABC):
    """Exact search over the rows of a batch; :mod:`semsig.search.scoring` defines the distances.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search; row i is the i-th. It is kept, not copied.
    counts : DocumentCounts, optional
        Document counts for idf weights, if not those of the batch itself.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        self._batch = batch
        self._counts = counts
        self._made: dict[tuple[str, str], object] = {}

    def __len__(self) -> int:
        return len(self._batch)

    def search(
        self,
        queries: SbsBatch,
        k: int,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the k nearest rows to each query.

        Parameters
        ----------
        queries : SbsBatch
            Q signatures of the same schema.
        k : int
            At least 1; may exceed the number of rows, within reason: see
            :data:`semsig.search.checks.MAX_PADDED`.
        metric : str
            The distance, a name of :data:`semsig.types.metrics.METRICS`.
        allowed : ndarray of bool, shape (N,), optional
            Rows that may be found; all by default.

        Returns
        -------
        distances : ndarray of int32 (hamming) or float32, shape (Q, k)
            Ascending, padded with -1.
        rows : ndarray of int64, shape (Q, k)
            Rows at equal distances are in ascending order; padded with -1.

        Raises
        ------
        SchemaMismatchError
            If the queries were made with another schema.
        OptionError
            If `k`, `metric` or `allowed` is not as stated.
        """
        self._check(queries, metric, allowed)
        return self._nearest(queries, check_k(k, len(self)), metric, allowed)

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`; otherwise as :meth:`search`.

        Returns
        -------
        list of (distances, rows)
            One pair per query, ascending by distance, then row.
        """
        self._check(queries, metric, allowed)
        return [within(d, radius, allowed) for d in self._distances(queries, metric)]

    def _check(self, queries: SbsBatch, metric: Metric, allowed: NDArray[np.bool_] | None) -> None:
        self._batch.schema.require(queries.schema)
        check_metric(metric)
        check_allowed(allowed, len(self))

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        distances: Distances = np.empty((len(queries), k), distance_dtype(metric))
        rows = np.empty((len(queries), k), np.int64)
        for q, all_distances in enumerate(self._distances(queries, metric)):
            distances[q], rows[q] = rank(all_distances, k, allowed)
        return distances, rows

    @abstractmethod
    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        """Yield the distances of each query to all rows, shape (N,)."""

    def _asked(self, queries: SbsBatch, metric: Metric) -> Queries:
        """Return queries with totals for which the kernels rank in the order of the metric.

        The kernels know two forms, differences and ratios. 1 - I / W_A has the same order as
        2 W_A - 2 I, which is the difference form for a query of twice the weight and rows of
        weight 0.
        """
        weighed = weigh(queries, self._scheme(metric))
        lack = METRICS[metric].form == "lack"
        return weighed._replace(totals=2 * weighed.totals) if lack else weighed

    def _ranking_totals(self, metric: Metric) -> Totals:
        """Return the rows' totals that go with :meth:`_asked`."""
        totals = self._totals(metric)
        return np.zeros_like(totals) if METRICS[metric].form == "lack" else totals

    def _answer(
        self, heaps: Heaps, k: int, asked: Queries, metric: Metric
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Return distances and rows, (Q, k), from the heaps that the kernels filled."""
        if METRICS[metric].form != "lack":
            return sort_heaps(heaps, k, distance_dtype(metric))
        distances, rows = sort_heaps(heaps, k, np.dtype(np.int32))
        return from_differences(distances, rows, asked.totals // 2), rows

    def _scheme(self, metric: Metric) -> Scheme:
        weights = METRICS[metric].weights
        return self._once("scheme", weights, lambda: scheme_of(self._batch, metric, self._counts))

    def _totals(self, metric: Metric) -> Totals:
        scheme = self._scheme(metric)
        return self._once(
            "totals", METRICS[metric].weights, lambda: row_totals(self._batch, scheme)
        )

    def _once(self, what: str, of: Metric | Weights, make: Callable[[], Made]) -> Made:
        """Return a cached value, made on first use.

        There is no lock: two threads may both make it, with equal results.
        """
        if (what, of) not in self._made:
            self._made[what, of] = make()
        return self._made[what, of]  # type: ignore[return-value]
