"""Search with re-ranking: the results of an index, re-ranked by its k-NN graph."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.search.augmentation import AugmentedRows
from semsig.search.checks import check_k
from semsig.search.diffusion import DiffusedGraph
from semsig.search.expansion import ExpandedQueries
from semsig.search.options import (
    AugmentOptions,
    DiffuseOptions,
    ExpandOptions,
    Reranking,
    RerankOptions,
)
from semsig.search.reciprocal import ReciprocalNeighbors
from semsig.storage.checks import Ids

Neighborhoods = ReciprocalNeighbors | ExpandedQueries | AugmentedRows | DiffusedGraph
"""A re-ranker from the k-NN graph; see :func:`neighborhoods`."""


class Searchable(Protocol):
    """An index whose results can be re-ranked."""

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies the content: equal as long as nothing has changed."""
        ...

    def __len__(self) -> int: ...

    def to_batch(self) -> tuple[NDArray[np.int64], Any]:
        """Return ids and signatures."""
        ...

    @property
    def search(self) -> Callable[..., tuple[NDArray[Any], NDArray[np.int64]]]:
        """Takes queries, k and ``filter_ids``; returns distances and ids, padded with -1."""
        ...


class Reranker:
    """Searches an index and re-ranks the results by its k-NN graph.

    The graph, the nearest neighbours of all indexed photos, is computed by the first search, and
    again after the index has changed. That takes N searches, made as one batch.

    Parameters
    ----------
    index : HammingIndex, L2Index or similar
        The index.
    options : Reranking, optional
        Method and parameters: reciprocal neighbours by default, query expansion, database
        augmentation or diffusion.
    **how
        Further arguments of ``index.search``, such as ``metric="tanimoto-idf"``.
    """

    def __init__(self, index: Searchable, options: Reranking | None = None, **how: Any) -> None:
        self._index = index
        self._options = options or RerankOptions()
        self._how = how
        self._content: tuple[object, ...] = ()
        self._known: tuple[NDArray[np.int64], Neighborhoods] | None = None
        self._lock = Lock()

    def search(
        self, queries: Any, k: int, *, filter_ids: Ids | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the nearest signatures of each query, re-rank them and return the best `k`.

        The ``max(k, depth)`` nearest are re-ranked.

        Parameters
        ----------
        queries
            Queries as for ``index.search``.
        k : int
            At least 1.
        filter_ids : array_like of int, optional
            Search among these ids only.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            As :class:`ReciprocalNeighbors`, :class:`ExpandedQueries`, :class:`AugmentedRows` or
            :class:`DiffusedGraph` defines them, ascending.
        ids : ndarray of int64, shape (Q, k)
            Both are -1 where there are fewer than k signatures.

        Raises
        ------
        SemsigError
            As ``index.search`` does.
        """
        k = check_k(k, len(self._index))
        known, neighbors = self._neighbors()
        wanted = min(max(k, self._options.depth), max(1, len(self._index)))
        distances, ids = self._index.search(queries, wanted, filter_ids=filter_ids, **self._how)
        found, rows = neighbors.rank(distances.astype(np.float32), _rows_of(ids, known))
        return _resized(found, k), _resized(np.append(known, -1)[rows], k)

    def _neighbors(self) -> tuple[NDArray[np.int64], Neighborhoods]:
        """Return the ids and the re-ranker, made again if the index has changed."""
        with self._lock:
            content = self._index.content
            if self._known is None or self._content != content:
                self._known, self._content = self._find_neighbors(), content
            return self._known

    def _find_neighbors(self) -> tuple[NDArray[np.int64], Neighborhoods]:
        known, batch = self._index.to_batch()
        depth = min(self._options.depth, max(1, len(known)))
        distances, ids = self._index.search(batch, depth, **self._how)
        rows = _rows_of(ids, known)
        return known, neighborhoods(distances.astype(np.float32), rows, self._options)


def neighborhoods(
    distances: NDArray[np.float32], rows: NDArray[np.int64], options: Reranking
) -> Neighborhoods:
    """Return a re-ranker from the k-NN graph: the m nearest rows of each row, shape (N, m)."""
    if isinstance(options, ExpandOptions):
        return ExpandedQueries(distances, rows, options)
    if isinstance(options, AugmentOptions):
        return AugmentedRows(distances, rows, options)
    if isinstance(options, DiffuseOptions):
        return DiffusedGraph(distances, rows, options)
    return ReciprocalNeighbors(distances, rows, options)


def _rows_of(ids: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each id in `known`, -1 for ids that are not in it."""
    order = np.argsort(known)
    place = np.searchsorted(known, ids, sorter=order)
    rows: NDArray[np.int64] = np.append(order, -1)[place]
    return np.where(np.append(known, -1)[rows] == ids, rows, -1)


def _resized(found: NDArray[Any], k: int) -> NDArray[Any]:
    """Cut to `k` columns, or pad to `k` columns with -1."""
    missing = max(0, k - found.shape[1])
    return np.pad(found, ((0, 0), (0, missing)), constant_values=-1)[:, :k]
