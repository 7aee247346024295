"""Searches restricted or ranked by conditions, and searches for several signatures at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.engine.fusion import FusedIndex
from semsig.engine.side import SideIndex
from semsig.errors import QueryError
from semsig.query import Conditions
from semsig.search import HammingIndex
from semsig.search.checks import check_k
from semsig.search.fusion import FUSED, FusionOptions
from semsig.search.options import (
    AugmentOptions,
    DiffuseOptions,
    ExpandOptions,
    Reranking,
    RerankOptions,
)
from semsig.signatures import load_signature
from semsig.storage.checks import Ids
from semsig.types.metrics import refuse_metric

if TYPE_CHECKING:
    from semsig.search import Reranker

Found = list[tuple[float, int]]
"""Distances and ids, the nearest first, ties in order of insertion."""


class Search(Protocol):
    """An index's search with its other options bound."""

    def __call__(
        self, queries: Sequence[Any], k: int, *, filter_ids: Ids | None
    ) -> tuple[NDArray[np.int32] | NDArray[np.float32], NDArray[np.int64]]:
        """Return distances and ids, shape (Q, k), padded with -1."""
        ...


class Searcher:
    """The ways to search an index of photos; each is prepared on first use.

    Parameters
    ----------
    side : callable
        Returns the index of a signature by its name; raises QueryError if there is none.
    names : callable
        Returns the names of the signatures that there are.
    """

    def __init__(
        self, side: Callable[[str], SideIndex], names: Callable[[], Collection[str]]
    ) -> None:
        self._side = side
        self._names = names
        self._rerankers: dict[tuple[object, ...], Reranker] = {}
        self._lock = Lock()

    def sides(self, signature: str | FusionOptions) -> dict[str, SideIndex]:
        """Return the indexes that a search by `signature` looks into, by name.

        Raises
        ------
        OptionError
            If there is no such signature.
        QueryError
            If the index holds none, or not two that are to be fused.
        """
        fusion = fusion_of(signature)
        if fusion is None:
            return {str(signature): self._side(str(signature))}
        names = [name for name in fusion.shares if name in self._names()]
        if len(names) < 2:
            names = list(fusion.shares)
        return {name: self._side(name) for name in names}

    def by(
        self, signature: str | FusionOptions, metric: str | None, rerank: Reranking | None
    ) -> Search:
        """Return the search by `signature`, optionally re-ranked.

        Raises
        ------
        OptionError
            If there is no such signature, those to be fused have no bound, or the metric is none
            of the signature's.
        QueryError
            If the index holds no such signatures.
        """
        fusion = fusion_of(signature)
        metrics = load_signature(str(signature)).metrics if fusion is None else ()
        refuse_metric(FUSED if fusion else str(signature), metrics, metric)
        sides = self.sides(signature)
        if fusion is not None:
            index: Any = FusedIndex(sides, fusion)
            how: dict[str, Any] = {}
        else:
            (index,) = sides.values()
            how = index.kind.search_options(metric or metrics[0])
        if rerank is None:
            return partial(index.search, **how)
        return self._reranker(index, how, rerank, key=(*sides, metric, rerank, _shares(fusion)))

    def _reranker(
        self, index: Any, how: dict[str, Any], rerank: Reranking, key: tuple[object, ...]
    ) -> Search:
        from semsig.search import Reranker

        with self._lock:
            if key not in self._rerankers:
                self._rerankers[key] = Reranker(index, rerank, **how)
            return self._rerankers[key].search


def _shares(fusion: FusionOptions | None) -> tuple[tuple[str, float], ...]:
    return () if fusion is None else tuple(fusion.shares.items())


def fusion_of(signature: str | FusionOptions) -> FusionOptions | None:
    """Return how several signatures are fused; None for the name of one."""
    if isinstance(signature, FusionOptions):
        return signature
    return FusionOptions() if signature == FUSED else None


_ANEW = {
    RerankOptions: "re-ranked",
    ExpandOptions: "expanded",
    AugmentOptions: "augmented",
    DiffuseOptions: "diffused",
}


def measured_by(
    signature: str | FusionOptions, metric: str | None, rerank: Reranking | None
) -> str:
    """Return the name of the distance that such a search ranks by, as a hit carries it."""
    if rerank is not None:
        return _ANEW[type(rerank)]
    if fusion_of(signature) is not None:
        return FUSED
    return metric or load_signature(str(signature)).metrics[0]


def best(
    index: HammingIndex,
    conditions: Conditions,
    k: int,
    among: NDArray[np.int64] | None = None,
    *,
    nearly: bool = False,
) -> Found:
    """Return the `k` signatures that meet the conditions best; their distance is 1 - score.

    Only those of the ids `among` count, where that is given. With `nearly`, and if fewer than k
    meet all conditions or a number is asked for, all are ranked by :meth:`Conditions.nearness`.

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
    counts = np.ones(len(ids), np.bool_) if among is None else np.isin(ids, among)
    met &= counts
    if nearly and (met.sum() < k or any(term.count for term in conditions.terms)):
        met, score = counts, conditions.nearness(batch)
    rows = np.flatnonzero(met)
    order = rows[np.argsort(-score[rows], kind="stable")[:k]]
    return [(1 - float(score[row]), int(ids[row])) for row in order]


def nearest(
    index: HammingIndex,
    asked: Sequence[Any],
    k: int,
    *,
    search: Search,
    conditions: Conditions,
    among: NDArray[np.int64] | None = None,
) -> Found:
    """Return the `k` signatures that are nearest to any of those asked for and meet conditions.

    Only those of the ids `among` count, where that is given.
    """
    filter_ids = among
    if len(conditions):
        ids, batch = index.to_batch()
        met = ids[conditions.evaluate(batch)[0]]
        filter_ids = met if among is None else met[np.isin(met, among)]
    if filter_ids is not None and not len(filter_ids):
        return []
    distances, found = search(asked, k, filter_ids=filter_ids)
    if len(asked) == 1:
        pairs = zip(distances[0].tolist(), found[0].tolist(), strict=True)
        return [(float(distance), id_) for distance, id_ in pairs if id_ >= 0]
    return merge_nearest(distances, found, index.ids)[:k]


def merge_nearest(
    distances: NDArray[np.int32] | NDArray[np.float32],
    ids: NDArray[np.int64],
    order: NDArray[np.int64],
) -> Found:
    """Merge the answers to several queries; an id gets its least distance.

    The first k are exact if every query's k nearest are given: fewer than k ids precede one of the
    merged k nearest, so it is among the k nearest of the query that it is nearest to.

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
