"""What every exact scan does: check the arguments, and rank all distances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.index.checks import check_k
from semsig.index.scans import Distances
from semsig.index.scoring import (
    FlatWeights,
    IdfWeights,
    Totals,
    check_allowed,
    distance_dtype,
    is_tanimoto,
    rank,
    row_totals,
    within,
)
from semsig.types import Metric, SbsBatch


class ExactScan(ABC):
    """Exact search over the rows of a batch; :mod:`semsig.index.scoring` defines the distances.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search, row i being the i-th. Kept, not copied.
    """

    def __init__(self, batch: SbsBatch) -> None:
        self._batch = batch

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
            :data:`semsig.index.checks.MAX_PADDED`.
        metric : {"hamming", "tanimoto", "tanimoto-idf"}
            The distance.
        allowed : ndarray of bool, shape (N,), optional
            Rows that are False are never found.

        Returns
        -------
        distances : ndarray of int32 (hamming) or float32, shape (Q, k)
            Ascending, padded with -1.
        rows : ndarray of int64, shape (Q, k)
            Equal distances come by ascending row; padded with -1.

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
        """Find every row at a distance of at most `radius`; else as :meth:`search`.

        Returns
        -------
        list of (distances, rows)
            One pair a query, ascending by distance, then row.
        """
        self._check(queries, metric, allowed)
        return [within(d, radius, allowed) for d in self._distances(queries, metric)]

    def _check(self, queries: SbsBatch, metric: Metric, allowed: NDArray[np.bool_] | None) -> None:
        self._batch.schema.require(queries.schema)
        is_tanimoto(metric)
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

    def _scheme(self, metric: Metric) -> FlatWeights | IdfWeights:
        return self._idf if metric == "tanimoto-idf" else FlatWeights()

    def _totals(self, metric: Metric) -> Totals:
        return self._idf_totals if metric == "tanimoto-idf" else self._flat_totals

    @cached_property
    def _idf(self) -> IdfWeights:
        return IdfWeights(self._batch)

    @cached_property
    def _idf_totals(self) -> Totals:
        return row_totals(self._batch, self._idf)

    @cached_property
    def _flat_totals(self) -> Totals:
        return row_totals(self._batch, FlatWeights())
