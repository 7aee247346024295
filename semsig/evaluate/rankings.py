"""Rankings of a database of photos: by distances of signatures, perhaps ranked anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semsig.search import HammingIndex
from semsig.search.options import Reranking
from semsig.signatures import sbs
from semsig.types import LabelMap, Metric, SbsBatch, SbsSignature

if TYPE_CHECKING:
    from semsig.search.rerank import Neighborhoods

Distances = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Numbers of Q photos to their distances (Q, N) to each photo of a database."""

QUERIES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingOptions:
    """What signatures are compared, and how.

    Parameters
    ----------
    levels : int
        Level n of the signatures, 0..8.
    metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}
        The distance.
    pyramid : bool
        Sum the distances at all levels from 0 to `levels`, where else only that at `levels`
        counts.
    mirrored : bool
        Compare the mirror image of a query, too; the nearer counts.
    rerank : RerankOptions or ExpandOptions, optional
        How to rank anew by the neighbours of each, if at all.
    """

    levels: int = 3
    metric: Metric = "hamming"
    pyramid: bool = False
    mirrored: bool = False
    rerank: Reranking | None = None

    def signatures(self, label_map: LabelMap) -> Views:
        """Return what a photo is compared by, from its label map."""
        levels = range(self.levels + 1) if self.pyramid else (self.levels,)
        maps = (label_map, label_map.flipped()) if self.mirrored else (label_map,)
        return tuple(tuple(sbs(each, level) for level in levels) for each in maps)


Views = tuple[tuple[SbsSignature, ...], ...]
"""A photo's signatures: for it and perhaps its mirror image, one a level."""


class SignatureDistances:
    """Distances of photos to a database by SBS signatures.

    Parameters
    ----------
    database : sequence of Views
        N photos.
    metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}
        The distance at one level; several are summed.
    """

    def __init__(self, database: Sequence[Views], metric: Metric) -> None:
        self._metric = metric
        self._indexes = []
        for signatures in zip(*(views[0] for views in database), strict=True):
            index = HammingIndex(signatures[0].schema)
            index.add(SbsBatch.of(signatures))
            self._indexes.append(index)

    def __call__(self, queries: Sequence[Views]) -> NDArray[np.float32]:
        """Return the distances of Q photos, shape (Q, N); the least of a photo's views."""
        total = 0
        for level, index in enumerate(self._indexes):
            views = zip(*queries, strict=True)
            asked = (SbsBatch.of([each[level] for each in view]) for view in views)
            found = [all_distances(index, batch, metric=self._metric) for batch in asked]
            total = total + np.min(found, axis=0)
        return np.asarray(total, np.float32)


def all_distances(index: Any, queries: Any, **how: Any) -> NDArray[np.float32]:
    """Return the distances of queries to all N signatures of an index with ids 0..N-1, (Q, N)."""
    distances, ids = index.search(queries, len(index), **how)
    by_photo = np.empty(distances.shape, np.float32)
    np.put_along_axis(by_photo, ids, distances.astype(np.float32), axis=1)
    return by_photo


def rank(
    distances: Distances,
    queries: NDArray[np.int64],
    database: NDArray[np.int64],
    rerank: Reranking | None = None,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rank a database for queries, some at a time.

    A query that is in the database comes first: other photos may be at distance 0, too.

    Parameters
    ----------
    distances : Distances
        How far photos are from those of the database.
    queries, database : ndarray of int64, shape (Q,) and (N,)
        Numbers of photos.
    rerank : RerankOptions or ExpandOptions, optional
        How to rank anew by the neighbours of each, if at all.

    Yields
    ------
    asked : ndarray of int64, shape (q,)
        Some of the queries.
    order : ndarray of int64, shape (q, N)
        Positions in `database`, the nearest first.
    """
    neighbors = None if rerank is None else _neighbors(distances, database, rerank)
    for asked in some_of(queries):
        found = _sorted(distances(asked), asked, database)
        yield asked, (found if neighbors is None else neighbors.rank(*found))[1]


def _neighbors(
    distances: Distances, database: NDArray[np.int64], options: Reranking
) -> Neighborhoods:
    """Find the neighbours of a database's photos among each other."""
    from semsig.search.rerank import neighborhoods

    lists = [_sorted(distances(some), some, database) for some in some_of(database)]
    near = np.concatenate([part[0][:, : options.depth] for part in lists])
    rows = np.concatenate([part[1][:, : options.depth] for part in lists])
    return neighborhoods(near, rows, options)


def some_of(numbers: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers, some at a time."""
    for start in range(0, len(numbers), QUERIES_AT_ONCE):
        yield numbers[start : start + QUERIES_AT_ONCE]


def _sorted(
    distances: NDArray[np.float32], asked: NDArray[np.int64], database: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return distances and positions (q, N), ascending, a query itself first."""
    first = np.where(asked[:, None] == database, -1, distances)
    order = np.argsort(first, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), order
