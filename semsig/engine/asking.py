"""Searches that conditions restrict or rank, and searches for several signatures at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.errors import QueryError
from semsig.index import HammingIndex
from semsig.index.checks import Ids, check_k
from semsig.query import Conditions
from semsig.types import SbsSignature

Found = list[tuple[float, int]]
"""Distances and ids, the nearest first, ties in order of insertion."""


class Search(Protocol):
    """An index's search with all its options but these set."""

    def __call__(
        self, queries: Sequence[SbsSignature], k: int, *, within: Ids | None
    ) -> tuple[NDArray[np.int32] | NDArray[np.float32], NDArray[np.int64]]:
        """Return distances and ids, shape (Q, k), padded with -1."""
        ...


def best(index: HammingIndex, conditions: Conditions, k: int) -> Found:
    """Return the `k` signatures that meet the conditions best; their distance is 1 - score.

    Raises
    ------
    QueryError
        If there are no conditions.
    """
    k = check_k(k)
    if not len(conditions):
        raise QueryError("Name something to search for: a photo, a layout, or conditions.")
    ids, batch = index.to_batch()
    met, score = conditions.evaluate(batch)
    rows = np.flatnonzero(met)
    order = rows[np.argsort(-score[rows], kind="stable")[:k]]
    return [(1 - float(score[row]), int(ids[row])) for row in order]


def nearest(
    index: HammingIndex,
    asked: Sequence[SbsSignature],
    k: int,
    *,
    search: Search,
    conditions: Conditions,
) -> Found:
    """Return the `k` signatures that are nearest to any of those asked for and meet conditions."""
    within = None
    if len(conditions):
        ids, batch = index.to_batch()
        within = ids[conditions.evaluate(batch)[0]]
        if not len(within):
            return []
    distances, found = search(asked, k, within=within)
    if len(asked) == 1:
        pairs = zip(distances[0].tolist(), found[0].tolist(), strict=True)
        return [(float(distance), id_) for distance, id_ in pairs if id_ >= 0]
    return merge_nearest(distances, found, index.ids)[:k]


def merge_nearest(
    distances: NDArray[np.int32] | NDArray[np.float32],
    ids: NDArray[np.int64],
    order: NDArray[np.int64],
) -> Found:
    """Merge the answers to several queries; an id has its least distance.

    The first k are exact where every query's k nearest came: what is among the k nearest to
    any is preceded by fewer than k in the answer to the query that it is nearest to.

    Parameters
    ----------
    distances, ids : ndarray, shape (Q, k)
        As :meth:`HammingIndex.search` returns them.
    order : ndarray of int64, shape (N,)
        All ids in order of insertion, which sets ties.
    """
    least: dict[int, float] = {}
    for distance, id_ in zip(distances.ravel().tolist(), ids.ravel().tolist(), strict=True):
        if id_ >= 0:
            least[id_] = min(float(distance), least.get(id_, float("inf")))
    inserted: list[int] = order[np.isin(order, list(least))].tolist()
    return [(least[id_], id_) for id_ in sorted(inserted, key=least.__getitem__)]
