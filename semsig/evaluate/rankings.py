"""Rankings of a database of photos: by distances of signatures, optionally re-ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semsig.search.options import Reranking

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
    metric : str, optional
        The distance; a signature's default if left out.
    pyramid : bool
        Sum the distances at all levels from 0 to `levels`, instead of only that at `levels`.
    mirrored : bool
        Compare the mirror image of a query, too; the nearer counts.
    rerank : Reranking, optional
        How to re-rank by the neighbours of each, if at all.
    """

    levels: int = 3
    metric: str | None = None
    pyramid: bool = False
    mirrored: bool = False
    rerank: Reranking | None = None


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
    """Rank a database for queries, in batches.

    A query that is in the database comes first: other photos may be at distance 0, too.

    Parameters
    ----------
    distances : Distances
        How far photos are from those of the database.
    queries, database : ndarray of int64, shape (Q,) and (N,)
        Numbers of photos.
    rerank : Reranking, optional
        How to re-rank by the neighbours of each, if at all.

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
    """Yield the numbers in batches."""
    for start in range(0, len(numbers), QUERIES_AT_ONCE):
        yield numbers[start : start + QUERIES_AT_ONCE]


def _sorted(
    distances: NDArray[np.float32], asked: NDArray[np.int64], database: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return distances and positions (q, N), ascending, a query itself first."""
    first = np.where(asked[:, None] == database, -1, distances)
    order = np.argsort(first, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), order
